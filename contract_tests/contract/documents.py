"""Reads YAML and JSON documents by the core schema of YAML 1.2.

ruamel.yaml parses. Scalars are resolved here, since its own resolvers know timestamps, merge keys
and ``0b1``, which YAML 1.2 does not have. A document is a JSON value: keys are texts, as in OpenAPI
3.1 (``200:`` is the key ``"200"``), and a value that JSON does not have is an error. What is
ambiguous (a duplicate key, a merge key, YAML 1.1) is an error too.

A document may come from a stranger: its size, depth and values are bounded, as they would be
written without aliases. Whoever reads it need not bound them again.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

MOST_BYTES = 10 * 2**20
"""Bytes of a document, and characters of all its texts if each alias is written out."""

MOST_VALUES = 250_000
"""Values in a document, if each alias is written out."""

MOST_NODES = 100_000
"""Values and keys of a document in YAML, as written: one takes 100 times as long as in JSON."""

MOST_DEPTH = 200
"""Lists and objects around a value."""

_LONGEST_SHOWN = 200
_TAG = "tag:yaml.org,2002:"
# YAML 1.2.2, section 10.3.2. The name of a group is that of its tag.
_CORE = re.compile(
    r"""(?P<null>~|null|Null|NULL|)
    |(?P<bool>true|True|TRUE|false|False|FALSE)
    |(?P<int>[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)
    |(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?
        |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))""",
    re.VERBOSE,
)
_OTHER_VERSION = re.compile(r"^%YAML[ \t]++(?!1\.2[ \t]*$).*$", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")


class DocumentError(ValueError):
    """A document that cannot be read.

    Attributes:
        name: The name of the document.
        line: The line of the error, from 1; 0 if unknown.
        column: The column of the error, from 1; 0 if unknown.
        what: The error.

    """

    def __init__(self, name: str, what: str, line: int = 0, column: int = 0) -> None:
        if len(what) > _LONGEST_SHOWN:  # it may quote the document
            what = f"{what[:_LONGEST_SHOWN]}…"
        self.name, self.what, self.line, self.column = name, what, line, column
        super().__init__(name, what, line, column)

    def __str__(self) -> str:
        where = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.name}{where}: {self.what}"


class AmbiguousDocumentError(DocumentError):
    """A document that parsers read differently: a duplicate key, a merge key, or YAML 1.1."""


def load(path: Path) -> Any:
    """Read a file. Raises ``DocumentError``, or ``OSError`` if it cannot be opened."""
    with path.open("rb") as file:
        return read(file.read(MOST_BYTES + 1), str(path))


def read(text: str | bytes, name: str = "the document") -> Any:
    """Read a document, JSON or YAML, as a JSON value. Raises ``DocumentError``."""
    if len(text) > MOST_BYTES:
        raise DocumentError(name, f"is larger than {MOST_BYTES // 2**20} MiB")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DocumentError(name, f"is not UTF-8: {error.reason}") from error
    try:
        value = _parsed(text, name)
    except RecursionError:
        raise DocumentError(name, "is nested too deep") from None
    _bound(value, name)
    return value


def _parsed(text: str, name: str) -> Any:
    # JSON is YAML 1.2, but the JSON parser is much faster.
    if text.lstrip().startswith(("{", "[", '"')):
        with contextlib.suppress(_NotPlainError, json.JSONDecodeError):
            value = json.loads(
                text,
                object_pairs_hook=_unique,
                parse_int=_whole,
                parse_float=_finite,
                parse_constant=_finite,
            )
            # Pairs that JSON escapes are joined by now: what is left is half of one.
            if not _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
                return value
    return _Reader(name).read(text)


def _bound(value: Any, name: str) -> None:
    """Raise ``DocumentError`` for a document that is too large or too deep with aliases expanded.

    An alias is the value itself, not a copy: so what is counted here twice is in memory once.
    """
    values = size = 0
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        values += 1
        if isinstance(one, str):
            size += len(one)
        elif isinstance(one, dict | list):
            depth += 1
            if isinstance(one, dict):
                size += sum(map(len, one))
                one = one.values()
            waiting += [(child, depth) for child in one]
        if depth > MOST_DEPTH:
            raise DocumentError(name, "is nested too deep")
        if values + len(waiting) > MOST_VALUES:
            raise DocumentError(name, f"has more than {MOST_VALUES} values, each alias written out")
        if size > MOST_BYTES:
            raise DocumentError(
                name, f"has more than {MOST_BYTES // 2**20} Mi characters, each alias written out"
            )


class _NotPlainError(Exception):
    """JSON that the YAML parser has to reject, since only that one knows the line."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotPlainError
    return found


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _NotPlainError
    return number


