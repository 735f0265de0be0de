"""Compares two OpenAPI documents: what differs, where, and whom it breaks.

``load`` reads a document, ``read`` follows references, ``shape`` normalises schemas, ``schemas``
and ``operations`` compare them, ``kinds`` has whom each kind of difference breaks.
"""

from .kinds import KINDS, Breaks, Difference, Direction
from .load import load, parse
from .operations import differences
from .read import Document, NoCommonOperationError

__all__ = [
    "KINDS",
    "Breaks",
    "Difference",
    "Direction",
    "Document",
    "NoCommonOperationError",
    "differences",
    "load",
    "parse",
]
