"""Reads the settings of a command from its environment."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ..gate.target import Budget, Load, Target
from ..redaction import Secret
from ..rules import RULES, TRAFFIC_RULES, Rule, chosen
from ..usage import PREFIX
from . import conflicts
from .declared import LOAD, SETTINGS
from .values import among, among_rules

# Settings that name a file whose content is read at once.
FILES = ("DOCKERFILE", "TOKEN_FILE", "WAIVERS")
_SECRET = ("TOKEN", "HEADERS", "PROXY", "DATABASE")


def from_environment(environment: Mapping[str, str], program: str = "gate") -> Target:
    """Read the settings that a command takes: ``gate``, ``proxy`` or ``load``.

    Raises ``GateError`` for one that is unknown or has no such value.
    """
    given = _given(environment)
    given |= {name: Secret(given[name]) for name in _SECRET if name in given}
    del environment  # a traceback may show local variables
    for name in given:
        among("setting ", name, SETTINGS, prefix=PREFIX)
    given = {name: one for name, one in given.items() if program in SETTINGS[name].commands}
    read = {name: SETTINGS[name].parse(value) for name, value in given.items()}
    if program != "proxy":
        among_rules(read.get("RULE", ()))
        among_rules(one for one in read.get("REQUIRE", ()) if one in TRAFFIC_RULES)
    conflicts.check_given(given, program)
    load = Load(**{
        name.lower(): read.pop(name) for name in LOAD if name in read
    })  # fmt: skip
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
        read |= {"TOKEN": read.pop("TOKEN_FILE")} if "TOKEN_FILE" in read else {}
    elif program != "proxy":
        read.setdefault("TOKEN", secrets.token_hex(8))
    target = Target(
        **{name.lower(): value for name, value in read.items()},
        budget=Budget(**budget),
        load=load,
        files={name: given[name] for name in FILES if name in given},
        program=program,
    )
    conflicts.check_target(target, names_profile="PROFILE" in given)
    return target


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX): value.strip()
        for name, value in environment.items()
        if name.startswith(PREFIX) and value.strip()
    }


def needs_token(environment: Mapping[str, str]) -> bool:
    """Whether a run with these variables needs a token that they do not have."""
    return conflicts.lacks_token(_given(environment))


def only_cleans_up(environment: Mapping[str, str]) -> bool:
    """Whether nothing is to be judged: reports of an earlier run stay then."""
    return environment.get(f"{PREFIX}CLEANUP", "").strip() == "only"


def rules(rule: str = "", known: Mapping[str, Rule[Any]] = RULES) -> list[Rule[Any]]:
    """Return the rules that the value of RULE chooses; an empty one chooses all that are known.

    Raises ``GateError`` for an unknown rule.
    """
    return chosen(among_rules(SETTINGS["RULE"].parse(rule), known), known)


def level(value: str = "") -> str:
    """Return the value of LEVEL, by default ``should``. Raises ``GateError`` for an unknown one."""
    return str(SETTINGS["LEVEL"].parse(value.strip() or "should"))
