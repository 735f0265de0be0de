"""Copy the client into a project, or tell whether a copy was edited. Standard library only.

Usage: vendor.py copy DEST | check DEST

DEST is the folder that holds the package. Exit codes: 0 done or as vendored, 5 edited, 6 broken.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parent.parent / "generated"
PACKAGE = "prime_image_builds"
MANIFEST = "MANIFEST.json"
DONE, EDITED, BROKEN = 0, 5, 6


class BrokenError(Exception):
    """Nothing can be said or done; the text says why, and the mend."""


def copy(destination: Path, *, force: bool) -> str:
    """Copy the client with its manifest into a folder; an interrupted run leaves the old copy.

    Raises ``BrokenError`` if the copy there was edited, unless forced.
    """
    package = destination / PACKAGE
    if package.exists() and not force:
        edits = differences(package) if (package / MANIFEST).is_file() else ["no manifest"]
        if edits:
            raise BrokenError(
                f"problem: {package} is no untouched copy:\n" + "\n".join(edits)
                + "\n    fix: keep those edits elsewhere, or copy with --force"
            )  # fmt: skip
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=destination) as folder:
        fresh = Path(folder) / PACKAGE
        shutil.copytree(SOURCE / PACKAGE, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(SOURCE / MANIFEST, fresh / MANIFEST)
        if package.exists():
            package.rename(Path(folder) / "old")
        fresh.rename(package)
    version = _manifest(package)["contract"]["version"]
    return f"{package} is the client of contract {version}"


def differences(package: Path) -> list[str]:
    """Tell each file of a copy that is not as its manifest says."""
    wanted = {
        name.removeprefix(f"{PACKAGE}/"): digest
        for name, digest in _manifest(package)["files"].items()
    }
    found = {
        path.relative_to(package).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != MANIFEST
    }
    told = [f"missing   {name}" for name in wanted if name not in found]
    told += [f"orphaned  {name}" for name in found if name not in wanted]
    told += [f"edited    {name}" for name in found if wanted.get(name, found[name]) != found[name]]
    return sorted(told)


def _manifest(package: Path) -> dict[str, Any]:
    path = package / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest["files"], dict) or not manifest["contract"]["version"]:
            raise TypeError("it lists no files")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenError(
            f"problem: {path} cannot be read: {error}\n    fix: vendor the client anew"
        ) from error
    return dict(manifest)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="vendor.py", description=str(__doc__).split("\n")[0])
    parser.add_argument("command", choices=["copy", "check"])
    parser.add_argument("destination", metavar="DEST", help="the folder that holds the package")
    parser.add_argument("--force", action="store_true", help="overwrite a copy that was edited")
    options = parser.parse_args(arguments)
    if not options.destination:
        print("problem: no folder to vendor into\n    fix: DEST=dir", file=sys.stderr)  # noqa: T201
        return BROKEN
    destination = Path(options.destination)
    package = destination / PACKAGE
    try:
        if options.command == "copy":
            print(copy(destination, force=options.force))  # noqa: T201
            return DONE
        edits = differences(package)
        version = _manifest(package)["contract"]["version"]
    except (BrokenError, OSError) as broken:
        print(broken, file=sys.stderr)  # noqa: T201
        return BROKEN
    if edits:
        print("\n".join([f"problem: {package} was edited", *edits]))  # noqa: T201
        print("    fix: vendor it anew with --force, or take the edits upstream")  # noqa: T201
        return EDITED
    print(f"{package} is as it was vendored: contract {version}")  # noqa: T201
    return DONE


if __name__ == "__main__":
    sys.exit(main())
