"""What the client sends over a real socket, raises, and keeps to itself."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import respx
from prime_image_builds import AuthenticatedClient, Client, errors
from prime_image_builds.api.images import get_build_status, initiate_image_build, start_image_build
from prime_image_builds.models import (
    BuildImageRequest,
    BuildImageResponse,
    BuildPlatform,
    BuildStatusResponse,
    ErrorResponse,
    RequestedVisibility,
    StartBuildRequest,
)
from prime_image_builds.types import Response

from ...contract.api import INITIATE, START, STATUS
from ...contract.openapi import contract
from ...drivers.client import example

TOKEN = "a-token-that-nobody-sees"  # noqa: S105 (not a secret: leaks are searched for it)
BASE = "https://images.test"
WEB = BuildImageRequest(image_name="web", image_tag="v1")
STATUS_PATH = "/api/v1/images/build/bld_1"
ROWS = contract().document["components"]["examples"]


def call(
    client: AuthenticatedClient, operation: str, variant: str, build_id: str = "bld_1", **body: Any
) -> Any:
    """Call an operation in one of its four ways."""
    module = {INITIATE: initiate_image_build, START: start_image_build, STATUS: get_build_status}
    function = getattr(module[operation], variant)
    arguments = () if operation == INITIATE else (build_id,)
    bodies: dict[str, Any] = {INITIATE: {"body": WEB}, START: {"body": StartBuildRequest()}}
    sent = {**bodies.get(operation, {}), **body}
    if not variant.startswith("asyncio"):
        with client:
            return function(*arguments, client=client, **sent)

    async def called() -> Any:
        async with client:
            return await function(
                *arguments, client=client, **{**bodies.get(operation, {}), **body}
            )

    return asyncio.run(called())


variants = pytest.mark.parametrize(
    "variant", ["sync", "sync_detailed", "asyncio", "asyncio_detailed"]
)


class Peer:
    """A socket that answers each request by a script, and keeps the bytes that came."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.received: list[bytes] = []
        self.answer: Callable[[], bytes] = lambda: b""

    def serve(self) -> None:
        """Take one connection after another until closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.received.append(self._request(connection))
                connection.sendall(self.answer())

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def respond(self, status: int, body: Any, *headers: str) -> None:
        """Answer from now on with a status, a JSON body and more headers."""
        content = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", "Connection: close"]
        lines += [f"Content-Length: {len(content)}", *headers]
        self.answer = lambda: "\r\n".join([*lines, "", ""]).encode() + content


@contextmanager
def peer() -> Iterator[Peer]:
    """Run a peer as long as the context."""
    one = Peer()
    thread = threading.Thread(target=one.serve, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.listener.shutdown(socket.SHUT_RDWR)
        one.listener.close()
        thread.join(timeout=5)


@variants
@pytest.mark.parametrize(
    ("operation", "line", "body"),
    [
        (
            INITIATE,
            b"POST /api/v1/images/build HTTP/1.1",
            {
                "image_name": "web",
                "image_tag": "v1",
                "dockerfile_path": "Dockerfile",
                "platform": "linux/amd64",
                "visibility": "INHERIT",
            },
        ),
        (START, b"POST /api/v1/images/build/bld_1/start HTTP/1.1", {"context_uploaded": True}),
        (STATUS, b"GET /api/v1/images/build/bld_1 HTTP/1.1", None),
    ],
)
def test_requests_are_exact(operation: str, line: bytes, body: Any, variant: str) -> None:
    """Method, path, headers and body stand on the wire as the contract has them."""
    with peer() as server:
        server.respond(contract().operations[operation].success, example(operation))
        call(AuthenticatedClient(server.url, TOKEN), operation, variant)

    head, _, content = server.received[0].partition(b"\r\n\r\n")
    request_line, *headers = head.split(b"\r\n")
    sent = {name.lower(): value for name, value in (one.split(b": ", 1) for one in headers)}
    assert request_line == line
    assert sent[b"authorization"] == f"Bearer {TOKEN}".encode()
    assert sent[b"accept"] == b"application/json"
    assert sent.get(b"content-type") == (b"application/json" if body else None)
    assert (json.loads(content) if content else None) == body
    assert b"transfer-encoding" not in sent


@pytest.mark.parametrize(
    ("build_id", "raw"),
    [
        ("a/b", b"a%2Fb"),
        ("a?b=c", b"a%3Fb%3Dc"),
        ("a#b", b"a%23b"),
        ("a%2Fb", b"a%252Fb"),
        ("a b", b"a%20b"),
        ("...", b"..."),
        ("-rf", b"-rf"),
        ("\N{SNOWMAN}", b"%E2%98%83"),
        ("a\\b;c", b"a%5Cb%3Bc"),
        ("x" * 300, b"x" * 300),
    ],
)
@variants
def test_a_path_parameter_is_one_segment(build_id: str, raw: bytes, variant: str) -> None:
    """It goes out escaped, and stands in its place."""
    with peer() as server:
        server.respond(200, example(STATUS))
        call(AuthenticatedClient(server.url, TOKEN), START, variant, build_id)

    assert server.received[0].split(b" ")[1] == b"/api/v1/images/build/" + raw + b"/start"


@variants
@pytest.mark.parametrize(
    "build_id", ["", ".", "..", "a\nb", "a\r\nX: y", "\0", "a\x7f", "\ud800", None, 7, b"a"]
)
def test_build_id_that_is_not_a_segment_raises_before_sending(build_id: Any, variant: str) -> None:
    """A value that no escaping makes one path segment is not sent."""
    with respx.mock(assert_all_called=False) as router:
        route = router.route()
        for operation in (STATUS, START):
            with pytest.raises(errors.InvalidRequestError):
                call(AuthenticatedClient(BASE, TOKEN), operation, variant, build_id)

    assert not route.called


@variants
def test_what_is_passed_for_an_id_is_not_shown(variant: str) -> None:
    """What initiate returned holds an upload URL; its type is enough to see the mistake."""
    issued: Any = BuildImageResponse.from_dict(example("initiate_image_build"))

    with pytest.raises(errors.InvalidRequestError) as caught:
        call(AuthenticatedClient(BASE, TOKEN), STATUS, variant, issued)
    assert str(caught.value).endswith("not a value of type BuildImageResponse")
    assert issued.upload_url not in str(caught.value)


NOT_TEXT: Any = None
INVALID_BODIES = [
    (BuildImageRequest(image_name=NOT_TEXT, image_tag="v1"), "image_name: "),
    (BuildImageRequest(image_name="w", image_tag="v", platform=NOT_TEXT), "platform: "),
    (BuildImageRequest(image_name="\ud800", image_tag="v"), "image_name: "),
    (StartBuildRequest(context_uploaded=NOT_TEXT), "context_uploaded: "),
]


@variants
@pytest.mark.parametrize(("body", "message"), INVALID_BODIES)
def test_invalid_request_body_raises_before_sending(body: Any, message: str, variant: str) -> None:
    """A field with an invalid value is not sent; the error has its name."""
    operation = INITIATE if isinstance(body, BuildImageRequest) else START
    with respx.mock(assert_all_called=False) as router:
        route = router.route()
        with pytest.raises(errors.InvalidRequestError, match=message):
            call(AuthenticatedClient(BASE, TOKEN), operation, variant, body=body)

    assert not route.called


def test_request_field_that_is_not_json_raises() -> None:
    """An object without a JSON form is an invalid request, not a TypeError."""
    anything: Any = object()
    body = StartBuildRequest(context_uploaded=anything)

    with pytest.raises(errors.InvalidRequestError, match="StartBuildRequest"):
        start_image_build.sync("bld_1", client=AuthenticatedClient(BASE, TOKEN), body=body)


def test_every_field_of_a_request_goes_out() -> None:
    """What is set is sent under its wire name; what is not is left out."""
    body = BuildImageRequest(
        image_name="web",
        image_tag="v1",
        dockerfile_path="docker/Dockerfile",
        platform=BuildPlatform.LINUX_ARM64,
        team_id="team_1",
        visibility=RequestedVisibility.PUBLIC,
    )

    assert body.to_dict() == {
        "image_name": "web", "image_tag": "v1", "dockerfile_path": "docker/Dockerfile",
        "platform": "linux/arm64", "teamId": "team_1", "visibility": "PUBLIC",
    }  # fmt: skip
    assert "teamId" not in WEB.to_dict()


@pytest.mark.parametrize("team", ["team_1", None])
def test_team_of_a_request_is_sent_as_given(team: str | None) -> None:
    """A team that is None is sent as null, and read back as None; a number is refused."""
    body = BuildImageRequest(image_name="web", image_tag="v1", team_id=team)

    assert body.to_dict()["teamId"] == team
    assert BuildImageRequest.from_dict(body.to_dict()) == body
    with pytest.raises(errors.InvalidBodyError):
        BuildImageRequest.from_dict({**body.to_dict(), "teamId": 7})


# --- errors ------------------------------------------------------------------------------------

CLASSES = {
    401: errors.UnauthorizedError,
    402: errors.PaymentRequiredError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    422: errors.UnprocessableError,
    429: errors.RateLimitedError,
    500: errors.ServerError,
    503: errors.ServerError,
    599: errors.ServerError,
    520: errors.ServerError,
    100: errors.UnexpectedStatusError,
    204: errors.UnexpectedStatusError,
    202: errors.UnexpectedStatusError,
    302: errors.UnexpectedStatusError,
    304: errors.UnexpectedStatusError,
    400: errors.UnexpectedStatusError,
    418: errors.UnexpectedStatusError,
    600: errors.UnexpectedStatusError,
    999: errors.UnexpectedStatusError,
}


def answered(status: int, **given: Any) -> httpx.Response:
    """Make an answer, as respx gives it."""
    return httpx.Response(status, **given)


def raised(response: httpx.Response, variant: str = "sync", operation: str = STATUS) -> Any:
    """Call an operation that is answered so; return what it raises."""
    with respx.mock() as router:
        router.route().mock(return_value=response)
        with pytest.raises(errors.ImageBuildsError) as caught:
            call(AuthenticatedClient(BASE, TOKEN), operation, variant)
    return caught.value


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
@pytest.mark.parametrize("status", list(CLASSES))
@pytest.mark.parametrize("operation", [INITIATE, START, STATUS])
def test_each_status_has_its_class(operation: str, status: int, variant: str) -> None:
    """What is no documented success raises, by its class, with all that is known of it."""
    error = raised(
        answered(status, json={"detail": "because"}, headers={"X-Request-Id": "r_1"}),
        variant,
        operation,
    )

    assert type(error) is CLASSES[status]
    assert isinstance(error, errors.ApiError)
    assert (error.status_code, error.request_id) == (status, "r_1")
    assert error.method == contract().operations[operation].method
    assert error.url == BASE + contract().operations[operation].path.format(build_id="bld_1")
    assert error.headers["content-type"] == "application/json"
    assert (error.content, error.body) == (b'{"detail":"because"}', {"detail": "because"})
    assert str(error) == f"{error.method} {error.url} -> {status}: because"


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ({"errors": [{"param": "a", "details": "is required"}]}, ("a: is required",)),
        ({"errors": [{"param": "a"}, {"details": "d"}]}, ("a", "d")),
        ({"detail": "no such build"}, ("no such build",)),
        ({"detail": [{"loc": ["body", "a"], "msg": "is required"}]}, ("body.a: is required",)),
        ({"detail": ["one", "two"]}, ("one", "two")),
        ({"detail": []}, ()),
        ({"detail": None}, ()),
        ({"detail": {"a": 1}}, ()),
        ({"errors": "x"}, ()),
        ({"errors": [None, 7, {}, []]}, ()),
        ({}, ()),
        ([], ()),
        (None, ()),
        ("text", ()),
        (b"", ()),
        (b"<html></html>", ()),
        (b"\xff\xfe", ()),
        (b"[" * 100_000, ()),
    ],
)  # fmt: skip
def test_problems_are_read_from_either_shape(content: Any, problems: tuple[str, ...]) -> None:
    """The two known shapes of an error body are unpacked; any other does no harm."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    error = raised(answered(422, content=raw))

    assert type(error) is errors.UnprocessableError
    assert error.problems == problems
    assert error.content == raw
    assert error.body == (None if isinstance(content, bytes) else content)
    assert str(error).endswith("; ".join(problems) or "422")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("0", 0.0), ("", None), ("soon", None), ("-7", None), ("7.5", None),
     ("\u0667", None), ("Tue, 24 Nov 2015 09:00:00 GMT", 0.0),
     ("Tue, 99 Nov 2015 09:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_in_seconds(value: str, seconds: float | None) -> None:
    """Both forms of Retry-After are read; anything else is None."""
    error = raised(answered(429, headers={"Retry-After": value.encode()}))

    assert error.retry_after == seconds


def test_retry_after_a_date() -> None:
    """A date to come is as many seconds away."""
    error = raised(answered(429, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}))

    assert error.retry_after > 10**9
    assert raised(answered(429)).retry_after is None


