"""Every setting of the gate, read from the environment.

A setting ``X`` is the environment variable ``CONTRACT_X``, and ``make gate X=…``.
"""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import usage
from .contract.api import IMAGES, OPERATIONS
from .gate import headers
from .gate.target import FULL, PRODUCTION, PROFILES, STATELESS, Budget, GateError, Load, Target
from .nearest import choice
from .problems import Problem
from .redaction import Redaction, Secret, without_user
from .rules import RULES, TRAFFIC_RULES, Level, Rule, chosen
from .usage import MOST_BYTES, setting, unreadable
from .verdicts import coverage, waivers

PREFIX = "CONTRACT_"
CLEANUP = ("on", "off", "only")
LEVELS = tuple(level.lower() for level in Level)
EVERY_RULE = RULES | TRAFFIC_RULES
# Settings that name a file whose content is read at once.
FILES = ("DOCKERFILE", "TOKEN_FILE", "WAIVERS")
_SECRET = ("TOKEN", "HEADERS", "PROXY", "DATABASE")
# Users and workers of one command, at most; a run of several machines may have so many times more.
# While Locust makes a million users, it heeds neither a deadline nor a signal.
MOST, MACHINES = {"USERS": 10_000, "WORKERS": 100}, 10
Read = Callable[[str, str], Any]


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


def from_environment(environment: Mapping[str, str], program: str = "gate") -> Target:
    """Read the settings that a command takes: ``gate``, ``proxy`` or ``load``.

    Raises ``GateError`` for one that is unknown or has no such value.
    """
    given = _given(environment)
    given |= {name: Secret(given[name]) for name in _SECRET if name in given}
    del environment  # a traceback may show local variables
    for name in given:
        among(f"setting {PREFIX}", name, SETTINGS)
    given = {name: one for name, one in given.items() if program in SETTINGS[name].commands}
    read = {name: SETTINGS[name].parse(value) for name, value in given.items()}
    if program != "proxy":
        _among_rules(read.get("RULE", ()))
    _agree(given, program)
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
    _applicable(target)
    if target.must_be_named and program == "load":
        fix = f"{setting('MAX_BUILDS', '10')}, and a {setting('RATE')}"
        what = f"{_shown(str(target.url))} is not this machine, and load initiates without end"
        raise GateError(what, fix)
    if target.must_be_named and "PROFILE" not in given and not target.dry_run:
        raise GateError(
            f"{_shown(str(target.url))} is not this machine, and {setting('PROFILE', FULL)} "
            "initiates many builds",
            f"{setting('PROFILE', PRODUCTION)}, {setting('PROFILE', STATELESS)} for a mock, "
            f"{setting('PROFILE', FULL)}, or {setting('MAX_BUILDS', '10')}",
        )
    judged = {one.id for one in target.rules}
    unjudged = [one for one in target.require if one in EVERY_RULE and one not in judged]
    if unjudged:
        names = ", ".join(unjudged)
        raise GateError(
            f"{setting('REQUIRE')} names {names}, which {setting('RULE')} leaves out",
            "name both",
        )
    return target


def _applicable(target: Target) -> None:
    """Refuse rules that cannot be judged: without a target, or with the profile."""
    if not target.rules:
        raise GateError(
            f"{setting('RULE')} names no rule that is judged without a {setting('TARGET')}",
            setting("TARGET", "http://host"),
        )
    profile = setting("PROFILE", target.profile)
    named = {one for one in target.require if one in RULES and target.excuse(RULES[one])}
    if named:
        raise GateError(
            f"{setting('REQUIRE')} names {', '.join(sorted(named))}, which {profile} leaves out",
            "leave it out, or use another profile",
        )
    if all(map(target.excuse, target.rules)):
        raise GateError(f"{profile} judges none of the rules of {setting('RULE')}", "name others")


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX): value.strip()
        for name, value in environment.items()
        if name.startswith(PREFIX) and value.strip()
    }


def needs_token(environment: Mapping[str, str]) -> bool:
    """Whether a run with these variables needs a token that they do not have."""
    return lacks_token(_given(environment))


def lacks_token(given: Mapping[str, str]) -> bool:
    """Whether settings name a target and no token; a plan needs none."""
    return (
        "TARGET" in given
        and not {"TOKEN", "TOKEN_FILE"} & {*given}
        and (given.get("DRY_RUN") != "1")
    )


