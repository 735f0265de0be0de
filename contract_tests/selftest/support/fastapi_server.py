"""An ordinary server of the API, as somebody writes it with FastAPI from the published document.

It shares nothing with the reference server, and runs on plain uvicorn: what FastAPI and uvicorn do
by default (their own 422 body, a 500 in plain text that closes the connection, HEAD refused) is
what the gate meets first in the field.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

BUILD_SECONDS = 0.1
BEARER = HTTPBearer(auto_error=False)


class Status(StrEnum):
    """The documented statuses."""

    PENDING = "PENDING"
    UPLOADING = "UPLOADING"
    BUILDING = "BUILDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Platform(StrEnum):
    """The documented platforms."""

    AMD64 = "linux/amd64"
    ARM64 = "linux/arm64"


class Override(StrEnum):
    """The body of an initiate."""

    INHERIT = "INHERIT"
    PRIVATE = "PRIVATE"
    PUBLIC = "PUBLIC"


class BuildImageRequest(BaseModel):
    """The body of initiate."""

    image_name: str
    image_tag: str
    dockerfile_path: str = "Dockerfile"
    platform: Platform = Platform.AMD64
    teamId: str | None = None  # noqa: N815 (the name in JSON)
    visibility: Override = Override.INHERIT


class BuildImageResponse(BaseModel):
    """What initiate returns; ``visibility`` is optional, and this server leaves it out."""

    build_id: str
    upload_url: str
    expires_in: int
    fullImagePath: str  # noqa: N815 (the name in JSON)


class StartBuildRequest(BaseModel):
    """The body of start."""

    context_uploaded: bool = True


class Group(BaseModel):
    """What start and status return."""

    id: str
    imageName: str  # noqa: N815 (the name in JSON)
    imageTag: str  # noqa: N815 (the name in JSON)
    status: Status
    createdAt: datetime  # noqa: N815 (the name in JSON)
    startedAt: datetime | None = None  # noqa: N815 (the name in JSON)
    completedAt: datetime | None = None  # noqa: N815 (the name in JSON)


@dataclass
class Build:
    """A build of this server. Its context is not read: everything builds."""

    name: str
    tag: str
    created: datetime
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    uploaded: bool = False
    started: datetime | None = None

    def shown(self, *, naive: bool) -> Group:
        """Return the build as it stands now."""
        completed = self.started and self.started + timedelta(seconds=BUILD_SECONDS)
        if completed and completed > datetime.now(UTC):
            completed = None
        status = Status.UPLOADING if self.uploaded else Status.PENDING
        if self.started:
            status = Status.COMPLETED if completed else Status.BUILDING

        def written(at: datetime | None) -> Any:
            return at.replace(tzinfo=None) if at and naive else at

        return Group(
            id=self.id,
            imageName=self.name,
            imageTag=self.tag,
            status=status,
            createdAt=written(self.created),
            startedAt=written(self.started),
            completedAt=written(completed),
        )


def create_app(
    token: str,
    *,
    documented_errors: bool = True,
    crashes_on_unknown: bool = False,
    naive_times: bool = False,
    upload_status: int = 200,
    needs_context: bool = True,
) -> FastAPI:
    """Make the application.

    Args:
        token: The one that is valid.
        documented_errors: Whether a 422 has an ErrorResponse, or FastAPI's own body.
        crashes_on_unknown: Whether an unknown build is a KeyError, or a 404.
        naive_times: Whether times are written without their offset.
        upload_status: What every upload is answered with; its context is kept if that is 2xx.
        needs_context: Whether a start without a context is refused with 409.

    """
    app = FastAPI()
    builds: dict[str, Build] = {}

    def authorized(
        shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    ) -> None:
        if shown is None or not secrets.compare_digest(shown.credentials.encode(), token.encode()):
            raise HTTPException(401)

    def found(build_id: str) -> Build:
        if crashes_on_unknown:
            return builds[build_id]
        if build_id not in builds:
            raise HTTPException(404, "Build not found")
        return builds[build_id]

    if documented_errors:

        @app.exception_handler(RequestValidationError)
        def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
            rows = [
                {"param": ".".join(map(str, one["loc"])), "details": one["msg"]}
                for one in error.errors()
            ]
            return JSONResponse({"errors": rows}, 422)

    secured = [Depends(authorized)]

    @app.post("/api/v1/images/build", status_code=201, dependencies=secured)
    def initiate(body: BuildImageRequest, request: Request) -> BuildImageResponse:
        build = Build(body.image_name, body.image_tag, datetime.now(UTC))
        builds[build.id] = build
        return BuildImageResponse(
            build_id=build.id,
            upload_url=f"{request.base_url}uploads/{build.id}?signature={secrets.token_hex(8)}",
            expires_in=3600,
            fullImagePath=f"registry.test/{build.name}:{build.tag}",
        )

    @app.put("/uploads/{build_id}")
    def upload(build_id: str) -> Response:
        if upload_status < 300:
            builds[build_id].uploaded = True
        return Response(status_code=upload_status)

    @app.post("/api/v1/images/build/{build_id}/start", dependencies=secured)
    def start(build_id: str, body: StartBuildRequest) -> Group:
        build = found(build_id)
        ready = body.context_uploaded and (build.uploaded or not needs_context)
        if build.started is None and not ready:
            raise HTTPException(409, "The context is not uploaded")
        build.started = build.started or datetime.now(UTC)
        return build.shown(naive=naive_times)

    @app.get("/api/v1/images/build/{build_id}", dependencies=secured)
    def status(build_id: str) -> Group:
        return found(build_id).shown(naive=naive_times)

    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Yield the base URL of plain uvicorn, which runs as long as the context."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    try:
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