@variants
@pytest.mark.parametrize(
    "lost",
    [httpx.ConnectError, httpx.ReadTimeout, httpx.WriteError, httpx.RemoteProtocolError],
)
def test_transport_failures_stay_httpx_s(lost: type[httpx.TransportError], variant: str) -> None:
    """No answer is httpx's matter; the call is made once."""
    with respx.mock() as router:
        route = router.route().mock(side_effect=lost)
        with pytest.raises(lost):
            call(AuthenticatedClient(BASE, TOKEN), START, variant)

    assert route.call_count == 1


@pytest.mark.parametrize("operation", [INITIATE, START, STATUS])
@pytest.mark.parametrize("variant", ["sync_detailed", "asyncio_detailed"])
@pytest.mark.parametrize(
    ("status", "body", "parsed"),
    [
        (0, None, None),
        (400, {"errors": [{"param": "a", "details": "b"}]}, type(None)),
        (499, {"errors": [{"param": "a", "details": "b"}]}, type(None)),
        (401, {"detail": "no"}, type(None)),
        (404, {"detail": "no"}, type(None)),
        (422, {"errors": [{"param": "a", "details": "b"}]}, ErrorResponse),
        (422, {"detail": "no"}, type(None)),
        (429, {}, type(None)),
    ],
)
def test_detailed_raises_for_nothing_documented(
    operation: str, status: int, body: Any, parsed: type, variant: str
) -> None:
    """Status, headers, content and the documented model come back; there is no exception."""
    if not status:
        model = BuildImageResponse if operation == INITIATE else BuildStatusResponse
        status, body, parsed = contract().operations[operation].success, example(operation), model
    with respx.mock() as router:
        router.route().mock(return_value=answered(status, json=body, headers={"X-A": "b"}))
        response = call(AuthenticatedClient(BASE, TOKEN), operation, variant)

    assert type(response) is Response
    assert (response.status_code, response.headers["x-a"]) == (status, "b")
    assert json.loads(response.content) == body
    assert type(response.parsed) is parsed


