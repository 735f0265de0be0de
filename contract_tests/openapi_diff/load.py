"""Reads a published document, JSON or YAML, from a file or a URL, with a size limit."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path

import httpx

from ..contract.documents import MOST_BYTES, AmbiguousDocumentError, DocumentError, read
from ..drivers.http.client import Client, Limits, SessionError, request
from ..problems import Problem
from .read import AmbiguousError, Document

MOST_SECONDS = 60.0
MOST_REDIRECTS = 5


def load(source: str) -> Document:
    """Read a document from a file, or from a URL.

    Raises ``Problem`` if it cannot be read, or is not OpenAPI 3.0 or 3.1.
    """
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", source):
        name, raw = _fetch(source)
    else:
        name, raw = source, _open(Path(source))
    return parse(raw, name)


def parse(text: str | bytes, name: str) -> Document:
    """Read a document from its text."""
    fix = "name an OpenAPI document, in JSON or YAML"
    try:
        root = read(text, name)
    except AmbiguousDocumentError as error:
        raise AmbiguousError(str(error), "keep one of the two") from error
    except DocumentError as error:
        raise Problem(str(error), fix) from error
    if not isinstance(root, dict):
        raise Problem(f"{name} is not an OpenAPI document", fix)
    version = str(root.get("openapi", root.get("swagger", "no version")))
    if not re.match(r"3\.[01](\.|$)", version) or "openapi" not in root:
        raise Problem(
            f"{name} is not OpenAPI 3.0 or 3.1 but {version}",
            "convert it, or name another document",
        )
    if not isinstance(root.get("paths"), dict):
        raise Problem(f"{name} has no paths", fix)
    return Document(root, name)


def _open(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Problem(
            f"{path} cannot be read: {error.strerror}", "name a file, or a URL with https://"
        ) from error


def _fetch(source: str) -> tuple[str, bytes]:
    """Get a document from a URL; return it with its name, the URL without secrets."""
    try:
        url = httpx.URL(source)
    except httpx.InvalidURL as error:
        raise Problem(f"invalid URL: {error}", "name a file or a URL") from error
    name = str(url.copy_with(userinfo=b"", query=None, fragment=None))
    if url.scheme not in ("http", "https"):
        raise Problem(f"{name} is not http or https", "name a file or a URL")
    fix = "see whether the URL opens, or save the document and name the file"
    end = time.monotonic() + MOST_SECONDS
    headers = {"Accept": "application/json, */*"}
    if url.userinfo:
        login = f"{url.username}:{url.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
    try:
        with Client(Limits(size=MOST_BYTES)) as client:
            for _ in range(1 + MOST_REDIRECTS):
                asked = request("GET", str(url.copy_with(userinfo=b"")), headers, b"")
                answer = client.send(asked, max(0.001, end - time.monotonic()))
                if not 300 <= answer.status < 400 or "location" not in answer.headers:
                    break
                target = url.join(answer.headers["location"])
                if target.netloc != url.netloc or target.scheme != url.scheme:
                    headers.pop("Authorization", None)
                url = target
            else:
                raise SessionError(f"there were more than {MOST_REDIRECTS} redirects")
    except (SessionError, httpx.InvalidURL) as error:
        raise Problem(f"{name} cannot be read: {error}", fix) from error
    if answer.status != httpx.codes.OK:
        raise Problem(f"{name} returned {answer.status}", fix)
    return name, answer.content
