"""The comment of a pull request: one for each job, changed in place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.ci import comment

from ...problems import Exit, Problem

TOKEN = "ghs_0123456789abcdef"  # noqa: S105


class GitHub(BaseHTTPRequestHandler):
    """The comments of one pull request."""

    comments: list[dict[str, Any]]
    status = 200

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _sent(self) -> dict[str, Any]:
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        sent: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return sent

    def do_GET(self) -> None:
        """List a page of the comments."""
        page = int(self.path.rpartition("=")[2])
        size = comment.PAGE_SIZE
        self._answer(self.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        """Add a comment."""
        assert self.path == "/repos/o/r/issues/7/comments"
        self.comments.append({"id": len(self.comments), **self._sent()})
        self._answer({})

    def do_PATCH(self) -> None:
        """Change a comment."""
        self.comments[int(self.path.rpartition("/")[2])] |= self._sent()
        self._answer({})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture
def github() -> Iterator[ThreadingHTTPServer]:
    """Serve a pull request without comments."""
    GitHub.comments, GitHub.status = [], 200
    with ThreadingHTTPServer(("127.0.0.1", 0), GitHub) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def write(server: ThreadingHTTPServer, folder: Path, text: str, name: str = "gate") -> int:
    """Run the script on a summary."""
    (folder / "summary.md").write_text(text)
    (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    return comment.main({
        "GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_REPOSITORY": "o/r",
        "GITHUB_API_URL": f"http://127.0.0.1:{server.server_port}",
        "COMMENT_TOKEN": f" {TOKEN}\n", "COMMENT_NAME": name,
        "COMMENT_SUMMARY": str(folder / "summary.md"),
    })  # fmt: skip


def test_one_comment_is_kept_up_to_date(github: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Behind many others; each job of a matrix has one of its own."""
    GitHub.comments += [{"id": n, "body": f"comment {n}"} for n in range(comment.PAGE_SIZE + 3)]
    for text, name in (("failed", "a"), ("passed", "b"), ("passed now", "a")):
        assert write(github, tmp_path, text, name) == Exit.OK

    assert [one["body"].split("\n")[1] for one in GitHub.comments[-2:]] == ["passed now", "passed"]
    assert len(GitHub.comments) == comment.PAGE_SIZE + 5


@pytest.mark.parametrize("event", ["", "{}", '{"pull_request": null}', "[]", None])
def test_no_pull_request(event: str | None, tmp_path: Path) -> None:
    """A push, a schedule: nothing is sent."""
    path = tmp_path / "event.json"
    if event is not None:
        path.write_text(event)

    assert comment.main({"GITHUB_EVENT_PATH": str(path)}) == Exit.OK


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_refused(status: int, github: ThreadingHTTPServer, tmp_path: Path) -> None:
    """It is a problem with a fix, without the token."""
    GitHub.status = status
    with pytest.raises(Problem) as raised:
        write(github, tmp_path, "failed")

    assert raised.value.code == Exit.CANNOT_TELL
    assert TOKEN not in str(raised.value)


def test_summary_that_cannot_be_read_is_named(github: ThreadingHTTPServer, tmp_path: Path) -> None:
    """A permission would not help."""
    write(github, tmp_path, "passed")
    event, absent = tmp_path / "event.json", tmp_path / "absent.md"

    with pytest.raises(Problem, match=r"absent\.md cannot be read"):
        comment.main({"GITHUB_EVENT_PATH": str(event), "COMMENT_SUMMARY": str(absent)})


def test_a_long_summary_is_cut_outside_of_code() -> None:
    """What is left has each fence closed."""
    text = "# Failed\n\n" + "```\nsome code\n```\n\n" * 9000
    cut = comment.body(text, "a name\n-->")

    assert len(cut) < comment.MOST_CHARACTERS + 200
    assert cut.count("```") % 2 == 0
    assert cut.startswith("<!-- image-build-contract a-name---- -->\n# Failed")