@pytest.mark.parametrize("variant", ["sync_detailed", "asyncio_detailed"])
@pytest.mark.parametrize("operation", [INITIATE, START, STATUS])
@pytest.mark.parametrize("status", [202, 302, 500, 599])
def test_detailed_raises_for_what_is_not_documented(
    operation: str, status: int, variant: str
) -> None:
    """There is nothing to parse it to."""
    assert type(raised(answered(status), variant, operation)) is CLASSES[status]


@pytest.mark.parametrize("variant", ["sync_detailed", "asyncio_detailed"])
@pytest.mark.parametrize("operation", [INITIATE, START, STATUS])
def test_detailed_raises_for_an_invalid_success(operation: str, variant: str) -> None:
    """The status alone is not enough."""
    status = contract().operations[operation].success
    error = raised(answered(status, json={}), variant, operation)

    assert type(error) is errors.InvalidResponseError
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)
    assert (again.path, again.reason) == (error.path, error.reason)
    assert str(again) == str(error)


def test_error_of_a_response_without_request() -> None:
    """Tests of other projects create such responses."""
    error = errors.ApiError.of(httpx.Response(404, json={"detail": "gone"}))

    assert (error.method, error.url, str(error)) == (None, None, "404: gone")
    assert repr(AuthenticatedClient(BASE, TOKEN)) == f"AuthenticatedClient(base_url='{BASE}')"


