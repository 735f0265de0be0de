"""Who is compared with the gate: how each is installed and run, and what its output shows.

No document describes the upload, and the checkers from npm run without scripts of their own. So
each gets a server that has builds, and the strict document with them as examples: all that it sends
succeeds there.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from contract_tests.contract import strict
from contract_tests.drivers.scripted.inputs import context

from .. import npm
from .environments import CACHE, ROOT, MissingError

TOKEN = "bench-token"  # noqa: S105 (of a server on the loopback)
SEED = 1
# With some faults builds never end; the gate waits this long.
DEADLINE = 120
BUILDS = "/api/v1/images/build"
PATIENCE = 5.0
PRISM = npm.MOCKS["@stoplight/prism-cli"]
HEADER = f"Authorization: Bearer {TOKEN}"


@dataclass(frozen=True)
class Command:
    """What is run, in which folder, and with which variables."""

    words: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checker:
    """One that checks a server.

    Attributes:
        title: How tables name it.
        command: Prepares a folder for a server at a URL; also gets the folder of its programs.
        mark: The line that shows a violation, whose group is its kind.
        packages: From npm, with exact versions.
        needs: Programs besides.
        note: What the page states of it.

    """

    title: str
    command: Callable[[str, Path, Path], Command]
    mark: re.Pattern[str]
    packages: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    note: str = ""

    def install(self, name: str) -> Path:
        """Return the folder of its programs. Raises ``MissingError`` with the reason."""
        for one in self.needs:
            if shutil.which(one) is None:
                raise MissingError(f"needs {one.title()}")
        try:
            return npm.set_up(self.packages, CACHE / f"npm-{name}") if self.packages else CACHE
        except npm.NotSetUpError as error:
            raise MissingError(str(error)) from error


def _gate(url: str, folder: Path, _: Path) -> Command:
    words = [sys.executable, "-m", "contract_tests", "gate", f"--junit={folder}/junit.xml"]
    settings = {
        "TARGET": url, "TOKEN": TOKEN, "SEED": str(SEED), "DEADLINE": str(DEADLINE),
        "SERVER_ONLY": "1", "LEVEL": "advice",
    }  # fmt: skip
    return Command(words, ROOT, {f"CONTRACT_{name}": one for name, one in settings.items()})


def _stock(url: str, folder: Path, _: Path) -> Command:
    return _schemathesis(url, folder, ROOT / "openapi.yaml")


def _extended(url: str, folder: Path, _: Path) -> Command:
    (folder / "uploads.py").write_text(uploading())
    more = {"SCHEMATHESIS_HOOKS": "uploads", "PYTHONPATH": str(folder)}
    return _schemathesis(url, folder, _strict(folder), more)


def _strict(folder: Path) -> Path:
    document = folder / "strict.json"
    document.write_text(json.dumps(strict.document()))
    return document


def uploading() -> str:
    """Return a hook of schemathesis that uploads a context, without which no build starts."""
    return f"""
import schemathesis, urllib.request

@schemathesis.hook
def after_call(context, case, response):
    if case.method == "POST" and response.status_code == 201:
        url = response.json()["upload_url"]
        headers = {{"Content-Type": "application/octet-stream"}}
        sent = bytes.fromhex("{context("FROM scratch").hex()}")
        request = urllib.request.Request(url, sent, headers, method="PUT")
        urllib.request.urlopen(request).close()
