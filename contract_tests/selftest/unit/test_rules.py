"""The rules over histories, on traffic written by hand: what they report, and what they permit."""

from __future__ import annotations

import pydoc
import re
from typing import Any

import pytest

from ...rules import RULES, TRAFFIC_RULES, Level, Rule
from ...rules.client import CLIENT_RULES, ClientRule
from ...tape.exchange import Credential
from ...tape.tape import Tape
from ...verdicts.judge import judge
from ..support.story import BUILD, TOKEN, Story, artifact, row


@pytest.fixture
def story() -> Story:
    """Start an empty story."""
    return Story()


@pytest.fixture
def going(story: Story) -> Story:
    """Return traffic of a build b that was initiated, uploaded and started."""
    story.initiate("b")
    story.look("b", "PENDING")
    story.upload("b")
    story.look("b", "UPLOADING")
    story.start("b", "BUILDING")
    story.look("b", "BUILDING")
    return story


EVERY_RULE = RULES | CLIENT_RULES | TRAFFIC_RULES


@pytest.mark.parametrize("rule", EVERY_RULE.values(), ids=EVERY_RULE)
def test_help_of_a_rule_shows_its_source_and_what_is_not_a_violation(
    rule: Rule[Any] | ClientRule,
) -> None:
    """What the contract states is a MUST; what is concluded from it is none."""
    shown = pydoc.plain(pydoc.render_doc(rule.judge))
    marks = r"^ *Source: (stated|derived|observed|assumed|standard)\b"
    source = re.search(marks, shown, re.MULTILINE)

    assert source
    assert (source[1] == "stated") is (rule.level is Level.MUST)
    assert (source[1] == "standard") is bool(getattr(rule, "standard", ""))
    assert re.search(r"^ *Not a violation:\s+- ", shown, re.MULTILINE)


def test_a_whole_life_breaks_nothing(going: Story) -> None:
    """And most rules of histories were observed on it."""
    going.look("b", "COMPLETED")
    going.look("b", "COMPLETED")
    going.start("b", None, status=409)
    going.look("b", "COMPLETED")

    assert going.broken == []
    assert going.held >= {"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L9", "L10"}


@pytest.mark.parametrize(
    ("returned", "rule"),
    [
        (row("b", "UPLOADING"), "L1"),
        (row("b", "BUILDING", imageTag="v2"), "L3"),
        (row("b", "BUILDING", createdAt="2026-11-24T08:59:59Z"), "L3"),
        (row("b", "BUILDING", startedAt="2026-11-24T09:00:04Z"), "L4"),
        (row("c", "BUILDING"), "L5"),
    ],
)
def test_invalid_step_breaks_its_rule(going: Story, returned: dict[str, Any], rule: str) -> None:
    """The violation is found by its own rule."""
    going.look("b", returned)

    assert set(going.broken) - {"L4" if rule == "L1" else rule} == (
        {rule} if rule == "L1" else set()
    )
    assert rule in going.broken


@pytest.mark.parametrize(
    "returned",
    [
        row("b", "BUILDING", createdAt="2026-11-24T10:00:00.0004+01:00"),
        row("b", "BUILDING", startedAt="2026-11-24T09:00:03.000999Z"),
        row("b", "CANCELLED"),
        row("b", "FAILED", region="eu"),
    ],
)
def test_valid_step_breaks_no_rule(going: Story, returned: dict[str, Any]) -> None:
    """Another offset, another fraction, another end: all are valid."""
    going.look("b", returned)

    assert going.broken == []


def test_terminal_is_final(going: Story) -> None:
    """Only L2 reports a build that ends twice."""
    going.look("b", "COMPLETED")
    going.look("b", row("b", "FAILED"))

    assert going.broken == ["L2"]


def test_what_overlaps_proves_nothing(going: Story) -> None:
    """Of overlapping responses, one may show the earlier state."""
    going.look("b", "COMPLETED", seconds=(10.0, 11.0))
    going.look("b", "BUILDING", seconds=(9.0, 12.0))
    assert going.broken == []

    going.look("b", "BUILDING", seconds=(11.5, 12.5))
    assert "L2" in going.broken


