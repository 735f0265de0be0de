"""Documents that a stranger wrote: YAML, JSON and TOML, and what compare makes of them."""

from __future__ import annotations

import datetime
import gzip
import json
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from ....contract import documents
from ....drivers.http.client import SessionError, decompressed
from ....openapi_diff import differences, parse, read
from ....problems import Problem
from ....report import comparison
from ....verdicts import exemptions
from . import Attack, Family
from .client_answers import raw_deflate

# The bounds are lowered, so that an attack is cheap: what matters is that one of them is met.
NODES, VALUES, BYTES, STEPS, DEPTH = 2_000, 3_000, 120_000, 5_000, 200
MOST_MEMORY = 40 * 2**20
MOST_PRINTED = 4 * 2**20
OPERATION = "/things"


def _held(run: Callable[[], object]) -> str | None:
    """Run within the lowered bounds; what is refused with a problem was withstood."""
    with (
        mock.patch.multiple(documents, MOST_NODES=NODES, MOST_VALUES=VALUES, MOST_BYTES=BYTES),
        mock.patch.object(read, "MOST_STEPS", STEPS),
    ):
        tracemalloc.start()
        try:
            run()
        except (Problem, documents.DocumentError) as error:
            if len(str(error)) > 2 * read.LONGEST_POINTER:
                return f"a message of {len(str(error))} characters"
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    return f"took {peak / 2**20:.0f} MiB" if peak > MOST_MEMORY else None


def _reads(text: str | bytes, *, refuses: bool = True) -> str | None:
    """Read a document; what may be read is within the bounds, and can be written as JSON."""

    def run() -> None:
        value = documents.read(text)
        if refuses:
            raise ValueError(f"was read as {str(value)[:60]}")
        json.dumps(value).encode()

    return _held(run)


def _compares(base: dict[str, Any], revision: dict[str, Any]) -> str | None:
    """Compare two documents, and print the result in both forms."""
    texts = [json.dumps({"openapi": "3.1.0", "info": {}, **one}) for one in (base, revision)]
    printed: list[int] = []

    def run() -> None:
        one, other = (parse(text, name) for text, name in zip(texts, "ab", strict=True))
        found = differences(one, other, every=True)
        table = comparison.table(found) if found else ""
        printed.append(len(table) + len(comparison.as_json(one, other, found, [])))

    what = _held(run)
    return f"printed {printed[0]} characters" if max(printed, default=0) > MOST_PRINTED else what


def _document(schema: Any, schemas: dict[str, Any] | None = None, **operation: Any) -> Any:
    """Return a document whose only response has a schema."""
    content = {"application/json": {"schema": schema}}
    get = {"responses": {"200": {"description": "", "content": content}}, **operation}
    return {"paths": {OPERATION: {"get": get}}, "components": {"schemas": schemas or {}}}


