"""HAR files that a stranger wrote: of any shape, with any value, any time and any length."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ....escape import line
from ....judge import judged
from ....problems import Exit, Problem
from ....report import recording
from ....rules import RULES
from ..measured import excess
from ..recordings import API, entry, start, status
from . import Attack, Family

MOST_SHOWN = 100_000
IMAGE, DELETED = API.replace("/build", "/web/v1"), {"success": True, "message": ""}
# A file, and each of its entries: an ordinary entry takes under 1,200 calls.
CALLS, CALLS_EACH, MOST_MEBIBYTES = 30_000, 1600, 48
LONG = 150

VALUES: dict[str, Any] = {
    "null": None, "true": True, "-1": -1, "1e308": 1e308, "NaN": float("nan"), "10**400": 10**400,
    "an empty text": "", "a long text": "x" * 100_000, "a surrogate": "\ud800", "a list": [],
    "an object": {}, "a deep list": json.loads("[" * 200 + "]" * 200), "a control": "\x1b[2J\x00",
    "digits": "\N{ARABIC-INDIC DIGIT THREE}", "a list of nulls": [None] * 1000,
}  # fmt: skip
PLACES = (
    "startedDateTime", "time", "request", "request.method", "request.url", "request.headers",
    "request.headers.0", "request.headers.0.name", "request.headers.0.value", "request.bodySize",
    "request.postData", "request.postData.text", "request.postData.mimeType",
    "request.postData.params", "request.postData.encoding", "response", "response.status",
    "response.headers", "response.headers.0", "response.headers.0.value", "response.content",
    "response.content.text", "response.content.size", "response.content.mimeType",
    "response.content.encoding", "response.content.comment", "response.bodySize",
    "response._error", "_fromCache",
)  # fmt: skip
BEGINNINGS = (
    "", "now", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-05-04", "12:00",
    "2026-05-04T12:00:00", "2026-05-04T12:00:00.000000000000001Z", "1970-01-01T00:00:00Z",
    "2026-05-04T25:00:00Z", "2026-05-04T12:00:60Z", "2026-05-04T12:00:00+99:99", "-1", "x" * 10_000,
)  # fmt: skip
LASTS = (0, -1, 1e300, float("inf"), 10**400, "1", 1e-300)
_BODY = json.dumps({"detail": "x"}).encode()
_BOMB = gzip.compress(b"[" + b"{}," * 2**21, mtime=0)
BODIES: dict[str, bytes | str] = {
    "a body": _BODY, "gzip": gzip.compress(_BODY, mtime=0), "a bomb": _BOMB,
    "a bomb in a bomb": gzip.compress(_BOMB, mtime=0), "no base64": "%" * 1000,
    "half base64": "QUJ", "5 MiB of blanks": b" " * (5 * 2**20), "a million brackets": b"[" * 10**6,
    "a million quotes": b'"' * 10**6, "many values": b"[" + b"{}," * 10**5 + b"{}]",
    "half of many values": b"[" + b"{}," * 20_000,
}  # fmt: skip
DOCUMENTS: dict[str, bytes] = {
    "nothing": b"", "a zip": b"PK\x03\x04", "no JSON": b"{", "a list": b"[]", "a text": b'"log"',
    "NaN": b"NaN", "no log": b"{}", "no entries": b'{"log": {}}', "null": b"null",
    "entries of an object": b'{"log": {"entries": {}}}', "no UTF-8": b'{"log": "\xff"}',
    "a deep list": b"[" * 10**6, "deep objects": b'{"a":' * 10**5, "a long number": b"9" * 10**5,
    "UTF-16": json.dumps({"log": {"entries": []}}).encode("utf-16"), "NUL": b"\0" * 1000,
    "a log twice": b'{"log": {"entries": []}, "log": {"entries": 1}}', "a BOM": b"\xef\xbb\xbf",
    "twenty million values": b'{"log": {"entries": [' + b"0," * (20 * 10**6 + 1) + b"0]}}",
    "entries of nulls": b'{"log": {"entries": [' + b"null," * 10**4 + b"null]}}",
    "entries of lists": b'{"log": {"entries": [' + b"[]," * 10**4 + b"[]]}}",
}  # fmt: skip


def _judge(entries: int, content: bytes, *, is_measured: bool = True) -> str | None:
    """Judge a file within the bounds: a verdict or a problem, and a bounded text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile.har"
        path.write_bytes(content)
        shown: list[str] = []
        work = partial(_shown, str(path), shown)
        calls = CALLS + CALLS_EACH * entries
        # What is read at once is several times the file.
        most = MOST_MEBIBYTES + 8 * len(content) // 2**20
        over = excess(work, calls=calls, mebibytes=most) if is_measured else work()
    text = "".join(shown)
    if len(text) > MOST_SHOWN:
        return f"{len(text)} characters are shown"
    return over or (None if all(one.isprintable() or one == "\n" for one in text) else "controls")