"""


def _schemathesis(
    url: str, folder: Path, document: Path, more: Mapping[str, str] | None = None
) -> Command:
    program = Path(sys.executable).with_name("schemathesis")
    options = ["--seed", str(SEED), "--generation-database", "none", "--no-color", "-H", HEADER]
    # In a temporary directory: files that it keeps there would change the next run.
    return Command(
        [str(program), "run", str(document), "--url", url, *options], folder, dict(more or {})
    )


def _specmatic(url: str, folder: Path, programs: Path) -> Command:
    words = [str(programs / "specmatic"), "test", _document(url, folder), f"--testBaseURL={url}"]
    return Command(words, folder, {"bearer": TOKEN})  # by the name of the security scheme


def _portman(url: str, folder: Path, programs: Path) -> Command:
    tests = ("statusSuccess", "contentType", "jsonBody", "schemaValidation", "headersPresent")
    settings = {
        "version": 1.0,
        "tests": {"contractTests": [
            {"openApiOperation": "*::/*", one: {"enabled": True}} for one in tests
        ]},
        "globals": {"collectionVariables": {"bearerToken": TOKEN}},
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    convert = f"portman -l {_document(url, folder)} -b {url} -c settings.json -o made.json"
    script = f"{programs}/{convert} && exec {programs}/newman run made.json --color off"
    return Command(["/bin/sh", "-c", script], folder)


def _dredd(url: str, folder: Path, programs: Path) -> Command:
    options = ["-l", "error", "--no-color", "--inline-errors", "-h", HEADER]
    return Command([str(programs / "dredd"), _document(url, folder), url, *options], folder)


def _stepci(url: str, folder: Path, programs: Path) -> Command:
    made = prepared(url)
    steps = []
    for path, item in made["paths"].items():
        for method, operation in item.items():
            given = {one["name"]: one["example"] for one in operation["parameters"]}
            ((code, response),) = operation["responses"].items()
            (content,) = response["content"].values()
            sent = operation.get("requestBody", {}).get("content", {}).values()
            step: dict[str, Any] = {
                "url": path.format(**given), "method": method.upper(),
                "headers": {"Authorization": f"Bearer {TOKEN}"},
                "check": {"status": int(code), "schema": content["schema"]},
            }  # fmt: skip
            for one in sent:
                step["json"] = one["examples"]["given"]["value"]
            steps.append({"name": operation["operationId"], "http": step})
    workflow = {
        "version": "1.1", "name": "builds", "tests": {"builds": {"steps": steps}},
        "config": {"http": {"baseURL": url}, "continueOnFail": True},
        "components": {"schemas": made["components"]["schemas"]},
    }  # fmt: skip
    (folder / "workflow.yml").write_text(json.dumps(workflow))  # JSON is YAML
    more = {"STEPCI_DISABLE_ANALYTICS": "1"}
    return Command([str(programs / "stepci"), "run", "workflow.yml"], folder, more)


def _prism(url: str, folder: Path, programs: Path) -> Command:
    words = [sys.executable, "-m", "scripts.dev.bench.prism", str(programs / "prism")]
    return Command([*words, str(_strict(folder)), url], ROOT, {"NO_COLOR": "1"})


def _document(url: str, folder: Path) -> str:
    (folder / "openapi.json").write_text(json.dumps(prepared(url)))
    return "openapi.json"


def prepared(url: str) -> dict[str, Any]:
    """Make builds of two images on a server; return the document that has them as examples."""
    ended, _ = (build(url, tag) for tag in ("v1", "v2"))
    known = {"build_id": ended, "image_name": "web", "image_tag": "v2"}
    made: dict[str, Any] = strict.document() | {"servers": [{"url": url}]}
    parameters = made["components"]["parameters"]
    for item in made["paths"].values():
        shared = item.pop("parameters", [])
        for operation in item.values():
            # Some read example, others examples, and some no references.
            operation["parameters"] = [
                one | {"example": known[one["name"]],
                       "examples": {"given": {"value": known[one["name"]]}}}
                for given in [*shared, *operation.get("parameters", [])]
                if (one := parameters[given["$ref"].rpartition("/")[2]] if "$ref" in given
                    else given)["name"] in known
            ]  # fmt: skip
            code, success = next(iter(operation["responses"].items()))
            operation["responses"] = {code: success}
            success.pop("links", None)
            for content in success["content"].values():
                content["examples"] = {"given": list(content["examples"].values())[-1]}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["examples"] = {"given": next(iter(content["examples"].values()))}
    for schema in made["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = True  # as JSON Schema has it, and Specmatic has not
    return made


def build(url: str, tag: str) -> str:
    """Take a build to its end; return its id. Of a server with a fault, what can be had."""
    name = "bld_1"
    with (
        contextlib.suppress(httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError),
        httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client,
    ):
        given = {"image_name": "web", "image_tag": tag}
        issued = client.post(url + BUILDS, json=given).json()
        name = str(issued["build_id"])
        kind = {"Content-Type": "application/octet-stream"}
        httpx.put(issued["upload_url"], content=context("FROM scratch"), headers=kind)
        client.post(f"{url}{BUILDS}/{name}/start", json={})
        until = time.monotonic() + PATIENCE
        while not client.get(f"{url}{BUILDS}/{name}").json()["completedAt"]:
            if time.monotonic() > until:
                break
            time.sleep(0.02)
    return name


_FAILED = re.compile(r"^ +(?:❌|🚫) +(.+)")
_ALONE = "sends one valid request to each operation, and checks its status and body."
CHECKERS: Mapping[str, Checker] = {
    "gate": Checker("**`make gate`**", _gate, re.compile(r"^violated +(\S+)")),
    "stock": Checker("schemathesis, its defaults", _stock, _FAILED),
    "extended": Checker("schemathesis, strict document and an uploading hook", _extended, _FAILED),
    "specmatic": Checker(
        "Specmatic 2.55.1", _specmatic, re.compile(r"^ *Scenario: (.+) has FAILED"),
        {"specmatic": "2.55.1"}, ("java",), _ALONE,
    ),
    "portman": Checker(
        "Portman 1.33.0 with Newman 6.2.2", _portman, re.compile(r"^ +\d+\. +(\[.+)"),
        {"@apideck/portman": "1.33.0", "newman": "6.2.2", "tslib": "2.8.1"}, (), _ALONE,
    ),
    "dredd": Checker(
        "Dredd 14.1.0", _dredd, re.compile(r"^fail: (\S+ \S+)"), {"dredd": "14.1.0"}, (),
        _ALONE + " Of a schema it reads no `allOf`, `format` or null.",
    ),
    "stepci": Checker(
        "Step CI 2.8.2", _stepci, re.compile(r"^ +✕ (.+) failed after"), {"stepci": "2.8.2"}, (),
        _ALONE,
    ),
    "prism": Checker(
        f"Prism {PRISM} as a proxy", _prism,
        re.compile(r"^\[.+ (Violation: response.+|Request terminated with error: \w+)"),
        {"@stoplight/prism-cli": PRISM}, (),
        "has the strict document; a script of ours builds an image through it, deletes it, and "
        "requests the status of an unknown build.",
    ),
}  # fmt: skip
"""By name; the first is ours, and the second what ratios refer to."""


def installed(
    names: Sequence[str], show: Callable[[str], None]
) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the folders of the programs of the checkers, and why others cannot be installed."""
    programs: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            programs[name] = CHECKERS[name].install(name)
        except MissingError as error:
            missing[name] = str(error)
            show(f"skipped   {CHECKERS[name].title}: {error}")
    return programs, missing
