"""The reference server over HTTP: initiate, upload, start, status, delete."""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import re
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from . import context, lifecycle, reading, scenarios
from .builder import Builder
from .builds import MOST_BUILDS, Store
from .disruptions import Dropped, FailureSchedule, RequestFailure
from .lifecycle import Artifact, Build
from .reading import Refusal
from .request_rest import draining
from .scenarios import Scenario

_PLACES = [parent / "openapi.yaml" for parent in Path(__file__).resolve().parents[1:3]]
# Inside the package where that is installed, beside it in a checkout.
OPENAPI = next((path for path in _PLACES if path.is_file()), _PLACES[-1])
EXPIRES_IN = 3600
MOST_SECONDS = 10**7
_PLATFORMS = ("linux/amd64", "linux/arm64")
_VISIBILITIES = ("INHERIT", "PRIVATE", "PUBLIC")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


def create_app(
    *,
    token: str = "test-token",  # noqa: S107 (the documented default of a local server)
    build_seconds: float = 2.0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[str], str] = lambda prefix: f"{prefix}_{secrets.token_hex(6)}",
    scenario: str = "default",
    seed: int = 0,
    most_builds: int = MOST_BUILDS,
    expires_in: int = EXPIRES_IN,
    builder: Builder | None = None,
) -> Starlette:
    """Make a new server without builds.

    Where a scenario closes a connection, the application raises ``Dropped``; the HTTP server has to
    close it.

    Args:
        token: The bearer token that it accepts.
        build_seconds: How long each build takes.
        clock: Returns the time, with an offset.
        new_id: Returns a new id with the given prefix.
        scenario: The name of the scenario of builds.
        seed: The seed of a scenario's random failures.
        most_builds: The number of builds it keeps; the oldest is removed first.
        expires_in: Seconds for which an upload URL is valid.
        builder: Checks contexts; by default small ones in this process.

    Raises ``ValueError`` for an unknown scenario, and for invalid seconds.

    """
    if not 0 <= build_seconds <= MOST_SECONDS:
        raise ValueError(f"a build takes 0 to {MOST_SECONDS} seconds, not {build_seconds}")
    course = scenarios.find(scenario)
    store, failures = Store(most_builds), FailureSchedule(seed)
    server = _Server(
        token.encode(), build_seconds, clock, new_id, course, store, failures, expires_in,
        builder or Builder(),
    )  # fmt: skip
    build = "/api/v1/images/build"
    app = _Application(
        routes=[
            Route(build, server.initiate, methods=["POST"]),
            Route(build + "/{build_id}", server.status, methods=["GET"]),
            Route(build + "/{build_id}/start", server.start, methods=["POST"]),
            Route("/api/v1/images/{image_name}/{image_tag}", server.delete, methods=["DELETE"]),
            Route("/uploads/{build_id}", server.upload, methods=["PUT"]),
            Route("/health", lambda _: JSONResponse({"status": "ok"}), methods=["GET"]),
            Route("/openapi.yaml", _document, methods=["GET"]),
        ],
        exception_handlers={Refusal: _refused, HTTPException: _not_routed, Dropped: _dropped},
    )
    app.router.redirect_slashes = False
    return app


