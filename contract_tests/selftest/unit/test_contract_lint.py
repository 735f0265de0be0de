"""Small edits of the contract that its lint refuses, by name and place."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import structs
from prime_image_builds import AuthenticatedClient, models
from prime_image_builds.types import Model

from scripts.contract_lint import problems
from scripts.contract_lint.names import FIELDS as TAKEN_FIELDS
from scripts.contract_lint.names import python_name
from scripts.contract_lint.needs import ALWAYS, SOMETIMES, needs
from scripts.contract_lint.operations import OF_CLIENT

from ...contract.openapi import contract
from ..support.edits import (
    CANCEL,
    DELETE,
    FIELDS,
    GONE,
    GROUP,
    INITIATE,
    REQUEST,
    SCHEMAS,
    SOURCE,
    START,
    STATUS,
    Edits,
    edited,
    operation,
    ref,
    schema,
    text,
)
from ..support.snapshots import assert_message


def described(**given: Any) -> dict[str, Any]:
    """Return the success of status with something more."""
    path = contract().document["paths"]["/api/v1/images/build/{build_id}"]
    return {**path["get"]["responses"]["200"], **given}


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
    **{
        f"a server that is {url}": ({"/servers/0/url": url}, "server", "/servers/0/url")
        for url in ("/", "", "api.example", "ftp://api.example", "https://", "https://{host}.example",
                    "https://user:password@api.example", "https://api.example?a=b",
                    "https://api.example#a", "https://api.example/api/v2", 'https://api.example/"',
                    "https://api .example", "https://api.example:port")
    },
    "no server": ({"/servers": GONE}, "server", "/servers/0/url"),
    "a name twice among the required": (
        {f"{SCHEMAS}/DeleteImageResponse/required": ["success", "message", "success"]},
        "openapi", f"{SCHEMAS}/DeleteImageResponse/required",
    ),
    "a required that is not a list": (
        {f"{FIELDS}/id/required": True}, "openapi", f"{FIELDS}/id/required",
    ),
    "a description that is a number": (
        {f"{FIELDS}/id/description": 7}, "openapi", f"{FIELDS}/id/description",
    ),
    "a description that is null": (
        {f"{FIELDS}/id/description": None}, "openapi", f"{FIELDS}/id/description",
    ),
    "items that are a number": (
        {f"{FIELDS}/artifacts/items": 7}, "openapi", f"{FIELDS}/artifacts/items",
    ),
    "a type of a parameter that does not exist": (
        {"/components/parameters/build_id/schema/type": "text"},
        "openapi", "/components/parameters/build_id/schema/type",
    ),
    "a type of a body that does not exist": (
        {f"{STATUS}/responses/200/content/application~1json/schema": {"type": "text"}},
        "openapi", f"{STATUS}/responses/200/content/application~1json/schema/type",
    ),
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
    "names of values that are not names": (
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
    "a default that is not a value of the enum": (
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
        for name in ("to_dict", "from_dict", "field", "toDict", "to-dict", "isTerminal",
                     "is.terminal", "ISTerminal", "duration", "absent", "counted",
                     "artifactsOrUnset")
    },
    **{
        f"a property {name} of a request, which its method uses": (
            {f"{REQUEST}/{name}": text()}, "property-taken", f"{REQUEST}/{name}",
        )
        for name in ("member", "initiateImageBuild")
    },
    **{
        f"a parameter {name}, which the client uses": (
            {"/components/parameters/teamId/name": name}, "parameter-name",
            f"{DELETE}/parameters/2",
        )
        for name in ("used", "member", "secretsOf", "write", "deleteImage")
    },
    **{
        f"a tag {name}, which the client has": (
            {CANCEL: operation("cancel_build", "204", name)}, "tag-taken", f"{CANCEL}/tags/0",
        )
        for name in ("Token", "Request", "Tolerance", "max response bytes", "With-Headers",
                     "Literal", "Client", "error detail")
    },
    "an operation named like a function that its package has": (
        {CANCEL: operation("member", "204")}, "operation-taken", f"{CANCEL}/operationId",
    ),
    "a property that begins with a digit": (
        {f"{FIELDS}/2nd": text()}, "property-name", f"{FIELDS}/2nd",
    ),
    "a property that is not a name": ({f"{FIELDS}/_x": text()}, "property-name", f"{FIELDS}/_x"),
    "two properties that are one name": (
        {f"{FIELDS}/image_name": text()}, "property-twice", f"{FIELDS}/image_name",
    ),
    **{
        f"a schema named {name}": (
            {f"{SCHEMAS}/{name}": text(enum=["a"])}, "schema-name", f"{SCHEMAS}/{name}",
        )
        for name in ("AuthenticatedClient", "Any", "Unset", "UNSET", "Response", "Model",
                     "Timestamp", "ApiError", "Exception", "StrEnum", "some_thing", "Tolerance",
                     "Literal", "OpenEnum")
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


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000",
        "https://api.example/",
        "https://api.example/base",
        "http://[::1]:80",
    ],
)
def test_server_that_is_a_base_url_is_accepted(url: str) -> None:
    """With a port, or a path that is not the version's."""
    assert problems(edited({"/servers/0/url": url})) == []


MODELS = [one for one in vars(models).values() if isinstance(one, type) and issubclass(one, Model)]


def public(names: Iterable[str]) -> set[str]:
    """Return the names that a property may have in Python."""
    return {name for name in names if name == python_name(name)}


@pytest.mark.parametrize("model", MODELS)
def test_attribute_of_a_model_cannot_be_a_field(model: type[Model]) -> None:
    """Neither can what its module has: each is one of its fields, or refused."""
    fields = {field.name for field in structs.fields(model)}
    read = {name.removesuffix("_or_unset") for name in fields}
    names = public([*dir(model), *vars(sys.modules[model.__module__])])

    assert names - fields - read <= TAKEN_FIELDS


def test_attribute_of_a_client_cannot_be_a_tag() -> None:
    """Of an instance, too; ``images`` is the tag of the contract."""
    names = public(dir(AuthenticatedClient("https://api.example", "t")))

    assert names - {"images"} <= OF_CLIENT


@pytest.mark.parametrize(
    "name", ["seconds", "terminal", "artifact_type_or_unset", "member", "used"]
)
def test_field_whose_name_is_free_is_accepted(name: str) -> None:
    """Of a response: only a method of a module, or an argument, has this name."""
    assert problems(edited({f"{FIELDS}/{name}": text()})) == []


def test_parameter_named_schema_is_not_read_as_a_schema() -> None:
    """Its ``required`` is a boolean, which that of a schema is not."""
    given = contract().document["components"]["parameters"]["teamId"] | {"required": False}

    assert problems(edited({"/components/parameters/schema": given})) == []


def test_the_contract_is_sound() -> None:
    """As it stands."""
    assert problems(contract().document) == []
