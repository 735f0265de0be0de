"""Reads a published document, JSON or YAML, from a file or a URL, with a size limit."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx

from ..contract.documents import AmbiguousDocumentError, DocumentError, read
from ..problems import Problem
from .read import AmbiguousError, Document

MOST_BYTES = 10 * 1024 * 1024
MOST_SECONDS = 60.0
WAIT = httpx.Timeout(10.0)


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
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Problem(
            f"{path} cannot be read: {error.strerror}", "name a file, or a URL with https://"
        ) from error
    return _bounded(str(path), raw)


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
    end, raw = time.monotonic() + MOST_SECONDS, b""
    try:
        with (
            httpx.Client(timeout=WAIT, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", url, headers={"Accept": "application/json, */*"}) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise Problem(f"{name} returned {response.status_code}", fix)
            for part in response.iter_bytes(64 * 1024):
                raw += part
                _bounded(name, raw)
                if time.monotonic() > end:
                    raise Problem(f"{name} took more than {MOST_SECONDS:.0f} s", fix)
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise Problem(f"{name} cannot be read: {why}", fix) from error
    return name, raw


def _bounded(name: str, raw: bytes) -> bytes:
    if len(raw) > MOST_BYTES:
        raise Problem(
            f"{name} is larger than {MOST_BYTES // 1024 // 1024} MiB", "name an OpenAPI document"
        )
    return raw
