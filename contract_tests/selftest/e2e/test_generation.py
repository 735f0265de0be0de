"""Small edits of the contract that work: values of the client go there and back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

from scripts.contract_lint import problems

from ... import cli
from ...contract.openapi import PATH, Contract
from ...drivers import client
from ...problems import Exit
from ..support.edits import (
    CANCEL,
    FIELDS,
    INITIATE,
    REQUEST,
    SOURCE,
    STATUS,
    Edits,
    edited,
    operation,
    ref,
    schema,
    text,
)

ROOT = PATH.parent


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


def test_the_driver_goes_without_an_operation_that_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A success without a body has no example to be driven by."""
    before = [(one.title, one.operation) for one in client.stimuli()]
    grown = Contract(edited(WORKS["a success without a body: 204"].edits))
    monkeypatch.setattr(client, "contract", lambda: grown)

    assert "cancel_image_build" in grown.operations
    assert [(one.title, one.operation) for one in client.stimuli()] == before
