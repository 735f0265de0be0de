"""Settings that need or exclude each other."""

from __future__ import annotations

from collections.abc import Mapping

from .. import usage
from ..gate.target import FULL, PRODUCTION, STATELESS, GateError, Load, Target
from ..rules import RULES
from ..usage import setting
from .values import EVERY_RULE, shown

# Users and workers of one command, at most; a run of several machines may have so many times more.
# While Locust makes a million users, it heeds neither a deadline nor a signal.
MOST, MACHINES = {"USERS": 10_000, "WORKERS": 100}, 10

NEED_TARGET = (
    "BUILD_ID", "PROXY", "CA_BUNDLE", "UPLOAD_HOSTS", "START", "TOKEN_FILE", "LISTEN", "MASTER",
)  # fmt: skip


def check_given(given: Mapping[str, str], program: str) -> None:
    """Raise ``GateError`` for settings of a command that do not go together."""
    if "BUILD_ID" in given and given.get("PROFILE", FULL).lower() != FULL:
        only = f"{setting('BUILD_ID')} only polls a build, whatever the {setting('PROFILE')}"
        raise GateError(only, f"leave {setting('PROFILE')} out")
    needy = [setting("CLEANUP", "only")] if given.get("CLEANUP") == "only" else []
    needy += [setting(name) for name in NEED_TARGET if name in given]
    if needy and "TARGET" not in given:
        fix = setting("TARGET", "http://host")
        raise GateError(f"{needy[0]} needs a {setting('TARGET')}", fix)
    if program == "load":
        _check_load(given)
    elif fault := given.get("FAULT"):
        from ..reference.faults import UNDER_LOAD

        if fault in UNDER_LOAD:
            raise GateError(f"{fault} shows only under load", usage.command("load", FAULT=fault))
    if "TARGET" not in given:
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


def _check_load(given: Mapping[str, str]) -> None:
    is_shared = "LISTEN" in given
    for name, one in MOST.items():
        limit = one * (MACHINES if is_shared else 1)
        if int(given.get(name, "1")) > limit:
            who = "several machines" if is_shared else "one command"
            more = "several runs" if is_shared else f"several machines, with {setting('LISTEN')}"
            what = f"{setting(name)} is more than {limit}, the most of {who}"
            raise GateError(what, f"{setting(name, str(limit))}, or {more}")
    given, workers = {"USERS": f"{Load().users}", **given}, int(given.get("WORKERS", "1"))
    for name in ("USERS", "MAX_BUILDS", "MAX_REQUESTS", "RATE"):
        most = workers / 100 if name == "RATE" else workers
        if float(given.get(name, "inf")) < most:
            what = f"{setting(name, given[name])} is too little for {workers} workers"
            raise GateError(what, f"{setting(name, f'{most:g}')}, or fewer {setting('WORKERS')}")
    if "LISTEN" in given and "MASTER" in given:
        fix = f"{setting('MASTER')} where workers are to run, {setting('LISTEN')} where one waits"
        raise GateError(f"{setting('LISTEN')} and {setting('MASTER')} exclude each other", fix)


def check_target(target: Target, *, names_profile: bool) -> None:
    """Raise ``GateError`` for what cannot be judged, and for much traffic without a profile."""
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
    if target.must_be_named and target.program == "load":
        fix = f"{setting('MAX_BUILDS', '10')}, and a {setting('RATE')}"
        what = f"{shown(str(target.url))} is not this machine, and load initiates without end"
        raise GateError(what, fix)
    if target.must_be_named and not names_profile and not target.dry_run:
        raise GateError(
            f"{shown(str(target.url))} is not this machine, and {setting('PROFILE', FULL)} "
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


def lacks_token(given: Mapping[str, str]) -> bool:
    """Whether settings name a target and no token; a plan needs none."""
    return (
        "TARGET" in given
        and not {"TOKEN", "TOKEN_FILE"} & {*given}
        and (given.get("DRY_RUN") != "1")
    )
