"""Deletes what runs made, and nothing else: at the end of a run, and of runs that ended early."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from ..contract.api import IMAGES
from ..drivers import journal
from ..drivers.http.pace import Pace
from ..drivers.http.transport import Endpoint
from ..drivers.images import Image, OwnImages
from ..drivers.session import BudgetSpent, Session, SessionError
from ..problems import Problem
from ..tape.exchange import Exchange
from ..tape.tape import Tape, normal
from .target import GateError, Target, refused, unreached

DRIVER = "clean-up"
"""The driver's name of the requests that delete what a run made."""
# Characters that are shown of a tag or a team that no registry would take.
MOST_SHOWN = 64
# Status codes of a delete that is not offered; a 404 may be one, too (assumed).
_NOT_OFFERED = (405, 501)


@dataclass
class Cleaned:
    """What came of the images of one run.

    Attributes:
        name: The image name that the run alone used.
        deleted: The images that were deleted.
        gone: The images that were not there any more.
        left: The images that were not, each with the reason.
        unsure: Those of them that may not exist.

    """

    name: str
    deleted: list[Image] = field(default_factory=list)
    gone: list[Image] = field(default_factory=list)
    left: dict[Image, str] = field(default_factory=dict)
    unsure: set[Image] = field(default_factory=set)


def clean(
    session: Session,
    own: OwnImages,
    report: Callable[[str], object] = str,
    refusal: str = "",
) -> Cleaned:
    """Delete the images of a run, the last one first.

    A response that may mean that there is no such image is believed if the server deleted another
    one, or has not the image's last build either: it may not offer delete. ``refusal`` is why that
    is known already. Raises ``Problem`` as the journal does.
    """
    done, absent, why = Cleaned(own.name), dict[Image, Exchange](), refusal
    session.pace.reserved = 0
    try:
        for image in reversed([*own.made]) if not refusal else ():
            report(f"deleting {len(own.made)} image{'s' * (len(own.made) > 1)}")
            exchange = session.send("DELETE", own.path(image), DRIVER)
            if exchange.has_deleted:
                own.forget(image)
                done.deleted.append(image)
            elif exchange.response.is_success or exchange.response.status == 404:
                absent[image] = exchange
            else:
                done.left[image] = why = _why(exchange)
                if exchange.response.status in _NOT_OFFERED:
                    break
        for image, exchange in absent.items():
            if _is_absent(session, own, image, exchange, bool(own.gone or done.deleted)):
                own.forget(image)
                done.gone.append(image)
            elif not any(own.made[image]):
                done.unsure.add(image)
    except (BudgetSpent, SessionError) as error:
        why = str(error)
    for image in own.made:
        done.left.setdefault(image, _why(absent[image]) if image in absent else why)
    return done


def _is_absent(
    session: Session, own: OwnImages, image: Image, deleted: Exchange, is_offered: bool
) -> bool:
    """Whether there is no such image, after a delete that was not successful."""
    is_not_found = deleted.response.status == 404
    if is_not_found and is_offered:
        return True
    builds = [one for one in own.made[image] if one not in (None, "", ".", "..")]
    if not builds:
        return is_not_found and _is_of_the_api(deleted)
    path = IMAGES.contract.operations[IMAGES.status].path
    where = path.replace(f"{{{IMAGES.path_id}}}", quote(builds[-1] or "", safe=""))
    status = session.send("GET", where, f"{DRIVER}: is the build there?").response.status
    return status in (404, 410)


def _is_of_the_api(exchange: Exchange) -> bool:
    """Whether a refusal has the body that the API documents, which a router's own has not."""
    contract, operation = exchange.api.contract, exchange.documented
    schema = contract.response_schema(operation, 422) if operation else None
    return schema is not None and not contract.errors(schema, exchange.response.json)


def _why(exchange: Exchange) -> str:
    status = exchange.response.status
    if not exchange.is_answered:
        return f"no response: {exchange.failure}"
    if exchange.response.is_success:
        return f"{status}, but success is not true"
    return f"{status}: the server does not offer delete" if status in _NOT_OFFERED else f"{status}"


