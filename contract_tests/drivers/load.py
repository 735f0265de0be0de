"""Load: users of Locust that build images with the generated client, one after the other.

Only the processes of ``loading`` import this: Locust patches the standard library.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, ClassVar, TypeVar

import httpx
from locust import SequentialTaskSet, User
from locust.env import Environment
from locust.exception import StopUser
from prime_image_builds import AuthenticatedClient, Context, errors, upload
from prime_image_builds.api import images
from prime_image_builds.models import BuildImageRequest, BuildImageResponse, StartBuildRequest

from ..contract.api import IMAGES
from ..problems import Problem
from ..redaction import Secret
from ..tape.call import Call
from ..tape.exchange import Exchange
from ..tape.merge import Batch, Entry, entry
from ..tape.tape import Record, Tape
from ..usage import setting
from .http.clock import SYSTEM
from .http.reachability import GoneError, Reachability
from .images import Image, OwnImages
from .scripted import inputs
from .session import BudgetSpent, Session, SessionError

DRIVER = "load"
# Status codes of a delete that is not offered, which is not an error of a server.
NOT_OFFERED = (404, 405, 501)
MOST_ENTRIES = 2000
"""Exchanges of one batch, at most."""
T = TypeVar("T")


@dataclass
class Crew:
    """What the users of one process share.

    Attributes:
        session: Has the endpoint, the pace and the images of this process; each build has a tape of
            its own, so that a process keeps nothing.
        environment: Locust's, which counts the requests.
        dockerfile: The text of one that the target can build.
        pause: Seconds that a user waits between two operations.
        sample: The share of the builds that is recorded.
        deletes: Whether the server offers delete, as far as it is known.
        why: Why a user ended early, or an empty text.
        fix: What to do about that.
        is_ended: Whether no request is to be sent any more.
        has_begun: Whether there was a user.
        numbers: Of the builds, for their tags.

    """

    session: Session
    environment: Environment
    dockerfile: str
    pause: float
    sample: float
    deletes: bool = True
    why: str = ""
    fix: str = ""
    is_ended: bool = False
    has_begun: bool = False
    numbers: count[int] = field(default_factory=count)
    _sent: int = 0
    _unjudged: int = 0
    _entries: list[Entry] = field(default_factory=list)

    @property
    def own(self) -> OwnImages:
        """The images of this process."""
        assert self.session.own is not None
        return self.session.own

    def tape(self, *, is_judged: bool = True) -> Tape:
        """Return a tape for one build, whose exchanges are counted, and sent to the master."""
        tape = Tape(self.session.tape.token)

        def see(record: Record) -> None:
            if isinstance(record, Call):
                return
            self._count(record.last)
            if is_judged:
                self._entries.append(entry(record.last, tape.token))
            else:
                self._unjudged += 1

        tape.subscribe(see)
        return tape

    def batch(self, left: dict[str, str], *, is_done: bool = False) -> Batch:
        """Return what was recorded and is not sent yet; ``sent`` takes it off."""
        entries = self._entries[:MOST_ENTRIES]
        is_all = len(entries) == len(self._entries)
        until = SYSTEM.now() if is_all else entries[-1].ended
        is_done = is_done and is_all
        return Batch(self._sent, entries, until, left, self._unjudged, self.why, self.fix, is_done)

    def note(self, error: Exception) -> None:
        """Note why a user ends early; the first reason is shown."""
        if self.why:
            return
        self.why, self.fix = str(error), "see what the server did then"
        if isinstance(error, Problem):
            self.why, self.fix = error.what, error.fix
        elif isinstance(error, GoneError):
            self.fix = f"see whether the server runs, and {setting('TARGET')} is its URL"
        elif isinstance(error, errors.UploadNotAllowedError):
            self.fix = f"{setting('UPLOAD_HOSTS')} allows it, if that is your storage"

    def sent(self, batch: Batch) -> bool:
        """Note that a batch was sent; return whether there is more."""
        self._sent += len(batch.entries)
        del self._entries[: len(batch.entries)]
        return bool(self._entries)

    def _count(self, exchange: Exchange) -> None:
        """Add an exchange to Locust's statistics, in which nothing is that a server sent."""
        status, is_delete = exchange.response.status, exchange.deletes is not None
        error = None if exchange.response.is_success else f"status {status}"
        if is_delete and status in NOT_OFFERED:
            error, self.deletes = None, self.deletes and status == 404
        self.environment.events.request.fire(
            request_type=exchange.request.method, name=exchange.operation or "other",
            response_time=(exchange.ended - exchange.began).total_seconds() * 1000,
            response_length=len(exchange.response.content or b""), context={},
            exception=RuntimeError(error if exchange.is_answered else "no response")
            if error else None,
        )  # fmt: skip


