"""What is judged: a server, the rules, and how far the gate may go.

``settings.from_environment`` reads one from the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from . import headers
from .front import command
from .problems import Problem
from .reference.app import create_app
from .reference.embedded import running
from .reference.faults import apply
from .report.redaction import Redaction
from .rules import RULES, Rule, chosen
from .waivers import Waiver

EMBEDDED = "embedded reference"
# How long the embedded server takes to build: long enough to be polled while it does.
BUILD_SECONDS = 0.08
# A gate that waits longer than this for the embedded server waits for nothing.
EMBEDDED_PATIENCE = 3.0


class GateError(Problem):
    """The gate cannot judge. Never a verdict."""


@dataclass(frozen=True)
class Budget:
    """How far the gate may go. What it cuts off is not observed.

    Attributes:
        builds: Builds to initiate, at most.
        requests: Requests to send, at most.
        rate: Requests a second, at most.
        deadline: Seconds for the whole run. The vendor's clients give a build 1800 (observed).

    """

    builds: int | None = None
    requests: int | None = None
    rate: float | None = None
    deadline: float = 1800.0


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
        build_id: A build that exists; it is looked at, and nothing is initiated or started.
        dockerfile: The text of one that the target can build.
        headers: Sent with every request to the API.
        ca_bundle: A file of certificates to trust instead of the system's.
        proxy: The URL of a proxy; without it, what the environment says.
        require: Rules and cells of the matrix that must be observed.
        waivers: Rules that may be violated for now.
        dry_run: Whether only to tell the plan.
        files: Where the Dockerfile and the waivers were read, by the name of their setting.

    """

    url: str | None = None
    token: str = field(default="test-token", repr=False)
    level: str = "should"
    rule: tuple[str, ...] = ()
    fault: str | None = None
    seed: int = 1
    build_id: str | None = None
    dockerfile: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    budget: Budget = Budget()
    require: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    dry_run: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def rules(self) -> list[Rule[Any]]:
        """The rules to judge."""
        return chosen(self.rule, self.level)

    @property
    def name(self) -> str:
        """What a report calls it."""
        if self.url:
            return self.url
        return f"{EMBEDDED} with the fault {self.fault}" if self.fault else EMBEDDED

    @property
    def patience(self) -> float:
        """Seconds to wait for builds to end."""
        return self.budget.deadline if self.url else EMBEDDED_PATIENCE

    def repeat(self, rule: Rule[Any]) -> str:
        """Return the command that judges one rule again: all that differs from the defaults.

        The token, secret headers and a proxy's password are left for who repeats it to fill in.
        What must be observed beside, and waivers of other rules, matter only to the whole run.
        """
        default, budget = Target(), self.budget
        level = None if self.level == default.level else self.level
        is_waived = any(one.rule == rule.id for one in self.waivers)
        told = {
            "RULE": rule.id if rule.id in RULES else None,
            "TARGET": self.url, "FAULT": self.fault, "BUILD_ID": self.build_id, "LEVEL": level,
            "SEED": None if self.seed == default.seed else str(self.seed),
            "DOCKERFILE": self.files.get("DOCKERFILE"),
            "HEADERS": headers.write(self.headers), "CA_BUNDLE": self.ca_bundle,
            "PROXY": Redaction()(self.proxy) if self.proxy else None,
            "MAX_BUILDS": _number(budget.builds), "MAX_REQUESTS": _number(budget.requests),
            "RATE": _number(budget.rate),
            "DEADLINE": None if budget.deadline == Budget().deadline else _number(budget.deadline),
            "WAIVERS": self.files.get("WAIVERS") if is_waived else None,
        }  # fmt: skip
        return command("gate", **told)

    @contextmanager
    def server(self) -> Iterator[str]:
        """Yield the base URL; the embedded server runs as long as the context."""
        if self.url:
            yield self.url.rstrip("/")
            return
        app: Any = create_app(token=self.token, build_seconds=BUILD_SECONDS)
        with running(apply(app, self.fault, self.token) if self.fault else app) as base_url:
            yield base_url


def _number(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if value == int(value) else repr(value)
