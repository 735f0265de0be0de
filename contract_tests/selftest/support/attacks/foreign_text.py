"""Texts that somebody else wrote, and what this project prints and writes of them."""

from __future__ import annotations

import datetime
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import httpx
from prime_image_builds import errors, progress
from prime_image_builds.models import BuildStatusResponse, ImageBuildStatus
from rich.console import Console

from scripts.ci import commands as ci
from scripts.ci import gate as ci_gate
from scripts.ci import vendor_check as ci_vendor

from .... import cli, program, usage
from ....gate.result import Report
from ....gate.run import Cut, Run
from ....gate.target import Target, embedded
from ....problems import Problem
from ....report import cases, files, terminal
from ....vendoring import vendor_check
from ....verdicts.waivers import Waiver
from .. import readers, recordings
from . import Attack, Family

MARK = readers.MARK
BREAKS = {
    "line feed": "\n", "carriage return": "\r", "CRLF": "\r\n", "vertical tab": "\v",
    "form feed": "\f", "next line": "\x85", "line separator": "\u2028",
    "paragraph separator": "\u2029",
}  # fmt: skip
TEXTS = {
    **{name: f"x{one}{MARK} passed: 80 rules passed" for name, one in BREAKS.items()},
    "a fix": f"x\n    fix: {MARK}",
    "a colour": f"\x1b[31m{MARK}",
    "the line above": f"\x1b[1A\x1b[2K{MARK}",
    "a link of the terminal": f"\x1b]8;;https://example.org\x07{MARK}",
    "a window title": f"\x1b]0;{MARK}\x07",
    "a control sequence of one byte": f"\x9b31m{MARK}",
    "backspaces": f"x\b\b{MARK}",
    "NUL": f"\0{MARK}",
    "DEL": f"\x7f{MARK}",
    "right to left": f"\u202e{MARK}",
    "an isolate": f"\u2066{MARK}\u2069",
    "zero width": f"x\u200b\u200d\u2060\ufeff{MARK}",
    "fillers": f"x\u3164\u115f\u2800{MARK}",
    "tags": f"x\U000e0041\U000e007f{MARK}",
    "a lone surrogate": f"\ud800{MARK}",
    "a noncharacter": f"\uffff{MARK}\ufffe",
    "GitHub's error": f"x\n::error title={MARK}::{MARK}",
    "GitHub's error at the start": f"::error::{MARK}",
    "GitHub's error after blanks": f"x\n  \t::add-mask::{MARK}",
    "GitHub's stop-commands": f"x\n::stop-commands::{MARK}\n",
    "GitHub's escapes": f"x%0A::error::{MARK}%0D%0A::notice::{MARK}",
    "GitHub's older error": f"x ##[error]{MARK}",
    "Azure's variable": f"x ##vso[task.setvariable variable=x]{MARK}",
    "TeamCity's message": f"x ##teamcity[buildProblem description='{MARK}']",
    "GitLab's section": f"\x1b[0Ksection_start:1:x\r\x1b[0K{MARK}",
    "an output": f"x\nverdict={MARK}",
    "an output of several lines": f"x\nEOF\nverdict<<EOF\n{MARK}\nEOF",
    "a fence": f"x\n```\n# {MARK}\n```\n",
    "a long fence": f"x\n{'`' * 40}\n# {MARK}\n",
    "a fence of tildes": f"x\n~~~\n# {MARK}\n",
    "code": f"`{MARK}` ``{MARK}`` ```{MARK}",
    "a heading": f"x\n\n# {MARK}\n\n{MARK}\n===\n",
    "a table": f"x | {MARK} |\n|---|---|\n| {MARK} |",
    "HTML": f"<b>{MARK}</b><script>{MARK}</script>",
    "an HTML comment": f"x <!-- {MARK}\n\n--> <details><summary>{MARK}",
    "an image": f"![{MARK}](https://example.org/x.png)",
    "a link": f"[{MARK}](javascript:x) [{MARK}]\n\n[{MARK}]: https://example.org",
    "addresses": f"https://example.org/{MARK} www.{MARK}.example <mailto:{MARK}@example.org>",
    "a mention": f"@{MARK} {MARK}#1",
    "backslashes": f"\\{MARK}\\",
    "the end of a failure": f"]]></failure></testcase><testcase name='{MARK}'/>",
    "entities": f"&{MARK}; &#10;{MARK} &#27;",
    "quotes": f"'\"{MARK}\"' $(touch {MARK}) `touch {MARK}`",
}  # fmt: skip

