"""Values that shells, logs and parsers choke on, in each setting, argument, file name and input."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock as patched

import click

from scripts.ci import gate as ci_gate
from scripts.ci import vendor_check as ci_vendor_check

from .... import cli, proxying, usage
from ....cli import serve as serving
from ....gate.target import GateError
from ....mock import MockImages
from ....settings import SETTINGS, from_environment
from ....usage import MOST_BYTES
from .. import readers
from . import Attack, Family

VALUES = {
    "nothing": "", "a blank": " ", "a dash": "-", "two dashes": "--", "the help": "--help",
    "an option": "--no-such=1", "lines": "a\n::error title=x::b\n    fix: c",
    "returns": "a\r\nb\rc", "NUL": "a\0b", "escapes": "\x1b[2J\x1b]0;x\x07",
    "an invalid byte": "\udcff", "a surrogate": "a\ud800b", "other scripts": "é漢🏗",
    "directions": "\u202e\u2028",
    "a long one": "x" * 100_000, "many digits": "9" * 5000, "not an int": "1_000.5",
    "commands": "$(touch ran)`touch ran`;touch ran|touch ran&touch ran", "formats": "%s%n{0}{x}{}",
    "broken JSON": '{"a": [1', "deep JSON": "[" * 5000, "null": "null", "infinity": "1e999",
    "not a number": "nan", "less than none": "-1", "a square": "²", "hex": "0x10",
    "a home": "~nobody/x", "half a URL": "http://[::1", "a URL with a password": "ftp://u:p@h:x",
    "quotes": "'\"\\", "a fence": "```\n# h\n::error::x", "tabs": "\t\x0b", "C1": "\x9b2J\x85",
    "separators": ",,,", "a list": "T5,\n::error::T4", "one name too long": "x" * 300,
}  # fmt: skip
NAMES = ("a\n::error::b", "a\r\nb", "\x1b[2J", "-x", "--help", " x ", "é漢", "\udcff", "%s{0}",
         "$(touch ran)", "'\"", "x" * 200, "\u202e", "#x")  # fmt: skip
# Files beside a hostile value, and the rest of a command line that ends early.
TINY = '{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}}'
REST = {"judge": ["absent.har"], "compare": ["--contract=tiny.json", "tiny.json"],
        "vendor": ["dest"], "vendor-check": ["dest"], "gate": ["--dry-run"],
        "proxy": ["--port=0"], "replay": ["absent.har"]}  # fmt: skip
FOUND = ("vendor-check",)  # ends with 1 for a folder that is not a copy
# Lines of the values: printed as they are, they would be ours, or commands.
FORGED = {line for text in (*VALUES.values(), *NAMES) for line in text.split("\n")[1:]}
TOKEN = {"CONTRACT_TOKEN": "some-long-token"}


class _Server:
    """Stands in place of uvicorn: it serves nothing."""

    def run(self, _: object) -> None:
        """End at once."""


@contextlib.contextmanager
def _nowhere(*_: object) -> Iterator[str]:
    """Stand in place of the server behind the proxy."""
    yield "http://127.0.0.1:9"


def run(call: Callable[[], int], environment: Mapping[str, str] = TOKEN) -> tuple[int, str]:
    """Run in an empty folder of its own; return the exit code and what was printed.

    Raises ``AssertionError`` if something was run, or written above that folder.
    """
    clean = {name: text for name, text in os.environ.items() if not name.startswith("CONTRACT_")}
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as above, contextlib.ExitStack() as stack:
        here = Path(above, "here")
        here.mkdir()
        (here / "tiny.json").write_text(TINY)
        stack.enter_context(contextlib.chdir(here))
        stack.enter_context(patched.patch.dict(os.environ, {**clean, **environment}, clear=True))
        stack.enter_context(patched.patch.object(serving, "server", lambda *_: _Server()))
        stack.enter_context(patched.patch.object(proxying, "server", lambda *_, **__: _Server()))
        stack.enter_context(patched.patch.object(proxying, "end_by_signals", lambda *_: None))
        stack.enter_context(patched.patch.object(proxying, "_served", _nowhere))
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        try:
            code = call()
        except SystemExit as left:
            code = int(left.code or 0)
        assert not list(here.rglob("ran")), "it was run"
        assert os.listdir(above) == ["here"], "it was written elsewhere"  # noqa: PTH208
    return code, printed.getvalue()


def trouble(code: int, printed: str, fine: tuple[int, ...] = (0,)) -> str | None:
    """Return what is wrong with how a command ended: data is accepted, or there is a problem."""
    if "Traceback" in printed:
        return printed.strip().splitlines()[-1][:200]
    if code not in (4, *fine):
        return f"exit code {code}: {printed[:200]!r}"
    if code == 4 and not ("\nproblem: " in f"\n{printed}" and "\n    fix: " in printed):
        return f"no problem with a fix: {printed[:200]!r}"
    if not all(line.isprintable() and line not in FORGED for line in printed.split("\n")):
        return f"raw: {printed[:200]!r}"
    return None


def command_line(*words: str, front: str = "console") -> str | None:
    """Run a command in this process."""
    fine = (0, 1) if words[0] in FOUND else (0,)
    environment = {**TOKEN, usage.VARIABLE: front}
    return trouble(*run(lambda: cli.main([*words]), environment), fine)


def each_parameter(name: str, value: str) -> str | None:
    """Give each option and argument of a command a value, in turn."""
    found = cli.commands.get_command(click.Context(cli.commands), name)
    assert found is not None
    for number, one in enumerate(found.params):
        if isinstance(one, click.Argument):
            words = ["--", value]
        elif isinstance(one, click.Option) and not one.is_flag:
            words = [f"{one.opts[0]}={value}", *REST.get(name, [])]
            if name == "gate" and one.name not in ("target", "fault"):
                words.append("--target=http://127.0.0.1:9")
        else:
            continue
        if what := command_line(name, *words, front=("console", "make")[number % 2]):
            return f"{one.name}: {what}"
    return None


def each_variable(value: str) -> str | None:
    """Give each setting a value in the environment, in turn."""
    for name in SETTINGS:
        given = {"CONTRACT_TARGET": "http://127.0.0.1:9", **TOKEN, f"CONTRACT_{name}": value}
        try:
            from_environment(given)
        except GateError as error:
            if what := trouble(error.code, str(error)):
                return f"{name}: {what}"
        else:
            if len(value) > MOST_BYTES:
                return f"{name}: {len(value)} characters were accepted"
    return None


FILES: dict[str, tuple[Callable[[str], list[str]], str | None]] = {
    "HAR": (lambda name: ["judge", "--", name], "{}"),
    "UPSTREAM": (lambda name: ["compare", "--contract=tiny.json", "--", name], TINY),
    "ACCEPTED": (lambda name: ["compare", "--contract=tiny.json", f"--accepted={name}",
                               "tiny.json"], "[[accepted]]"),
    "WAIVERS": (lambda name: ["gate", "--dry-run", f"--waivers={name}"], "[[waiver]]"),
    "DOCKERFILE": (lambda name: ["gate", "--dry-run", f"--dockerfile={name}"], "FROM scratch"),
    "CA_BUNDLE": (lambda name: ["gate", "--dry-run", "--target=http://127.0.0.1:9",
                                f"--ca-bundle={name}"], "none"),
    "a contract": (lambda name: ["lint", "--", name], TINY),
    "DEST": (lambda name: ["vendor", "--", name], None),
    "a copy": (lambda name: ["vendor-check", "--", name], None),
}  # fmt: skip


def file_name(what: str, name: str) -> str | None:
    """Give a command a file or folder of a hostile name, which is there."""
    words, content = FILES[what]

    def call() -> int:
        if content is None:
            Path(name).mkdir()
        else:
            Path(name).write_text(content)
        return cli.main(words(name))

    return trouble(*run(call), (0, 1))


def job_input(value: str) -> str | None:
    """Give the inputs of both actions a value, in turn; the gate itself is not reached."""
    for name in ("VENDOR_PATH", "VENDOR_ON_UPDATE"):
        given = {"VENDOR_PATH": "copy", name: value}
        if what := _job(ci_vendor_check.main, given, {"state", "exit-code"}):
            return f"{name}: {what}"
    for name in ("GATE_TIMEOUT", "GATE_WAIT_FOR", "GATE_REPORTS"):
        # Its command fails, so that no gate is started.
        given = {**TOKEN, "CONTRACT_TARGET": "http://127.0.0.1:9", "CONTRACT_HEADERS": value,
                 "GATE_COMMAND": "exit 3", name: value}  # fmt: skip
        keys = {"verdict", "violated", "advised", "waived", "not-observed", "not-applicable",
                "exit-code", "reports"}  # fmt: skip
        if what := _job(ci_gate.main, given, keys):
            return f"{name}: {what}"
    return None


def _job(main: Callable[[Mapping[str, str]], int], given: dict[str, str], keys: set[str]) -> Any:
    def call() -> int:
        code = main({**given, "GITHUB_WORKSPACE": str(Path.cwd()), **github})
        outputs.update(readers.outputs(Path("outputs").read_text(encoding="utf-8")))
        return code

    outputs: set[str] = set()
    github = {"GITHUB_OUTPUT": "outputs", "GITHUB_STEP_SUMMARY": "summary", "GITHUB_ACTIONS": ""}
    code, printed = run(call, github)
    if outputs != keys:
        return f"outputs {outputs}"
    return None if code in (1, 4) and "Traceback" not in printed else f"exit code {code}"


OTHERS: tuple[Any, ...] = (None, "3", "\0", 3, 3.5, float("nan"), -1, 10**400, b"x", [], {}, object)
ARGUMENTS = ("token", "base_url", "build_seconds", "start", "scenario", "seed", "fault")


def argument(name: str, value: Any) -> str | None:
    """Give the mock an argument: it is taken, or refused with a ``ValueError`` that names it."""
    try:
        MockImages(**{name: value}).close()
    except ValueError as error:
        return None if str(error) else "no message"
    return None


def attacks() -> Iterator[Attack]:
    """Make them all."""
    context = click.Context(cli.commands)
    for name in [*cli.COMMANDS, *cli.PROJECT]:
        command = cli.commands.get_command(context, name)
        assert command is not None
        if all(isinstance(one, click.Option) and one.is_flag for one in command.params):
            continue
        for value, text in VALUES.items():
            yield Attack("each option and argument", f"{name}: {value}",
                         partial(each_parameter, name, text))  # fmt: skip
    for value, text in VALUES.items():
        if value not in ("NUL", "a surrogate"):  # which no environment can have
            yield Attack("each variable", f"variables: {value}", partial(each_variable, text))
            yield Attack("each input of a job", f"inputs: {value}", partial(job_input, text))
    for what in FILES:
        for text in NAMES:
            yield Attack("name of a file", f"{what}: {text!a:.40}", partial(file_name, what, text))
    for name in ARGUMENTS:
        for one in OTHERS:
            yield Attack(
                "argument of the mock", f"{name}={one!r:.20}", partial(argument, name, one)
            )


FAMILY = Family(
    "command lines",
    "A value is taken as data, or refused with exit code 4, a problem and a fix; nothing in it is "
    "run.",
    attacks,
)