def only_cleans_up(environment: Mapping[str, str]) -> bool:
    """Whether nothing is to be judged: reports of an earlier run stay then."""
    return environment.get(f"{PREFIX}CLEANUP", "").strip() == "only"


def rules(rule: str = "") -> list[Rule[Any]]:
    """Return the rules that the value of RULE chooses; an empty one chooses all.

    Raises ``GateError`` for an unknown rule.
    """
    return chosen(_among_rules(SETTINGS["RULE"].parse(rule)))


def level(value: str = "") -> str:
    """Return the value of LEVEL, by default ``should``. Raises ``GateError`` for an unknown one."""
    return str(SETTINGS["LEVEL"].parse(value.strip() or "should"))


def among(what: str, value: str, known: Iterable[str], listed: str = "") -> str:
    """Return a value that is known. Raises ``GateError``, which names the nearest, otherwise."""
    known = list(known)
    if value in known:
        return value
    raise GateError(f"unknown {what}{value}", choice(value, known, listed))


class _Faults:
    """The names of all faults, which are imported where one is needed."""

    def __iter__(self) -> Iterator[str]:
        from .reference.faults import FAULTS, UNDER_LOAD

        return iter(FAULTS | UNDER_LOAD)


def _fault(_: str, value: str) -> str:
    pages = "docs/faults.md (of load alone: docs/load.md)"
    listed = usage.see("serve", pages, "--list-faults")
    return among("fault ", value, _Faults(), listed)


def _agree(given: Mapping[str, str], program: str) -> None:
    """Refuse settings that do not go together."""
    if "BUILD_ID" in given and given.get("PROFILE", FULL).lower() != FULL:
        only = f"{setting('BUILD_ID')} only polls a build, whatever the {setting('PROFILE')}"
        raise GateError(only, f"leave {setting('PROFILE')} out")
    if given.get("CLEANUP") == "only" and "TARGET" not in given:
        fix = setting("TARGET", "http://host")
        raise GateError(f"{setting('CLEANUP', 'only')} needs a {setting('TARGET')}", fix)
    if program == "load":
        _agree_on_load(given)
    elif fault := given.get("FAULT"):
        from .reference.faults import UNDER_LOAD

        if fault in UNDER_LOAD:
            raise GateError(f"{fault} shows only under load", usage.command("load", FAULT=fault))
    if "TARGET" not in given:
        for name in ("BUILD_ID", "PROXY", "CA_BUNDLE", "UPLOAD_HOSTS", "START", "TOKEN_FILE"):
            if name in given:
                raise GateError(
                    f"{setting(name)} needs a {setting('TARGET')}",
                    setting("TARGET", "http://host"),
                )
        return
    if "TOKEN" in given and "TOKEN_FILE" in given:
        fix = f"unset it, or leave {setting('TOKEN_FILE')} out"
        raise GateError(f"CONTRACT_TOKEN is set beside {setting('TOKEN_FILE')}", fix)
    if program != "proxy" and lacks_token(given):
        fix = f"put it in the variable CONTRACT_TOKEN, or {setting('TOKEN_FILE', 'path')}"
        raise GateError("no token for the target", fix)
    if "FAULT" in given:
        raise GateError(
            f"{setting('FAULT')} breaks the embedded server only", f"leave {setting('TARGET')} out"
        )


def _agree_on_load(given: Mapping[str, str]) -> None:
    is_shared = "LISTEN" in given
    for name, one in MOST.items():
        limit = one * (MACHINES if is_shared else 1)
        if int(given.get(name, "1")) > limit:
            who = "several machines" if is_shared else "one command"
            more = "several runs" if is_shared else f"several machines, with {setting('LISTEN')}"
            what = f"{setting(name)} is more than {limit}, the most of {who}"
            raise GateError(what, f"{setting(name, str(limit))}, or {more}")
    given, workers = {"USERS": f"{Load().users}", **given}, int(given.get("WORKERS", "1"))
    least = {
        "USERS": workers,
        "MAX_BUILDS": workers,
        "MAX_REQUESTS": workers,
        "RATE": workers / 100,
    }
    for name, most in least.items():
        if float(given.get(name, "inf")) < most:
            what = f"{setting(name, given[name])} is too little for {workers} workers"
            raise GateError(what, f"{setting(name, f'{most:g}')}, or fewer {setting('WORKERS')}")
    for name in ("LISTEN", "MASTER"):
        if name in given and "TARGET" not in given:
            fix = setting("TARGET", "http://host")
            raise GateError(f"{setting(name)} needs a {setting('TARGET')}", fix)
    if "LISTEN" in given and "MASTER" in given:
        fix = f"{setting('MASTER')} where workers are to run, {setting('LISTEN')} where one waits"
        raise GateError(f"{setting('LISTEN')} and {setting('MASTER')} exclude each other", fix)


