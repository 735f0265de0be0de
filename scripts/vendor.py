"""Copy the client into a project, or tell how a copy stands. Standard library only.

Usage: vendor.py copy DEST [--with-tests] [--force] | check PATH [--json]

DEST is the folder that holds the package. Exit codes: 0 done or fresh, 1 an update is available,
edited or broken, 4 cannot tell.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from contract_tests import process, usage  # noqa: E402
from contract_tests.arguments import Parser  # noqa: E402
from scripts import vendor_check as checking  # noqa: E402
from scripts.generation import swap  # noqa: E402
from scripts.vendor_check import (  # noqa: E402
    BROKEN,
    EDITED,
    EDITS,
    ERROR,
    LOCK,
    PACKAGE,
    UPDATE,
    Problem,
)
from scripts.vendor_source import VendoredFile, entries, lock, original  # noqa: E402

ABOUT = {
    "copy": "Copy the client into a project, or update the copy there.",
    "check": "Check whether a vendored copy is edited, broken or outdated.",
}
# Of the edits that a copy would overwrite, so many lines are shown: of a file, and of all.
LINES_OF_FILE, LINES = 40, 200


def copy(root: Path, destination: Path, *, with_tests: bool | None, force: bool) -> str:
    """Copy the client of a checkout into a folder; return what was done, and what is new.

    Args:
        root: The checkout.
        destination: The folder that holds the package, or will.
        with_tests: Whether the reference server and the payload corpus come along; None for as
            the copy there has it.
        force: Overwrite local edits.

    Raises ``Problem`` if the copy there was edited, or is none, unless forced.

    """
    package = _package(root, destination)
    before, told = _before(package)
    edits = {name: way for name, way in told.items() if way in EDITS}
    if with_tests is None:
        with_tests = bool(before.get("with_tests", False))
    held = entries(root, with_tests=with_tests)
    shown = _shown(root, package, before, edits) if edits else ""
    if edits and not force:
        raise Problem(
            EDITED if before else BROKEN,
            f"{package} " + ("was edited" if before else "is no copy of ours") + shown,
            "keep that elsewhere, then vendor with --force, which overwrites it",
        )
    after = lock(root, held, with_tests=with_tests)
    if before and not told and not news(before, after):
        return f"nothing to do: {package} is contract {after['contract']['version']}"
    package.parent.mkdir(parents=True, exist_ok=True)
    with swap.staging(package.parent, f".{PACKAGE}.vendor-") as folder:
        _write(folder / "fresh", held, after)
        swap.replace(folder / "fresh", package)
    lost = f"\noverwritten, by --force:{shown}" if edits else ""
    mended = [f"restored  {name}" for name, way in told.items() if way not in EDITS]
    return "\n".join([f"vendored: {package}", *changes(before, after), *mended]) + lost


def _package(root: Path, destination: Path) -> Path:
    """Return where the package goes. Raises ``Problem`` if it cannot go there."""
    if (destination / LOCK).is_file():
        inside = f"{destination} is a copy itself"
        raise Problem(ERROR, inside, f"give the folder that holds it: {destination.parent}")
    # A link to the folder is followed, so that all renames stay in one file system.
    package = Path(os.path.realpath(destination)) / PACKAGE
    for path in (package.parent, *package.parent.parents):
        if path.exists() and not path.is_dir():
            raise Problem(ERROR, f"{path} is a file", "give a folder, or the name of a new one")
    if package.is_symlink() or (package.exists() and not package.is_dir()):
        raise Problem(ERROR, f"{package} is a link or a file", "move it away, and run again")
    source = root.resolve()
    if source in package.parents or package in (source, *source.parents):
        raise Problem(
            ERROR,
            f"{package} and the checkout {source} lie in one another",
            "give a folder of your project",
        )
    return package


def _before(package: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the lock of the copy that is there, and what differs from it."""
    try:
        before = checking.read_lock(package)
    except Problem:
        return {}, checking.differences(package, {}) if package.is_dir() else {}
    return before, checking.differences(package, before["files"])


def _shown(root: Path, package: Path, before: dict[str, Any], edits: dict[str, str]) -> str:
    """Return the list of edits, and their text as far as the vendored text is known."""
    lines = checking.listed(edits)
    if before:
        everything = entries(root, with_tests=True)
        commit = checking.commit_of(before).removesuffix("+dirty")
        for name in (name for name, way in edits.items() if way == "edited"):
            vendored = original(root, everything.get(name), before["files"][name], commit)
            lines += _diff(name, vendored, package / name)
    if len(lines) > LINES:
        lines[LINES:] = [f"… {len(lines) - LINES} more lines"]
    return "".join(f"\n{line}" for line in lines)