def leaking(error: BaseException | None, secret: str = TOKEN) -> list[str]:
    """List where an exception or its causes show a secret: text, repr, traceback, pickle."""
    found = []
    while error is not None:
        shown = {"str": str(error), "repr": repr(error)}
        if isinstance(error, errors.ApiError):
            shown["vars"] = repr(vars(error))
        shown["traceback"] = "".join(traceback.format_exception(error))
        shown["pickle"] = pickle.dumps(error).decode("latin-1")
        forms = (secret, json.dumps(secret)[1:-1])
        places = [where for where in shown if any(form in shown[where] for form in forms)]
        found += [f"{type(error).__name__}: {where}" for where in places]
        error = error.__cause__ or error.__context__
    return found


def test_errors_survive_pickling() -> None:
    """A process pool returns errors as pickles."""
    for status, content in ((429, b'{"detail":"slow"}'), (200, b"{}")):
        error = raised(answered(status, content=content, headers={"Retry-After": "7"}))
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)
        assert (type(again), str(again)) == (type(error), str(error))
        assert again.response.headers == error.response.headers


def test_pickling_a_client_raises() -> None:
    """A pickle would hold the token in clear."""
    with pytest.raises(TypeError, match="token"):
        pickle.dumps(AuthenticatedClient(BASE, TOKEN))


