"""The rules over requests and their responses: what they report, and what they permit."""

from __future__ import annotations

from typing import Any

import pytest

from ...tape.exchange import Credential
from ..support.story import BUILD, TOKEN, Story, row


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", '"UTF-32"'])
def test_a_charset_that_the_bytes_are_not_in(story: Story, charset: str) -> None:
    """P3 does not say what becomes of such a body; in UTF-8 it is one that breaks its schema."""
    for name, broken in ((charset, []), ('"UTF-8"', ["P3"])):
        headers = {"content-type": f"application/json; charset={name}"}
        story.send("POST", BUILD, 415, None, body={"image_name": "web"}, headers=headers)

        assert story.broken == broken


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
def test_absent_builds_are_refused(story: Story, status: int) -> None:
    """P4 holds for each refusal, and sees none in a success."""
    answer: Any = {"errors": []} if status == 422 else {"detail": "no"}
    story.look("gone", answer, status=status, is_absent=True)
    assert story.broken == []
    assert "P4" in story.held

    story.look("gone", "PENDING", is_absent=True)
    assert story.broken == ["P4"]


def test_a_redirect_is_no_answer_yet(story: Story) -> None:
    """P4 leaves it alone: some routers redirect what ends in a slash."""
    story.look("", None, status=307, is_absent=True)

    assert "P4" not in {*story.broken, *story.held}


def test_defaults_mean_the_same(story: Story) -> None:
    """P7: accepted differs from refused, and running from waiting, where false shows which."""
    for build, body, returned in (
        ("b", {"context_uploaded": False}, "UPLOADING"),
        ("c", {"context_uploaded": True}, "BUILDING"),
        ("d", {}, "UPLOADING"),
    ):
        story.initiate(build)
        story.upload(build)
        story.start(build, returned, body)
    assert story.broken == ["P7"]

    story.initiate("e")
    story.upload("e")
    story.start("e", None, {}, status=400)
    assert story.broken == ["P7", "P7"]


@pytest.mark.parametrize("refused", [{}, {"context_uploaded": True}])
def test_refusal_of_what_was_accepted_before_is_no_other_meaning(
    story: Story, refused: dict[str, Any]
) -> None:
    """A server may have lost the upload."""
    other = {} if refused else {"context_uploaded": True}
    for build, body in (("f", refused), ("g", other)):
        story.initiate(build)
        story.upload(build)
        story.start(build, "BUILDING", body)
    for build in ("h", "i"):
        story.initiate(build)
        story.upload(build)
        story.start(build, None, refused, status=409)

    assert story.broken == []


def test_a_failing_start_has_no_meaning(story: Story) -> None:
    """P7 leaves a 5xx to P5."""
    for build, body, status in (("c", {"context_uploaded": True}, 200), ("d", {}, 503)):
        story.initiate(build)
        story.upload(build)
        story.start(build, "BUILDING" if status == 200 else None, body, status=status)

    assert story.broken == ["P5"]


@pytest.mark.parametrize(
    ("method", "status", "broken"),
    [
        ("QUERY", 501, []), ("TRACE", 501, []), ("PUT", 501, []), ("QUERY", 500, ["P5"]),
        ("GET", 501, ["P5"]),
    ],
)  # fmt: skip
def test_501_says_that_a_method_is_unknown(method: str, status: int, broken: list[str]) -> None:
    """It is none of a method that the contract has."""
    story = Story()
    story.send(method, f"{BUILD}/b", status, None)

    assert story.broken == broken


def test_a_slow_start_is_no_other_meaning(story: Story) -> None:
    """P7 passes if both are accepted, and nothing shows that {} was read as false."""
    for build, body, returned in (
        ("c", {"context_uploaded": True}, "BUILDING"), ("d", {}, "UPLOADING"),
    ):  # fmt: skip
        story.initiate(build)
        story.upload(build)
        story.start(build, returned, body)

    assert story.broken == []
    assert "P7" in story.held


@pytest.mark.parametrize("value", [0, 1, "true", "No", "off", 1.0])
def test_words_that_are_read_as_a_boolean(story: Story, value: object) -> None:
    """P3 neither requires nor forbids them."""
    story.initiate("b")
    story.upload("b")
    story.start("b", "BUILDING", {"context_uploaded": value})
    story.look("b", "BUILDING")

    assert story.broken == []


def test_a_team_that_is_null(story: Story) -> None:
    """Null is a valid team, so 201 violates nothing; a tag that is a number needs a 422 (P3)."""
    issued = {"build_id": "b", "upload_url": "https://up.test/b", "expires_in": 60,
              "fullImagePath": "x/y:z", "visibility": "PRIVATE"}  # fmt: skip
    body: dict[str, Any] = {"image_name": "web", "image_tag": "v1", "teamId": None}
    story.send("POST", BUILD, 201, issued, body=body)
    assert story.broken == []

    story.send("POST", BUILD, 201, {**issued, "build_id": "c", "upload_url": "https://up.test/c"},
              body={**body, "image_tag": 7})  # fmt: skip
    assert story.broken == ["P3"]


def test_a_refused_body_that_starts(story: Story) -> None:
    """P3: 422 is not enough, if the build goes."""
    story.initiate("b")
    story.upload("b")
    story.start("b", {"errors": []}, {"context_uploaded": []}, status=422)
    story.look("b", "UPLOADING")
    assert story.broken == []
    story.look("b", "BUILDING")
    assert story.broken == ["P3"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"{]} {}"])
@pytest.mark.parametrize(("status", "rule"), [(400, None), (422, None), (415, None), (200, "P3")])
def test_what_is_no_json(story: Story, content: bytes, status: int, rule: str | None) -> None:
    """P3: any refusal will do, and none will not."""
    story.initiate("b")
    story.upload("b")
    answers: dict[int, Any] = {422: {"errors": []}, 200: row("b", "UPLOADING")}
    answer = answers.get(status)
    story.send("POST", f"{BUILD}/b/start", status, answer, content=content)

    assert [one for one in story.broken if one != "P6"] == ([rule] if rule else [])


@pytest.mark.parametrize("token", [None, "another-token", TOKEN[:-1], TOKEN.upper()])
def test_a_refused_token_that_starts(story: Story, token: str | None) -> None:
    """P2: 401 is not enough, if the build goes."""
    story.initiate("b")
    story.upload("b")
    story.start("b", None, status=401, token=token)
    story.look("b", "BUILDING")

    assert story.broken == ["P2"]


@pytest.mark.parametrize(
    ("method", "path", "status", "rule"),
    [
        ("PUT", "/b", 200, "P9"),
        ("PATCH", "/b/start", 204, "P9"),
        ("GET", "", 200, "P9"),
        ("HEAD", "/b/start", 200, "P9"),
        ("HEAD", "/b", 200, None),
        ("OPTIONS", "/b", 200, None),
        ("DELETE", "/b", 404, None),
        ("DELETE", "/b/start", 204, "P9"),
        ("PUT", "/b", 404, None),
        ("PUT", "/b", 429, None),
    ],
)
def test_other_methods(story: Story, method: str, path: str, status: int, rule: str | None) -> None:
    """P9, but for what HTTP itself or another published operation has there."""
    story.send(method, BUILD + path, status)

    assert story.broken == ([rule] if rule else [])


def test_an_unknown_credential_is_not_judged(story: Story) -> None:
    """P2 has nothing to say of a header that a recording left out."""
    story.look("b", "PENDING", token=None, credential=Credential.UNKNOWN)

    assert story.broken == []
    assert "P2" not in story.held
