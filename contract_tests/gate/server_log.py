"""What a server prints: its start and its end are kept, and shown without secrets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import BinaryIO

from ..escape import lines

# Bytes that are kept, at the start and at the end: cleaning takes up to 100 times as much.
FIRST, LAST = 2**20, 4 * 2**20
# Characters that are dropped where the middle is left out: half a secret would not be recognized.
EDGE = 2**16
# Characters and lines that a failure shows.
TAIL, TAIL_LINES = 4000, 20


class ServerLog:
    """The bytes of a log, whose size is bounded whatever the server prints."""

    def __init__(self) -> None:
        self._first, self._last = bytearray(), bytearray()
        self._size = 0
        self._lock = threading.Lock()

    def read(self, stream: BinaryIO) -> None:
        """Take what a stream has, until it ends, and close it."""
        with stream:
            while chunk := stream.read(2**16):
                self.add(chunk)

    def add(self, chunk: bytes) -> None:
        """Take some bytes."""
        with self._lock:
            self._size += len(chunk)
            room = FIRST - len(self._first)
            self._first += chunk[:room]
            self._last += chunk[room:]
            if len(self._last) > 2 * LAST:
                del self._last[:-LAST]

    def clean(self, hide: Callable[[str], str]) -> str:
        """Return a log without the secrets, and without the middle of a large one."""
        with self._lock:
            first, last = bytes(self._first), bytes(self._last[-LAST:])
            left_out = self._size - len(first) - len(last)
        if not left_out:
            return hide(_text(first + last))
        note = f"[about {left_out + 2 * EDGE} bytes of the log are left out here]"
        return f"{hide(_text(first))[:-EDGE]}\n{note}\n{hide(_text(last))[EDGE:]}"

    def page(self, hide: Callable[[str], str]) -> str:
        """Return the content of a file."""
        return lines(self.clean(hide).expandtabs())

    def tail(self, hide: Callable[[str], str]) -> list[str]:
        """Return the last lines, without the secrets."""
        return self.clean(hide)[-TAIL:].strip().split("\n")[-TAIL_LINES:]


def _text(content: bytes) -> str:
    return content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