@pytest.mark.parametrize(
    "token", ["", " ", "a b", "a\nb", "a\r\nX: y", "caf\u00e9", "\0", " a", "a ", None, 7, b"a"]
)
def test_invalid_token_raises(token: Any) -> None:
    """The error does not show the token; a client keeps its valid one."""
    with pytest.raises(errors.InvalidRequestError) as caught:
        AuthenticatedClient(BASE, token)
    assert repr(token) not in str(caught.value)

    client = AuthenticatedClient(BASE, TOKEN)
    with pytest.raises(errors.InvalidRequestError):
        client.token = token
    assert client.token == TOKEN


def sent_by(client: Client, variant: str = "sync") -> httpx.Headers:
    """Return the headers that a client sends."""
    with respx.mock() as router:
        route = router.route().mock(return_value=answered(200, json=example(STATUS)))
        call(client, STATUS, variant)  # type: ignore[arg-type]
    headers: httpx.Headers = route.calls.last.request.headers
    return headers


def test_a_changed_token_takes_effect() -> None:
    """The next request carries it, in a client that was used before too."""
    client = AuthenticatedClient(BASE, TOKEN)
    with respx.mock() as router:
        route = router.route().mock(return_value=answered(200, json=example(STATUS)))
        get_build_status.sync("bld_1", client=client)
        client.token = "another"  # noqa: S105
        get_build_status.sync("bld_1", client=client)
    client.get_httpx_client().close()

    assert [one.request.headers["authorization"] for one in route.calls] == [
        f"Bearer {TOKEN}",
        "Bearer another",
    ]


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
def test_copies_do_not_reach_into_the_original(variant: str) -> None:
    """What a copy is given, and what the caller's mappings become, the original never sees."""
    headers, cookies = {"X-One": "1"}, {"one": "1"}
    client = AuthenticatedClient(BASE, TOKEN, headers=headers, cookies=cookies)
    other = client.with_headers({"X-Two": "2"}).with_cookies({"two": "2"}).with_timeout(1)
    other.token = "another"  # noqa: S105
    headers["X-Late"] = cookies["late"] = "1"

    sent, sent_by_other = sent_by(copy.copy(client), variant), sent_by(other, variant)

    assert (sent["x-one"], sent["cookie"]) == ("1", "one=1")
    assert sent["authorization"] == f"Bearer {TOKEN}"
    assert {"x-two", "x-late"} & set(sent) == set()
    assert (sent_by_other["x-one"], sent_by_other["x-two"]) == ("1", "2")
    assert sent_by_other["cookie"] == "one=1; two=2"
    assert sent_by_other["authorization"] == "Bearer another"
    assert headers == {"X-One": "1", "X-Late": "1"}
    assert copy.deepcopy(client).token == TOKEN


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
def test_a_client_without_a_token_sends_nothing(variant: str) -> None:
    """Each operation needs a token; ``request`` of a ``Client`` sends none."""
    with respx.mock() as router:
        route = router.route().mock(return_value=answered(200, json=example(STATUS)))
        for operation in (INITIATE, START, STATUS):
            with pytest.raises(errors.InvalidRequestError, match="token"):
                call(Client(BASE), operation, variant)  # type: ignore[arg-type]
        assert route.calls.call_count == 0
        with Client(BASE) as client:
            client.request("GET", "/")

    assert "authorization" not in route.calls.last.request.headers


def test_there_is_a_timeout() -> None:
    """A silent server does not hold its caller for ever; the caller may say how long."""
    with AuthenticatedClient(BASE, TOKEN) as client:
        assert client.get_httpx_client().timeout == httpx.Timeout(30.0, connect=10.0)
    with client.with_timeout(3) as shorter:
        assert shorter.get_httpx_client().timeout == httpx.Timeout(3)
    with peer() as server, AuthenticatedClient(server.url, TOKEN, timeout=0.2) as impatient:
        gate = threading.Event()
        server.answer = lambda: (gate.wait(5) and b"") or b""
        with pytest.raises(httpx.ReadTimeout):
            get_build_status.sync("bld_1", client=impatient)
        gate.set()


