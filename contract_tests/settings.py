"""Every setting of the gate, read from the environment.

A setting ``X`` is the environment variable ``CONTRACT_X``, and ``make gate X=…``.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import dated, front, matrix, waivers
from .reference.faults import FAULTS
from .rules import RULES
from .target import Budget, GateError, Target

PREFIX = "CONTRACT_"


def from_environment(environment: Mapping[str, str]) -> Target:
    """Read the settings. Raises ``GateError`` for one that is unknown or has no such value."""
    given = {
        name.removeprefix(PREFIX): value.strip()
        for name, value in environment.items()
        if name.startswith(PREFIX) and value.strip()
    }
    for name in given:
        among(f"setting {PREFIX}", name, SETTINGS)
    read = {name: SETTINGS[name](value) for name, value in given.items()}
    _agree(given)
    budget = {
        key: read.pop(name)
        for name, key in (
            ("MAX_BUILDS", "builds"), ("MAX_REQUESTS", "requests"), ("RATE", "rate"),
            ("DEADLINE", "deadline"),
        )
        if name in read
    }  # fmt: skip
    if "TARGET" in read:
        read["URL"] = read.pop("TARGET")
    else:
        read.setdefault("TOKEN", secrets.token_hex(8))
    target = Target(
        **{name.lower(): value for name, value in read.items()}, budget=Budget(**budget)
    )
    if not target.rules:
        raise GateError("problem: no rule is both in RULE and in LEVEL.  fix: leave one out")
    unjudged = [one for one in target.require if one in RULES and RULES[one] not in target.rules]
    if unjudged:
        told = ", ".join(unjudged)
        raise GateError(
            f"problem: REQUIRE names {told}, which RULE or LEVEL leaves out.  fix: both"
        )
    return target


def among(what: str, value: str, known: Iterable[str]) -> str:
    """Return a value that is known. Raises ``GateError``, which names the nearest, otherwise."""
    known = list(known)
    if value in known:
        return value
    near = difflib.get_close_matches(value, known, n=3, cutoff=0.5) or known
    raise GateError(f"problem: unknown {what}{value}.  fix: use {', '.join(near)}")


def spelled(text: str) -> str:
    """Return a text that names settings, as the front end in use spells them."""
    return front.spelled(text, (name for name in SETTINGS if name != "TOKEN"))


def _agree(given: Mapping[str, str]) -> None:
    """Refuse settings that do not go together."""
    if "TARGET" not in given:
        for name in ("BUILD_ID", "PROXY", "CA_BUNDLE"):
            if name in given:
                raise GateError(f"problem: {name} needs a TARGET.  fix: TARGET=http://host")
        return
    if "TOKEN" not in given:
        raise GateError(
            "problem: no token for the target.  fix: put it in the variable CONTRACT_TOKEN"
        )
    if "FAULT" in given:
        raise GateError("problem: FAULT breaks the embedded server only.  fix: leave TARGET out")


def _url(name: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if good and name == "TARGET" and "/api/v1" in parts.path:
            fix = value.partition("/api/v1")[0]
            raise GateError(f"problem: TARGET is no base URL.  fix: TARGET={fix}")
        if not good or parts.query or parts.fragment:
            raise GateError(f"problem: {name} is {value!r}, no http URL.  fix: {name}=http://host")
        if name == "TARGET" and parts.username is not None:
            raise GateError("problem: TARGET holds a user.  fix: put the token in CONTRACT_TOKEN")
        return value

    return read


def _token(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise GateError("problem: the token is no bearer token.  fix: mend CONTRACT_TOKEN")
    return value


def _number(name: str, kind: type[int] | type[float], least: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            number = kind(value)
        except ValueError:
            number = kind(-1)
        if not least <= number < float("inf"):
            word = "whole number" if kind is int else "number"
            raise GateError(
                f"problem: {name} is {value!r}, no {word} from {least:g} on.  fix: {name}=20"
            )
        return number

    return read


def _rules(value: str) -> tuple[str, ...]:
    return tuple(among("rule ", one, RULES) for one in value.upper().replace(",", " ").split())


def _required(value: str) -> tuple[str, ...]:
    wanted = value.replace(",", " ").split()
    for one in wanted:
        if one not in RULES and (told := matrix.problem(one)):
            raise GateError(f"problem: REQUIRE: {told}.  fix: a rule's id, or a cell of the matrix")
    return tuple(wanted)


def _headers(value: str) -> dict[str, str]:
    try:
        told = json.loads(value)
    except ValueError:
        name, colon, text = value.partition(":")
        told = {name.strip(): text.strip()} if colon else None
    good = isinstance(told, dict) and told and all(map(_is_header, told.items()))
    if not good:
        raise GateError(
            "problem: HEADERS is no header, or one of the gate's own.\n"
            """    fix: HEADERS='X-Team: a', or HEADERS='{"X-Team": "a", "X-Stage": "b"}'"""
        )
    return dict(told)


def _is_header(item: tuple[str, object]) -> bool:
    name, text = item
    if not isinstance(text, str) or name.lower() in ("authorization", "content-length", "host"):
        return False
    return bool(re.fullmatch(r"[A-Za-z0-9_-]+", name)) and text.isascii() and text.isprintable()


def _waivers(value: str) -> tuple[waivers.Waiver, ...]:
    try:
        return waivers.load(Path(value), list(RULES), datetime.datetime.now(datetime.UTC).date())
    except dated.DatedError as error:
        raise GateError(f"problem: {error}") from error


def _file(name: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not Path(value).is_file():
            raise GateError(f"problem: {name} is {value!r}, no file.  fix: {name}=path")
        return value

    return read


def _dockerfile(value: str) -> str:
    return Path(_file("DOCKERFILE")(value)).read_text(encoding="utf-8")


def _flag(value: str) -> bool:
    return among("DRY_RUN ", value, ["1", "0"]) == "1"


SETTINGS: dict[str, Callable[[str], Any]] = {
    "TARGET": _url("TARGET"),
    "TOKEN": _token,
    "LEVEL": lambda value: among("LEVEL ", value.lower(), ["must", "should"]),
    "RULE": _rules,
    "FAULT": lambda value: among("fault ", value, FAULTS),
    "SEED": _number("SEED", int, 0),
    "BUILD_ID": str,
    "DOCKERFILE": _dockerfile,
    "HEADERS": _headers,
    "CA_BUNDLE": _file("CA_BUNDLE"),
    "PROXY": _url("PROXY"),
    "MAX_BUILDS": _number("MAX_BUILDS", int, 0),
    "MAX_REQUESTS": _number("MAX_REQUESTS", int, 1),
    "RATE": _number("RATE", float, 0.01),
    "DEADLINE": _number("DEADLINE", float, 1),
    "REQUIRE": _required,
    "WAIVERS": _waivers,
    "DRY_RUN": _flag,
}
"""How the value of each setting is read."""
