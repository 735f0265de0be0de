"""The proxy: what passes is what was sent, and what is seen is judged."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from ... import settings
from ...drivers.proxy import app as proxy_app
from ...gate.target import Target
from ...judge import judged
from ...reference.app import create_app
from ...reference.faults import FAULTS, apply
from ...reference.over_sockets import running
from ...rules import RULES, TRAFFIC_RULES
from ...tape.exchange import Credential
from ..support import fastapi_server, hostile, taped
from ..support.judging import judge_server
from ..support.proxied import (
    CONTEXT,
    Passing,
    answer,
    passing,
    raw,
    scripted,
    small,
)
from ..support.reference_server import AUTH, BUILD, NAMED, OCTETS, TOKEN
from ..support.stateless_mock import Mock
from ..support.unprovoked import UNPROVOKED
from .test_bounded import with_certificate

CLOSED = b"Connection: close\r\n"


def test_request_passes_to_the_byte() -> None:
    """The target, header values in their order, repeated ones, and the body; Host is the target's.

    Names of headers are in lower case, what is of the connection is left out, and Via is added.
    """
    body = b'{"image_name":\t"w\xc3\xa9b", "image_tag": "v1" }\r\n'
    target = b"/base/api/v1/images/build?a=%2f&&b=%7E~;c=[x]"
    sent = (
        b"POST " + target[5:] + b" HTTP/1.1\r\nHost: client.example\r\nX-B:  two  words \r\n"
        b"X-A: 1\r\nX-B: again\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n"
        b"Accept-Encoding: br;q=1.0, gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body

    with scripted(answer(b"{}")) as (url, got), passing(f"{url}/base") as proxied:
        raw(proxied.url, sent)
        where = url.removeprefix("http://").encode()

    assert [re.sub(rb"\r\nvia: 1\.1 image-build-contract-\w+", b"", one) for one in got] == [
        b"POST " + target + b" HTTP/1.1\r\nhost: " + where + b"\r\nx-b: two  words\r\nx-a: 1\r\n"
        b"x-b: again\r\naccept-encoding: br;q=1.0, gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
        + body
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{BUILD}/bld_1", gzip.compress(b'{"id": "bld_1"}', mtime=0)),
        (f"{BUILD}/bld_1", b"\xff\x00 not JSON"),
        ("/elsewhere?x=1", b"\x00" * 100_000),
        (BUILD, b'{"upload_url": "https://storage.example/x"'),
    ],
)
def test_response_passes_to_the_byte(path: str, content: bytes) -> None:
    """Of the contract or not: header names, values and order, content codings, body."""
    headers = (b"Server: x/1", b"Set-Cookie: a=1", b"content-ENCODING: gzip", b"Set-Cookie: b=2")
    sent = answer(content, *headers)

    with scripted(sent) as (url, _), passing(url) as proxied:
        request = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode()
        received = raw(proxied.url, request)

    assert received == sent.replace(b"\r\n\r\n", b"\r\n" + CLOSED + b"\r\n", 1)


def test_chunked_request_stays_chunked() -> None:
    """With no length of the proxy's own; a request without a body gets none."""
    with (
        scripted(answer(b"{}"), answer(b"{}")) as (url, got),
        passing(url) as proxied,
    ):
        proxied.client.post(f"{proxied.url}/x", content=iter([b"ab", b"cd"]))
        proxied.client.request("POST", f"{proxied.url}/x", headers={"content-length": "0"})

    assert b"\r\ntransfer-encoding: chunked\r\n" in got[0]
    assert b"content-length" not in got[0]
    assert b"transfer-encoding" not in got[1]


def test_whole_build_of_an_ordinary_client_violates_nothing(passed: Passing) -> None:
    """And its traffic is observed: by the rules of both sides, without a token that was given."""
    passed.build()
    observed = {name for name, verdict in passed.run.verdicts.items() if verdict.observed}

    assert passed.violated == set()
    assert observed >= {"P1", "P6", "P11", "S1", "T1", "T5", "T7", "L3", "L5", "L9", "C7"}
    assert {one.request.credential for one in passed.run.tape.exchanges} == {
        Credential.VALID, Credential.ABSENT,
    }  # fmt: skip


def test_what_was_not_seen_proves_nothing() -> None:
    """An upload that goes past the proxy, and a build that others made: no L8, no L9, no L10."""
    with running(create_app(token=TOKEN, build_seconds=0)) as url, passing(url) as passed:
        _past_the_proxy(url, passed)

    assert passed.violated == set()
    assert passed.run.completed == 1


