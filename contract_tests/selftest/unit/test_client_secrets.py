"""What the client shows of what it sent, and that it changes nothing of what was answered."""

from __future__ import annotations

import asyncio
import base64
import copy
import gzip
import html
import io
import json
import logging
import pickle
import string
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from prime_image_builds import (
    AuthenticatedClient,
    Context,
    _secrets,
    errors,
    upload,
    upload_async,
)
from prime_image_builds._secrets import Secrets
from prime_image_builds.api.images import get_build_status
from prime_image_builds.models import BuildImageResponse, ErrorResponse
from prime_image_builds.types import Response

from ...contract.api import START
from ..support.client_calls import BASE, MODULES, TOKEN, call, leaking, peer, variants

SHORT = ["t", "a", "json", "1", "build", "7-chars"]
LONG = ["8-chars.", TOKEN, "prime_0123456789abcdef", 'quote"and\\back/slash']

Refusal = Callable[[str], httpx.Response]

REFUSALS: dict[str, Refusal] = {
    "ordinary": lambda _: httpx.Response(401, json={"detail": "a token is in application/json"}),
    "body": lambda token: httpx.Response(401, json={"detail": f"Bearer {token} is too old"}),
    "listed": lambda token: httpx.Response(
        422, json={"errors": [{"param": "Authorization", "details": f"Bearer {token}"}]}
    ),
    "key": lambda token: httpx.Response(404, json={f"Bearer {token}": 1}),
    "text": lambda token: httpx.Response(403, content=f"no: Bearer {token}".encode()),
    "bytes": lambda token: httpx.Response(500, content=b"\xff\0Bearer " + token.encode()),
    "header": lambda token: httpx.Response(403, headers={"X-Echo": f"Bearer {token}"}),
    "compressed": lambda token: httpx.Response(
        401, content=gzip.compress(f'{{"detail":"Bearer {token}"}}'.encode()),
        headers={"Content-Encoding": "gzip"},
    ),
    "success of another type": lambda token: httpx.Response(
        200, content=b"{}", headers={"Content-Type": f"text/x; echo=Bearer {token}"}
    ),
    "success that is not valid": lambda token: httpx.Response(200, json={"id": f"Bearer {token}"}),
}  # fmt: skip


def callers_own(url: str, token: str = TOKEN, **settings: Any) -> AuthenticatedClient:
    """Return a client with httpx clients of the caller's; their URL alone may have a password."""
    client = AuthenticatedClient(BASE, token)
    client.set_async_httpx_client(httpx.AsyncClient(base_url=url, **settings))
    return client.set_httpx_client(httpx.Client(base_url=url, **settings))


def raised(answer: httpx.Response, client: AuthenticatedClient | None = None) -> Any:
    """Return what a call raises that is answered so."""
    client = client or AuthenticatedClient(BASE, TOKEN)
    with respx.mock() as router:
        router.route().mock(return_value=answer)
        with pytest.raises(errors.ImageBuildsError) as caught:
            get_build_status.sync("bld_1", client=client)
    return caught.value


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("token", [*SHORT, *LONG])
def test_response_is_kept_as_received_with_any_token(token: str, refusal: str) -> None:
    """What an error holds is evidence: nothing of it is changed, whatever the token is."""
    answer, expected = (REFUSALS[refusal](token) for _ in range(2))
    error = raised(answer, AuthenticatedClient(BASE, token))

    assert error.response.content == expected.content
    assert error.response.headers.raw == expected.headers.raw
    for same in (copy.copy(error), copy.deepcopy(error)):
        assert same.response.content == expected.content
    if isinstance(error, errors.ApiError):
        plain = errors.ApiError(expected)
        assert (error.content, error.body, error.problems) == (
            plain.content, plain.body, plain.problems,
        )  # fmt: skip


@pytest.mark.parametrize("refusal", sorted(set(REFUSALS) - {"ordinary"}))
@pytest.mark.parametrize("token", LONG)
def test_long_token_is_in_no_text_or_pickle(token: str, refusal: str) -> None:
    """From 8 characters on it is hidden wherever it stands."""
    error = raised(REFUSALS[refusal](token), AuthenticatedClient(BASE, token))

    assert leaking(error, token) == []


