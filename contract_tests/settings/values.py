"""Readers of a value: each takes the name of its setting and the text.

Each raises ``GateError``, which names the setting and the fix, for what is not such a value.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import usage
from ..contract.api import IMAGES, OPERATIONS
from ..gate import headers
from ..gate.target import GateError
from ..nearest import choice
from ..problems import Problem
from ..redaction import Redaction, Secret, without_user
from ..rules import RULES, TRAFFIC_RULES, Level, of_client
from ..usage import MOST_BYTES, setting
from ..verdicts import coverage, waivers

CLEANUP = ("on", "off", "only")
LEVELS = tuple(level.lower() for level in Level)
EVERY_RULE = RULES | TRAFFIC_RULES
Read = Callable[[str, str], Any]


def among(
    what: str, value: str, known: Iterable[str], listed: str = "", *, prefix: str = ""
) -> str:
    """Return a value that is known. Raises ``GateError``, which names the nearest, otherwise.

    ``prefix`` stands before each where it is shown.
    """
    known = list(known)
    if value in known:
        return value
    raise GateError(f"unknown {what}{prefix}{value}", choice(value, known, listed, prefix=prefix))


class Faults:
    """The names of all faults, which are imported where one is needed."""

    def __iter__(self) -> Iterator[str]:
        from ..reference.faults import FAULTS, UNDER_LOAD

        return iter(FAULTS | UNDER_LOAD)


def fault(_: str, value: str) -> str:
    """Read the name of a fault."""
    pages = "docs/faults.md (of load alone: docs/load.md)"
    listed = usage.see("serve", pages, "--list-faults")
    return among("fault ", value, Faults(), listed)


def address(name: str, value: str) -> str:
    """Read ``host:port``."""
    found = re.fullmatch(r"(?:[\w.*-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", value)
    if not found or not 0 < int(found[1]) < 2**16:
        raise GateError(f"{setting(name)} is not host:port: {value!r}", setting(name, "host:5557"))
    return value


def errors(name: str, value: str) -> str:
    """Read a number of requests, or a share of them."""
    if not re.fullmatch(r"[0-9]{1,9}|[0-9]{1,2}(\.[0-9]{1,6})?%", value):
        what = f"{setting(name)} is neither a number nor a share of requests: {value!r}"
        raise GateError(what, f"{setting(name, '5')}, or {setting(name, '0.1%')}")
    return value


def sample(name: str, value: str) -> float:
    """Read a share from 0 to 1."""
    share = float(number(float, 0.0, "0.1")(name, value))
    if not 0 < share <= 1:
        raise GateError(f"{setting(name)} is not a share up to 1: {value!r}", setting(name, "0.1"))
    return share


def url(name: str, value: str) -> str:
    """Read an http(s) URL; that of the target is a base URL, and has no user."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if good and name == "TARGET" and re.search("/api/v[0-9]", parts.path):
        fix = setting(name, shown(re.split("/api/v[0-9]", value)[0]))
        raise GateError(f"{setting(name)} is not a base URL", fix)
    if not good or parts.query or parts.fragment:
        raise GateError(
            f"{setting(name)} is not an http(s) URL: {shown(value)!r}",
            setting(name, "http://host"),
        )
    if name == "TARGET" and parts.username is not None:
        raise GateError(f"{setting(name)} holds a user", "put the token in CONTRACT_TOKEN")
    return value


def shown(url: str) -> str:
    """Return a URL without its user and its secrets."""
    return Redaction()(without_user(url))


def token(name: str, value: str) -> str:
    """Read a bearer token."""
    if not value.isascii() or not value.isprintable() or " " in value:
        where = "CONTRACT_TOKEN" if name == "TOKEN" else setting(name)
        raise GateError("the token is not a valid bearer token", f"correct {where}")
    return value


def token_file(name: str, value: str) -> Secret:
    """Read a token from the file of this name."""
    try:
        with Path(file(name, value)).open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        fix = "name a file that you may read"
        raise GateError(f"{setting(name)} cannot be read: {error.strerror}", fix) from error
    fix = "a file with the token alone"
    if len(content) > MOST_BYTES:
        raise GateError(f"{setting(name)} has more than {MOST_BYTES} bytes", fix)
    found = Secret(content.decode("utf-8", "replace").strip())
    if len(found.split("\n")) > 1 or not found:
        count = "several lines" if found else "nothing"
        raise GateError(f"{setting(name)} has {count} in it", fix)
    return Secret(token(name, found))


