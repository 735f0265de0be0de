"""The reference server reads Dockerfiles and contexts as a builder does."""

from __future__ import annotations

import gzip
import io
import random
import sys
import tarfile
from types import SimpleNamespace

import pytest

from ...reference import builder_child, context, dockerignore
from ...reference.build_check import build_failure
from ...reference.dockerfile import parse
from ..support.ignore_files import CASES, INVALID, Case

Entry = tuple[str, bytes, str]

BUILDS = {
    "a base": "FROM scratch",
    "a base that builds on": "FROM debian:12 AS base\nRUN make\n",
    "lower case": "from scratch\nrun make\ncopy a /\n",
    "comments and blank lines": "\n# RUN false\n\nFROM scratch\n  # RUN exit 1\n",
    "an argument before FROM": "ARG VERSION=12\nFROM debian:${VERSION}\n",
    "a continued line": "FROM scratch\nRUN echo \\\n  RUNN \\\n  done\n",
    "a comment in a continued line": "FROM scratch\nRUN echo \\\n# RUNN x\n\n  done\n",
    "blanks after the continuation": "FROM scratch\nRUN echo \\  \n RUNN\n",
    "another escape": "# escape=`\nFROM scratch\nRUN echo `\n  RUNN\n",
    "directives": "#syntax=docker/dockerfile:1\n# check=skip=all\n# escape=\\\nFROM scratch\n",
    "a directive too late is a comment": "# a\n# escape=`\nFROM scratch\nRUN a \\\n  RUNN\n",
    "carriage returns": "FROM scratch\r\nRUN echo \\\r\n  RUNN\r\n",
    "a byte order mark": "\ufeffFROM scratch\n",
    "a heredoc": "FROM scratch\nRUN <<EOF\nRUNN\nfalse\ntrue\nEOF\nCOPY a /\n",
    "a heredoc with tabs": "FROM scratch\nRUN <<-EOF\n\tRUNN\n\tEOF\nRUN make\n",
    "a quoted heredoc": "FROM scratch\nCOPY <<'EOF' /x\nRUN false\nEOF\n",
    "two heredocs": "FROM scratch\nCOPY <<a <<b /x/\nFROM\na\nRUNN\nb\nRUN make\n",
    "a heredoc for a program": "FROM scratch\nRUN python3 <<EOF\nexit(1)\nfalse\nEOF\n",
    "a script with a first line": "FROM scratch\nRUN <<EOF\n#!/usr/bin/python\nfalse\nEOF\n",
    "no heredoc in quotes": 'FROM scratch\nRUN echo "<<EOF"\n',
    "no heredoc in the JSON form": 'FROM scratch\nRUN ["echo", "<<EOF"]\n',
    "a here-string": "FROM scratch\nRUN cat <<<EOF\n",
    "exit 0": "FROM scratch\nRUN exit 0\nRUN exit 256\n",
    "false that is caught": "FROM scratch\nRUN false || true\nRUN false; true\n",
    "false that is quoted": "FROM scratch\nRUN echo 'a && false'\n",
    "false within a command": "FROM scratch\nRUN if false; then exit 1; fi\nRUN ! false\n",
    "false after a command": "FROM scratch\nRUN make && \\\n  # why\n  false\n",
    "false in the JSON form": 'FROM scratch\nRUN ["false"]\nRUN ["sh", "-c", "exit 4"]\n',
    "a script that fails": "FROM scratch\nRUN <<EOF\nset -eux\nfalse\nEOF\n",
    "a word that starts so": "FROM scratch\nRUN falsey\nRUN exited 3\n",
    "a stage that is not needed": "FROM scratch AS test\nRUN false\nFROM scratch\nRUN make\n",
    "a stage by another name": "FROM a AS x\nRUN false\nFROM b AS y\nFROM c\nCOPY --from=y a b\n",
    "three arguments with a platform": "FROM --platform=linux/amd64 scratch as x\n",
    "a copy": 'FROM scratch\nCOPY ./a /sub /\nCOPY ["sub/b", "/"]\nADD https://x.example/y /\n',
    "a copy of anything": "FROM scratch\nCOPY . /\nCOPY *.md nothing* /\nCOPY $A /\n",
    "a copy of a stage": "FROM scratch AS x\nFROM scratch\nCOPY --from=x /nowhere /\n",
    "a trigger": "FROM scratch\nONBUILD RUN false\n",
}
FAILS = {
    "nothing": ("", "Dockerfile: the Dockerfile is empty: no FROM"),
    "comments alone": ("# FROM scratch\n", "Dockerfile: the Dockerfile is empty: no FROM"),
    "no base": ("RUN make\n", "Dockerfile:1: no FROM before RUN"),
    "arguments alone": ("ARG A=1\n", "Dockerfile: no FROM"),
    "an unknown word": (
        "FROM scratch\nRUNN make\n", "Dockerfile:2: unknown instruction: RUNN (did you mean RUN?)",
    ),
    "a far word": ("FROM scratch\nxyzzy\n", "Dockerfile:2: unknown instruction: XYZZY"),
    "RUN false": ("FROM scratch\nRUN false\n", "Dockerfile:2: the command failed: RUN false"),
    "RUN exit": ("FROM scratch\nrun exit 3\n", "Dockerfile:2: the command failed: RUN exit 3"),
    "after a continued line": (
        "FROM scratch\nRUN a \\\n  b\n\nRUN false\n", "Dockerfile:5: the command failed: RUN false",
    ),
    "continued to its end": (
        "FROM scratch\nRUN exit \\\n  # why\n  3\n",
        "Dockerfile:2: the command failed: RUN exit   3",
    ),
    "with flags": (
        "FROM scratch\nRUN --mount=type=cache,target=/x false\n",
        "Dockerfile:2: the command failed: RUN --mount=type=cache,target=/x false",
    ),
    "an instruction that is too long": (
        f"FROM scratch\nRUN {'x' * 65535}\n", "Dockerfile:2: longer than 65535 characters",
    ),
    "a heredoc that never ends": (
        "FROM scratch\nRUN <<EOF\nmake\n", "Dockerfile:2: unterminated heredoc EOF",
    ),
    "a stage that is needed": (
        "FROM a AS x\nRUN false\nFROM scratch\nCOPY --from=x a b\n",
        "Dockerfile:2: the command failed: RUN false",
    ),
    "a stage that is the base": (
        "FROM a AS X\nRUN false\nFROM x\n", "Dockerfile:2: the command failed: RUN false",
    ),
    "a stage by the last of its name": (
        "FROM a AS x\nFROM b AS x\nRUN false\nFROM c\nCOPY --from=x a b\n",
        "Dockerfile:3: the command failed: RUN false",
    ),
    "a stage by its number": (
        "FROM a\nRUN false\nFROM b\nRUN --mount=from=0,target=/x make\n",
        "Dockerfile:2: the command failed: RUN false",
    ),
    "an unknown escape": (
        "# escape=x\nFROM scratch\n", "Dockerfile:1: invalid escape token 'x': \\ or `",
    ),
    "a directive twice": (
        "# syntax=a\n# syntax=b\nFROM scratch\n",
        "Dockerfile:2: only one syntax parser directive can be used",
    ),
    "the common escape beside another": (
        "# escape=`\nFROM scratch\nRUN echo \\\n  RUNN\n",
        "Dockerfile:4: unknown instruction: RUNN (did you mean RUN?)",
    ),
    "FROM without a base": (
        "FROM\n", "Dockerfile:1: FROM requires either one or three arguments",
    ),
    "FROM with too much": (
        "FROM a b\n", "Dockerfile:1: FROM requires either one or three arguments",
    ),
    "COPY of one": ("FROM a\nCOPY a\n", "Dockerfile:2: COPY requires at least 2 arguments"),
    "a trigger of triggers": (
        "FROM a\nONBUILD FROM b\n", "Dockerfile:2: FROM is not allowed as an ONBUILD trigger",
    ),
    "COPY of nothing": ("FROM a\nCOPY a no/b /\n", "Dockerfile:2: COPY no/b: not in the context"),
    "COPY of what is hidden": (
        "FROM a\nCOPY secret /\n", "Dockerfile:2: COPY secret: not in the context",
    ),
}  # fmt: skip
NAMES = ["a", "sub", "sub/b", "secret", "Dockerfile"]


