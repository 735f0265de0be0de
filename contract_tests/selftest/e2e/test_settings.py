"""Settings and patterns of the matrix: reading, validation, and the command that repeats a run."""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.dev.makefile import takes

from ... import cli, usage
from ...contract import documents
from ...contract.api import IMAGES
from ...contract.openapi import PATH
from ...gate.target import GateError, Target
from ...rules import RULES
from ...settings import LOAD, PREFIX, SETTINGS, Setting, from_environment
from ...verdicts import coverage
from ...verdicts.coverage import Cell
from ..support.ci_job import ACTIONS

ROOT = PATH.parent
URL = {"CONTRACT_TARGET": "http://127.0.0.1:8000", "CONTRACT_TOKEN": "some-long-token"}


def message_of(environment: dict[str, str]) -> str:
    """Return the message of the error that settings raise."""
    with pytest.raises(GateError) as caught:
        from_environment(environment)
    assert str(caught.value).startswith("problem: ")
    assert "fix: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        ({"CONTRACT_TARGTE": "http://127.0.0.1:9"}, "use CONTRACT_TARGET"),
        ({"CONTRACT_LEVEL": "mus"}, "use must"),
        ({"CONTRACT_RULE": "T55"}, "use T5"),
        (
            {"CONTRACT_RULE": "T5,c1"},
            "make gate judges the client too; image-build-contract rules C1",
        ),
        ({"CONTRACT_RULE": "C10"}, "leave it out, or make proxy RULE=C10; "),
        ({"CONTRACT_REQUIRE": "C6"}, "REQUIRE: C6 is about the generated client"),
        ({"CONTRACT_REQUIRE": "C7"}, "make proxy RULE=C7"),
        ({"CONTRACT_FAULT": "completed-nul"}, "use completed-null"),
        ({"CONTRACT_PROFILE": "stateles"}, "use stateless"),
        ({"CONTRACT_PROFILE": "stateless", "CONTRACT_REQUIRE": "T1,L2"}, "names L2"),
        ({"CONTRACT_PROFILE": "stateless", "CONTRACT_RULE": "L2,P4"}, "judges none"),
        ({**URL, "CONTRACT_PROFILE": "stateless", "CONTRACT_BUILD_ID": "b"}, "leave PROFILE out"),
        ({"CONTRACT_SEED": "one"}, "is not a whole number"),
        ({"CONTRACT_DATABASE": "http://host"}, "DATABASE=redis://host"),
        ({"CONTRACT_SEED": "1.5"}, "is not a whole number"),
        ({"CONTRACT_RATE": "nan"}, "is not a number"),
        ({"CONTRACT_RATE": "0"}, "is not a number"),
        ({"CONTRACT_DEADLINE": "inf"}, "is not a number"),
        ({"CONTRACT_MAX_REQUESTS": "0"}, "MAX_REQUESTS"),
        ({"CONTRACT_MAX_BUILDS": "-1"}, "MAX_BUILDS"),
        ({"CONTRACT_DRY_RUN": "yes"}, "use 1"),
        ({"CONTRACT_STUCK_AFTER": "0.5"}, "not a number from 1 on"),
        ({"CONTRACT_REQUIRE": "T99"}, "has no known status"),
        ({"CONTRACT_REQUIRE": "delete_images"}, "has no known status"),
        ({"CONTRACT_CLEANUP": "onl"}, "use only"),
        ({"CONTRACT_CLEANUP": "only"}, "needs a TARGET"),
        ({"CONTRACT_REQUIRE": "COMPLETED:maybe"}, "absent, null, set"),
        ({"CONTRACT_REQUIRE": "T5", "CONTRACT_RULE": "T4"}, "leaves out"),
        ({"CONTRACT_WAIVERS": "no-such-file.toml"}, "No such file"),
        ({"CONTRACT_CA_BUNDLE": "no-such-file"}, "is not a file"),
        ({"CONTRACT_DOCKERFILE": "no-such-file"}, "is not a file"),
        ({**URL, "CONTRACT_TARGET": "https://api.test"}, "PROFILE=production"),
        ({**URL, "CONTRACT_TARGET": "http://10.0.0.1", "CONTRACT_RATE": "1"}, "PROFILE=full"),
        ({**URL, "CONTRACT_UPLOAD_HOSTS": "http://a"}, "is not a host"),
        ({"CONTRACT_UPLOAD_HOSTS": "a"}, "needs a TARGET"),
        ({"CONTRACT_HEADERS": "x"}, "neither a header nor"),
        ({"CONTRACT_HEADERS": "{}"}, "neither a header nor"),
        ({"CONTRACT_HEADERS": "[" * 5000}, "neither a header nor"),
        ({"CONTRACT_HEADERS": "Authorization: Bearer x"}, "Authorization, which the gate sets"),
        ({"CONTRACT_HEADERS": "X Team: a"}, "whose name is not"),
        ({"CONTRACT_HEADERS": '{"X-Team": 1}'}, "X-Team that is not a text"),
        ({"CONTRACT_HEADERS": "X-Team: a\r\nX-Evil: b"}, "X-Team that is not printable ASCII"),
        ({"CONTRACT_RULE": " , ,"}, "has nothing in it"),
        ({"CONTRACT_REQUIRE": ","}, "has nothing in it"),
        ({"CONTRACT_SEED": "\udcff"}, "is not valid UTF-8"),
        ({"CONTRACT_SEED": "9" * 9000}, "has 9000 bytes"),
        ({"CONTRACT_DOCKERFILE": "x" * 5000}, "is not a file"),
        ({"CONTRACT_DOCKERFILE": sys.executable}, "cannot be read"),
        ({"CONTRACT_BUILD_ID": "b"}, "needs a TARGET"),
        ({"CONTRACT_PROXY": "http://127.0.0.1:1"}, "needs a TARGET"),
        ({"CONTRACT_TARGET": "http://127.0.0.1:8000"}, "CONTRACT_TOKEN"),
        ({"CONTRACT_TARGET": "http://127.0.0.1:8000", "CONTRACT_DRY_RUN": "0"}, "CONTRACT_TOKEN"),
        ({"CONTRACT_START": "./serve"}, "needs a TARGET"),
        ({"CONTRACT_TOKEN_FILE": sys.executable}, "TOKEN_FILE"),
        ({**URL, "CONTRACT_START": "./serve 'x"}, "no closing quotation"),
        ({**URL, "CONTRACT_START": "x" * 9000}, "has 9000 bytes"),
        ({**URL, "CONTRACT_START": "./serve \udcff"}, "is not valid UTF-8"),
        ({**URL, "CONTRACT_TARGET": "127.0.0.1:8000"}, "is not an http(s) URL"),
        ({**URL, "CONTRACT_TARGET": "ftp://127.0.0.1"}, "is not an http(s) URL"),
        ({**URL, "CONTRACT_TARGET": "http://127.0.0.1:99999"}, "is not an http(s) URL"),
        ({**URL, "CONTRACT_TARGET": "http://[::1"}, "is not an http(s) URL"),
        ({**URL, "CONTRACT_TARGET": "http://127.0.0.1/?a=b"}, "is not an http(s) URL"),
        ({**URL, "CONTRACT_TARGET": "http://127.0.0.1/p/api/v2"}, "TARGET=http://127.0.0.1/p"),
        ({**URL, "CONTRACT_TARGET": "http://user:pass@127.0.0.1"}, "CONTRACT_TOKEN"),
        ({**URL, "CONTRACT_FAULT": "completed-null"}, "leave TARGET out"),
        ({**URL, "CONTRACT_TOKEN": "a token"}, "CONTRACT_TOKEN"),
    ],
)
def test_invalid_setting_raises_with_a_fix(environment: dict[str, str], part: str) -> None:
    """An unknown setting or value is an error with the nearest valid one."""
    assert part in message_of(environment)


