"""What is judged, and every setting of the gate.

A setting ``X`` is the environment variable ``CONTRACT_X``, and ``make gate X=…``.
"""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .reference.app import create_app
from .reference.embedded import running
from .reference.faults import FAULTS, apply
from .rules import RULES, Level, Rule

PREFIX = "CONTRACT_"
EMBEDDED = "embedded reference"
# How long the embedded server takes to build: long enough to be polled while it does.
BUILD_SECONDS = 0.08


class GateError(Exception):
    """The gate cannot judge; the text says why, and what to do. Never a verdict."""


@dataclass(frozen=True)
class Target:
    """The settings of one run.

    Attributes:
        url: The server to judge; None for the embedded reference server.
        token: Its bearer token.
        level: ``must`` keeps to what the published contract states; ``should`` judges all.
        rule: Ids of the rules to judge; empty for all.
        fault: How the embedded server is broken on purpose; None for not at all.
        seed: Of everything random in the run.
        deadline: Seconds after which a build that is not done is not waited for any more.

    """

    url: str | None = None
    token: str = field(default="test-token", repr=False)
    level: str = "should"
    rule: tuple[str, ...] = ()
    fault: str | None = None
    seed: int = 1
    deadline: float = 120.0

    @property
    def rules(self) -> list[Rule[Any]]:
        """The rules to judge."""
        return [
            rule
            for rule in RULES.values()
            if (not self.rule or rule.id in self.rule)
            and (self.level == "should" or rule.level is Level.MUST)
        ]

    @property
    def name(self) -> str:
        """What a report calls it."""
        if self.url:
            return self.url
        return f"{EMBEDDED} with the fault {self.fault}" if self.fault else EMBEDDED

    def repeat(self, rule: Rule[Any]) -> str:
        """Return the command that judges one rule again."""
        where = f" TARGET={self.url}" if self.url else f" FAULT={self.fault}" if self.fault else ""
        return f"make gate RULE={rule.id}{where}"

    @contextmanager
    def server(self) -> Iterator[str]:
        """Yield the base URL; the embedded server runs as long as the context."""
        if self.url:
            yield self.url.rstrip("/")
            return
        app: Any = create_app(token=self.token, build_seconds=BUILD_SECONDS)
        with running(apply(app, self.fault, self.token) if self.fault else app) as base_url:
            yield base_url


def from_environment(environment: Mapping[str, str]) -> Target:
    """Read the settings. Raises ``GateError`` for one that is unknown or has no such value."""
    given = {
        name.removeprefix(PREFIX): value.strip()
        for name, value in environment.items()
        if name.startswith(PREFIX) and value.strip()
    }
    known = ["TARGET", "TOKEN", "LEVEL", "RULE", "FAULT", "SEED", "DEADLINE"]
    for name in given:
        _among(f"setting {PREFIX}", name, known)
    settings: dict[str, Any] = {}
    if url := given.get("TARGET"):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise GateError(f"problem: TARGET is {url!r}, no http URL.  fix: TARGET=http://host")
        settings["url"] = url
        if "TOKEN" not in given:
            raise GateError(
                "problem: no token for the target.  fix: put it in the variable CONTRACT_TOKEN"
            )
        if "FAULT" in given:
            raise GateError(
                "problem: FAULT breaks the embedded server only.  fix: leave TARGET out"
            )
    if "TOKEN" in given:
        settings["token"] = given["TOKEN"]
    elif not url:
        settings["token"] = secrets.token_hex(8)
    if level := given.get("LEVEL"):
        settings["level"] = _among("LEVEL ", level.lower(), ["must", "should"])
    if rules := given.get("RULE"):
        wanted = rules.upper().replace(",", " ").split()
        settings["rule"] = tuple(_among("rule ", one, list(RULES)) for one in wanted)
    if fault := given.get("FAULT"):
        settings["fault"] = _among("fault ", fault, list(FAULTS))
    for name, kind in (("SEED", int), ("DEADLINE", float)):
        if name in given:
            try:
                settings[name.lower()] = kind(given[name])
            except ValueError:
                raise GateError(
                    f"problem: {name} is {given[name]!r}, no number.  fix: {name}=1"
                ) from None
    target = Target(**settings)
    if not target.rules:
        raise GateError("problem: no rule is both in RULE and in LEVEL.  fix: leave one out")
    return target


def _among(what: str, value: str, known: Iterable[str]) -> str:
    known = list(known)
    if value in known:
        return value
    near = difflib.get_close_matches(value, known, n=3, cutoff=0.5) or known
    raise GateError(f"problem: unknown {what}{value}.  fix: use {', '.join(near)}")
