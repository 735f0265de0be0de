"""What all steps of the scripted driver use: a session, the builds made so far, polling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ...contract.api import IMAGES
from ...tape.exchange import Exchange
from ..images import delete_path
from ..session import Session
from . import inputs

BUILD = IMAGES.contract.operations[IMAGES.initiate].path
# Seconds between two polls of a build: at first short, at last as the vendor's clients wait.
FIRST_PAUSE, MOST_PAUSE, GROWTH = 0.005, 10.0, 1.3


@dataclass(frozen=True)
class Issued:
    """A build that initiate issued."""

    build_id: str
    upload_url: str = field(repr=False)

    @property
    def path(self) -> str:
        """Where its status is."""
        return f"{BUILD}/{quote(self.build_id, safe='')}"


@dataclass(frozen=True)
class Step:
    """One part of the scripted traffic, with its cost.

    Attributes:
        builds: Builds that it initiates.
        started: Builds that it starts, and waits for.
        requests: Requests that it sends, without those that wait for a build to end.
        polls: How many of those it sends at most: from the seconds that it may wait in all, and
            those after which a build counts as stuck (None for as the API has it).
        made_if_accepted: Further builds if the server accepts what it must refuse.
        started_if_accepted: Builds that such a server starts besides.

    """

    name: str
    builds: int
    started: int
    requests: int
    run: Callable[[BuildScript], None]
    made_if_accepted: int = 0
    started_if_accepted: int = 0
    polls: Callable[[float, float | None], int] = lambda _patience, _stuck_after: 0


@dataclass
class BuildScript:
    """The state that the steps share.

    Attributes:
        patience: Seconds to wait for builds to end.
        dockerfile: One that the target can build.
        report: Called with the progress, in a few words.
        uploads: Whether contexts are uploaded: the URLs of a mock are only examples.
        followed: Builds that were started, and are to end, by what they are for.
        hasty: Builds that may run without an upload; polled for a short time only.
        waiting: Builds that must not start.
        own: The build of the image that is deleted before all others.
        restarted: The build that is started once more when it has ended.

    """

    session: Session
    patience: float
    dockerfile: str = inputs.GOOD
    report: Callable[[str], None] = lambda _: None
    uploads: bool = True
    followed: dict[str, Issued] = field(default_factory=dict)
    hasty: dict[str, Issued] = field(default_factory=dict)
    waiting: dict[str, Issued] = field(default_factory=dict)
    own: Issued | None = None
    restarted: Issued | None = None

    def initiate(self, what: str, **more: Any) -> Issued | None:
        """Initiate a build; None if no build that can be followed is issued."""
        return initiate(self.session, what, **more)

    def uploaded(self, what: str) -> Issued | None:
        """Initiate a build and upload a context that builds."""
        if not self.uploads:
            return self.initiate(what)
        return uploaded(self.session, what, self.dockerfile)

    def look(self, issued: Issued, intent: str) -> Exchange:
        """Request the status of a build."""
        return self.session.send("GET", issued.path, intent)

    def delete(self, tag: str, intent: str, authorization: str | None = "valid") -> Exchange:
        """Delete an image of the run's own name."""
        path = delete_path(self.session.own_name, tag)
        return self.session.send("DELETE", path, intent, authorization=authorization)

    def start(self, issued: Issued, intent: str, body: Any) -> Exchange:
        """Start a build."""
        return self.session.send("POST", f"{issued.path}/start", intent, body=body)


def initiate(session: Session, what: str, **more: Any) -> Issued | None:
    """Initiate a build; None if no build that can be followed is issued."""
    issue = session.send("POST", BUILD, f"{what}: initiate", body={**inputs.NAMED, **more})
    build_id, url = issue.build_id, issue.upload_url
    # No URL leads to a build of such an id.
    if build_id is not None and url is not None and build_id not in ("", ".", ".."):
        return Issued(build_id, url)
    return None


def uploaded(session: Session, what: str, dockerfile: str = inputs.GOOD) -> Issued | None:
    """Initiate a build and upload a context."""
    issued = initiate(session, what)
    if issued is not None:
        content = inputs.context(dockerfile)
        session.upload(issued.build_id, issued.upload_url, content, f"{what}: upload")
    return issued


def rounds(seconds: float, pause: float = FIRST_PAUSE) -> int:
    """Return how often ``follow`` polls a build in these seconds at most."""
    count, passed = 1, 0.0
    while pause < MOST_PAUSE and passed + pause < seconds:
        passed += pause
        pause = min(pause * GROWTH, MOST_PAUSE)
        count += 1
    return count + max(0, math.ceil((seconds - passed) / pause))


def follow(script: BuildScript, seconds: float, pause: float = FIRST_PAUSE) -> int:
    """Poll all builds in turn until they have ended, for at most ``seconds``.

    ``pause`` is the first between two polls; it grows up to ``MOST_PAUSE``.
    Returns how many had not ended by then. A build is dropped, too, after two polls in a row
    without a response.
    """
    session = script.session
    going = {**script.followed, **script.hasty}
    lost: set[str] = set()
    until = session.pace.left - seconds
    while going:
        for what, build in list(going.items()):
            seen = script.look(build, f"{what}: status after the start")
            if not seen.is_answered and what not in lost:
                lost.add(what)
                continue
            lost.discard(what)
            rows = seen.rows
            if not rows or session.tape.api.is_terminal(rows[0].status) or rows[0].phase is None:
                del going[what]
        if session.pace.left - pause <= until:
            return len(going)
        if going:
            script.report(f"waiting for {len(going)} build{'s' * (len(going) > 1)}")
            session.pace.pause(pause)
            pause = min(pause * GROWTH, MOST_PAUSE)
    return 0
