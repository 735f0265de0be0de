"""Reads a published document, JSON or YAML, from a file or a URL, with a size limit."""

from __future__ import annotations

import re
from pathlib import Path

from ..contract.documents import MOST_BYTES, AmbiguousDocumentError, DocumentError, read
from ..problems import Problem
from .read import AmbiguousError, Document


def load(source: str) -> Document:
    """Read a document from a file, or from a URL.

    Raises ``Problem`` if it cannot be read, or is not OpenAPI 3.0 or 3.1.
    """
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", source):
        from .fetch import fetch  # a file needs no client

        name, raw = fetch(source)
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
