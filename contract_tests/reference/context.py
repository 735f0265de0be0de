"""Reads an uploaded context: a gzipped tar with a Dockerfile."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib

MOST_BYTES = 16 * 2**20
MOST_UNPACKED = 64 * 2**20
INSTRUCTIONS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
_FAILING = re.compile(r"RUN\s+(false|exit\s+0*[1-9]\d*)\s*", re.IGNORECASE)


def dockerfile(context: bytes, path: str) -> str | None:
    """Return the text of the Dockerfile, or None if the context has none at that path.

    Raises ``ValueError`` if the context is no gzipped tar, or unpacks to too much.
    """
    try:
        with gzip.open(io.BytesIO(context)) as stream:
            unpacked = stream.read(MOST_UNPACKED + 1)
        if len(unpacked) > MOST_UNPACKED:
            raise ValueError(f"the context unpacks to more than {MOST_UNPACKED} bytes")
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
            wanted = path.removeprefix("./")
            for member in archive:
                if member.isfile() and member.name.removeprefix("./") == wanted:
                    file = archive.extractfile(member)
                    return file.read().decode(errors="replace") if file else None
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ValueError(f"the context is no gzipped tar: {error}") from error
    return None


def why_it_cannot_build(text: str | None, path: str = "Dockerfile") -> str | None:
    """Say why a Dockerfile cannot be built, or None if nothing speaks against it."""
    if text is None:
        return f"{path}: not in the context"
    has_base = False
    for number, line in _instructions(text):
        word = line.split(maxsplit=1)[0].upper()
        if word not in INSTRUCTIONS:
            return f"{path}:{number}: unknown instruction: {word}"
        if not has_base and word not in ("FROM", "ARG"):
            return f"{path}:{number}: no FROM before {word}"
        has_base = has_base or word == "FROM"
        if _FAILING.fullmatch(line):
            return f"{path}:{number}: the command failed: {line}"
    return None if has_base else f"{path}: no FROM"


def _instructions(text: str) -> list[tuple[int, str]]:
    """Join continued lines; leave out comments and blank ones."""
    found: list[tuple[int, str]] = []
    continued = False
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        body = line.removesuffix("\\").strip()
        if continued and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {body}".strip())
        elif body:
            found.append((number, body))
        continued = line.endswith("\\")
    return found
