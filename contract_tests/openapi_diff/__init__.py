"""Compares two OpenAPI documents: what differs, where, and whom it breaks.

``load`` reads and ``read`` follows references, ``shape`` brings each way to spell a schema to one,
``schemas`` and ``operations`` compare, ``kinds`` says whom each kind of difference breaks.
"""

from .kinds import KINDS, Breaks, Difference
from .load import load, parse
from .operations import differences
from .read import Document, StrangersError

__all__ = [
    "KINDS",
    "Breaks",
    "Difference",
    "Document",
    "StrangersError",
    "differences",
    "load",
    "parse",
]
