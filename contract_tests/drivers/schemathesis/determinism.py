"""Keeps what hypothesis generates a matter of the seed alone, and the disk as it is."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from hypothesis.configuration import set_hypothesis_home_dir, storage_directory
from hypothesis.internal import charmap
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

# Which characters an encoding has takes hypothesis seconds to find out, once in each home folder.
ENCODABLE = {
    "utf-8": [[0x0, 0xD7FF], [0xE000, 0x10FFFF]],
    "ascii": [[0x0, 0x7F]],
}


@contextmanager
def undisturbed() -> Iterator[None]:
    """Shut out what else is in this process, while the context lasts.

    hypothesis mixes in constants from the source of whatever modules happen to be loaded, and keeps
    caches in the working directory.
    """
    home = storage_directory().home_directory
    with (
        tempfile.TemporaryDirectory(prefix="contract-gate-") as folder,
        mock.patch.object(providers, "_get_local_constants", Constants),
        mock.patch.object(providers, "CONSTANTS_CACHE", LRUCache(1024)),
    ):
        set_hypothesis_home_dir(folder)
        try:
            _prepare()
            yield
        finally:
            set_hypothesis_home_dir(home)


def _prepare() -> None:
    for name, intervals in ENCODABLE.items():
        path = charmap.charmap_file(f"codec-v2-{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps([intervals, []]).encode(), mtime=0))