BASE = "https://builds.example"
API = f"{BASE}/api/v1/images/build"
LATER = datetime.date(2999, 12, 31)
Check = Callable[[str], str | None]


def _captured(run: Callable[..., object], *arguments: Any) -> str:
    """Return what a function prints, on standard output and error."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        run(*arguments)
    return printed.getvalue()


def _command(*words: str) -> str:
    return _captured(cli.main, list(words))


# The reports of a run.


@cache
def _endpoint() -> Any:
    return embedded("test-token")


def _run(**settings: Any) -> Run:
    target = replace(Target(token="test-token"), **settings)  # noqa: S106
    return Run(target, at=_endpoint())


def _reported(report: Report) -> str | None:
    """Return what is forged in any report of a run."""
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder, "junit.xml")
        printed = _captured(program.finish, report, junit)
        summary = junit.with_name(files.SUMMARY).read_text(encoding="utf-8")
        found = {
            "terminal": readers.terminal(printed),
            "Markdown": readers.markdown(summary) or readers.terminal(summary),
            "JUnit": readers.junit(junit.read_text(encoding="utf-8"), cases.cases(report)),
            "JSON": readers.as_json(junit.with_name(files.VERDICTS).read_text(encoding="utf-8")),
            "HTML": readers.html(junit.with_name(files.PAGE).read_text(encoding="utf-8")),
            "commands": f"{readers.commands(printed)}" if readers.commands(printed) else None,
        }
    return next((f"{where}: {what}" for where, what in found.items() if what), None)


def _status(text: str, status: str, **more: Any) -> dict[str, Any]:
    row = {"artifactType": "CONTAINER_IMAGE", "status": status, "errorMessage": text,
           "fullImagePath": text, "id": text}  # fmt: skip
    return recordings.status_body(
        status, id=text, imageName=text, imageTag=text, errorMessage=text, artifacts=[row], **more
    )


def _values(text: str) -> Iterator[tuple[str, str, int, Any]]:
    """Yield the life of a build whose every string is the text; status and times are sound."""
    path = f"{API}/{quote(text, errors='surrogatepass')}"
    yield "POST", API, 200, {
        "build_id": text, "upload_url": f"{BASE}/{text}?signature={text}", "expires_in": 1,
    }  # fmt: skip
    yield "POST", f"{path}/start", 200, _status(text, "BUILDING")
    yield "GET", path, 200, _status(text, "COMPLETED")
    yield "GET", path, 200, _status(text, "BUILDING", completedAt=text)


def _shapes(text: str) -> Iterator[tuple[str, str, int, Any]]:
    """Yield answers whose keys, types, statuses and times are the text."""
    row = {text: text, "artifactType": text, "status": text, "createdAt": text}
    yield "POST", API, 200, {text: text, "build_id": [text], "upload_url": text}
    yield "GET", f"{API}/bld_1", 200, {**row, "artifacts": [row, {text: {text: text}}]}
    yield "GET", f"{API}/bld_1", 422, {"errors": [{"param": text, "details": text}], text: text}
    yield "GET", f"{API}/bld_1", 200, [text]


def _bytes(text: str) -> Iterator[tuple[str, str, int, Any]]:
    """Yield answers with the text as the whole body, which is not JSON."""
    raw = text.encode(errors="surrogatepass")
    for code in (200, 500, 301, 405):
        yield "POST", API, code, raw
        yield "GET", f"{API}/bld_1", code, b'{"status": "' + raw + b'"}'


def _answers(made: Callable[[str], Iterator[tuple[str, str, int, Any]]], text: str) -> str | None:
    run = _run(url=BASE)
    announced: list[str] = []
    run.judge.announce = lambda one: announced.append(terminal.announcement(run, one))
    shown = text.encode(errors="surrogatepass").decode("latin-1")
    headers = {"x-id": text, "content-type": "application/json", "retry-after": shown}
    if made is _bytes:
        headers |= {"content-type": shown, "allow": shown, "location": shown, f"x-{shown}": shown}
    for method, url, code, body in made(text):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        run.tape.record(
            driver="scripted", intent=f"try {text}", response=(code, headers, content),
            request=(method, url, {"authorization": "Bearer test-token"}, b"{}"),
        )  # fmt: skip
    run.tape.record(
        driver="scripted", intent="lost", failure=text,
        request=("PUT", f"{BASE}/{text}", {}, b""), upload_of=text,
    )  # fmt: skip
    if not any(one.violations for one in run.verdicts.values()):
        return "nothing is violated"
    return readers.terminal("\n".join(announced)) or _reported(Report(run.target, run))


def _words(text: str) -> str | None:
    """Put the text into problems, budgets, waivers and required things of a run."""
    waiver, other = Waiver("T5", text, LATER), Waiver("S1", text, LATER)
    run = _run(url=f"{BASE}/{text}", waivers=(waiver, other), require=(text,))
    run.problem, run.cut = Problem(text, text, details=[text]), [Cut(text, text, "")]
    for status in ("COMPLETED", "COMPLETED", text):
        run.tape.record(
            driver="scripted", intent=text, request=("GET", f"{API}/bld_1", {}, b""),
            response=(200, {"content-type": "application/json"},
                      json.dumps(_status("x", status)).encode()),
        )  # fmt: skip
    return (
        _reported(Report(run.target, run))
        or _reported(Report(problem=Problem(text, text)))
        or _reported(Report(run.target, run, problem=Problem(text, text)))
    )


# Documents, recordings, locks.


def _document(text: str) -> dict[str, Any]:
    schema = {"type": "object", "required": [text], "properties": {
        text: {"type": "string", "enum": [text], "description": text, "format": text},
    }}  # fmt: skip
    answer = {"description": text, "content": {text: {"schema": schema},
                                               "application/json": {"schema": schema}}}  # fmt: skip
    parameter = {"name": text, "in": "query", "schema": {"enum": [text]}, "required": True}
    operation = {"operationId": text, "parameters": [parameter], "summary": text,
                 "responses": {"200": answer, text: answer}}  # fmt: skip
    paths = {"/api/v1/images/build": {"post": operation}, f"/{text}": {"get": operation}}
    return {"openapi": "3.1.0", "info": {"title": text, "version": text}, "paths": paths,
            "components": {"schemas": {text: {"$ref": f"#/{text}"}}}}  # fmt: skip


def _compared(text: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        file, accepted = Path(folder, "document.json"), Path(folder, "accepted.toml")
        file.write_text(json.dumps(_document(text)))
        base = Path(folder, "base.json")
        base.write_text(json.dumps(_document("plain")))
        words = ("compare", str(file), f"--contract={base}", "--all")
        page = Path(folder, "page.html")
        printed = _command(*words, f"--page={page}")
        if MARK not in printed:
            return f"nothing is shown: {printed}"
        kept = text.encode(errors="replace").decode()
        accepted.write_text(
            f'[[accepted]]\nkind = "operation-removed"\nplace = {json.dumps(kept)}\n'
            f"reason = {json.dumps(kept)}\nexpires = 2999-01-01\n", encoding="utf-8",
        )  # fmt: skip
        refused = _command(*words, f"--accepted={accepted}")
        document = _command(*words, "--json")
        forged = readers.html(page.read_text("utf-8"))
    return forged or next(
        filter(None, map(readers.terminal, (printed, refused))), readers.as_json(document)
    )


def _linted(text: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "document.json")
        printed = ""
        for document in (_document(text), {"openapi": text, text: text}):
            file.write_text(json.dumps(document))
            printed += _command("lint", str(file))
        file.write_bytes(b"a: [" + text.encode(errors="surrogatepass"))
        printed += _command("lint", str(file))
    return readers.terminal(printed)


def _recorded(text: str) -> str | None:
    url = f"{API}/{quote(text, errors='surrogatepass')}"
    entries = [
        recordings.entry(body=_status(text, "COMPLETED", completedAt=None), url=url),
        recordings.entry(body=text, url=f"{url}?{quote(text, errors='surrogatepass')}", at=1),
        recordings.entry(body={text: text}, at=2), recordings.entry(text, url, at=3),
        recordings.entry(url=f"{API}/{text}", body={text: text}, at=4),
        recordings.entry(body=_status(text, "COMPLETED", completedAt=text), at=5),
    ]  # fmt: skip
    entries[1]["response"]["headers"] += [{"name": text, "value": text}]
    entries[2]["response"]["content"]["mimeType"] = f"x/{text}"
    with tempfile.TemporaryDirectory() as folder:
        file = recordings.written(Path(folder) / "a.har", entries)
        page = Path(folder, "page.html")
        printed = _command("judge", str(file), f"--page={page}")
        forged = readers.html(page.read_text("utf-8"))
        file.write_text(json.dumps({"log": text}) + text.encode(errors="replace").decode())
        printed += _command("judge", str(file))
    if MARK not in printed:
        return f"nothing is shown: {printed}"
    return forged or readers.terminal(printed)


def _locked(text: str) -> str | None:
    name = text.replace("/", "").replace("\0", "").encode(errors="replace").decode()[:80]
    lock = {"lock": 1, "contract": {"version": text}, "source": {"commit": text},
            "files": {f"{text}.py": "0"}}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "prime_image_builds")
        copy.mkdir()
        (copy / name).write_text("x")
        path = copy / vendor_check.LOCK
        path.write_text(json.dumps({**lock, "files": {name: vendor_check.sha256(b"x")}}))
        printed = [_captured(vendor_check.main, [str(copy)]), _command("vendor-check", folder)]
        path.write_text(json.dumps(lock))
        printed += [_captured(vendor_check.main, [str(copy)]), _command("vendor-check", folder)]
        printed += [_command("vendor", folder)]
        documents = [_captured(vendor_check.main, [str(copy), "--json"])]
        documents.append(_command("vendor-check", "--json", folder))
    if MARK not in printed[2]:
        return f"nothing is shown: {printed[2]}"
    return next(
        filter(None, (*map(readers.terminal, printed), *map(readers.as_json, documents))), None
    )


# What somebody else names: settings, files, waivers.


def _set(text: str) -> str | None:
    texts = []
    for name in ("TARGET", "RULE", "LEVEL", "REQUIRE", "WAIVERS", "HEADERS", "SEED", "FAULT",
                 "PROXY", "DOCKERFILE", "CA_BUNDLE", "BUILD_ID", "MAX_BUILDS"):  # fmt: skip
        given = {"CONTRACT_TARGET": BASE, "CONTRACT_DRY_RUN": "1", f"CONTRACT_{name}": text}
        texts.append(_captured(program.run, given))
    texts += [_command("judge", text), _command("compare", text), _command("lint", text),
              _command(text), _command("gate", f"--{text}"), _command("serve", "--fault", text),
              _command("vendor-check", text.replace("\0", ""))]  # fmt: skip
    return next(filter(None, map(readers.terminal, texts)), None)


def _waived(text: str) -> str | None:
    kept = json.dumps(text.encode(errors="replace").decode()).replace("\\u007f", "?")
    texts = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "waivers.toml")
        for rule, key, reason in (("T5", "path", kept), (kept, "path", kept), ("T5", kept, kept)):
            table = {"rule": rule if rule == kept else f'"{rule}"', "reason": reason,
                     "expires": "2001-01-01", key: kept}  # fmt: skip
            lines = "\n".join(f"{name} = {value}" for name, value in table.items())
            file.write_text(f"[[waiver]]\n{lines}\n", encoding="utf-8")
            given = {"CONTRACT_WAIVERS": str(file), "CONTRACT_DRY_RUN": "1"}
            texts.append(_captured(program.run, given))
    return next(filter(None, map(readers.terminal, texts)), None)


def _repeated(text: str) -> str | None:
    """Run a line that repeats something with a shell: the value comes back as it was."""
    printed = usage.command("judge", HAR=text, RULE="T5")
    done = subprocess.run(  # noqa: S603
        ["bash", "-c", f"make() {{ printf '%s\\0' \"$@\"; }}; {printed}"],  # noqa: S607
        capture_output=True, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, check=False,
    )  # fmt: skip
    words = done.stdout.decode().split("\0")
    if words != ["judge", f"HAR={text}", "RULE=T5", ""]:
        return f"{printed!r} is run as {words}"
    return readers.terminal(printed)


# What CI systems read.


def _in_ci(
    run: Callable[[], object], expected: Mapping[str, str], *, has_log: bool = False
) -> str | None:
    """Run a step of a job of GitHub's; return what it forges beside the outputs that it has.

    ``has_log`` is whether it shows lines of a server's log, which begin as the server wrote them.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, summary = Path(folder, "output"), Path(folder, "summary")
        job = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output),
               "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": folder}  # fmt: skip
        with mock.patch.dict(os.environ, job):
            printed = _captured(run)
        outputs = readers.outputs(output.read_bytes().decode())
        page = summary.read_bytes().decode()
    names = {name for name, _ in readers.commands(printed)}
    if names - {"error", "warning"} or not names:
        return f"commands: {names}"
    if not has_log and any(one.startswith(MARK) for _, data in readers.commands(printed)
           for one in data.split("\n")):  # fmt: skip
        return "a line of an annotation"
    if wrong := {name: text for name, text in expected.items() if outputs.get(name) != text}:
        return f"outputs: {outputs}, without {wrong}"
    return readers.markdown(page)