@pytest.mark.parametrize("token", SHORT)
def test_short_token_is_hidden_behind_its_scheme_alone(token: str) -> None:
    """Anywhere else it is a part of ordinary text."""
    client = AuthenticatedClient(BASE, token)
    ordinary = "a token of 1 build is in application/json, with 7-chars"
    error = raised(httpx.Response(401, json={"detail": f"{ordinary}; Bearer {token}!"}), client)
    invalid = raised(httpx.Response(200, content=b"{}", headers={"Content-Type": "text/1"}), client)

    assert str(error).endswith(f"-> 401: {ordinary}; Bearer <token>!")
    assert invalid.reason == "content type is 'text/1', not application/json"
    assert invalid.reason in str(invalid)
    for one in (error, invalid):
        again = pickle.loads(pickle.dumps(one))  # noqa: S301 (of our own making)
        assert str(again) == str(one)
        assert again.response.headers["content-type"] == one.response.headers["content-type"]
    assert leaking(error, f"Bearer {token}") == []


def test_encoded_token_is_hidden_to_its_last_digit() -> None:
    """Where nothing else is encoded with it."""
    secrets = Secrets([httpx.Request("GET", BASE, headers={"Authorization": f"Bearer {TOKEN}"})])
    for text in (TOKEN, base64.b64encode(TOKEN.encode()).decode(), TOKEN.encode().hex()):
        assert secrets(f"({text})") == "(<token>)"


def test_short_value_without_a_scheme_is_ordinary_text() -> None:
    """There is nothing that would tell it from the text around it."""
    client = AuthenticatedClient(BASE, TOKEN, headers={"Proxy-Authorization": "build"})
    error = raised(httpx.Response(401, json={"detail": "a token of 1 build"}), client)

    assert str(error).endswith("-> 401: a token of 1 build")


def test_token_shows_nowhere_over_a_socket(caplog: pytest.LogCaptureFixture) -> None:
    """No repr, log record, exception or pickle holds it, a refusal that repeats it included."""
    caplog.set_level(logging.DEBUG)
    with peer() as server:
        client = AuthenticatedClient(server.url, TOKEN, headers={"X-Mine": "1"})
        assert TOKEN not in f"{client!r}{client}"
        echo = {"errors": [{"param": "Authorization", "details": f"Bearer {TOKEN} is too old"}]}
        for status, body in ((422, echo), (401, {"detail": TOKEN}), (200, {"id": 7}), (500, {})):
            server.respond(status, body)
            for variant in ("sync", "asyncio"):
                with pytest.raises(errors.ImageBuildsError) as caught:
                    call(client.with_timeout(5), START, variant)
                assert leaking(caught.value) == []

    assert TOKEN not in caplog.text
    assert "start" in caplog.text  # there was a log to look at


def test_pickle_of_a_compressed_refusal_is_read_as_the_refusal() -> None:
    """Its headers are those that came, and its content is decoded once."""
    content = gzip.compress(json.dumps({"detail": f"{TOKEN} is too old"}).encode())
    error = raised(httpx.Response(401, content=content, headers={"Content-Encoding": "gzip"}))
    error.add_note("the build is bld_1")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)

    assert error.problems == (f"{TOKEN} is too old",)
    assert again.problems == ("<token> is too old",)
    assert again.response.headers == error.response.headers
    assert (str(again), again.method, again.url) == (str(error), error.method, error.url)
    assert again.__notes__ == error.__notes__


@pytest.mark.parametrize("variant", ["sync_detailed", "asyncio_detailed"])
@pytest.mark.parametrize("operation", MODULES)
def test_detailed_refusal_hides_the_token_in_repr_and_pickle(operation: str, variant: str) -> None:
    """Its fields hold what was answered."""
    body = {"errors": [{"param": "Authorization", "details": f"{TOKEN} is too old"}]}
    with respx.mock() as router:
        router.route().respond(422, json=body, headers={"X-Echo": TOKEN})
        response = call(AuthenticatedClient(BASE, TOKEN), operation, variant)
    again = pickle.loads(pickle.dumps(response))  # noqa: S301 (of our own making)

    assert (response.headers["x-echo"], json.loads(response.content)) == (TOKEN, body)
    assert response.parsed == ErrorResponse.from_dict(body)
    assert again.parsed == ErrorResponse.from_dict(
        {"errors": [{"param": "Authorization", "details": "<token> is too old"}]}
    )
    for shown in (
        repr(response),
        str(response),
        repr(again),
        pickle.dumps(response).decode("latin-1"),
    ):
        assert TOKEN not in shown
    assert repr(again.parsed) in repr(response)


