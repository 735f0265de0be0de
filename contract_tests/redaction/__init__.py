"""Hides secrets in text that is shown or written. The tape and the wire are never changed.

Standard library only: the scripts for CI use this package without the gate's packages.
"""

from .search import SHORTEST
from .secrets import Redaction, is_secret_header
from .values import SECRET, TOKEN, Secret, Unshown, without_user

__all__ = [
    "SECRET",
    "SHORTEST",
    "TOKEN",
    "Redaction",
    "Secret",
    "Unshown",
    "is_secret_header",
    "without_user",
]
