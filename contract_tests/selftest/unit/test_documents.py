"""One reading of YAML for all: what it gives, and what it refuses, with the place."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ...contract.documents import AmbiguousDocumentError, DocumentError, load, read
from ...contract.openapi import PATH

ROOT = PATH.parent

VALUES: dict[str, Any] = {
    "on": "on", "off": "off", "yes": "yes", "No": "No", "y": "y",
    "true": True, "True": True, "FALSE": False, "tRue": "tRue",
    "~": None, "null": None, "Null": None, "": None, "none": "none",
    "2026-11-24": "2026-11-24", "2026-11-24T09:00:00Z": "2026-11-24T09:00:00Z",
    "12:30": "12:30", "1:2:3": "1:2:3",
    "7": 7, "-7": -7, "+7": 7, "010": 10, "0o10": 8, "0x1F": 31, "0b1": "0b1", "1_000": "1_000",
    "1.5": 1.5, "1.": 1.0, ".5": 0.5, "1e3": 1000.0, "-1.5E-3": -0.0015, "1.0.0": "1.0.0",
    "'7'": "7", '"true"': "true", "!!str 7": "7", "!!int '7'": 7, "!!float 7": 7.0,
    "!!null ''": None, "=": "=", "'<<'": "<<", "NaN": "NaN",
    r'"\ud83d\ude00"': "😀", r"'\d'": r"\d",
}  # fmt: skip


@pytest.mark.parametrize("text", list(VALUES))
def test_scalar_is_resolved_by_the_core_schema_of_yaml_1_2(text: str) -> None:
    """Alone, in a mapping, and in a list."""
    value = VALUES[text]
    found = [read(f"a: {text}")["a"], read(f"- {text}")[0], read(f"{{a: [b, {text} ]}}")["a"][-1]]

    assert found == [value, value, value if text else "b"]
    assert {type(one) for one in found[:2]} == {type(value)}


def test_keys_are_texts() -> None:
    """As OpenAPI 3.1 wants them: a status without quotes is one, and so is on."""
    text = "200: a\non: b\n1.0: c\n~: d\n2026-11-24: e\n'on ': f\n"

    assert list(read(text)) == ["200", "on", "1.0", "~", "2026-11-24", "on "]


REFUSED: dict[str, tuple[str | bytes, tuple[int, int]]] = {
    "a key twice": ("a: 1\nb: 2\na: 3\n", (3, 1)),
    "a key twice, once quoted": ("200: 1\n'200': 2\n", (2, 1)),
    "a key twice, nested": ("a:\n  - {b: 1, b: 2}\n", (2, 12)),
    "a key twice, in JSON": ('{\n\t"a": 1,\n\t"a": 2}', (3, 2)),
    "a merge key": ("a: &a {b: 1}\nc:\n  <<: *a\n", (3, 3)),
    "a key that is not text": ("? [a]\n: 1\n", (1, 3)),
    "an alias inside itself": ("a: &a\n  b: *a\n", (1, 4)),
    "an alias of nothing": ("a: *b\n", (1, 4)),
    "YAML 1.1": ("%YAML 1.1\n---\na: on\n", (0, 0)),
    "two documents": ("a: 1\n---\nb: 2\n", (2, 1)),
    "an infinity": ("a: .inf\n", (1, 4)),
    "no number": ("a: -.INF\n", (1, 4)),
    "a number out of range": ('{"a": 1e999}', (1, 7)),
    "a number of too many digits": (f'{{"a": {"9" * 5000}}}', (1, 7)),
    "half a character": (r'{"a": "\ud83d"}', (1, 7)),
    "half a character in a key": (r'{"a": {"\ude80": 1}}', (1, 8)),
    "a number out of range, without a point": (f'{{"a": {"9" * 310}}}', (1, 7)),
    "a tag of its own": ("a: !secret x\n", (1, 4)),
    "a tag that builds objects": ("a: !!python/object:os.system {}\n", (1, 4)),
    "a tag beyond JSON": ("a: !!binary aGk=\n", (1, 4)),
    "a set": ("a: !!set {b}\n", (1, 4)),
    "a tag that does not fit": ("a: !!bool yes\n", (1, 4)),
    "a bracket left open": ("a: [\n  b\n", (3, 1)),
    "a quote left open": ("a: 'b\n", (2, 1)),
    "a tab": ("a:\n\tb: 1\n", (2, 1)),
    "a colon too many": ("a: b: c\n", (1, 5)),
    "a control character": ("a: \x01\n", (0, 0)),
    "a nest without end": ("[" * 100_000, (0, 0)),
    "a nest without end, not in JSON": ("{a: " * 100_000, (1, 802)),
    "a nest of blocks": ("".join(f"{' ' * n}a:\n" for n in range(300)), (201, 201)),
    "a hexadecimal number out of range": (f"a: 0x{'f' * 300}\n", (1, 4)),
    "bytes that are not text": (b"a: \xff\n", (0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_ambiguous_or_broken_is_refused_with_its_place(name: str) -> None:
    """One kind of error, with the document, the line and the column where one can be named."""
    text, place = REFUSED[name]
    with pytest.raises(DocumentError) as caught:
        read(text, "the.yaml")

    assert (caught.value.line, caught.value.column) == place
    assert caught.value.name == "the.yaml"
    where = f":{place[0]}:{place[1]}" if place[0] else ""
    assert str(caught.value) == f"the.yaml{where}: {caught.value.what}"


def test_an_alias_is_the_value_itself() -> None:
    """It is read once, and counts each time."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    found = read("\n".join(lines[:12]))

    assert found["a11"][0] is found["a11"][1] is found["a10"]
    with pytest.raises(DocumentError, match="each alias written out"):
        read("\n".join(lines))


