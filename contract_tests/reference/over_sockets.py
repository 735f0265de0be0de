"""Runs a server in this process, over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .serving import listening, server

_START = 10.0


@contextmanager
def running(app: Any, *, names_itself: bool = True) -> Iterator[str]:
    """Yield the base URL of a server that runs as long as the context. See ``server``."""
    with listening() as listener:
        embedded = server(app, names_itself=names_itself)

        def run() -> None:
            try:
                embedded.run([listener])
            finally:
                embedded.is_up.set()  # also if it could not start

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        if not (embedded.is_up.wait(_START) and embedded.started):
            raise RuntimeError("the embedded server did not start")
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            embedded.should_exit = True
            thread.join(timeout=10)
