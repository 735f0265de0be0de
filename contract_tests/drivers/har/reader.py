"""Reads HAR 1.2 files as browsers, proxies and test tools write them, into typed entries.

Tools differ in what they leave out. What is not there is None here, never something empty.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from sys import intern
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from ...contract.size import excess
from ...problems import Problem
from ..http.client import SessionError, decompressed
from . import own
from .own import OwnEntry, OwnLog

MOST_BYTES = 512 * 2**20
MOST_BODY = 4 * 2**20
"""Bytes of a response, as of the gate's own."""
MOST_VALUES = 20_000_000
"""JSON values of a file: browsers write about 150 for each entry."""
_SAVE = "save the traffic as HAR, with content"
# What browsers write for an answer that came from no server: Chromium, WebKit.
_CUT = re.compile(r"truncated\b|(\.\.\.|…)\W*$", re.IGNORECASE)
"""How recorders mark a text that they cut, at its end or in a comment."""
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_CLOSING = {"[": "]", "{": "}"}
_OF_STRING = ('"', '\\"', '0"', '00"', '000"', '0000"')
_RESTS = (
    *_OF_STRING, *(f"{rest}:0" for rest in ("", '""', *_OF_STRING)),
    "", "0", "rue", "ue", "e", "alse", "lse", "se", "ull", "ll", "l",
)  # fmt: skip
"""What ends a string, a member or a value of JSON, wherever it was cut, but for brackets."""
_CACHES = {"memory", "disk", "memory cache", "disk cache", "prefetch-cache"}
Times = tuple[datetime, datetime]
Header = tuple[str, str]
_Object = Mapping[str, Any]


class _UnreadableEntryError(Exception):
    """An entry cannot be judged; the text is the reason."""


@dataclass(frozen=True, slots=True)
class HarMessage:
    """What was recorded of a request or a response.

    Attributes:
        headers: By name in lower case, those of one name joined, without HTTP/2's pseudo-headers.
        body: The bytes, or None if they were not recorded, or not to their end.

    """

    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class HarResponse(HarMessage):
    """What was recorded of a response."""

    status: int


@dataclass(frozen=True, slots=True)
class HarEntry:
    """One entry that can be judged.

    Attributes:
        number: Its place in the file, from 1.
        times: When it began and ended; None if that was not recorded, or is not possible.
        address: Method and URL.
        request: What was sent.
        response: What a server returned.
        own: What the gate wrote beside it, or None if the file is not the gate's.

    """

    number: int
    times: Times | None
    address: tuple[str, str] = field(repr=False)
    request: HarMessage
    response: HarResponse
    own: OwnEntry | None = None


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """One entry that cannot be judged: why, and what can be read of it nevertheless."""

    number: int
    times: Times | None
    why: str
    address: tuple[str, str] | None = field(repr=False)
    request: HarMessage | None


@dataclass(frozen=True)
class Har:
    """A file.

    Attributes:
        entries: One for each exchange.
        headers: Every header of them, as it stands in the file, once.
        own: What the gate wrote of all of them, or None if the file is not the gate's.

    """

    entries: list[HarEntry | UnreadableEntry]
    headers: list[Header] = field(repr=False)
    own: OwnLog | None = None


def read(path: Path) -> Har:
    """Read a file. Raises ``Problem`` if it is not HAR."""
    document = _document(path)
    if not isinstance(document, dict):
        raise Problem(f"{path} is not a HAR file: it is not a JSON object", _SAVE)
    log = document.get("log")
    if not isinstance(log, dict) or not isinstance(log.get("entries"), list):
        raise Problem(f"{path} is not a HAR file: it has no list log.entries", _SAVE)
    headers: dict[Header, None] = {}
    if (whole := own.read(str(path), log, OwnLog)) is not None:
        entries = [*_entries(path, log, headers)]
        owns = [own.read(f"{path}: entry {number}", raw, OwnEntry) for number, raw in entries]
        if None not in owns:  # else others were added
            found = zip(entries, owns, strict=True)
            return Har([_own(*one, its) for one, its in found if its], [*headers], whole)
    return Har([_entry(*one) for one in _entries(path, log, headers)], [*headers])