def _past_the_proxy(reference: str, passed: Passing) -> None:
    issued = passed.initiate()
    original = passed.run.tape.exchanges[0].upload_url
    assert original is not None
    httpx.put(original, content=CONTEXT, headers=OCTETS, trust_env=False).raise_for_status()
    place = f"{BUILD}/{issued['build_id']}"
    passed.send("POST", f"{place}/start", json={})
    other = httpx.post(f"{reference}{BUILD}", json=NAMED, headers=AUTH, trust_env=False).json()
    for build in (issued, other, {"build_id": "unknown"}):
        passed.send("GET", f"{BUILD}/{build['build_id']}")


@pytest.mark.parametrize(
    "fault",
    [
        "initiate-200", "json-bom", "expires-in-zero", "upload-403", "no-allow", "status-cached",
        "status-queued", "artifact-type-lower-case", "created-null", "completed-null",
        "status-naive", "id-of-artifact",
    ],
)  # fmt: skip
def test_fault_of_the_server_is_found_in_the_traffic(fault: str) -> None:
    """Under the rule that the gate finds it by; the client is not to blame."""
    app = apply(create_app(token=TOKEN, build_seconds=0), fault, TOKEN)
    with running(app) as url, passing(url) as proxied:
        proxied.build()
        proxied.send("PATCH", BUILD)

    assert FAULTS[fault].rule in proxied.violated
    assert not {one for one in proxied.violated if one.startswith("C")}


@pytest.mark.slow
def test_gate_finds_through_the_proxy_what_it_finds_without() -> None:
    """The same rules pass, and the rest of them are as little observed."""
    with running(create_app(token=TOKEN, build_seconds=0.08)) as url, passing(url) as proxied:
        done = judge_server(Target(url=proxied.url, token=TOKEN), fuzzing=False)

    passed = {rule for rule in RULES if done.verdicts[rule].outcome == "passed"}
    assert {*RULES} - passed == UNPROVOKED
    # The gate repeats and polls on purpose, and its invalid tokens are not known as such.
    assert proxied.violated <= {"C8", "C9", "C10"}


@pytest.mark.parametrize("profile", ["full", "stateless"])
def test_mock_without_memory_is_judged_by_its_profile(profile: str) -> None:
    """What needs memory is violated, unless the profile names what the server is."""
    with running(Mock()) as url, passing(url, profile=profile) as proxied:
        proxied.initiate()
        proxied.send("POST", f"{BUILD}/x/start", json={})
        proxied.send("GET", f"{BUILD}/x")

    assert ("L5" in proxied.violated) is (profile == "full")
    assert proxied.run.verdicts["P6"].observed


@pytest.mark.parametrize("naive_times", [False, True])
def test_server_that_nobody_here_wrote_as_a_reference(naive_times: bool) -> None:
    """An ordinary FastAPI server passes; times without offset are T7's, and nothing else's."""
    app = fastapi_server.create_app(TOKEN, naive_times=naive_times)
    with fastapi_server.serving(app) as url, passing(url) as proxied:
        proxied.build()

    assert proxied.violated == ({"T7"} if naive_times else set())


def test_fail_fast_returns_what_is_violated_instead() -> None:
    """The build exists all the same; what is only advised, or the client's, passes."""
    app = apply(create_app(token=TOKEN, build_seconds=0), "completed-null", TOKEN)
    with running(app) as url, passing(url, fail_fast=True) as proxied:
        issued = proxied.initiate()
        proxied.upload(issued["upload_url"], Authorization=f"Bearer {TOKEN}")
        proxied.send("POST", f"{BUILD}/{issued['build_id']}/start", json={})
        status = proxied.send("GET", f"{BUILD}/{issued['build_id']}")

    assert status.status_code == 502
    [error] = status.json()["errors"]
    assert error["param"] == "T5"
    assert error["details"].startswith("$.completedAt: expected a date-time")
    assert "C7" in proxied.violated


def test_client_that_got_a_502_of_the_proxy_may_poll_on(tmp_path: Path) -> None:
    """It did not see the end of the build, so neither C9 nor C10 is about it."""
    app = apply(create_app(token=TOKEN, build_seconds=0), "completed-null", TOKEN)
    with running(app) as url, passing(url, fail_fast=True) as proxied:
        build_id = proxied.build()
        seen = [proxied.send("GET", f"{BUILD}/{build_id}").status_code for _ in range(6)]

    assert seen == [502] * 6
    assert proxied.violated == {"T5"}
    file = str(taped.written(proxied.run, tmp_path))
    assert {one for one, its in judged(file, [])[1].items() if its.violations} == {"T5"}


@pytest.mark.parametrize("rules", [[], [TRAFFIC_RULES["C7"]]])
def test_file_of_the_proxy_is_judged_by_the_rules_of_clients(
    rules: list[Any], tmp_path: Path
) -> None:
    """With those of a server, as the run was; any file where they are asked for."""
    with running(create_app(token=TOKEN, build_seconds=0)) as url, passing(url) as proxied:
        issued = proxied.initiate()
        proxied.upload(issued["upload_url"], Authorization=f"Bearer {TOKEN}")

    verdicts = judged(str(taped.written(proxied.run, tmp_path)), rules)[1]

    assert {one for one, its in verdicts.items() if its.violations} == {"C7"} == proxied.violated
    assert {*verdicts} == ({"C7"} if rules else {*RULES, *TRAFFIC_RULES})


