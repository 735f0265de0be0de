"""Scripted lifecycles: the stimuli that make the rules observable, in a fixed order."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..contract import contract
from ..exchange import Exchange
from .wire import Wire

BUILD = "/api/v1/images/build"
GOOD = "FROM scratch\n"
# No builder can build this: there is no such instruction, and the command fails where there is.
HOPELESS = "FROM scratch\nRUNN false\n"

WRONG_START_BODIES: list[Any] = [
    [], "yes", 7, None,
    {"context_uploaded": None}, {"context_uploaded": "maybe"}, {"context_uploaded": []},
]  # fmt: skip
WRONG_INITIATE_BODIES: list[Any] = [
    [], None, "web:v1", {},
    {"image_name": "web"}, {"image_tag": "v1"},
    {"image_name": None, "image_tag": "v1"}, {"image_name": "web", "image_tag": ["v1"]},
    {"image_name": "web", "image_tag": {"v": 1}},
    {"image_name": "web", "image_tag": "v1", "platform": "amiga/68000"},
    {"image_name": "web", "image_tag": "v1", "visibility": "SECRET"},
    {"image_name": "web", "image_tag": "v1", "dockerfile_path": 7},
]  # fmt: skip
ODD_BUILD_IDS = [
    "no-such-build", "-", "-leading-dash", ".hidden", "a.b.c", "x" * 33, "x" * 64, "x" * 300,
    "\N{SNOWMAN}", "a b", "%", "a%2Fb", "a\x00b", "'--", "null", "0",
]  # fmt: skip


@dataclass(frozen=True)
class Issued:
    """A build that initiate issued."""

    build_id: str
    upload_url: str

    @property
    def path(self) -> str:
        """Where its status is."""
        return f"{BUILD}/{quote(self.build_id, safe='')}"


def context(dockerfile: str) -> bytes:
    """Pack a context that holds a Dockerfile alone; the same text gives the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile.encode())
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


def run(wire: Wire, deadline: float) -> None:
    """Walk all lifecycles. ``deadline`` is in seconds, for each build that is waited for."""
    follow(wire, GOOD, "a context that builds", deadline)
    follow(wire, HOPELESS, "a context that cannot build", deadline)
    follow(wire, GOOD, "a start with {}", deadline, body={})
    refuse_tokens(wire)
    refuse_bodies(wire)
    ask_oddly(wire)
    start_early(wire)


def follow(
    wire: Wire, dockerfile: str, what: str, deadline: float, body: Any = None
) -> Exchange | None:
    """Initiate, upload, start, and ask for the status at every step until it is terminal."""
    issued = initiate(wire, what)
    if issued is None:
        return None
    wire.send("GET", issued.path, f"{what}: status before the upload")
    wire.upload(issued.build_id, issued.upload_url, context(dockerfile), f"{what}: upload")
    wire.send("GET", issued.path, f"{what}: status before the start")
    body = {"context_uploaded": True} if body is None else body
    wire.send("POST", f"{issued.path}/start", f"{what}: start", body=body)
    return poll(wire, issued, what, deadline)


def initiate(wire: Wire, what: str, tag: str = "v1") -> Issued | None:
    """Initiate a build; None if no build that can be followed is issued."""
    body = {"image_name": "contract-gate", "image_tag": tag}
    answer = wire.send("POST", BUILD, f"{what}: initiate", body=body).response
    told = answer.json if answer.is_success and isinstance(answer.json, dict) else {}
    build_id, url = told.get("build_id"), told.get("upload_url")
    if isinstance(build_id, str) and isinstance(url, str):
        return Issued(build_id, url)
    return None


def uploaded(wire: Wire, what: str) -> Issued | None:
    """Initiate a build and upload a context that builds."""
    issued = initiate(wire, what)
    if issued is not None:
        wire.upload(issued.build_id, issued.upload_url, context(GOOD), f"{what}: upload")
    return issued


def poll(wire: Wire, issued: Issued, what: str, deadline: float) -> Exchange:
    """Ask for the status until it is terminal, densely at first; give up at the deadline."""
    until, pause = time.monotonic() + deadline, 0.01
    while True:
        exchange = wire.send("GET", issued.path, f"{what}: status after the start")
        group = next(iter(exchange.rows), None)
        if group is None or group.phase not in ("waiting", "running"):
            # Once more: what is terminal has to stay so.
            return wire.send("GET", issued.path, f"{what}: status once more")
        if time.monotonic() + pause > until:
            return exchange
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def refuse_tokens(wire: Wire) -> None:
    """Ask for everything without the token, and with others; then see that nothing moved."""
    issued = uploaded(wire, "tokens")
    if issued is None:
        return
    token = wire.tape.token
    others = {
        "no token": None,
        "a wrong token": "Bearer not-the-token",
        "a prefix of the token": f"Bearer {token[:-1]}",
        "the token and more": f"Bearer {token}x",
        "the token in another case": f"Bearer {token.swapcase()}",
        "another scheme": "Basic dXNlcjpwYXNz",
        "a scheme without a token": "Bearer",
    }
    if token.swapcase() == token:
        del others["the token in another case"]
    for name, authorization in others.items():
        told: dict[str, Any] = {"authorization": authorization}
        wire.send("POST", f"{issued.path}/start", f"start with {name}", body={}, **told)
        wire.send("GET", issued.path, f"status after a start with {name}")
        wire.send("GET", issued.path, f"status with {name}", **told)
        body = {"image_name": "contract-gate", "image_tag": "v1"}
        wire.send("POST", BUILD, f"initiate with {name}", body=body, **told)


def refuse_bodies(wire: Wire) -> None:
    """Send bodies that break their schemas; then see that nothing moved."""
    for body in WRONG_INITIATE_BODIES:
        wire.send("POST", BUILD, "initiate with a body that breaks the schema", body=body)
    issued = uploaded(wire, "bodies")
    if issued is None:
        return
    for body in WRONG_START_BODIES:
        start = f"{issued.path}/start"
        wire.send("POST", start, "start with a body that breaks the schema", body=body)
        wire.send("GET", issued.path, "status after a start with such a body")


def ask_oddly(wire: Wire) -> None:
    """Ask for builds that do not exist, by odd ids, and in odd ways."""
    for build_id in ODD_BUILD_IDS:
        path = f"{BUILD}/{quote(build_id, safe='')}"
        wire.send("GET", path, "status of an odd build id")
        wire.send("POST", f"{path}/start", "start of an odd build id", body={})
    json_type = {"Content-Type": "application/json"}
    for name, headers in (("no body", json_type), ("no body and no type", {})):
        wire.send("POST", BUILD, f"initiate with {name}", headers=headers)
    for operation in contract().operations.values():
        path = operation.path.replace("{build_id}", "no-such-build")
        for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
            wire.send(method, path, f"{method}, which the contract does not have here")


def start_early(wire: Wire) -> None:
    """Start a build whose context was never uploaded, and one that says so itself."""
    issued = initiate(wire, "no upload")
    if issued is not None:
        wire.send("POST", f"{issued.path}/start", "start without an upload", body={})
        wire.send("GET", issued.path, "status after a start without an upload")
    issued = uploaded(wire, "context_uploaded: false")
    if issued is not None:
        told = {"context_uploaded": False}
        wire.send("POST", f"{issued.path}/start", "start with context_uploaded false", body=told)
        wire.send("GET", issued.path, "status after a start with context_uploaded false")
