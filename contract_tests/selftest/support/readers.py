"""Reads what this project prints and writes, as its readers do, and finds what was forged in it.

Hostile texts have ``FORGED`` where a reader must not meet them: at the beginning of a line of a
terminal, outside of code in Markdown, as a command of a CI system. A function of this module
returns what is wrong, or nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from html.parser import HTMLParser
from xml.etree import ElementTree

from markdown_it import MarkdownIt

MARK = "FORGED"
# What GitHub's runner obeys at the start of a line, and what it and others obey anywhere.
_AT_START = re.compile(r"\s*::")
_ANYWHERE = re.compile(r"##\w*\[", re.ASCII)
_ELEMENTS = {
    "html", "head", "meta", "title", "style", "script", "body", "header", "nav", "main", "section",
    "article", "h1", "h2", "h3", "h4", "p", "pre", "code", "mark", "span", "strong", "a", "div",
    "dl", "dt", "dd", "ul", "ol", "li", "details", "summary", "form", "label", "select", "option",
    "button", "output", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure",
    "figcaption", "svg", "path", "circle", "ins", "del",
}  # fmt: skip
_SHOWN = ("fence", "code_inline", "code_block")
_ACTIVE = ("html_block", "html_inline", "link_open", "image", "hr", "blockquote_open")


def terminal(text: str) -> str | None:
    """Return what a terminal or a CI system would obey in a text, or a line that is not ours."""
    for line in text.split("\n"):
        if not line.isprintable():
            return f"not printable: {line!r}"
        if re.search("[\u034f\u115f\u1160\u2800\u3164\uffa0]", line):
            return f"not visible: {line!r}"
        if _AT_START.match(line) or _ANYWHERE.search(line):
            return f"a command: {line!r}"
        if re.match(rf"\s*{MARK}", line):
            return f"a line of theirs: {line!r}"
    return None


def commands(output: str) -> list[tuple[str, str]]:
    """Return name and data of each command that GitHub's runner executes in an output."""
    found: list[tuple[str, str]] = []
    token = None
    for line in output.splitlines():
        command = re.match(r"\s*::([\w-]+)([^:]*|.*?)::(.*)", line) or re.search(
            r"##\[([\w-]+)(.*?)\](.*)", line
        )
        if command is None:
            continue
        if token is not None:
            token = None if command[1] == token else token
        elif command[1] == "stop-commands":
            token = command[3]
        else:
            found.append((command[1], _data(command[3])))
    return found


def _data(text: str) -> str:
    for sign, escape in (("\r", "%0D"), ("\n", "%0A"), ("%", "%25")):
        text = text.replace(escape, sign)
    return text


def outputs(text: str) -> dict[str, str]:
    """Return the outputs of a step, as GitHub's runner reads its file."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))  # the runner ends a line elsewhere on no system of ours
    for line in lines:
        name, sign, value = re.match(r"([^=<]*)(=|<<)?(.*)", line).groups()  # type: ignore[union-attr]
        if sign == "<<":
            value = "\n".join(iter(lines.__next__, value))
        if name or sign:
            found[name] = value
    return found


def markdown(page: str) -> str | None:
    """Return what a page of Markdown shows, beside code, that is not ours."""
    tokens = MarkdownIt("gfm-like", {"html": True}).parse(page)
    for token in (one for parent in tokens for one in (parent, *(parent.children or ()))):
        if token.type in _ACTIVE:
            return f"active: {token.type} {token.content!r}"
        if MARK in token.content and token.type not in _SHOWN and not token.children:
            return f"outside of code: {token.content!r}"
    return None


class _Page(HTMLParser):
    """Collects what a page has that is not ours."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.texts: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"active: {tag} {name}")
            if name in ("href", "src", "action", "srcset") and not (value or "").startswith("#"):
                self.wrong.append(f"leads elsewhere: {tag} {name}={value!r}")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"a comment: {data!r}")

    def handle_data(self, data: str) -> None:
        if self.lasttag not in ("style", "script"):
            self.texts.append(data)


def html(page: str) -> str | None:
    """Return what a page of HTML has that is not ours: an element, an address, an event."""
    found = _Page()
    found.feed(page)
    found.close()
    if found.wrong:
        return found.wrong[0]
    if unknown := set(found.tags) - _ELEMENTS:
        return f"elements: {unknown}"
    if any(found.tags[one] != 1 for one in ("html", "head", "body", "script", "style")):
        return f"not one of each: {found.tags}"
    for one in found.texts:
        if not one.replace("\n", " ").isprintable():
            return f"not printable: {one!r}"
    return None


def junit(page: str, cases: Iterable[object]) -> str | None:
    """Return what is wrong with a JUnit file that has to have these cases."""
    root = ElementTree.fromstring(page.encode())  # noqa: S314 (our own; entities are refused)
    if len(root.findall("testsuite/testcase")) != len(list(cases)):
        return "not its cases"
    texts = [text for one in root.iter() for text in (one.text or "", *one.attrib.values())]
    return next(filter(None, map(terminal, texts)), None)


def as_json(text: str) -> str | None:
    """Return what is wrong with JSON that can be printed."""
    json.loads(text)
    return terminal(text) if text.isascii() else "not ASCII"
