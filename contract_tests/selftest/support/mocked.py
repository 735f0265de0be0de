"""Requests to a mock: a context, a build that is started, and what they show."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import httpx

from ...mock import BASE_URL, MockImages

BUILDS = f"{BASE_URL}/api/v1/images/build"
BEARER = {"Authorization": "Bearer test-token"}
WEB = {"image_name": "web", "image_tag": "v1"}
OCTETS = {"Content-Type": "application/octet-stream"}


def context(dockerfile: str = "FROM scratch\n", more: bytes = b"") -> bytes:
    """Pack a context."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile.encode()))
        member = tarfile.TarInfo("more")
        member.size = len(more)
        archive.addfile(member, io.BytesIO(more))
    return packed.getvalue()


def started(client: httpx.Client) -> str:
    """Initiate, upload and start; return the URL of the build."""
    build = client.post(BUILDS, json=WEB, headers=BEARER).raise_for_status().json()
    client.put(build["upload_url"], content=context(), headers=OCTETS).raise_for_status()
    url = f"{BUILDS}/{build['build_id']}"
    client.post(f"{url}/start", json={}, headers=BEARER).raise_for_status()
    return url


def status(client: httpx.Client, url: str) -> Any:
    """Ask for the status of a build."""
    return client.get(url, headers=BEARER).raise_for_status().json()["status"]


def broken(mock: MockImages) -> set[str]:
    """Return the ids of the rules that are violated."""
    return {rule for rule, verdict in mock.verdicts.items() if verdict.outcome == "violated"}
