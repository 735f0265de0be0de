"""Hostile servers, on raw sockets: what no framework would let a server send.

A behaviour gets a connection whose request has been read, and does its worst with it. It stands
alone, or in front of a sound server, where it waits for one kind of request.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

Behaviour = Callable[[socket.socket], None]
GIB = 2**30
_CHUNK = b"x" * 2**16
_OVER = threading.Event()  # never set: to wait for nothing


# Answers that never end, or are too large.


def endless_body(connection: socket.socket) -> None:
    """Send chunks, fast, for ever."""
    connection.sendall(_head(200, "Transfer-Encoding: chunked"))
    while True:
        connection.sendall(b"%x\r\n%b\r\n" % (len(_CHUNK), _CHUNK))


def gigabyte_body(connection: socket.socket) -> None:
    """Announce a gigabyte, and send it."""
    connection.sendall(_head(200, f"Content-Length: {GIB}"))
    for _ in range(GIB // len(_CHUNK)):
        connection.sendall(_CHUNK)


def gzip_bomb(connection: socket.socket) -> None:
    """Send a valid gzip of a valid JSON value, which decompresses to a gigabyte of blanks."""
    _answer(connection, 200, gzipped_blanks(), "Content-Encoding: gzip")


def deflate_bomb(connection: socket.socket) -> None:
    """Send the same as a bare deflate stream."""
    _answer(connection, 200, gzipped_blanks()[10:-8], "Content-Encoding: deflate")


def many_headers(connection: socket.socket) -> None:
    """Send headers, fast, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: and more\r\n" * 1000)


def long_header(connection: socket.socket) -> None:
    """Send one header, fast, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(_CHUNK)


def endless_continue(connection: socket.socket) -> None:
    """Say 100 Continue for ever."""
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


# Answers that come too slowly.


def silence(connection: socket.socket) -> None:
    """Say nothing, and keep the connection."""
    while connection.recv(2**16):
        pass


def drip_body(connection: socket.socket) -> None:
    """Send a byte of the body now and then."""
    connection.sendall(_head(200, "Content-Length: 1000000"))
    _drip(connection, b" ")


def drip_chunks(connection: socket.socket) -> None:
    """Send a chunk of a byte now and then."""
    connection.sendall(_head(200, "Transfer-Encoding: chunked"))
    _drip(connection, b"1\r\n \r\n")


def drip_headers(connection: socket.socket) -> None:
    """Send a byte of a header now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(connection, b"x")


def _drip(connection: socket.socket, drop: bytes) -> None:
    while True:
        connection.sendall(drop)
        _OVER.wait(0.05)


# Answers that are broken.


def garbage(connection: socket.socket) -> None:
    """Send what is no HTTP."""
    connection.sendall(b"\x16\x03\x01 no HTTP \xff\xfe at all\r\n\r\n" * 10)


def half_status_line(connection: socket.socket) -> None:
    """Close within the status line."""
    connection.sendall(b"HTTP/1.1 20")


def short_body(connection: socket.socket) -> None:
    """Send less than was announced."""
    connection.sendall(_head(200, "Content-Length: 100") + b"{}")


def broken_chunk(connection: socket.socket) -> None:
    """Send a chunk whose size is not a number."""
    connection.sendall(_head(200, "Transfer-Encoding: chunked") + b"zz\r\nhm\r\n")


def no_answer(connection: socket.socket) -> None:
    """Close without a word."""


def reset(connection: socket.socket) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def null_header(connection: socket.socket) -> None:
    """Send a header with a NUL in it."""
    connection.sendall(_head(200, "X-Null: a\0b", "Content-Length: 0"))


def no_gzip(connection: socket.socket) -> None:
    """Call gzipped what is not."""
    _answer(connection, 200, b"{}", "Content-Encoding: gzip")


def half_gzip(connection: socket.socket) -> None:
    """Send the first half of a gzip."""
    _answer(connection, 200, _gzipped(b"{}")[:12], "Content-Encoding: gzip")


def unknown_coding(connection: socket.socket) -> None:
    """Send a body in a content coding that was not accepted."""
    _answer(connection, 200, b"{}", "Content-Encoding: br")


# Responses that are HTTP, and unusual.


