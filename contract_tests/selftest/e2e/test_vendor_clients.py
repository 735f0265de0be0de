"""The vendor's own SDK and command line work against the reference server, unchanged.

Their requests and what they need are written out here: a fact that changes with a newer version of
them breaks a test.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ...reference.app import create_app
from ...reference.faults.base import App, Fault, ServerRequest, ServerResponse
from ...reference.over_sockets import running
from ..support import vendor_clients
from ..support.proxied import passing

pytestmark = pytest.mark.external
TOKEN = "token-of-the-vendors-clients"  # noqa: S105 (of the embedded server)
PATIENCE = 120
"""Seconds for a command; push-bulk sleeps 10 before it looks at a build for the first time."""

SOUND = "FROM scratch\n"
BROKEN = "FROM scratch\nRUN exit 3\n"

# Runs in the clients' environment, not in this one.
SDK = """
import asyncio, json, sys, tarfile
import httpx
from prime_sandboxes import AsyncImageClient, BuildImageRequest, ImageClient

request = BuildImageRequest(image_name="web", image_tag="v1", team_id="team_1", visibility="PUBLIC")

def upload(build):
    with tarfile.open("context.tar.gz", "w:gz") as archive:
        archive.add("Dockerfile")
    headers = {"Content-Type": "application/octet-stream"}
    with open("context.tar.gz", "rb") as file:
        httpx.put(build.upload_url, content=file, headers=headers).raise_for_status()

def sync():
    client = ImageClient()
    build = client.initiate_build(request)
    upload(build)
    started = client.start_build(build.build_id)
    return build, started, client.get_build_status(build.build_id)

async def asynchronous():
    async with AsyncImageClient() as client:
        build = await client.initiate_build(request)
        await asyncio.to_thread(upload, build)
        started = await client.start_build(build.build_id)
        return build, started, await client.get_build_status(build.build_id)

done = sync() if sys.argv[1] == "sync" else asyncio.run(asynchronous())
print(json.dumps([done[0].model_dump(mode="json"), *done[1:]]))
"""


def _beyond(_: ServerRequest, response: ServerResponse) -> None:
    """Add what the command line looks for and the published contract does not have."""
    if not response.is_success or not response.content:
        return
    body = json.loads(response.content)
    if body.get("status") == "FAILED":
        body["errorMessage"] = body["artifacts"][0]["errorMessage"]
    response.content = json.dumps(body).encode()


class Seen:
    """Records the requests to the server."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[Any] = []

    def around(self, app: App) -> App:
        """Return the server with this before it."""

        def record(request: ServerRequest) -> None:
            headers = {key.decode(): value.decode() for key, value in request.headers}
            self.requests.append((request.method, str(request.operation), headers))
            self.bodies.append(request.json())

        fault = Fault("seen", "", "changes nothing", request=record, response=_beyond)
        return fault.wrap(app, TOKEN)

    def of(self, operation: str) -> list[tuple[Any, dict[str, str]]]:
        """Return the bodies and headers of the requests of one operation."""
        return [
            (body, headers)
            for (_, name, headers), body in zip(self.requests, self.bodies, strict=True)
            if name == operation
        ]


@pytest.fixture(scope="module")
def programs() -> Path:
    """Return where the clients' programs are."""
    try:
        return vendor_clients.set_up()
    except vendor_clients.NotSetUpError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def seen() -> Seen:
    """Return the recorder of the server's requests."""
    return Seen()


@pytest.fixture
def url(seen: Seen) -> Iterator[str]:
    """Run a server whose builds end at once: the clients look at them after 10 s only."""
    with running(seen.around(create_app(token=TOKEN, build_seconds=0))) as base_url:
        yield base_url


def context(folder: Path, dockerfile: str = SOUND) -> Path:
    """Make a build context."""
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "app.py").write_text("print()\n")
    return folder