def test_waived_violation_passes_under_fail_fast(tmp_path: Path) -> None:
    """It does not fail the run."""
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\nrule = "T5"\nreason = "r"\nexpires = 2999-01-01\n')
    given = settings.from_environment({"CONTRACT_WAIVERS": str(waivers)}, "proxy").waivers
    app = apply(create_app(token=TOKEN, build_seconds=0), "completed-null", TOKEN)
    with running(app) as url, passing(url, fail_fast=True, waivers=given) as proxied:
        build_id = proxied.build()
        status = proxied.send("GET", f"{BUILD}/{build_id}")

    assert status.json()["completedAt"] is None


def test_body_that_is_too_large_to_judge_passes_whole() -> None:
    """It is not recorded, and so nothing is said of it."""
    content = json.dumps({"id": "bld_1", "more": "x" * 5000}).encode()
    with (
        scripted(answer(content, b"Content-Type: application/json")) as (url, got),
        passing(url) as proxied,
    ):
        small(proxied, 1000)
        received = proxied.send("POST", f"{BUILD}/bld_1/start", content=b"y" * 5000)

    assert received.content == content
    assert got[0].endswith(b"y" * 5000)
    [exchange] = proxied.run.tape.exchanges
    assert (exchange.request.content, exchange.response.content) == (None, None)


def test_coding_that_cannot_be_read_is_not_judged() -> None:
    """A client may accept brotli; whoever cannot read it has nothing to say of the body."""
    headers = (b"Content-Type: application/json", b"Content-Encoding: br")
    with scripted(answer(b"\x0b\x02", *headers)) as (url, _), passing(url) as proxied:
        received = proxied.client.get(f"{proxied.url}{BUILD}/bld_1", headers=AUTH)

    assert received.headers["content-encoding"] == "br"
    assert proxied.violated == set()


def test_so_much_is_recorded_and_no_more(
    passed: Passing, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Traffic passes on, and one line says that it is not judged any more."""
    monkeypatch.setattr(proxy_app, "MOST_IN_ALL", 1000)
    for _ in range(5):
        passed.initiate()

    assert passed.proxy.is_full
    assert 1 <= len(passed.run.tape.exchanges) < 5
    assert capsys.readouterr().out.count("nothing more is judged") == 1


@pytest.mark.parametrize("is_trusted", [True, False])
def test_server_behind_tls(tmp_path: Path, is_trusted: bool) -> None:
    """CA_BUNDLE names its certificate; an untrusted one is a 502 that says so."""
    with (
        with_certificate(tmp_path) as (url, certificate),
        passing(url, ca_bundle=certificate if is_trusted else None) as proxied,
    ):
        received = proxied.send("GET", f"{BUILD}/x")

    assert received.status_code == (200 if is_trusted else 502)
    assert ("TLS failed: self" in received.text) is not is_trusted


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_server_behind_a_proxy(scheme: str) -> None:
    """PROXY gets the request for a name that only it resolves; its refusal is not a response."""
    refusing = hostile.answering(403, b"{}")
    there = f"{scheme}://images.invalid"
    with hostile.hostile(refusing) as other, passing(there, proxy=other) as proxied:
        received = proxied.send("GET", f"{BUILD}/x")

    assert received.status_code == (403 if scheme == "http" else 502)
    assert ("the proxy refused" in received.text) is (scheme == "https")


def test_other_paths_pass_and_are_not_judged() -> None:
    """The vendor's client calls more of the API than the contract has."""
    with scripted(answer(b"[]"), answer(b"[]")) as (url, _), passing(url) as proxied:
        assert proxied.send("GET", "/api/v1/user/whoami").content == b"[]"
        assert proxied.send("GET", "/api/v1/images").content == b"[]"

    assert proxied.run.tape.exchanges == []


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        ({}, Credential.ABSENT), ({"Cookie": "s=1"}, Credential.UNKNOWN),
        ({"X-Api-Key": "k"}, Credential.UNKNOWN),
        ({"Authorization": "Basic eDp5"}, Credential.UNKNOWN),
        ({"Authorization": "Bearer refused"}, Credential.UNKNOWN), (AUTH, Credential.VALID),
    ],
)  # fmt: skip
def test_credential_is_valid_once_it_was_accepted(
    passed: Passing, headers: dict[str, str], credential: Credential
) -> None:
    """Nobody gives the proxy a token, so one that is refused may have expired."""
    passed.client.post(f"{passed.url}{BUILD}", json=NAMED, headers=headers)

    assert passed.run.tape.exchanges[0].request.credential is credential