@dataclass
class Resumed:
    """What came of the journals of runs that ended early.

    Attributes:
        planned: The images that the journals hold, by the name of the run.
        cleaned: What came of each run.
        running: The runs that have not ended: their journals are locked.
        elsewhere: How many journals are of other targets.
        problems: Why journals cannot be read, or the server does not answer.

    """

    planned: dict[str, list[Image]] = field(default_factory=dict)
    cleaned: list[Cleaned] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    elsewhere: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def left(self) -> bool:
        """Whether an image was not deleted that is known to have been made."""
        return any({*one.left} - one.unsure for one in self.cleaned)

    @property
    def problem(self) -> Problem | None:
        """Why it is not known whether all is deleted, or None."""
        if self.problems:
            first, *more = self.problems
            return Problem(first.what, first.fix, first.code, map(str, more)) if more else first
        if not self.left and any(one.unsure for one in self.cleaned):
            return GateError(
                "the server neither deletes what was noted last, nor shows whether it exists",
                "see whether it does, then remove the journal",
            )
        return None


def resume(
    done: Resumed,
    target: Target,
    folder: Path,
    at: Endpoint | None = None,
) -> None:
    """Delete what is in the journals of a target's runs that ended early; with DRY_RUN, only list.

    What came of it is added to ``done``.
    """
    endpoint = at or target.endpoint()
    budget = target.budget
    pace = Pace(None, budget.requests, budget.rate, budget.deadline, endpoint.clock)
    tape = Tape(target.token)
    if folder.exists() and not folder.is_dir():
        done.problems.append(GateError(f"{folder} is not a folder of journals", "remove it"))
    with Session(endpoint, tape, DRIVER, pace, headers=target.headers) as session:
        for path in sorted(folder.glob(f"*{journal.SUFFIX}")):
            try:
                _resume(done, session, path, is_dry=target.dry_run)
            except Problem as problem:
                done.problems.append(problem)
            except BlockingIOError:
                done.running.append(path.name.removesuffix(journal.SUFFIX))
            except OSError as error:
                what = f"the journal {path} cannot be read: {error.strerror}"
                done.problems.append(GateError(what, "see who may read and write there"))
    if tape.exchanges and not session.reach.has_answered:
        why = str(tape.exchanges[-1].failure)
        done.problems.insert(0, unreached(endpoint.base_url, why))
    elif any(one.response.status == 401 for one in tape.exchanges):
        done.problems.insert(0, refused(endpoint.base_url))


def _resume(done: Resumed, session: Session, path: Path, *, is_dry: bool) -> None:
    if not (path.is_symlink() or path.exists()):  # its run has ended meanwhile
        return
    if path.is_symlink() or not path.is_file():
        raise GateError(f"the journal {path} is not a file", "see what it is, and remove it")
    if (found := journal.read(path)) is None:
        if not is_dry:
            journal.discard(path)
        return
    if normal(found[0].target.rstrip("/")) != normal(session.endpoint.base_url.rstrip("/")):
        done.elsewhere += 1
        return
    noted, _ = found
    noted.open()  # and lock it, then read what its run may have added meanwhile
    try:
        own = OwnImages(noted.name, journal=noted)
        own.replay((journal.read(path) or found)[1])
        done.planned[own.name] = [*own.made]
        if is_dry:
            noted.close(is_done=False)
            return
        session.own = own
        done.cleaned.append(clean(session, own))
        noted.close(is_done=not own.made)
    finally:
        noted.close(is_done=False)


def shown(name: str, image: Image) -> str:
    """Return how reports write an image: as delete takes it, or quoted if not a plain tag."""
    team = "" if image.team is None else f" of the team {_quoted(image.team)}"
    return f"{name}:{_quoted(image.tag)}{team}"


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.-]{1,128}", text, re.ASCII) else ascii(text[:MOST_SHOWN])
