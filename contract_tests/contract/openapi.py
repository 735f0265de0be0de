"""Reads openapi.yaml: its operations and its schemas."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from ..escape import show
from ..problems import Problem
from . import documents, pointers

if TYPE_CHECKING:  # it is loaded by who validates
    import jsonschema_rs

_PLACES = [parent / "openapi.yaml" for parent in Path(__file__).resolve().parents[1:3]]
PATH = next((path for path in _PLACES if path.is_file()), _PLACES[-1])
"""The contract: inside the package where that is installed, beside it in a checkout."""

# More errors than the rules about single fields can report of one body, so that P6 misses none.
MOST_ERRORS = 10_000

ROWS_AT_ONCE = 100

_LONGEST_PLACE = 100

# A longer text is parsed without being cached: a hostile server may send any length.
LONGEST_KEPT = 64


class UnreadableContractError(SystemExit):
    """openapi.yaml cannot be read, so that no rule can be checked.

    Modules read it while they are imported, where nobody can catch an exception: so this prints the
    problem, and exits.
    """

    def __init__(self, problem: Problem) -> None:
        show(problem, is_error=True)
        super().__init__(problem.code)


class SchemaError(NamedTuple):
    """One way in which a body breaks its schema.

    Attributes:
        at: The field, as a JSON path.
        what: The validator's message.
        value: The value of the field; ``Missing`` if a required key is missing.

    """

    at: str
    what: str
    value: Any


@dataclass(frozen=True)
class Missing:
    """Stands for a missing key.

    Attributes:
        instead: Where it stands in another spelling, such as snake case, or in an envelope; empty
            if it does neither.

    """

    instead: str = ""

    def __repr__(self) -> str:
        return f"no such key; there is {self.instead}" if self.instead else "no such key"


def missing(key: str, there: Mapping[str, Any]) -> Missing:
    """Return what stands for a key that an object does not have."""
    found = [one for one in there if one.isascii() and _letters(one) == _letters(key)]
    found += [f"{one}.{key}" for one, of in there.items() if isinstance(of, dict) and key in of]
    return Missing(found[0][:_LONGEST_PLACE] if found else "")


def _letters(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


@dataclass(frozen=True)
class Operation:
    """One operation of the contract."""

    name: str
    method: str
    path: str
    pointer: str
    success: int
    responses: dict[str, dict[str, Any]]
    request_schema: dict[str, Any] | None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]*)", re.escape(self.path)))

    def match(self, path: str) -> dict[str, str] | None:
        """Return the path parameters, percent-decoded, or None if the path is another one's."""
        found = self._pattern.fullmatch(path)
        return {key: unquote(value) for key, value in found.groupdict().items()} if found else None

    def documented(self, status: int) -> dict[str, Any] | None:
        """Return the documented response of a status code, or of its range, or None."""
        return self.responses.get(str(status)) or self.responses.get(f"{status // 100}XX")


