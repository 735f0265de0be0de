"""Text of others is escaped where it is written, and nothing is written around that."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from prime_image_builds._text import printable

from ... import escape
from ...contract.openapi import PATH
from ...problems import Problem
from ...vendoring import vendor_check
from ..support import readers
from ..support.attacks.foreign_text import TEXTS

ROOT = PATH.parent
PRINTS = {
    "print", "echo", "secho", "write_line", "print_exc", "print_exception", "warn", "write_text",
    "writelines",
}  # fmt: skip
"""What puts a text before a reader."""
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
WRITERS = {
    "contract_tests/escape.py": "the door: escape.show",
    "contract_tests/__main__.py": "one word of ours, before anything else is loaded",
    "contract_tests/report/files.py": "the pages of the reports, which are escaped",
    "contract_tests/conftest.py": "write_line, a line each, escaped",
    "contract_tests/process.py": "replaces the streams",
    "contract_tests/program.py": "secho, for colours, escaped",
    "contract_tests/reference/builder_child.py": "JSON, for its parent",
    "contract_tests/report/terminal.py": "progress, on one line, escaped",
    "contract_tests/vendoring/vendor_check.py": "stands alone in a copy; escapes by itself",
    "scripts/ci/commands.py": "commands of GitHub, escaped as such",
    "scripts/ci/gate.py": "server.log, escaped",
    "scripts/generate.py": "files of the client; the output of its tools",
    "scripts/generation/client_check.py": "JSON, for scripts/generate.py",
    "scripts/release/check.py": "files of this project",
}
"""The modules that write by themselves, with the reason."""


def written(path: Path) -> Iterator[str]:
    """Yield the names by which a module prints or writes a text."""
    for node in ast.walk(ast.parse(path.read_text())):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name in PRINTS or (name in STREAMS and ast.unparse(node) == f"sys.{name}"):
            yield name


def test_nothing_is_printed_around_escape() -> None:
    """Another module prints with ``escape.show``; one that stopped leaves the table."""
    modules = [*(ROOT / "contract_tests").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    found = {
        name: [*written(path)]
        for path in modules
        if (name := path.relative_to(ROOT).as_posix())
        and not name.startswith(("contract_tests/selftest/", "scripts/dev/"))
    }

    assert {name: calls for name, calls in found.items() if calls and name not in WRITERS} == {}
    assert [name for name in WRITERS if not found[name]] == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_foreign_text_stays_on_its_line(text: str) -> None:
    """On a terminal, as several lines, in JSON, in a copy's check, in the client's errors."""
    shown = escape.line(text)

    assert "\n" not in shown
    assert readers.terminal(f"ours {shown}") is None
    assert escape.line(shown) == shown
    assert vendor_check._line(text) == shown
    assert readers.terminal(f"ours {printable(text)}") is None
    assert readers.as_json(escape.as_json({text: text})) is None
    assert readers.commands(escape.lines(text)) == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_foreign_text_is_code_in_markdown(text: str) -> None:
    """In a heading, an item, a cell and a block: with all that is around it still ours."""
    code, block = escape.code(text), escape.fenced(text)
    table = f"| a | b |\n|---|---|\n| {code} | {code} |"
    page = f"# a {code} b\n\n- {code}\n\n{table}\n\n{block}\n\nend\n"
    tokens = MarkdownIt("gfm-like", {"html": True}).parse(page)

    assert readers.markdown(page) is None
    assert [one.content for one in tokens if one.type == "fence"] == [escape.lines(text) + "\n"]
    assert [one.type for one in tokens].count("td_open") == 2
    assert tokens[-2].content == "end"


def test_ordinary_text_is_as_it_was() -> None:
    """Other scripts, URLs, quotes and brackets are harmless."""
    text = "Größe 日本 😀 https://example.org/a?b#c [x] <y> 'z' \\n 100% a::b ## c"

    assert escape.line(text) == text == printable(text)
    assert escape.code("") == "` `"


def test_problem_keeps_its_lines() -> None:
    """What others wrote in a problem forges no line of it, and no fix."""
    shown = str(Problem("no\nfix: x", "do\r\nthis", details=["a\nb", "\x1b[2K::error::"]))

    assert shown.split("\n") == [
        "problem: no\\nfix: x", "a\\nb", "\\u001b[2K::error::", "    fix: do\\r\\nthis",
    ]  # fmt: skip
