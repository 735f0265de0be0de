"""How to correct each kind of problem of the contract."""

from __future__ import annotations

FIXES = {
    "ref-target": "name the part in components, and refer to that",
    "ref-sibling": "wrap the $ref in allOf",
    "ref-missing": "refer to a part of components that is there, and not to itself",
    "server": (
        "give an absolute http(s) URL, without user, query, fragment, {variables} and /api/v1"
    ),
    "path-key": "state it at each operation",
    "unknown-key": (
        "remove it, or support it in the templates and allow it in scripts/contract_lint"
    ),
    "schema-name": "name it in CamelCase, and otherwise than what Python and the client have",
    "schema-twice": "name one of them otherwise",
    "property-taken": "give what has this name in scripts/templates another one",
    "tag-taken": "name it otherwise, or what has this name in scripts/templates or the schemas",
    "property-name": (
        "use a letter, then letters, digits and _ . -; if the API has another name, give it one in "
        "scripts/templates/model.py.jinja, then allow it here"
    ),
    "property-twice": "keep one of them",
    "required-unknown": "name one of the properties",
    "path": "use letters, digits and . _ ~ -, and {parameter} for a whole segment",
    "operation-name": "use words in lower case with _ between",
    "operation-taken": "name it otherwise, or what has this name in scripts/templates",
    "operation-twice": "name each once",
    "tag": "give it one tag, which names its folder, and begin it with a letter",
    "parameter-place": "teach endpoint_module.py.jinja to send it, then allow it here",
    "parameter-required": "teach endpoint_module.py.jinja to require it, then allow it here",
    "parameter-name": (
        "use words in lower case with _ between, and no name of Python or of the client"
    ),
    "path-parameters": "state each parameter of the path once",
    "body-optional": "make it required: true",
    "body-missing": "state it as application/json",
    "success-count": "document one 2xx",
    "success-range": "name the status, such as 200",
    "response-code": "document a status, or a range such as 4XX",
    "body-of-204": "take it out",
    "content-type": "keep to application/json",
    "body-unnamed": "name it in components/schemas",
    "body-type": "wrap it in an object with one property",
    "example-missing": "add a life-like one",
    "no-description": "state in a sentence what it is",
    "schema-circle": "break the circle: the models would import each other",
    "default-invalid": "use a value of the schema",
    "keyword": "teach the templates and the client to hold it, then allow it here",
    "schema-unnamed": "name it in components/schemas",
    "required-default": "take one of the two out",
    "wrapped": "use allOf: [{$ref: …}], or anyOf: [{$ref: …}, {type: 'null'}], of a property",
    "format": "use format: date-time with type: string, or no format",
    "array-items": "state its items",
    "free-form": "name its properties; or teach the templates a mapping, then allow it here",
    "null-object": "say so where it is used: anyOf: [{$ref: …}, {type: 'null'}]",
    "default-null": "take it out: an absent key is UNSET, and say in the description what it means",
    "default-type": "take it out, and say in the description what is taken for an absent key",
    "default-escaped": "take it out, and say in the description what is taken for an absent key",
    "enum-null": "take null out, and use anyOf: [{$ref: …}, {type: 'null'}] where it is used",
    "enum-type": "use type: string, and a text or more",
    "enum-text": "take it out",
    "enum-twice": "take one of the two out",
    "source-declared": "give it a title, and the mark stated or observed",
    "note": "write one or more sentences",
    "status-example": "add a life-like one",
    "status-unknown": "take it out, or add it to enum",
    "example-value": "state its value",
    "example-invalid": "correct the example, or the schema",
    "example-unknown": "take it out of the example, or add it to the schema",
    "not-a-contract": "put an object there",
    "openapi": "follow OpenAPI 3.1",
}
