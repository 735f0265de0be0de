"""What the client puts on the wire, and what it refuses to send."""

from __future__ import annotations

import json
from typing import Any

import pytest
import respx
from prime_image_builds import AuthenticatedClient, errors
from prime_image_builds.api.images import start_image_build
from prime_image_builds.models import (
    BuildImageRequest,
    BuildImageResponse,
    BuildPlatform,
    RequestedVisibility,
    StartBuildRequest,
)

from ...contract.api import DELETE, INITIATE, START, STATUS
from ...contract.openapi import contract
from ...drivers.client import example
from ..support.client_calls import (
    BASE,
    TOKEN,
    WEB,
    call,
    peer,
    variants,
)


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
        (DELETE, b"DELETE /api/v1/images/web/v1 HTTP/1.1", None),
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
    """A value that no escaping makes one path segment is named, and not sent."""
    with respx.mock(assert_all_called=False) as router:
        route = router.route()
        for operation in (STATUS, START):
            with pytest.raises(errors.InvalidRequestError, match=r"^build_id must be "):
                call(AuthenticatedClient(BASE, TOKEN), operation, variant, build_id)

    assert not route.called


@variants
@pytest.mark.parametrize(
    ("team", "sent"),
    [
        (None, b""),
        ("team_1", b"?teamId=team_1"),
        ("", b"?teamId="),
        ("a b/c&d=\u00e9+", b"?teamId=a%20b%2Fc%26d%3D%C3%A9%2B"),
    ],
)
def test_query_parameter_is_sent_by_its_key(team: str | None, sent: bytes, variant: str) -> None:
    """Escaped, as one value; None is left out."""
    with respx.mock() as router:
        route = router.route().respond(200, json=example(DELETE))
        call(AuthenticatedClient(BASE, TOKEN), DELETE, variant, team_id=team)

    assert route.calls.last.request.url.raw_path == b"/api/v1/images/web/v1" + sent


@variants
def test_query_parameter_that_is_not_printable_text_raises_before_sending(variant: str) -> None:
    """The error has its name in Python, and what was passed."""
    wrong: dict[str, Any] = {
        "7": 7, r"'a\nb'": "a\nb", "a value of type bytes": b"t", "a value of type list": [],
        "'" + 99 * "x": 200 * "x" + "\n",
    }  # fmt: skip
    with respx.mock(assert_all_called=False) as router:
        route = router.route()
        for shown, team in wrong.items():
            with pytest.raises(errors.InvalidRequestError) as caught:
                call(AuthenticatedClient(BASE, TOKEN), DELETE, variant, team_id=team)
            message = str(caught.value)
            assert message.startswith("team_id must be "), team
            assert message.endswith(f", not {shown}"), team

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
