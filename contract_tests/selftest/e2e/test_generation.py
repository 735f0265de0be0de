"""Small edits of the contract: each works, with values there and back, or is refused by name."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts.contract_lint import problems
from scripts.contract_lint.names import python_name
from scripts.contract_lint.needs import ALWAYS, SOMETIMES, needs

from ... import cli
from ...contract import documents
from ...contract.openapi import PATH, Contract, contract
from ...drivers import client
from ...problems import Exit
from ..support.snapshots import assert_message

ROOT = PATH.parent
Edits = dict[str, Any]
GROUP = "/components/schemas/BuildStatusResponse"
FIELDS = f"{GROUP}/properties"
REQUEST = "/components/schemas/BuildImageRequest/properties"
STATUS = "/paths/~1api~1v1~1images~1build~1{build_id}/get"
DELETE = "/paths/~1api~1v1~1images~1{image_name}~1{image_tag}/delete"
INITIATE = "/paths/~1api~1v1~1images~1build/post"
START = "/paths/~1api~1v1~1images~1build~1{build_id}~1start/post"
CANCEL = "/paths/~1api~1v1~1images~1build~1{build_id}/delete"
SOURCE: Any = {"mark": "assumed"}
GONE = object()
"""Takes out what stands at a pointer."""


def schema(**given: Any) -> dict[str, Any]:
    """Return a schema of a component or property."""
    return {"description": "d", "x-source": SOURCE, **given}


def text(**given: Any) -> dict[str, Any]:
    """Return the schema of a text."""
    return schema(type="string", **given)


def operation(name: str, status: str, tag: str = "Images", **given: Any) -> dict[str, Any]:
    """Return an operation on a build."""
    return {
        "operationId": name, "summary": "s", "tags": [tag], "x-source": SOURCE,
        "security": [{"bearer": []}],
        "parameters": [{"$ref": "#/components/parameters/build_id"}],
        "responses": {status: {"description": "d", "x-source": SOURCE}}, **given,
    }  # fmt: skip


def ref(name: str) -> dict[str, Any]:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def edited(edits: Edits) -> dict[str, Any]:
    """Return the contract with an edit at each pointer."""
    document = copy.deepcopy(contract().document)
    for pointer, value in edits.items():
        node: Any = document
        *parents, last = (
            part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]
        )
        for part in parents:
            node = node[int(part) if isinstance(node, list) else part]
        if value is GONE:
            del node[last]
        else:
            node[int(last) if isinstance(node, list) else last] = value
    return document


class Works(NamedTuple):
    """An edit that works, and what the client then makes of a value: expressions, by their repr."""

    edits: Edits
    shown: dict[str, str]


ON = {"/components/schemas/CacheMode": text(enum=["on", "off", "auto", "no", "1.0", "2026-11-24"])}
QUOTED = 'say "hi" to C:\\new'
WORKS = {
    "a success without a body: 204": Works(
        {CANCEL: operation("cancel_image_build", "204")},
        {"call('cancel_image_build', 204)": "None",
         "call('cancel_image_build', 204, detailed=True).parsed": "None"},
    ),
    "a success without a body: 200, under another tag": Works(
        {"/paths/~1api~1v1~1images~1build~1{build_id}~1ping": {
            "get": operation("ping_build", "200", tag="Other things")}},
        {"call('ping_build', 200)": "None"},
    ),
    "a tag with a space, for all that there was": Works(
        {f"{one}/tags": ["Image builds"]
         for one in (STATUS, INITIATE,
                     "/paths/~1api~1v1~1images~1build~1{build_id}~1start/post")},
        {"call('get_build_status', 200, base).id": "'bld_7c1e09'"},
    ),
    "values of YAML 1.1 that are texts in YAML 1.2": Works(
        {**ON, f"{FIELDS}/cache": schema(allOf=[ref("CacheMode")])},
        {"group(cache='on').cache.value": "'on'", "group(cache='no').to_dict()['cache']": "'no'",
         "group(cache='2026-11-24').to_dict()['cache']": "'2026-11-24'"},
    ),
    "a wrapped enum with a default": Works(
        {**ON, f"{FIELDS}/mode": schema(default="off", allOf=[ref("CacheMode")])},
        {"group().mode.value": "'off'", "group(mode='auto').to_dict()['mode']": "'auto'"},
    ),
    "an enum or null": Works(
        {f"{FIELDS}/region": schema(anyOf=[ref("Region"), {"type": "null"}]),
         "/components/schemas/Region": text(enum=["eu-west-1", "us-east-1"])},
        {"group(region=None).region": "None", "group().region": "UNSET",
         "group(region='eu-west-1').region.value": "'eu-west-1'",
         "'region' in group().to_dict()": "False"},
    ),
    "an object or null": Works(
        {f"{FIELDS}/cause": schema(anyOf=[ref("ErrorDetail"), {"type": "null"}])},
        {"group(cause=None).cause": "None",
         "group(cause={'param': 'a', 'details': 'b'}).cause.details": "'b'"},
    ),
    "a text or null, with a default": Works(
        {f"{FIELDS}/remark": schema(type=["string", "null"], default=QUOTED)},
        {"group().remark": repr(QUOTED), "group(remark=None).to_dict()['remark']": "None"},
    ),
    "quotes and backslashes in a default": Works(
        {f"{FIELDS}/note": text(default=QUOTED)},
        {"group().note": repr(QUOTED), "group().to_dict()['note']": repr(QUOTED)},
    ),
    "a line end, braces and quotes of each kind in a default": Works(
        {f"{REQUEST}/note": text(default="'a'\n\"\"\"{b}\\")},
        {"request().to_dict()['note']": repr("'a'\n\"\"\"{b}\\")},
    ),
    "fields of a request as arguments of a method": Works(
        {**ON, f"{REQUEST}/modes": schema(type="array", items=ref("CacheMode")),
         f"{REQUEST}/depth": schema(type=["integer", "null"]),
         f"{REQUEST}/since": text(format="date-time"),
         f"{REQUEST}/mode": schema(default="off", allOf=[ref("CacheMode")]),
         f"{REQUEST}/fallback": schema(anyOf=[ref("CacheMode"), {"type": "null"}]),
         f"{REQUEST}/inner": schema(allOf=[ref("ErrorDetail")])},
        {"sent('initiate', 'a', 'b', mode='no', fallback='on', depth=2)['mode']": "'no'",
         "sent('initiate', 'a', 'b', mode='no', fallback='on')['fallback']": "'on'",
         "sorted(sent('initiate', 'a', 'b'))":
             "['dockerfile_path', 'image_name', 'image_tag', 'mode', 'note', 'platform', "
             "'visibility']",
         "sent('initiate', 'a', 'b')['note']": repr("'a'\n\"\"\"{b}\\")},
    ),
    "a field of a request that is named as a parameter": Works(
        {f"/components/schemas/StartBuildRequest/properties/{name}": text()
         for name in ("build_id", "self")},
        {"sent('start_build', 'b', body=StartBuildRequest(build_id='c'))['build_id']": "'c'"},
    ),
    "quotes and backslashes in the values of an enum": Works(
        {f"{FIELDS}/shape": schema(allOf=[ref("Shape")]),
         f"{REQUEST}/shape": schema(allOf=[ref("Shape")]),
         "/components/schemas/Shape": text(enum=['a"b', "c\\d", "e'f", "1x", "{g}"])},
        {"sent('initiate', 'a', 'b', shape='a\"b')['shape']": "'a\"b'",
         "sent('initiate', 'a', 'b', shape='c\\\\d')['shape']": repr("c\\d"),
         "group(shape='a\"b').to_dict()['shape']": "'a\"b'",
         "group(shape='c\\\\d').shape.value": repr("c\\d")},
    ),
    "quotes in descriptions": Works(
        {f"{FIELDS}/quoted": text(description='"A" \\ """ of \\N{nothing} "'),
         f"{STATUS}/summary": 'Tell "how" it \\ """ stands.',
         f"{STATUS}/description": '"""'},
        {"group(quoted='x').quoted": "'x'"},
    ),
    "names of Python": Works(
        {f"{FIELDS}/{name}": text() for name in ("class", "from", "self", "None", "type", "print")},
        {"group(**{'from': 'a'}).from_": "'a'",
         "group(**{'class': 'a', 'self': 'b'}).to_dict()['self']": "'b'"},
    ),
    "names that our own code uses": Works(
        {f"{FIELDS}/{name}": text()
         for name in ("json", "client", "Unset", "datetime", "body", "msgspec", "copy")},
        {"group(json='a').json": "'a'", "group(Unset='a').to_dict()['Unset']": "'a'"},
    ),
    "names with a dash, a dot, a digit": Works(
        {f"{FIELDS}/{name}": text() for name in ("a-b", "c.d", "e2")},
        {"group(**{'a-b': 'x', 'c.d': 'y'}).to_dict()['c.d']": "'y'"},
    ),
    "schemas named like our own modules, functions and constants": Works(
        {**{f"/components/schemas/{name}": text(enum=[name])
            for name in ("Client", "Context", "Step", "Progress", "Errors", "Types")},
         **{f"{FIELDS}/as{name}": schema(allOf=[ref(name)])
            for name in ("Client", "Context", "Step", "Progress", "Errors", "Types")}},
        {"group(asClient='Client').as_client.value": "'Client'",
         "group(asErrors='Errors').to_dict()['asErrors']": "'Errors'"},
    ),
    "a range of failures with a body": Works(
        {f"{STATUS}/responses/5XX": {
            "description": "d", "x-source": SOURCE,
            "content": {"application/json": {
                "schema": ref("ErrorResponse"), "examples": {"a": {"value": {"errors": []}}}}}}},
        {"call('get_build_status', 503, {'errors': []}, detailed=True).parsed.errors": "()"},
    ),
    "arrays of enums, texts and instants": Works(
        {**ON, f"{FIELDS}/modes": schema(type="array", items=ref("CacheMode")),
         f"{FIELDS}/words": schema(type="array", items={"type": "string"}),
         f"{FIELDS}/times": schema(type="array", items={"type": "string", "format": "date-time"})},
        {"[m.value for m in group(modes=['on', 'off']).modes]": "['on', 'off']",
         "group(words=['', 'a']).words": "('', 'a')",
         "group(times=['2026-11-24T09:00:00Z']).times[0].tzinfo is None": "False"},
    ),
    "integers and booleans, with defaults": Works(
        {f"{FIELDS}/count": schema(type="integer", default=0),
         f"{FIELDS}/deep": schema(type=["integer", "null"]),
         f"{FIELDS}/quiet": schema(type="boolean", default=False)},
        {"group().count": "0", "group().quiet": "False", "group(deep=None).deep": "None",
         "group(count=2**40).to_dict()['count']": str(2**40)},
    ),
    "an object in an object": Works(
        {f"{FIELDS}/inner": schema(allOf=[ref("Inner")]),
         "/components/schemas/Inner": schema(
             type="object", required=["a"],
             properties={"a": text(), "b": schema(type="array", items=ref("ErrorDetail"))})},
        {"group(inner={'a': 'x', 'b': [{'param': 'p', 'details': 'd'}]}).inner.b[0].param": "'p'"},
    ),
    "a request body by reference": Works(
        {"/paths/~1api~1v1~1images~1build~1{build_id}~1note": {"put": {
            **operation("put_note", "204"),
            "requestBody": {"$ref": "#/components/requestBodies/N"}}},
         "/components/requestBodies": {"N": {"required": True, "content": {"application/json": {
             "schema": ref("Note"), "examples": {"a": {"value": {"in": "x"}}}}}}},
         "/components/schemas/Note": schema(type="object", properties={"in": text()})},
        {"call('put_note', 204, request={'in': 'y'})": "None"},
    ),
}  # fmt: skip

