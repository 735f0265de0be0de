"""How much JSON is read: counted in the text, before a value is made of it.

A text of a few megabytes can hold a million values, which take a gigabyte and a minute to check.
"""

from __future__ import annotations

import re

MOST_VALUES = 100_000
"""A build with 8 fields for each artifact may list 11,000 of them."""

MOST_DEPTH = 100

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
# Some strings at a time, with what stands between them: of a large text, no copy is made.
_PART = re.compile(rf'(?:[^"]*+{_STRING.pattern}){{1,10000}}+|[^"]++', re.DOTALL)
_BRACKETS = re.compile(r"[\[{]++|[\]}]++")


def excess(text: str, values: int = MOST_VALUES, depth: int | None = MOST_DEPTH) -> str | None:
    """Return what of a JSON text is more than is read, or None. It may be invalid JSON.

    Each comma and each opening bracket counts as a value.
    """
    opened = text.count("[") + text.count("{")
    if text.count(",") + opened <= values and (depth is None or opened <= depth):
        return None
    counted = level = 0
    for part in _PART.finditer(text):
        plain = _STRING.sub("", part[0])
        counted += sum(map(plain.count, ",[{"))
        if counted > values:
            return f"it has more than {values:,} values"
        for found in () if depth is None else _BRACKETS.finditer(plain):
            level += len(found[0]) if found[0][0] in "[{" else -len(found[0])
            if depth is not None and level > depth:
                return f"it is nested more than {depth} deep"
    return None
