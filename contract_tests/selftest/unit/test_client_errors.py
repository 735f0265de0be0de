"""What the client raises for each status, failure and invalid response."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import httpx
import pytest
import respx
from prime_image_builds import AuthenticatedClient, errors
from prime_image_builds.models import (
    BuildImageResponse,
    BuildStatusResponse,
    DeleteImageResponse,
    ErrorResponse,
)
from prime_image_builds.types import Response

from ...contract.api import DELETE, INITIATE, START
from ...contract.openapi import contract
from ...drivers.client import example
from ..support.client_calls import (
    BASE,
    MODULES,
    TOKEN,
    answered,
    call,
    raised,
    variants,
)

ROWS = contract().document["components"]["examples"]
MODEL = BuildStatusResponse.from_dict(ROWS["FAILED"]["value"])
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


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
@pytest.mark.parametrize("status", list(CLASSES))
@pytest.mark.parametrize("operation", MODULES)
def test_each_status_has_its_class(operation: str, status: int, variant: str) -> None:
    """What is not a documented success raises, by its class, with all that is known of it."""
    error = raised(
        answered(status, json={"detail": "because"}, headers={"X-Request-Id": "r_1"}),
        variant,
        operation,
    )

    assert type(error) is CLASSES[status]
    assert isinstance(error, errors.ApiError)
    assert (error.status_code, error.request_id) == (status, "r_1")
    assert error.method == contract().operations[operation].method
    names = {"build_id": "bld_1", "image_name": "web", "image_tag": "v1"}
    assert error.url == BASE + contract().operations[operation].path.format(**names)
    assert error.headers["content-type"] == "application/json"
    assert (error.content, error.body) == (b'{"detail":"because"}', {"detail": "because"})
    assert str(error) == f"{error.method} {error.url} -> {status}: because"
    assert repr(error) == f"{CLASSES[status].__name__}({error.response!r})"


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


@pytest.mark.parametrize("operation", MODULES)
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
        models = {INITIATE: BuildImageResponse, DELETE: DeleteImageResponse}
        model = models.get(operation, BuildStatusResponse)
        status, body, parsed = contract().operations[operation].success, example(operation), model
    with respx.mock() as router:
        router.route().mock(return_value=answered(status, json=body, headers={"X-A": "b"}))
        response = call(AuthenticatedClient(BASE, TOKEN), operation, variant)

    assert type(response) is Response
    assert (response.status_code, response.headers["x-a"]) == (status, "b")
    assert json.loads(response.content) == body
    assert type(response.parsed) is parsed


@pytest.mark.parametrize("variant", ["sync_detailed", "asyncio_detailed"])
@pytest.mark.parametrize("operation", MODULES)
@pytest.mark.parametrize("status", [202, 302, 500, 599])
def test_detailed_raises_for_what_is_not_documented(
    operation: str, status: int, variant: str
) -> None:
    """There is nothing to parse it to."""
    assert type(raised(answered(status), variant, operation)) is CLASSES[status]


@pytest.mark.parametrize("variant", ["sync_detailed", "asyncio_detailed"])
@pytest.mark.parametrize("operation", MODULES)
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


def test_errors_survive_pickling() -> None:
    """A process pool returns errors as pickles."""
    for status, content in ((429, b'{"detail":"slow"}'), (200, b"{}")):
        error = raised(answered(status, content=content, headers={"Retry-After": "7"}))
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)
        assert (type(again), str(again)) == (type(error), str(error))
        assert again.response.headers == error.response.headers


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (errors.UploadNotAllowedError, ("storage.test", "it is a private address")),
        (errors.InvalidBodyError, ("$.a", "is invalid", "naive_timestamps")),
        (errors.InvalidRequestError, ("a is invalid",)),
        (errors.BuildTimeoutError, ("bld_1", MODEL, 3.0, False, None)),
        (errors.BuildFailedError, (MODEL,)),
    ],
)
def test_error_without_a_response_survives_copying_and_pickling(
    kind: type[Exception], given: tuple[Any, ...]
) -> None:
    """Its attributes, its arguments and its text."""
    error = kind(*given)

    for again in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 (of our own making)
        assert (type(again), again.args) == (kind, given)
        assert (vars(again), str(again)) == (vars(error), str(error))
        assert getattr(again, "errno", None) is None  # a TimeoutError has one


@pytest.mark.parametrize("status", [429, 200])
@pytest.mark.parametrize("notes", [[], ["the build is bld_1"]])
def test_pickle_of_an_error_has_its_notes_and_takes_more(status: int, notes: list[str]) -> None:
    """Of a refusal and of an invalid success; the first may have none yet."""
    error = raised(answered(status, json={}))
    for note in notes:
        error.add_note(note)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)
    again.add_note("more")

    assert again.__notes__ == [*notes, "more"]


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