@pytest.mark.parametrize("text", BUILDS.values(), ids=list(BUILDS))
def test_dockerfile_builds(text: str) -> None:
    """Nothing speaks against it."""
    ignore = dockerignore.read("secret\n")

    assert build_failure(text, names=NAMES, ignore=ignore) is None


@pytest.mark.parametrize(("text", "why"), FAILS.values(), ids=list(FAILS))
def test_dockerfile_fails(text: str, why: str) -> None:
    """The error has the line and the reason."""
    ignore = dockerignore.read("secret\n")

    assert build_failure(text, names=NAMES, ignore=ignore) == why


def test_a_missing_dockerfile_fails() -> None:
    """A context without one cannot be built."""
    assert build_failure(None, "docker/x") == "docker/x: not in the context"


def test_heredoc_is_skipped() -> None:
    """The next instruction comes after it."""
    found = parse("FROM a\nRUN <<-EOF\n\tone\n\t  two\n\tEOF\nCMD x\n")

    assert [(one.number, one.word, one.has_heredoc) for one in found] == [
        (1, "FROM", False),
        (2, "RUN", True),
        (6, "CMD", False),
    ]


@pytest.mark.parametrize(
    ("text", "hidden", "shown"),
    [
        ("*.pyc", ["a.pyc"], ["sub/a.pyc", "a.py"]),
        ("**/*.pyc", ["a.pyc", "sub/deep/a.pyc"], ["a.py"]),
        ("node_modules", ["node_modules", "node_modules/x/y"], ["sub/node_modules"]),
        ("/node_modules/", ["node_modules/x"], ["a"]),
        ("log\n!log/keep", ["log/x"], ["log/keep", "log/keep/y"]),
        ("*\n!Dockerfile", ["a", "sub/b"], ["Dockerfile"]),
        ("!a\na", ["a"], ["b"]),
        ("# a\n\n  b  ", ["b"], ["a", "# a"]),
        ("a?c\n[x-z]", ["abc", "y"], ["a/c", "w"]),
        ("a/**/z", ["a/z", "a/b/c/z"], ["z", "a/zz"]),
        ("./x/../y", ["y"], ["x"]),
        ("**y", ["y", "xy"], ["yx"]),
        ("[\\]a]\n[x", ["]", "a"], ["[x", "x"]),
        ("a\\*\n[\\-]", ["a*", "-"], ["ab", "\\"]),
        ("[[a]\n[a--b]\n[a&&b]", ["[", "&"], ["-"]),
        ("a\x0cb\n #c", ["a\x0cb", "#c"], ["a", "b"]),
        ("/".join(["**"] * 200) + "/z", ["z", "a/z"], ["a/" * 200 + "y"]),
        ("[", [], ["a"]),
    ],
)
def test_dockerignore(text: str, hidden: list[str], shown: list[str]) -> None:
    """Patterns are read as Docker reads them."""
    ignore = dockerignore.read(text)

    assert ignore.visible([*hidden, *shown]) == sorted(shown)


