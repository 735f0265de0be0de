"""The site of the documents: built once, with its links; what a broken page is reported as."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
import prime_image_builds.api.images
import prime_image_builds.types
import pytest

from scripts.dev import docs
from scripts.dev.client_page import ClientPage

from ...contract.openapi import PATH, contract
from ...settings import SETTINGS

ROOT = PATH.parent


def made(folder: Path, **files: str) -> Path:
    """Write files, with / for __ and . for _ in their names."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.external
def test_site_is_built_and_a_broken_link_is_named(tmp_path: Path) -> None:
    """Every page of the tree; the generator names the line of a link from page to page."""
    folder = docs.GENERATOR.parents[1]
    script = ROOT / "scripts/ci/install.sh"
    subprocess.run(["sh", script, folder, sys.executable], check=True, cwd=ROOT)  # noqa: S603, S607
    docs.main(site=tmp_path / "site")
    stage = made(tmp_path / "stage", zensical_toml='[project]\nsite_name = "x"\ndocs_dir = "."\n',
                 index_md="[gone](gone.md)\n")  # fmt: skip

    for name in ("README.md", "docs/client.md", "docs/rules/T5.md", "CHANGELOG.md"):
        page = re.sub(r"README\.md$", "index.md", name).replace(".md", ".html")
        assert (tmp_path / "site" / page).is_file()
    client = (tmp_path / "site/docs/client.html").read_text()
    assert 'id="prime_image_builds.api.images.Images.initiate"' in client
    assert "1800.0" in client
    assert "DEADLINE" not in client
    assert any("index.md:1:" in line for line in docs.generate(stage))