def _diff(name: str, vendored: bytes | None, path: Path) -> list[str]:
    if vendored is None:
        return [f"(the text of {name} as vendored is not at hand)"]
    if not path.is_file():
        return [f"({name} is no file any more)"]
    was, now = (_lines(content) for content in (vendored, path.read_bytes()))
    names = f"vendored/{name}", f"edited/{name}"
    lines = list(difflib.unified_diff(was, now, *names, lineterm="", n=1))
    if len(lines) > LINES_OF_FILE:
        lines[LINES_OF_FILE:] = [f"… {len(lines) - LINES_OF_FILE} more lines of {name}"]
    return lines or [f"({name} differs in its line ends)"]


def _lines(content: bytes) -> list[str]:
    """Return the lines of a text, without what a terminal would obey."""
    return [
        "".join(
            one if one.isprintable() or one == "\t" else "\N{REPLACEMENT CHARACTER}" for one in line
        )
        for line in content.decode(errors="replace").splitlines()
    ]


def _write(folder: Path, held: dict[str, VendoredFile], after: dict[str, Any]) -> None:
    for name, entry in held.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.content)
    text = json.dumps(after, indent=2, ensure_ascii=False) + "\n"
    (folder / LOCK).write_bytes(text.encode())


def news(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Tell what differs between the files and contracts of two locks."""
    was, now = before.get("files", {}), after["files"]
    ways = dict.fromkeys(now.keys() - was.keys(), "added")
    ways |= dict.fromkeys(was.keys() - now.keys(), "removed")
    ways |= {name: "changed" for name in now.keys() & was.keys() if now[name] != was[name]}
    lines = [f"{way:<9} {name}" for name, way in sorted(ways.items())]
    if before.get("contract") != after["contract"]:
        lines.insert(0, f"contract  {_versions(before, after)}")
    return lines


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Tell what a copy changed: its contract, its source, its files."""
    if not before:
        version, commit = after["contract"]["version"], after["source"]["commit"]
        return [f"contract  {version}", f"source    {commit}", f"files     {len(after['files'])}"]
    lines = news(before, after)
    was, now = checking.commit_of(before), checking.commit_of(after)
    if was != now:
        lines.append(f"source    {was} → {now}")
    return lines or ["as it was vendored before"]


def _versions(before: dict[str, Any], after: dict[str, Any]) -> str:
    was, now = before["contract"]["version"], after["contract"]["version"]
    return f"{was} → {now}" if was != now else f"{now}, changed"


def check(root: Path, package: Path) -> str:
    """Return a sentence on a fresh copy. Raises ``Problem`` if it is not, or could be newer."""
    fresh = checking.check(package)
    before = checking.read_lock(package)
    with_tests = bool(before.get("with_tests", False))
    after = lock(root, entries(root, with_tests=with_tests), with_tests=with_tests)
    told = news(before, after)
    if not told:
        return fresh
    if _number(after) < _number(before):
        return f"{fresh}; the checkout {root} is older: contract {_versions(before, after)}"
    raise Problem(
        UPDATE,
        "\n".join([f"an update of {package} is available", *told]),
        usage.command("vendor", DEST=str(package.parent))
        if usage.is_console()
        else shlex.join(["python", str(root / "scripts/vendor.py"), "copy", str(package.parent)]),
    )


def _number(of: dict[str, Any]) -> list[int]:
    """Return the version of a contract as what can be compared."""
    parts = of["contract"]["version"].partition("-")[0].split(".")
    return [int(part) if part.isdecimal() else 0 for part in parts]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    both = Parser(prog="vendor.py", description="Copy the client into a project, or check a copy.")
    both.add_argument("command", choices=ABOUT, help="; ".join(ABOUT.values()))
    both.add_argument("rest", nargs=argparse.REMAINDER, help="see vendor.py copy --help")
    chosen = both.parse_args(arguments)
    options = parser(f"vendor.py {chosen.command}", chosen.command).parse_args(chosen.rest)
    as_json = chosen.command == "check" and options.json
    done = checking.checked(lambda: _run(chosen.command, options))
    return checking.show(done, as_json=as_json)


def _run(command: str, options: argparse.Namespace) -> str:
    if not options.path:
        name = "vendor" if command == "copy" else "vendor-check"
        raise Problem(ERROR, "no folder is named", usage.command(name, DEST="FOLDER"))
    path = Path(options.path)
    if command == "check":
        return check(options.source, checking.locate(path))
    return copy(options.source, path, with_tests=options.with_tests, force=options.force)


def parser(prog: str, command: str) -> Parser:
    """Say what the command line of one of the two commands takes."""
    made = Parser(prog=prog, description=ABOUT[command])
    add = made.add_argument
    if command == "copy":
        add("path", metavar="DEST", help="the folder that holds the package")
        add("--with-tests", action=argparse.BooleanOptionalAction, default=None,
            help="the reference server and the payload corpus too (kept by an update)")  # fmt: skip
        add("--force", action="store_true", help="overwrite local edits")
    else:
        add("path", metavar="PATH", help="the copy, or the folder that holds it")
        add("--json", action="store_true", help="print JSON: state and text")
    add("--source", type=Path, default=ROOT, metavar="DIR",
        help="the checkout to copy from (default: this one)")  # fmt: skip
    return made


if __name__ == "__main__":
    process.run(main)