def _address(name: str, value: str) -> str:
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"[\w.*-]+|\[[0-9A-Fa-f:.]+\]", host) or not 0 < _port(port) < 2**16:
        raise GateError(f"{setting(name)} is not host:port: {value!r}", setting(name, "host:5557"))
    return value


def _port(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() else 0


def _errors(name: str, value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}|[0-9]{1,2}(\.[0-9]{1,6})?%", value):
        what = f"{setting(name)} is neither a number nor a share of requests: {value!r}"
        raise GateError(what, f"{setting(name, '5')}, or {setting(name, '0.1%')}")
    return value


def _sample(name: str, value: str) -> float:
    share = float(_number(float, 0.0, "0.1")(name, value))
    if not 0 < share <= 1:
        raise GateError(f"{setting(name)} is not a share up to 1: {value!r}", setting(name, "0.1"))
    return share


def _url(name: str, value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if good and name == "TARGET" and re.search("/api/v[0-9]", parts.path):
        fix = setting(name, _shown(re.split("/api/v[0-9]", value)[0]))
        raise GateError(f"{setting(name)} is not a base URL", fix)
    if not good or parts.query or parts.fragment:
        raise GateError(
            f"{setting(name)} is not an http(s) URL: {_shown(value)!r}",
            setting(name, "http://host"),
        )
    if name == "TARGET" and parts.username is not None:
        raise GateError(f"{setting(name)} holds a user", "put the token in CONTRACT_TOKEN")
    return value


def _shown(url: str) -> str:
    return Redaction()(without_user(url))


def _token(name: str, value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        where = "CONTRACT_TOKEN" if name == "TOKEN" else setting(name)
        raise GateError("the token is not a valid bearer token", f"correct {where}")
    return value


def _token_file(name: str, value: str) -> Secret:
    try:
        with Path(_file(name, value)).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        fix = "name a file that you may read"
        raise GateError(f"{setting(name)} cannot be read: {error.strerror}", fix) from error
    fix = "a file with the token alone"
    if len(content) > MOST_BYTES:
        raise GateError(f"{setting(name)} has more than {MOST_BYTES} bytes", fix)
    token = Secret(content.decode("utf-8", "replace").strip())
    if len(token.split("\n")) > 1 or not token:
        count = "several lines" if token else "nothing"
        raise GateError(f"{setting(name)} has {count} in it", fix)
    return Secret(_token(name, token))


def _start(name: str, value: str) -> str:
    from .gate import server  # what starts one, only the gate needs

    try:
        server.words(value)
    except ValueError as error:
        why = str(error).lower()
        raise GateError(f"{setting(name)} is not a command: {why}", "close the quote") from error
    return value


def _number(kind: type[int] | type[float], least: float, example: str) -> Read:
    def read(name: str, value: str) -> float:
        try:
            number = kind(value)
        except ValueError:
            number = kind(-1)
        if not least <= number < float("inf"):
            word = "whole number" if kind is int else "number"
            raise GateError(
                f"{setting(name)} is not a {word} from {least:g} on: {value!r}",
                setting(name, example),
            )
        return number

    return read


def _words(name: str, value: str, example: str = "T5") -> tuple[str, ...]:
    """Return the words of a list. Raises ``GateError`` for separators alone: that is no choice."""
    words = tuple(value.replace(",", " ").split())
    if value and not words:
        fix = f"leave it out, or {setting(name, example)}"
        raise GateError(f"{setting(name)} has nothing in it", fix)
    return words


def _rules(name: str, value: str) -> tuple[str, ...]:
    return _among_rules(_words(name, value.upper()), EVERY_RULE)


def _among_rules(ids: Iterable[str], known: Iterable[str] = RULES) -> tuple[str, ...]:
    return tuple(among("rule ", one, known) for one in ids)


def _required(name: str, value: str) -> tuple[str, ...]:
    wanted = _words(name, value)
    for one in wanted:
        if one in EVERY_RULE or one in OPERATIONS:
            continue
        if invalid := coverage.problem(one, IMAGES):
            fix = "a rule's id, an operationId, or a cell of the matrix"
            raise GateError(f"{setting(name)}: {invalid}", fix)
    return wanted


def _headers(name: str, value: str) -> dict[str, str]:
    try:
        return headers.read(value)
    except ValueError as error:
        one, several = "'X-Team: a'", """'{"X-Team": "a", "X-Stage": "b"}'"""
        fix = f"{setting(name, one)}, or {setting(name, several)}"
        raise GateError(f"{setting(name)} {error}", fix) from error


def _hosts(name: str, value: str) -> tuple[str, ...]:
    from prime_image_builds._urls import read_hosts  # the client, which only the gate needs

    example = "storage.example"
    words = _words(name, value, example)
    try:
        read_hosts(words)
    except ValueError as error:
        raise GateError(f"{setting(name)}: {error}", setting(name, example)) from error
    return words


def _waivers(name: str, value: str) -> tuple[waivers.Waiver, ...]:
    try:
        today = datetime.datetime.now(datetime.UTC).date()
        return waivers.load(Path(value), list(EVERY_RULE), today, IMAGES)
    except Problem as error:
        raise GateError(f"{setting(name)}: {error.what}", error.fix) from error


def _database(name: str, value: str) -> str:
    if "://" in value and not value.startswith(("redis://", "rediss://", "unix://")):
        what = f"{setting(name)} is neither a folder nor a URL of Redis"
        raise GateError(what, setting(name, "redis://host:6379/0"))
    return value


def _file(name: str, value: str) -> str:
    try:
        is_file = Path(value).is_file()
    except OSError:  # of a name that is too long, for example
        is_file = False
    if not is_file:
        raise GateError(f"{setting(name)} is not a file: {value!r}", setting(name, "path"))
    return value


def _dockerfile(name: str, value: str) -> str:
    try:
        return Path(_file(name, value)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a Dockerfile, in UTF-8"
        raise GateError(f"{setting(name)} cannot be read: {error}", fix) from error


def _flag(name: str, value: str) -> bool:
    return among(f"{setting(name)} ", value, ["1", "0"]) == "1"


def _profile(name: str, value: str) -> str:
    return among(f"{setting(name)} ", value.lower(), PROFILES)


def _cleanup(name: str, value: str) -> str:
    return among(f"{setting(name)} ", value, CLEANUP)


def _level(name: str, value: str) -> str:
    return among(f"{setting(name)} ", value.lower(), LEVELS)


_SENDING = ("gate", "load", "replay")
_ALL = ("gate", "load", "proxy", "replay")
_DECLARED = (
    Setting(
        "TARGET", _url, "Check this server; its token is read from CONTRACT_TOKEN.", "URL",
        commands=_ALL,
    ),
    Setting(
        "TOKEN", _token, "The bearer token of the target.", "TOKEN", is_secret=True,
        commands=("gate", "load", "proxy"),
    ),
    Setting(
        "TOKEN_FILE", _token_file, "Read the token of the target from this file.", "FILE",
        commands=_SENDING,
    ),
    Setting(
        "START", _start,
        "Start the server of the target with this command; stop it at the end.", "COMMAND",
        commands=("gate", "load"),
    ),
    Setting(
        "PROFILE", _profile,
        "full; stateless for a mock that remembers nothing; production for two builds at most.",
        "NAME", known=PROFILES, commands=("gate", "proxy"),
    ),
    Setting(
        "BUILD_ID", lambda _, value: value,
        "Only poll this existing build; initiate and start nothing.", "ID",
    ),
    Setting(
        "LEVEL", _level, "Fail up to this level; what is above it is advised.", "|".join(LEVELS),
        known=LEVELS, commands=("gate", "judge", "load", "proxy", "replay"),
    ),
    Setting(
        "RULE", _rules, "Check these rules only, for example T5,T4.", "IDS",
        known=RULES, is_list=True, commands=("gate", "judge", "load", "proxy", "replay"),
    ),
    Setting(
        "CLEANUP", _cleanup,
        "Delete what the run made (on, the default), or only what earlier runs left.",
        "|".join(CLEANUP), known=CLEANUP,
    ),
    Setting("DRY_RUN", _flag, "Show the plan and the budgets, and send nothing."),
    Setting("SERVER_ONLY", _flag, "Check the server only, not the generated client."),
    Setting(
        "WAIVERS", _waivers, "A file of rules that may be violated for now.", "FILE",
        commands=("gate", "load", "proxy"),
    ),
    Setting(
        "REQUIRE", _required,
        "Fail if one of these rules, operations or cells of the matrix is not observed.", "LIST",
        known=(*RULES, *OPERATIONS), is_list=True, commands=("gate", "proxy"),
    ),
    Setting(
        "MAX_BUILDS", _number(int, 1, "10"), "Initiate at most N builds.", "N",
        commands=_SENDING,
    ),
    Setting(
        "MAX_REQUESTS", _number(int, 1, "1000"), "Send at most N requests.", "N",
        commands=_SENDING,
    ),
    Setting(
        "RATE", _number(float, 0.01, "20"), "Send at most N requests per second.", "N",
        commands=_SENDING,
    ),
    Setting(
        "DEADLINE", _number(float, 1, "60"), "End after S seconds; 1800 by default.", "S",
        commands=_SENDING,
    ),
    Setting(
        "STUCK_AFTER", _number(float, 1, "600"),
        "Report a started build that has not ended after S seconds (L14).", "S",
        commands=_ALL,
    ),
    Setting(
        "DOCKERFILE", _dockerfile, "A Dockerfile that this server can build.", "FILE",
        commands=_SENDING,
    ),
    Setting(
        "HEADERS", _headers,
        "Send 'X-Team: a' with every request; several as a JSON object.", "HEADER",
        commands=_SENDING,
    ),
    Setting(
        "CA_BUNDLE", _file, "Trust these certificates instead of the system's.", "FILE",
        commands=_ALL,
    ),
    Setting(
        "PROXY", _url, "Use this http proxy; by default that of HTTPS_PROXY.", "URL",
        commands=_ALL,
    ),
    Setting(
        "UPLOAD_HOSTS", _hosts,
        "Upload to these hosts, or host:port, though they are not public.", "HOSTS", is_list=True,
        commands=_ALL,
    ),
    Setting("SEED", _number(int, 0, "1"), "Seed of the generated requests; 1 by default.", "N"),
    Setting(
        "DATABASE", _database,
        "Send first what earlier runs found: a folder, or redis://host.", "DIR",
    ),
    Setting(
        "FAULT", _fault, "Break the embedded server in one way; see serve --list-faults.", "NAME",
        known=_Faults(), commands=("gate", "load", "replay", "serve"),
    ),
    Setting(
        "USERS", _number(int, 1, "10"), "Build with N users at once; 10 by default.", "N",
        commands=("load",),
    ),
    Setting(
        "WORKERS", _number(int, 1, "1"), "Send from N processes; 1 by default.", "N",
        commands=("load",),
    ),
    Setting(
        "PAUSE", _number(float, 0, "0.1"),
        "Let each user wait S seconds between two operations; 0.1.", "S", commands=("load",),
    ),
    Setting(
        "SAMPLE", _sample, "Check this share of the builds; all by default.", "SHARE",
        commands=("load",),
    ),
    Setting(
        "P99", _number(float, 1, "800"), "Fail if an operation's 99th percentile is over MS.", "MS",
        commands=("load",),
    ),
    Setting(
        "ERRORS", _errors, "Let so many requests fail, as 5 or 0.1%; none by default.", "N",
        commands=("load",),
    ),
    Setting(
        "VIOLATIONS", _number(int, 0, "0"), "Let N exchanges violate rules; none by default.", "N",
        commands=("load",),
    ),
    Setting(
        "LISTEN", _address, "Wait there for WORKERS of other machines, and start none.",
        "HOST:PORT", commands=("load",),
    ),
    Setting(
        "MASTER", _address, "Start WORKERS for the run that listens there.", "HOST:PORT",
        commands=("load",),
    ),
)  # fmt: skip
SETTINGS = {one.name: one for one in _DECLARED}
"""Every setting, by its name. The Makefile, docs/gate.md and the action are tested against it."""
LOAD = tuple(one.name for one in _DECLARED if one.commands == ("load",))
"""The settings of load alone."""
