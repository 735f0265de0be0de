"""Uploads through the proxy: whose URL is another, where they go, and what must not be sent."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ...drivers.proxy.uploads import PATH, replaced
from ...tape.exchange import UPLOAD
from ..support.proxied import (
    ISSUED,
    Passing,
    answer,
    connected,
    issuing,
    passing,
    scripted,
)
from ..support.reference_server import BUILD, NAMED, TOKEN


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_only_the_upload_url_of_an_initiate_is_another(coding: str | None) -> None:
    """It leads through the proxy; the tape has the original, and no other byte is changed."""
    content = json.dumps(ISSUED, indent=3).replace("web:v1", "w\\u00e9b:v1").encode()
    packed = gzip.compress(content, mtime=0) if coding else content
    headers = [b"Content-Type: application/json", b"X-Of: server"]
    headers += [b"Content-Encoding: gzip"] if coding else []

    with (
        scripted(answer(packed, *headers, status=b"201 Created")) as (url, _),
        passing(url) as proxied,
    ):
        received = proxied.send("POST", BUILD, json=NAMED)

    through = received.json()["upload_url"]
    assert through.startswith(f"{proxied.url}{PATH}")
    assert received.content == content.replace(
        json.dumps(ISSUED["upload_url"]).encode(), json.dumps(through).encode()
    )
    assert received.headers["content-length"] == str(len(received.content))
    assert "content-encoding" not in received.headers
    assert proxied.run.tape.exchanges[0].upload_url == ISSUED["upload_url"]
    assert proxied.run.tape.exchanges[0].response.content == content


def test_client_by_another_name_uploads_by_that_name(passed: Passing) -> None:
    """A container knows the host of the proxy by another name."""
    named = {"Host": "host.docker.internal:9000"}
    issued = passed.send("POST", BUILD, json=NAMED, headers=named).json()
    junk = passed.send("POST", BUILD, json=NAMED, headers={"Host": "a b/../{x}"}).json()

    assert issued["upload_url"].startswith(f"http://host.docker.internal:9000{PATH}")
    assert junk["upload_url"].startswith(f"{passed.url}{PATH}")


@pytest.mark.parametrize("url", ["", "ftp://storage.example/x", "/relative", "http://", 7, None])
def test_unusable_upload_url_is_left_as_it_is(url: Any) -> None:
    """It violates P10 or P6, and the client sees what the server returned."""
    content = json.dumps({**ISSUED, "upload_url": url}).encode()
    with (
        scripted(answer(content, b"Content-Type: application/json", status=b"201 OK")) as (to, _),
        passing(to) as proxied,
    ):
        received = proxied.send("POST", BUILD, json=NAMED)

    assert received.content == content
    assert proxied.violated >= ({"P10"} if isinstance(url, str) else {"P6"})


@pytest.mark.parametrize("before", ["", '"a": {"upload_url": 1}, ', '"a": "\\"upload_url\\":", '])
@pytest.mark.parametrize("blank", ["", " \n\t"])
def test_value_of_a_key_is_replaced_where_it_stands(before: str, blank: str) -> None:
    """At the top of the object, and nowhere else."""
    content = f'{blank}{{{blank}{before}"upload_url"{blank}:{blank}"x"{blank}, "z": [1e400]}}'

    changed = replaced(content.encode(), "upload_url", "http://y")

    assert changed.decode() == content.replace('"x"', '"http://y"')


def test_upload_goes_to_the_storage_as_it_is() -> None:
    """To the letter of the URL that was issued, with the client's headers; and onto the tape."""
    with (
        scripted(answer(b"", b"ETag: x", status=b"200 OK")) as (storage, got),
        scripted(issuing(f"{storage}/b%7Eucket/x?sig=a%2Fb+c&y")) as (url, _),
        passing(url) as proxied,
    ):
        response = proxied.upload(proxied.initiate()["upload_url"], b"context", X_Amz_Acl="private")

    [request] = got
    assert request.startswith(b"PUT /b%7Eucket/x?sig=a%2Fb+c&y HTTP/1.1\r\n")
    assert b"\r\nx-amz-acl: private\r\n" in request
    assert request.endswith(b"\r\n\r\ncontext")
    assert (response.status_code, response.headers["etag"]) == (200, "x")
    [upload] = proxied.run.tape.of(UPLOAD)
    assert (upload.request.url, upload.build_id) == (
        f"{storage}/b%7Eucket/x?sig=a%2Fb+c&y", "bld_1",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["Authorization", "X_Token", "Cookie"])