def _entries(path: Path, log: _Object, headers: dict[Header, None]) -> Iterator[tuple[int, Any]]:
    """Yield each entry with its number; add its headers.

    One at a time is parsed, since it takes five times its bytes.
    """
    for number, entry in enumerate(log["entries"], 1):
        try:
            value = json.loads(bytes(entry)) if isinstance(entry, msgspec.Raw) else entry
        except (ValueError, RecursionError) as error:
            raise Problem(f"{path} is not JSON: entry {number}: {error}", _SAVE) from error
        headers.update(dict.fromkeys(_every_header(value if isinstance(value, dict) else {})))
        yield number, value


def _own(number: int, raw: _Object, its: OwnEntry) -> HarEntry | UnreadableEntry:
    """Read an entry of the gate's: nothing in it has to be guessed."""
    try:
        request, response = _part(raw, "request"), _part(raw, "response")
        method, url = request.get("method"), request.get("url")
        held, status = _part(response, "content"), response.get("status")
        if not (isinstance(method, str) and isinstance(url, str) and isinstance(status, int)):
            raise _UnreadableEntryError("it has no method, URL or status")
        posted = request.get("postData")
        sent = _exact(posted) if posted else None if request.get("bodySize") else b""
        return HarEntry(
            number, (its.began, its.ended), (method, url),
            HarMessage(_headers(request), sent),
            HarResponse(_headers(response), _exact(held), status), its,
        )  # fmt: skip
    except _UnreadableEntryError as error:
        return UnreadableEntry(number, None, str(error), None, None)


def _exact(body: Any) -> bytes | None:
    text = body.get("text") if isinstance(body, dict) else None
    if text is None:
        return None
    if not isinstance(text, str):
        raise _UnreadableEntryError("a body is not a text")
    try:
        return base64.b64decode(text) if body.get("encoding") == "base64" else text.encode()
    except ValueError as error:
        raise _UnreadableEntryError("a body cannot be read") from error


def _entry(number: int, raw: Any) -> HarEntry | UnreadableEntry:
    entry = raw if isinstance(raw, dict) else {}
    times = _times(entry)
    address = request = None
    try:
        address = _address(entry)
        request = _request(entry, address[0])
        return HarEntry(number, times, address, request, _response(entry, address[0]))
    except _UnreadableEntryError as error:
        return UnreadableEntry(number, times, str(error), address, request)


def _address(entry: _Object) -> tuple[str, str]:
    request = _part(entry, "request")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not re.fullmatch(r"[A-Za-z-]{1,40}", method):
        raise _UnreadableEntryError("it has no method")
    if not isinstance(url, str) or not _is_url(url):
        raise _UnreadableEntryError("it has no URL that can be read")
    return method.upper(), url


def _times(entry: _Object) -> Times | None:
    began, took = entry.get("startedDateTime"), _number(entry.get("time"))
    if not isinstance(began, str) or took is None or took < 0:
        return None
    try:
        at = datetime.fromisoformat(began)
        # No exchange takes no time: of two that a coarse clock gives one instant, none came first.
        ended = at + max(timedelta(milliseconds=took), timedelta.resolution)
        return (at, ended) if at.tzinfo and at.year >= 1970 and ended.year < 9000 else None
    except (ValueError, OverflowError):
        return None


# Thousands of entries have the same headers: each text is kept once.
def _every_header(entry: _Object) -> Iterator[Header]:
    for side in ("request", "response"):
        message = entry.get(side)
        listed = message.get("headers") if isinstance(message, dict) else None
        for header in listed if isinstance(listed, list) else []:
            if _is_header(header):
                yield intern(header["name"]), intern(header["value"])


def _request(entry: _Object, method: str) -> HarMessage:
    request = _part(entry, "request")
    headers = _headers(request)
    posted = request.get("postData")
    sizes = [_size(request, "bodySize"), _length(headers)]
    posted = {} if posted is None else posted
    if not isinstance(posted, dict):
        raise _UnreadableEntryError("its postData is not an object")
    _type(headers, posted)
    if posted.get("text"):
        return HarMessage(headers, _whole(posted, "request", sizes, headers))
    if isinstance(posted.get("params"), list) and posted["params"]:
        fields = [one for one in posted["params"] if isinstance(one, dict)]
        pairs = [(str(one.get("name", "")), str(one.get("value", ""))) for one in fields]
        return HarMessage(headers, urlencode(pairs, errors="replace").encode())
    # Recorders that keep no bodies write a bodySize of 0, too: it takes a length or an empty text.
    is_kept = posted.get("text") == "" and sizes[0] == 0 and "transfer-encoding" not in headers
    is_sure = is_kept or sizes[1] == 0 or method not in ("POST", "PUT", "PATCH")
    return HarMessage(headers, b"" if is_sure and max(sizes) <= 0 else None)


