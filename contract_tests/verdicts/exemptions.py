"""Reads files of exceptions: a TOML array of tables, each with a reason and an expiry date.

Waivers of the gate and accepted differences of the comparison are such files.
"""

from __future__ import annotations

import contextlib
import datetime
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..nearest import choice
from ..problems import Problem

MOST_BYTES = 256 * 1024
MOST_LINE = 4000
REASON, EXPIRES = "reason", "expires"


def entries(
    path: Path,
    table: str,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
    *,
    today: datetime.date,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each entry of a file, after its place in the file, which is for messages.

    An entry has the required keys, ``reason`` (a text) and ``expires`` (a date, the last day on
    which it is valid), and any of the optional keys.

    Raises ``Problem`` for a file that cannot be read or is not TOML, for unknown or missing
    keys, a blank reason, a value that is not a date, and a date that is past.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        # tomllib takes memory with the square of the parts of a dotted key.
        if len(content) > MOST_BYTES or max(map(len, content.splitlines()), default=0) > MOST_LINE:
            what = (
                f"{path} is larger than {MOST_BYTES // 1024} KiB, or a line than {MOST_LINE} bytes"
            )
            raise Problem(what, "keep fewer entries, and shorter lines")
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}", "name a file that exists") from error
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path} is not TOML: {error}", "correct the file") from error
    listed = document.pop(table, [])
    if document or not isinstance(listed, list):
        unknown = ", ".join(document)[:200] or table
        raise Problem(f"{path} has {unknown}", f"keep tables [[{table}]] only")
    for number, entry in enumerate(listed, start=1):
        at = f"{path}, {table} {number}"
        yield at, _checked(at, entry, (*required, REASON, EXPIRES), optional, today)


def _checked(
    at: str,
    entry: Any,
    required: tuple[str, ...],
    optional: tuple[str, ...],
    today: datetime.date,
) -> dict[str, Any]:
    known = (*required, *optional)
    if not isinstance(entry, dict):
        raise Problem(f"{at} is not a table", f"give it {', '.join(required)}")
    for key in entry:
        if key not in known:
            raise Problem(f"{at}: unknown key {key[:200]!r}", choice(key, known))
    if missing := [key for key in required if key not in entry]:
        raise Problem(f"{at}: {', '.join(missing)} is missing", "add it")
    for key in (*required[:-1], *optional):
        value = entry.get(key, "-")
        if isinstance(value, str) and not value.strip():
            raise Problem(f"{at}: {key} is blank", "fill it in")
    if not isinstance(entry[REASON], str):
        raise Problem(f"{at}: {REASON} is not a text", "put it in quotes")
    last = _date(entry[EXPIRES])
    if last is None:
        raise Problem(f"{at}: {EXPIRES} is not a date", f"{EXPIRES} = {today}")
    if last < today:
        raise Problem(
            f"{at} ({entry[REASON].strip()}) expired on {last}",
            "resolve what it excuses, or give it a new date",
        )
    return {**entry, REASON: entry[REASON].strip(), EXPIRES: last}


def _date(value: Any) -> datetime.date | None:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return datetime.date.fromisoformat(value)
    if isinstance(value, datetime.datetime):
        return value.date()
    return value if isinstance(value, datetime.date) else None