@pytest.mark.parametrize(
    ("status", "is_kept"), [(199, False), (200, True), (299, True), (300, False)]
)
def test_pickle_of_a_response_hides_the_token_unless_it_is_a_success(
    status: int, is_kept: bool
) -> None:
    """What a success holds is the caller's; in all else the token is hidden, in keys too."""
    secrets = Secrets([httpx.Request("GET", BASE, headers={"Authorization": f"Bearer {TOKEN}"})])
    headers = httpx.Headers({"X-Echo": TOKEN})
    parsed = {TOKEN: [TOKEN, 7], "other": (None, "x")}
    one = Response(status, TOKEN.encode(), headers, parsed, secrets)
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 (of our own making)

    hidden = {"<token>": ["<token>", 7], "other": (None, "x")}
    assert (again.status_code, again.content, again.headers["x-echo"], again.parsed) == (
        (status, TOKEN.encode(), TOKEN, parsed) if is_kept
        else (status, b"<token>", "<token>", hidden)
    )  # fmt: skip
    assert type(again) is Response


def _kinds(kind: type[httpx.RequestError]) -> Iterator[type[httpx.RequestError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def _redirects(_: httpx.Request) -> httpx.Response:
    return httpx.Response(307, headers={"Location": f"{BASE}/elsewhere?key=of-this-user"})


def _raises_for_status(response: httpx.Response) -> None:
    response.raise_for_status()


async def _raises_for_status_async(response: httpx.Response) -> None:
    response.raise_for_status()


def _answers(status: int, **given: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, **given)


def _network(answer: Any) -> httpx.MockTransport:
    """Answer a request, or raise an exception that knows it, as httpx's own transports do."""

    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, httpx.RequestError):
            raise type(answer)(str(answer), request=request)
        response: httpx.Response = answer(request)
        return response

    return httpx.MockTransport(handle)


# What ends a call without an answer: what causes it, and what httpx raises.
NO_ANSWER: dict[str, tuple[Any, str]] = {
    **{kind.__name__: (kind("in vain"), kind.__name__) for kind in _kinds(httpx.RequestError)},
    "redirects": (_redirects, "TooManyRedirects"),
    "hook": (_answers(403), "HTTPStatusError"),
}


@variants
@pytest.mark.parametrize("case", NO_ANSWER)
def test_exception_of_httpx_holds_no_secret(case: str, variant: str) -> None:
    """It is as httpx raised it, and its request has method, host and path alone."""
    answer, kind = NO_ANSWER[case]
    given: dict[str, Any] = {"transport": _network(answer)}
    secrets = {TOKEN, "my-own-key", "of-this-user", "pass-word"}
    if case == "hook":
        hook = _raises_for_status_async if variant.startswith("asyncio") else _raises_for_status
        given["event_hooks"] = {"response": [hook]}
        secrets -= {"pass-word"}  # httpx writes the whole URL into the text
    client = callers_own(
        "https://me:pass-word@images.test", headers={"X-Api-Key": "my-own-key"},
        cookies={"session": "of-this-user"}, follow_redirects=True, **given,
    )  # fmt: skip
    with pytest.raises(httpx.HTTPError) as caught:
        call(client, START, variant)
    error = caught.value

    assert (type(error).__name__, error.request.method) == (kind, "POST")
    assert error.request.url.host == "images.test"
    if isinstance(answer, httpx.RequestError):
        assert (str(error), error.request.url.path) == (
            str(answer), "/api/v1/images/build/bld_1/start",
        )  # fmt: skip
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)
        assert (type(again), str(again), again.request.url) == (
            type(error), str(error), error.request.url,
        )  # fmt: skip
    for secret in secrets:
        assert leaking(error, secret) == []


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
def test_exception_of_an_upload_holds_no_query(variant: str) -> None:
    """The query of an upload URL is what allows the upload."""
    build = BuildImageResponse.from_dict({
        "build_id": "bld_1", "expires_in": 60, "fullImagePath": "a/web:v1",
        "upload_url": "https://store.test/put?X-Signature=0123456789",
    })  # fmt: skip
    network = _network(httpx.UnsupportedProtocol("in vain"))
    client = AuthenticatedClient(BASE, TOKEN, httpx_args={"transport": network})
    context = Context(io.BytesIO(b"tar"), 3, "Dockerfile")

    def uploaded() -> None:
        if variant == "sync":
            upload(build, context, client=client)
        else:
            asyncio.run(upload_async(build, context, client=client))

    with pytest.raises(httpx.UnsupportedProtocol) as caught:
        uploaded()

    assert str(caught.value.request.url) == "https://store.test/put"
    assert leaking(caught.value, "0123456789") == []


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
def test_lost_connection_holds_no_token_over_a_socket(variant: str) -> None:
    """A server that is not there, and one that closes."""
    with peer() as server:
        gone = AuthenticatedClient("http://127.0.0.1:1", TOKEN)
        closing = AuthenticatedClient(server.url, TOKEN, timeout=5)
        for client, kind in ((gone, httpx.ConnectError), (closing, httpx.RemoteProtocolError)):
            with pytest.raises(kind) as caught:
                call(client, START, variant)
            assert leaking(caught.value) == []
            assert "authorization" not in caught.value.request.headers


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ({"headers": {"X-Api-Key": "my-own-key"}}, "the key my-own-key is unknown"),
        ({"httpx_args": {"auth": ("me", "password")}}, "no bWU6cGFzc3dvcmQ="),
        ({"cookies": {"session": "of-this-user"}}, "the session of-this-user ended"),
        ({"headers": {"Cookie": "a=b; session=of-this-user"}}, "of-this-user"),
        ({"headers": {"Cookie": "a=b; session=of-this-user=again"}}, "of-this-user=again"),
        ({"headers": {"Proxy-Authorization": "Custom scheme my-own-key"}}, "no my-own-key"),
    ],
)
def test_what_else_is_sent_in_secret_shows_nowhere(sent: dict[str, Any], answer: str) -> None:
    """The kind is what a request carries, not the token alone."""
    client = AuthenticatedClient(BASE, TOKEN, **sent)
    error = raised(httpx.Response(403, json={"detail": answer}), client)

    assert error.problems == (answer,)
    for secret in ("my-own-key", "bWU6cGFzc3dvcmQ=", "of-this-user"):
        assert leaking(error, secret) == []