def answering(status: int, content: bytes, *headers: str) -> Behaviour:
    """Answer so."""
    return lambda connection: _answer(connection, status, content, *headers)


def answering_json(status: int, body: Any) -> Behaviour:
    """Answer with a JSON value."""
    return answering(status, json.dumps(body).encode(), "Content-Type: application/json")


def redirecting(url: str) -> Behaviour:
    """Send everybody elsewhere."""
    return answering(307, b"", f"Location: {url}")


def nested(depth: int) -> bytes:
    """Nest lists: a valid JSON value that few can read."""
    return b"[" * depth + b"]" * depth


def latin_1_headers(connection: socket.socket) -> None:
    """Send headers whose bytes are no UTF-8."""
    head = b"HTTP/1.1 200 \xff\xfe\r\nX-Odd: \xff\xfe\r\nContent-Type: \xff/\xfe\r\n"
    connection.sendall(head + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")


@cache
def gzipped_blanks() -> bytes:
    """Pack a gigabyte of blanks and a JSON object into a megabyte."""
    mebibyte = b" " * 2**20
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush, a block stands for itself: it can be repeated.
    block = packing.compress(mebibyte) + packing.flush(zlib.Z_FULL_FLUSH)
    ending = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    last = ending.compress(b"{}") + ending.flush()
    checked = 0
    for _ in range(GIB // len(mebibyte)):
        checked = zlib.crc32(mebibyte, checked)
    head = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
    tail = struct.pack("<II", zlib.crc32(b"{}", checked), (GIB + 2) % 2**32)
    return head + block * (GIB // len(mebibyte)) + last + tail


def _gzipped(content: bytes) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packing.compress(content) + packing.flush()


def _head(status: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Odd", "Content-Type: application/json", *headers]
    if any(header.startswith("Content-Type") for header in headers):
        del lines[1]
    return "".join(f"{line}\r\n" for line in [*lines, "Connection: close", ""]).encode()


def _answer(connection: socket.socket, status: int, content: bytes, *headers: str) -> None:
    connection.sendall(_head(status, *headers, f"Content-Length: {len(content)}") + content)


# Serving.


def step(method: str, path: str) -> str:
    """Name the step of a lifecycle that a request is."""
    if path.startswith("/uploads/"):
        return "upload"
    if method == "POST":
        return "start" if path.endswith("/start") else "initiate"
    return "status"


def secured(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    """Wrap a connection in TLS, if that is set up."""
    return tls.wrap_socket(connection, server_side=True) if tls else connection


@contextmanager
def hostile(
    behaviour: Behaviour,
    *,
    at: str = "",
    nth: int = 1,
    upstream: str = "",
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """Yield the base URL of a hostile server that runs as long as the context.

    In front of the server ``upstream`` it is hostile from the ``nth`` request on that is the step
    ``at``; it hands on all others. Asking for the status of no build, which a gate does before
    anything else, is not a step.
    """
    seen: list[None] = []
    open_now: set[socket.socket] = set()

    def serve(accepted: socket.socket) -> None:
        with suppress(OSError), secured(accepted, tls) as connection:
            request = read_request(connection)
            if not request:
                return
            method, path = request.split(b" ", 2)[:2]
            current = step(method.decode(), path.decode())
            if upstream and (current != at or b"preflight" in path):
                _hand_on(connection, request, upstream)
                return
            seen.append(None)
            if upstream and len(seen) < nth:
                _hand_on(connection, request, upstream)
                return
            behaviour(connection)
        open_now.discard(accepted)

    def accept() -> None:
        with suppress(OSError):  # once the listener is closed
            while True:
                connection, _ = listener.accept()
                open_now.add(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for one in (listener, *open_now):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def read_request(connection: socket.socket) -> bytes:
    """Read one request, body and all; nothing if the connection ends before."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(2**16)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(2**16)
        if not more:
            return b""
        body += more
    return head + b"\r\nConnection: close\r\n\r\n" + body


def _hand_on(connection: socket.socket, request: bytes, upstream: str) -> None:
    where = urlsplit(upstream)
    with socket.create_connection((where.hostname or "", where.port or 80)) as server:
        server.sendall(request)
        while data := server.recv(2**16):
            connection.sendall(data)
