"""The messages of the client's errors, as one snapshot; other tests assert types and fields."""

from __future__ import annotations

import errno
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prime_image_builds import (
    AuthenticatedClient,
    Client,
    Context,
    _packing,
    _upload,
    build_image,
    errors,
    pack,
    upload,
    wait,
)
from prime_image_builds._urls import UploadPolicy
from prime_image_builds.api.images import get_build_status, start_image_build
from prime_image_builds.models import (
    BuildImageRequest,
    BuildImageResponse,
    BuildStatusResponse,
    StartBuildRequest,
)

from ...drivers.client import example
from ..support.network import Network, status_body
from ..support.snapshots import assert_snapshot

NOT_JSON: Any = object()
JSON = {"Content-Type": "application/json"}
STATUS_URL = "https://api.test/api/v1/images/build/bld_1"
FAILED = BuildStatusResponse.from_dict(status_body("FAILED"))
GROUP = FAILED.to_dict()
UNAVAILABLE = httpx.Response(503, request=httpx.Request("GET", STATUS_URL))


ISSUED = BuildImageResponse.from_dict(example("initiate_image_build"))
PACKED = Context(io.BytesIO(b"tar"), 3, "Dockerfile")
BYTES_PATH: Any = type("PathOfBytes", (), {"__fspath__": lambda _: b"context"})()


def _redirects(request: httpx.Request) -> httpx.Response:
    return httpx.Response(307, headers={"Location": str(request.url)})


async def _shown(progress: object) -> None:
    """Show the progress."""


def client(**options: Any) -> AuthenticatedClient:
    """Return a client with options."""
    return AuthenticatedClient("https://api.test", "token-of-this-test", **options)


def status(code: int, **body: Any) -> None:
    """Read the status of a build from one response."""
    request = httpx.Request("GET", f"{STATUS_URL}?signature=1")
    with client() as one:
        get_build_status._result(httpx.Response(code, request=request, **body), one.tolerance)


def raise_(error: Exception) -> None:
    """Raise an error."""
    raise error