def test_secrets_of_urls_show_nowhere() -> None:
    """A password of the API's URL, and the query of an upload URL."""
    client = callers_own("https://me:pass-word@images.test/x")
    error = raised(httpx.Response(403, json={"detail": "pass-word"}), client)
    url = "https://store.test/put?X-Signature=0123456789&part=1"
    refused = errors.UploadRefusedError(
        httpx.Response(403, json={"detail": f"{url} expired"}, request=httpx.Request("PUT", url))
    )

    assert "pass-word" not in repr(client)
    assert leaking(error, "pass-word") == []
    assert leaking(refused, "0123456789") == []
    assert refused.problems == (f"{url} expired",)


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"Set-Cookie": "session=1"}, "<cookie>"),
        ({"Authorization": "Bearer x"}, "<token>"),
        ({"Proxy-Authorization": "Basic x"}, "<token>"),
        ({"X-Auth-Token": "new"}, "<secret>"),
        ({"WWW-Authenticate": 'Bearer realm="x"'}, 'Bearer realm="x"'),
        ({"X-Request-Id": "req-1"}, "req-1"),
    ],
)
def test_header_of_a_refusal_in_its_pickle(headers: dict[str, str], shown: str) -> None:
    """What names itself a secret is hidden there, and kept in the error."""
    error = raised(httpx.Response(401, headers=headers))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)

    ((name, value),) = headers.items()
    assert (error.headers[name], again.headers[name]) == (value, shown)


def test_secrets_hold_nothing_in_repr_and_pickle() -> None:
    """They lie beside an answer, where a debugger or a log may find them."""
    secrets = Secrets([httpx.Request("GET", BASE, headers={"Authorization": f"Bearer {TOKEN}"})])

    assert secrets(f"x {TOKEN}") == "x <token>"
    assert (repr(secrets), pickle.loads(pickle.dumps(secrets))(TOKEN)) == ("Secrets()", TOKEN)  # noqa: S301
    assert TOKEN not in pickle.dumps(secrets).decode("latin-1")


def test_responses_are_compared_without_their_secrets() -> None:
    """Two clients that get the same response get equal ones."""
    secrets = Secrets([httpx.Request("GET", BASE, headers={"Authorization": f"Bearer {TOKEN}"})])
    one = Response(404, b"{}", httpx.Headers(), None, secrets)

    assert one == Response(404, b"{}", httpx.Headers(), None)
    assert one != Response(403, b"{}", httpx.Headers(), None)


def _url_coded(text: str) -> str:
    return "".join(f"%{ord(one):02X}" for one in text)


def _unicode_coded(text: str) -> str:
    return "".join(f"\\u{ord(one):04x}" for one in text)


