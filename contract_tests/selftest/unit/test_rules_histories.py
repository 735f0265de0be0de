"""Histories with one fault each, and legal ones: headers, artifacts, clocks, builds of a name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ...rules import RULES
from ...tape.exchange import OWN
from ...tape.tape import Tape
from ..support.story import BUILD, EPOCH, RETURNED, TOKEN, Story, artifact, row

IMAGE, SANDBOX = "CONTAINER_IMAGE", "VM_SANDBOX"
NOW = "Tue, 24 Nov 2026 09:00:10 GMT"


def at(seconds: float) -> str:
    """Return an instant some seconds after the story began."""
    return (EPOCH + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def group(status: str, *artifacts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a valid group of a status that lists artifacts."""
    return row("b", status, artifacts=[*artifacts], **more)


def dated(date: str = NOW, **more: str) -> dict[str, Any]:
    """Return what ``look`` takes for a response with a Date and more headers."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return {"response_headers": RETURNED | {"date": date} | named}


def begun(story: Story) -> Story:
    """Initiate, upload and start a build b."""
    story.initiate("b")
    story.upload("b")
    story.start("b", "BUILDING")
    return story


Tell = Callable[[Story], object]


def _in_turn(*tells: Tell) -> Tell:
    def tell(story: Story) -> None:
        for one in tells:
            one(story)

    return tell


def _look(returned: Any, build: str = "b") -> Tell:
    return lambda s: s.look(build, returned)


def _initiate(build: str) -> Tell:
    return lambda s: s.initiate(build)


def _unauthorized(**headers: str) -> Tell:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda s: s.look("b", None, status=401, token=None, response_headers=named)


def _not_allowed(**headers: str) -> Tell:
    return lambda s: s.send("PUT", f"{BUILD}/b", 405, response_headers=headers)


def _later(value: str, status: int = 429) -> Tell:
    return lambda s: s.look("b", None, status=status, response_headers={"retry-after": value})


def _cached(**headers: str) -> Tell:
    return lambda s: s.look("b", "PENDING", **dated(**headers))


def _lingers(ended: str, artifact_status: str, seconds: float, **headers: Any) -> Tell:
    """Show an ended group whose second artifact has another status; again some seconds later."""

    def tell(story: Story) -> None:
        begun(story)
        failed = artifact("FAILED", "a1") if ended == "FAILED" else artifact("CANCELLED", "a1")
        shown = group(ended, failed, artifact(artifact_status, "a2"))
        story.look("b", shown)
        story.now += seconds
        story.look("b", shown, **headers)

    return tell


def _listed(status: str, *artifacts: dict[str, Any], **more: Any) -> Tell:
    return lambda s: begun(s).look("b", group(status, *artifacts, **more))


def _image_path(first: Any, second: Any) -> Tell:
    """Show a COMPLETED image twice, each time with a path of its own."""

    def tell(story: Story) -> None:
        begun(story)
        for path in (first, second):
            story.look("b", group("COMPLETED", artifact("COMPLETED", fullImagePath=path)))

    return tell


def _created(seconds: float, date: str = "") -> Tell:
    """Initiate with a Date, and show a build that was created then."""

    def tell(story: Story) -> None:
        issued = {"build_id": "b", "upload_url": "https://up.test/b?s=1", "expires_in": 60,
                  "fullImagePath": "x/y:z"}  # fmt: skip
        headers = RETURNED | ({"date": date} if date else {})
        sent = {"image_name": "web", "image_tag": "v1"}
        story.send("POST", BUILD, 201, issued, body=sent, response_headers=headers)
        story.look("b", row("b", "PENDING", createdAt=at(seconds)), response_headers=headers)

    return tell


def _completed(own: dict[str, str], its: dict[str, str]) -> Tell:
    return _listed("COMPLETED", artifact("COMPLETED", **its), **own)


def _ran_until(seen: str, completed: float) -> Tell:
    """Show a running build with a Date, and then when it completed."""

    def tell(story: Story) -> None:
        begun(story)
        story.now = 200
        story.look("b", row("b", "BUILDING"), **(dated(seen) if seen else {}))
        story.look("b", row("b", "COMPLETED", completedAt=at(completed)))

    return tell


MADE_UP = f"{OWN}0123456789ab"


def _visibility(sent: str | None, returned: str | None, name: str = "web") -> Tell:
    issued = {"build_id": f"b{sent}", "upload_url": f"https://up.test/b{sent}", "expires_in": 60,
              "fullImagePath": "x/y:z"}  # fmt: skip
    answer = issued | ({"visibility": returned} if returned else {})
    body = {"image_name": name, "image_tag": "v1"} | ({"visibility": sent} if sent else {})
    return lambda s: s.send("POST", BUILD, 201, answer, body=body)


def _rebuilt(old: dict[str, Any], new: str, *, again: str = "c", was: str = "COMPLETED") -> Tell:
    """Let a build end, initiate another of its name and tag, and show first that, then the old."""

    def tell(story: Story) -> None:
        begun(story)
        story.look("b", group(was, artifact(was)))
        story.initiate(again)
        story.look(again, new)
        story.look("b", old)

    return tell


def _runs_for(seconds: float, *artifacts: dict[str, Any], status: str = "BUILDING") -> Tell:
    def tell(story: Story) -> None:
        begun(story)
        story.look("b", group("BUILDING", *artifacts))
        story.now += seconds
        story.look("b", group(status, *artifacts))

    return tell


DONE = artifact("COMPLETED")
ENDED = group("COMPLETED", DONE)

VIOLATED: dict[str, tuple[Tell, str, str]] = {
    "a 401 without a challenge": (_unauthorized(), "P12", "the header WWW-Authenticate"),
    "a 401 with an empty challenge":
        (_unauthorized(www_authenticate=" "), "P12", "the header WWW-Authenticate"),
    "a 405 without Allow": (_not_allowed(), "P13", "the header Allow"),
    "Retry-After in words": (_later("soon"), "P14", "the header Retry-After"),
    "Retry-After with a fraction": (_later("1.5"), "P14", "the header Retry-After"),
    "a negative Retry-After": (_later("-1"), "P14", "the header Retry-After"),
    "an ISO date in Retry-After": (_later("2026-11-24T09:00:00Z"), "P14", "the header Retry-After"),
    "digits of another script": (_later("١٢"), "P14", "the header Retry-After"),
    "a status for an hour": (_cached(cache_control="max-age=3600"), "P15",
                             "the header Cache-Control"),
    "a status for a minute in shared caches":
        (_cached(cache_control="max-age=0, s-maxage=60"), "P15", "the header Cache-Control"),
    "a status that expires tomorrow":
        (_cached(expires="Wed, 25 Nov 2026 09:00:10 GMT"), "P15", "the header Expires"),
    "an artifact that runs a minute after its group failed":
        (_lingers("FAILED", "BUILDING", 61), "S5", "$.artifacts[1].status"),
    "an artifact that waits a minute after its group was cancelled":
        (_lingers("CANCELLED", "PENDING", 90), "S5", "$.artifacts[1].status"),
    "an artifact that runs long after completedAt, by the server's Date":
        (_lingers("FAILED", "BUILDING", 1, **dated("Tue, 24 Nov 2026 09:01:30 GMT")), "S5",
         "$.artifacts[1].status"),
    "an image without a path": (_image_path(None, "r/web:v1"), "S6",
                                "$.artifacts[0].fullImagePath"),
    "an image with an empty path": (_image_path("", ""), "S6", "$.artifacts[0].fullImagePath"),
    "the same artifact twice":
        (_listed("BUILDING", artifact("BUILDING"), artifact("BUILDING")), "S7",
         "$.artifacts[1].id"),
    "the same artifact with its type and without":
        (_listed("BUILDING", artifact("BUILDING", artifactType=IMAGE), artifact("BUILDING")),
         "S7", "$.artifacts[1].id"),
    "a group cancelled with an artifact that completed":
        (_listed("CANCELLED", DONE), "S8", "$.status"),
    "a group cancelled with two that completed":
        (_listed("CANCELLED", DONE, artifact("COMPLETED", "a2")), "S8", "$.status"),
    "created in the year 1":
        (_in_turn(_initiate("b"), _look(row("b", "PENDING", createdAt="0001-01-01T00:00:00Z"))),
         "T8", "$.createdAt"),
    "created five hours early": (_created(-5 * 3600), "T8", "$.createdAt"),
    "created six minutes early, by both clocks":
        (_created(-360, "Tue, 24 Nov 2026 09:00:00 GMT"), "T8", "$.createdAt"),
    "a group that starts after its artifact":
        (_completed({}, {"startedAt": at(1.5)}), "T9", "$.startedAt"),
    "a group that completes before its artifact":
        (_completed({"completedAt": at(5)}, {"completedAt": at(7)}), "T9", "$.completedAt"),
    "completed two minutes before it ran":
        (_ran_until("Tue, 24 Nov 2026 09:03:20 GMT", 80), "T10", "$.completedAt"),
    "completed when it had just started, after ten minutes":
        (_ran_until("Tue, 24 Nov 2026 09:10:00 GMT", 5), "T10", "$.completedAt"),
    "PRIVATE that is PUBLIC": (_visibility("PRIVATE", "PUBLIC"), "L12", "$.visibility"),
    "a new tag that is PUBLIC": (_visibility(None, "PUBLIC", MADE_UP), "L12", "$.visibility"),
    "a new INHERIT tag that is PUBLIC":
        (_visibility("INHERIT", "PUBLIC", MADE_UP), "L12", "$.visibility"),
    "a rebuild that is COMPLETED at once": (_rebuilt(ENDED, "COMPLETED"), "L13", "$.status"),
    "a rebuild that runs before its start": (_rebuilt(ENDED, "BUILDING"), "L13", "$.status"),
    "an old build with another end": (
        _rebuilt(group("CANCELLED", artifact("CANCELLED")), "PENDING"),
        "L13", "$.status"),
    "an old build with another time":
        (_rebuilt(group("COMPLETED", DONE, completedAt=at(6)), "PENDING"), "L13", "$.completedAt"),
    "an old build whose artifact is gone": (_rebuilt(group("COMPLETED"), "PENDING"), "L13",
                                            "$.artifacts"),
    "a build that runs for 1,800 s": (_runs_for(1800), "L14", "$.status"),
    "a sandbox that runs for 3,000 s":
        (_runs_for(3000, artifact("BUILDING", artifactType=SANDBOX)), "L14", "$.status"),
    "an artifact of another type later": (
        _in_turn(begun, _look(group("BUILDING", artifact("BUILDING"))),
                 _look(group("BUILDING", artifact("BUILDING", artifactType=SANDBOX)))),
        "L4", "$.artifacts[0].artifactType"),
}  # fmt: skip
"""Each tells a history with one fault: the rule that finds it, and where."""

LEGAL: dict[str, tuple[Tell, str]] = {
    "any challenge": (_unauthorized(www_authenticate="Custom"), "P12"),
    "an empty Allow": (_not_allowed(allow=""), "P13"),
    "seconds": (_later("120"), "P14"),
    "no second": (_later("0"), "P14"),
    "more seconds than there are": (_later("9" * 400), "P14"),
    "an HTTP date": (_later("Tue, 24 Nov 2026 09:00:10 GMT"), "P14"),
    "an obsolete date": (_later("Tuesday, 24-Nov-26 09:00:10 GMT"), "P14"),
    "an asctime date": (_later("Tue Nov 24 09:00:10 2026"), "P14"),
    "no header about caching": (_cached(), "P15"),
    "no-store": (_cached(cache_control="no-store, max-age=99"), "P15"),
    "no-cache": (_cached(cache_control="No-Cache"), "P15"),
    "ten seconds": (_cached(cache_control='max-age="10"'), "P15"),
    "an invalid lifetime": (_cached(cache_control="max-age=soon"), "P15"),
    "expired at once": (_cached(expires="0"), "P15"),
    "a group that fails fast": (_lingers("FAILED", "BUILDING", 30), ""),
    "a group that is cancelled whole": (_lingers("CANCELLED", "CANCELLED", 90), "S5"),
    "a failed group whose other artifact completed": (_lingers("FAILED", "COMPLETED", 90), "S5"),
    "a sandbox without a path": (
        _listed("COMPLETED", artifact("COMPLETED", artifactType=SANDBOX, fullImagePath=None)), ""),
    "a path that is dropped later": (_image_path("r/web:v1", None), "S6"),
    "an image that is reached early": (
        _listed("BUILDING", artifact("BUILDING", fullImagePath="r/web:v1")), ""),
    "two images": (
        _listed("BUILDING", artifact("BUILDING", "a1"), artifact("BUILDING", "a2")), "S7"),
    "one id, two types": (
        _listed("BUILDING", artifact("BUILDING"), artifact("BUILDING", artifactType=SANDBOX)),
        "S7"),
    "cancelled with one that failed": (
        _listed("CANCELLED", DONE, artifact("FAILED", "a2")), "S8"),
    "created by another clock": (_created(3600, "Tue, 24 Nov 2026 10:00:00 GMT"), "T8"),
    "created four minutes early": (_created(-240), "T8"),
    "an artifact that is cached": (
        _completed({}, {"createdAt": at(-9000), "startedAt": at(-8000), "completedAt": at(-7000)}),
        ""),
    "half a second, by rounding": (
        _completed({}, {"startedAt": at(2.5)}), "T9"),
    "a status that is 50 s old": (_ran_until("Tue, 24 Nov 2026 09:03:20 GMT", 150), "T10"),
    "a server without a clock": (_ran_until("", 5), ""),
    "PUBLIC that is narrowed": (_visibility("PUBLIC", "PRIVATE"), ""),
    "INHERIT of a PUBLIC tag": (_visibility("INHERIT", "PUBLIC"), ""),
    "INHERIT of a tag that was made PUBLIC": (
        _in_turn(_visibility("PUBLIC", "PUBLIC", MADE_UP), _visibility(None, "PUBLIC", MADE_UP)),
        ""),
    "a name like one that a run makes up": (
        _visibility(None, "PUBLIC", "contract-gate-web"), ""),
    "a new tag that is PRIVATE": (_visibility(None, "PRIVATE", MADE_UP), "L12"),
    "PRIVATE without saying so": (_visibility("PRIVATE", None), "L12"),
    "a rebuild that waits": (_rebuilt(ENDED, "PENDING"), "L13"),
    "a build that its rebuild supersedes": (
        _in_turn(begun, _look("BUILDING"), _initiate("c"), _look("PENDING", "c"),
                 _look(group("CANCELLED", artifact("CANCELLED")))), "L13"),
    "a build that runs for 1,790 s": (_runs_for(1790), ""),
    "a build that ends late": (_runs_for(1795, status="COMPLETED"), "L14"),
    "a sandbox that runs for 2,500 s": (
        _runs_for(2500, artifact("BUILDING", artifactType=SANDBOX)), ""),
    "failed without a start": (
        _in_turn(_initiate("b"), _look(row("b", "FAILED", startedAt=None))), ""),
    "a type that is left out": (
        _in_turn(begun, _look(group("BUILDING", artifact("BUILDING"))),
                 _look(group("BUILDING", artifact("BUILDING", artifactType=IMAGE)))),
        "L4"),
}  # fmt: skip
"""Each tells a legal history, with the rule that holds on it, if one is observed."""


@pytest.mark.parametrize("name", VIOLATED)
def test_one_fault_is_found_by_its_own_rule(name: str) -> None:
    """By no other rule, and at its place."""
    tell, rule, place = VIOLATED[name]
    story = Story()
    tell(story)

    assert set(story.broken) == {rule}
    assert place in story.places(rule)


@pytest.mark.parametrize("name", LEGAL)
def test_legal_history_breaks_no_rule(name: str) -> None:
    """And its rule was observed on it, unless it is about what the rule leaves alone."""
    tell, rule = LEGAL[name]
    story = Story()
    tell(story)

    assert story.broken == []
    assert not rule or rule in story.held


def test_each_rule_has_histories_that_break_it_and_that_do_not() -> None:
    """Of the rules that this module is about."""
    new = {
        "P12",
        "P13",
        "P14",
        "P15",
        "S5",
        "S6",
        "S7",
        "S8",
        "T8",
        "T9",
        "T10",
        "L12",
        "L13",
        "L14",
    }
    assert {rule for _, rule, _ in VIOLATED.values()} == new | {"L4"}
    assert {rule for _, rule in LEGAL.values()} - {""} == new | {"L4"}
    assert new <= RULES.keys()


@pytest.mark.parametrize(("seconds", "broken"), [(55, []), (65, ["L14"])])
def test_stuck_after_is_a_setting(seconds: float, broken: list[str]) -> None:
    """Seconds, whatever the artifacts are."""
    story = Story(Tape(TOKEN, stuck_after=60))
    _runs_for(seconds, artifact("BUILDING", artifactType=SANDBOX))(story)

    assert story.broken == broken