def _shown(path: str, shown: list[str]) -> None:
    try:
        replayed, verdicts, of_run = judged(path, [*RULES.values()])
        lines = recording.lines(path, None, replayed, verdicts, of_run)
        shown += [line(one) + "\n" for one in lines]
    except Problem as error:
        if error.code != Exit.CANNOT_TELL:
            raise AssertionError(error.code) from error
        shown += [line(one) + "\n" for one in str(error).split("\n")]


def _file(*entries: Any) -> bytes:
    return json.dumps({"log": {"entries": [*entries]}}).encode("utf-8", "surrogatepass")


def _changed(place: str, value: Any) -> str | None:
    """Judge a start and a status, with another value at a place of both."""
    made = [copy.deepcopy(one) for one in (start(), status("COMPLETED", at=9))]
    for one in made:
        *path, last = place.split(".")
        node: Any = one
        for key in path:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        node[int(last) if isinstance(node, list) else last] = value
    return _judge(2, _file(*made, status(at=20)), is_measured=False)


def _timed(began: Any, took: Any) -> str | None:
    odd = {**status("COMPLETED"), "startedDateTime": began, "time": took}
    return _judge(3, _file(start(), odd, status(at=9)), is_measured=False)


def _with_body(body: bytes | str, encoding: str, coding: str) -> str | None:
    """Judge a status with a body as a recorder may write it, and a content encoding beside it."""
    one = status()
    one["response"]["headers"].append({"name": "Content-Encoding", "value": coding})
    text = body if isinstance(body, str) else base64.b64encode(body).decode()
    if not encoding and isinstance(body, bytes):
        text = body.decode("latin-1")
    one["response"]["content"] = {"text": text, "mimeType": "application/json"}
    if encoding:
        one["response"]["content"]["encoding"] = encoding
    return _judge(2, _file(one, status(at=9)))


def _story(name: str) -> Callable[[int], dict[str, Any]]:
    headers = [{"name": "Content-Type", "value": "application/json"}]
    unnamed = {"error": {"headers": headers, "content": {"text": "{}", "size": 2}, "status": 404}}
    methods = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    made: dict[str, Callable[[int], dict[str, Any]]] = {
        "polls": lambda at: status(at=at),
        "polls that find nothing": lambda at: {**status(at=at), "response": unnamed["error"]},
        "polls of an unknown status": lambda at: status("NONE", at=at),
        "starts": lambda at: start(at=at),
        "refused starts": lambda at: entry("POST", f"{API}/bld_1/start", 401, sent={}, at=at),
        "builds": lambda at: entry(url=f"{API}/bld_{at}", body={"id": f"bld_{at}"}, at=at),
        "deletes": lambda at: entry("DELETE", IMAGE, (200, 401, 503)[at % 3], DELETED, at=at),
        "methods": lambda at: entry(methods[at % 26] * (at // 26 + 1), body="{}", at=at),
        "one initiate": lambda at: entry(
            "POST", API, 201, {"build_id": "bld_1", "upload_url": f"https://x.test/{at}"},
            sent={"image_name": "web", "image_tag": "v1"}, at=at,
        ),
    }  # fmt: skip
    return made[name]


STORIES = (
    "polls", "polls that find nothing", "polls of an unknown status", "starts", "refused starts",
    "builds", "deletes", "methods", "one initiate",
)  # fmt: skip
ORDERS: dict[str, Callable[[dict[str, Any], int], dict[str, Any]]] = {
    "in turn": lambda one, _: one,
    "at once": lambda one, _: {**one, "startedDateTime": "2026-05-04T12:00:00Z"},
    "overlapping": lambda one, at: {
        **one, "startedDateTime": "2026-05-04T12:00:00Z", "time": 1000 * at,
    },
    "without times": lambda one, _: {**one, "startedDateTime": None},
    "backwards": lambda one, at: {
        **one, "startedDateTime": datetime.fromtimestamp(2e9 - at, UTC).isoformat(),
    },
}  # fmt: skip


def _long(story: str, order: str) -> str | None:
    make, change = _story(story), ORDERS[order]
    return _judge(LONG, _file(*(change(make(at), at) for at in range(LONG))))


def _attacks() -> Iterator[Attack]:
    for name, content in DOCUMENTS.items():
        yield Attack("documents", name, partial(_judge, content.count(b","), content))
    for place in PLACES:
        for name, value in VALUES.items():
            yield Attack("values", f"{name} as {place}", partial(_changed, place, value))
    for began in BEGINNINGS:
        for took in LASTS:
            shown = f"{began[:40]!r}, for {str(took)[:9]}"
            yield Attack("times", shown, partial(_timed, began, took))
    for name, body in BODIES.items():
        for encoding in ("base64", ""):
            for coding in ("gzip", "gzip, gzip"):
                shown = f"{name}, {encoding or 'as text'}, called {coding}"
                yield Attack("bodies", shown, partial(_with_body, body, encoding, coding))
    for story in STORIES:
        for order in ORDERS:
            yield Attack("long recordings", f"{story}, {order}", partial(_long, story, order))


FAMILY = Family(
    "recordings",
    "a HAR file is judged or is a problem with code 4; calls grow linearly with its entries, "
    "memory with its bytes, and what is shown is bounded and printable",
    _attacks,
)