@given(
    st.text(string.ascii_letters + string.digits + string.punctuation, min_size=8, max_size=40),
    st.sampled_from([str, repr, json.dumps, lambda text: json.dumps(json.dumps(text))]),
)
def test_any_token_is_hidden_in_each_spelling(token: str, spelled: Callable[[str], str]) -> None:
    """As it is, as JSON or Python escape it, and as a URL does."""
    secrets = Secrets([httpx.Request("GET", BASE, headers={"Authorization": f"Bearer {token}"})])

    for form in (spelled(token), _url_coded(token), _unicode_coded(token)):
        bare = form.strip("\"'\\") if spelled is not str else form
        assert secrets(f"(x {form} y)").count("<token>") == 1
        assert bare not in secrets(f"(x {form} y)")


def _base64(before: str, text: str) -> str:
    return base64.b64encode(f"{before}{text}".encode()).decode()


ENCODED: dict[str, Callable[[str], str]] = {
    "in upper case": str.upper, "in the other case": str.swapcase,
    "HTML": html.escape, "HTML by numbers": lambda one: "".join(f"&#{ord(x)};" for x in one),
    "HTML by hex": lambda one: "".join(f"&#x00{ord(x):X};" for x in one),
    "hex": lambda one: one.encode().hex(), "upper hex": lambda one: one.encode().hex().upper(),
    **{
        f"base64 behind {before!r}": partial(_base64, before) for before in ("", ".", "..")
    },
    "base64 for URLs": lambda one: base64.urlsafe_b64encode(f"{one}:".encode()).decode(),
}  # fmt: skip


@pytest.mark.parametrize("form", ENCODED)
@pytest.mark.parametrize("token", [*LONG, "~~~???>>>~~~"])
def test_encoded_token_is_hidden(token: str, form: str) -> None:
    """But for the digits at its ends that it shares with what stands beside it."""
    shown = ENCODED[form](token)
    answer = httpx.Response(403, json={"detail": f"no: {shown} !"})
    error = raised(answer, AuthenticatedClient(BASE, token))

    assert "<token>" in str(error)
    assert shown[3:-3] not in str(error)
    assert leaking(error, shown) == []


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
def test_log_of_httpx_shows_no_query_of_an_upload(
    variant: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor a password in the URL of the API; what others send is logged as before."""
    caplog.set_level(logging.INFO)
    build = BuildImageResponse.from_dict({
        "build_id": "bld_1", "expires_in": 60, "fullImagePath": "a/web:v1",
        "upload_url": "https://store.test/put?X-Signature=0123456789",
    })  # fmt: skip
    network = httpx.MockTransport(_answers(200))
    base_url = "https://me:pass-word@images.test"
    context = Context(io.BytesIO(b"tar"), 3, "Dockerfile")
    client = callers_own(base_url, transport=network)
    if variant == "sync":
        upload(build, context, client=client)
    else:
        asyncio.run(upload_async(build, context, client=client))
    with pytest.raises(errors.ImageBuildsError):
        call(callers_own(base_url, transport=network), START, variant)
    httpx.Client(transport=network).get("https://others.test/?page=2")

    assert "PUT https://store.test/put " in caplog.text
    assert "https://others.test/?page=2" in caplog.text
    assert not [one for one in ("0123456789", "pass-word") if one in caplog.text]


@variants
def test_traceback_with_local_variables_shows_no_token(variant: str) -> None:
    """As rich, cgitb and pytest's --showlocals write one, where httpx itself raises."""
    network = _network(httpx.ConnectError("in vain"))
    client = AuthenticatedClient(BASE, TOKEN, httpx_args={"transport": network})
    with pytest.raises(httpx.ConnectError) as caught:
        call(client, START, variant)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)

    assert "request = <Request" in (shown := "".join(frames.format()))
    assert TOKEN not in shown


def test_no_answer_makes_hiding_slow() -> None:
    """A pattern without bounds would not come to an end here."""
    token = "\\" * 30 + "x" * 10
    secrets = Secrets([httpx.Request("GET", BASE, headers={"Authorization": f"Bearer {token}"})])

    assert secrets("\\" * 50_000) == "\\" * 50_000


def test_a_long_token_that_no_response_repeats_makes_no_long_pattern(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To compile one takes a second for some thousand characters."""
    spelled: list[str] = []
    spellings = _secrets._spellings

    def spell(one: str) -> str:
        spelled.append(one)
        return spellings(one)

    monkeypatch.setattr(_secrets, "_spellings", spell)
    token = "x1" * 2_000
    request = httpx.Request("GET", "http://x.test", headers={"authorization": f"Bearer {token}"})
    hide = _secrets.Secrets([request])

    assert hide("nothing of it") == "nothing of it"
    assert max(map(len, spelled)) < 100
    assert hide(f"all of it: {token}") == "all of it: <token>"
