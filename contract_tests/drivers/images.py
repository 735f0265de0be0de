"""The images that a run makes: of a name of its own, each noted before it is initiated."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from ..contract.api import IMAGES, Api
from ..tape.exchange import OWN
from .http.client import SentHeaders
from .journal import Event, Journal, segment


class Image(NamedTuple):
    """What an initiate names beside the run's own name: a tag, and the team that owns the image."""

    tag: str
    team: str | None = None


@dataclass
class OwnImages:
    """The images of one run.

    Attributes:
        name: The image name that this run alone uses; nobody else comes upon it.
        is_private: Whether no image may be PUBLIC.
        is_kept: Whether the images stay when the run ends.
        journal: Where each image is noted, so that a run that is killed can be cleaned up after.
        made: The images that may exist, in the order of their first initiate; each with its builds,
            None for one whose id did not come.
        gone: The builds whose images were deleted.

    """

    name: str = field(default_factory=lambda: f"{OWN}{secrets.token_hex(6)}")
    is_private: bool = False
    is_kept: bool = False
    journal: Journal | None = None
    made: dict[Image, list[str | None]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def claim(
        self, request: httpx.Request, api: Api = IMAGES
    ) -> tuple[httpx.Request, Image | None]:
        """Return a request that names no image but of this run, and the image that it names.

        A body that breaks the schema still does: a text is replaced by a text, and only where the
        body is a JSON object. What names no image, or not by texts, stays as it is.
        """
        names = api.sent
        if names.name.encode() not in request.content:
            return request, None
        try:
            body = json.loads(request.content)
        except (ValueError, RecursionError):
            return request, None
        if not isinstance(body, dict) or not isinstance(body.get(names.name), str):
            return request, None
        if body[names.name].startswith(f"{self.name}-"):
            return request, None  # a second name of this run, which nobody else has either
        own, tag = {**body, names.name: self.name}, body.get(names.tag)
        if isinstance(tag, str):
            own[names.tag] = tag = segment(tag)
        if self.is_private and body.get(names.visibility) == api.public:
            own[names.visibility] = api.private
        if own != body:
            request = _with_content(request, json.dumps(own).encode())
        if not isinstance(tag, str):
            return request, None
        return request, Image(tag, _text(body.get(names.team)))

    def reserves(self, image: Image) -> int:
        """Return how many requests more it takes to delete all, once an image is made."""
        return int(not self.is_kept and image not in self.made)

    def note(self, image: Image) -> None:
        """Note an image, before the request that makes it is sent. Raises ``Problem``."""
        if image not in self.made:
            self.made[image] = []
            if self.journal:
                self.journal.add("made", *image)

    def built(self, image: Image, build_id: str | None) -> None:
        """Note a build of an image. Raises ``Problem``."""
        self.made[image].append(build_id)
        if self.journal and build_id is not None:
            self.journal.add("built", *image, build_id)

    def forget(self, image: Image) -> None:
        """Note that an image is deleted. Raises ``Problem``."""
        if image in self.made:
            self.gone |= {*filter(None, self.made.pop(image))}
            if self.journal:
                self.journal.add("gone", *image)

    def replay(self, events: Iterable[Event]) -> None:
        """Take over what a journal holds."""
        for event, (tag, team, *builds) in events:
            image = Image(tag, team)
            if event == "gone":
                self.made.pop(image, None)
            else:
                self.made.setdefault(image, []).extend(builds)

    def path(self, image: Image) -> str:
        """Return the path and query of an image's delete."""
        path = delete_path(self.name, image.tag)
        if image.team is None:
            return path
        return f"{path}?{IMAGES.sent.team}={quote(image.team, safe='', errors='replace')}"


def delete_path(name: str, tag: str) -> str:
    """Return the path of an image, by name and tag."""
    path = IMAGES.contract.operations[IMAGES.delete].path
    for parameter, value in zip(IMAGES.path_name, (name, tag), strict=True):
        path = path.replace(f"{{{parameter}}}", quote(value, safe=""))
    return path


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _with_content(request: httpx.Request, content: bytes) -> httpx.Request:
    headers = SentHeaders(request.headers)
    headers["Content-Length"] = str(len(content))
    return httpx.Request(
        request.method, request.url, headers=headers, content=content, extensions=request.extensions
    )
