"""Builds the site of the documents in ``site``, and checks every link in it.

The pages are those of the tree, laid out as they are there, so that a link works on both. The
generator checks links from page to page; here is checked what it accepts: a page that is not in the
navigation, a link to any other file, and whatever a reader's browser would fetch elsewhere.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click

from contract_tests import cli, usage
from contract_tests.contract.openapi import PATH
from contract_tests.escape import show
from contract_tests.problems import Exit, Problem
from contract_tests.settings import PREFIX, SETTINGS, Setting
from scripts.dev.makefile import takes

ROOT = PATH.parent
SITE = ROOT / "site"
CONFIGURATION = "docs/zensical.toml"
GENERATOR = ROOT / ".venv-docs/bin/zensical"
# The pages, and what they link to.
CONTENT = ("*.md", "docs/**/*", "contract_tests/payloads/README.md", "openapi.yaml", "ci/*")
COMMANDS = f"""# Commands and settings

`make X` in a clone and `{usage.CONSOLE} X` of the package run the same command. make takes
variables, as in `make judge HAR=file`: those that are named below, and the settings. The options
are those of the package, and of `.venv/bin/python -m contract_tests X` in a clone.

## Commands"""
ABOUT_SETTINGS = f"""
## Settings

A setting is a variable of make's command line, and an option of the package. The package, the CI
script and pytest also read the setting `X` from the environment, as `{PREFIX}X`. make reads
`{PREFIX}TOKEN` alone from there, and any other `{PREFIX}X` is an error."""
FOREIGN = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//")


def main(root: Path = ROOT, site: Path = SITE) -> int:
    """Build the site of a tree; raise ``Problem``, and leave the old site, if a page is broken."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        pages = stage / "pages"
        for path in (path for pattern in CONTENT for path in root.glob(pattern) if path.is_file()):
            (pages / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, pages / path.relative_to(root))
        shutil.move(pages / CONFIGURATION, stage)
        configuration = tomllib.loads((root / CONFIGURATION).read_text("utf-8"))
        problems = [*not_in_navigation(pages, configuration["project"]["nav"])]
        if problems := problems or generate(stage) or broken(stage / "site"):
            fix = "correct the documents"
            raise Problem("the site is not built", fix, Exit.FOUND, problems)
        (stage / "site/sitemap.xml").unlink(missing_ok=True)  # empty, since no address is known
        shutil.rmtree(site, ignore_errors=True)
        shutil.move(stage / "site", site)
    folder = os.path.relpath(site)
    show(f"written   {folder}/index.html")
    show(f"to read   python3 -m http.server -d {folder} --bind 127.0.0.1  # the search needs it")
    return Exit.OK


def not_in_navigation(pages: Path, navigation: Any) -> Iterator[str]:
    """Yield each page that the navigation leaves out, and each that it has and there is not.

    The pages of the rules are in the index of theirs.
    """
    there = {path.relative_to(pages).as_posix() for path in pages.rglob("*.md")}
    named = {name for name in _leaves(navigation) if name.endswith(".md")}
    for name in sorted(named ^ there):
        if name in named or not re.fullmatch(r"docs/rules/[A-Z]\d+\.md", name):
            yield f"{CONFIGURATION}: {name} is " + ("not a page" if name in named else "not in nav")


def _leaves(navigation: Any) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
        return
    for one in navigation.values() if isinstance(navigation, dict) else navigation:
        yield from _leaves(one)


def generate(stage: Path) -> list[str]:
    """Run the generator; return what it prints if it fails."""
    done = subprocess.run(  # noqa: S603
        [GENERATOR, "build", "--strict"], cwd=stage, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.returncode:
        return []
    issues, _, trace = click.unstyle(done.stderr).partition("Traceback (most recent call last)")
    is_named = re.search(r"^[1-9]\d* issues? found", issues, re.MULTILINE)
    return (issues if is_named else trace).splitlines()


class _Page(HTMLParser):
    """Collects the anchors and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.anchors |= {text for name in ("id", "name") if (text := given.get(name))}
        self.links += [(tag, url) for name in ("href", "src") if (url := given.get(name))]


def broken(site: Path) -> list[str]:
    """Return each link that leads nowhere, and each file that a page would fetch elsewhere."""
    site = site.resolve()
    pages = {path: _Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    found = [
        f"{path.relative_to(site)}: {why}: {url}"
        for path, page in pages.items()
        for tag, url in page.links
        if (why := _wrong(site, path, tag, url, pages))
    ]
    styles = [path for path in site.rglob("*.css") if FOREIGN.search(path.read_text("utf-8"))]
    return found + [f"{path.relative_to(site)}: fetched from another host" for path in styles]


def _wrong(site: Path, page: Path, tag: str, url: str, pages: dict[Path, _Page]) -> str | None:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return "fetched from another host" if tag != "a" and parts.scheme != "data" else None
    path = unquote(parts.path)
    # The page of a 404 is shown at any path, and so names its files from the top.
    base = site if path[:1] == "/" else page.parent
    target = (base / path.lstrip("/")).resolve() if path else page
    if not target.is_file():
        return "no such file"
    known = pages.get(target)
    if parts.fragment and known and unquote(parts.fragment) not in known.anchors:
        return "no such anchor"
    return None


def commands() -> str:
    """Return the page of all commands and settings, from their declarations, as Markdown."""
    return "\n".join([*_commands(), *_settings()]) + "\n"


def _commands() -> Iterator[str]:
    yield COMMANDS
    variables = takes((ROOT / "Makefile").read_text("utf-8"))
    group = cli.commands.make_context(usage.CONSOLE, [], resilient_parsing=True)
    for name, command in cli.each():
        context = cli.commands.context_class(command, parent=group, info_name=name)
        yield from ("", f"### {name}", "", inspect.cleandoc(command.help or ""), "", "```text")
        yield from (" ".join(command.get_usage(context).split()), "```", "")
        taken = {one.name: one for one in SETTINGS.values() if name in one.commands}
        own = [one for one in variables.get(name, ()) if one not in taken]
        given = [_link(one) for one in taken.values()]
        yield f"make takes {_listed([f'`{one}`' for one in own])}. Settings: {_listed(given)}."
        helps = {usage.option(one.name): one.help for one in taken.values() if not one.is_secret}
        options = [one for one in command.params if isinstance(one, click.Option)]
        # A setting has its own text below, unless the command uses it otherwise.
        others = [one for one in options if helps.get(one.opts[0]) != one.help]
        records = [shown for one in others if (shown := one.get_help_record(context))]
        if records:
            yield from ("", "| option | what |", "|---|---|")
            yield from (f"| `{option}` | {what} |" for option, what in records)


def _settings() -> Iterator[str]:
    yield ABOUT_SETTINGS
    for one in SETTINGS.values():
        option = "not an option" if one.is_secret else f"`{usage.option(one.name)}`"
        yield from ("", f"### `{_heading(one)}`", "", one.help)
        yield from ("", f"{option}; for {', '.join(one.commands)}")


def _heading(one: Setting) -> str:
    return one.variable if one.is_secret else usage.setting(one.name, one.metavar or "1")


def _link(one: Setting) -> str:
    anchor = re.sub(r"[^\w-]", "", _heading(one).lower())
    return f"[{one.name}](#{anchor})"


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


if __name__ == "__main__":
    sys.exit(cli.run(click.Command("docs", callback=main), "docs"))
