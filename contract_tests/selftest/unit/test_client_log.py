"""Each request of the client is a record of a named logger, and no secret is in it."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from prime_image_builds import (
    AuthenticatedClient,
    Context,
    _log,
    upload,
    upload_async,
)
from prime_image_builds.models import (
    BuildImageResponse,
)

from ...drivers.client import example
from ..support.network import TOKEN, Network, built, context, status_body
from .test_client_secrets import ENCODED, callers_own

LOG = "prime_image_builds"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_each_request_is_one_record(
    tmp_path: Path, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, URL, status or exception, and seconds, also as arguments; off unless asked for."""
    folder = context(tmp_path)
    built(folder, Network(), way, name="web", tag="v1")
    assert caplog.records == []

    caplog.set_level(logging.DEBUG, LOG)
    network = Network(start=[httpx.ReadError("in vain")], status=["PENDING"])
    with pytest.raises(httpx.ReadError):
        built(folder, network, way, name="web", tag="v1")
    records = [one for one in caplog.records if one.name == LOG]
    seen = [one.args[:3] for one in records if isinstance(one.args, tuple)]

    api = "https://images.test/api/v1/images/build"
    issued = example("initiate_image_build")
    assert seen == [
        ("POST", api, 201),
        ("PUT", issued["upload_url"].partition("?")[0], 200),
        ("POST", f"{api}/{issued['build_id']}/start", "ReadError"),
        ("GET", f"{api}/{issued['build_id']}", 200),
    ]
    assert {one.levelno for one in records} == {logging.DEBUG}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@images.test/a%20b?c=d#e", "https://images.test/a%20b"),
        ("https://me@images.test/a%0Ab", "https://images.test/a%0Ab"),
        ("https://images.test/%73ecret-of-this-user", "https://images.test/<secret>"),
    ],
)
def test_url_of_a_record_is_as_it_was_sent_but_for_what_is_hidden(url: str, shown: str) -> None:
    """Without user, query and fragment; unescaped only where an escaped secret was hidden."""
    request = httpx.Request("GET", url, headers={"X-Api-Key": "secret-of-this-user"})

    assert _log._shown(request, ()) == shown


# The kinds of secrets that a request carries: token, password, cookie, headers.
USER, COOKIE, API_KEY, ODD = "pass-word", "of-this-user", "my-own-key", "~~~???>>>~~~"
SIGNATURE = "0123456789abcdef"


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield "".join(f"%{ord(one):02X}" for one in secret)
    for encoded in ENCODED.values():
        yield encoded(secret)


def _redirects_first(request: httpx.Request) -> httpx.Response:
    """Send a request on to another host, to which httpx sends no token."""
    path = request.url.raw_path.decode()
    if "first" in path:
        return httpx.Response(
            307, headers={"Location": f"https://b.test{path.replace('first', '')}"}
        )
    return httpx.Response(200, json=status_body("COMPLETED"))


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    ("user", "secrets"), [("", (TOKEN, COOKIE, API_KEY, ODD)), (f"me:{USER}@", (USER,))]
)
def test_record_holds_no_secret_in_any_form(
    way: str, user: str, secrets: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """In the path of a request, of a redirect, and of an upload, which a server chooses."""
    caplog.set_level(logging.DEBUG, LOG)
    client = callers_own(
        f"https://{user}images.test", TOKEN, cookies={"session": COOKIE},
        headers={"X-Api-Key": API_KEY, "X-Auth": ODD}, follow_redirects=True,
        transport=httpx.MockTransport(_redirects_first),
    )  # fmt: skip
    forms = [form for secret in secrets for form in _forms(secret)]
    builds = [
        BuildImageResponse.from_dict(
            example("initiate_image_build")
            | {"upload_url": f"https://store.test/put/{form}?X-Signature={SIGNATURE}"}
        )
        for form in forms
    ]
    packed = Context(io.BytesIO(b"tar"), 3, "Dockerfile")

    async def calls() -> None:
        async with client:
            for form, build in zip(forms, builds, strict=True):
                await client.images.build_status_async(f"first {form}")
                await upload_async(build, packed, client=client)

    if way == "sync":
        with client:
            for form, build in zip(forms, builds, strict=True):
                client.images.build_status(f"first {form}")
                upload(build, packed, client=client)
    else:
        asyncio.run(calls())
    records = [one.getMessage() for one in caplog.records if one.name == LOG]

    assert len(records) == 3 * len(forms)
    text = "\n".join(records)
    for form in (*forms, SIGNATURE):
        # The digits of base64 at either end belong to what stands beside it, too.
        assert form[3:-3].lower() not in f"{text}\n{unquote(text)}".lower()
    assert text.count("<") >= len(records) / 2


def test_log_of_a_cancelled_request_has_its_exception(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that was sent is without a record."""
    caplog.set_level(logging.DEBUG, LOG)

    async def hangs(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def cancelled() -> None:
        given: dict[str, Any] = {"transport": httpx.MockTransport(hangs)}
        async with AuthenticatedClient("https://images.test", TOKEN, httpx_args=given) as client:
            async with asyncio.timeout(0):
                await client.images.build_status_async("bld_1")

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())

    assert "-> CancelledError in " in caplog.text
