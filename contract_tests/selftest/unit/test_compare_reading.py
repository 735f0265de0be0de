"""A document that cannot be read or followed is a problem with a fix, and never a verdict."""

from __future__ import annotations

import copy
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ... import cli
from ...contract import documents
from ...contract.documents import MOST_BYTES
from ...contract.openapi import PATH
from ...openapi_diff import Document, differences, parse
from ...openapi_diff.read import AmbiguousError
from ...problems import Exit, Problem
from ..support.snapshots import assert_message

CONTRACT = documents.load(PATH)
HEAD = "openapi: 3.1.0\ninfo: {title: t, version: v}\n"
UNREADABLE = {
    "an empty file": "",
    "a list": "[1, 2]",
    "neither JSON nor YAML": "{",
    "a tag that builds objects": "a: !!python/object:os.system {}",
    "a nest without end": "[" * 100_000,
    "a page": "<!doctype html><html>",
    "Swagger 2": "swagger: '2.0'\npaths: {}",
    "a later OpenAPI": "openapi: 4.0.0\npaths: {}",
    "no version": "paths: {}",
    "no paths": HEAD,
    "none of the operations of the base": HEAD + "paths: {/pets: {get: {}}}",
    "a text for an operation": HEAD + "paths: {/api/v1/images/build: {post: soon}}",
}
START = "/api/v1/images/build/{build_id}/start"
_POST = "{responses: {'200': {description: d}}}"
AMBIGUOUS = {
    "a key twice, in JSON": '{"openapi": "3.1.0", "paths": {}, "paths": {}}',
    "a key twice, deep in JSON": '{"openapi": "3.1.0", "paths": {"/a": {"get": 1, "get": 1}}}',
    "a key twice, spelled otherwise": '{"openapi": "3.1.0", "paths": {}, "p\\u0061ths": {}}',
    "a key twice, in YAML": HEAD + "paths: {}\npaths: {}\n",
    "a key twice, deep in YAML": HEAD + "paths:\n  /a:\n    get: {}\n    get: {}\n",
    "a path under two names": HEAD
    + f"paths: {{'/a/{{x}}': {{get: {_POST}}}, '/a/{{y}}': {{get: {_POST}}}}}",
    "a path by two servers": HEAD
    + f"servers: [{{url: /v1}}]\npaths: {{/a: {{get: {_POST}}},"
    + f" /v1/a: {{servers: [{{url: /}}], get: {_POST}}}}}",
    "an operation beside the $ref of its path": HEAD
    + "paths: {/a: {$ref: '#/components/pathItems/A', get: {responses: {}}}}\n"
    + f"components: {{pathItems: {{A: {{get: {_POST}}}}}}}",
    "a parameter twice": HEAD
    + "paths: {/api/v1/images/build: {post: {parameters: "
    + "[{name: a, in: query}, {name: a, in: query}]}}}",
}
ANSWER = "#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post/responses/200/content"
SCHEMAS = {
    "a reference out of the document": {"$ref": "other.yaml#/a"},
    "a reference to nothing": {"$ref": "#/components/schemas/Gone"},
    "a reference by a name": {"$ref": "#Status"},
    "a reference to itself": {"$ref": f"{ANSWER}/application~1json/schema"},
    "a schema made of itself": {"$ref": "#/components/schemas/Loop"},
    "an unknown type": {"type": "file"},
    "a type that is not a text": {"type": [{}]},
    "a bound that is a text": {"type": "string", "maxLength": "2"},
    "a text for properties": {"properties": "many"},
    "a text for a schema": "string",
    "required as in version 3 of JSON Schema": {"required": True},
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unusable document ends with 4, a problem and its fix."""
    (tmp_path / "revision").write_text(UNREADABLE[name])
    ended = cli.main(["compare", str(tmp_path / "revision")])
    printed = capsys.readouterr()

    assert (ended, printed.out) == (Exit.CANNOT_TELL, "")
    assert_message("compare-problems", name, printed.err, {tmp_path: "<folder>"})


@pytest.mark.parametrize("text", AMBIGUOUS.values(), ids=list(AMBIGUOUS))
def test_ambiguous_document_is_refused(text: str) -> None:
    """A document that can be read in two ways is a failure, even if one way is that of the base."""
    with pytest.raises(AmbiguousError):
        differences(Document(CONTRACT, "base"), parse(text, "revision"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_not_to_be_followed(name: str) -> None:
    """An unresolvable reference is reported with its place."""
    root = copy.deepcopy(CONTRACT)
    answer = root["paths"][START]["post"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = SCHEMAS[name]
    root["components"]["schemas"]["Loop"] = {"allOf": [{"$ref": "#/components/schemas/Loop"}]}

    with pytest.raises(Problem) as caught:
        differences(Document(CONTRACT, "base"), Document(root, "revision"))
    assert_message("compare-problems", name, str(caught.value))


@pytest.mark.parametrize("status", ["20", "4X", "2000", "all", "a\rb"])
def test_status_that_no_response_has_is_one_more(status: str) -> None:
    """It is shown as it is."""
    root = copy.deepcopy(CONTRACT)
    root["paths"][START]["post"]["responses"][status] = {"description": "d"}

    assert differences(Document(CONTRACT, "base"), Document(root, "revision"))


@pytest.mark.parametrize("side", ["base", "revision"])
def test_empty_status_is_reported_with_its_place(side: str) -> None:
    """It has no first digit, by which a range is found."""
    root = copy.deepcopy(CONTRACT)
    root["paths"][START]["post"]["responses"][""] = {"description": "d"}
    documents_ = {"base": CONTRACT, "revision": CONTRACT, side: root}

    with pytest.raises(Problem) as caught:
        differences(*(Document(value, name) for name, value in documents_.items()))
    where = START.replace("/", "~1")
    assert f"{side}#/paths/{where}/post/responses/: " in str(caught.value)


@pytest.mark.parametrize("value", [b"\xff\xfe", b"openapi: 3.1.0\n" + b"#" * MOST_BYTES])
def test_bytes(value: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not text, or too much of it, is refused."""
    (tmp_path / "revision").write_bytes(value)

    assert cli.main(["compare", str(tmp_path / "revision")]) == Exit.CANNOT_TELL
    assert cli.main(["compare", str(tmp_path)]) == Exit.CANNOT_TELL
    assert cli.main(["compare", str(tmp_path / "none")]) == Exit.CANNOT_TELL
    assert cli.main(["compare", ""]) == Exit.CANNOT_TELL
    assert capsys.readouterr().err.count("problem: ") == 4


@pytest.mark.slow
def test_references_to_references_end() -> None:
    """A small document that expands without end is refused in time."""
    root = copy.deepcopy(CONTRACT)
    schemas = root["components"]["schemas"]
    schemas["a0"] = {"type": "string"}
    for n in range(1, 12):
        schemas[f"a{n}"] = {"allOf": [{"$ref": f"#/components/schemas/a{n - 1}"}] * 9}
    answer = root["paths"][START]["post"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = schemas["a11"]

    with pytest.raises(Problem, match="without end"):
        differences(Document(CONTRACT, "base"), Document(root, "revision"))


@pytest.mark.parametrize("depth", [400, 4000])
def test_a_nest_without_end_ends(
    depth: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A schema that is nested too deep is refused, and no traceback shown."""
    root = copy.deepcopy(CONTRACT)
    root["components"]["schemas"]["StartBuildRequest"] = "DEEP"
    deep = '{"allOf": [' * depth + "{}" + "]}" * depth
    (tmp_path / "revision").write_text(json.dumps(root).replace('"DEEP"', deep))

    assert cli.main(["compare", str(tmp_path / "revision")]) == Exit.CANNOT_TELL
    assert "is nested too deep" in capsys.readouterr().err


LONG = "n" * 2_000
CHAIN = {
    f"s{n}": {"properties": {"n" * 60: {"$ref": f"#/components/schemas/s{n + 1}"}}}
    for n in range(40)
}


def _with_schema(schema: object) -> Document:
    content = {"application/json": {"schema": schema}}
    paths = {"/a": {"get": {"responses": {"200": {"description": "", "content": content}}}}}
    document = {"openapi": "3.1.0", "info": {}, "paths": paths}
    components = {"schemas": {**CHAIN, "s40": {"type": "string"}, LONG: {"type": "string"}}}
    return parse(json.dumps({**document, "components": components}), "a document")


UNIONS = [{"oneOf": [{"required": [f"a{n}{m}"]} for m in range(9)]} for n in range(2)]
TOO_LARGE: dict[str, tuple[object, object]] = {
    "a name": ({}, {"properties": {LONG: {}}}),
    "a reference": ({}, {"$ref": f"#/components/schemas/{LONG}"}),
    "the place of a field": (CHAIN["s0"], CHAIN["s0"]),
    "unions of unions": ({}, {"allOf": UNIONS}),
    "alternatives": ({}, {"oneOf": [{"required": [f"a{n}"]} for n in range(257)]}),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_too_large_to_compare(name: str) -> None:
    """Each bound of a comparison refuses what no real document has, and nothing smaller."""
    base, revision = map(_with_schema, TOO_LARGE[name])
    with pytest.raises(Problem):
        list(differences(base, revision))


def test_yaml_is_read_as_json() -> None:
    """Statuses, days and yes are the texts that they are in JSON."""
    text = HEAD + "paths: {}\nx: {200: 1, on: yes, day: 2024-01-01, time: 12:30, n: ~, f: 1.5}\n"
    read = parse(text, "revision").root["x"]

    assert read == {
        "200": 1,
        "on": "yes",
        "day": "2024-01-01",
        "time": "12:30",
        "n": None,
        "f": 1.5,
    }
    assert parse(json.dumps(CONTRACT), "j").root == parse(PATH.read_text(), "y").root == CONTRACT


@contextmanager
def served(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """Serve one body on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}/openapi.json"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_url(capsys: pytest.CaptureFixture[str]) -> None:
    """A document is read from a URL, and called by it without its secrets."""
    with served(200, PATH.read_bytes()) as url:
        assert cli.main(["compare", url + "?token=secret", "--json"]) == Exit.OK
    result = json.loads(capsys.readouterr().out)

    assert result["verdict"] == "same"
    assert "secret" not in result["revision"]


@pytest.mark.parametrize(
    ("status", "body", "headers", "why"),
    [
        (404, b"", {}, "returned 404"),
        (200, b" " * (MOST_BYTES + 1), {}, "is larger than 10 MiB"),
        (302, b"", {"Location": "/openapi.json"}, "cannot be read"),
        (302, b"", {"Location": "file:///etc/passwd"}, "cannot be read"),
        (200, b"no gzip", {"Content-Encoding": "gzip"}, "cannot be read"),
    ],
    ids=["missing", "large", "in circles", "to a file", "garbled"],
)
def test_urls_that_fail(
    status: int, body: bytes, headers: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A URL without a document is reported with what it returned instead."""
    with served(status, body, **headers) as url:
        assert cli.main(["compare", url]) == Exit.CANNOT_TELL
    printed = capsys.readouterr().err

    assert why in printed
    assert "secret" not in printed


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "http://127.0.0.1:1/a", "http://[/a"])
def test_urls_that_open_nothing(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unsupported scheme, a closed port and an invalid URL are reported."""
    assert cli.main(["compare", url]) == Exit.CANNOT_TELL
    assert capsys.readouterr().err.startswith("problem: ")


def test_nothing_a_terminal_obeys_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters of the revision are shown, not sent."""
    root = copy.deepcopy(CONTRACT)
    schemas = root["components"]["schemas"]
    schemas["StartBuildRequest"]["properties"]["\x1b[2J\nname"] = {"const": "\x1b[31m"}
    (tmp_path / "revision").write_text(json.dumps(root))

    assert cli.main(["compare", str(tmp_path / "revision")]) == Exit.OK
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 5
