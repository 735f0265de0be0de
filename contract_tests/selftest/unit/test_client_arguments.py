"""Invalid arguments of the client: each raises at the call, by its name, and nothing is sent."""

from __future__ import annotations

import asyncio
import datetime
import inspect
import io
import json
import math
import pickle
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from prime_image_builds import (
    AuthenticatedClient,
    Client,
    Context,
    build_image,
    build_image_async,
    errors,
    pack,
    upload,
    wait,
    wait_async,
)
from prime_image_builds.api.images import get_build_status, initiate_image_build
from prime_image_builds.models import BuildImageRequest, BuildImageResponse

from ...drivers.client import example
from ..support.network import TOKEN, WEB, Clock, Network, build_asyncio, build_sync, context

PASSWORD = "pass-word-of-a-url"  # noqa: S105 (errors are searched for it)


class PathOf(NamedTuple):
    """A path-like object, as ``os.scandir`` returns them, also with bytes."""

    path: Any

    def __fspath__(self) -> Any:
        """Return the path."""
        return self.path


URLS = {
    "http://127.0.0.1 :8000": "http(s)", "http://127.0.0.1:-1": "http(s)", "http://a b/": "http(s)",
    "": "http", "localhost": "http", "images.test": "http", "ftp://images.test": "http",
    "https:///path": "http", "https://[::": "http", "https://a\udcff": "http",
    "https://images.test:99999": "http", "https://images.test:65536": "http",
    f"https://me:{PASSWORD}@images.test": "user name", f"https://{PASSWORD}@images.test": "user",
    f"https://:{PASSWORD}@images.test/api/v1": "user",
    f"https://images.test?key={PASSWORD}": "query", "https://images.test/?": "query",
    f"https://images.test/api/v1#{PASSWORD}": "fragment", "https://images.test/#": "fragment",
    "https://images.test/api/v2": "path", "https://images.test/api/v1/api/v1/": "path",
    "https://images.test/prefix/api/v1/images/build": "path",
}  # fmt: skip
"""URLs that are not base URLs, each with a word of what is wrong."""

DOUBLED = {
    "https://images.test": "https://images.test",
    "https://images.test/": "https://images.test",
    "https://images.test/api/v1": "https://images.test",
    " https://images.test/api/v1/\n": "https://images.test",
    "https://images.test/prefix/api/v1": "https://images.test/prefix",
    "https://images.test/X": "https://images.test/X",
    "https://images.test/api/v2X": "https://images.test/api/v2X",
    "https://images.test/api": "https://images.test/api",
    "https://images.test/v2/api/v1": "https://images.test/v2",
    "HTTPS://images.test": "https://images.test",
}
"""Base URLs, and where the paths of the API begin."""

NO_SECONDS: list[Any] = [None, -1, math.nan, "3", "", True, [], 10**400]
OF_A_CLIENT: dict[str, list[Any]] = {
    "timeout": [
        *NO_SECONDS, 0, math.inf, 1e300, (1, 2), httpx.Timeout(-1), httpx.Timeout(5, read=math.nan),
        httpx.Timeout("3"),  # type: ignore[arg-type]
    ],
    "verify_ssl": [None, 0, 1, b"ca.pem", "", "no-such-file.pem", Path("ca.pem")],
    "follow_redirects": [None, 1, "no"],
    "headers": ["X-Mine: 1", ["X-Mine"], {"X-Mine": None}, {"X-Mine": 7}, {7: "x"}, {"": "x"},
                {"X-Mine": "a\nb"}, {"X-Mine": "\u00e9"}, {"X Mine": "x"}, {"X-Mine:": "x"},
                {"X-Mine": "a "}, {"X-Mine": "\ta"}],
    "cookies": ["a=b", 7, {"a": None}, {"a": "b\r\nc"}, {"a b": "c"}],
    "httpx_args": ["x", {"no_such": 1}, {7: 1}, {"base_url": "x"}, {"timeout": 3}, {"verify": 0},
                   {"headers": {}}, {"cookies": {}}, {"follow_redirects": True}],
    "upload_hosts": ["storage", b"storage", None, 7, [None], [b"storage"], ["a/b"], {7}],
    "max_response_bytes": [None, 0, -1, "1", 1.5, True],
    "naive_timestamps": [None, 7, [], "UTC"],
    "unknown_statuses": [None, 7, {}, "ignore"],
}  # fmt: skip
OF_HTTPX = (httpx.Client.__init__.__kwdefaults__ or {}).keys() - {
    "base_url", "cookies", "follow_redirects", "headers", "timeout", "verify",
}  # fmt: skip
"""Arguments of httpx that have no parameter of the client."""