def _response(entry: _Object, method: str) -> HarResponse:
    answered = _part(entry, "response")
    status = _status(answered)
    if unanswered := _unanswered(entry, answered, status):
        raise _UnreadableEntryError(unanswered)
    headers = _headers(answered)
    held = answered.get("content", {})
    if not isinstance(held, dict):
        raise _UnreadableEntryError("the content of its response is not an object")
    if not headers and not held.get("mimeType"):
        raise _UnreadableEntryError("the headers of its response were not recorded")
    if "non-authoritative-reason" in headers:
        raise _UnreadableEntryError("it came from the browser itself")
    _type(headers, held)
    if not held.get("text") and (method == "HEAD" or status in (204, 205)):
        return HarResponse(headers, b"", status)
    sent = [_size(answered, "bodySize"), _length(headers)]
    if not held.get("text") and max(sent) < 0:
        return HarResponse(headers, None, status)  # content.size is 0 where bodies are not kept
    body = _whole(held, "response", [*sent, _size(held, "size")], headers)
    return HarResponse(headers, body, status)


def _is_url(text: str) -> bool:
    try:
        text.encode()  # a lone surrogate cannot be
        return bool(urlsplit(text))
    except ValueError:
        return False


def _document(path: Path) -> Any:
    try:
        if not path.is_file():
            raise Problem(f"{path} is not a file", "name a HAR file")
        if (size := path.stat().st_size) > MOST_BYTES:
            reason = f"{path} is too large: {size} bytes; the limit is {MOST_BYTES}"
            raise Problem(reason, "save the traffic of the API alone")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read: {error}", "name another") from error
    if raw.startswith(b"PK"):
        raise Problem(f"{path} is a zip", "unzip it, and judge the .har in it")
    try:
        text = raw.decode(json.detect_encoding(raw), "surrogatepass").removeprefix(
            "\ufeff"
        )  # UTF-16 too
        if more := excess(text, MOST_VALUES, depth=None):
            raise Problem(f"{path} is too large: {more}", "save the traffic of the API alone")
        return _parsed(raw, text)
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path} is not JSON: {error}", _SAVE) from error


def _parsed(raw: bytes, text: str) -> Any:
    """Parse JSON; entries stay as they are written, if it has them where they belong."""
    parts = dict[str, msgspec.Raw]
    try:
        log = msgspec.json.decode(msgspec.json.decode(raw, type=parts)["log"], type=parts)
        entries = msgspec.json.decode(log.pop("entries"), type=list[msgspec.Raw])
    except (msgspec.DecodeError, KeyError):  # UTF-16, or not as it should be
        return json.loads(text)
    return {"log": {key: json.loads(bytes(one)) for key, one in log.items()} | {"entries": entries}}


def _part(entry: _Object, name: str) -> _Object:
    part = entry.get(name)
    if not isinstance(part, dict):
        raise _UnreadableEntryError(f"it has no {name}")
    return part


def _status(answered: _Object) -> int:
    status = _number(answered.get("status"))
    if status is None or not status.is_integer() or status > 999:
        raise _UnreadableEntryError("its status is not a three-digit number")
    return int(status)


def _unanswered(entry: _Object, answered: _Object, status: int) -> str | None:
    """Return why this response did not come from a server, or None if it did."""
    failures = (entry.get("_wasAborted"), answered.get("_error"), answered.get("_failureText"))
    if status <= 0 or any(failures):
        return "no server responded"
    kept = [one.get(key) for one in (entry, answered) for key in ("_fromCache", "_fetchType")]
    if status == 304 or any(one is True or str(one).lower() in _CACHES for one in kept):
        return "it came from a cache"
    return None


