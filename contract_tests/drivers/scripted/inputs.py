"""What the scripted lifecycles send: contexts, bodies, ids, tokens, methods. Data, in order."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from typing import Any

from ...redaction import Secret

# A layer, since some builders make no image without one; no base image, since that is a download.
GOOD = "FROM scratch\nCOPY Dockerfile /\n"
# No builder can build this: there is no such instruction.
HOPELESS = "FROM scratch\nRUNN false\n"

# The session of a run sends the run's own name for any name.
NAMED = {"image_name": "contract-gate", "image_tag": "v1"}
# Tags of the image that is deleted while builds of others are there, and of one that must stay,
# though it begins alike.
OWN_TAG, KEPT_TAG = "deleted-first", "deleted-first-kept"

# An initiate with values that the contract lists, and that few servers were tried with.
LISTED = {"image_tag": "listed", "platform": "linux/arm64", "teamId": None}
# JSON can hold a NUL, and a text of some databases cannot.
NUL = {"image_tag": "nul", "dockerfile_path": "Dockerfile\0"}

_INVALID_VALUES: dict[str, list[Any]] = {
    "image_name": [None, 7, ["web"], {"name": "web"}],
    "image_tag": [None, True, ["v1"], {"v": 1}],
    "dockerfile_path": [7, ["Dockerfile"]],
    "teamId": [7, ["team_1"], {"id": "team_1"}],
    "platform": ["amiga/68000", "", ["linux/amd64"]],
    "visibility": ["SECRET", "public", 1],
}
INVALID_START_BODIES: list[Any] = [
    [], "yes", 7, None,
    {"context_uploaded": None}, {"context_uploaded": "maybe"}, {"context_uploaded": []},
    {"context_uploaded": {}}, {"context_uploaded": 7},
]  # fmt: skip
INVALID_INITIATE_BODIES: list[Any] = [
    [], None, "web:v1", 7, {},
    {"image_name": "contract-gate"}, {"image_tag": "v1"},
    *(
        {**NAMED, key: value}
        for key, values in _INVALID_VALUES.items()
        for value in values
    ),
]  # fmt: skip

BROKEN_JSON = {
    "a truncated object": b'{"context_uploaded": tru',
    "invalid UTF-8": b'{"context_uploaded": "\xff\xfe"}',
    "two values": b"{} {}",
    "an empty body": b"",
    "5,000 open brackets": b"[" * 5000,
}
LARGE = json.dumps(["x" * 1_500_000]).encode()
BROKEN_CONTENT = {**BROKEN_JSON, "1.5 MB that break the schema": LARGE}
"""Contents that no operation with a body can take, as application/json."""

CONTENT_TYPES = [
    None, "", "text/plain", "application/x-www-form-urlencoded", "application/xml", "json",
    "application/json; charset=utf-16", "multipart/form-data",
]  # fmt: skip

# Common limits of columns, hashes, labels and file names, and one on either side.
_LIMITS = (31, 32, 33, 36, 40, 63, 64, 65, 127, 128, 129, 255, 256, 257)
ABSENT_BUILD_IDS = [
    "no-such-build", "-", "-leading-dash", "--help", ".hidden", "a.b.c", "...",
    *("x" * length for length in (8, 16, *_LIMITS)),
    "\N{SNOWMAN}\N{SNOWMAN}", "no such build", "%", "no%2Fsuch", "no/such", "no\x00such", "'--no",
    "null-build", "{build_id}", "no?such=1", "no#such", "no;such",
    "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
"""Ids that no server can have given to a build."""


def like(build_id: str) -> dict[str, str]:
    """Return ids that a search by prefix takes for an issued one, by what they are."""
    found = {"an issued id and a letter": f"{build_id}x"}
    if (cut := build_id[:-1]) not in ("", ".", ".."):  # which are no segments of a path
        found["an issued id without its end"] = cut
    return found


RAW_SEGMENTS = ["", "%2E%2E", "%2e", "%ZZ", "%00", "%E2%28%A1", "*"]
"""Path segments that are not ids; the server's router decides what happens to them."""

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


def tokens(token: str) -> dict[str, str | None]:
    """Return Authorization headers that must be refused, by name, made from a valid token."""
    basic = base64.b64encode(f"{token}:".encode()).decode()
    found: dict[str, str | None] = {
        "no token": None,
        "an invalid token": "Bearer not-the-token",
        "a prefix of the token": f"Bearer {token[:-1]}",
        "the token and more": f"Bearer {token}x",
        "the token in another case": f"Bearer {token.swapcase()}",
        "the token under another scheme": f"Token {token}",
        "the token as a user": f"Basic {basic}",
        "the token without a scheme": token,
        "a scheme without a token": "Bearer",
        "an empty header": "",
    }
    if token.swapcase() == token:
        del found["the token in another case"]
    if len(token) == 1:
        del found["a prefix of the token"]
    return {name: None if one is None else Secret(one) for name, one in found.items()}


def context(dockerfile: str) -> bytes:
    """Pack a context that holds a Dockerfile alone; the same text gives the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile.encode())
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)