class Contract:
    """A contract: its operations and schemas."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.version: str = document["info"]["version"]
        self.operations = {
            operation.name: operation
            for path, item in document["paths"].items()
            for method, node in item.items()
            for operation in [self._operation(path, method, node)]
        }
        self._validators: dict[int, tuple[dict[str, Any], jsonschema_rs.Validator]] = {}

    def schema(self, name: str) -> dict[str, Any]:
        """Return a schema by its name. Raises KeyError for an unknown one."""
        found: dict[str, Any] = self.document["components"]["schemas"][name]
        return found

    def at(self, pointer: str) -> Any:
        """Return the value at a JSON pointer, with references followed.

        Raises KeyError if there is none.
        """
        return self._resolved(pointers.find(self.document, pointer))

    def node(self, pointer: str) -> Any:
        """Return the value at a JSON pointer; a ``$ref`` there is not followed.

        Raises KeyError if there is none.
        """
        parent, _, last = pointer.rpartition("/")
        return pointers.find(self.at(parent), f"/{last}")

    def follow(self, pointer: str) -> str:
        """Return the pointer that a pointer's references lead to."""
        while isinstance(node := self.node(pointer), dict) and "$ref" in node:
            pointer = node["$ref"]
        return pointer

    def request_errors(self, operation: Operation, body: Any) -> list[SchemaError]:
        """Return the errors of a request body against its schema."""
        return self.errors(operation.request_schema, body) if operation.request_schema else []

    def response_schema(self, operation: Operation, status: int) -> dict[str, Any] | None:
        """Return the schema of a response body, or None if no body is documented."""
        content = (operation.documented(status) or {}).get("content", {})
        schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
        return schema

    def errors(self, schema: dict[str, Any], body: Any) -> list[SchemaError]:
        """Return the errors of a body against a schema, formats included, up to ``MOST_ERRORS``.

        A body has at most the depth of ``size``: the validator has a limit of its own.
        """
        validator = self._validator(schema)
        if validator.is_valid(body):  # much faster
            return []
        return list(itertools.islice(_errors(validator, body), MOST_ERRORS))

    def _validator(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        known, validator = self._validators.get(id(schema), (None, None))
        if validator is None or known is not schema:
            import jsonschema_rs

            validator = jsonschema_rs.Draft202012Validator(
                {**schema, "components": self.document["components"]},
                validate_formats=True,
                formats={"date-time": is_instant},
            )
            self._validators[id(schema)] = schema, validator
        return validator

    def _operation(self, path: str, method: str, node: dict[str, Any]) -> Operation:
        responses = {str(code): self._resolved(given) for code, given in node["responses"].items()}
        body = node.get("requestBody", {}).get("content", {}).get("application/json", {})
        return Operation(
            name=node["operationId"],
            method=method.upper(),
            path=path,
            pointer=f"#/paths/{path.replace('/', '~1')}/{method}",
            success=next(int(code) for code in responses if code.startswith("2")),
            responses=responses,
            request_schema=body.get("schema"),
        )

    def _resolved(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            node = self.at(node["$ref"])
        return node


_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)


def instant(text: str) -> datetime.datetime | None:
    """Parse an RFC 3339 date-time; return None for anything else.

    The grammar of section 5.6 is followed exactly: a ``T``, an offset with a colon, any number of
    fraction digits. It also allows a leap second and the year 0, which are None here: no
    ``datetime`` can represent them, so they break typed clients.
    """
    return _read_once(text) if len(text) <= LONGEST_KEPT else _read(text)


def _read(text: str) -> datetime.datetime | None:
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    date, time, fraction, offset = found.groups()
    try:
        second = datetime.datetime.fromisoformat(f"{date}T{time}{offset.upper()}")
        return second + datetime.timedelta(seconds=float(fraction or 0))
    except (ValueError, OverflowError):
        return None


# Each rule parses the same instants again.
_read_once = lru_cache(maxsize=4096)(_read)


def naive(text: str) -> datetime.datetime | None:
    """Parse an RFC 3339 date-time without its offset; return None for anything else.

    The result has no time zone, so that it can only be compared with others without one.
    """
    found = instant(f"{text}Z")
    return found.replace(tzinfo=None) if found else None


def is_instant(text: str) -> bool:
    """Whether a text is an RFC 3339 date-time that ``instant`` parses."""
    return instant(text) is not None


def _errors(validator: jsonschema_rs.Validator, body: Any) -> Iterator[SchemaError]:
    """Yield errors; the lists of an object go in parts, since a validator finds all at once."""
    fields = body if isinstance(body, dict) else {}
    lists = {
        key: value
        for key, value in fields.items()
        if isinstance(value, list) and len(value) > ROWS_AT_ONCE
    }
    first = {**fields, **{key: rows[:ROWS_AT_ONCE] for key, rows in lists.items()}}
    for error in validator.iter_errors(first if lists else body):
        yield _schema_error(error, error.instance_path)
    for key, rows in lists.items():
        for start in range(ROWS_AT_ONCE, len(rows), ROWS_AT_ONCE):
            for error in validator.iter_errors({key: rows[start : start + ROWS_AT_ONCE]}):
                match error.instance_path:
                    case [at, int(index), *rest] if at == key:
                        yield _schema_error(error, [key, start + index, *rest])


def _schema_error(error: jsonschema_rs.ValidationError, path: list[str | int]) -> SchemaError:
    """Return an error with its JSON path; that of a missing key ends with the key."""
    import jsonschema_rs

    kind = error.kind
    there = error.instance
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required) and isinstance(there, dict):
        key = kind.as_dict()["property"]
        return SchemaError(_json_path([*path, key]), error.message, missing(key, there))
    return SchemaError(_json_path(path), error.message, error.instance)


def _json_path(parts: list[str | int]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)


@cache
def contract() -> Contract:
    """Return the contract of this project. Raises ``UnreadableContractError``."""
    try:
        return Contract(documents.load(PATH))
    except (documents.DocumentError, OSError) as error:
        raise UnreadableContractError(Problem(str(error), "correct it there")) from error
    except (AttributeError, LookupError, StopIteration, TypeError, ValueError) as error:
        what = f"{PATH} is not a contract: {type(error).__name__}: {error}"
        raise UnreadableContractError(Problem(what, "make check shows what is invalid")) from error
