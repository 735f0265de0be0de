"""Reads YAML as JSON would be: a key is a text, and so is a day, a time or a yes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml


class JsonLoader(yaml.SafeLoader):
    """Reads YAML as JSON would be: keys are texts, and a day or a yes is a text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping by the texts of its keys, as they are written."""
        self.flatten_mapping(node)
        return {
            key.value: self.construct_object(value, deep)
            for key, value in node.value
            if isinstance(key, yaml.ScalarNode)
        }


def _plain(pattern: str, read: Callable[[str], Any], tag: str, first: str) -> None:
    """Let the loader read one kind of plain scalar."""
    JsonLoader.add_implicit_resolver(tag, re.compile(pattern), list(first))
    JsonLoader.add_constructor(tag, lambda _, node: read(node.value))


JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":merge", ":value"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_plain(r"^(~|null|Null|NULL|)$", lambda _: None, "tag:yaml.org,2002:null", "~nN")
JsonLoader.yaml_implicit_resolvers.setdefault("", []).append(
    ("tag:yaml.org,2002:null", re.compile(r"^$"))
)
_plain(
    r"^(true|True|TRUE|false|False|FALSE)$",
    lambda text: text.lower() == "true",
    "tag:yaml.org,2002:bool",
    "tTfF",
)
_plain(r"^[-+]?[0-9]+$", int, "tag:yaml.org,2002:int", "-+0123456789")
_plain(
    r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$",
    float,
    "tag:yaml.org,2002:float",
    "-+.0123456789",
)