TARGET = {"CONTRACT_TARGET": URL["CONTRACT_TARGET"]}


@pytest.mark.parametrize(
    "content", [b"some-long-token", b"some-long-token\n", b" some-long-token\r\n\n", b"a==\n"]
)
def test_token_is_read_from_a_file(content: bytes, tmp_path: Path) -> None:
    """As an editor or echo leaves it; the command that repeats a failure names the file."""
    file = tmp_path / "token"
    file.write_bytes(content)
    target = from_environment({**TARGET, "CONTRACT_TOKEN_FILE": str(file)})

    assert target.token == content.decode().strip()
    assert target.token not in repr(target)
    assert target.repeat(RULES["T5"]).endswith(f"TOKEN_FILE={file}")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "has nothing in it"), (b" \n\n", "has nothing in it"),
        (b"some-long-token\nother", "has several lines"), (b"some\rother", "valid bearer token"),
        (b"some long-token", "valid bearer token"), (b"\xff\xfesome", "valid bearer token"),
        (b"some\0", "valid bearer token"), (b"x" * 9000, "has more than 8192 bytes"),
        (b"-----BEGIN KEY-----\n" * 9, "has several lines"),
    ],
)  # fmt: skip
def test_file_without_a_token_is_a_problem(content: bytes, part: str, tmp_path: Path) -> None:
    """Which shows nothing of it."""
    file = tmp_path / "file"
    file.write_bytes(content)
    message = message_of({**TARGET, "CONTRACT_TOKEN_FILE": str(file)})

    assert part in message
    assert "some" not in message.replace(str(file), "")