class Wire(httpx.BaseTransport):
    """Sends what the generated client sends through a session, which bounds and records it.

    Attributes:
        issued: The build whose upload URL is not a path of the API.

    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.issued: BuildImageResponse | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises ``SessionError`` and ``BudgetSpent`` as a session does."""
        content, method, url = request.read(), request.method, str(request.url)
        issued = self.issued
        if issued and self.session.tape.is_upload(method, url):
            exchange = self.session.upload(issued.build_id, issued.upload_url, content, "upload")
        else:
            to = self.session.tape.api.address(method, request.url.path)
            exchange = self.session.exchange(request, to.operation or "a request")
        if not exchange.is_answered:
            raise httpx.ReadError(exchange.failure or "", request=request)
        headers = {  # the body is decoded already
            name: value
            for name, value in exchange.response.headers.items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        }
        return httpx.Response(
            exchange.response.status, headers=headers, content=exchange.response.content,
            request=request,
        )  # fmt: skip


class Build(SequentialTaskSet):
    """A build from initiate to the delete of its image; each task is an operation of the client.

    What fails ends the build, whose image is deleted all the same.
    """

    user: Builder

    def on_start(self) -> None:
        """Make the client of this user."""
        crew = self.user.crew
        crew.has_begun = True
        self._reach = Reachability()
        self._wire = Wire(crew.session)
        self._client = AuthenticatedClient(
            crew.session.endpoint.base_url, Secret(crew.session.tape.token),
            httpx_args={"transport": self._wire, "trust_env": False},
            naive_timestamps="utc", unknown_statuses="keep",
            upload_hosts=crew.session.upload_hosts,
        )  # fmt: skip

    def initiate(self) -> None:
        """Initiate a build with a tag of its own, on a tape of its own."""
        crew = self.user.crew
        tape = crew.tape(is_judged=random.random() < crew.sample)  # noqa: S311 (a sample)
        self._wire.session = replace(crew.session, tape=tape, reach=self._reach)
        self._wire.issued = None
        self._is_going, self._has_ended = True, False
        self._image = Image(f"v{next(crew.numbers)}")
        body = BuildImageRequest(image_name=crew.own.name, image_tag=self._image.tag)
        self._wire.issued = self._call(
            lambda: images.initiate_image_build.sync(client=self._client, body=body)
        )

    def status(self) -> None:
        """Poll the build."""
        seen = self._call(
            lambda: images.get_build_status.sync(self._issued.build_id, client=self._client)
        )
        self._has_ended = seen is not None and IMAGES.is_terminal(str(seen.status))

    def upload(self) -> None:
        """Upload a context."""
        content = inputs.context(self.user.crew.dockerfile)

        def send() -> None:
            with Context(io.BytesIO(content), len(content), "Dockerfile") as context:
                upload(self._issued, context, client=self._client)

        self._call(send)

    def start(self) -> None:
        """Start the build."""
        self._call(
            lambda: images.start_image_build.sync(
                self._issued.build_id, client=self._client, body=StartBuildRequest()
            )
        )

    def wait_for_end(self) -> None:
        """Poll the build until it has ended."""
        while self._is_going and not self._has_ended:
            self.status()
            self.wait()

    def delete(self) -> None:
        """Delete the image, if it may be there."""
        crew = self.user.crew
        if crew.deletes and self._image in crew.own.made:
            self._is_going = True
            self._call(
                lambda: images.delete_image.sync(
                    crew.own.name, self._image.tag, client=self._client
                )
            )

    tasks: ClassVar[list[Any]] = [initiate, status, upload, status, start, wait_for_end, delete]

    @property
    def _issued(self) -> BuildImageResponse:
        assert self._wire.issued is not None
        return self._wire.issued

    def _call(self, operation: Callable[[], T]) -> T | None:
        """Call an operation; what it raises is on the tape, and ends the build or the user."""
        crew = self.user.crew
        if crew.is_ended:
            raise StopUser
        if not self._is_going:
            return None
        try:
            return operation()
        except BudgetSpent as error:
            raise StopUser from error
        except (SessionError, Problem, errors.UploadNotAllowedError) as error:
            crew.note(error)  # nothing can be reached, noted or uploaded
            raise StopUser from error
        except (errors.ImageBuildsError, httpx.HTTPError):
            self._is_going = False
            return None


class Builder(User):
    """A user that builds images."""

    crew: ClassVar[Crew]
    tasks: ClassVar[list[Any]] = [Build]

    def wait_time(self) -> float:
        """Return how long the user waits between two tasks, in seconds."""
        return self.crew.pause
