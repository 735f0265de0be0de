"""Puts real builds into the cases of schemathesis."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from ...contract.api import INITIATE, START, STATUS
from ...tape.exchange import Exchange
from ..scripted.builds import uploaded
from ..scripted.inputs import GOOD, NAMED, context
from ..session import Session


class Feed:
    """Puts ids of existing builds into valid cases; leaves invalid cases as they are."""

    def __init__(self, session: Session, most_builds: int) -> None:
        self._session = session
        self._left = most_builds
        self._known: str | None = None
        self._named = 0
        self._made: set[str] = set()
        self._issued: dict[str, str] = {}

    def feed(self, case: Any) -> None:
        """Give a valid start a new build, a valid status a known one, an initiate ordinary names.

        The build of a link stays, and its context is uploaded before it is started.
        """
        operation = _operation(case)
        if operation == INITIATE and isinstance(case.body, dict) and _means_well(case, "body"):
            self._name(case)
        if operation not in (START, STATUS) or not _means_well(case, "path"):
            return
        requested = unquote(str(case.path_parameters.get("build_id", "")))
        if requested in self._issued and operation == START:
            url = self._issued.pop(requested)
            self._made.add(requested)
            self._session.upload(requested, url, context(GOOD), "a build of a link: upload")
        if requested in self._made or _is_linked(case):
            return
        build_id = self._build(fresh=operation == START)
        if build_id is not None:
            # A mapping of its own: cases may share theirs.
            given = {"build_id": quote(build_id, safe="")}
            case.path_parameters = {**case.path_parameters, **given}

    def learn(self, case: Any, exchange: Exchange) -> None:
        """Remember the upload URL of a build that schemathesis itself initiated."""
        build_id, url = exchange.build_id, exchange.upload_url
        if exchange.issued and build_id is not None and url is not None and _is_linked(case):
            self._issued[build_id] = url

    def _name(self, case: Any) -> None:
        # A server may be stricter on tags than the contract; and where a link shall lead on from
        # here, the Dockerfile has to be where the context has it.
        self._named += 1
        if _is_linked(case):
            body = {name: value for name, value in case.body.items() if name != "dockerfile_path"}
            case.body = {**body, **NAMED}
        elif self._named % 2:
            case.body = {**case.body, **NAMED}

    def _build(self, *, fresh: bool) -> str | None:
        if self._left > 0 and (fresh or self._known is None):
            self._left -= 1
            issued = uploaded(self._session, "a build for schemathesis")
            if issued is not None:
                self._known = issued.build_id
                self._made.add(issued.build_id)
        return self._known


def _operation(case: Any) -> str | None:
    name: str | None = case.operation.definition.raw.get("operationId")
    return name


def _is_linked(case: Any) -> bool:
    return case.meta is not None and case.meta.phase.name.value == "stateful"


def _means_well(case: Any, part: str) -> bool:
    """Whether a part of a case is not broken on purpose."""
    if case.meta is None:
        return True
    return not any(
        location.value == part and component.mode.is_negative
        for location, component in case.meta.components.items()
    )
