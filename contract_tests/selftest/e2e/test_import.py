"""What an import of the client loads: whoever imports it waits for that."""

from __future__ import annotations

import json
import subprocess
import sys

from ...contract.openapi import PATH

NAMES = """
import json, sys

def loaded():  # those in C are small, and which there are differs between versions of Python
    files = {name: getattr(one, "__file__", None) or "" for name, one in sys.modules.items()}
    return {name for name, file in files.items() if file.endswith(".py")}

for name in ("rich", "click"):  # for its command, httpx loads what it has found of these
    sys.modules[name] = None
import httpx, msgspec
before = loaded()
import prime_image_builds
imported = loaded()
import contextlib, io, pathlib, tempfile
with contextlib.redirect_stdout(io.StringIO()) as page:
    help(prime_image_builds)
with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "Dockerfile").write_text("FROM scratch")
    prime_image_builds.pack(folder).close()
print(json.dumps([sorted(imported - before), sorted(loaded() - imported), page.getvalue()]))
"""
SMALL = {"contextvars"}


def test_import_loads_no_module_that_only_some_callers_need() -> None:
    """Beyond httpx and msgspec, only modules of its own; those that pack when one packs."""
    done = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", NAMES], cwd=PATH.parent / "generated", check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    imported, later, page = json.loads(done.stdout)

    others = [name for name in imported if not name.startswith("prime_image_builds")]
    assert set(others) - SMALL == set()
    assert {"prime_image_builds._packing", "prime_image_builds._ignore", "tarfile"} <= {*later}
    assert "build_image(" in page
    assert "class Context" in page