def test_a_name_that_is_not_plain_may_be_spelled_otherwise(story: Story) -> None:
    """A server may fold its case; a plain one comes back as it was."""
    story.initiate("b", image_name="Web App")
    story.look("b", row("b", "PENDING", imageName="web-app"))
    assert story.broken == []

    story.initiate("c", image_name="other")
    story.look("c", "PENDING")
    assert story.broken == ["L3"]


def test_a_start_that_does_nothing(story: Story) -> None:
    """L6 reports it at the first poll, and once."""
    story.initiate("b")
    story.upload("b")
    story.look("b", "UPLOADING")
    story.start("b", "BUILDING")
    story.look("b", row("b", "UPLOADING", startedAt="2026-11-24T09:00:03Z"))

    assert [one for one in story.broken if one != "T3"] == ["L6"]


@pytest.mark.parametrize(
    "again",
    [
        row("b", "BUILDING", startedAt="2026-11-24T09:00:06Z"),
        row("b", "UPLOADING"),
        row("b", "BUILDING", startedAt=None),
    ],
)
def test_a_second_start_that_resets(going: Story, again: dict[str, Any]) -> None:
    """L7 reports it, and no other rule about steps does."""
    going.start("b", again)

    assert [one for one in going.broken if one not in ("T3", "T4")] == ["L7"]


def test_a_second_start_that_is_refused_and_resets(going: Story) -> None:
    """What later responses show counts too."""
    going.start("b", None, status=409)
    going.look("b", row("b", "BUILDING", startedAt="2026-11-24T09:00:09Z"))

    assert going.broken == ["L7"]


def test_no_upload_no_image(story: Story) -> None:
    """L8: a build that nothing was uploaded for does not succeed; that it fails is well."""
    story.initiate("b")
    story.start("b", "BUILDING")
    story.look("b", "FAILED")
    assert story.broken == []
    assert "L8" in story.held

    story.initiate("c")
    story.start("c", "BUILDING")
    story.look("c", "COMPLETED")
    assert story.broken == ["L8"]


def test_false_sets_nothing_going(story: Story) -> None:
    """L11, whatever the start itself was answered."""
    story.initiate("b")
    story.upload("b")
    story.start("b", "UPLOADING", {"context_uploaded": False})
    story.look("b", "UPLOADING")
    assert story.broken == []

    story.look("b", "BUILDING")
    assert story.broken == ["L11"]


def test_a_start_moves_no_other_build(story: Story) -> None:
    """L9: between two polls of c, b was started, and nothing was sent to c."""
    for build in ("b", "c"):
        story.initiate(build)
        story.upload(build)
        story.look(build, "UPLOADING")
    story.start("b", "BUILDING")
    story.look("c", "BUILDING")

    assert story.broken == ["L9"]


def test_issues_are_apart(story: Story) -> None:
    """L9: neither an id nor an upload URL is issued twice."""
    story.initiate("b")
    story.initiate("b")

    assert story.broken == ["L9"]


def test_found_at_once(story: Story) -> None:
    """L10: a build is there after initiate; later it may be tidied away."""
    story.initiate("b")
    story.look("b", None, status=404)
    assert story.broken == ["L10"]

    story.initiate("c")
    story.look("c", None, status=429)
    story.now += 3600
    story.look("c", None, status=404)
    assert story.broken == ["L10"]


@pytest.mark.parametrize(
    ("created", "broken"), [("2026-11-24T08:00:00Z", []), ("2026-11-24T09:00:03Z", ["L9"])]
)
def test_an_artifact_of_two_builds(story: Story, created: str, broken: list[str]) -> None:
    """L9: one that is older than the build may come from a cache."""
    for build in ("b", "c"):
        shared = artifact("PENDING", createdAt=created)
        story.initiate(build)
        story.look(build, row(build, "PENDING", artifacts=[shared]))

    assert story.broken == broken


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", '"UTF-32"'])
def test_a_charset_that_the_bytes_are_not_in(story: Story, charset: str) -> None:
    """P3 does not say what becomes of such a body; in UTF-8 it is one that breaks its schema."""
    for name, broken in ((charset, []), ('"UTF-8"', ["P3"])):
        headers = {"content-type": f"application/json; charset={name}"}
        story.send("POST", BUILD, 415, None, body={"image_name": "web"}, headers=headers)

        assert story.broken == broken