NO_PATHS: list[Any] = [
    5, b"context", "a\0b", Path("a\0b"), "a\ud800", "a" * 300, "a/" * 5000, PathOf(b"context"),
]  # fmt: skip
NO_TEXTS: list[Any] = [5, b"web", "\ud800", Path("web"), datetime.datetime.now(datetime.UTC), []]
ANYTHING: list[Any] = [
    *NO_SECONDS, *NO_TEXTS, b"x", "a\0b", "x" * 10_000, {}, object(), math.inf, int, "\udcff", " ",
    "a\r\nb", ("a", "b"), {"a": 1}, {5: 5}, {"\ud800": "x"}, {"a": "\ud800"}, ["a"], ["\ud800"],
]  # fmt: skip
"""Values of each kind, valid ones for some argument too."""

OF_A_JOB: dict[str, list[Any]] = {
    "deadline": [*NO_SECONDS, "soon"],
    "interval": [*NO_SECONDS, 0, 0.0],
    "on_progress": ["print", 7, []],
    "client": ["token", 7, httpx.Client(), Client("https://x.test"), AuthenticatedClient, errors],
}


def refused(function: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """Return the message that a call, sync or async, is refused with: one line."""

    def called() -> None:
        result = function(*arguments, **named)
        if inspect.iscoroutine(result):
            asyncio.run(result)

    with pytest.raises(errors.InvalidRequestError) as caught:
        called()
    message = str(caught.value)
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", ["base_url", "PRIME_API_BASE_URL"])
def test_url_that_is_no_base_url_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Passed or from the environment, where an empty variable counts as absent."""
    for url, word in URLS.items():
        monkeypatch.setenv("PRIME_API_BASE_URL", url)
        if name == "base_url" or url:
            given = {"base_url": url} if name == "base_url" else {}
            message = refused(AuthenticatedClient, **given, token=TOKEN)

            assert [one for one in (name, word, "Fix: ") if one not in message] == [], url
            assert PASSWORD not in message


def test_version_at_the_end_of_a_base_url_is_not_sent_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One function reads what is passed and what the environment has."""
    for given, url in DOUBLED.items():
        monkeypatch.setenv("PRIME_API_BASE_URL", given)
        for client in (AuthenticatedClient(given, TOKEN), AuthenticatedClient(token=TOKEN)):
            sent = client.get_httpx_client().build_request("GET", "/api/v1/images/build/b").url

            assert str(sent) == f"{url}/api/v1/images/build/b", given


@pytest.mark.parametrize("build", [build_sync, build_asyncio])
def test_user_of_a_redirect_is_not_sent_instead_of_the_token(build: Any, tmp_path: Path) -> None:
    """A user that the server put into the URL is what httpx sends, for the same host."""
    url = "https://me:secret@images.test/api/v1/images/build/bld_2/status"
    network = Network(status=[httpx.Response(307, headers={"Location": url}), "COMPLETED"])
    client = AuthenticatedClient(
        "https://images.test", TOKEN, follow_redirects=True, httpx_args={"transport": network}
    )
    build(context(tmp_path), client=client, body=WEB)
    redirected = network.requests[-1]

    assert redirected.headers["Authorization"] == f"Bearer {TOKEN}"
    assert redirected.url == url.replace("me:secret@", "")


@pytest.mark.parametrize("name", OF_A_CLIENT)
def test_invalid_argument_of_a_client_is_named(name: str) -> None:
    """When the client is made, and not by httpx when it connects."""
    for value in OF_A_CLIENT[name]:
        message = refused(AuthenticatedClient, "https://x.test", TOKEN, **{name: value})

        assert re.match(rf"{name}\b", message), value


@pytest.mark.parametrize("name", sorted(OF_HTTPX))
def test_argument_of_httpx_of_another_type_is_named(name: str) -> None:
    """Each that httpx has, and not by httpx when it connects."""
    message = refused(AuthenticatedClient, "https://x.test", TOKEN, httpx_args={name: object()})

    assert message.startswith(f"httpx_args['{name}'] ")


def test_what_httpx_rejects_names_where_it_is_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Arguments that only httpx can check, and its environment, before anything is sent."""
    (tmp_path / "empty.pem").touch()
    wrong: dict[str, dict[str, Any]] = {
        "scheme": {"proxy": "nonsense"}, "port": {"proxy": f"http://me:{PASSWORD}/x@p.test"},
        "user": {"auth": ("me",)}, "mount": {"mounts": {"x": None}}, "cert": {"cert": "no-file"},
        "params": {"params": [5]}, "port of mounts": {"mounts": {"https://x.test:me": None}},
        "sync": {"transport": type("S", (httpx.BaseTransport,), {})()},
        "async": {"transport": type("A", (httpx.AsyncBaseTransport,), {})()},
    }  # fmt: skip
    clients = {
        name: AuthenticatedClient("https://x.test", TOKEN, httpx_args=given)
        for name, given in wrong.items()
    }
    file = str(tmp_path / "empty.pem")
    clients["verify"] = AuthenticatedClient("https://x.test", TOKEN, verify_ssl=file)
    for name, client in clients.items():
        calls = {"sync": client.images.build_status, "async": client.images.build_status_async}
        for way, call in calls.items():
            if name != way:
                message = refused(call, "bld_1")

                assert "verify_ssl" in message or "httpx_args['transport']" in message, name
                assert PASSWORD not in message
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "nonsense://p.test")
    client = AuthenticatedClient("https://x.test", TOKEN)

    assert "environment" in refused(client.images.build_status, "bld_1")


def test_valid_arguments_of_a_client_are_accepted(tmp_path: Path) -> None:
    """Each form that a type allows."""
    file = tmp_path / "ca.pem"
    file.write_text("")
    valid: dict[str, list[Any]] = {
        "timeout": [0.001, 1, 1_000_000, httpx.Timeout(None), httpx.Timeout(5, pool=None)],
        "verify_ssl": [True, False, str(file), str(tmp_path), ssl.create_default_context()],
        "headers": [None, {}, {"X-Mine": "a\tb"}, {"X-Empty": ""}, httpx.Headers({"a": "b"})],
        "cookies": [None, {}, {"session": "a=b;c"}, httpx.Cookies({"a": "b"})],
        "httpx_args": [
            None,
            {},
            {"trust_env": False, "event_hooks": {}},
            {"auth": httpx.Auth()},
            {"transport": httpx.MockTransport(lambda _: httpx.Response(200))},
            {"proxy": None},
            {"auth": ("me", "x")},
            {"proxy": "http://p.test"},
            {"cert": None},
            {"limits": httpx.Limits(), "max_redirects": 1, "params": {"a": "b"}},
        ],
        "max_response_bytes": [1, 2**40],
        "upload_hosts": [(), [], {"storage.test"}, frozenset({"10.0.0.5:9000"}), {"a": 1}.keys()],
    }
    for name, values in valid.items():
        for value in values:
            client = AuthenticatedClient("https://x.test", TOKEN, **{name: value})
            client.with_headers({"X-More": "1"}).with_cookies({"more": "1"}).with_timeout(1)


@pytest.mark.parametrize("name", OF_A_JOB)
def test_invalid_argument_of_a_job_is_named(name: str, tmp_path: Path) -> None:
    """Of build_image and wait, sync and async; nothing is sent."""
    network, folder = Network(), context(tmp_path)
    for value in OF_A_JOB[name]:
        if (name, value) == ("client", None):
            continue
        given = {"client": network.client, name: value}
        for job in (build_image, build_image_async):
            assert refused(job, folder, body=WEB, **given).startswith(f"{name} "), value
        for waiting in (wait, wait_async):
            assert refused(waiting, "bld_1", **given).startswith(f"{name} "), value
    assert network.requests == []


def test_value_of_another_type_is_named_by_each_step(tmp_path: Path) -> None:
    """A body, a client, a build, a context or a path that is not one; nothing is sent."""
    network, folder = Network(), context(tmp_path)
    build = BuildImageResponse.from_dict(example("initiate_image_build"))
    client, packed = network.client, Context(io.BytesIO(b"tar"), 3, "Dockerfile")
    wrong: list[Any] = ["text", 7, {}, {"image_name": "web", "image_tag": "v1"}, object()]
    for value in wrong:
        steps: list[tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
            ("body", build_image, (folder,), {"body": value, "client": client}),
            ("body", initiate_image_build.sync, (), {"body": value, "client": client}),
            ("client", get_build_status.sync, ("bld_1",), {"client": value}),
            ("client", get_build_status.asyncio, ("bld_1",), {"client": value}),
            ("client", upload, (build, packed), {"client": value}),
            ("build", upload, (value, packed), {"client": client}),
            ("context", upload, (build, value), {"client": client}),
        ]
        if not isinstance(value, str):
            steps += [("folder", pack, (value,), {}), ("dockerfile", pack, (folder, value), {})]
        for name, function, places, named in steps:
            assert re.match(rf"{name}\b", refused(function, *places, **named)), (name, value)
    assert network.requests == []


def test_no_argument_raises_another_error_than_the_clients(tmp_path: Path) -> None:
    """Each argument of each function, with values of each kind; an invalid one is named."""
    network, folder = Network(initiate=[418], status=[418], start=[418]), context(tmp_path)
    client, packed = network.client, Context(io.BytesIO(b"tar"), 3, "Dockerfile")
    web, image = {"name": "web", "tag": "v1"}, {"image_name": "web", "image_tag": "v1"}
    build = BuildImageResponse.from_dict(example("initiate_image_build"))
    calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (AuthenticatedClient, {"base_url": "https://x.test", "token": TOKEN}),
        (client.with_headers, {"headers": {}}), (client.with_cookies, {"cookies": {}}),
        (client.with_timeout, {"timeout": 1}), (client.set_httpx_client, {"client": None}),
        (client.set_async_httpx_client, {"async_client": None}),
        (build_image, {"folder": folder, **web, "client": client}),
        (build_image, {"folder": folder, "body": WEB, "client": client}),
        (client.images.initiate, image), (client.images.delete, image),
        (client.images.build_status, {"build_id": "b"}), (pack, {"folder": folder}),
        (client.images.start_build, {"build_id": "b"}), (wait, {"build_id": "b", "client": client}),
        (upload, {"build": build, "context": packed, "client": client}),
    ]  # fmt: skip
    seen = 0
    for function, given in calls:
        for name in inspect.signature(function).parameters.keys() - {"on_progress"}:
            for value in ANYTHING[name == "client" :]:  # without one, build_image makes one
                try:
                    function(**{**given, name: value})
                except errors.InvalidRequestError as error:
                    is_named = name in str(error) or "the image" in str(error)
                    assert is_named, (function, name, value)
                    seen += 1
                except (errors.ContextError, errors.ApiError):
                    pass
    assert seen > 1000
    assert b"eA==" not in b"".join(one.content for one in network.requests if one.method == "POST")


def test_value_that_is_no_path_is_named(tmp_path: Path) -> None:
    """Another type, too long, a NUL, a surrogate, bytes; nothing is sent."""
    network, folder = Network(), context(tmp_path)
    for value in NO_PATHS:
        calls: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
            ("folder", pack, (value,)), ("dockerfile", pack, (folder, value)),
        ]  # fmt: skip
        for name, function, places in calls:
            assert f"{name} must be" in refused(function, *places), value
        given = {"name": "web", "tag": "v1", "client": network.client}
        for build in (build_image, build_image_async):
            assert "folder must be" in refused(build, value, **given), value
            message = refused(build, folder, dockerfile_path=value, **given)
            assert "dockerfile_path must be" in message, value
    assert network.requests == []


def test_value_that_is_no_text_is_named_by_its_argument(tmp_path: Path) -> None:
    """Also what a JSON encoder would write as another text: bytes and dates. Nothing is sent."""
    network, folder = Network(), tmp_path / "nowhere"
    client, images = network.client, network.client.images
    for value in NO_TEXTS:
        for name in ("name", "tag", "team_id"):
            given = {"name": "web", "tag": "v1", name: value, "client": client}
            for build in (build_image, build_image_async):
                message = refused(build, folder, **given)
                assert message.startswith(f"{name} must be"), value
                shown = repr(value) if isinstance(value, str) else type(value).__name__
                assert message.endswith(shown), value
        for name in ("image_name", "image_tag", "team_id"):
            image = {"image_name": "web", "image_tag": "v1", name: value}
            body = BuildImageRequest(**image)
            assert f" {name}: " in refused(images.initiate, **image), value
            assert f" {name}: " in refused(images.initiate_async, **image), value
            assert f" {name}: " in refused(initiate_image_build.sync, client=client, body=body)
            assert f" {name}: " in refused(build_image, folder, client=client, body=body), value
            assert f"{name} must be" in refused(images.delete, **image), value
    assert network.requests == []


def test_dockerfile_path_may_be_a_path(tmp_path: Path) -> None:
    """As the directory may be one, and ``dockerfile`` of pack."""
    folder = context(tmp_path)
    (folder / "Dockerfile").rename(folder / "other")
    for build in (build_sync, build_asyncio):
        for path in (Path("other"), PathOf(str(folder / "other"))):
            network = Network()
            build(folder, name="web", tag="v1", dockerfile_path=path, client=network.client)

            assert json.loads(network.requests[0].content)["dockerfile_path"] == "other"


def test_async_on_progress_is_awaited_by_the_async_job(tmp_path: Path) -> None:
    """At each step, piece and poll, in order, before the next request."""
    steps: list[str] = []
    network = Network()

    async def shown(progress: Any) -> None:
        await asyncio.sleep(0)
        steps.append(f"{progress.step} {len(network.requests)}")

    build_asyncio(context(tmp_path), client=network.client, body=WEB, on_progress=shown)

    assert list(dict.fromkeys(steps)) == [
        "packing 0", "initiating 0", "uploading 1", "starting 2", "waiting 4",
    ]  # fmt: skip


def test_error_of_an_async_on_progress_ends_the_job(tmp_path: Path) -> None:
    """As one of a sync callback does."""

    async def fails(progress: Any) -> None:
        raise LookupError(progress.step)

    network = Network()
    with pytest.raises(LookupError, match="packing"):
        build_asyncio(context(tmp_path), client=network.client, body=WEB, on_progress=fails)

    assert network.requests == []


@pytest.mark.filterwarnings("error")
def test_async_on_progress_of_a_sync_job_is_refused(tmp_path: Path) -> None:
    """Also behind a lambda; the coroutine is closed, so Python does not warn of it."""

    async def shown(progress: object) -> None: ...

    network, folder = Network(), context(tmp_path)
    for callback in (shown, lambda progress: shown(progress)):
        given = {"client": network.client, "body": WEB, "on_progress": callback}

        assert "on_progress" in refused(build_sync, folder, **given)
    assert network.requests == []


def test_build_timeout_has_the_reason_of_the_last_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of one before a success; without a failure there is none."""
    Clock(monkeypatch)
    raised: dict[str, errors.BuildTimeoutError] = {}
    polls: dict[str, list[Any]] = {
        "never": ["BUILDING"],
        "at last": ["BUILDING", 503],
        "lost": [httpx.ReadTimeout("timed out")],
        "before": [503, "BUILDING"],
    }
    for name, answers in polls.items():
        with pytest.raises(errors.BuildTimeoutError) as caught:
            wait("bld_1", client=Network(status=answers).client, deadline=20)
        raised[name] = caught.value
    with pytest.raises(errors.BuildTimeoutError) as caught:
        build_sync(context(tmp_path), client=Network(upload=[503]).client, body=WEB, deadline=20)
    raised["upload"] = caught.value

    reasons = {name: type(error.reason).__name__ for name, error in raised.items()}
    assert reasons == {
        "never": "NoneType", "at last": "ServerError", "lost": "ReadTimeout",
        "before": "NoneType", "upload": "UploadRefusedError",
    }  # fmt: skip
    assert "503" in str(raised["at last"])
    assert "BUILDING" in str(raised["at last"])
    assert "ReadTimeout: timed out" in str(raised["lost"])
    assert [name for name, error in raised.items() if not error.is_started] == ["upload"]
    assert "wait()" not in str(raised["upload"])
    for error in raised.values():
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)
        assert (str(again), again.is_started) == (str(error), error.is_started)
