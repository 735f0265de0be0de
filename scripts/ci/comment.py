"""Keeps one comment of a pull request up to date with the summary of the gate.

Reads the environment of a job on GitHub, and

    COMMENT_TOKEN    may write to pull requests
    COMMENT_NAME     tells the comments of several jobs apart
    COMMENT_SUMMARY  the file of the summary

Exit codes: 0 the comment is up to date, or the job is not of a pull request; 4 it could not be.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contract_tests.escape import show
from contract_tests.problems import Exit, Problem
from contract_tests.redaction import Redaction, Secret, Unshown
from scripts.ci import commands

SECONDS = 30.0
# GitHub refuses a comment of more characters.
MOST_CHARACTERS = 60_000
MOST_PAGES, PAGE_SIZE = 20, 100
MOST_BYTES = 32 * 2**20


def main(environment: Mapping[str, str]) -> int:
    """Write the comment; return the exit code."""
    number = _pull_request(environment)
    if number is None:
        show("no comment: the job is not of a pull request")
        return Exit.OK
    token = Secret(environment.get("COMMENT_TOKEN", "").strip())
    commands.mask(token)
    summary = Path(environment.get("COMMENT_SUMMARY", ""))
    try:
        text = summary.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise Problem(f"{summary} cannot be read: {error}", "see the step of the gate") from error
    try:
        repository = environment["GITHUB_REPOSITORY"]
        api = environment.get("GITHUB_API_URL", "https://api.github.com")
        issues = f"{api}/repos/{repository}/issues"
        _update(issues, number, body(text, environment.get("COMMENT_NAME", "")), token)
    except (OSError, KeyError, ValueError, TypeError) as error:
        what = Redaction(token=token)(f"the comment was not written: {error}")
        raise Problem(what, "give the job pull-requests: write") from error
    return Exit.OK


def marker(name: str) -> str:
    """Return the first line of the comments of a job, which no reader sees."""
    return f"<!-- image-build-contract {re.sub('[^A-Za-z0-9._-]', '-', name)} -->"


def body(text: str, name: str) -> str:
    """Return the text of a comment; one that is too long ends at the last whole paragraph."""
    if len(text) > MOST_CHARACTERS:
        # A paragraph may be inside of a block of code: what is left of that is left out.
        text = text[:MOST_CHARACTERS].rpartition("\n```\n\n")[0] + "\n```\n\n…\n"
    return f"{marker(name)}\n{text}"


def _pull_request(environment: Mapping[str, str]) -> int | None:
    try:
        event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8"))
        number = event["pull_request"]["number"]
    except (OSError, KeyError, ValueError, TypeError):
        return None
    return number if isinstance(number, int) else None


def _update(issues: str, number: int, text: str, token: str) -> None:
    """Change the comment that is there, or add one."""
    first = text.partition("\n")[0]
    of_pull_request = f"{issues}/{number}/comments"
    for comment in _comments(of_pull_request, token):
        if str(comment.get("body")).partition("\n")[0].strip() == first:
            _send("PATCH", f"{issues}/comments/{int(comment['id'])}", token, {"body": text})
            return
    _send("POST", of_pull_request, token, {"body": text})


def _comments(url: str, token: str) -> Iterator[dict[str, Any]]:
    for page in range(1, MOST_PAGES + 1):
        found = _send("GET", f"{url}?per_page={PAGE_SIZE}&page={page}", token)
        yield from (one for one in found if isinstance(one, dict))
        if len(found) < PAGE_SIZE:
            return


def _send(method: str, url: str, token: str, content: object = None) -> Any:
    data = None if content is None else json.dumps(content).encode()
    headers = {
        "Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json",
        "Content-Type": "application/json", "User-Agent": "image-build-contract",
    }  # fmt: skip
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            return json.loads(response.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        raise ValueError(f"{method} was answered with {error.code}") from None


if __name__ == "__main__":
    sys.exit(commands.ended(lambda: main(Unshown(os.environ))))
