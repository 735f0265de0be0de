"""What all tests of this project share."""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import settings

from .. import process
from ..usage import VARIABLE

# The same examples in each run: what passes here passes there. `make fuzz` draws new ones.
settings.load_profile("ci")


def pytest_collection_finish() -> None:
    """Let the garbage collector run seldom, and pass over some thousand collected tests."""
    gc.freeze()
    process.collect_seldom()


@pytest.fixture(scope="session", autouse=True)
def _certificates() -> Iterator[None]:
    """Load the certificates of this machine once; httpx does so for each client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(autouse=True)
def _usage() -> Iterator[None]:
    """Write commands alike below make and without it; a command that a test calls sets it."""
    before = os.environ.pop(VARIABLE, None)
    yield
    if before is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = before