def _gate_in_ci(text: str) -> str | None:
    """Report verdicts, problems and names of a run that have the text."""
    waiver = {"rule": "T5", "reason": text, "expires": "2999-01-01"}
    one = {"rule": "T5", "level": "SHOULD", "outcome": "violated", "waivers": [waiver],
           "unneeded": [waiver], "groups": []}  # fmt: skip
    document = {"verdicts": [one], "ended": "cut", "reasons": [text], "missing": [text]}
    with tempfile.TemporaryDirectory() as folder:
        reports = Path(folder)
        Path(folder, "verdicts.json").write_text(json.dumps(document))
        named = text.encode(errors="backslashreplace").decode()

        def others() -> None:
            ci.outputs({"reports": named, "verdict": "passed"})
            ci.summary("")
            ci.annotate("warning", text, "")

        return _in_ci(
            lambda: ci_gate.report(reports, 1, str(Problem(text, text))),
            {"verdict": "violated", "violated": "T5", "exit-code": "1"},
        ) or _in_ci(others, {"verdict": "passed", "reports": named}) or _in_ci(
            lambda: ci_gate.report(reports, 4, f"{Problem('x', 'y')}\n{text}\n# {MARK}"),
            {"verdict": "error"}, has_log=True,
        )  # fmt: skip