class _Core(VersionedResolver):
    """Resolves plain scalars by the core schema of YAML 1.2."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0] and (found := _CORE.fullmatch(value)):
            return Tag(suffix=f"{_TAG}{found.lastgroup}")
        if kind is ScalarNode:
            return self.DEFAULT_SCALAR_TAG
        return self.DEFAULT_SEQUENCE_TAG if kind is SequenceNode else self.DEFAULT_MAPPING_TAG


class _Composer(Composer):
    """Composes nodes, up to a number of them."""

    composed = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.composed += 1
        if self.composed > MOST_NODES:
            what = f"it has more than {MOST_NODES} values and keys; JSON may have more"
            raise MarkedYAMLError(problem=what, problem_mark=self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


class _Reader:
    """Converts the nodes of one document to a JSON value."""

    def __init__(self, name: str) -> None:
        self.name = name
        # By node, so that an alias is not converted again; None while the node is being converted.
        self.made: dict[int, list[Any] | None] = {}

    def read(self, text: str) -> Any:
        if found := _OTHER_VERSION.search(text):
            raise AmbiguousDocumentError(self.name, f"{found[0]} is not YAML 1.2")
        yaml = YAML(typ="safe", pure=True)
        yaml.Resolver, yaml.Composer = _Core, _Composer
        yaml.max_depth = MOST_DEPTH + 1  # the value itself is counted
        yaml.composer.warn_double_anchors = False  # an anchor may be used again
        try:
            node = yaml.compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = error.problem or error.context
            at = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            is_deep = isinstance(error, MaxDepthExceededError)
            what = "is nested too deep" if is_deep else f"is not YAML: {what}"
            raise DocumentError(self.name, what, *at) from error
        except (YAMLError, YAMLStreamError) as error:
            what = " ".join(str(error).split())
            raise DocumentError(self.name, f"is not YAML: {what}") from error
        return None if node is None else self._value(node)

    def _value(self, node: Node) -> Any:
        if id(node) in self.made:
            made = self.made[id(node)]
            if made is None:
                raise self._invalid(node, "an alias is inside of the node that it refers to")
            return made[0]
        self.made[id(node)] = None
        tag = str(node.ctag).removeprefix(_TAG)
        if isinstance(node, MappingNode) and tag == "map":
            value: Any = self._mapping(node)
        elif isinstance(node, SequenceNode) and tag == "seq":
            value = [self._value(item) for item in node.value]
        elif isinstance(node, ScalarNode):
            value = self._scalar(node, tag)
        else:
            raise self._invalid(node, f"the tag {tag} is not of YAML's core schema")
        self.made[id(node)] = [value]
        return value

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self._invalid(key, "a key must be a text")
            name = self._text(key)
            if name == "<<" and key.style is None:
                what = "YAML 1.2 has no merge keys (<<): write the keys out"
                raise AmbiguousDocumentError(self.name, what, *_place(key))
            if name in found:
                what = f"the key {name[:60]!r} is there twice"
                raise AmbiguousDocumentError(self.name, what, *_place(key))
            found[name] = self._value(value)
        return found

    def _scalar(self, node: ScalarNode, tag: str) -> Any:
        text = self._text(node)
        if tag == "str":
            return text
        found = _CORE.fullmatch(text)
        kinds = ("int", "float") if tag == "float" else (tag,)
        if found is None or found.lastgroup not in kinds:
            raise self._invalid(node, f"{text!r} with the tag {tag} is not of YAML's core schema")
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        number: int | float
        try:
            number = (
                int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)) if tag == "int" else float(text)
            )
            float(number)
        except (OverflowError, ValueError):  # no double, longer than Python reads, or .inf
            number = float("inf")
        if not math.isfinite(number):
            raise self._invalid(node, f"{text[:40]} is not a JSON value")
        return number

    def _text(self, node: ScalarNode) -> str:
        """Return the text of a scalar; JSON escapes a character beyond 16 bits as a pair."""
        text: str = node.value
        if _SURROGATE.search(text):
            try:
                text = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise self._invalid(node, "half a surrogate pair is not a text") from None
        return text

    def _invalid(self, node: Node, what: str) -> DocumentError:
        return DocumentError(self.name, what, *_place(node))


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