def start(name: str, value: str) -> str:
    """Read a command line."""
    from ..gate import server  # what starts one, only the gate needs

    try:
        server.words(value)
    except ValueError as error:
        why = str(error).lower()
        raise GateError(f"{setting(name)} is not a command: {why}", "close the quote") from error
    return value


def number(kind: type[int] | type[float], least: float, example: str) -> Read:
    """Return a reader of numbers from the least on."""

    def read(name: str, value: str) -> float:
        try:
            found = kind(value)
        except ValueError:
            found = kind(-1)
        if not least <= found < float("inf"):
            word = "whole number" if kind is int else "number"
            raise GateError(
                f"{setting(name)} is not a {word} from {least:g} on: {value!r}",
                setting(name, example),
            )
        return found

    return read


def _words(name: str, value: str, example: str = "T5") -> tuple[str, ...]:
    """Return the words of a list. Raises ``GateError`` for separators alone."""
    words = tuple(value.replace(",", " ").split())
    if value and not words:
        fix = f"leave it out, or {setting(name, example)}"
        raise GateError(f"{setting(name)} has nothing in it", fix)
    return words


def rules(name: str, value: str) -> tuple[str, ...]:
    """Read the ids of rules, in either case."""
    return among_rules(_words(name, value.upper()), EVERY_RULE)


def among_rules(ids: Iterable[str], known: Iterable[str] = RULES) -> tuple[str, ...]:
    """Return ids of rules that are known."""
    known = list(known)
    return tuple(_rule(one, known) for one in ids)


def _rule(one: str, known: list[str]) -> str:
    if because := of_client.excluded(one, known):
        raise GateError(*because)
    return among("rule ", one, known)


def required(name: str, value: str) -> tuple[str, ...]:
    """Read rules, operations and cells of the matrix."""
    wanted = _words(name, value)
    for one in wanted:
        if because := of_client.excluded(one.upper(), EVERY_RULE):
            raise GateError(f"{setting(name)}: {because[0]}", because[1])
        if one in EVERY_RULE or one in OPERATIONS:
            continue
        if invalid := coverage.problem(one, IMAGES):
            fix = "a rule's id, an operationId, or a cell of the matrix"
            raise GateError(f"{setting(name)}: {invalid}", fix)
    return wanted


def header_lines(name: str, value: str) -> dict[str, str]:
    """Read one header, or several as JSON."""
    try:
        return headers.read(value)
    except ValueError as error:
        one, several = "'X-Team: a'", """'{"X-Team": "a", "X-Stage": "b"}'"""
        fix = f"{setting(name, one)}, or {setting(name, several)}"
        raise GateError(f"{setting(name)} {error}", fix) from error


def hosts(name: str, value: str) -> tuple[str, ...]:
    """Read hosts to upload to."""
    from prime_image_builds._urls import read_hosts  # the client, which only the gate needs

    example = "storage.example"
    words = _words(name, value, example)
    try:
        read_hosts(words)
    except ValueError as error:
        raise GateError(f"{setting(name)}: {error}", setting(name, example)) from error
    return words


def waiver_file(name: str, value: str) -> tuple[waivers.Waiver, ...]:
    """Read waivers from the file of this name."""
    try:
        today = datetime.datetime.now(datetime.UTC).date()
        return waivers.load(Path(value), list(EVERY_RULE), today, IMAGES)
    except Problem as error:
        raise GateError(f"{setting(name)}: {error.what}", error.fix) from error


def database(name: str, value: str) -> str:
    """Read a folder, or a URL of Redis."""
    if "://" in value and not value.startswith(("redis://", "rediss://", "unix://")):
        what = f"{setting(name)} is neither a folder nor a URL of Redis"
        raise GateError(what, setting(name, "redis://host:6379/0"))
    return value


def file(name: str, value: str) -> str:
    """Read the name of a file."""
    try:
        is_file = Path(value).is_file()
    except OSError:  # of a name that is too long, for example
        is_file = False
    if not is_file:
        raise GateError(f"{setting(name)} is not a file: {value!r}", setting(name, "path"))
    return value


def dockerfile(name: str, value: str) -> str:
    """Read the text of the Dockerfile of this name."""
    try:
        return Path(file(name, value)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a Dockerfile, in UTF-8"
        raise GateError(f"{setting(name)} cannot be read: {error}", fix) from error


def flag(name: str, value: str) -> bool:
    """Read 1 or 0."""
    return among(f"{setting(name)} ", value, ["1", "0"]) == "1"


def one_of(known: Iterable[str], convert: Callable[[str], str] = str) -> Read:
    """Return a reader of the values that there are, once converted."""
    return lambda name, value: among(f"{setting(name)} ", convert(value), known)
