"""HAR files are read for what was recorded, and nothing is made of what was not."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...drivers.har import reader as har
from ...drivers.har.replay import replay
from ...problems import Problem
from ...rules import RULES
from ..support.judging import judge_tape
from ..support.recordings import (
    API,
    SAMPLES,
    Entry,
    Replay,
    entry,
    observed,
    replayer,
    start,
    status,
    status_body,
    violated,
    written,
)  # fmt: skip
from ..support.snapshots import assert_message

Change = Callable[[Entry], Any]


@pytest.fixture
def replayed(tmp_path: Path) -> Replay:
    """Return a function that replays entries."""
    return replayer(tmp_path)


def body_of(change: Change, replayed: Replay, made: Entry | None = None) -> Any:
    """Return the recorded body of a response that was changed."""
    one = made or status()
    change(one["response"])
    return replayed(one, status(at=9)).tape.exchanges[0].response.content


BOM = {"text": "77u/e30=", "encoding": "base64"}
BODIES: dict[str, tuple[Change, bytes | None]] = {
    "text": (lambda one: one["content"].update(text='{"a":"é"}'), '{"a":"é"}'.encode()),
    "base64": (lambda one: one["content"].update(BOM), b"\xef\xbb\xbf{}"),
    "base64 in lines": (lambda one: one["content"].update(text="e3\n0=", encoding="BASE64"), b"{}"),
    "no text": (lambda one: one["content"].pop("text"), None),
    "no content": (lambda one: one.pop("content"), None),
    "text lost": (lambda one: one["content"].update(text=""), None),
    "size unknown": (lambda one: one.update(content={"mimeType": "a/b", "size": -1}), None),
    "empty": (lambda one: one.update(content={"mimeType": "a/b", "size": 0}, bodySize=0), b""),
    "empty text": (lambda one: one.update(content={"text": "", "size": 0}, bodySize=0), b""),
    "empty by its length": (
        lambda one: (
            one["headers"].append({"name": "Content-Length", "value": "0"}),
            one["content"].update(text="", size=0),
        ),
        b"",
    ),
    # Recorders that keep no bodies write a size of 0 beside an empty text.
    "not kept": (lambda one: one["content"].update(text="", size=0), None),
    "not kept, no text": (lambda one: one.update(content={"mimeType": "a/b", "size": 0}), None),
    "cut, by its size": (lambda one: one["content"].update(text='{"id": "b', size=99), None),
    "cut, by its length": (
        lambda one: (
            one["headers"].append({"name": "Content-Length", "value": "99"}),
            one["content"].update(text='{"id": "b', size=9),
        ),
        None,
    ),
    "cut, by bodySize": (
        lambda one: (one.update(bodySize=99), one["content"].update(text='{"id": "b', size=9)),
        None,
    ),
    "cut, by a comment": (
        lambda one: one["content"].update(text='{"id": "b', size=9, comment="Body truncated"),
        None,
    ),
    "cut, by its end": (lambda one: one["content"].update(text='{"id": "b...', size=12), None),
    "cut, in base64": (
        lambda one: one["content"].update(text="eyJpZCI6ICJi", size=99, encoding="base64"),
        None,
    ),
    "whole, by another count": (
        lambda one: one["content"].update(text='{"id": "\u00fc"}', size=400),
        '{"id": "\u00fc"}'.encode(),
    ),
    "broken by the server": (
        lambda one: one["content"].update(text='{"id": "b', size=9),
        b'{"id": "b',
    ),
    "cut, sizes unknown": (
        lambda one: (one.update(bodySize=-1), one["content"].update(text='{"id": "b', size=-1)),
        None,
    ),
    "cut, no sizes": (
        lambda one: (one.pop("bodySize", 0), one.update(content={"text": '{"id": [1, {"a": tr'})),
        None,
    ),
    "cut, sizes of what was compressed": (
        lambda one: (
            one["headers"].append({"name": "Content-Length", "value": "7"}),
            one.update(bodySize=7),
            one["content"].update(text='{"id": "b', size=-1),
        ),
        None,
    ),
    "cut in a character": (
        lambda one: one.update(content={"text": "eyJpZCI6ICLD", "encoding": "base64", "size": -1}),
        None,
    ),
    "broken by the server, its length known": (
        lambda one: (
            one["headers"].append({"name": "Content-Length", "value": "9"}),
            one["content"].update(text='{"id": "b', size=-1),
        ),
        b'{"id": "b',
    ),
    "broken by the server, its characters counted": (
        lambda one: one["content"].update(text='{"id": "\u00fc', size=9),
        '{"id": "\u00fc'.encode(),
    ),
    "not JSON, size unknown": (
        lambda one: one["content"].update(text='{"id": b}', size=-1),
        b'{"id": b}',
    ),
    "not JSON and cut, size unknown": (
        lambda one: one["content"].update(text="{'id': \"b", size=-1),
        b"{'id': \"b",
    ),
    "more than JSON, size unknown": (
        lambda one: one["content"].update(text='{"id": 1} {"id', size=-1),
        b'{"id": 1} {"id',
    ),
    "not UTF-8, size unknown": (
        lambda one: one.update(content={"text": "eyL/IjogIg==", "encoding": "base64"}),
        b'{"\xff": "',
    ),
    "JSON, size unknown": (
        lambda one: one["content"].update(text='{"id": 1}', size=-1),
        b'{"id": 1}',
    ),
    "empty, but sent": (lambda one: one.update(content={"size": 0}, bodySize=80), None),
    "lone surrogate": (lambda one: one["content"].update(text='"\ud800"'), None),
    "replaced": (lambda one: one["content"].update(text='"\ufffd"'), None),
    "other encoding": (lambda one: one["content"].update(encoding="rot13"), None),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BODIES))
def test_body(name: str, replayed: Replay) -> None:
    """A body is there as it was sent, or not at all; never empty because it was left out."""
    change, expected = BODIES[name]

    assert body_of(change, replayed) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(deadline=None, database=None)
@given(JSON, st.booleans(), st.data())
def test_each_beginning_of_json_ends_early(value: Any, is_ascii: bool, data: st.DataObject) -> None:
    """Wherever a text is cut; with something invalid before the cut it does not."""
    content = json.dumps({"value": value}, ensure_ascii=is_ascii).encode("utf-8", "replace")
    cut = content[: data.draw(st.integers(1, len(content) - 1))]

    assert har._ends_early(cut)
    assert not har._ends_early(b"{'}" + cut)
    assert not har._ends_early(content + b"," + cut)


@pytest.mark.parametrize(
    "text", ["{'a", '{"a": NULL', '{"a": 01, "b', "[1,,", '{"a" 1', "<html", '["\\x']
)
def test_text_that_nothing_continues_is_whole(text: str) -> None:
    """The server is to blame for it, wherever it was cut."""
    assert not har._ends_early(text.encode())


@pytest.mark.parametrize(
    ("text", "broken"), [('{"id": "bld_1", "stat', set()), ('{"id": bld_1, "stat', {"P8"})]
)
def test_cut_of_unknown_size_is_not_blamed_on_the_server(
    text: str, broken: set[str], replayed: Replay
) -> None:
    """A recorder may cut; what no continuation makes valid was sent so."""
    one = status()
    one["response"].update(bodySize=-1)
    one["response"]["content"].update(text=text, size=-1)

    assert violated(replayed(one)) == broken


def coded(content: bytes, coding: str, sent: int) -> Change:
    """Return a change: these bytes in base64, ``sent`` bytes of this coding on the wire."""

    def change(one: Entry) -> None:
        one["headers"].append({"name": "Content-Encoding", "value": coding})
        one["bodySize"] = sent
        text = base64.b64encode(content).decode()
        one["content"].update(text=text, encoding="base64", size=len(content))

    return change


SENT = b'{"id": "bld_1"}'
ZIPPED = gzip.compress(SENT, mtime=0)
BROKEN = gzip.compress(b'{"id', mtime=0)
BROTLI = bytes.fromhex("0b0780") + SENT + b"\x03"
BOMB = gzip.compress(b" " * (har.MOST_BODY + 1), mtime=0)
CODED: dict[str, tuple[Change, bytes | None]] = {
    "gzip": (coded(ZIPPED, "gzip", len(ZIPPED)), SENT),
    "gzip, wire size unknown": (coded(ZIPPED, "GZip", -1), SENT),
    "gzip, wire size not counted": (coded(ZIPPED, "gzip", 0), SENT),
    "deflate": (coded(zlib.compress(SENT), "deflate", len(zlib.compress(SENT))), SENT),
    "a coding that is not read": (coded(BROTLI, "br", len(BROTLI)), None),
    "a bomb": (coded(BOMB, "gzip", len(BOMB)), None),
    "cut": (coded(ZIPPED[:-9], "gzip", len(ZIPPED)), None),
    "gzip, not JSON": (coded(BROKEN, "gzip", len(BROKEN)), b'{"id'),
    "decoded": (coded(SENT, "gzip", len(ZIPPED)), SENT),
    "decoded, with a BOM": (coded(b"\xef\xbb\xbf{}", "gzip", 25), b"\xef\xbb\xbf{}"),
    "decoded, with a BOM, counted so": (coded(b"\xef\xbb\xbf{}", "gzip", 5), b"\xef\xbb\xbf{}"),
    "decoded, not UTF-8": (coded(b'{"\xff": 1}', "gzip", 7), b'{"\xff": 1}'),
    "decoded, and still in gzip": (coded(ZIPPED, "gzip", 20), ZIPPED),
    "gzip without its header": (coded(ZIPPED, "identity", len(ZIPPED)), ZIPPED),
}


@pytest.mark.parametrize("name", list(CODED))
def test_body_as_it_was_on_the_wire_is_decoded(name: str, replayed: Replay) -> None:
    """Some recorders keep the coded bytes; those that a server coded too often stay as they are."""
    change, expected = CODED[name]

    assert body_of(change, replayed) == expected


def test_length_shows_that_a_body_was_left_out(replayed: Replay) -> None:
    """A body that has a length and no text was left out, whatever its recorded size."""
    length = {"name": "content-length", "value": "80"}

    def change(one: Entry) -> None:
        one["headers"].append(length)
        one["content"] = {"size": 0, "text": ""}

    assert body_of(change, replayed) is None


def test_204_has_no_body(replayed: Replay) -> None:
    """Where a status has no body, none was left out."""
    made = entry(status=204)

    assert body_of(lambda one: one.update(content={"mimeType": "a/b"}), replayed, made) == b""


def test_what_was_not_recorded_is_not_judged(replayed: Replay) -> None:
    """Without bodies, rules about bodies are not observed."""
    one = status()
    del one["response"]["content"]["text"]
    made = replayed(one, start(took=0.1))
    bodiless = judge_tape(made.tape, RULES.values())

    assert violated(made) == set()
    assert bodiless["P6"].observed == bodiless["P8"].observed == bodiless["T5"].observed == 1


def test_bom_is_judged_where_bytes_were_kept(replayed: Replay) -> None:
    """P8 sees a BOM in a body that was recorded as bytes."""
    content = b"\xef\xbb\xbf" + json.dumps(status_body("BUILDING")).encode()
    one = status()
    one["response"]["content"].update(text=base64.b64encode(content).decode(), encoding="base64")

    assert violated(replayed(one)) == {"P8"}


REQUESTS: dict[str, tuple[Change, bytes | None]] = {
    "text": (lambda _: None, b"{}"),
    "base64": (lambda one: one["postData"].update(text="W10=", _encoding="base64"), b"[]"),
    "params": (
        lambda one: one.update(postData={"params": [{"name": "a b", "value": "1"}, {"name": "c"}]}),
        b"a+b=1&c=",
    ),
    "left out": (lambda one: one.pop("postData"), None),
    "text left out": (lambda one: one["postData"].pop("text"), None),
    "lost": (lambda one: one.update(postData={"text": ""}, bodySize=7), None),
    "null": (lambda one: one.update(postData=None, bodySize=-1), None),
}


CHUNKED = {"name": "Transfer-Encoding", "value": "chunked"}
EMPTY = {"name": "Content-Length", "value": "0"}
TYPE = {"name": "Content-Type", "value": "application/json"}
UNKEPT: dict[str, tuple[list[dict[str, str]], Entry, bytes | None]] = {
    "chunked": ([TYPE, CHUNKED], {}, None),
    "chunked, no type": ([CHUNKED], {}, None),
    "a type alone": ([TYPE], {}, None),
    "no text": ([TYPE], {"postData": {"mimeType": "application/json"}}, None),
    "empty text, chunked": ([TYPE, CHUNKED], {"postData": {"text": ""}}, None),
    "no header of a body": ([], {}, None),
    "empty text, kept": ([TYPE], {"postData": {"text": ""}}, b""),
    "empty by its length": ([TYPE, EMPTY], {}, b""),
    "empty by its length alone": ([TYPE, EMPTY], {"bodySize": -1}, b""),
    "empty text and length": ([TYPE, EMPTY], {"postData": {"text": ""}}, b""),
}


@pytest.mark.parametrize("name", list(UNKEPT))
def test_request_body_that_was_not_kept_is_not_an_empty_one(name: str, replayed: Replay) -> None:
    """A bodySize of 0 alone proves nothing; P3 judges a body that is known to be empty."""
    headers, parts, expected = UNKEPT[name]
    one = entry("POST", f"{API}/bld_1/start", body=status_body("BUILDING"))
    one["request"]["headers"] += headers
    one["request"].update(parts)
    made = replayed(one)

    assert made.tape.exchanges[0].request.content == expected
    assert violated(made) == (set() if expected is None else {"P3"})
    assert observed(made, "P8") == 1


@pytest.mark.parametrize("name", list(REQUESTS))
def test_request_body(name: str, replayed: Replay) -> None:
    """The body of a request, too, is there as it was sent, or not at all."""
    change, expected = REQUESTS[name]
    one = start()
    one["request"].pop("bodySize")
    change(one["request"])

    assert replayed(one).tape.exchanges[0].request.content == expected


def test_length_shows_that_a_request_body_was_left_out(replayed: Replay) -> None:
    """A request that has a length and no text was not empty, whatever its recorded size."""
    one = status()
    one["request"]["headers"].append({"name": "Content-Length", "value": "7"})

    assert replayed(one).tape.exchanges[0].request.content is None


def test_get_has_no_body(replayed: Replay) -> None:
    """A GET without a body sent none."""
    one = status()
    one["request"].pop("bodySize")

    assert replayed(one).tape.exchanges[0].request.content == b""


def test_form_is_no_json(replayed: Replay) -> None:
    """A form that is refused breaks nothing, and its start is not a valid one."""
    one = start(status=415)
    one["request"]["headers"].pop()
    one["request"]["postData"] = {"mimeType": "application/x-www-form-urlencoded", "params": [{}]}
    made = replayed(one)

    assert made.tape.exchanges[0].request.media_type == "application/x-www-form-urlencoded"
    assert not made.tape.exchanges[0].is_valid_start
    assert violated(made) == set()


def test_headers(replayed: Replay) -> None:
    """Headers of one name are joined; pseudo-headers are not on the tape."""
    one = status()
    for part in ("request", "response"):
        one[part]["headers"] += [
            {"name": ":authority", "value": "api.builds.example"},
            {"name": "X-Two", "value": "1"}, {"name": "x-two", "value": "2"},
            {"name": "Cookie", "value": "s=c00kie"}, {"name": "Set-Cookie", "value": "s=c00kie"},
        ]  # fmt: skip
    made = replayed(one)
    exchange = made.tape.exchanges[0]

    for message in (exchange.request, exchange.response):
        assert message.headers["x-two"] == "1, 2"
        assert message.headers["cookie"] == message.headers["set-cookie"] == "s=c00kie"
        assert made.redaction.header("Cookie", "s=c00kie") == "<cookie>"
        assert ":authority" not in message.headers
    assert "c00kie" not in repr(exchange)


def test_content_type_is_taken_from_the_content(replayed: Replay) -> None:
    """Where the header is missing, the mimeType stands for it."""
    one = status()
    one["response"]["headers"] = [{"name": "Date", "value": "Mon, 04 May 2026 12:00:00 GMT"}]
    made = replayed(one)
    one["response"]["content"]["mimeType"] = "x-unknown"
    untyped = replayed(one)

    assert violated(made) == set()
    assert violated(untyped) == {"P1"}
    assert "content-type" not in untyped.tape.exchanges[0].response.headers


def refused(path: Path | str) -> str:
    """Return the error that a file is refused with."""
    with pytest.raises(Problem) as caught:
        replay(path)
    return str(caught.value)


NOT_HAR: dict[str, bytes] = {
    "an empty file": b"",
    "a page": b"<html>",
    "not text": b"\xff\x00\xff",
    "a nest without end": b"[" * 200_000,
    "a zip": b"PK\x03\x04",
    "a list": b"[]",
    "no log": b"{}",
    "a log that is a list": b'{"log": []}',
    "entries that are an object": b'{"log": {"entries": {}}}',
    "no entry": b'{"log": {"entries": []}}',
    "entries without requests": b'{"log": {"entries": [1, null, {}]}}',
}


@pytest.mark.parametrize("name", NOT_HAR)
def test_file_that_is_not_har_is_refused(name: str, tmp_path: Path) -> None:
    """The problem names what is missing, and what to do."""
    (tmp_path / "some.har").write_bytes(NOT_HAR[name])

    problem = refused(tmp_path / "some.har")
    assert_message("har-problems", name, problem, {tmp_path: "<folder>"})


def test_no_such_file(tmp_path: Path) -> None:
    """A missing file is a problem."""
    for name, path in (("no file", tmp_path / "none.har"), ("a folder", tmp_path)):
        assert_message("har-problems", name, refused(path), {tmp_path: "<folder>"})
    assert refused("a\0b")


def test_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too large is not read."""
    monkeypatch.setattr(har, "MOST_BYTES", 10)

    file = written(tmp_path / "some.har", [status()])
    size = f"{file.stat().st_size} bytes"
    problem = refused(file).replace(size, "<size>")
    assert_message("har-problems", "too large", problem, {tmp_path: "<folder>"})