IMAGE = BUILD.replace("/build", "/web/v1")
DELETED = {"success": True, "message": "web:v1 is deleted"}


@pytest.mark.parametrize(
    ("path", "status", "ends"),
    [
        (IMAGE, 200, True),
        (f"{IMAGE}?teamId=team_1", 200, True),
        (IMAGE.upper().replace("/API/V1/IMAGES", "/api/v1/images"), 200, True),
        (IMAGE, 500, True),
        (IMAGE, 403, False),
        (IMAGE, 404, False),
        (f"{IMAGE}1", 200, False),
        (IMAGE.replace("web", "other"), 200, False),
    ],
)
def test_delete_of_its_name_and_tag_ends_a_history(
    going: Story, path: str, status: int, ends: bool
) -> None:
    """What is seen afterwards proves nothing; a refused delete, or another one, ends nothing."""
    path = path.replace("HTTPS://IMAGES.TEST", "https://images.test")
    going.send("DELETE", path, status, DELETED if status == 200 else None)
    going.broken.clear()
    going.look("b", None, status=404)
    going.look("b", row("b", "PENDING", imageName="other", createdAt="2026-11-24T09:00:02Z"))

    assert set(going.broken) == (set() if ends else {"L1", "L3", "L4", "L10"})


def test_delete_without_a_response_ends_a_history(going: Story) -> None:
    """It may have been processed."""
    going.send("DELETE", IMAGE, 0, failure="connection lost")
    going.look("b", None, status=404)

    assert going.broken == []


def test_build_initiated_after_a_delete_has_a_history(going: Story) -> None:
    """The delete is not one of what did not exist yet."""
    going.send("DELETE", IMAGE, 200, DELETED)
    going.initiate("c")
    going.look("c", None, status=404)

    assert going.broken == ["L10"]


def test_histories_before_a_delete_stay_as_they_were(going: Story) -> None:
    """A rule that looks back at an older exchange sees what preceded it."""
    started = going.tape.of("start_image_build")[0]
    before = going.tape.history(started)
    going.send("DELETE", IMAGE, 200, DELETED)
    going.look("b", None, status=404)

    assert going.tape.history(started) == before
    assert len(before.exchanges) > 3
    assert len(going.tape.history(going.tape.exchanges[-1]).exchanges) == 1


@pytest.mark.parametrize(
    ("status", "then", "rules"),
    [(401, 404, {"P2", "L10"}), (401, 200, set()), (200, 404, {"P2"}), (403, 200, {"P2"})],
)
def test_delete_without_the_token_is_refused_and_changes_nothing(
    story: Story, status: int, then: int, rules: set[str]
) -> None:
    """P2, by the response, and by the status that follows."""
    story.initiate("b")
    story.look("b", "PENDING")
    story.send("DELETE", IMAGE, status, DELETED if status == 200 else None, token=None)
    story.look("b", "PENDING" if then == 200 else None, status=then)

    assert set(story.broken) == rules


def test_build_that_was_gone_before_a_refused_delete_is_not_reported(story: Story) -> None:
    """P2: only the last status before the delete shows what the delete changed."""
    story.initiate("b")
    story.look("b", "PENDING")
    story.now += 3600
    story.look("b", None, status=404)
    story.send("DELETE", IMAGE, 401, token=None)
    story.look("b", None, status=404)

    assert story.broken == []


@pytest.mark.parametrize("status", [404, 405, 501])
def test_server_without_delete_breaks_nothing(story: Story, status: int) -> None:
    """P2 and P5: with the token or without it, as long as no delete has succeeded."""
    story.send("DELETE", IMAGE, status)
    story.send("DELETE", IMAGE, status, token=None)
    assert story.broken == []

    story.send("DELETE", IMAGE, 200, DELETED)
    story.send("DELETE", IMAGE, status, token=None)
    assert set(story.broken) == ({"P2", "P5"} if status == 501 else {"P2"})


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