def _copy_in_ci(text: str) -> str | None:
    return _in_ci(
        lambda: ci_vendor.main({**os.environ, "VENDOR_PATH": text.replace("\0", "")}),
        {"state": "broken", "exit-code": "1"},
    )


# What the client's user sees.


def _raised(text: str) -> str | None:
    build = BuildStatusResponse.from_dict(recordings.status_body("FAILED") | {
        "id": text, "imageName": text, "artifacts": [
            {"artifactType": "CONTAINER_IMAGE", "status": "FAILED", "errorMessage": text,
             "id": "art_1", "createdAt": "2026-05-04T11:00:00Z"}]})  # fmt: skip
    request = httpx.Request("GET", API)
    answers = [{"detail": text}, {"errors": [{"param": text, "details": text}]}]
    refused = [httpx.Response(422, json=answer, request=request) for answer in answers]
    shown = [
        errors.BuildFailedError(build), errors.BuildTimeoutError(text, build, 1.0),
        errors.ContextError(f"{text} is missing"), errors.InvalidRequestError(f"not {text}"),
        errors.InvalidResponseError(f"$.{text}", text, refused[0]),
        *map(errors.ApiError.of, refused),
    ]  # fmt: skip
    return next(filter(None, (readers.terminal(f"error: {one}") for one in shown)), None)


