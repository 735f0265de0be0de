"""Settings and the matrix: what is read, and what is refused in which words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .. import matrix
from ..contract import PATH
from ..matrix import Cell
from ..rules import RULES
from ..settings import SETTINGS, from_environment
from ..target import GateError, Target

URL = {"CONTRACT_TARGET": "http://127.0.0.1:8000", "CONTRACT_TOKEN": "some-long-token"}


def refused(environment: dict[str, str]) -> str:
    """Return the words in which settings are refused."""
    with pytest.raises(GateError) as caught:
        from_environment(environment)
    assert str(caught.value).startswith("problem: ")
    assert "fix: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"CONTRACT_TARGTE": "http://127.0.0.1:9"}, "use TARGET"),
        ({"CONTRACT_LEVEL": "mus"}, "use must"),
        ({"CONTRACT_RULE": "T55"}, "use T5"),
        ({"CONTRACT_FAULT": "completed-nul"}, "use completed-null"),
        ({"CONTRACT_SEED": "one"}, "no whole number"),
        ({"CONTRACT_SEED": "1.5"}, "no whole number"),
        ({"CONTRACT_RATE": "nan"}, "no number"),
        ({"CONTRACT_RATE": "0"}, "no number"),
        ({"CONTRACT_DEADLINE": "inf"}, "no number"),
        ({"CONTRACT_MAX_REQUESTS": "0"}, "MAX_REQUESTS"),
        ({"CONTRACT_MAX_BUILDS": "-1"}, "MAX_BUILDS"),
        ({"CONTRACT_DRY_RUN": "yes"}, "use 1"),
        ({"CONTRACT_RULE": "T5", "CONTRACT_LEVEL": "must"}, "leave one out"),
        ({"CONTRACT_REQUIRE": "T9"}, "names no status"),
        ({"CONTRACT_REQUIRE": "COMPLETED:maybe"}, "absent, null, set"),
        ({"CONTRACT_REQUIRE": "T5", "CONTRACT_RULE": "T4"}, "leaves out"),
        ({"CONTRACT_WAIVERS": "no-such-file.toml"}, "No such file"),
        ({"CONTRACT_CA_BUNDLE": "no-such-file"}, "no file"),
        ({"CONTRACT_DOCKERFILE": "no-such-file"}, "no file"),
        ({"CONTRACT_HEADERS": "x"}, "X-Team"),
        ({"CONTRACT_HEADERS": "Authorization: Bearer x"}, "X-Team"),
        ({"CONTRACT_HEADERS": '{"X-Team": 1}'}, "X-Team"),
        ({"CONTRACT_HEADERS": "X-Team: a\r\nX-Evil: b"}, "X-Team"),
        ({"CONTRACT_BUILD_ID": "b"}, "needs a TARGET"),
        ({"CONTRACT_PROXY": "http://127.0.0.1:1"}, "needs a TARGET"),
        ({"CONTRACT_TARGET": "http://127.0.0.1:8000"}, "CONTRACT_TOKEN"),
        ({**URL, "CONTRACT_TARGET": "127.0.0.1:8000"}, "no http URL"),
        ({**URL, "CONTRACT_TARGET": "ftp://127.0.0.1"}, "no http URL"),
        ({**URL, "CONTRACT_TARGET": "http://127.0.0.1:99999"}, "no http URL"),
        ({**URL, "CONTRACT_TARGET": "http://[::1"}, "no http URL"),
        ({**URL, "CONTRACT_TARGET": "http://127.0.0.1/?a=b"}, "no http URL"),
        ({**URL, "CONTRACT_TARGET": "http://user:pass@127.0.0.1"}, "CONTRACT_TOKEN"),
        ({**URL, "CONTRACT_FAULT": "completed-null"}, "leave TARGET out"),
        ({**URL, "CONTRACT_TOKEN": "a token"}, "no bearer token"),
    ],
)
def test_settings_are_refused(environment: dict[str, str], told: str) -> None:
    """An unknown setting or value is an error that says what would do."""
    assert told in refused(environment)


def test_the_token_is_not_shown() -> None:
    """Neither where it is refused, nor by what it is read into."""
    words = refused({**URL, "CONTRACT_TOKEN": "s3cret t0ken"})
    target = from_environment({**URL, "CONTRACT_HEADERS": "X-Key: s3cret-key"})

    assert "s3cret" not in words
    assert "some-long-token" not in repr(target)
    assert "s3cret-key" not in repr(target)


def test_settings_are_read() -> None:
    """Each of them lands in the target."""
    target = from_environment({
        **URL, "CONTRACT_LEVEL": "MUST", "CONTRACT_RULE": "t1, P6", "CONTRACT_SEED": "7",
        "CONTRACT_MAX_BUILDS": "5", "CONTRACT_MAX_REQUESTS": "90", "CONTRACT_RATE": "2.5",
        "CONTRACT_DEADLINE": "60", "CONTRACT_DRY_RUN": "1", "CONTRACT_BUILD_ID": "b/7",
        "CONTRACT_REQUIRE": "T1,FAILED:set artifact:COMPLETED:set:set",
        "CONTRACT_HEADERS": '{"X-Team": "a", "X-Stage": "b"}', "CONTRACT_PROXY": "http://p:3128",
    })  # fmt: skip

    assert [rule.id for rule in target.rules] == ["P6", "T1"]
    assert (target.url, target.token) == (URL["CONTRACT_TARGET"], "some-long-token")
    budget = target.budget
    assert (budget.builds, budget.requests, budget.rate, budget.deadline) == (5, 90, 2.5, 60)
    assert (target.seed, target.dry_run, target.build_id) == (7, True, "b/7")
    assert target.require == ("T1", "FAILED:set", "artifact:COMPLETED:set:set")
    assert target.headers == {"X-Team": "a", "X-Stage": "b"}
    assert target.proxy == "http://p:3128"


def test_what_is_empty_is_not_set() -> None:
    """CI systems set variables that are empty; other programs have variables of their own."""
    assert from_environment({"CONTRACT_TARGET": " ", "HOME": "/"}).url is None


@pytest.mark.parametrize("token", ["a", "1", "true", "build", "tok/with+all~the._-signs=="])
def test_any_bearer_token_will_do(token: str) -> None:
    """However short, and whatever else it may mean; blanks around it are no part of it."""
    target = from_environment({**URL, "CONTRACT_TOKEN": f" {token}\n"})

    assert target.token == token


@pytest.mark.parametrize("name", list(SETTINGS))
def test_every_setting_is_told_of(name: str) -> None:
    """In docs/gate.md, and, but for the token, to make."""
    page = (PATH.parent / "docs/gate.md").read_text()
    makefile = (PATH.parent / "Makefile").read_text()
    settings = makefile.partition("SETTINGS := ")[2].partition("\n\n")[0]

    assert re.search(rf"`{name}=|`CONTRACT_{name}`", page)
    assert (name in settings.split()) is (name != "TOKEN")


@pytest.mark.parametrize(
    ("pattern", "does"),
    [
        ("COMPLETED", True), ("group:COMPLETED", True), ("COMPLETED:set:null", True),
        ("artifact:COMPLETED", False), ("COMPLETED:null", False), ("COMPLETED:set:set", False),
        ("FAILED", False),
    ],
)  # fmt: skip
def test_a_pattern_matches_a_cell(pattern: str, does: bool) -> None:
    """From the left, as far as it is spelled out."""
    assert matrix.problem(pattern) is None
    assert matrix.matches(pattern, Cell("group", "COMPLETED", "set", "null")) is does


def test_targets_are_told_by_name() -> None:
    """The command that repeats a judgement names what was judged."""
    rule = RULES["T5"]

    assert Target().repeat(rule) == "make gate RULE=T5"
    assert Target(fault="completed-null").repeat(rule).endswith(" FAULT=completed-null")
    given: Any = Target(url="http://h", build_id="b")
    assert given.repeat(rule) == "make gate RULE=T5 TARGET=http://h BUILD_ID=b"
