"""Runs a server in this process, over a real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .serving import listening, server

__all__ = ["listening", "running"]


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Yield the base URL of a server that runs as long as the context."""
    with listening() as listener:
        embedded = server(app)
        thread = threading.Thread(target=embedded.run, args=([listener],), daemon=True)
        thread.start()
        until = time.monotonic() + 10
        while not embedded.started:
            if not thread.is_alive() or time.monotonic() > until:
                raise RuntimeError("the embedded server did not start")
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            embedded.should_exit = True
            thread.join(timeout=10)