def test_an_anchor_may_be_used_again() -> None:
    """As YAML 1.2 lets; an alias means the one before it."""
    assert read("- &a 1\n- *a\n- &a 2\n- *a\n") == [1, 1, 2, 2]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    # A key of YAML has at most 1024 characters, 12 of them for one that JSON escapes.
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=80), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(_JSON, st.booleans(), st.sampled_from([None, 2]))
def test_json_is_read_as_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    """Whatever JSON holds, and by either reader: a list in block style is YAML alone."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert read(text) == value
    if ascii_only and indent is None and "\x7f" not in text:
        assert read(f"- {text}") == [value]


PLAIN_JSON: dict[str, tuple[str, Any]] = {
    "an escaped pair": (r'"\ud83d\ude80"', "\U0001f680"),
    "an escaped backslash before a u": (r'"\\ud83d"', r"\ud83d"),
    "a text of many digits": (f'"{"7" * 400}"', "7" * 400),
    "a large number": ("7" * 300, int("7" * 300)),
}


@pytest.mark.parametrize("name", list(PLAIN_JSON))
def test_json_is_not_limited_as_yaml_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The YAML parser does not read it, whatever its texts and numbers are."""
    text, value = PLAIN_JSON[name]
    monkeypatch.setattr("contract_tests.contract.documents.MOST_NODES", 0)

    assert read(f'{{"a": [{text}]}}') == {"a": [value]}


def test_a_byte_order_mark_and_the_name_of_a_file(tmp_path: Path) -> None:
    """The mark is skipped; the error names the file."""
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: on\n")
    (tmp_path / "b.yaml").write_text("a: 1\na: 2\n")

    assert load(tmp_path / "a.yaml") == {"a": "on"}
    with pytest.raises(DocumentError) as caught:
        load(tmp_path / "b.yaml")
    assert caught.value.name == str(tmp_path / "b.yaml")


@pytest.mark.slow
def test_nobody_reads_yaml_otherwise() -> None:
    """PyYAML reads YAML 1.1, and ruamel.yaml another 1.2: neither is imported elsewhere."""
    found = set()
    for folder in ("contract_tests", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                if {"yaml", "ruamel", "yamlcore"} & {name.split(".")[0] for name in names}:
                    found.add(path.relative_to(ROOT).as_posix())

    assert found == {"contract_tests/contract/documents.py"}


@pytest.mark.parametrize(
    "text", ["a: 1\na: 1\n", '{"a": 1, "a": 1}', "{<<: {}}", "%YAML 1.1\n---\n"]
)
def test_ambiguous_document_has_an_error_of_its_own(text: str) -> None:
    """Readers differ here; compare refuses to choose."""
    with pytest.raises(AmbiguousDocumentError):
        read(text)