@pytest.mark.parametrize("pattern", INVALID)
def test_invalid_pattern_fails_the_build(pattern: str) -> None:
    """Where Docker refuses it; what it reads otherwise than documented is valid."""
    ignore = dockerignore.read(f"# a comment\n\na\n{pattern}\n[\n")
    valid = ignore.invalid == (".dockerignore", 5, "[")

    assert valid is (INVALID[pattern] != "refused")
    why = f".dockerignore:{5 if valid else 4}: invalid pattern: {'[' if valid else pattern.strip()}"
    assert build_failure("FROM scratch", ignore=ignore) == why
    assert build_failure("RUN make", ignore=ignore) == "Dockerfile:1: no FROM before RUN"


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_no_pattern_of_a_valid_file_is_invalid(case: Case) -> None:
    """The table of what Docker packs has no pattern that it refuses."""
    assert dockerignore.read(case.text).invalid is None


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore"])
def test_invalid_pattern_is_named_with_its_file(name: str) -> None:
    """The Dockerfile's own ignore file, or that of the context."""
    found = read(packed([FILE, (name, b"a\n!b[\n", "0")]))

    assert found.ignore.invalid == (name, 2, "!b[")


def packed(entries: list[Entry], *, zipped: bool = True) -> bytes:
    """Pack entries: a name, the content or target, and a type of tar."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content, kind in entries:
            entry = tarfile.TarInfo(name)
            entry.type = kind.encode()
            if kind in ("1", "2"):
                entry.linkname = content.decode()
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(made.getvalue()) if zipped else made.getvalue()


def read(content: bytes, path: str = "Dockerfile") -> context.Context:
    """Read a context from memory."""
    return context.read(io.BytesIO(content), len(content), path)


FILE: Entry = ("Dockerfile", b"FROM scratch", "0")


@pytest.mark.parametrize(
    ("entries", "path", "text"),
    [
        ([FILE], "Dockerfile", "FROM scratch"),
        ([FILE], "./Dockerfile", "FROM scratch"),
        ([FILE], "/Dockerfile", "FROM scratch"),
        ([FILE], "dockerfile", None),
        ([(".", b"", "5"), ("./Dockerfile", b"x", "0")], "Dockerfile", "x"),
        ([(".", b"", "5"), (".__prime_dockerfile__", b"x", "0")], ".__prime_dockerfile__", "x"),
        # A file with two names in the system is packed as a hard link.
        ([("./Dockerfile", b"x", "0"), (".__d__", b"./Dockerfile", "1")], ".__d__", "x"),
        ([("d/common", b"x", "0"), ("d/Dockerfile", b"common", "2")], "d/Dockerfile", "x"),
        ([("a", b"d/../b", "2"), ("b", b"x", "0")], "a", "x"),
        ([FILE, ("Dockerfile", b"FROM later", "0")], "Dockerfile", "FROM later"),
        ([("Dockerfile", b"", "5")], "Dockerfile", None),
        ([("Dockerfile", b"nowhere", "2")], "Dockerfile", None),
        ([("caf\xe9", b"x", "0"), FILE], "Dockerfile", "FROM scratch"),
        ([], "Dockerfile", None),
    ],
)
def test_dockerfile_is_found(entries: list[Entry], path: str, text: str | None) -> None:
    """It is found by its path, through links, and the last of its name counts."""
    assert read(packed(entries), path).dockerfile == text


def test_its_own_dockerignore_comes_first() -> None:
    """``x.dockerignore`` beside the Dockerfile ``x`` stands for the common one."""
    common: Entry = (".dockerignore", b"a", "0")
    own: Entry = ("Dockerfile.dockerignore", b"b", "0")

    assert read(packed([FILE, common])).ignore.visible("ab") == ["b"]
    assert read(packed([FILE, common, own])).ignore.visible("ab") == ["a"]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "a path upwards": (packed([("../x", b"", "0")]), "the path leads out"),
    "a path up and down": (packed([("a/../../x", b"", "0")]), "the path leads out"),
    "an absolute path": (packed([("/etc/passwd", b"", "0")]), "the path is absolute"),
    "a link upwards": (packed([("a/l", b"../../x", "2")]), "the link leads out"),
    "an absolute link": (packed([("l", b"/etc", "2")]), "the link leads out"),
    "a hard link upwards": (packed([("l", b"../x", "1")]), "the link leads out"),
    "an absolute hard link": (packed([("l", b"/etc/passwd", "1")]), "the link leads out"),
    "a path through a link": (packed([("l", b".", "2"), ("l/x", b"", "0")]), "below a link"),
    "a device": (packed([("d", b"", "3")]), "not a file, directory or link"),
    "a block device": (packed([("d", b"", "4")]), "not a file, directory or link"),
    "links in a ring": (
        packed([("Dockerfile", b"b", "2"), ("b", b"Dockerfile", "2")]), "the links have no target",
    ),
    "a large Dockerfile": (packed([("Dockerfile", b"x" * (2**20 + 1), "0")]), "is larger than"),
    "nothing": (b"", "not a gzipped tar"),
    "text": (b"FROM scratch", "not a gzipped tar"),
    "a tar that is not zipped": (packed([FILE], zipped=False), "not a gzipped tar"),
    "no tar in it": (gzip.compress(b"FROM scratch\n" * 100), "not a gzipped tar"),
    "an empty gzip": (gzip.compress(b""), "not a gzipped tar"),
    "half of one": (packed([FILE])[:-40], "not a gzipped tar"),
    "without its checksum": (packed([FILE])[:-8], "not a gzipped tar"),
    "an invalid checksum": (packed([FILE])[:-8] + b"\0" * 8, "not a gzipped tar"),
    "more after it": (packed([FILE]) + b"more", "not a gzipped tar"),
    "more in it": (
        gzip.compress(packed([FILE], zipped=False) + b"x" * 512), "continues after its end",
    ),
    "a bomb": (
        packed([("zeros", b"\0" * (context.HARMLESS + 2**25), "0")]), "unpacks to more than",
    ),
    "a path that is too long": (packed([("x/" * 2049, b"", "0")]), "more than 4096 characters"),
    "a link that is too long": (packed([("l", b"x" * 4097, "2")]), "more than 4096 characters"),
    "a long name": (
        packed([("x" * (3 * 2**20), b"", "0")]), "one of its headers is too large",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "why"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_context_is_refused(content: bytes, why: str) -> None:
    """An upload that is not a context, or may do harm, is refused with the reason."""
    with pytest.raises(context.Refused, match=why):
        read(content)


def test_paths_are_limited_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their number, they have so many characters together."""
    monkeypatch.setattr(context, "MOST_PATHS", 30)
    entries: list[Entry] = [("x" * 10 + f"{number}", b"", "0") for number in range(3)]

    assert len(read(packed(entries[:2])).names) == 2
    with pytest.raises(context.Refused, match="more than 30 characters in all"):
        read(packed(entries))


