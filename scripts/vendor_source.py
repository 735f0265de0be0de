"""Say what is vendored from a checkout, and from which state of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts import git
from scripts.vendor_check import ERROR, FORMAT, IGNORED, PACKAGE, Problem, sha256

MANIFEST = "generated/MANIFEST.json"
GENERATOR = "scripts/generate.py"
CHECK = "vendor_check.py"
# What stands in the copy and in no file of the checkout.
ATTRIBUTES = "# Line ends stay as they were vendored.\n* -text linguist-generated\n"
TESTING = '"""The reference server and the payload corpus, for tests."""\n'
TEST_FOLDERS = ("reference", "payloads")
TEST_MODULES = ("arguments.py", "documents.py", "problems.py", "process.py")
TEST_SUFFIXES = {".py", ".yaml", ".md"}
_COMMIT = re.compile("[0-9a-f]{40,64}")


class VendoredFile(NamedTuple):
    """One file of a copy: its bytes, and its path in the checkout; empty if it has none there."""

    content: bytes
    origin: str


def entries(root: Path, *, with_tests: bool) -> dict[str, VendoredFile]:
    """Return what a copy of a checkout holds, by the names in the copy.

    Raises ``Problem`` if the client there is not the one that its manifest and contract say.
    """
    manifest = _manifest(root)
    prefix = f"generated/{PACKAGE}/"
    found = {path.removeprefix(prefix): path for path in _files(root, prefix)}
    found |= {"LICENSE": "LICENSE", CHECK: f"scripts/{CHECK}"}
    if with_tests:
        for folder in TEST_FOLDERS:
            for path in _files(root, f"contract_tests/{folder}/"):
                if Path(path).suffix in TEST_SUFFIXES:
                    found[f"testing/{path.removeprefix('contract_tests/')}"] = path
        found |= {f"testing/{name}": f"contract_tests/{name}" for name in TEST_MODULES}
    told = {name: VendoredFile((root / path).read_bytes(), path) for name, path in found.items()}
    client = {
        one.origin: sha256(one.content) for one in told.values() if one.origin.startswith(prefix)
    }
    if client != {f"generated/{name}": digest for name, digest in manifest["files"].items()}:
        raise Problem(ERROR, f"the client in {root} is not what {MANIFEST} says", _anew(root))
    if sha256((root / "openapi.yaml").read_bytes()) != manifest["contract"]["sha256"]:
        raise Problem(ERROR, f"the client in {root} is stale against openapi.yaml", _anew(root))
    told[".gitattributes"] = VendoredFile(ATTRIBUTES.encode(), "")
    if with_tests:
        told["testing/__init__.py"] = VendoredFile(TESTING.encode(), "")
    return dict(sorted(told.items()))


def lock(root: Path, held: dict[str, VendoredFile], *, with_tests: bool) -> dict[str, Any]:
    """Return the lock of a copy that holds these files."""
    manifest = _manifest(root)
    return {
        "lock": FORMAT,
        "package": PACKAGE,
        "contract": manifest["contract"],
        "source": {"commit": commit(root)},
        "generator": {"sha256": sha256((root / GENERATOR).read_bytes()), **manifest["tools"]},
        "templates": manifest["templates"],
        "with_tests": with_tests,
        "files": {name: sha256(entry.content) for name, entry in held.items()},
    }


def commit(root: Path) -> str:
    """Return the commit of a checkout, with ``+dirty`` if what is vendored differs from it.

    Outside of git it is ``unknown``; so it is in a folder that another project's git holds.
    """
    head = git.output(root, "rev-parse", "HEAD")
    if not head or not git.is_top(root):
        return "unknown"
    tests = [f"contract_tests/{name}" for name in (*TEST_FOLDERS, *TEST_MODULES)]
    sources = ["openapi.yaml", "generated", "scripts", "LICENSE", *tests]
    dirty = git.output(root, "status", "--porcelain", "--untracked-files=all", "--", *sources)
    return head.decode().strip() + ("+dirty" if dirty != b"" else "")


def original(root: Path, entry: VendoredFile | None, digest: str, commit: str) -> bytes | None:
    """Return a file as it was vendored, of the checkout or its history; None if neither has it."""
    if entry is None:
        return None
    if sha256(entry.content) == digest:
        return entry.content
    # A lock is anybody's text: no commit in it may be an option of git.
    past = (
        git.output(root, "show", f"{commit}:{entry.origin}") if _COMMIT.fullmatch(commit) else None
    )
    return past if past is not None and sha256(past) == digest else None


def _files(root: Path, folder: str) -> Iterator[str]:
    for path in sorted((root / folder).rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and not IGNORED & set(name.parts):
            yield name.as_posix()


def _anew(root: Path) -> str:
    """Return what makes the client of a checkout fresh; an installed package has no makefile."""
    return "make generate" if (root / "Makefile").is_file() else "install the package anew"


def _manifest(root: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        known = {"contract", "tools", "templates", "files"} <= set(manifest)
    except (OSError, ValueError, TypeError) as error:
        raise Problem(ERROR, f"{root} is no checkout: {error}", "give --source dir") from error
    if not known:
        raise Problem(ERROR, f"{root / MANIFEST} is not whole", _anew(root))
    return dict(manifest)