def _progressed(text: str) -> str | None:
    printed = io.StringIO()
    console = Console(file=printed, width=400, color_system=None)
    with progress.progress_bar(console=console) as show:
        shown = f"{text}[/b]"  # rich's markup, which ends nothing
        show(progress.Progress(progress.Step.WAITING, shown, ImageBuildStatus("BUILDING")))
    last = printed.getvalue().strip()
    return readers.terminal(last) if "[/b]" in last else f"it is not shown: {last!r}"


KINDS: dict[str, Callable[[str], str | None]] = {
    "strings of a server": partial(_answers, _values),
    "keys, types and times of a server": partial(_answers, _shapes),
    "bodies and headers of a server": partial(_answers, _bytes),
    "problems, waivers and budgets of a run": _words,
    "documents to compare": _compared,
    "documents to lint": _linted,
    "recordings": _recorded,
    "locks and names of files": _locked,
    "values of settings": _set,
    "files of waivers": _waived,
    "lines that repeat": _repeated,
    "the gate in CI": _gate_in_ci,
    "a copy in CI": _copy_in_ci,
    "errors of the client": _raised,
    "progress of the client": _progressed,
}
SERVER = 3
"""How many of these, from the first on, are what a server returns."""
# What cannot be there: bash knows no NUL, a lone surrogate is in no argument and in no document.
IMPOSSIBLE = {
    "lines that repeat": ("NUL", "a lone surrogate"), "documents to compare": ("a lone surrogate",),
    "errors of the client": ("a lone surrogate",),  # its own reading of JSON refuses one
}  # fmt: skip


def attacks() -> Iterator[Attack]:
    """Yield each text of a server; in other places, which are escaped alike, each third text."""
    for number, (kind, run) in enumerate(KINDS.items()):
        names = [name for name in TEXTS if name not in IMPOSSIBLE.get(kind, ())]
        for name in names if number < SERVER else names[number % 3 :: 3]:
            yield Attack(kind, f"{kind}: {name}", partial(run, TEXTS[name]))


FAMILY = Family(
    "foreign text",
    "Nothing that others wrote is obeyed by a terminal, or forges a line, a page or a command.",
    attacks,
)