PAGES: dict[str, tuple[str, str | None]] = {
    "a page": ('<a href="docs/a.html">', None),
    "an anchor": ('<a href="docs/a.html#here">', None),
    "an anchor of its own": ('<p id="x"><a href="#x">', None),
    "a file": ('<a href="docs/data.json">', None),
    "a link to another host": ('<a href="https://example.org/a.html">', None),
    "a picture in the page": ('<img src="data:image/png;base64,AA">', None),
    "no page": ('<a href="docs/b.html">', "index.html: no such file: docs/b.html"),
    "no picture": ('<img src="a.png">', "index.html: no such file: a.png"),
    "a folder": ('<a href="docs">', "index.html: no such file: docs"),
    "no anchor": ('<a href="docs/a.html#x">', "index.html: no such anchor: docs/a.html#x"),
    "a foreign script": (
        '<script src="https://example.org/a.js">',
        "index.html: fetched from another host: https://example.org/a.js",
    ),
    "a foreign font": (
        '<link rel="stylesheet" href="//example.org/a.css">',
        "index.html: fetched from another host: //example.org/a.css",
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_is_wrong_with_a_built_page_is_named(name: str, tmp_path: Path) -> None:
    """A link that leads nowhere, and what a browser would fetch elsewhere."""
    text, expected = PAGES[name]
    site = made(tmp_path, index_html=text, docs__a_html='<h2 id="here">', docs__data_json="{}")

    assert docs.broken(site) == ([expected] if expected else [])


def test_style_that_fetches_from_another_host_is_named(tmp_path: Path) -> None:
    """A font, mostly."""
    site = made(
        tmp_path, a_css="a {src: url('a.woff')}", b_css="@import 'https://example.org/b.css'"
    )

    assert docs.broken(site) == ["b.css: fetched from another host"]


def test_page_that_the_navigation_leaves_out_or_invents_is_named(tmp_path: Path) -> None:
    """The pages of the rules are in their index."""
    pages = made(tmp_path, a_md="", docs__b_md="", docs__rules__T5_md="", docs__rules__b_md="")
    found = [*docs.not_in_navigation(pages, ["a.md", {"How to": [{"C": "docs/c.md"}]}])]

    assert found == [
        "docs/zensical.toml: docs/b.md is not in nav",
        "docs/zensical.toml: docs/c.md is not a page",
        "docs/zensical.toml: docs/rules/b.md is not in nav",
    ]


def test_page_of_commands_is_that_of_the_declarations() -> None:
    """``UPDATE_SNAPSHOTS=1`` writes it; each link in it leads to a heading."""
    file, page = ROOT / "docs/commands.md", docs.commands()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(page)
    headings = re.findall(r"^### `?(.*?)`?$", page, re.M)
    anchors = {re.sub(r"[^\w-]", "", one.lower()) for one in headings}

    assert page == file.read_text()
    assert len(anchors) == len(headings)
    assert {*re.findall(r"\(#(.*?)\)", page)} <= anchors


def test_pages_of_commands_and_of_the_client_are_whole() -> None:
    """Each setting, and each public name of the client."""
    page, client = docs.commands(), (ROOT / "docs/client.md").read_text()
    named = {*re.findall(r"^::: prime_image_builds\.(\w+)$", client, re.M)}

    assert [name for name in SETTINGS if f"`{name}=" not in page and f"_{name}`" not in page] == []
    assert "### vendor-check" in page
    assert {*prime_image_builds.__all__} - {"UNSET", "Unset"} == named - {"models"}
    types = re.findall(r"^::: prime_image_builds\.types\.(\w+)$", client, re.M)
    assert {*prime_image_builds.types.__all__} - {"UNSET", "Unset"} == {*types, "Response"}
    operations = re.findall(r"^::: prime_image_builds\.api\.images\.(\w+)$", client, re.M)
    assert {*operations} == {*prime_image_builds.api.images.__all__}


def test_page_of_the_client_shows_values_and_links_exceptions() -> None:
    """Each default by its value, and each exception of a docstring by its own name."""
    found = griffe.load(
        "prime_image_builds", search_paths=[ROOT / "generated"], docstring_parser="google",
        extensions=griffe.load_extensions(ClientPage),
    )  # fmt: skip
    waiting, seen = [found], 0
    while waiting:
        one = waiting.pop()
        waiting += [member for member in one.members.values() if not member.is_alias]
        raised = [entry for section in (one.docstring.parsed if one.docstring else [])
                  if section.kind is griffe.DocstringSectionKind.raises
                  for entry in section.value]  # fmt: skip
        for entry in raised:
            path = getattr(entry.annotation, "canonical_path", str(entry.annotation))
            assert path.startswith(("prime_image_builds.errors.", "httpx.", "OSError")), one.path
            seen += 1
        for parameter in one.parameters if isinstance(one, griffe.Function) else ():
            assert not isinstance(parameter.default, griffe.ExprName), one.path
    assert seen > 50
    name = next(one for one in found["job.build_image"].parameters if one.name == "name")
    assert (str(name.annotation), name.default) == ("str", None)
    assert [str(one) for one in found["errors.ApiError"].bases] == ["ImageBuildsError"]


def quoted(place: Any, name: str) -> Iterator[str]:
    """Yield what stands below a name, anywhere in a document, in one line each."""
    for key, value in place.items() if isinstance(place, dict) else enumerate(place):
        if key == name:
            yield " ".join(value.split())
        elif isinstance(value, dict | list):
            yield from quoted(value, name)


def test_page_of_what_is_known_quotes_what_is_observed_and_assumed() -> None:
    """Each such sentence of the contract, below its heading."""
    text = " ".join((ROOT / "docs/known.md").read_text().split())
    sections = dict(re.findall(r"## (Observed|Assumed) (.*?)(?=## )", text))
    found = {name: [*quoted(contract().document, f"x-{name.lower()}")] for name in sections}

    assert {name: len(words) for name, words in found.items()} == {"Observed": 7, "Assumed": 5}
    for name, sentences in found.items():
        assert [words for words in sentences if f"- {words}" not in sections[name]] == []
