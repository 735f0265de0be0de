"""Checks uploaded contexts: small ones in this process, others in a child with limits.

A child is this interpreter without site packages, environment and signals of the terminal. It ends
once its standard input ends, and after some seconds of work, so none outlives a killed server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from . import build_check, context

# Reading a smaller context takes less time than starting a child.
SMALL = 2**16
_SMALL_UNPACKED = 2**17
# Seconds of processor time; a busy machine may take some times as long for it.
SECONDS = 15
_MOST_WAITED = 4.0
MEMORY = 256 * 2**20
# Once the server stops; it waits ten for open requests.
_LAST_SECONDS = 5.0
_MOST_CHILDREN = 2
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_CODE = "import sys; sys.path.append(sys.argv[1]); from reference.builder_child import run; run()"


class Builder:
    """Checks contexts, two at a time.

    Args:
        isolated: Whether a child checks every context, and is kept for the next one until ``stop``;
            otherwise small ones are checked in this process.
        seconds: Seconds that a child may work on a context.

    """

    def __init__(self, *, isolated: bool = False, seconds: int = SECONDS) -> None:
        self._isolated, self._seconds = isolated, seconds
        self._slots = threading.Semaphore(_MOST_CHILDREN)
        self._running = set[_Child]()
        self._idle: list[_Child] = []
        self._until = float("inf")

    async def failure(self, file: IO[bytes], size: int, path: str) -> str | None:
        """Return why a context of ``size`` bytes cannot be built, or None.

        Raises ``Refused`` if it is not a valid context, and ``OSError`` if no child can start.
        """
        if size < SMALL and not self._isolated:
            try:
                return build_check.of_context(file, size, path, _SMALL_UNPACKED)
            except context.TooLarge:
                file.seek(0)
        if len(path) > context.MOST_PATH:  # no entry has it
            return build_check.build_failure(None, path)
        return await asyncio.to_thread(self._by_child, file, size, path)

    def stop(self) -> None:
        """End the children that run, and give later ones a few seconds in all."""
        self._until = time.monotonic() + _LAST_SECONDS
        idle, self._idle = self._idle, []
        for child in idle:
            child.close()
        for child in self._running.copy():
            child.kill()

    def _by_child(self, file: IO[bytes], size: int, path: str) -> str | None:
        with self._slots:
            child = self._idle.pop() if self._idle else None
            if child is None or not child.is_alive():
                child = _Child(self._seconds)
            self._running.add(child)
            is_kept = False
            try:
                left = max(0.0, self._until - time.monotonic())
                seconds = min(_MOST_WAITED * self._seconds, left)
                answer = child.answer(file, size, path, seconds)
                is_kept = self._isolated and size < SMALL and child.is_alive()
            finally:
                self._running.remove(child)
                if is_kept:
                    self._idle.append(child)
                else:
                    child.close()
        if "refused" in answer:
            raise context.Refused(answer["refused"])
        failure: str | None = answer["failure"]
        return failure


class _Child:
    """A process that checks one context after another."""

    def __init__(self, seconds: int) -> None:
        command = [sys.executable, "-I", "-S"]
        if sys.pycache_prefix:
            command += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
        folder = str(Path(__file__).parents[1])
        self._seconds = seconds
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter)
            [*command, "-c", _CODE, folder, str(seconds), str(MEMORY)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )  # fmt: skip

    def answer(self, file: IO[bytes], size: int, path: str, seconds: float) -> dict[str, Any]:
        """Return ``failure`` of a context, or why it is ``refused``; it fails if the child ends."""
        sent, received = self._process.stdin, self._process.stdout
        assert sent is not None
        assert received is not None
        is_late = False

        def end() -> None:
            nonlocal is_late
            is_late = True
            self.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):  # it may have answered before it ended
                sent.write(json.dumps({"size": size, "path": path}).encode() + b"\n")
                shutil.copyfileobj(file, sent)
                sent.flush()
            line = received.readline()
        finally:
            timer.cancel()
        if line.endswith(b"\n"):
            return dict(json.loads(line))
        self.close()
        status = self._process.returncode
        if is_late or status == -getattr(signal, "SIGXCPU", 0):
            return {"failure": f"the context takes more than {self._seconds} seconds to check"}
        return {"failure": f"the check of the context ended with {status}"}

    def is_alive(self) -> bool:
        """Return whether it can check another context."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it; whoever waits for its answer closes it."""
        self._process.kill()

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._process.kill()
        with contextlib.suppress(BrokenPipeError), self._process:
            pass