def test_nothing_for_this_api(tmp_path: Path) -> None:
    """Traffic of others alone is an error, and no pass."""
    pages = [entry(url=f"https://app.example/{number}") for number in range(214)]

    assert_message("har-problems", "no API", refused(written(tmp_path / "a.har", pages)))


LOST: Entry = {"headers": [], "content": {}}
INTERNAL = {"name": "Non-Authoritative-Reason", "value": "HSTS"}
NO_BASE64 = {"text": "é", "encoding": "base64"}
UNREADABLE: dict[str, Change] = {
    "no response": lambda one: one.pop("response"),
    "no request": lambda one: one.pop("request"),
    "no method": lambda one: one["request"].update(method=7),
    "no URL": lambda one: one["request"].pop("url"),
    "invalid URL": lambda one: one["request"].update(url="http://["),
    "surrogate": lambda one: one["request"].update(url=API + "/\ud800"),
    "no status": lambda one: one["response"].pop("status"),
    "status in text": lambda one: one["response"].update(status="200"),
    "no headers": lambda one: one["request"].pop("headers"),
    "invalid header": lambda one: one["response"]["headers"].append({"name": "a"}),
    "content": lambda one: one["response"].update(content=[]),
    "text": lambda one: one["response"]["content"].update(text=7),
    "base64": lambda one: one["response"]["content"].update(NO_BASE64),
    "postData": lambda one: one["request"].update(postData=[]),
    "not recorded": lambda one: one["response"].update(LOST),
    "status 0": lambda one: one["response"].update(status=0),
    "status -1": lambda one: one["response"].update(status=-1),
    "error": lambda one: one["response"].update(_error="net::ERR_FAILED"),
    "aborted": lambda one: one.update(_wasAborted=True),
    "304": lambda one: one["response"].update(status=304),
    "memory": lambda one: one.update(_fromCache="memory"),
    "internal": lambda one: one["response"]["headers"].append(INTERNAL),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_entry_is_left_out_with_its_reason(name: str, replayed: Replay) -> None:
    """An entry that cannot be judged is left out with its reason, and the others are judged."""
    one = status()
    UNREADABLE[name](one)
    made = replayed(one, status(at=1))
    [(reason, count)] = made.left_out.items()

    assert (made.judged, count) == (1, 1)
    assert_message("har-reasons", name, reason)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["\ud800", "http://[", "base64", 10**400, "application/json", "Bearer \x00"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
SOUND = [
    one for path in sorted(SAMPLES.glob("*.har"))
    for one in json.loads(path.read_bytes())["log"]["entries"]
]  # fmt: skip


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value in a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


@st.composite
def mutated(draw: st.DrawFn) -> list[Any]:
    """Draw entries of which some hold anything, or lack something, somewhere."""
    entries = copy.deepcopy(draw(st.lists(st.sampled_from(SOUND), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list(places(entries))))
        holder = entries
        for key in way:
            holder = holder[key]
        if draw(st.booleans()) or isinstance(holder, list):
            holder[last] = draw(ANY)
        else:
            del holder[last]
        if not any(isinstance(one, dict | list) and one for one in entries):
            break
    return entries


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(entries=mutated())
def test_mutated_entries(entries: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever entries contain, they are judged or left out with a reason."""
    path = written(tmp_path_factory.getbasetemp() / "mutated.har", entries)
    try:
        made = replay(path)
    except Problem:
        return

    assert made.entries == made.judged + made.ignored + made.repeated + sum(made.left_out.values())
    judge_tape(made.tape, RULES.values())