@pytest.mark.parametrize(
    ("limit", "most", "why"),
    [
        ("MOST_PATTERNS", 5, "the patterns have more than 5 characters"),
        ("MOST_WORK", 50, "the patterns are too many for so many paths"),
    ],
)
def test_patterns_beyond_a_limit_fail_the_build(
    limit: str, most: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure names their file; six characters of patterns, and sixteen of paths, are more."""
    ignore = dockerignore.read("*.pyc\nx\n", "Dockerfile.dockerignore")

    assert build_failure("FROM scratch", names=["a" * 16], ignore=ignore) is None
    monkeypatch.setattr(dockerignore, limit, most)
    failure = build_failure("FROM scratch", names=["a" * 16], ignore=ignore)
    assert failure == f"Dockerfile.dockerignore: {why}"


def test_named_pipe_is_taken() -> None:
    """Docker sends them along; nothing is unpacked here."""
    assert read(packed([FILE, ("d", b"", "6")])).names == {"Dockerfile", "d"}


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of a million empty files is refused."""
    monkeypatch.setattr(context, "MOST_ENTRIES", 3)
    entries: list[Entry] = [(f"f{number}", b"", "0") for number in range(4)]

    assert len(read(packed(entries[:3])).names) == 3
    with pytest.raises(context.Refused, match="more than 3 entries"):
        read(packed(entries))


def test_damaged_archives_are_read_or_refused() -> None:
    """Whatever the bytes, there is no other exception."""
    drawn = random.Random(5)  # noqa: S311 (a test)
    sound = packed([FILE, ("x" * 150, b"y" * 700, "0"), ("l", b"Dockerfile", "2")], zipped=False)
    outcomes = set()
    for _ in range(3000):
        content = bytearray(sound)
        for _ in range(drawn.randint(1, 8)):
            content[drawn.randrange(len(content[:4096]))] = drawn.choice(b"\0\xff09-x\x80 ")
        try:
            read(gzip.compress(bytes(content), compresslevel=1))
            outcomes.add("read")
        except context.Refused:
            outcomes.add("refused")

    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize(("system", "refused"), [("linux", None), ("darwin", "RLIMIT_AS")])
def test_child_has_each_limit_that_its_system_accepts(
    system: str, refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel of macOS refuses one of memory, whatever its value; Python raises ValueError."""
    names = ("RLIMIT_CPU", "RLIMIT_CORE", "RLIMIT_AS")
    made: dict[str, int] = {}

    def setrlimit(name: str, limits: tuple[int, int]) -> None:
        if name == refused:
            raise ValueError("current limit exceeds maximum limit")
        made[name] = limits[0]

    used = SimpleNamespace(ru_utime=2.5, ru_stime=1.0)
    resource = SimpleNamespace(
        **{name: name for name in names}, RUSAGE_SELF=0, RLIM_INFINITY=-1, setrlimit=setrlimit,
        getrlimit=lambda _: (-1, -1), getrusage=lambda _: used,
    )  # fmt: skip
    monkeypatch.setattr(builder_child, "resource", resource)
    monkeypatch.setattr(sys, "platform", system)
    builder_child._limit(15, 2**28)

    expected = {"RLIMIT_CPU": 19, "RLIMIT_CORE": 0, "RLIMIT_AS": 2**28}
    assert made == {name: most for name, most in expected.items() if name != refused}
