"""A server whose every text is hostile: markup, control characters, workflow commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx

from ...drivers.http.transport import Answer, Endpoint
from ...gate.target import embedded

HOSTILE = (
    "\x1b[2K\r\n::error::FORGED\n    fix: FORGED\n```\n# FORGED <b> | FORGED\n~~~\n"
    "##[error]FORGED ]]> \u202e\u200b\0 @FORGED https://example.org/FORGED"
    "</pre></title></style></script><script>FORGED=1</script><img src=x onerror=FORGED=1>"
    "<svg onload=FORGED=1><iframe src=//example.org></iframe>' autofocus onfocus='FORGED=1"
    '" autofocus onfocus="FORGED=1 {{ FORGED }} {% FORGED %} <!-- FORGED'
)


def legal(body: dict[str, Any]) -> None:
    """Make the ids of builds hostile, and add a field: no rule is violated."""
    body["note"] = {HOSTILE: HOSTILE}
    for key in ("build_id", "id"):
        if key in body:
            body[key] += HOSTILE


def illegal(body: dict[str, Any]) -> None:
    """Make all other texts of a build hostile, too."""
    legal(body)
    for row in (body, *(body.get("artifacts") or ())):
        for key in ("errorMessage", "artifactType", "createdAt", "imageName", "fullImagePath"):
            if row.get(key, "upload_url" not in body):
                row[key] = f"{HOSTILE}\ud800"


def hostile(change: Callable[[dict[str, Any]], None]) -> Endpoint:
    """Return a reference server whose answers are changed; it is sent its own ids."""
    endpoint = embedded("test-token")
    inner = endpoint.transport.send

    def send(request: httpx.Request, seconds: float | None = None) -> Answer:
        path = unquote_to_bytes(request.url.raw_path)
        if (ours := path.replace(HOSTILE.encode(errors="surrogatepass"), b"")) != path:
            url = request.url.copy_with(raw_path=ours)
            content = request.read()
            request = httpx.Request(request.method, url, headers=request.headers, content=content)
        answer = inner(request, seconds)
        try:
            body = json.loads(answer.content)
        except ValueError:
            return answer
        if answer.status in (200, 201) and isinstance(body, dict):
            change(body)
        headers = httpx.Headers([*answer.headers.raw, (b"x-note", b"::error::FORGED\x9b")])
        return Answer(answer.status, headers, json.dumps(body).encode())

    endpoint.transport.send = send  # type: ignore[method-assign]
    return endpoint
