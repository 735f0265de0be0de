"""The reference server over HTTP: initiate, upload, start, status."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import context, lifecycle
from .lifecycle import Build

EXPIRES_IN = 3600
MOST_BUILDS = 10_000
MOST_JSON_BYTES = 2**20
_PLATFORMS = ("linux/amd64", "linux/arm64")
_VISIBILITIES = ("INHERIT", "PRIVATE", "PUBLIC")


class Refusal(Exception):  # noqa: N818 (it is no error of the server)
    """A request that is refused, and why."""

    def __init__(self, status: int, param: str, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.body = {"errors": [{"param": param, "details": details}]}


def create_app(
    *,
    token: str = "test-token",  # noqa: S107 (the documented default of a local server)
    build_seconds: float = 2.0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[str], str] = lambda prefix: f"{prefix}_{secrets.token_hex(6)}",
) -> Starlette:
    """Make a server of its own, with nothing in it.

    Args:
        token: The bearer token that it takes.
        build_seconds: How long each build builds.
        clock: Tells the time, with an offset.
        new_id: Makes an id that starts with the given prefix.

    """
    server = _Server(token, build_seconds, clock, new_id)
    build = "/api/v1/images/build"
    return Starlette(
        routes=[
            Route(build, server.initiate, methods=["POST"]),
            Route(build + "/{build_id}", server.status, methods=["GET"]),
            Route(build + "/{build_id}/start", server.start, methods=["POST"]),
            Route("/uploads/{build_id}", server.upload, methods=["PUT"]),
            Route("/health", lambda _: JSONResponse({"status": "ok"}), methods=["GET"]),
        ],
        exception_handlers={Refusal: _refused, HTTPException: _not_routed},
    )


class _Server:
    def __init__(
        self,
        token: str,
        build_seconds: float,
        clock: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._token = token.encode()
        self._build_seconds = build_seconds
        self._now = clock
        self._new_id = new_id
        self._secret = secrets.token_bytes(32)
        self._builds: dict[str, Build] = {}

    async def initiate(self, request: Request) -> Response:
        self._authorize(request)
        body = await _json_object(request)
        name = _value(body, "image_name", str)
        tag = _value(body, "image_tag", str)
        path = _value(body, "dockerfile_path", str, "Dockerfile")
        _one_of(body, "platform", _PLATFORMS, "linux/amd64")
        visibility = _one_of(body, "visibility", _VISIBILITIES, "INHERIT")
        for key in ("teamId", "team_id"):  # clients send the one, the document says the other
            _value(body, key, str, "")
        build = Build(
            id=self._new_id("bld"),
            artifact_id=self._new_id("art"),
            image_name=name,
            image_tag=tag,
            dockerfile_path=path,
            full_image_path=f"registry.example/reference/{name}:{tag}",
            seconds=self._build_seconds,
            created_at=self._now(),
        )
        while len(self._builds) >= MOST_BUILDS:  # the oldest goes first
            self._builds.pop(next(iter(self._builds)))
        self._builds[build.id] = build
        expires = int(self._now().timestamp()) + EXPIRES_IN
        query = f"expires={expires}&signature={self._signature(build.id, str(expires))}"
        answer = {
            "build_id": build.id,
            "upload_url": f"{request.base_url}uploads/{build.id}?{query}",
            "expires_in": EXPIRES_IN,
            "fullImagePath": build.full_image_path,
            "visibility": "PUBLIC" if visibility == "PUBLIC" else "PRIVATE",
        }
        return JSONResponse(answer, status_code=201)

    async def upload(self, request: Request) -> Response:
        build_id, expires = request.path_params["build_id"], request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not _same(signature.encode(), self._signature(build_id, expires).encode()):
            raise Refusal(403, "signature", "is not valid")
        if self._now().timestamp() > int(expires):
            raise Refusal(403, "expires", "the upload URL has expired")
        if _media_type(request) != "application/octet-stream":
            raise Refusal(415, "Content-Type", "must be application/octet-stream")
        content = await _content(request, context.MOST_BYTES)
        build = self._find(build_id)
        if build.started_at:
            raise Refusal(409, "build_id", "the build is started")
        try:
            text = context.dockerfile(content, build.dockerfile_path)
        except ValueError as error:
            raise Refusal(400, "body", str(error)) from error
        failure = context.why_it_cannot_build(text, build.dockerfile_path)
        self._builds[build.id] = lifecycle.uploaded(build, self._now(), failure)
        return Response(status_code=204)

    async def start(self, request: Request) -> Response:
        self._authorize(request)
        body = await _json_object(request)
        is_uploaded = _value(body, "context_uploaded", bool, True)
        build = self._find(request.path_params["build_id"])
        if not build.started_at and not is_uploaded:
            raise Refusal(409, "context_uploaded", "a build starts once its context is uploaded")
        if not build.uploaded_at:
            raise Refusal(409, "build_id", "no context was uploaded")
        build = self._builds[build.id] = lifecycle.started(build, self._now())
        return JSONResponse(lifecycle.told(build, self._now()))

    async def status(self, request: Request) -> Response:
        self._authorize(request)
        build = self._find(request.path_params["build_id"])
        return JSONResponse(lifecycle.told(build, self._now()))

    def _authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _same(token.encode("latin-1"), self._token):
            raise HTTPException(401)

    def _find(self, build_id: str) -> Build:
        if build_id not in self._builds:
            raise Refusal(404, "build_id", "there is no such build")
        return self._builds[build_id]

    def _signature(self, build_id: str, expires: str) -> str:
        told = f"{build_id}\n{expires}".encode(errors="replace")
        return hmac.new(self._secret, told, hashlib.sha256).hexdigest()


async def _json_object(request: Request) -> dict[str, Any]:
    if _media_type(request) != "application/json":
        raise Refusal(415, "Content-Type", "must be application/json")
    content = await _content(request, MOST_JSON_BYTES)
    try:
        body = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(422, "body", "is no JSON") from error
    if not isinstance(body, dict):
        raise Refusal(422, "body", "must be an object")
    return body


async def _content(request: Request, most: int) -> bytes:
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > most:
                raise Refusal(413, "body", f"is larger than {most} bytes")
    except ClientDisconnect as gone:
        raise Refusal(400, "body", "is not complete") from gone
    return bytes(content)


def _value(body: dict[str, Any], key: str, kind: type, default: Any = None) -> Any:
    if key not in body:
        if default is None:
            raise Refusal(422, key, "is required")
        return default
    if type(body[key]) is not kind:
        raise Refusal(422, key, f"must be a {'boolean' if kind is bool else 'string'}")
    return body[key]


def _one_of(body: dict[str, Any], key: str, values: tuple[str, ...], default: str) -> str:
    value = _value(body, key, str, default)
    if value not in values:
        raise Refusal(422, key, f"must be one of {', '.join(values)}")
    return str(value)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    # A name or value of the request may hold what no JSON in UTF-8 can.
    return Response(json.dumps(error.body), error.status, media_type="application/json")


async def _not_routed(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 401:  # no body is documented
        return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
    body = {"errors": [{"param": "path", "details": error.detail}]}
    return JSONResponse(body, error.status_code, headers=error.headers)
