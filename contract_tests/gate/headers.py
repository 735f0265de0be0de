"""The headers that the user sends with each request: how the setting HEADERS is read and written.

Standard library only: the scripts for CI use this module without the gate's packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..redaction import SECRET, Secret, is_secret_header

# The gate sets these itself.
_OWN = ("authorization", "content-length", "host")


def read(text: str) -> dict[str, str]:
    """Read ``Name: value``, or a JSON object of several.

    Raises ``ValueError``, which says why not, without a value: that may be secret.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        name, colon, value = text.partition(":")
        fields = {name.strip(): value.strip()} if colon else None
    if not isinstance(fields, dict) or not fields:
        raise ValueError("is neither a header nor a JSON object of headers")
    for name, value in fields.items():
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError("has a header whose name is not letters, digits, - and _")
        if name.lower() in _OWN:
            raise ValueError(f"has {name}, which the gate sets itself")
        if not isinstance(value, str):
            raise ValueError(f"has a value of {name} that is not a text")
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"has a value of {name} that is not printable ASCII")
    return {
        name: Secret(value) if is_secret_header(name, value) else value
        for name, value in fields.items()
    }


def write(headers: Mapping[str, str]) -> str | None:
    """Write headers as ``read`` takes them, with a label for each secret value; None for none."""
    shown = {
        name: SECRET if is_secret_header(name, value) else value for name, value in headers.items()
    }
    if len(shown) == 1:
        return next(f"{name}: {value}" for name, value in shown.items())
    return json.dumps(shown) if shown else None