def _against(schema: Any, schemas: dict[str, Any] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield comparisons of a schema with itself, with anything, and the other way round."""
    hostile, plain = _document(schema, schemas), _document({"type": "string"})
    yield "with itself", partial(_compares, hostile, hostile)
    yield "as base", partial(_compares, hostile, plain)
    yield "as revision", partial(_compares, plain, hostile)


def _aliases() -> Iterator[Attack]:
    forms: dict[str, tuple[str, Callable[[str, int], str]]] = {
        "lists": ("[x]", lambda one, fan: f"[{', '.join([one] * fan)}]"),
        "maps": ("{x: y}", lambda one, fan: f"{{{', '.join(f'k{n}: {one}' for n in range(fan))}}}"),
        "both": ("{x: [y]}", lambda one, fan: f"{{x: [{', '.join([one] * fan)}]}}"),
        "long texts": ("x" * 5000, lambda one, fan: f"[{', '.join([one] * fan)}]"),
    }
    for form, (first, wrap) in forms.items():
        for fan, levels in ((2, 60), (3, 30), (9, 9), (100, 3)):
            lines = [f"a0: &a0 {first}"]
            lines += [f"a{n}: &a{n} {wrap(f'*a{n - 1}', fan)}" for n in range(1, levels + 1)]
            for place in ("at the top", "in an extension"):
                indent = "" if place == "at the top" else "  "
                text = "".join(f"{indent}{line}\n" for line in lines)
                text = text if not indent else f"openapi: 3.1.0\npaths: {{}}\nx-a:\n{text}"
                name = f"{form}, {fan} each, {levels} levels, {place}"
                yield Attack("aliases of aliases", name, partial(_reads, text))
    for form, text in {
        "a list": "&a [*a]", "a map": "a: &a {b: *a}", "a key": "&a {*a : b}",
        "two": "a: &a [&b [*a]]", "an anchor used again": "a: &a [*b]\nb: &b [*a]",
    }.items():  # fmt: skip
        yield Attack("aliases of aliases", f"{form} in itself", partial(_reads, text))


def _nests() -> Iterator[Attack]:
    forms: dict[str, Callable[[int], str]] = {
        "lists": lambda n: "[" * n + "]" * n,
        "lists, not closed": lambda n: "[" * n,
        "objects": lambda n: '{"a":' * n + "1" + "}" * n,
        "objects of YAML": lambda n: "{a: " * n + "1" + "}" * n,
        "keys": lambda n: "{" * n + "}" * n,
        "lists and objects": lambda n: '[{"a":' * (n // 2) + "1" + "}]" * (n // 2),
        "blocks": lambda n: "".join(f"{' ' * depth}a:\n" for depth in range(min(n, 600))),
        "dashes": lambda n: "- " * n + "a",
        "question marks": lambda n: "? " * n + "a",
    }
    for form, made in forms.items():
        for depth in (DEPTH + 2, 1_000, 20_000):
            name = f"{form}, {depth} deep"
            yield Attack("nests", name, partial(_reads, made(depth)))


def _values() -> Iterator[Attack]:
    numbers: dict[str, Callable[[int], str]] = {
        "decimal": lambda n: "9" * n, "negative": lambda n: "-" + "9" * n,
        "hexadecimal": lambda n: "0x" + "f" * n, "octal": lambda n: "0o" + "7" * n,
        "exponent": lambda n: "1e" + "9" * n, "fraction": lambda n: "9" * n + ".5",
    }  # fmt: skip
    wraps = {"in YAML": "a: {}", "in JSON": '{{"a": [{}]}}', "tagged": "a: !!float '{}'"}
    for kind, number in numbers.items():
        for digits in (400, 5_000, 20_000):
            for wrap, text in wraps.items():
                if (kind, wrap) in (("hexadecimal", "tagged"), ("octal", "tagged")):
                    text = "a: !!int '{}'"
                name = f"{kind} of {digits} digits, {wrap}"
                yield Attack("numbers", name, partial(_reads, text.format(number(digits))))
    for text in (".inf", "-.INF", ".nan", ".NaN", "!!float .inf", "1e999", "-1e999"):
        yield Attack("numbers", f"{text} in YAML", partial(_reads, f"a: {text}"))
    for text in ("NaN", "Infinity", "-Infinity", "1e999"):
        yield Attack("numbers", f"{text} in JSON", partial(_reads, f'[{{"a": {text}, "a": 1}}]'))
    for form, text in {
        "list": "[{}]", "list of YAML": "- {{a: [{}]}}", "objects": '{{"a": [{}]}}'
    }.items():  # fmt: skip
        for value in ("{}", "[]", "1", '"x"', "null"):
            many = ",".join([value] * (VALUES + 1))
            yield Attack("many values", f"{value} in a {form}", partial(_reads, text.format(many)))
    # Fewer values than a document may have, but YAML takes a hundred times as long.
    for form, many in {
        "objects": f"- [{', '.join(['{}'] * NODES)}]", "texts": f"- [{', '.join('x' * NODES)}]",
        "blocks": "- x\n" * NODES,
    }.items():  # fmt: skip
        yield Attack("many nodes of YAML", form, partial(_reads, many))
    for form, text in {
        "plain": "a: {}", "quoted": "a: '{}'", "a key": "{}: 1", "a comment": "#{}\na: 1",
        "a tag": "a: !{} 1", "an anchor": "a: &{} 1", "an alias": "a: *{}", "JSON": '{{"a": "{}"}}',
        "a directive": "%{}\n---\na", "a block": "a: |\n  {}",
    }.items():  # fmt: skip
        yield Attack("long texts", f"{form}, too long", partial(_reads, text.format("x" * BYTES)))
        largest = text.format("x" * 50_000)
        yield Attack("long texts", form, partial(_reads, largest, refuses=False))


def _encodings() -> Iterator[Attack]:
    for text in ("a: é\n", '{"a": "é"}', "paths: {}\n"):
        for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-7"):
            raw = text.encode(coding)
            refuses = coding != "utf-7" and text.encode("utf-8") != raw
            name = f"{text.strip()} in {coding}"
            yield Attack("encodings", name, partial(_reads, raw, refuses=refuses))
    for bad in (
        b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82", b"\x80",
        b"\x00", b"\x01", b"\x1b[31m", b"\x7f\x00", b"\xf4\x90\x80\x80",
    ):  # fmt: skip
        for wrap in (b"a: %s\n", b"%s: a\n", b'{"a": "%s"}', b"# %s\na: 1\n"):
            refuses = bad > b"\x7f\xff"
            name = f"{bad!r} in {wrap!r}"
            yield Attack("encodings", name, partial(_reads, wrap % bad, refuses=refuses))
    for half in (r"\ud83d", r"\ude00", r"\ude00\ud83d", r"\uD83D\u0041"):
        for form in ('{{"a": "{}"}}', '{{"{}": 1}}', 'a: "{}"'):
            yield Attack("encodings", f"{half} in {form}", partial(_reads, form.format(half)))


def _ambiguous() -> Iterator[Attack]:
    twice = {
        "JSON": '{"a": 1, "a": 2}', "escaped": r'{"a": 1, "\u0061": 2}', "YAML": "a: 1\na: 2",
        "quoted": "a: 1\n'a': 2", "flow": "{a: 1, b: 2, a: 3}", "null": "~: 1\n'~': 2",
        "a number": "1: 1\n'1': 2", "tagged": "!!str a: 1\na: 2",
        "explicit": "? a\n: 1\n? a\n: 2", "an alias": "- &a b\n- {b: 1, *a : 2}",
        "a merge": "a: &a {b: 1}\nc: {<<: *a}", "merges": "a: &a {}\nc: {<<: [*a, *a]}",
        "a lone merge": "<<: {}", "a merge of itself": "a: &a {<<: *a}",
    }  # fmt: skip
    for form, text in twice.items():
        for around in ("alone", "in a list"):
            body = (
                text if around == "alone" else "-\n" + "".join(f"  {x}\n" for x in text.split("\n"))
            )
            yield Attack("two readings", f"{form}, {around}", partial(_reads, body))
    for line in ("%YAML 1.1", "%YAML 1.3", "%YAML  2.0", "%YAML\t1.1", f"%YAML 1.{'9' * 5000}"):
        text = f"{line}\n---\na: on\n"
        yield Attack("two readings", f"{line[:20]!r}", partial(_reads, text))
    for tag in ("!!python/object:os.system", "!!binary", "!!set", "!!omap", "!!timestamp", "!x",
                "!!merge", "!!map", "!!seq", "!!bool", "!!int", "!!null"):  # fmt: skip
        yield Attack("two readings", f"the tag {tag}", partial(_reads, f"a: {tag} x"))


def _references() -> Iterator[Attack]:
    def ref(name: object) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/{name}"}

    wraps: dict[str, Callable[[list[Any]], Any]] = {
        "properties": lambda parts: {"properties": {f"p{n}": one for n, one in enumerate(parts)}},
        "allOf": lambda parts: {"allOf": parts},
        "oneOf": lambda parts: {"oneOf": parts},
        "anyOf with types": lambda parts: {"anyOf": [*parts, {"type": "null"}]},
        "items": lambda parts: {"items": {"allOf": parts}},
        "additionalProperties": lambda parts: {"additionalProperties": {"anyOf": parts}},
    }
    for form, wrap in wraps.items():
        for fan, levels in ((1, 300), (2, 40), (9, 9)):
            schemas = {
                f"s{n}": wrap([ref(f"s{n + 1}")] * fan) if n < levels else {"type": "integer"}
                for n in range(levels + 1)
            }
            for how, run in _against(ref("s0"), schemas):
                yield Attack("references", f"{form}, {fan} each, {levels} levels, {how}", run)
        circle = {f"s{n}": wrap([ref(f"s{(n + 1) % 5}")] * 2) for n in range(5)}
        for how, run in _against(ref("s0"), circle):
            yield Attack("references", f"a circle of {form}, {how}", run)
    for pointer in ("#", "#/", "#/paths", "#/components/schemas/s0", "#/" + "a/" * 5000,
                    "#/components/schemas/%73%30", "#/" + "~0" * 2000, "#/paths/-1", "x" * 50_000,
                    "file:///etc/passwd", "http://127.0.0.1/", "other#/a",
                    "#/components/schemas/s0/allOf/0"):  # fmt: skip
        for how, run in _against({"$ref": pointer}, {"s0": {"allOf": [{"$ref": pointer}]}}):
            yield Attack("references", f"to {pointer[:30]}, {len(pointer)} long, {how}", run)
    chain = {f"s{n}": ref(f"s{n + 1}") for n in range(400)} | {"s400": {"type": "string"}}
    schema = {"properties": {f"p{n}": ref("s0") for n in range(200)}}
    for how, run in _against(schema, chain):
        yield Attack("references", f"a long chain from many places, {how}", run)


def _combinations() -> Iterator[Attack]:
    def nest(key: str, width: int, levels: int) -> Any:
        if not levels:
            return {"type": "string"}
        return {key: [{"properties": {f"k{n}": {"const": n}, "x": nest(key, width, levels - 1)},
                       "required": [f"k{n}"]} for n in range(width)]}  # fmt: skip

    schemas: dict[str, Any] = {
        f"{key}, {width} wide, {levels} deep": nest(key, width, levels)
        for key in ("oneOf", "anyOf", "allOf")
        for width, levels in ((2, 7), (8, 2), (30, 1))
    }
    unions = [{"oneOf": [{"required": [f"a{n}{m}"]} for m in range(9)]} for n in range(9)]
    schemas |= {
        "a product of unions": {"allOf": unions},
        "more alternatives than any": {"oneOf": [{"minLength": n} for n in range(500)]},
        "an enum of thousands": {"enum": list(range(2000))},
        "an enum of large values": {"enum": [["x" * 1000] * 9] * 10},
        "not an enum": {"not": {"enum": list(range(2000))}},
        "not an array of an enum": {"not": {"items": {"enum": list(range(900))}, "minItems": 800}},
        "if, then and else": {"allOf": [{"if": {"required": [f"a{n}"]}, "then": {"minLength": n},
                                         "else": {"maxLength": n}} for n in range(14)]},
        "not a product": {"not": {"allOf": unions}},
        "a pattern that explodes": {"not": {"pattern": "(x{1,500}){1,500}"}},
        "a large default": {"default": ["x" * 5000] * 9},
        "a large bound": {"minimum": 10**300, "maximum": -(10**300), "multipleOf": 1e-300},
        "a bound that is not a number": {"minimum": "1"},
        "a type of all": {"type": ["string"] * 2000},
        "true, a thousand times": {"allOf": [True] * 1000},
        "required, of thousands": {"required": [f"r{n}" for n in range(5000)]},
    }  # fmt: skip
    for form, schema in schemas.items():
        for how, run in _against(schema):
            yield Attack("combinations", f"{form}, {how}", run)


def _renderings() -> Iterator[Attack]:
    plain = _document({})
    for count in (100, 900):
        fields = {"properties": {f"f{n}": {"type": "string"} for n in range(count)}}
        for how, run in _against(fields):
            yield Attack("renderings", f"{count} fields, {how}", run)
        paths: dict[str, Any] = {f"/p{n}": {"get": {}} for n in range(count)}
        revision = {"paths": {**plain["paths"], **paths}}
        yield Attack("renderings", f"{count} operations", partial(_compares, plain, revision))
    for length in (1_500, 3_000, 100_000):
        long = "n" * length
        schema = {"type": "string"}
        response = {"description": ""}
        parameter = {"name": long, "in": "query", "schema": schema}
        revisions: dict[str, Any] = {
            "a field": _document({"properties": {long: schema}}),
            "fields in fields": _document(
                {"properties": {long: {"properties": {long: {"properties": {long: schema}}}}}}
            ),
            "a path": {"paths": {**plain["paths"], f"/{long}": {"get": {}}}},
            "a parameter": _document({}, parameters=[parameter]),
            "an operation": _document({"properties": {"a": schema}}, operationId=long),
            "a status": _document({}, responses={"200": response, long: response}),
            "a media type": _document(
                {}, responses={"200": {"description": "", "content": {f"{long}/json": {}}}}
            ),
            "a header": _document(
                {}, responses={"200": {"description": "", "headers": {long: {"schema": schema}}}}
            ),
            "a value": _document({"enum": [long, "b"]}),
            "a pattern": _document({"type": "string", "pattern": long}),
            "a scheme": _document({}, security=[{long: [long]}]),
            "a server": _document({}, servers=[{"url": f"/{long}"}]),
            "a server that is not a URL": _document({}, servers=[{"url": f"http://[{long}"}]),
            "a server of servers": _document(
                {}, servers=[{"url": "/{v0}", "variables": {
                    f"v{n}": {"default": f"{{v{n + 1}}}{{v{n + 1}}}"} for n in range(40)
                }}],
            ),
        }  # fmt: skip
        for form, revision in revisions.items():
            for how, pair in (("added", (plain, revision)), ("removed", (revision, plain))):
                name = f"{form} of {length} characters, {how}"
                yield Attack("renderings", name, partial(_compares, *pair))


def _codings() -> Iterator[Attack]:
    codings: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "deflate, bare": raw_deflate,
    }

    def run(raw: bytes, coding: str) -> None:
        try:
            decompressed(raw, coding, BYTES)
        except SessionError as error:
            raise Problem(str(error), "") from error
        raise ValueError("was decompressed")

    for name, pack in codings.items():
        for layers in (1, 2, 3):
            for size in (BYTES + 1, 30 * BYTES):
                raw = b"a" * size
                for _ in range(layers):
                    raw = pack(raw)
                coding = ", ".join([name.partition(",")[0]] * layers)
                if layers > 1 or len(raw) < size:
                    what = f"{layers} layers of {name}, of {size} bytes"
                    yield Attack("codings", what, partial(_held, partial(run, raw, coding)))


def _tables() -> Iterator[Attack]:
    texts: dict[str, str | bytes] = {
        "arrays in arrays": "a = " + "[" * 3000, "tables in tables": "a = " + "{a = " * 700,
        "a dotted key": ".".join("a" * 100_000) + " = 1",
        "a dotted table": f"[{'.'.join('a' * 9000)}]",
        "dotted keys": "\n".join(".".join("a" * n) + f"b{n} = 1" for n in range(1, 99)),
        "a number": "a = " + "9" * 5000, "no UTF-8": b"a = '\xff'",
        "UTF-16": "a = 1".encode("utf-16"),
        "a NUL": "a = 1\0", "a date": "a = 9999-99-99", "an infinity": "[[waiver]]\nexpires = inf",
        "many tables": "[[waiver]]\n" * 3000,
        "many keys": "\n".join(f"k{n} = 1" for n in range(3000)),
        "a long key": f"{'k' * 3000} = 1", "a long line": f"a = '{'x' * 300_000}'",
        "a list": "waiver = 1", "no tables": "waiver = [1, 2]", "a key twice": "a = 1\na = 2",
        "a long rule": f"[[waiver]]\n{'k' * 3000} = 1", "a table twice": "[a]\n[a]",
    }  # fmt: skip

    def run(raw: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "w.toml"
            path.write_bytes(raw)
            list(exemptions.entries(path, "waiver", ("rule",), today=datetime.date(2026, 1, 1)))

    for name, text in texts.items():
        raw = text if isinstance(text, bytes) else text.encode()
        yield Attack("files of exceptions", name, partial(_held, partial(run, raw)))


def _attacks() -> Iterator[Attack]:
    yield from _aliases()
    yield from _nests()
    yield from _values()
    yield from _encodings()
    yield from _ambiguous()
    yield from _references()
    yield from _combinations()
    yield from _renderings()
    yield from _codings()
    yield from _tables()


FAMILY = Family(
    "documents",
    "A document is read within bounds or refused with a problem, and so is a comparison.",
    _attacks,
)