def _headers(message: _Object) -> dict[str, str]:
    """Join the headers of one name; leave out HTTP/2's pseudo-headers."""
    listed = message.get("headers")
    if not isinstance(listed, list) or not all(map(_is_header, listed)):
        raise _UnreadableEntryError("its headers are not a list of names and values")
    joined: dict[str, list[str]] = {}
    for header in listed:
        name = intern(header["name"].lower())
        if not name.startswith(":"):
            joined.setdefault(name, []).append(header["value"])
    return {name: intern(", ".join(values)) for name, values in joined.items()}


def _is_header(header: Any) -> bool:
    if not isinstance(header, dict):
        return False
    return isinstance(header.get("name"), str) and isinstance(header.get("value"), str)


def _type(headers: dict[str, str], body: _Object) -> None:
    media_type = body.get("mimeType")
    # Chromium writes x-unknown where there is none.
    if isinstance(media_type, str) and "/" in media_type:
        headers.setdefault("content-type", media_type)


def _whole(
    body: _Object, whose: str, sizes: list[float], headers: Mapping[str, str]
) -> bytes | None:
    """Return the bytes of a body, or None if they were not recorded, or not to their end.

    Half a recording is no evidence against the server. A text that is not valid JSON is not judged
    if it is shorter than one of the sizes beside it, ends as recorders end what they cut, or ends
    too early and none of the sizes is its own. (Sizes alone are not enough: some count compressed
    bytes, or characters.) A text that no continuation makes valid is the server's.
    """
    if not body.get("text"):
        return b"" if max(sizes) == 0 else None
    content = _text(body, whose)
    if content is not None and len(content) > MOST_BODY:
        if whose == "response":
            raise _UnreadableEntryError(f"its response is larger than {MOST_BODY // 2**20} MiB")
        return content  # of an upload
    if content is None or _is_json(content):
        return content
    if _is_coded(content, sizes[:2], headers):
        try:
            return decompressed(content, headers["content-encoding"], MOST_BODY)
        except SessionError:
            return None
    text = body["text"]
    is_cut = len(content) < max(sizes) or _CUT.search(f"{body.get('comment', '')} {text}")
    is_whole = not {len(content), len(text)}.isdisjoint(sizes)
    return None if is_cut or (not is_whole and _ends_early(content)) else content


def _is_coded(content: bytes, sent: list[float], headers: Mapping[str, str]) -> bool:
    """Return whether these are the bytes of the wire, which HAR wants decoded.

    They are no text, and as many as were sent. Others are what the server coded once too often.
    """
    counted = [size for size in sent if size > 0]
    if "content-encoding" not in headers or (counted and len(content) not in counted):
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return True
    return False


def _ends_early(content: bytes) -> bool:
    """Return whether a text is the beginning of valid JSON."""
    try:
        # A character may be cut too; anything else that is not UTF-8 is an error.
        text = codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return False
    opened: list[str] = []
    for part in _PARTS.findall(text):
        if part in _CLOSING:
            opened.append(_CLOSING[part])
        elif part in "]}" and opened:
            opened.pop()
    close = "".join(reversed(opened))
    return any(_is_json(text + rest + close) for rest in _RESTS)


def _is_json(content: bytes | str) -> bool:
    try:
        text = content if isinstance(content, str) else content.decode(errors="replace")
        if excess(text) is None:  # beyond that, nobody reads on
            json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _text(body: _Object, whose: str) -> bytes | None:
    """Return the bytes of a text, or None if it was not recorded as it was.

    A text was decoded when it was recorded, so its bytes are its UTF-8. What was no UTF-8 then can
    hold lone surrogates or replacement characters now: the bytes are not known.
    """
    text, encoding = body.get("text"), body.get("encoding", body.get("_encoding"))
    if not isinstance(text, str):
        raise _UnreadableEntryError(f"the body of its {whose} is not a text")
    if isinstance(encoding, str) and encoding.lower() == "base64":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise _UnreadableEntryError(f"the body of its {whose} is not base64") from None
    if encoding and str(encoding).lower() not in ("utf-8", "utf8"):
        return None
    try:
        return None if "\ufffd" in text else text.encode()
    except UnicodeEncodeError:
        return None


def _length(headers: Mapping[str, str]) -> float:
    length = headers.get("content-length", "")
    return float(length) if length.isdecimal() and len(length) < 20 else -1


def _size(message: _Object, key: str) -> float:
    size = _number(message.get(key))
    return -1 if size is None else size


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