PROBE = """
import importlib, json, sys, typing
from pathlib import Path
folder = sys.argv[1]
sys.path.insert(0, folder)
import httpx
from prime_image_builds import UNSET, AuthenticatedClient, errors
from prime_image_builds.models import BuildImageRequest, BuildStatusResponse, StartBuildRequest
base = {"id": "bld_7c1e09", "imageName": "web", "imageTag": "v1", "status": "PENDING",
        "createdAt": "2026-11-24T09:00:00Z"}
def group(**given): return BuildStatusResponse.from_dict({**base, **given})
def request(**given):
    return BuildImageRequest.from_dict({"image_name": "a", "image_tag": "b", **given})
def call(name, status, answer=None, request=None, detailed=False):
    (path,) = Path(folder).glob(f"prime_image_builds/api/*/{name}.py")
    module = importlib.import_module(".".join(("prime_image_builds.api", path.parent.name, name)))
    function = module.sync_detailed if detailed else module.sync
    sent = []
    def handle(got):
        sent.append(got)
        return httpx.Response(status, **({"json": answer} if answer is not None else {}))
    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://contract.invalid")
    client = AuthenticatedClient("http://contract.invalid", "a-token").set_httpx_client(http)
    body = typing.get_type_hints(function).get("body")
    given = {"body": body.from_dict(request)} if body else {}
    result = function("bld_1", client=client, **given)
    assert not request or json.loads(sent[0].content) == request
    return result
def sent(method, *places, **named):
    got = []
    def handle(request):
        got.append(json.loads(request.content))
        return httpx.Response(500)
    given = {"transport": httpx.MockTransport(handle)}
    client = AuthenticatedClient("http://contract.invalid", "a-token", httpx_args=given)
    (images,) = (getattr(client, one) for one in dir(type(client))
                 if hasattr(getattr(client, one), method))
    try:
        getattr(images, method)(*places, **named)
    except errors.ServerError:
        return got[0]
shown = {}
for expression in json.load(sys.stdin):
    try:
        shown[expression] = repr(eval(expression))
    except Exception as error:
        shown[expression] = f"{type(error).__name__}: {error}"
print(json.dumps(shown))
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make one client of all edits that work, and let it show each value."""
    root = tmp_path_factory.mktemp("edited")
    document = edited({at: value for one in WORKS.values() for at, value in one.edits.items()})
    (root / "openapi.yaml").write_text(json.dumps(document), encoding="utf-8")
    shutil.copytree(ROOT / "scripts/templates", root / "scripts/templates")
    assert cli.main(["generate", "--root", str(root)]) == Exit.OK
    done = subprocess.run(  # noqa: S603 (our own lines)
        [sys.executable, "-I", "-c", PROBE, str(root / "generated")],
        input=json.dumps([one for works in WORKS.values() for one in works.shown]),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", list(WORKS))
def test_edit_works(name: str, shown: dict[str, str]) -> None:
    """The lint lets it pass, and real values go there and back."""
    assert problems(edited(WORKS[name].edits)) == []
    assert {one: shown[one] for one in WORKS[name].shown} == WORKS[name].shown


def described(**given: Any) -> dict[str, Any]:
    """Return the success of status with something more."""
    path = contract().document["paths"]["/api/v1/images/build/{build_id}"]
    return {**path["get"]["responses"]["200"], **given}


SCHEMAS = "/components/schemas"
REFUSED: dict[str, tuple[Edits, str, str]] = {
    "null among the values of an enum": (
        {f"{SCHEMAS}/Region": schema(type=["string", "null"], enum=["a", None])},
        "enum-null", f"{SCHEMAS}/Region/enum",
    ),
    "a free-form object": (
        {f"{REQUEST}/build_args": schema(type="object")},
        "free-form", f"{REQUEST}/build_args",
    ),
    "an object with additional properties": (
        {f"{SCHEMAS}/Args": schema(type="object", additionalProperties={"type": "string"})},
        "keyword", f"{SCHEMAS}/Args/additionalProperties",
    ),
    "an empty object by name": (
        {f"{SCHEMAS}/Args": schema(type="object", properties={})},
        "free-form", f"{SCHEMAS}/Args",
    ),
    "a range of successes": (
        {f"{STATUS}/responses/200": GONE, f"{STATUS}/responses/2XX": described()},
        "success-range", f"{STATUS}/responses/2XX",
    ),
    "two successes": (
        {f"{STATUS}/responses/202": described()}, "success-count", f"{STATUS}/responses",
    ),
    "no success": ({f"{STATUS}/responses/200": GONE}, "success-count", f"{STATUS}/responses"),
    "a default response": (
        {f"{STATUS}/responses/default": {"description": "x", "x-source": SOURCE}},
        "response-code", f"{STATUS}/responses/default",
    ),
    "a body of a 204": (
        {f"{STATUS}/responses/200": GONE, f"{STATUS}/responses/204": described()},
        "body-of-204", f"{STATUS}/responses/204",
    ),
    "headers of a response": (
        {f"{STATUS}/responses/200": described(headers={})},
        "unknown-key", f"{STATUS}/responses/200/headers",
    ),
    "a body in another format": (
        {f"{STATUS}/responses/200": described(content={"text/plain": {"schema": text()}})},
        "content-type", f"{STATUS}/responses/200/content",
    ),
    "a body without a name": (
        {f"{STATUS}/responses/200/content/application~1json/schema": {"type": "object"}},
        "body-unnamed", f"{STATUS}/responses/200/content/application~1json/schema",
    ),
    "a body that is an enum": (
        {f"{STATUS}/responses/200/content/application~1json/schema": ref("ImageBuildStatus"),
         f"{STATUS}/responses/200/content/application~1json/examples": {"a": {"value": "PENDING"}}},
        "body-type", f"{STATUS}/responses/200/content/application~1json/schema",
    ),
    "a body without an example": (
        {f"{STATUS}/responses/200/content/application~1json/examples": GONE},
        "example-missing", f"{STATUS}/responses/200/content/application~1json",
    ),
    "an example that is wrong": (
        {"/components/examples/PENDING/value/createdAt": "yesterday"},
        "example-invalid", f"{STATUS}/responses/200/content/application~1json/examples/PENDING",
    ),
    "an example with a key that no schema has": (
        {"/components/examples/PENDING/value/artifacts": [
            {"id": "a", "status": "PENDING", "createdAt": "2026-11-24T09:00:00Z", "x": 1}]},
        "example-unknown", f"{STATUS}/responses/200/content/application~1json/examples/PENDING",
    ),
    "an optional request body": (
        {f"{INITIATE}/requestBody/required": False}, "body-optional", f"{INITIATE}/requestBody",
    ),
    "a header parameter": (
        {f"{STATUS}/parameters": [
            {"$ref": "#/components/parameters/build_id"},
            {"name": "q", "in": "header", "schema": {"type": "string"}, "x-source": SOURCE}]},
        "parameter-place", f"{STATUS}/parameters/1",
    ),
    "a required query parameter": (
        {"/components/parameters/teamId/required": True},
        "parameter-required", f"{DELETE}/parameters/2",
    ),
    "an integer in the query": (
        {"/components/parameters/teamId/schema": {"type": "integer"}},
        "parameter-type", f"{DELETE}/parameters/2/schema",
    ),
    "a query parameter without a name in Python": (
        {"/components/parameters/teamId/name": "class"},
        "parameter-name", f"{DELETE}/parameters/2",
    ),
    "an integer in the path": (
        {"/components/parameters/build_id/schema": {"type": "integer"}},
        "parameter-type", f"{STATUS}/parameters/0/schema",
    ),
    "a style of a parameter": (
        {"/components/parameters/build_id/style": "label"},
        "unknown-key", f"{STATUS}/parameters/0/style",
    ),
    "a parameter named client": (
        {"/paths/~1a~1{client}": {"get": operation("get_a", "204", parameters=[
            {"name": "client", "in": "path", "required": True, "schema": {"type": "string"},
             "x-source": SOURCE}])}},
        "parameter-name", "/paths/~1a~1{client}/get/parameters/0",
    ),
    "a quote in a path": (
        {'/paths/~1a"b~1{build_id}': {"get": operation("get_a", "204")}},
        "path", '/paths/~1a"b~1{build_id}',
    ),
    "servers of an operation": (
        {f"{STATUS}/servers": [{"url": "https://other.example"}]},
        "unknown-key", f"{STATUS}/servers",
    ),
    "an operation that is deprecated": (
        {f"{STATUS}/deprecated": True}, "unknown-key", f"{STATUS}/deprecated",
    ),
    "an operation for anybody": ({f"{STATUS}/security": []}, "security", f"{STATUS}/security"),
    "webhooks": ({"/webhooks": {}}, "unknown-key", "/webhooks"),
    "an operation named like a keyword": (
        {CANCEL: operation("import", "204")}, "operation-name", f"{CANCEL}/operationId",
    ),
    "an operation in camel case": (
        {CANCEL: operation("cancelBuild", "204")}, "operation-name", f"{CANCEL}/operationId",
    ),
    "two tags": ({f"{STATUS}/tags": ["Images", "More"]}, "tag", f"{STATUS}/tags"),
    "parameters of the path": (
        {"/paths/~1api~1v1~1images~1build~1{build_id}/parameters": []},
        "path-key", "/paths/~1api~1v1~1images~1build~1{build_id}/parameters",
    ),
    "a $ref of the path": (
        {"/paths/~1api~1v1~1images~1build/$ref": "#/components/pathItems/x"},
        "path-key", "/paths/~1api~1v1~1images~1build/$ref",
    ),
    "a default beside a $ref": (
        {f"{FIELDS}/artifacts/items/default": {}}, "ref-sibling", f"{FIELDS}/artifacts/items",
    ),
    "a deep $ref": (
        {f"{FIELDS}/shape": {"$ref": "#/components/schemas/ErrorDetail/properties/param"}},
        "ref-target", f"{FIELDS}/shape",
    ),
    "a $ref to nothing": ({f"{FIELDS}/shape": ref("Gone")}, "ref-missing", f"{FIELDS}/shape"),
    "a $ref to itself": (
        {f"{SCHEMAS}/Loop": ref("Loop")}, "ref-missing", f"{SCHEMAS}/Loop",
    ),
    "a circle": (
        {f"{SCHEMAS}/ErrorDetail/properties/cause": schema(allOf=[ref("ErrorResponse")])},
        "schema-circle", f"{SCHEMAS}/ErrorDetail",
    ),
    "a circle of one": (
        {GROUP: schema(allOf=[ref("BuildStatusResponse")])}, "schema-circle", GROUP,
    ),
    "a keyword that is not rendered": (
        {f"{FIELDS}/id/minLength": 1}, "keyword", f"{FIELDS}/id/minLength",
    ),
    "a number": ({f"{FIELDS}/size": schema(type="number")}, "type", f"{FIELDS}/size/type"),
    "two types": (
        {f"{FIELDS}/size": schema(type=["integer", "string"])}, "type", f"{FIELDS}/size/type",
    ),
    "no type": ({f"{FIELDS}/size": schema()}, "type", f"{FIELDS}/size/type"),
    "another format": (
        {f"{FIELDS}/day": text(format="date")}, "format", f"{FIELDS}/day/format",
    ),
    "an array of anything": (
        {f"{FIELDS}/list": schema(type="array")}, "array-items", f"{FIELDS}/list",
    ),
    "an inline enum": ({f"{FIELDS}/id/enum": ["a"]}, "schema-unnamed", f"{FIELDS}/id"),
    "an inline object": (
        {f"{FIELDS}/o": schema(type="object", properties={"a": text()})},
        "schema-unnamed", f"{FIELDS}/o",
    ),
    "a union": (
        {f"{FIELDS}/u": schema(anyOf=[ref("ErrorDetail"), ref("ErrorResponse")])},
        "wrapped", f"{FIELDS}/u/anyOf",
    ),
    "a composition": (
        {f"{SCHEMAS}/Both": schema(allOf=[ref("ErrorDetail")])}, "wrapped", f"{SCHEMAS}/Both/allOf",
    ),
    "an object that may be null": (
        {f"{SCHEMAS}/ErrorDetail/type": ["object", "null"]},
        "null-object", f"{SCHEMAS}/ErrorDetail/type",
    ),
    "an enum of integers": (
        {f"{SCHEMAS}/Level": schema(type="integer", enum=[1, 2])},
        "enum-type", f"{SCHEMAS}/Level/enum",
    ),
    "values that are one name": (
        {f"{SCHEMAS}/Level": text(enum=["a-b", "a_b"])}, "enum-names", f"{SCHEMAS}/Level/enum",
    ),
    "a value twice": (
        {f"{SCHEMAS}/Level": text(enum=["A", "A"])}, "enum-twice", f"{SCHEMAS}/Level/enum",
    ),
    "fewer names than values": (
        {f"{SCHEMAS}/BuildPlatform/x-enum-varnames": ["LINUX"]},
        "enum-names", f"{SCHEMAS}/BuildPlatform/x-enum-varnames",
    ),
    "a schema of anything": (
        {f"{FIELDS}/status": True}, "not-a-contract", f"{FIELDS}/status",
    ),
    "an operation without responses": (
        {f"{STATUS}/responses": GONE}, "not-a-contract", f"{STATUS}/responses",
    ),
    "a start without a body in its response": (
        {f"{START}/responses/200": GONE,
         f"{START}/responses/204": {"description": "d", "x-source": SOURCE}},
        "job-response", f"{START}/responses/204",
    ),
    "a status that returns another body": (
        {f"{STATUS}/responses/200/content/application~1json": {
            "schema": ref("BuildImageResponse"), "examples": {}}},
        "job-response", f"{STATUS}/responses/200",
    ),
    "an initiate without a request body": (
        {f"{INITIATE}/requestBody": GONE}, "job-request", f"{INITIATE}/requestBody",
    ),
    "a status with a request body": (
        {f"{STATUS}/requestBody": {"required": True, "content": {"application/json": {
            "schema": ref("StartBuildRequest"), "examples": {"a": {"value": {}}}}}}},
        "job-request", f"{STATUS}/requestBody",
    ),
    "another parameter of the path": (
        {"/components/parameters/build_id/name": "id",
         "/paths/~1api~1v1~1images~1build~1{build_id}": GONE,
         "/paths/~1api~1v1~1images~1build~1{id}": {
             "get": contract().document["paths"]["/api/v1/images/build/{build_id}"]["get"]},
         "/paths/~1api~1v1~1images~1build~1{build_id}~1start": GONE},
        "job-parameters", "/paths/~1api~1v1~1images~1build~1{id}/get/parameters",
    ),
    "an operation that is gone": (
        {"/paths/~1api~1v1~1images~1build": GONE}, "job-operation", "/paths",
    ),
    "a start whose body is required": (
        {f"{SCHEMAS}/StartBuildRequest/required": ["context_uploaded"]},
        "job-property", f"{SCHEMAS}/StartBuildRequest/required",
    ),
    "a property that may be null": (
        {f"{SCHEMAS}/BuildImageResponse/properties/upload_url/type": ["string", "null"]},
        "job-property", f"{SCHEMAS}/BuildImageResponse/properties/upload_url",
    ),
    "a property that may be absent": (
        {f"{GROUP}/required": ["id"]}, "job-property", f"{FIELDS}/status",
    ),
    "a property of another type": (
        {f"{FIELDS}/status/allOf/0": ref("ImageVisibility")}, "job-property", f"{FIELDS}/status",
    ),
    "a control character in a value": (
        {f"{SCHEMAS}/Level": text(enum=["a\u200bb"])}, "enum-text", f"{SCHEMAS}/Level/enum",
    ),
    "names of values that are none": (
        {f"{SCHEMAS}/BuildPlatform/x-enum-varnames": ["linux", "2"]},
        "enum-names", f"{SCHEMAS}/BuildPlatform/x-enum-varnames",
    ),
    "a default of null": (
        {f"{FIELDS}/note": schema(type=["string", "null"], default=None)},
        "default-null", f"{FIELDS}/note/default",
    ),
    "a default of another type": (
        {f"{FIELDS}/note": text(default=7)}, "default-invalid", f"{FIELDS}/note/default",
    ),
    "a default that is no value of the enum": (
        {f"{FIELDS}/mode": schema(default="x", allOf=[ref("ImageBuildStatus")])},
        "default-invalid", f"{FIELDS}/mode/default",
    ),
    "a default of an instant": (
        {f"{FIELDS}/at": text(format="date-time", default="2026-11-24T09:00:00Z")},
        "default-type", f"{FIELDS}/at/default",
    ),
    "a default of an array": (
        {f"{FIELDS}/list": schema(type="array", items={"type": "string"}, default=[])},
        "default-type", f"{FIELDS}/list/default",
    ),
    "a required key with a default": (
        {f"{FIELDS}/id/default": "x"}, "required-default", f"{FIELDS}/id",
    ),
    "a required key that is not there": (
        {f"{GROUP}/required/0": "gone"}, "required-unknown", f"{GROUP}/required",
    ),
    **{
        f"a property {name}, which a model has": (
            {f"{FIELDS}/{name}": text()}, "property-taken", f"{FIELDS}/{name}",
        )
        for name in ("to_dict", "from_dict", "field", "toDict")
    },
    "a property that begins with a digit": (
        {f"{FIELDS}/2nd": text()}, "property-name", f"{FIELDS}/2nd",
    ),
    "a property that is no name": ({f"{FIELDS}/_x": text()}, "property-name", f"{FIELDS}/_x"),
    "two properties that are one name": (
        {f"{FIELDS}/image_name": text()}, "property-twice", f"{FIELDS}/image_name",
    ),
    **{
        f"a schema named {name}": (
            {f"{SCHEMAS}/{name}": text(enum=["a"])}, "schema-name", f"{SCHEMAS}/{name}",
        )
        for name in ("AuthenticatedClient", "Any", "Unset", "UNSET", "Response", "Model",
                     "Timestamp", "ApiError", "Exception", "StrEnum", "some_thing")
    },
    "two schemas that are one name": (
        {f"{SCHEMAS}/Errordetail": text(enum=["a"])}, "schema-twice", f"{SCHEMAS}/Errordetail",
    ),
    "no source": (
        {f"{SCHEMAS}/ErrorDetail/x-source": "rumour"}, "source", f"{SCHEMAS}/ErrorDetail",
    ),
    "no description": (
        {f"{SCHEMAS}/ErrorDetail/description": GONE}, "no-description", f"{SCHEMAS}/ErrorDetail",
    ),
    "a status without a phase": (
        {f"{SCHEMAS}/ImageBuildStatus/x-phase/PENDING": GONE},
        "status-phase", f"{SCHEMAS}/ImageBuildStatus/x-phase",
    ),
    **{
        f"no status for {phase}": (
            {f"{SCHEMAS}/ImageBuildStatus/x-phase": {
                status: "running" if was in phases else was
                for status, was in contract().schema("ImageBuildStatus")["x-phase"].items()}},
            "job-phase", f"{SCHEMAS}/ImageBuildStatus/x-phase",
        )
        for phase, phases in (("success", {"succeeded"}), ("failure", {"failed", "cancelled"}),
                              ("waiting", {"waiting"}))
    },
    "no statuses": (
        {f"{SCHEMAS}/ImageBuildStatus": GONE}, "not-a-contract", f"{SCHEMAS}/ImageBuildStatus",
    ),
    "no schemas": ({"/components": GONE}, "not-a-contract", f"{SCHEMAS}"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_edit_is_refused(name: str) -> None:
    """By its id, at its place, with a fix."""
    edits, kind, pointer = REFUSED[name]
    found = problems(edited(edits))

    assert (kind, pointer) in [(one.id, one.pointer) for one in found]
    assert all(one.fix for one in found)
    assert_message("lint-problems", name, "\n".join(map(str, found)))


@pytest.mark.parametrize(
    ("at", "name", "renamed"),
    [
        (INITIATE, "initiate_image_build", "initiate_build"),
        (STATUS, "get_build_status", "get_image_build_status"),
        (START, "start_image_build", "start_build"),
    ],
)
def test_renamed_operation_is_found_at_the_nearest(at: str, name: str, renamed: str) -> None:
    """The fix has both names."""
    (found,) = problems(edited({f"{at}/operationId": renamed}))

    assert (found.id, found.pointer) == ("job-operation", f"{at}/operationId")
    assert f"rename {renamed} to {name}" in found.fix


NEEDED = [
    (schema, name) for needed in (ALWAYS, SOMETIMES) for schema in needed
    for name in needed[schema]
]  # fmt: skip


@pytest.mark.parametrize(("name", "property_name"), NEEDED)
def test_property_that_the_client_needs_is_missed(name: str, property_name: str) -> None:
    """At its schema, or that the schema is gone."""
    schemas = contract().document["components"]["schemas"]
    (key,) = (one for one in schemas[name]["properties"] if python_name(one) == property_name)
    at = f"{SCHEMAS}/{name}/properties"
    without = [*needs(edited({f"{at}/{key}": GONE}))]
    renamed = [*needs(edited({f"{SCHEMAS}/{name}": GONE, f"{SCHEMAS}/Other": schemas[name]}))]

    assert [(one.id, one.pointer) for one in without] == [("job-property", at)]
    assert ("job-schema", SCHEMAS) in [(one.id, one.pointer) for one in renamed]


def test_the_contract_is_sound() -> None:
    """As it stands."""
    assert problems(contract().document) == []


def test_the_driver_goes_without_an_operation_that_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A success without a body has no example to be driven by."""
    before = [(one.title, one.operation) for one in client.stimuli()]
    grown = Contract(edited(WORKS["a success without a body: 204"].edits))
    monkeypatch.setattr(client, "contract", lambda: grown)

    assert "cancel_image_build" in grown.operations
    assert [(one.title, one.operation) for one in client.stimuli()] == before


def test_what_yaml_1_1_calls_a_date_is_a_text() -> None:
    """An instant without quotes reads as one with them, for all who read the contract."""
    written = PATH.read_text(encoding="utf-8")
    bare = written.replace("'2026-11-24T09:00:00Z'", "2026-11-24T09:00:00Z")

    assert bare != written
    assert documents.read(bare) == contract().document


UNREADABLE = {
    "a key twice": ("openapi: 3.1.0\nopenapi: 3.1.0\n", ":2:1: "),
    "no YAML": ("openapi: [\n", ":2:1: "),
    "a merge key": ("a: &a {b: 1}\nc: {<<: *a}\n", ":2:5: "),
    "no document": ("", "#: "),
    "a list": ("[]", "#: "),
    "no bytes": (None, ": "),
}


@pytest.mark.parametrize("name", list(UNREADABLE))
def test_what_cannot_be_read_is_broken(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By generate and lint alike: a code of its own, the line, and no traceback."""
    written, place = UNREADABLE[name]
    contract_file = tmp_path / "openapi.yaml"
    if written is not None:
        contract_file.write_text(written)

    codes = [
        cli.main(["check", "--root", str(tmp_path)]),
        cli.main(["lint", str(contract_file)]),
    ]
    printed = capsys.readouterr()

    assert codes[0] == Exit.CANNOT_TELL
    assert codes[1] == (Exit.FOUND if "#" in place else Exit.CANNOT_TELL)
    assert all(place in text for text in (printed.err, printed.out or printed.err))
    assert (printed.err + printed.out).count("    fix: ") == 2


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what a run of the gate needs."""
    root = tmp_path_factory.mktemp("tree")
    skip = shutil.ignore_patterns("__pycache__", "selftest")
    for name in ("contract_tests", "generated"):
        shutil.copytree(ROOT / name, root / name, ignore=skip)
    shutil.copyfile(ROOT / "pyproject.toml", root / "pyproject.toml")
    return root


RECORDING = {"log": {"entries": [{
    "startedDateTime": "2026-11-30T00:00:00Z", "time": 1,
    "request": {"method": "GET", "url": "http://x.test/api/v1/images/build/b", "headers": []},
    "response": {"status": 404, "headers": [], "content": {"text": "{}"}},
}]}}  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [["pytest", "-q", "contract_tests/test_server.py"], ["contract_tests", "judge", "x.har"],
     ["contract_tests", "gate"]],
    ids=["pytest", "judge", "console"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("written", "place"), [("a: 1\na: 1\n", "openapi.yaml:2:1: "), ("{}", "KeyError: 'info'")]
)
def test_no_run_begins_without_a_contract(
    command: list[str], written: str, place: str, tree: Path
) -> None:
    """The gate says where it is broken, and ends with the code for what cannot be judged."""
    (tree / "openapi.yaml").write_text(written)
    (tree / "x.har").write_text(json.dumps(RECORDING))
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", *command], cwd=tree, capture_output=True, text=True, check=False
    )

    assert done.returncode == 4, done.stdout + done.stderr
    assert place in done.stderr
    assert "\n    fix: " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
