"""The headers that the user sends with each request: how the setting HEADERS is read and written.

Standard library only: the scripts for CI use this module without the gate's packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..redaction import SECRET, is_secret_header

# The gate sets these itself.
_OWN = ("authorization", "content-length", "host")


def read(text: str) -> dict[str, str] | None:
    """Read ``Name: value``, or a JSON object of several; None for anything else."""
    try:
        fields = json.loads(text)
    except ValueError:
        name, colon, value = text.partition(":")
        fields = {name.strip(): value.strip()} if colon else None
    if isinstance(fields, dict) and fields and all(map(_is_header, fields.items())):
        return dict(fields)
    return None


def write(headers: Mapping[str, str]) -> str | None:
    """Write headers as ``read`` takes them, with a label for each secret value; None for none."""
    shown = {
        name: SECRET if is_secret_header(name, value) else value for name, value in headers.items()
    }
    if len(shown) == 1:
        return next(f"{name}: {value}" for name, value in shown.items())
    return json.dumps(shown) if shown else None


def _is_header(item: tuple[str, object]) -> bool:
    name, text = item
    if not isinstance(text, str) or name.lower() in _OWN:
        return False
    return bool(re.fullmatch(r"[A-Za-z0-9_-]+", name)) and text.isascii() and text.isprintable()
