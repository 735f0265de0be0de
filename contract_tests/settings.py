"""Every setting of the gate, read from the environment.

A setting ``X`` is the environment variable ``CONTRACT_X``, and ``make gate X=…``.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import front, headers, matrix, waivers
from .arguments import choice
from .front import setting
from .problems import Problem
from .reference.faults import FAULTS
from .report.redaction import Redaction
from .rules import RULES, Rule, chosen
from .target import Budget, GateError, Target

PREFIX = "CONTRACT_"
# Settings are read before there is a tape: what may be shown of a URL is all but its password.
hide = Redaction()


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
        **{name.lower(): value for name, value in read.items()},
        budget=Budget(**budget),
        files={name: given[name] for name in ("DOCKERFILE", "WAIVERS") if name in given},
    )
    _refuse_none(target.rules)
    unjudged = [one for one in target.require if one in RULES and RULES[one] not in target.rules]
    if unjudged:
        told = ", ".join(unjudged)
        raise GateError(
            f"{setting('REQUIRE')} names {told}, which {setting('RULE')} or "
            f"{setting('LEVEL')} leaves out",
            "name both",
        )
    return target


def rules(rule: str = "", level: str = "") -> list[Rule[Any]]:
    """Return the rules that the values of RULE and LEVEL choose; empty ones choose all.

    Raises ``GateError`` for an unknown rule or level, and where no rule is left.
    """
    found = chosen(SETTINGS["RULE"](rule), SETTINGS["LEVEL"](level.strip() or "should"))
    _refuse_none(found)
    return found


def _refuse_none(found: Sequence[Rule[Any]]) -> None:
    if not found:
        raise GateError(
            f"no rule is both in {setting('RULE')} and in {setting('LEVEL')}", "leave one out"
        )


def among(what: str, value: str, known: Iterable[str], listed: str = "") -> str:
    """Return a value that is known. Raises ``GateError``, which names the nearest, otherwise."""
    known = list(known)
    if value in known:
        return value
    raise GateError(f"unknown {what}{value}", choice(value, known, listed))


def _fault(value: str) -> str:
    listed = f"{front.CONSOLE} serve --list-faults" if front.is_console() else "docs/faults.md"
    return among("fault ", value, FAULTS, listed)


def _agree(given: Mapping[str, str]) -> None:
    """Refuse settings that do not go together."""
    if "TARGET" not in given:
        for name in ("BUILD_ID", "PROXY", "CA_BUNDLE"):
            if name in given:
                raise GateError(
                    f"{setting(name)} needs a {setting('TARGET')}",
                    f"{setting('TARGET', 'http://host')}",
                )
        return
    if "TOKEN" not in given:
        raise GateError("no token for the target", "put it in the variable CONTRACT_TOKEN")
    if "FAULT" in given:
        raise GateError(
            f"{setting('FAULT')} breaks the embedded server only", f"leave {setting('TARGET')} out"
        )


def _url(name: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if good and name == "TARGET" and "/api/v1" in parts.path:
            fix = setting(name, hide(value.partition("/api/v1")[0]))
            raise GateError(f"{setting(name)} is not a base URL", fix)
        if not good or parts.query or parts.fragment:
            raise GateError(
                f"{setting(name)} is not an http(s) URL: {hide(value)!r}",
                f"{setting(name, 'http://host')}",
            )
        if name == "TARGET" and parts.username is not None:
            raise GateError(f"{setting(name)} holds a user", "put the token in CONTRACT_TOKEN")
        return value

    return read


def _token(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise GateError("the token is no bearer token", "mend CONTRACT_TOKEN")
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
                f"{setting(name)} is not a {word} from {least:g} on: {value!r}",
                f"{setting(name, '20')}",
            )
        return number

    return read


def _rules(value: str) -> tuple[str, ...]:
    return tuple(among("rule ", one, RULES) for one in value.upper().replace(",", " ").split())


def _required(value: str) -> tuple[str, ...]:
    wanted = value.replace(",", " ").split()
    for one in wanted:
        if one not in RULES and (told := matrix.problem(one)):
            raise GateError(f"{setting('REQUIRE')}: {told}", "a rule's id, or a cell of the matrix")
    return tuple(wanted)


def _headers(value: str) -> dict[str, str]:
    told = headers.read(value)
    if told is None:
        one, several = "'X-Team: a'", """'{"X-Team": "a", "X-Stage": "b"}'"""
        raise GateError(
            f"{setting('HEADERS')} is not a header, or is one of the gate's own",
            f"{setting('HEADERS', one)}, or {setting('HEADERS', several)}",
        )
    return told


def _waivers(value: str) -> tuple[waivers.Waiver, ...]:
    try:
        return waivers.load(Path(value), list(RULES), datetime.datetime.now(datetime.UTC).date())
    except Problem as error:
        raise GateError(f"{setting('WAIVERS')}: {error.what}", error.fix) from error


def _file(name: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not Path(value).is_file():
            raise GateError(f"{setting(name)} is not a file: {value!r}", f"{setting(name, 'path')}")
        return value

    return read


def _dockerfile(value: str) -> str:
    return Path(_file("DOCKERFILE")(value)).read_text(encoding="utf-8")


def _flag(value: str) -> bool:
    return among(f"{setting('DRY_RUN')} ", value, ["1", "0"]) == "1"


SETTINGS: dict[str, Callable[[str], Any]] = {
    "TARGET": _url("TARGET"),
    "TOKEN": _token,
    "LEVEL": lambda value: among(f"{setting('LEVEL')} ", value.lower(), ["must", "should"]),
    "RULE": _rules,
    "FAULT": _fault,
    "SEED": _number("SEED", int, 0),
    "BUILD_ID": str,
    "DOCKERFILE": _dockerfile,
    "HEADERS": _headers,
    "CA_BUNDLE": _file("CA_BUNDLE"),
    "PROXY": _url("PROXY"),
    "MAX_BUILDS": _number("MAX_BUILDS", int, 1),
    "MAX_REQUESTS": _number("MAX_REQUESTS", int, 1),
    "RATE": _number("RATE", float, 0.01),
    "DEADLINE": _number("DEADLINE", float, 1),
    "REQUIRE": _required,
    "WAIVERS": _waivers,
    "DRY_RUN": _flag,
}
"""How the value of each setting is read."""