def test_token_is_kept_from_the_storage_and_the_client_is_judged(name: str) -> None:
    """C7; credentials of the storage's own go on."""
    with (
        scripted(answer(b"")) as (storage, got),
        scripted(issuing(f"{storage}/x")) as (url, _),
        passing(url) as proxied,
    ):
        headers = {name: f"Bearer {TOKEN}", "X_Own": "Basic abc"}
        proxied.upload(proxied.initiate()["upload_url"], b"x", **headers)

    assert TOKEN.encode() not in got[0]
    assert b"\r\nx-own: Basic abc\r\n" in got[0]
    assert "C7" in proxied.violated


def test_upload_is_passed_on_as_it_comes() -> None:
    """The storage has the first piece before the client sends the last: nothing is kept back."""
    first, rest = b"a" * 100_000, b"b" * 100_000
    with (
        _slow_storage() as (storage, pieces),
        scripted(issuing(f"{storage}/x")) as (url, _),
        passing(url) as proxied,
    ):
        path = proxied.initiate()["upload_url"].removeprefix(proxied.url)
        with connected(proxied.url) as connection:
            head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            length = f"Content-Length: {len(first + rest)}\r\n\r\n"
            connection.sendall((head + length).encode() + first)
            arrived = next(pieces)
            connection.sendall(rest)
            assert arrived.endswith(first)
            assert next(pieces) == rest
            received = connection.recv(65536)

    assert received.startswith(b"HTTP/1.1 204")
    assert proxied.run.tape.of(UPLOAD)[0].request.content == b""


def test_upload_is_not_sent_where_the_policy_forbids(capsys: pytest.CaptureFixture[str]) -> None:
    """A server must not make the proxy reach into the network: the client gets a 502 instead."""
    forbidden = "http://169.254.169.254/latest?sig=s3cr3t-signature"
    with scripted(issuing(forbidden)) as (url, _), passing(url) as proxied:
        response = proxied.upload(proxied.initiate()["upload_url"])

    assert response.status_code == 502
    assert "cloud metadata" in response.json()["errors"][0]["details"]
    assert [*proxied.run.refused] == ["169.254.169.254"]
    [upload] = proxied.run.tape.of(UPLOAD)
    assert not upload.is_answered
    shown = capsys.readouterr().out
    assert "cloud metadata" in shown
    assert "s3cr3t" not in shown


@pytest.mark.parametrize(
    ("url", "leads_to", "why"),
    [
        ("http://me@127.0.0.1:9/x", "127.0.0.1", "user name"),
        ("http://storage.example/x", "10.0.0.5", "leads to 10.0.0.5, which is a private address"),
        ("http://storage.example/x", "169.254.169.254", "cloud metadata"),
    ],
)
def test_upload_that_the_policy_refuses_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, url: str, leads_to: str, why: str
) -> None:
    """By its URL, and by where its name leads at that moment."""
    resolve = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        is_storage = host in ("storage.example", b"storage.example")
        return resolve(leads_to if is_storage else host, *arguments, **named)

    with scripted(issuing(url)) as (to, _), passing(to) as proxied:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        response = proxied.upload(proxied.initiate()["upload_url"])

    assert response.status_code == 502
    assert why in response.json()["errors"][0]["details"]


def test_upload_to_an_allowed_host_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """UPLOAD_HOSTS names it."""
    resolve = socket.getaddrinfo
    with scripted(answer(b"")) as (storage, got):
        named = storage.replace("127.0.0.1", "me@storage.example")
        with (
            scripted(issuing(f"{named}/x")) as (url, _),
            passing(url, upload_hosts=("storage.example",)) as proxied,
        ):
            monkeypatch.setattr(
                socket, "getaddrinfo",
                lambda host, *more, **named: resolve(
                    "127.0.0.1" if "storage" in str(host) else host, *more, **named
                ),
            )  # fmt: skip
            response = proxied.upload(proxied.initiate()["upload_url"])

    assert (response.status_code, len(got)) == (200, 1)


def test_upload_url_of_nobody_is_404(passed: Passing) -> None:
    """It is guessed, or of an earlier proxy."""
    assert passed.upload(f"{passed.url}{PATH}guessed").status_code == 404
    assert passed.run.tape.exchanges == []


@contextmanager
def _slow_storage() -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the URL of a storage, and the halves of an upload to it as they come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def halves() -> Iterator[bytes]:
            connection, _ = listener.accept()
            with connection:
                for last in (b"a", b"b"):
                    half = b""
                    while half.count(last * 1000) < 100:
                        half += connection.recv(65536)
                    if last == b"b":
                        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    yield half

        yield f"http://127.0.0.1:{listener.getsockname()[1]}", halves()
