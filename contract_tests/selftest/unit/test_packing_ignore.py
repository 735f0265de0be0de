"""What an ignore file leaves out: Docker's own reading of it, over a table and random trees."""

from __future__ import annotations

import re
import tarfile
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker.utils.build  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prime_image_builds import errors, pack
from prime_image_builds._files import Tree
from prime_image_builds._ignore import IgnoreFile

from ...reference import dockerignore
from ..support.ignore_files import CASES, INVALID, Case

ALWAYS = {"Dockerfile", ".dockerignore"}


def names(text: str) -> set[str]:
    """Read the names of a case."""
    return {name.replace("␣", " ").replace("␤", "\n") for name in text.split()}


def lay(root: Path, tree: set[str], ignore: str) -> None:
    """Make a context: files, and directories by a slash at the end."""
    for name in tree | {"Dockerfile"}:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (root / name).mkdir(parents=True, exist_ok=True)
        else:
            (root / name).write_text("x")
    (root / ".dockerignore").write_bytes(ignore.encode())


def packed(root: Path) -> set[str]:
    """Pack a context; return the names in it."""
    with pack(root) as context, tarfile.open(fileobj=context.file) as archive:
        return set(archive.getnames())


def of(tree: set[str], found: set[str]) -> set[str]:
    """Return what was found of a tree, as the tree names it."""
    return {name for name in tree if name.rstrip("/") in found}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_packs_what_docker_packs(case: Case, tmp_path: Path) -> None:
    """Of each tree, exactly what Docker packs; and nothing that is not in it."""
    tree = names(case.kept) | names(case.out)
    lay(tmp_path, tree, case.text)
    folders = {str(above) for name in tree for above in Path(name).parents} - {"."}

    found = packed(tmp_path)

    assert of(tree, found) == names(case.kept)
    assert found - {name.rstrip("/") for name in tree} - folders == ALWAYS


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_second_opinions(case: Case, tmp_path: Path) -> None:
    """docker-py and the reference server's reader agree, but where the table has their dissent."""
    tree = names(case.kept) | names(case.out)
    lay(tmp_path, tree, case.text)
    lines = [line.strip() for line in case.text.splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # its expressions have sets within sets
        docker_py = of(tree, docker.utils.build.exclude_paths(str(tmp_path), patterns))
    ignore = dockerignore.read(case.text)
    reference = {name for name in tree if ignore.visible([name.rstrip("/")])}
    opinions = {"docker-py": docker_py, "reference": reference}

    differ = {name for name, found in opinions.items() if found != names(case.kept)}

    assert differ == set(case.dissent.split())


@pytest.mark.parametrize("pattern", INVALID)
def test_invalid_pattern_raises(pattern: str, tmp_path: Path) -> None:
    """The error has file and line, and nothing is packed."""
    lay(tmp_path, {"a"}, f"# a comment\n{pattern}\n")

    with pytest.raises(errors.ContextError, match=r"^\.dockerignore:2: "):
        pack(tmp_path)


@pytest.mark.parametrize(
    ("longest", "path"),
    [
        ("a" * 4096, "a" * 4096),
        ("/".join(["n" * 200] * 6), "/".join(["n" * 200] * 6)),
        ("./" * 600 + "a", "a"),
        ("[" + "abcdefgh" * 130 + "]", "h"),
    ],
    ids=["name", "path", "dots", "class"],
)
def test_pattern_as_long_as_a_path_is_read(longest: str, path: str) -> None:
    """One that is longer is an error."""
    assert IgnoreFile(longest, "x").match(path, IgnoreFile(longest, "x").top).ignored
    with pytest.raises(errors.ContextError, match=r"^x:1: "):
        IgnoreFile("a" * 4097, "x")


def test_ignore_file_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    """Its other lines count; names of files may have any byte."""
    lay(tmp_path, {"a", "b"}, "")
    (tmp_path / ".dockerignore").write_bytes(b"\xff\na\n")

    assert packed(tmp_path) == {"b"} | ALWAYS


@pytest.mark.parametrize("text", ["/ /", "/ /\n\n# a\n/ /"])
def test_pattern_of_which_nothing_is_left_is_none(text: str) -> None:
    """Docker cleans a line twice."""
    assert IgnoreFile(text, "x").top == IgnoreFile("", "x").top


def test_many_wildcards_for_directories_are_as_one(tmp_path: Path) -> None:
    """An expression that tries each of them would not come to an end on a deep path."""
    lay(tmp_path, {"a/" * 30 + "b", "a/x"}, "**/" * 40 + "x\n")

    assert of({"a/" * 30 + "b", "a/x"}, packed(tmp_path)) == {"a/" * 30 + "b"}


def scanned(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pack a context; return each directory that was listed."""
    found: list[str] = []
    entries = Tree.entries

    def listed(tree: Tree, folder: str) -> list[tuple[str, bool]]:
        found.append(folder or ".")
        return entries(tree, folder)

    monkeypatch.setattr(Tree, "entries", listed)
    pack(root).close()
    return sorted(found)


@pytest.mark.parametrize(
    ("ignore", "entered"),
    [
        ("**/m\n", ". s"),
        ("m\n**/m\n", ". s"),
        ("*\n", "."),
        ("**\n", "."),
        ("m\ns\n!a\n", "."),
        ("m\ns\n!*.py\n", "."),  # at the top alone
        ("m\ns\n!?/*/x\n", ". m m/a s s/m"),
        ("m\ns\n!m/a\n", ". m m/a"),
        ("m\ns\n!m/b/c\n", ". m"),
        ("m\ns\n!s/*\n", ". s s/m s/m/a"),
        ("m\ns\n!s/m/a/b/c\n", ". s s/m s/m/a"),
        ("!m/a\nm\ns\n", "."),  # an exception before has no effect
        ("m\n!m\nm/a\n!m\n", ". m s s/m s/m/a"),
        ("m\ns\n!**/b\n", ". m m/a s s/m s/m/a"),
        ("m\ns\n![^x]/b\n", ". m s"),
        ("m\ns\n!m[^x]a/b\n", ". m m/a"),  # a class may match a slash
        ("m\ns\n!m\\/a\n", ". m m/a"),
        ("", ". m m/a s s/m s/m/a"),
    ],
)  # fmt: skip
def test_ignored_directory_is_not_listed(
    ignore: str, entered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only for a later exception that may match beneath: 20,000 ignored files cost nothing."""
    lay(tmp_path, {"a", "m/a/b", "m/x", "s/m/a/b", "s/x"}, ignore)

    assert scanned(tmp_path, monkeypatch) == sorted(entered.split())


@pytest.mark.parametrize("ignore", ["**/secret\n", "secret\n!secret/x\n", "*\n!**/x\n"])
def test_ignored_directory_need_not_be_readable(
    ignore: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where it is entered for an exception, which may match nothing."""
    lay(tmp_path, {"a", "secret/key"}, ignore)
    forbid(tmp_path / "secret", monkeypatch)

    assert "secret" not in packed(tmp_path)


@pytest.mark.parametrize("name", ["secret", "a", ".dockerignore", "Dockerfile"])
def test_what_is_packed_must_be_readable(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the error names it. An ignore file that cannot be read does not count as absent."""
    lay(tmp_path, {"a", "secret/key"}, "b\n")
    forbid(tmp_path / name, monkeypatch)

    with pytest.raises(errors.ContextError, match=f"{re.escape(str(tmp_path / name))} "):
        pack(tmp_path)


def forbid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a path unreadable, for the superuser too."""

    def refusing(real: Callable[[Tree, str], Any]) -> Callable[[Tree, str], Any]:
        def read(tree: Tree, entry: str) -> Any:
            if entry == path.name:
                raise PermissionError(13, "Permission denied", entry)
            return real(tree, entry)

        return read

    monkeypatch.setattr(Tree, "entries", refusing(Tree.entries))
    monkeypatch.setattr(Tree, "open", refusing(Tree.open))


# An oracle of its own, slow and plain: Docker's sources, written down in Python. It looks at every
# path from the top, twice, and knows of no shortcut.


def cleaned(lines: list[str]) -> list[tuple[bool, str]]:
    """Read lines that need no cleaning but that of slashes at their ends."""
    return [(line.startswith("!"), line.removeprefix("!").strip("/")) for line in lines]


def matches(pattern: str, path: str) -> bool:
    """Match as Docker's matcher does: by comparison where it can, else by an expression."""
    if not re.search(r"[*?\[\\]", pattern):
        return path == pattern
    plain = not re.search(r"[*?\[\\]", pattern.removeprefix("**").removesuffix("**"))
    if plain and pattern.startswith("**") and not pattern.endswith("**"):
        end = pattern[2:]
        return path.endswith(end) or (end.startswith("/") and path == end[1:])
    if plain and pattern.endswith("**") and not pattern.startswith("**"):
        return path.startswith(pattern[:-2])
    words = re.findall(r"\*\*/?|\*|\?|\[[^\]]*\]|\\.|[^*?\[\\]", pattern)
    made = [
        "(.*/)?" if word.startswith("**") else
        {"*": "[^/]*", "?": "[^/]"}.get(word) or (word if word[0] in "[\\" else re.escape(word))
        for word in words
    ]  # fmt: skip
    if words[-1].startswith("**"):
        made[-1] = ".*"
    return bool(re.fullmatch("".join(made), path))


def opens(patterns: list[tuple[bool, str]], path: str) -> bool:
    """Tell whether a file is opened: each pattern against the path and all above it."""
    parts = path.split("/")
    upwards = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    ignored = False
    for is_exception, pattern in patterns:
        if is_exception is ignored and any(matches(pattern, one) for one in upwards):
            ignored = not ignored
    return not ignored


def walks(patterns: list[tuple[bool, str]], path: str) -> bool:
    """Tell whether the walk takes a path: each pattern against each name, as far as it matters."""
    parts = path.split("/")
    held = [False] * len(patterns)
    ignored = False
    for length in range(1, len(parts) + 1):
        ignored = False
        for at, (is_exception, pattern) in enumerate(patterns):
            if not held[at] and is_exception is ignored:
                held[at] = matches(pattern, "/".join(parts[:length]))
            if held[at]:
                ignored = not is_exception
    return not ignored


LETTERS = st.sampled_from(["a", "b", "ab", ".a", "a.b"])
PARTS = st.sampled_from(
    ["a", "b", "ab", ".a", "*", "**", "?", "a*", "*b", "**b", "a**", "a**b", "**?", "[ab]", "a[^a]",
     "*.b", "\\*", "\\.a"]
)  # fmt: skip
PATHS = st.lists(LETTERS, min_size=1, max_size=4).map("/".join)
LINES = st.tuples(
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(PARTS, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "/"]),
).map("".join)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, database=None)
@given(st.lists(PARTS, min_size=1, max_size=6), st.sampled_from(["", "", "/"]), PATHS)
def test_automaton_matches_what_the_expression_matches(
    parts: list[str], between: str, path: str
) -> None:
    """A path at once, so that wildcards cross what a walk would cut; short enough to backtrack."""
    pattern = between.join(parts)
    ignore = IgnoreFile(pattern, "ignore")

    assert ignore.match(path, ignore.top).ignored is matches(pattern, path)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PATHS, min_size=1, max_size=8), st.lists(LINES, max_size=5))
def test_any_tree_is_packed_as_by_the_oracle(paths: list[str], lines: list[str]) -> None:
    """For random trees and patterns; nothing is packed from outside."""
    patterns = cleaned(lines)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "context")
        root.mkdir()
        Path(place, "a").write_text("outside")
        tree = set()
        for path in paths:
            # Each is a file, unless another lies beneath it or above.
            if not any(one.startswith(f"{path}/") or path.startswith(f"{one}/") for one in paths):
                tree.add(path)
        lay(root, tree, "\n".join(lines))
        every = {one.relative_to(root).as_posix() for one in root.rglob("*")}

        found = packed(root)

    assert found == ALWAYS | {
        path for path in every if opens(patterns, path) and walks(patterns, path)
    }


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(PATHS, max_size=8), st.lists(LINES, max_size=5))
def test_reference_reads_any_file_as_the_oracle_does(paths: list[str], lines: list[str]) -> None:
    """One automaton for all patterns sees what their expressions see, one by one."""
    patterns = cleaned(lines)

    found = dockerignore.read("\n".join(lines)).visible(paths)

    assert found == sorted(path for path in paths if opens(patterns, path))
