"""What is judged: a server, the rules, and how far the gate may go.

``settings.from_environment`` reads one from the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..problems import Problem
from ..redaction import Unshown, without_user
from ..rules import RULES, TRAFFIC_RULES, Rule, chosen
from ..usage import VARIABLE, command, is_console, setting
from ..verdicts.waivers import Waiver
from . import headers

# What sends, and the reference server: who only reads settings needs neither.
if TYPE_CHECKING:
    from ..drivers.http.transport import Endpoint, Limits
    from ..reference.faults import Fault

EMBEDDED = "embedded reference"
FULL, STATELESS, PRODUCTION = "full", "stateless", "production"
PROFILES = (FULL, STATELESS, PRODUCTION)
JOURNALS = Path("reports", "journal")
"""The folder of the journals: beside the reports, where these are in no other folder."""


class GateError(Problem):
    """The gate cannot judge. Never a verdict."""


def refused(url: str) -> GateError:
    """Return the error that the server of a base URL refuses the token."""
    where = f"CONTRACT_TOKEN, or in the file of {setting('TOKEN_FILE')}"
    return GateError(f"{url} refuses the token with 401", f"put a valid one in {where}")


def unreached(url: str, why: str) -> GateError:
    """Return the error that no server of a base URL responds."""
    fix = f"start the server, or correct {setting('TARGET')}"
    return GateError(f"no response from {url}: {why}", fix)


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
class Load:
    """How much load ``load`` makes, and what of it fails a run.

    Attributes:
        users: How many build images at once, all workers together.
        workers: Processes that send.
        pause: Seconds that a user waits between two operations.
        sample: The share of the builds whose exchanges are judged.
        p99: Milliseconds in which 99 of 100 requests of each operation must end; None for any.
        errors: How many requests may fail, as a number or a share: ``5``, ``0.1%``.
        violations: How many exchanges may violate a rule.
        listen: The address at which the workers of other machines are waited for, or None.
        master: The address of the master that workers are started for, or None.

    """

    users: int = 10
    workers: int = 1
    pause: float = 0.1
    sample: float = 1.0
    p99: float | None = None
    errors: str = "0"
    violations: int = 0
    listen: str | None = None
    master: str | None = None


@dataclass(frozen=True)
class Target:
    """The settings of one run.

    Attributes:
        url: The server to judge; None for the embedded reference server.
        token: Its bearer token.
        start: The command that starts the server at the URL; None if it is running already.
        level: ``must`` keeps to what the published contract states; ``should`` judges all.
        rule: Ids of the rules to judge; empty for all.
        fault: How the embedded server is broken on purpose; None for not at all.
        seed: Of everything random in the run.
        database: A folder, or a URL of Redis, with what earlier runs found by generated requests.
        profile: The kind of server: one of ``PROFILES``.
        build_id: A build that exists; it is looked at, and nothing is initiated or started.
        dockerfile: The text of one that the target can build.
        headers: Sent with every request to the API.
        ca_bundle: A file of certificates to trust instead of the system's.
        proxy: The URL of a proxy; by default that of the environment.
        upload_hosts: Hosts that get uploads, though the policy for upload URLs refuses them.
        require: Rules and cells of the matrix that must be observed.
        waivers: Rules that may be violated for now.
        stuck_after: Seconds in which a started build should end; None for the default of L14.
        cleanup: ``on`` deletes what the run made, ``off`` does not, and ``only`` deletes what runs
            made that ended early, and judges nothing.
        dry_run: Whether only to show the plan.
        server_only: Whether to leave the generated client out.
        load: How much load is made, for that command.
        files: Where the Dockerfile, the token and the waivers were read, by the setting's name.
        program: The command that judges.

    """

    url: str | None = None
    token: str = field(default="test-token", repr=False)
    start: str | None = None
    level: str = "should"
    rule: tuple[str, ...] = ()
    fault: str | None = None
    seed: int = 1
    database: str | None = field(default=None, repr=False)
    profile: str = FULL
    build_id: str | None = None
    dockerfile: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    upload_hosts: tuple[str, ...] = ()
    budget: Budget = Budget()
    require: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    stuck_after: float | None = None
    cleanup: str = "on"
    dry_run: bool = False
    server_only: bool = False
    load: Load = Load()
    files: Mapping[str, str] = field(default_factory=dict)
    program: str = "gate"

    @property
    def rules(self) -> list[Rule[Any]]:
        """The rules to judge. The proxy judges clients, and before our own server them alone."""
        if self.program != "proxy":
            return chosen(self.rule)
        return chosen(self.rule, RULES | TRAFFIC_RULES if self.url else TRAFFIC_RULES)

    @property
    def is_stateless(self) -> bool:
        """Whether the server remembers nothing of earlier requests."""
        return self.profile == STATELESS

    def excuse(self, rule: Rule[Any]) -> str:
        """Return why a rule is not applicable to such a server, or an empty text."""
        if self.is_stateless and rule.needs_memory:
            return "it needs a server that remembers earlier requests"
        return ""

    @property
    def is_away(self) -> bool:
        """Whether the server is not at a loopback address: somebody may use it, and pay for it."""
        if self.url is None:
            return False
        from prime_image_builds._urls import kind_of, literal  # the client: only the gate needs it

        address = literal(urlsplit(self.url).hostname or "")
        return address is None or kind_of(address) != "loopback"

    @property
    def must_be_named(self) -> bool:
        """Whether nothing bounds the builds of a run on a server that somebody may use."""
        is_unbounded = self.budget.builds is None and self.build_id is None
        # Neither the proxy initiates anything, nor a clean-up, nor a master without workers.
        initiates = self.program != "proxy" and self.cleanup != "only" and not self.load.listen
        return initiates and self.profile == FULL and is_unbounded and self.is_away

    @property
    def name(self) -> str:
        """What a report calls it."""
        if self.url:
            return self.url
        return f"{EMBEDDED} with the fault {self.fault}" if self.fault else EMBEDDED

    def repeat(self, rule: Rule[Any]) -> str:
        """Return the command that judges one rule again: all that differs from the defaults.

        The token, secret headers and a proxy's password are left for who repeats it to fill in.
        What must be observed beside, and waivers of other rules, matter only to the whole run.
        """
        default, budget = Target(), self.budget
        level = None if self.level == default.level else self.level
        is_waived = any(one.rule == rule.id for one in self.waivers)
        settings = {
            "RULE": rule.id if rule.id in RULES | TRAFFIC_RULES else None,
            "START": self.start, "TARGET": self.url,
            "TOKEN_FILE": self.files.get("TOKEN_FILE"), "PROFILE": self._profile,
            "FAULT": self.fault, "BUILD_ID": self.build_id, "LEVEL": level,
            "SEED": None if self.seed == default.seed else str(self.seed),
            "DATABASE": without_user(self.database) if self.database else None,
            "DOCKERFILE": self.files.get("DOCKERFILE"),
            "HEADERS": headers.write(self.headers), "CA_BUNDLE": self.ca_bundle,
            "PROXY": without_user(self.proxy) if self.proxy else None,
            "UPLOAD_HOSTS": ",".join(self.upload_hosts),
            "MAX_BUILDS": _number(budget.builds), "MAX_REQUESTS": _number(budget.requests),
            "RATE": _number(budget.rate),
            "DEADLINE": None if budget.deadline == Budget().deadline else _number(budget.deadline),
            "STUCK_AFTER": _number(self.stuck_after),
            "CLEANUP": None if self.cleanup == default.cleanup else self.cleanup,
            "SERVER_ONLY": "1" if self.server_only else None,
            "WAIVERS": self.files.get("WAIVERS") if is_waived else None,
            **self._load,
        }  # fmt: skip
        return command(self.program, **settings)

    @property
    def _load(self) -> dict[str, str | None]:
        default = Load()
        return {
            name.upper(): None if getattr(self.load, name) == getattr(default, name)
            else _number(getattr(self.load, name))
            for name in ("users", "workers", "pause", "sample")
        }  # fmt: skip

    @property
    def _profile(self) -> str | None:
        return self.profile if self.profile != FULL or self.must_be_named else None

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables of the server that the gate starts: those of the gate itself.

        Without the gate's settings, and what make has set for this run, but with its token.
        """
        ours = {VARIABLE, "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPYCACHEPREFIX"}
        kept = {
            name: value
            for name, value in given.items()
            if name not in ours and not name.startswith("CONTRACT_")
            and given.get(f"CONTRACT_{name}") != value
        }  # fmt: skip
        return Unshown({**kept, "CONTRACT_TOKEN": self.token})

    @property
    def cleans_up(self) -> bool:
        """Whether a run deletes what it made."""
        return self.cleanup == "on"

    def clean_up(self, journals: Path) -> str:
        """Return the command that deletes what runs of this target left, by their journals."""
        junit = journals.parent / "junit.xml"
        settings = {
            "TARGET": self.url, "CLEANUP": "only", "HEADERS": headers.write(self.headers),
            "CA_BUNDLE": self.ca_bundle, "PROXY": without_user(self.proxy) if self.proxy else None,
            "JUNIT": str(junit) if is_console() and journals != JOURNALS else None,
        }  # fmt: skip
        return command("gate", **settings)

    def endpoint(self) -> Endpoint:
        """Return where requests go: to the URL, or to the embedded server."""
        if self.url:
            from ..drivers.http.client import Client
            from ..drivers.http.transport import Endpoint

            client = Client(ca=self.ca_bundle, proxy=self.proxy)
            return Endpoint(self.url.rstrip("/"), client)
        from ..reference.faults import FAULTS

        fault = FAULTS[self.fault] if self.fault else None
        return embedded(self.token, fault)


def embedded(
    token: str, fault: Fault | None = None, limits: Limits | None = None, **app: Any
) -> Endpoint:
    """Return a reference server of its own, in this process and on a clock of its own.

    ``app`` is what ``create_app`` takes beside the token and the clock.
    """
    from ..drivers.http.clock import VirtualClock
    from ..drivers.http.in_process import in_process
    from ..reference.app import create_app
    from ..reference.disruptions import Dropped

    clock = VirtualClock()
    sound: Any = create_app(**{"token": token, "clock": clock.now, **app})
    return in_process(fault.wrap(sound, token) if fault else sound, clock, limits, Dropped)


def _number(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if value == int(value) else repr(value)