@pytest.mark.parametrize("name", [".", "missing", "x" * 300, "/dev/zero", "/dev/stdin"])
def test_token_file_that_is_not_a_file_is_a_problem(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits for a device."""
    monkeypatch.chdir(tmp_path)

    assert "TOKEN_FILE is not a file" in message_of({**TARGET, "CONTRACT_TOKEN_FILE": name})


def test_two_tokens_are_a_problem(tmp_path: Path) -> None:
    """One of them would be ignored."""
    (tmp_path / "token").write_text("some-long-token")

    assert "beside TOKEN_FILE" in message_of(
        {**URL, "CONTRACT_TOKEN_FILE": str(tmp_path / "token")}
    )


def test_plan_needs_no_token() -> None:
    """It sends nothing."""
    assert from_environment({**TARGET, "CONTRACT_DRY_RUN": "1"}).dry_run


def test_token_is_not_shown() -> None:
    """Neither in the error for an invalid one, nor in the repr of the target."""
    message = message_of({**URL, "CONTRACT_TOKEN": "s3cret t0ken"})
    target = from_environment({**URL, "CONTRACT_HEADERS": "X-Key: s3cret-key"})

    assert "s3cret" not in message
    assert "some-long-token" not in repr(target)
    assert "s3cret-key" not in repr(target)


def test_each_setting_is_read_into_the_target() -> None:
    """With its type; lists may be separated by commas or spaces."""
    target = from_environment({
        **URL, "CONTRACT_LEVEL": "MUST", "CONTRACT_RULE": "t1, P6", "CONTRACT_SEED": "7",
        "CONTRACT_MAX_BUILDS": "5", "CONTRACT_MAX_REQUESTS": "90", "CONTRACT_RATE": "2.5",
        "CONTRACT_DEADLINE": "60", "CONTRACT_DRY_RUN": "1", "CONTRACT_BUILD_ID": "b/7",
        "CONTRACT_REQUIRE": "T1,FAILED:set artifact:COMPLETED:set:set",
        "CONTRACT_HEADERS": '{"X-Team": "a", "X-Stage": "b"}', "CONTRACT_PROXY": "http://p:3128",
        "CONTRACT_UPLOAD_HOSTS": "storage.test, [::1]:9000", "CONTRACT_PROFILE": "Full",
    })  # fmt: skip

    assert [rule.id for rule in target.rules] == ["P6", "T1"]
    assert (target.url, target.token) == (URL["CONTRACT_TARGET"], "some-long-token")
    budget = target.budget
    assert (budget.builds, budget.requests, budget.rate, budget.deadline) == (5, 90, 2.5, 60)
    assert (target.seed, target.dry_run, target.build_id) == (7, True, "b/7")
    assert target.profile == "full"
    assert target.require == ("T1", "FAILED:set", "artifact:COMPLETED:set:set")
    assert target.headers == {"X-Team": "a", "X-Stage": "b"}
    assert target.proxy == "http://p:3128"
    assert target.upload_hosts == ("storage.test", "[::1]:9000")


@pytest.mark.parametrize(
    "more",
    [
        {"PROFILE": "full"}, {"PROFILE": "production"}, {"PROFILE": "stateless"},
        {"MAX_BUILDS": "3"}, {"BUILD_ID": "b"}, {"DRY_RUN": "1"},
        *({"TARGET": f"http://{host}"} for host in (
            "localhost:8", "127.1.2.3", "[::1]:8", "127.1", "a.localhost", "[::ffff:127.0.0.1]",
        )),
    ],
    ids=str,
)  # fmt: skip
def test_full_away_from_loopback_is_named_or_bounded(more: dict[str, str]) -> None:
    """Everything else is fine there, and so is full on this machine."""
    given = {f"CONTRACT_{name}": value for name, value in more.items()}
    target = from_environment({**URL, "CONTRACT_TARGET": "https://api.test", **given})
    again = given_by(target.repeat(RULES["T1"]))

    assert from_environment({**URL, **again}).profile == target.profile


def test_blank_setting_counts_as_not_set() -> None:
    """CI systems set empty variables. Variables of other programs are ignored."""
    assert from_environment({"CONTRACT_TARGET": " ", "HOME": "/"}).url is None


@pytest.mark.parametrize("token", ["a", "1", "true", "build", "tok/with+all~the._-signs=="])
def test_any_bearer_token_is_accepted(token: str) -> None:
    """However short, and if it looks like another value; surrounding blanks are stripped."""
    target = from_environment({**URL, "CONTRACT_TOKEN": f" {token}\n"})

    assert target.token == token


COMMANDS = dict(cli.each())
TAKES = takes((ROOT / "Makefile").read_text())
ACTION = documents.load(ACTIONS["gate"])
# Settings that make no sense for a server in CI.
# The action starts a server by its own command, and a secret of CI is in no file.
NOT_IN_CI = {
    "CA_BUNDLE", "CLEANUP", "DATABASE", "DRY_RUN", "FAULT", "PROXY", "SEED", "SERVER_ONLY", "START",
    "TOKEN_FILE", *LOAD,
}  # fmt: skip


def test_make_and_action_have_no_unknown_settings() -> None:
    """A removed setting must be removed there too."""
    own = {"CLIENT_PAGE", "HAR", "PAGE", "PORT", "SCENARIO"}  # arguments, not settings
    given = {name for command in ("gate", "judge", "load", "serve") for name in TAKES[command]}
    [gate] = [step for step in ACTION["runs"]["steps"] if step.get("id") == "gate"]
    read = {name for name in gate["env"] if name.startswith(PREFIX)}

    assert given - own <= {*SETTINGS}
    assert {name.removeprefix(PREFIX) for name in read} <= {*SETTINGS}


@pytest.mark.parametrize("one", SETTINGS.values(), ids=lambda one: one.name)
def test_setting_is_the_same_for_make_options_docs_and_action(one: Setting) -> None:
    """Each has the settings declared for it; a secret is not a command-line option."""
    page = (ROOT / f"docs/{'load' if one.name in LOAD else 'gate'}.md").read_text()
    wanted = {
        name: name in one.commands and not one.is_secret
        for name in ("gate", "judge", "load", "serve")
    }
    [gate] = [step for step in ACTION["runs"]["steps"] if step.get("id") == "gate"]
    given = one.name.lower().replace("_", "-")

    assert re.search(rf"`{one.name}=|`{one.variable}`", page)
    assert {name: one.name in TAKES[name] for name in wanted} == wanted
    if not one.is_secret:
        for name in ("gate", "judge", "load"):  # serve has a --seed of its own
            options = [word for param in COMMANDS[name].params for word in param.opts]
            assert (usage.option(one.name) in options) is wanted[name]
    assert (given in ACTION["inputs"]) is (one.name not in NOT_IN_CI)
    if given in ACTION["inputs"]:
        assert gate["env"][one.variable] == f"${{{{ inputs.{given} }}}}"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("COMPLETED", True), ("group:COMPLETED", True), ("COMPLETED:set:null", True),
        ("artifact:COMPLETED", False), ("COMPLETED:null", False), ("COMPLETED:set:set", False),
        ("FAILED", False),
    ],
)  # fmt: skip
def test_pattern_matches_a_cell(pattern: str, matches: bool) -> None:
    """By its parts from the left; missing parts match anything."""
    assert coverage.problem(pattern, IMAGES) is None
    assert coverage.matches(pattern, Cell("group", "COMPLETED", "set", "null")) is matches


def test_repeat_names_the_target() -> None:
    """A URL and build, a fault, or none for the reference server."""
    rule = RULES["T5"]

    assert Target().repeat(rule) == "make gate RULE=T5"
    assert Target(fault="completed-null").repeat(rule).endswith(" FAULT=completed-null")
    given: Any = Target(url="http://h", build_id="b")
    assert given.repeat(rule) == "make gate RULE=T5 TARGET=http://h BUILD_ID=b"


def test_password_of_a_url_is_not_shown() -> None:
    """Of a proxy and of a target."""
    for name, value in (
        ("TARGET", "http://me:s3cret@127.0.0.1/api/v1"), ("TARGET", "ftp://me:s3cret@127.0.0.1"),
        ("PROXY", "ftp://me:s3cret@127.0.0.1"),
    ):  # fmt: skip
        assert "s3cret" not in message_of({**URL, f"CONTRACT_{name}": value})
    target = from_environment({**URL, "CONTRACT_PROXY": "http://me:s3cret@127.0.0.1"})

    assert "s3cret" not in repr(target) + target.repeat(RULES["T5"])


def given_by(command: str) -> dict[str, str]:
    """Return the settings that a shell passes to make for a command line."""
    words = shlex.split(command)

    assert words[:2] == ["make", "gate"]
    return {
        f"CONTRACT_{name}": value for name, _, value in (one.partition("=") for one in words[2:])
    }


def test_repeat_has_every_relevant_setting(tmp_path: Path) -> None:
    """Quoted for a shell, whatever blanks and quotes the values contain."""
    quoted = tmp_path / 'it\'s a $HOME `x` "y"'
    quoted.mkdir()
    dockerfile, waived = quoted / "Dockerfile", quoted / "waivers.toml"
    dockerfile.write_text("FROM scratch\n")
    waived.write_text('[[waiver]]\nrule = "T5"\nreason = "r"\nexpires = 2999-01-01\n')
    given = {
        **URL, "CONTRACT_LEVEL": "must", "CONTRACT_SEED": "7", "CONTRACT_MAX_BUILDS": "1",
        "CONTRACT_START": "sh -c 'PORT=1 ./serve \"$HOME\"' && x",
        "CONTRACT_MAX_REQUESTS": "1234567", "CONTRACT_RATE": "2.5", "CONTRACT_DEADLINE": "60",
        "CONTRACT_BUILD_ID": "b 'x' $y", "CONTRACT_DOCKERFILE": str(dockerfile),
        "CONTRACT_CA_BUNDLE": str(dockerfile), "CONTRACT_PROXY": "http://127.0.0.1:3128",
        "CONTRACT_UPLOAD_HOSTS": "storage.test,10.0.0.1:9000",
        "CONTRACT_HEADERS": json.dumps({"X-Team": "a \"b\"", "X-Stage": "it's"}),
        "CONTRACT_REQUIRE": "P1", "CONTRACT_RULE": "P1,P2", "CONTRACT_WAIVERS": str(waived),
    }  # fmt: skip
    target = from_environment(given)
    again = given_by(target.repeat(RULES["P1"]))

    assert "CONTRACT_TOKEN" not in again
    assert from_environment({**URL, **again}) == replace(
        target, rule=("P1",), require=(), waivers=(), files={"DOCKERFILE": str(dockerfile)}
    )
    assert given_by(target.repeat(RULES["T5"]))["CONTRACT_WAIVERS"] == str(waived)


@pytest.mark.parametrize("fault", [None, "completed-null"])
def test_repeat_leaves_defaults_out(fault: str | None) -> None:
    """If all settings have their defaults, only the rule is given."""
    expected = {"CONTRACT_RULE": "T5"} | ({"CONTRACT_FAULT": fault} if fault else {})

    assert given_by(Target(fault=fault).repeat(RULES["T5"])) == expected


def test_repeat_of_a_check_names_no_rule() -> None:
    """RULE accepts no checks of schemathesis: they run only with all rules."""
    check = replace(RULES["P5"], id="schemathesis:not_a_server_error")

    assert given_by(Target(seed=7).repeat(check)) == {"CONTRACT_SEED": "7"}


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"X-Team": "a"}, "X-Team: a"),
        ({"X-Team": "team-of-eight"}, "X-Team: <secret>"),
        ({"X-Api-Key": "abc"}, "X-Api-Key: <secret>"),
        ({"A": "1", "Cookie": "s=1"}, '{"A": "1", "Cookie": "<secret>"}'),
    ],
)
def test_repeat_shows_no_secret_header(headers: dict[str, str], shown: str) -> None:
    """Its name is shown, so that the user knows which value to fill in."""
    assert given_by(Target(headers=headers).repeat(RULES["T5"]))["CONTRACT_HEADERS"] == shown
