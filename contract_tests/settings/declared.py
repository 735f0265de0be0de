"""Every setting, declared once: command line, Makefile, docs and the action follow it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..contract.api import OPERATIONS
from ..gate.target import PROFILES, GateError
from ..rules import RULES
from ..usage import PREFIX, setting, unreadable
from . import values
from .values import CLEANUP, LEVELS, Read, number


@dataclass(frozen=True)
class Setting:
    """A setting, declared once.

    Attributes:
        name: Its name: ``X`` is the variable ``CONTRACT_X``, ``make gate X=…`` and ``gate --x``.
        read: Reads its value, by name and text. Raises ``GateError`` if it has no such value.
        help: What it does.
        metavar: How a value is named in a help; a flag has none.
        known: The values that there are, where they can be listed.
        is_list: Whether it has several values, separated by commas.
        is_secret: Whether it is read from the environment alone: command lines are seen by others.
        commands: The commands that take it.

    """

    name: str
    read: Read
    help: str
    metavar: str = ""
    known: Iterable[str] = ()
    is_list: bool = False
    is_secret: bool = False
    commands: tuple[str, ...] = ("gate",)

    @property
    def variable(self) -> str:
        """The environment variable that it is read from."""
        return f"{PREFIX}{self.name}"

    def parse(self, value: str) -> Any:
        """Parse a value."""
        if why := unreadable(value, is_path=self.metavar == "FILE"):
            raise GateError(f"{setting(self.name)} {why}", "correct it")
        return self.read(self.name, value)


_SENDING = ("gate", "load", "replay")
_ALL = ("gate", "load", "proxy", "replay")
_DECLARED = (
    Setting(
        "TARGET", values.url, "Check this server; its token is read from CONTRACT_TOKEN.", "URL",
        commands=_ALL,
    ),
    Setting(
        "TOKEN", values.token,
        "The bearer token of the target or of the embedded server; the command of START gets it. "
        "proxy reads it only without a TARGET. serve accepts it, or that of --token.", "TOKEN",
        is_secret=True, commands=("gate", "load", "proxy", "replay", "serve"),
    ),
    Setting(
        "TOKEN_FILE", values.token_file, "Read the token of the target from this file.", "FILE",
        commands=_SENDING,
    ),
    Setting(
        "START", values.start,
        "Start the server of the target with this command; stop it at the end.", "COMMAND",
        commands=("gate", "load"),
    ),
    Setting(
        "PROFILE", values.one_of(PROFILES, str.lower),
        "full; stateless for a mock that remembers nothing; production for two builds at most.",
        "NAME", known=PROFILES, commands=("gate", "proxy"),
    ),
    Setting(
        "BUILD_ID", lambda _, value: value,
        "Only poll this existing build; initiate and start nothing.", "ID",
    ),
    Setting(
        "LEVEL", values.one_of(LEVELS, str.lower),
        "Fail by rules of this level or a stronger one; weaker are advised. Default: should.",
        "|".join(LEVELS), known=LEVELS,
        commands=("gate", "judge", "load", "proxy", "replay"),
    ),
    Setting(
        "RULE", values.rules, "Check these rules only, for example T5,T4.", "IDS",
        known=RULES, is_list=True, commands=("gate", "judge", "load", "proxy", "replay"),
    ),
    Setting(
        "CLEANUP", values.one_of(CLEANUP),
        "Delete what the run made (on, the default), or only what earlier runs left.",
        "|".join(CLEANUP), known=CLEANUP,
    ),
    Setting("DRY_RUN", values.flag, "Show the plan and the budgets, and send nothing."),
    Setting("SERVER_ONLY", values.flag, "Check the server only, not the generated client."),
    Setting(
        "WAIVERS", values.waiver_file, "A file of rules that may be violated for now.", "FILE",
        commands=("gate", "load", "proxy"),
    ),
    Setting(
        "REQUIRE", values.required,
        "Fail if one of these rules, operations or cells of the matrix is not observed.", "LIST",
        known=(*RULES, *OPERATIONS), is_list=True, commands=("gate", "proxy"),
    ),
    Setting(
        "MAX_BUILDS", number(int, 1, "10"),
        "Initiate at most N builds; no limit by default.", "N", commands=_SENDING,
    ),
    Setting(
        "MAX_REQUESTS", number(int, 1, "1000"), "Send at most N requests.", "N",
        commands=_SENDING,
    ),
    Setting(
        "RATE", number(float, 0.01, "20"), "Send at most N requests per second.", "N",
        commands=_SENDING,
    ),
    Setting(
        "DEADLINE", number(float, 1, "60"),
        "End after S seconds, 1800 by default. What is left out then is not observed, and without "
        "a COMPLETED build nothing can be judged (exit code 4).", "S",
        commands=_SENDING,
    ),
    Setting(
        "STUCK_AFTER", number(float, 1, "600"),
        "Report a started build that has not ended after S seconds (L14).", "S",
        commands=_ALL,
    ),
    Setting(
        "DOCKERFILE", values.dockerfile, "A Dockerfile that this server can build.", "FILE",
        commands=_SENDING,
    ),
    Setting(
        "HEADERS", values.header_lines,
        "Send 'X-Team: a' with every request; several as a JSON object.", "HEADER",
        commands=_SENDING,
    ),
    Setting(
        "CA_BUNDLE", values.file, "Trust these certificates instead of the system's.", "FILE",
        commands=_ALL,
    ),
    Setting(
        "PROXY", values.url, "Use this http proxy; by default that of HTTPS_PROXY.", "URL",
        commands=_ALL,
    ),
    Setting(
        "UPLOAD_HOSTS", values.hosts,
        "Upload to these hosts, or host:port, though they are not public.", "HOSTS", is_list=True,
        commands=_ALL,
    ),
    Setting("SEED", number(int, 0, "1"), "Seed of the generated requests; 1 by default.", "N"),
    Setting(
        "DATABASE", values.database,
        "Send first what earlier runs found: a folder, or redis://host.", "DIR",
    ),
    Setting(
        "FAULT", values.fault,
        "Break the embedded server in one way; see serve --list-faults.", "NAME",
        known=values.Faults(), commands=("gate", "load", "replay", "serve"),
    ),
    Setting(
        "USERS", number(int, 1, "10"), "Build with N users at once; 10 by default.", "N",
        commands=("load",),
    ),
    Setting(
        "WORKERS", number(int, 1, "1"), "Send from N processes; 1 by default.", "N",
        commands=("load",),
    ),
    Setting(
        "PAUSE", number(float, 0, "0.1"),
        "Let each user wait S seconds between two operations; 0.1.", "S", commands=("load",),
    ),
    Setting(
        "SAMPLE", values.sample, "Check this share of the builds; all by default.", "SHARE",
        commands=("load",),
    ),
    Setting(
        "P99", number(float, 1, "800"), "Fail if an operation's 99th percentile is over MS.", "MS",
        commands=("load",),
    ),
    Setting(
        "ERRORS", values.errors, "Let so many requests fail, as 5 or 0.1%; none by default.", "N",
        commands=("load",),
    ),
    Setting(
        "VIOLATIONS", number(int, 0, "0"), "Let N exchanges violate rules; none by default.", "N",
        commands=("load",),
    ),
    Setting(
        "LISTEN", values.address, "Wait there for WORKERS of other machines, and start none.",
        "HOST:PORT", commands=("load",),
    ),
    Setting(
        "MASTER", values.address, "Start WORKERS for the run that listens there.", "HOST:PORT",
        commands=("load",),
    ),
)  # fmt: skip
SETTINGS = {one.name: one for one in _DECLARED}
"""Every setting, by its name. The Makefile, docs/gate.md and the action are tested against it."""
LOAD = tuple(one.name for one in _DECLARED if one.commands == ("load",))
"""The settings of load alone."""