@variants
@pytest.mark.parametrize("follow", [False, True])
def test_a_redirect_never_carries_the_token_elsewhere(follow: bool, variant: str) -> None:
    """It is not followed by default; where it is, another origin gets no token."""
    with peer() as elsewhere, peer() as server:
        elsewhere.respond(200, example(STATUS))
        server.respond(307, {}, f"Location: {elsewhere.url}{STATUS_PATH}")
        client = AuthenticatedClient(server.url, TOKEN, follow_redirects=follow)
        if follow:
            call(client, STATUS, variant)
        else:
            with pytest.raises(errors.UnexpectedStatusError) as caught:
                call(client, STATUS, variant)
            assert leaking(caught.value) == []

    assert len(elsewhere.received) == follow
    assert TOKEN.encode() in server.received[0]
    assert all(TOKEN.encode() not in request for request in elsewhere.received)


def test_a_client_of_the_callers_is_used() -> None:
    """Its own settings hold, and the token is added to each request."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered(200, json=example(STATUS))

    mine = httpx.Client(base_url="https://mine.test", transport=httpx.MockTransport(answer))
    with AuthenticatedClient(BASE, TOKEN).set_httpx_client(mine) as client:
        assert client.get_httpx_client() is mine
        get_build_status.sync("bld_1", client=client)
        assert str(seen[0].url) == f"https://mine.test{STATUS_PATH}"
        assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert "authorization" not in mine.headers


def test_an_async_client_of_the_callers_is_used() -> None:
    """As the synchronous one."""

    async def used() -> str:
        transport = httpx.MockTransport(lambda _: answered(200, json=example(STATUS)))
        async with httpx.AsyncClient(base_url=BASE, transport=transport) as mine:
            client = AuthenticatedClient("https://other.test", TOKEN).set_async_httpx_client(mine)
            assert client.get_async_httpx_client() is mine
            return (await get_build_status.asyncio("bld_1", client=client)).id

    assert asyncio.run(used()) == example(STATUS)["id"]


SPACED = "2026-11-24 09:00:07Z"


# --- found by mutation testing -------------------------------------------------------------


def test_the_defaults_are_the_safe_ones() -> None:
    """Certificates are checked, and no redirect is followed."""
    client = AuthenticatedClient(BASE, TOKEN)

    assert client._httpx_arguments()["verify"] is True
    with client:
        assert client.get_httpx_client().follow_redirects is False
    assert type(Client(BASE).with_timeout(1)) is Client


@pytest.mark.parametrize(
    ("answer", "path", "part"),
    [
        (httpx.Response(200, content=b"{}"), "$", "content type"),
        (httpx.Response(200, html="x"), "$", "text/html"),
        (httpx.Response(200, json={}), "$.id", ""),
    ],
)  # fmt: skip
def test_invalid_response_error_has_path_and_reason(
    answer: httpx.Response, path: str, part: str
) -> None:
    """Also for what msgspec does not check."""
    error = raised(answer)

    assert error.path == path
    assert error.reason
    assert part in error.reason


def test_repeated_key_is_named_in_the_error() -> None:
    """The error is about the whole body, so the reason has the key."""
    content = json.dumps(ROWS["UPLOADING"]["value"])[:-1].encode() + b', "status": "PENDING"}'
    answer = httpx.Response(200, content=content, headers={"Content-Type": "application/json"})

    assert "'status'" in raised(answer).reason


def test_threads_share_one_httpx_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen that start at once: none leaves a second client behind, with open connections."""
    client = AuthenticatedClient("https://images.test", "token")
    barrier = threading.Barrier(16)
    made: list[httpx.Client] = []
    real = httpx.Client

    def make(**settings: Any) -> httpx.Client:
        made.append(real(**settings))
        return made[-1]

    def first_use() -> httpx.Client:
        barrier.wait()
        return client.get_httpx_client()

    monkeypatch.setattr(httpx, "Client", make)
    with ThreadPoolExecutor(16) as pool:
        used = [pool.submit(first_use) for _ in range(16)]

    assert {id(one.result()) for one in used} == {id(made[0])}
    assert len(made) == 1