def packed(folder: Path, **files: str) -> None:
    """Pack a directory with some files beside its Dockerfile."""
    for name, text in {"Dockerfile": "FROM scratch\n", **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    pack(folder).close()


def linked(folder: Path) -> None:
    """Pack a directory whose Dockerfile is a link to a file beside the directory."""
    (folder / "outside").write_text("FROM scratch\n")
    (folder / "context").mkdir()
    (folder / "context/Dockerfile").symlink_to(folder / "outside")
    pack(folder / "context").close()


def guarded(url: str) -> None:
    """Check an upload URL, as it is before its host is resolved."""
    policy = UploadPolicy(httpx.URL("https://api.test"))
    _upload._Guard(httpx.URL(url), policy)._raise(policy.url_problem(httpx.URL(url)))


def uploaded(folder: Path, url: str) -> None:
    """Upload a context to a URL."""
    (folder / "Dockerfile").write_text("FROM scratch\n")
    build = BuildImageResponse.from_dict(example("initiate_image_build") | {"upload_url": url})
    with pack(folder) as context:
        upload(build, context, client=client())


MESSAGES: dict[str, Callable[[Path], object]] = {
    "token with a space": lambda _: AuthenticatedClient("https://api.test", "a b"),
    "no token": lambda _: AuthenticatedClient(),
    "a token where the URL belongs": lambda _: AuthenticatedClient("token-of-this-test"),
    "a platform that is not listed": lambda _: client().images.initiate(
        "web",
        "v1",
        platform="windows",  # type: ignore[arg-type]
    ),
    "an image without a tag": lambda _: build_image(".", name="web"),  # type: ignore[call-overload]
    "an image given twice": lambda _: build_image(  # type: ignore[call-overload]
        ".", name="web", tag="v1", body=BuildImageRequest(image_name="web", image_tag="v1")
    ),
    "unknown option value": lambda _: client(unknown_statuses="ignore"),
    "negative deadline": lambda _: wait("bld_1", client=Network().client, deadline=-1),
    "build id with a line break": lambda _: wait("a\nb", client=Network().client),
    "request body of another type": lambda _: start_image_build.sync(
        "bld_1", client=client(), body=StartBuildRequest(context_uploaded=NOT_JSON)
    ),
    "from_dict without a required key": lambda _: BuildStatusResponse.from_dict({}),
    "from_dict with an unlisted status": lambda _: BuildStatusResponse.from_dict(
        GROUP | {"status": "QUEUED"}
    ),
    "from_dict with a loose date-time": lambda _: BuildStatusResponse.from_dict(
        GROUP | {"startedAt": "2026-11-24 09:00:07Z"}
    ),
    "from_dict with an object": lambda _: BuildStatusResponse.from_dict(GROUP | {"x": object()}),
    "response without content type": lambda _: status(200, content=b"{}"),
    "response with HTML": lambda _: status(200, html="x"),
    "response with a repeated key": lambda _: status(
        200, headers=JSON, content=json.dumps(GROUP)[:-1] + ', "status": "PENDING"}'
    ),
    "404 with detail": lambda _: status(404, json={"detail": "no such build"}),
    "422 with errors": lambda _: status(
        422, json={"errors": [{"param": "a", "details": "b"}, {"param": "c", "details": "d"}]}
    ),
    "503 without a body": lambda _: status(503),
    "error without a request": lambda _: raise_(errors.ApiError.of(httpx.Response(404))),
    "failed build": lambda _: raise_(errors.BuildFailedError(FAILED)),
    "deadline after a poll": lambda _: raise_(errors.BuildTimeoutError("bld_1", FAILED, 3.0)),
    "deadline before a poll": lambda _: raise_(errors.BuildTimeoutError("bld_1", None, 3.0)),
    "deadline after a refused poll": lambda _: raise_(
        errors.BuildTimeoutError("bld_1", FAILED, 3.0, True, errors.ApiError.of(UNAVAILABLE))
    ),
    "deadline before the start": lambda _: raise_(
        errors.BuildTimeoutError("bld_1", None, 3.0, False, httpx.ReadTimeout("timed out"))
    ),
    "URL with a password": lambda _: AuthenticatedClient("https://me:secret@api.test", "t"),
    "URL with a query": lambda _: AuthenticatedClient("https://api.test/?key=1", "t"),
    "timeout that is a text": lambda _: client(timeout="3"),
    "timeout of None": lambda _: client(timeout=None),
    "negative time of a timeout": lambda _: client(timeout=httpx.Timeout(3, read=-1)),
    "certificates that do not exist": lambda _: client(verify_ssl="ca.pem"),
    "header with a line break": lambda _: client(headers={"X-Mine": "a\nb"}),
    "argument of httpx that has its own": lambda _: client(httpx_args={"verify": False}),
    "text for a list of hosts": lambda _: client(upload_hosts="storage"),
    "client of httpx": lambda _: wait("bld_1", client=httpx.Client()),  # type: ignore[arg-type]
    "async callback of a sync function": lambda _: wait(
        "bld_1", client=Network().client, on_progress=_shown
    ),
    "body that is a dict": lambda _: build_image(".", body={}, client=client()),  # type: ignore[call-overload]
    "upload URL of a file": lambda folder: uploaded(folder, "file:///etc/passwd"),
    "upload URL of a private address": lambda folder: uploaded(folder, "https://10.0.0.1/x"),
    "directory with a NUL": lambda _: pack("a\0b"),
    "base URL with a version": lambda _: AuthenticatedClient("https://api.test/api/v2", "t"),
    "transport of another type": lambda _: client(httpx_args={"transport": 5}),
    "client without a token": lambda _: wait("bld_1", client=Client("https://api.test")),  # type: ignore[arg-type]
    "field of another type": lambda _: client().images.initiate("web", "v1", team_id=5),  # type: ignore[arg-type]
    "deadline of nothing": lambda folder: build_image(
        folder, name="web", tag="v1", client=client(), deadline=0
    ),
    "headers of a copy that are a text": lambda _: client().with_headers("X-Mine: 1"),  # type: ignore[arg-type]
    "cookies of a copy that are a text": lambda _: client().with_cookies("a=b"),  # type: ignore[arg-type]
    "httpx client of another type": lambda _: client().set_httpx_client("x"),  # type: ignore[arg-type]
    "async httpx client of another type": lambda _: client().set_async_httpx_client("x"),  # type: ignore[arg-type]
    "host that is a number": lambda _: client(upload_hosts=[7]),
    "pickle of a client": lambda _: pickle.dumps(client()),
    "connection that was lost at once": lambda _: _upload._peer(
        SimpleNamespace(get_extra_info=lambda _: None)
    ),
    "unreadable file": lambda folder: raise_(
        _packing._unreadable(folder / "a", PermissionError(errno.EACCES, "Permission denied"))
    ),
    "callback that is a text": lambda _: wait(
        "bld_1",
        client=Network().client,
        on_progress="print",  # type: ignore[arg-type]
    ),
    "redirects that are a number": lambda _: client(follow_redirects=1),
    "certificates that are a number": lambda _: client(verify_ssl=1),
    "headers that are a text": lambda _: client(headers="X-Mine: 1"),
    "arguments of httpx that are a text": lambda _: client(httpx_args="trust_env"),
    "transport of the other kind": lambda _: client(
        httpx_args={"transport": httpx.AsyncBaseTransport()}
    ).get_httpx_client(),
    "proxy with an invalid port": lambda _: client(
        httpx_args={"proxy": "http://me:secret/x@proxy.test"}
    ).get_httpx_client(),
    "redirects without an end": lambda _: client(
        follow_redirects=True,
        httpx_args={"transport": httpx.MockTransport(_redirects), "max_redirects": 1},
    ).images.build_status("bld_1"),
    "name that is a number": lambda _: build_image(".", name=5, tag="v1", client=client()),  # type: ignore[call-overload]
    "upload of another build": lambda _: upload("bld_1", PACKED, client=client()),  # type: ignore[arg-type]
    "upload of another context": lambda _: upload(ISSUED, b"tar", client=client()),  # type: ignore[arg-type]
    "upload URL with a user": lambda _: guarded("https://me@storage.test/x"),
    "upload URL of another scheme": lambda _: guarded("ftp://storage.test/x"),
    "upload URL without TLS": lambda _: guarded("http://storage.test/x"),
    "directory that is a number": lambda _: pack(5),  # type: ignore[arg-type]
    "directory of bytes": lambda _: pack(BYTES_PATH),
    "directory with a long name": lambda _: pack("a" * 300),
    "Dockerfile that is a link out of the context": lambda folder: linked(folder),
    "ignore file that is a directory": lambda folder: packed(folder, **{".dockerignore/x": ""}),
    "missing directory": lambda folder: pack(folder / "nowhere"),
    "missing Dockerfile": lambda folder: pack(folder),
    "unclosed class in the ignore file": lambda folder: packed(folder, **{".dockerignore": "a[b"}),
    "exception without pattern": lambda folder: packed(folder, **{".dockerignore": "#\n!"}),
    "named class": lambda folder: packed(folder, **{".dockerignore": "[[:alpha:]]"}),
    "range that ends first": lambda folder: packed(folder, **{".dockerignore": "[z-a]"}),
    "backslash as separator": lambda folder: packed(folder, **{".dockerignore": "a\\b"}),
}


def test_messages_of_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each error, by what it was raised for."""
    for name in ("SOURCE_DATE_EPOCH", "PRIME_API_KEY", "PRIME_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    lines = []
    for name, call in MESSAGES.items():
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        with pytest.raises(
            (errors.ImageBuildsError, ValueError, TypeError, httpx.HTTPError)
        ) as caught:
            call(folder)
        lines.append(f"{name}\n    {type(caught.value).__name__}: {caught.value}\n")

    assert_snapshot("client-errors", "".join(lines), {tmp_path: "<folder>"})
