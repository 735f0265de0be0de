"""What is vendored: the files of a checkout or of an installed package, and the lock of a copy."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

from ..problems import Problem
from ..usage import DISTRIBUTION
from . import git
from .vendor_check import FORMAT, IGNORED, PACKAGE, sha256

CHECK = "vendor_check.py"
# Files of a copy that are not files of the source.
ATTRIBUTES = b"# Line ends stay as they were vendored.\n* -text linguist-generated\n"
TESTING = b'"""The reference server and the payload corpus, for tests."""\n'
TEST_FOLDERS = ("reference", "payloads")
TEST_MODULES = ("nearest.py", "contract/documents.py", "problems.py", "escape.py")
TEST_SUFFIXES = {".py", ".yaml", ".md"}


class Source(NamedTuple):
    """Where the files to vendor are."""

    root: Path
    client: Path
    tests: Path
    contract: Path
    manifest: Path
    license: Path

    def files(self, *, with_tests: bool) -> dict[str, bytes]:
        """Return the files of a copy, by their names in it.

        Raises ``Problem`` if the client is not the one of its manifest and contract.
        """
        manifest = self.read_manifest()
        found = {name: path.read_bytes() for name, path in _files(self.client)}
        digests = {f"{PACKAGE}/{name}": sha256(content) for name, content in found.items()}
        if digests != manifest["files"]:
            raise Problem(f"the client in {self.root} differs from its manifest", self._renew())
        if sha256(self.contract.read_bytes()) != manifest["contract"]["sha256"]:
            raise Problem(f"the client in {self.root} is stale against openapi.yaml", self._renew())
        found["LICENSE"] = self.license.read_bytes()
        found[CHECK] = (self.tests / "vendoring" / CHECK).read_bytes()
        found[".gitattributes"] = ATTRIBUTES
        if with_tests:
            found["testing/__init__.py"] = TESTING
            found["testing/contract/__init__.py"] = b""
            for name in TEST_MODULES:
                found[f"testing/{name}"] = (self.tests / name).read_bytes()
            for folder in TEST_FOLDERS:
                for name, path in _files(self.tests / folder):
                    if path.suffix in TEST_SUFFIXES:
                        found[f"testing/{folder}/{name}"] = path.read_bytes()
        return dict(sorted(found.items()))

    def lock(self, files: dict[str, bytes], *, with_tests: bool) -> dict[str, Any]:
        """Return the lock of a copy with these files."""
        manifest = self.read_manifest()
        generator = dict(manifest["tools"])
        if (script := self.root / "scripts/generate.py").is_file():
            generator["sha256"] = sha256(script.read_bytes())
        return {
            "lock": FORMAT,
            "package": PACKAGE,
            "contract": manifest["contract"],
            "source": {"commit": self.commit()},
            "generator": generator,
            "templates": manifest["templates"],
            "with_tests": with_tests,
            "files": digests(files),
        }

    def commit(self) -> str:
        """Return the commit, with ``+dirty`` if files to vendor are not committed.

        Of an installed package, the commit that it was installed from, if from git. ``unknown``
        otherwise, and in a folder inside another project's clone.
        """
        if (self.root / PACKAGE).is_dir():
            return _installed_from(self.root)
        head = git.output(self.root, "rev-parse", "HEAD")
        if not head or not git.is_top(self.root):
            return "unknown"
        names = [*self._names(), "scripts"]
        dirty = git.output(self.root, "status", "--porcelain", "-uall", "--", *names)
        return head.decode().strip() + ("+dirty" if dirty != b"" else "")

    def made(self, *, with_tests: bool) -> dict[str, Any]:
        """Return contract and files of a copy, as locks have them. Raises ``Problem``."""
        files = self.files(with_tests=with_tests)
        return {"contract": self.read_manifest()["contract"], "files": digests(files)}

    def made_at(self, commit: str, *, with_tests: bool) -> dict[str, Any] | None:
        """Return the same of a copy that a commit vendors.

        None if the commit cannot be had: this is not a clone, or the commit is not of its history,
        or nothing could be vendored from it.
        """
        if not git.is_top(self.root) or not git.is_published(self.root, commit):
            return None
        with tempfile.TemporaryDirectory() as folder, suppress(Problem, OSError):
            for name, content in git.files(self.root, commit, self._names()).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            return find(Path(folder)).made(with_tests=with_tests)
        return None

    def _names(self) -> list[str]:
        """Return what is vendored, as names that git knows."""
        tests = [self.tests / name for name in (*TEST_FOLDERS, *TEST_MODULES, f"vendoring/{CHECK}")]
        paths = [self.contract, self.client.parent, self.license, *tests]
        return [path.relative_to(self.root).as_posix() for path in paths]

    def read_manifest(self) -> dict[str, Any]:
        """Return what the client was made from. Raises ``Problem``."""
        try:
            manifest = json.loads(self.manifest.read_text(encoding="utf-8"))
            is_complete = {"contract", "tools", "templates", "files"} <= {*manifest}
        except (OSError, ValueError, TypeError) as error:
            fix = "give the folder of a checkout"
            raise Problem(f"{self.root} is not a checkout: {error}", fix) from error
        if not is_complete:
            raise Problem(f"{self.manifest} is not complete", self._renew())
        return dict(manifest)

    def _renew(self) -> str:
        is_checkout = (self.root / "Makefile").is_file()
        return "make generate" if is_checkout else "install the package anew"


def find(root: Path) -> Source:
    """Return the source in a folder: a checkout, or where the package was installed."""
    tests = root / "contract_tests"
    if (root / PACKAGE).is_dir():
        package = tests / "vendoring"
        return Source(
            root, root / PACKAGE, tests, tests / "openapi.yaml", package / "MANIFEST.json",
            package / "LICENSE",
        )  # fmt: skip
    return Source(
        root, root / "generated" / PACKAGE, tests, root / "openapi.yaml",
        root / "generated/MANIFEST.json", root / "LICENSE",
    )  # fmt: skip


def _installed_from(root: Path) -> str:
    """Return the commit that the package in a folder was installed from, or ``unknown``.

    Installers record it by PEP 610, in ``direct_url.json`` beside the metadata.
    """
    for one in distributions(name=DISTRIBUTION, path=[str(root)]):
        with suppress(ValueError, TypeError, KeyError):
            commit = json.loads(one.read_text("direct_url.json") or "{}")["vcs_info"]["commit_id"]
            if re.fullmatch("[0-9a-f]{40,64}", commit):
                return str(commit)
    return "unknown"


def digests(files: dict[str, bytes]) -> dict[str, str]:
    """Return the digest of each file."""
    return {name: sha256(content) for name, content in files.items()}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not IGNORED & {*name.parts}:
            yield name.as_posix(), path