def run(
    programs: Path, place: Path, url: str, *command: str, token: str = TOKEN
) -> subprocess.CompletedProcess[str]:
    """Run a program of the clients, with an empty home."""
    home = place / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(  # noqa: S603 (our own command)
        [str(programs / command[0]), *command[1:]],
        cwd=place,
        env=vendor_clients.environment(home, url, token),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def build_of(url: str, output: str) -> dict[str, Any]:
    """Ask the server for the build that a push has named."""
    build = re.search(r"Build ID: (\S+)", output)
    assert build is not None, output
    path = f"{url}/api/v1/images/build/{build[1]}"
    answer = httpx.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


@pytest.mark.parametrize("world", ["sync", "async"])
def test_sdk(programs: Path, tmp_path: Path, url: str, seen: Seen, world: str) -> None:
    """Initiate, start and status, with the SDK's own models, end in a build that is COMPLETED."""
    (tmp_path / "Dockerfile").write_text(SOUND)

    done = run(programs, tmp_path, url, "python", "-c", SDK, world)
    assert (done.returncode, done.stderr) == (0, "")
    build, started, status = json.loads(done.stdout)

    assert build["build_ids"] == [build["build_id"]]
    assert build["expires_in"] > 0
    assert started == status
    assert (status["id"], status["status"]) == (build["build_id"], "COMPLETED")
    assert [row["fullImagePath"] for row in status["artifacts"]][:1] == [build["full_image_path"]]
    [(posted, headers)] = seen.of("initiate")
    assert posted == {
        "image_name": "web",
        "image_tag": "v1",
        "dockerfile_path": "Dockerfile",
        "platform": "linux/amd64",
        "team_id": "team_1",  # the published contract says teamId
        "visibility": "PUBLIC",
    }
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.of("start")[0][0] == {"context_uploaded": True}


def test_push(programs: Path, tmp_path: Path, url: str, seen: Seen) -> None:
    """The command line pushes a directory with a Dockerfile; the build ends COMPLETED."""
    context(tmp_path / "web")

    done = run(programs, tmp_path, url, "prime", "images", "push", "web:v1", "--context", "web")

    assert (done.returncode, done.stderr) == (0, "")
    assert build_of(url, done.stdout)["status"] == "COMPLETED"
    [(posted, _)] = seen.of("initiate")
    assert posted == {
        "image_name": "web",
        "image_tag": "v1",
        "dockerfile_path": ".__prime_dockerfile__",
        "platform": "linux/amd64",
    }
    [(_, headers)] = seen.of("upload")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-length"].isdigit()
    assert "authorization" not in headers
    # It does not wait for the end.
    assert [name for _, name, _ in seen.requests[:3]] == ["initiate", "upload", "start"]
    assert [*(tmp_path / "home").iterdir()] == []


def test_push_of_a_dockerfile_elsewhere(programs: Path, tmp_path: Path, url: str) -> None:
    """A Dockerfile of another name, which .dockerignore leaves out, is found all the same."""
    folder = context(tmp_path / "web", BROKEN)
    (folder / ".dockerignore").write_text("Dockerfile*\n")
    (folder / "Dockerfile.prod").write_text(SOUND)

    done = run(
        programs, tmp_path, url,
        "prime", "images", "push", "web:v1", "-c", "web", "-f", "web/Dockerfile.prod",
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert build_of(url, done.stdout)["status"] == "COMPLETED"


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_push_of_a_linked_dockerfile(programs: Path, tmp_path: Path, url: str, kind: str) -> None:
    """A Dockerfile that is a link is one in the archive too, and is followed."""
    folder = context(tmp_path / "web")
    (folder / "Dockerfile").rename(folder / "real")
    if kind == "symbolic":
        (folder / "Dockerfile").symlink_to("real")
    else:
        (folder / "Dockerfile").hardlink_to(folder / "real")

    done = run(programs, tmp_path, url, "prime", "images", "push", "web:v1", "-c", "web")

    assert (done.returncode, done.stderr) == (0, "")
    assert build_of(url, done.stdout)["status"] == "COMPLETED"


def test_push_of_a_broken_dockerfile(programs: Path, tmp_path: Path, url: str) -> None:
    """A push succeeds once the build is started; the status of the build shows its failure."""
    context(tmp_path / "web", BROKEN)

    done = run(programs, tmp_path, url, "prime", "images", "push", "web:v1", "-c", "web")
    build = build_of(url, done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert build["status"] == "FAILED"
    assert "exit 3" in build["artifacts"][0]["errorMessage"]


def test_push_bulk(programs: Path, tmp_path: Path, url: str, seen: Seen) -> None:
    """A bulk push waits for each build, counts those that fail, and shows why."""
    context(tmp_path / "sound")
    context(tmp_path / "broken", BROKEN)
    rows = [
        {"image": "sound:v1", "context": "sound"},
        {"image": "broken:v1", "context": "broken"},
        {"image": "other", "context": "sound", "dockerfile": "sound/Dockerfile"},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    done = run(programs, tmp_path, url, "prime", "images", "push-bulk", "--manifest", "rows.jsonl")

    assert (done.returncode, done.stderr) == (1, "")
    assert "2/3 builds completed" in done.stdout
    assert re.search(r"✗ broken:v1 \(failed: build ended as FAILED: .*exit 3\)", done.stdout)
    names = [(posted["image_name"], posted["image_tag"]) for posted, _ in seen.of("initiate")]
    assert names == [("sound", "v1"), ("broken", "v1"), ("other", "latest")]
    failures = (tmp_path / "push-bulk-failures.jsonl").read_text().splitlines()
    assert [json.loads(line)["image"] for line in failures] == ["broken:v1"]


def test_invalid_token(programs: Path, tmp_path: Path, url: str, seen: Seen) -> None:
    """A 401 is shown as such, and nothing is uploaded."""
    context(tmp_path / "web")

    push = ("prime", "images", "push", "web:v1", "-c", "web")
    done = run(programs, tmp_path, url, *push, token="another-token")  # noqa: S106

    assert done.returncode == 1
    assert "Not authenticated" in done.stdout
    assert [name for _, name, _ in seen.requests] == ["initiate"]


def test_payment_required(programs: Path, tmp_path: Path, url: str) -> None:
    """A 402 is shown as such; the tag names the scenario."""
    context(tmp_path / "web")

    done = run(programs, tmp_path, url, "prime", "images", "push", "web:payment", "-c", "web")

    assert done.returncode == 1
    assert "Payment required" in done.stdout


@pytest.mark.parametrize(
    "client",
    [
        ("prime", "images", "push", "web:v1", "--context", "web"),
        ("prime", "images", "push-bulk", "--manifest", "rows.jsonl"),
        ("python", "-c", SDK, "sync"), ("python", "-c", SDK, "async"),
    ],
    ids=["push", "push-bulk", "sync", "async"],
)  # fmt: skip
def test_client_before_the_proxy_is_sound(
    programs: Path, tmp_path: Path, url: str, client: tuple[str, ...]
) -> None:
    """Unchanged but for its base URL: its builds end, its uploads are seen, no rule is violated."""
    context(tmp_path / "web")
    (tmp_path / "Dockerfile").write_text(SOUND)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"image": "web:v1", "context": "web"}))

    with passing(url) as proxied:
        done = run(programs, tmp_path, proxied.url, *client)

    assert (done.returncode, done.stderr) == (0, "")
    tape = proxied.run.tape
    assert [one.response.status for one in tape.of("upload")] == [204]
    assert tape.successes()["start_image_build"] == 1
    assert {name for name, one in proxied.run.verdicts.items() if one.violations} == set()
    assert proxied.run.verdicts["C7"].observed == 1


def test_set_up_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, and without the clients, the error says what to do."""
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(vendor_clients.NotSetUpError, match="once with a network") as caught:
        vendor_clients.set_up(tmp_path / "venv")

    assert "No matching distribution" in str(caught.value)
    assert [*(tmp_path / "venv").glob(".ready-*")] == []


def test_lock_holds_no_address() -> None:
    """The lock of the clients holds hashes, their versions, and no address."""
    text = vendor_clients.LOCK.read_text()

    assert "://" not in text
    assert text.count("--hash=sha256:") > text.count("==")
    assert "prime==0.18.0 " in text
    assert "prime-sandboxes==0.5.1 " in text
