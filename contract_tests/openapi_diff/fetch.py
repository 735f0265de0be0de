"""Gets a published document from a URL, with a limit of time and size."""

from __future__ import annotations

import base64
import time

import httpx

from ..contract.documents import MOST_BYTES
from ..drivers.http.client import Client, Limits, SessionError, request
from ..problems import Problem

MOST_SECONDS = 60.0
MOST_REDIRECTS = 5


def fetch(source: str) -> tuple[str, bytes]:
    """Get a document from a URL; return it with its name, the URL without secrets.

    Raises ``Problem`` if it cannot be read.
    """
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