class _Application(Starlette):
    """Raises ``Dropped`` where Starlette would respond; reads the bodies of refused requests."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        dropped = False

        async def sending(message: Message) -> None:
            nonlocal dropped
            dropped = dropped or message["type"] == _DROPPED
            if not dropped:
                await send(message)

        await super().__call__(scope, *draining(scope, receive, sending))
        if dropped:
            raise Dropped


@dataclass(frozen=True, eq=False, repr=False)
class _Server:
    _token: bytes
    _build_seconds: float
    _now: Callable[[], datetime]
    _new_id: Callable[[str], str]
    _scenario: Scenario
    _builds: Store
    _failures: FailureSchedule
    _expires_in: int
    _builder: Builder
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    async def initiate(self, request: Request) -> Response:
        self._authorize(request)
        body = await reading.json_object(request)
        name = reading.value(body, "image_name", str)
        tag = reading.value(body, "image_tag", str)
        path = reading.value(body, "dockerfile_path", str, "Dockerfile")
        reading.one_of(body, "platform", _PLATFORMS, "linux/amd64")
        visibility = reading.one_of(body, "visibility", _VISIBILITIES, "INHERIT")
        for key in ("teamId", "team_id"):  # clients send the second, the document has the first
            if body.get(key) is not None:
                reading.value(body, key, str)
        if visibility == "INHERIT":
            visibility = self._builds.visibility(name, tag, self._now())
        by_tag = scenarios.of_tag(tag)
        scenario = by_tag or self._scenario
        self._refuse_by(scenario, (name, tag) if by_tag else ())
        plans = scenario.plans(self._build_seconds)
        build = Build(
            id=self._new_id("bld"),
            image_name=name,
            image_tag=tag,
            dockerfile_path=path,
            full_image_path=f"registry.example/reference/{name}:{tag}",
            created_at=self._now(),
            artifacts=tuple(Artifact(self._new_id("art"), plan) for plan in plans),
            listed_early=scenario.lists_early,
            visibility=visibility,
        )
        request.state.build = build.id

        def initiated() -> Response:
            self._builds.add(build, scenario)
            answer = {
                "build_id": build.id,
                "upload_url": self._upload_url(request, build),
                "expires_in": self._expires_in,
                "fullImagePath": build.full_image_path,
                "visibility": build.visibility,
                "buildIds": [build.id],  # the vendor's newer clients read this one
            }
            return JSONResponse(answer, status_code=201)

        return self._unless_it_fails(scenario, 0 if by_tag else None, initiated)

    async def upload(self, request: Request) -> Response:
        build_id, expires = request.path_params["build_id"], request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not _same(signature.encode(errors="replace"), self._signature(build_id, expires)):
            raise Refusal(403, "signature", "is not valid")
        if self._now().timestamp() > int(expires):
            raise Refusal(403, "expires", "the upload URL has expired")
        if reading.media_type(request) != "application/octet-stream":
            raise Refusal(415, "Content-Type", "must be application/octet-stream")
        build = self._unstarted(build_id)
        try:
            failure = await self._failure(request, build)
        except context.Refused as error:
            raise Refusal(400, "body", f"the context is refused: {error}") from error
        except OSError as error:  # the disk is full, or there are too many files or processes
            status = 507 if error.errno in _FULL else 503
            raise Refusal(status, "server", f"cannot take the context: {error.strerror}") from error

        def uploaded() -> Response:
            # It may have been started, or forgotten, while the body came.
            build = self._unstarted(build_id)
            self._builds.put(lifecycle.uploaded(build, self._now(), failure))
            return Response(status_code=204)

        return self._of_build(build, uploaded)

    async def _failure(self, request: Request, build: Build) -> str | None:
        with tempfile.TemporaryFile() as file:
            size = await reading.into_file(request, file, context.MOST_BYTES)
            file.seek(0)
            return await self._builder.failure(file, size, build.dockerfile_path)

    async def start(self, request: Request) -> Response:
        self._authorize(request)
        body = await reading.json_object(request)
        is_uploaded = reading.value(body, "context_uploaded", bool, True)
        build = self._find(request.path_params["build_id"])
        if not build.started_at and not is_uploaded:
            raise Refusal(409, "context_uploaded", "a build starts once its context is uploaded")
        if not build.uploaded_at:
            raise Refusal(409, "build_id", "no context was uploaded")
        if build.started_at and self._builds.scenario(build).starts_once:
            raise Refusal(409, "build_id", "the build is started")

        def started() -> Response:
            begun = lifecycle.started(build, self._now())
            self._builds.put(begun)
            return self._response(begun)

        return self._of_build(build, started)

    async def status(self, request: Request) -> Response:
        self._authorize(request)
        build = self._find(request.path_params["build_id"])
        return self._of_build(build, lambda: self._response(build))

    async def delete(self, request: Request) -> Response:
        self._authorize(request)
        name, tag = request.path_params["image_name"], request.path_params["image_tag"]
        build = self._builds.newest(name, tag)
        if build is None:
            raise Refusal(404, "image_name", "there is no such image")

        def deleted() -> Response:
            self._builds.delete(name, tag)
            return JSONResponse({"success": True, "message": f"{name}:{tag} is deleted"})

        return self._of_build(build, deleted)

    def _response(self, build: Build) -> Response:
        body = lifecycle.response_body(build, self._now())
        return JSONResponse(self._builds.scenario(build).rewrite(body))

    def _of_build(self, build: Build, act: Callable[[], Response]) -> Response:
        """Act, unless the build's scenario fails the request; the server's counts all requests."""
        scenario = self._builds.scenario(build)
        own = scenario is not self._scenario
        return self._unless_it_fails(scenario, self._builds.seen(build) if own else None, act)

    def _unless_it_fails(
        self, scenario: Scenario, seen: int | None, act: Callable[[], Response]
    ) -> Response:
        failure = self._failures.next_failure(scenario.failures, seen)
        if failure is RequestFailure.ERROR:
            raise Refusal(503, "server", "the scenario makes it unavailable")
        if failure is RequestFailure.LOST:
            raise Dropped
        response = act()
        if failure is RequestFailure.UNANSWERED:
            raise Dropped
        return response

    def _refuse_by(self, scenario: Scenario, key: tuple[str, ...]) -> None:
        """Refuse an initiate that needs payment, or comes too early."""
        if scenario.failures == "payment":
            raise Refusal(402, "account", "payment is required")
        if scenario.failures == "limited":
            seconds = self._failures.retry_after(key, self._now())
            if seconds is not None:
                headers = {"Retry-After": str(seconds)}
                raise Refusal(429, "rate", f"too many requests; wait {seconds} s", headers)

    def _authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _same(token.encode("latin-1"), self._token):
            raise HTTPException(401)

    def _find(self, build_id: str) -> Build:
        build = self._builds.get(build_id)
        if build is None:
            raise Refusal(404, "build_id", "there is no such build")
        return build

    def _unstarted(self, build_id: str) -> Build:
        build = self._find(build_id)
        if build.started_at:
            raise Refusal(409, "build_id", "the build is started")
        return build

    def _upload_url(self, request: Request, build: Build) -> str:
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            name, port = request.scope.get("server") or ("127.0.0.1", 80)
            host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        expires = str(int(self._now().timestamp()) + self._expires_in)
        query = f"expires={expires}&signature={self._signature(build.id, expires).decode()}"
        return f"{request.scope['scheme']}://{host}/uploads/{build.id}?{query}"

    def _signature(self, build_id: str, expires: str) -> bytes:
        signed = f"{build_id}\n{expires}".encode(errors="replace")
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest().encode()


async def _document(_: Request) -> Response:
    if not OPENAPI.is_file():  # a vendored copy comes without it
        raise HTTPException(404)
    return Response(OPENAPI.read_bytes(), media_type="application/yaml")


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


_DROPPED = "reference.dropped"


class _Drop(Response):
    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": _DROPPED})


async def _dropped(_: Request, __: Exception) -> Response:
    return _Drop()


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    # A name or value of the request may have what JSON in UTF-8 cannot represent.
    content = json.dumps(error.body)
    return Response(content, error.status, error.headers, media_type="application/json")


async def _not_routed(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 401:  # no body is documented
        return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
    body = {"errors": [{"param": "path", "details": error.detail}]}
    return JSONResponse(body, error.status_code, headers=error.headers)