def test_a_failing_start_has_no_meaning(story: Story) -> None:
    """P7 leaves a 5xx to P5."""
    for build, body, status in (("c", {"context_uploaded": True}, 200), ("d", {}, 503)):
        story.initiate(build)
        story.upload(build)
        story.start(build, "BUILDING" if status == 200 else None, body, status=status)

    assert story.broken == ["P5"]


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


def test_a_part_of_what_happened_proves_little() -> None:
    """On a recording, somebody else may have started, uploaded or authorised."""
    story = Story(Tape(TOKEN, is_whole=False))
    story.initiate("b")
    story.look("b", "UPLOADING")
    story.start("b", None, status=401, token=None)
    story.start("b", "UPLOADING", {"context_uploaded": False})
    story.look("b", "COMPLETED")

    assert story.broken == []


def test_an_unknown_credential_is_not_judged(story: Story) -> None:
    """P2 has nothing to say of a header that a recording left out."""
    story.look("b", "PENDING", token=None, credential=Credential.UNKNOWN)

    assert story.broken == []
    assert "P2" not in story.held


def test_future_is_measured_by_the_later_clock(story: Story) -> None:
    """T6: five minutes past our clock and the server's."""
    late = "2026-11-24T09:04:59Z"
    story.look("b", row("b", "PENDING", createdAt=late))
    assert story.broken == []

    story.look("c", row("c", "PENDING", createdAt="2026-11-24T09:06:00Z"))
    assert story.broken == ["T6"]
    (group,) = judge(story.tape, [RULES["T6"]])["T6"].groups.values()
    assert group.first.expected == "at most 5 minutes after now, 2026-11-24T09:00:01+00:00"


def test_a_message_of_the_group_counts(story: Story) -> None:
    """S4: older servers had it there (observed)."""
    listed = [{"id": "a", "status": "FAILED", "createdAt": "2026-11-24T09:00:00Z",
               "completedAt": "2026-11-24T09:00:05Z"}]  # fmt: skip
    story.look("b", row("b", "FAILED", artifacts=listed, errorMessage="no base image"))
    assert story.broken == []

    story.look("b", row("b", "FAILED", artifacts=listed))
    assert story.broken == ["S4"]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9-23:59"])
def test_the_ends_of_time(story: Story, at: str) -> None:
    """Instants that no sum reaches beyond are compared all the same."""
    story.look("b", row("b", "PENDING", createdAt=at))

    assert story.broken == ([] if at.startswith("0") else ["T6"])


@pytest.mark.parametrize(
    ("artifacts", "rule"),
    [
        ([{"id": "a", "status": "BUILDING"}], "L4"),
        ([], "L4"),
        (None, None),
        ([{"id": "a", "status": "BUILDING"}, {"id": "b", "status": "UPLOADING"}], "L1"),
        (
            [{"id": "c", "status": "PENDING"}, {"id": "b", "status": "BUILDING"},
             {"id": "a", "status": "BUILDING"}], None,
        ),
    ],
)  # fmt: skip
def test_artifacts_step_too(going: Story, artifacts: Any, rule: str | None) -> None:
    """By their ids, whatever their order; one more is no harm."""
    created = {"createdAt": "2026-11-24T09:00:00Z"}

    def listed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        started = {"startedAt": "2026-11-24T09:00:03Z"}
        return [one | created | (started if one["status"] == "BUILDING" else {}) for one in rows]

    first = listed([{"id": "a", "status": "BUILDING"}, {"id": "b", "status": "BUILDING"}])
    going.look("b", row("b", "BUILDING", artifacts=first))
    then = {} if artifacts is None else {"artifacts": listed(artifacts)}
    going.look("b", row("b", "BUILDING", **then))

    assert (rule in going.broken) is (rule is not None)
    assert set(going.broken) <= {rule, "L4"}
