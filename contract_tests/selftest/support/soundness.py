"""Throws mutated and arbitrary bodies at every decoder of the client, with each of its options.

What is accepted must hold its annotations, by a type checker that shares no code with msgspec, and
what was sent. What is refused must raise the one documented exception. The schema of openapi.yaml,
relaxed where an option relaxes it, must say the same.
"""

from __future__ import annotations

import copy
import datetime
import json
import random
import sys
import time
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import click
import jsonschema_rs
import prime_image_builds.models as models
from beartype.door import is_bearable
from prime_image_builds._json import read
from prime_image_builds._tolerance import Tolerance
from prime_image_builds.errors import InvalidBodyError
from prime_image_builds.types import Model, OpenEnum

from ... import cli
from ...cli.options import Command
from ...contract.openapi import contract, instant, is_instant
from ...payloads import load
from ...problems import Exit
from ...tape.exchange import strict_json

DECODERS: dict[str, type[Model]] = {
    name: one
    for name in models.__all__
    if isinstance(one := getattr(models, name), type) and issubclass(one, Model)
}
"""Every model of the client, by the name that its schema has too."""

TOLERANCES = [
    Tolerance(),
    Tolerance(naive_timestamps="utc"),
    Tolerance(unknown_statuses="keep"),
    Tolerance(naive_timestamps="utc", unknown_statuses="keep"),
]
"""Every choice of the client's options, the default first."""

INSTANTS = [
    "2026-11-24T09:00:00Z", "2026-11-24t09:00:00.5z", "2026-11-24 09:00:00Z",
    "2026-11-24T09:00:00+0100", "2026-11-24T09:00:00+01:00", "2026-11-24T09:00:00",
    "2026-12-31T23:59:60Z", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "2026-11-24",
    "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "2026-11-24T24:00:00Z",
    "2026-11-24T09:00:00.123456789123456789Z", "2026-11-24T09:00:00-00:00", "1795510800",
]  # fmt: skip
WORDS = ["PENDING", "COMPLETED", "completed", "", "RUNNING", "PUBLIC", "INHERIT", "VM_SANDBOX"]
SCALARS = [
    None, True, False, 0, 1, -1, 2**63, 2**64, 10**40, 0.0, 1.5, -0.0, 1e16, 1e300, "\ud83d\ude00",
    "\x00", "null", *INSTANTS, *WORDS,
]  # fmt: skip
KEYS = ["id", "status", "createdAt", "startedAt", "completedAt", "artifacts", "artifactType", "x"]
PIECES = [
    b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0020", b"\\ud800", b"\xff", b"\x00",
    b"\xef\xbb\xbf", b"NaN", b"Infinity", b"null", b"1e999", b" ", b"\n", b"-", b"0", b"T", b"Z",
    b'"status":"PENDING",', b'"x":1,"x":2,', b"//", b"[" * 3000,
]  # fmt: skip


@dataclass
class DecoderRun:
    """What came of a run."""

    seed: int
    inputs: int = 0
    seconds: float = 0.0
    accepted: int = 0
    unsound: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    disagreed: list[str] = field(default_factory=list)
    by_decoder: Counter[str] = field(default_factory=Counter)
    by_tolerance: Counter[Tolerance] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.unsound or self.undocumented or self.disagreed)

    def __str__(self) -> str:
        most = self.by_tolerance[TOLERANCES[-1]]
        return (
            f"{self.inputs:,} inputs, {len(self.by_decoder)} decoders, seed {self.seed}, "
            f"{self.seconds:.0f} s: {self.accepted:,} accepted by default, "
            f"{most:,} with every option, {len(self.unsound)} unsound, "
            f"{len(self.undocumented)} undocumented exceptions, "
            f"{len(self.disagreed)} that the schema judges otherwise"
        )


def run(
    inputs: int,
    seed: int,
    progress: Callable[[DecoderRun], None] = lambda _: None,
    every: int = 20_000,
) -> DecoderRun:
    """Decode that many inputs; report progress every so many."""
    result, begun = DecoderRun(seed), time.monotonic()
    for name, content in bodies(random.Random(seed)):  # noqa: S311 (to be repeated, not to be secret)
        if result.inputs == inputs:
            break
        result.inputs += 1
        result.by_decoder[name] += 1
        for tolerance in TOLERANCES:
            throw(name, content, result, tolerance)
        result.seconds = time.monotonic() - begun
        if result.inputs % every == 0:
            progress(result)
    return result


def throw(name: str, content: bytes, result: DecoderRun, tolerance: Tolerance) -> None:
    """Decode one body, and check what comes of it against everything."""
    shown = f"{name} {tolerance} {content[:300]!r}"
    try:
        body = read(content, DECODERS[name], tolerance)
    except InvalidBodyError:
        accepted = False
    except Exception as error:
        result.undocumented.append(f"{shown}: {error!r}")
        return
    else:
        accepted = True
        result.accepted += tolerance == TOLERANCES[0]
        result.by_tolerance[tolerance] += 1
        if problem := unsound(body, tolerance):
            result.unsound.append(f"{shown}: {problem}")
    if accepted is not schema_accepts(name, content, tolerance):
        result.disagreed.append(f"{shown}: the client {'accepts' if accepted else 'refuses'} it")
    elif accepted and (changed := altered(strict_json(content), body)):
        result.unsound.append(f"{shown}: {changed} is not what was sent")


def unsound(body: Model, tolerance: Tolerance = TOLERANCES[0]) -> str | None:
    """Say which field holds what its annotation or the client's options forbid, or None."""
    for name, annotation in hints(type(body)).items():
        value = getattr(body, name)
        if not is_bearable(value, annotation):
            return f"{name} is {value!r}"
        if isinstance(value, datetime.datetime) and value.utcoffset() is None:
            return f"{name} has no offset"
        if isinstance(value, OpenEnum):
            is_listed = value.value in contract().schema(type(value).__name__)["enum"]
            if value.is_known is not is_listed:
                return f"{name} is {value!r}, and is_known is {value.is_known}"
            if not is_listed and tolerance.unknown_statuses == "reject":
                return f"{name} is {value!r}"
        for entry in value if isinstance(value, tuple) else ():
            if isinstance(entry, Model) and (found := unsound(entry, tolerance)):
                return f"{name}: {found}"
    return None


def altered(sent: Any, value: Any) -> str | None:
    """Name the first field whose value is not the one that was sent, or None."""
    if isinstance(value, Model):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        for ours, wire in names:
            if wire in sent and altered(sent[wire], getattr(value, ours)):
                return ours
        return None
    if isinstance(value, tuple):
        is_whole = len(sent) == len(value) and not any(map(altered, sent, value))
        return None if is_whole else "an entry"
    if isinstance(value, datetime.datetime):
        meant = instant(sent) or instant(f"{sent}Z")
        is_same = meant and abs(meant - value) <= datetime.timedelta(microseconds=1)
        return None if is_same else "an instant"
    raw = value.value if isinstance(value, OpenEnum) else value
    return None if raw == sent else "a value"


_HINTS: dict[type[Model], dict[str, Any]] = {}


def hints(model: type[Model]) -> dict[str, Any]:
    """Return the annotations of a model."""
    if model not in _HINTS:
        _HINTS[model] = typing.get_type_hints(model, include_extras=True)
    return _HINTS[model]


def schema_accepts(name: str, content: bytes, tolerance: Tolerance = TOLERANCES[0]) -> bool:
    """Ask the schema of the same name, as the options relax it."""
    try:
        value = strict_json(content)
    except (ValueError, RecursionError):
        return False
    try:
        return _validator(name, tolerance).is_valid(value)
    except ValueError:  # the validator's own limit of depth
        return False


@cache
def _validator(name: str, tolerance: Tolerance) -> jsonschema_rs.Validator:
    components = copy.deepcopy(contract().document["components"])
    if tolerance.unknown_statuses == "keep":
        for schema in components["schemas"].values():
            schema.pop("enum", None)  # what is left of it is its type

    def is_date_time(text: str) -> bool:
        naive = tolerance.naive_timestamps == "utc" and is_instant(f"{text}Z")
        return naive or is_instant(text)

    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": components},
        validate_formats=True,
        formats={"date-time": is_date_time},
    )


def bodies(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield decoders and bodies without end: mutated values, mutated bytes, arbitrary JSON."""
    seeds = [(name, value) for name, value in _sound()]
    raw = [payload.content for payload in load()]
    while True:
        name, value = chance.choice(seeds)
        if chance.random() < 0.3:
            value = _foreign(value, chance)
        kind = chance.random()
        if kind < 0.08:
            yield name, _repeating(value, chance).encode()
        elif kind < 0.6:
            value = copy.deepcopy(value)
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                value = _mutated(value, chance)
            content = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode(
                "utf-8", "surrogatepass"
            )
            yield name, content if kind < 0.45 else _broken(content, chance)
        elif kind < 0.7:
            yield name, _broken(chance.choice(raw), chance)
        elif kind < 0.8:
            yield name, json.dumps(_arbitrary(chance, 3)).encode()
        else:
            yield name, json.dumps(value).encode() if kind < 0.82 else _typo(value, chance)


def _sound() -> Iterator[tuple[str, Any]]:
    """Yield a sound body for each decoder, or more."""
    rows = [one["value"] for one in contract().document["components"]["examples"].values()]
    for row in rows:
        yield "BuildStatusResponse", row
        for artifact in row.get("artifacts", []):
            yield "BuildArtifactStatusResponse", artifact
    for operation in contract().document["paths"].values():
        for node in operation.values():
            for place in (node.get("requestBody", {}), *node["responses"].values()):
                content = place.get("content", {}).get("application/json", {})
                for one in content.get("examples", {}).values():
                    if "value" in one:
                        yield content["schema"]["$ref"].rpartition("/")[2], one["value"]
    yield "ErrorResponse", {"errors": [{"param": "image_name", "details": "is required"}]}
    yield "ErrorDetail", {"param": "image_name", "details": "is required"}


def _foreign(value: Any, chance: random.Random) -> Any:
    """Take offsets away, and put values there that no enum lists: what an option may accept."""
    if isinstance(value, dict):
        return {key: _foreign(one, chance) for key, one in value.items()}
    if isinstance(value, list):
        return [_foreign(one, chance) for one in value]
    if isinstance(value, str) and is_instant(value) and chance.random() < 0.7:
        return value.removesuffix("Z")
    if isinstance(value, str) and value.isupper() and chance.random() < 0.3:
        return chance.choice(WORDS)
    return value


def _mutated(value: Any, chance: random.Random) -> Any:
    """Change one place of a value, at any depth."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        kind = chance.random()
        if kind < 0.2:
            del value[key]
        elif kind < 0.3:
            value[chance.choice(KEYS)] = _arbitrary(chance, 1)
        else:
            value[key] = _mutated(value[key], chance)
        return value
    if isinstance(value, list) and value and chance.random() < 0.9:
        index = chance.randrange(len(value))
        value[index] = _mutated(value[index], chance)
        return value
    return _arbitrary(chance, 2)


def _arbitrary(chance: random.Random, depth: int) -> Any:
    kind = chance.random()
    if depth and kind < 0.15:
        return [_arbitrary(chance, depth - 1) for _ in range(chance.randrange(4))]
    if depth and kind < 0.3:
        entries = range(chance.randrange(6))
        return {chance.choice(KEYS): _arbitrary(chance, depth - 1) for _ in entries}
    return chance.choice(SCALARS)


def _repeating(value: Any, chance: random.Random) -> str:
    """Return a text of a value, in which keys may be left out, repeated or unknown at any depth."""
    if isinstance(value, list):
        return f"[{','.join(_repeating(one, chance) for one in value)}]"
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=chance.random() < 0.5)
    pairs = [pair for pair in value.items() if chance.random() < 0.97]
    for more in (pairs, [("x", 1), ("artifactType", "VM_SANDBOX"), ("y", {"id": "z"})]):
        if more and chance.random() < 0.15:
            pairs.insert(chance.randrange(len(pairs) + 1), chance.choice(more))
    return f"{{{','.join(f'{json.dumps(k)}: {_repeating(v, chance)}' for k, v in pairs)}}}"


def _typo(value: Any, chance: random.Random) -> bytes:
    """Change a character or two of a text, above all of an instant."""
    content = bytearray(json.dumps(value).encode())
    digits = [index for index, byte in enumerate(content) if chr(byte) in "0123456789TZ:-.+"]
    for _ in range(chance.choice((1, 1, 2))):
        place = chance.choice(digits or [0])
        content[place] = ord(chance.choice("0123456789TZtz:-.+ ,"))
    return bytes(content)


def _broken(content: bytes, chance: random.Random) -> bytes:
    """Change some bytes: cut out, put in, put elsewhere."""
    for _ in range(chance.choice((1, 1, 2))):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice((0, 0, 1, 1, 2, 8, 40)))
        kind = chance.random()
        if kind < 0.7:
            piece = chance.choice(PIECES)
        elif kind < 0.9:
            piece = bytes([chance.randrange(256)])
        else:
            other = chance.randrange(len(content) + 1)
            piece = content[other : other + 30]
        content = content[:start] + piece + content[end:]
    return content


@click.command(cls=Command)
@click.option("--inputs", metavar="N", type=click.IntRange(1), default=1_000_000,
    help="How many; default 1000000.")  # fmt: skip
@click.option("--seed", metavar="N", type=int, help="Of the mutations; default another each time.")
def main(inputs: int, seed: int | None) -> int:
    """Feed mutated bodies to every decoder of the client.

    Exit codes: 0 each is accepted or refused as documented, 1 otherwise.
    """
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    click.echo(f"seed {seed}")

    def show(result: DecoderRun) -> None:
        end = "\r" if sys.stdout.isatty() else "\n"
        click.echo(f"{result.inputs / inputs:4.0%}  {result}{end}", nl=False)

    result = run(inputs, seed, show, every=max(1, inputs // 20))
    for kind in ("unsound", "undocumented", "disagreed"):
        for line in getattr(result, kind)[:10]:
            click.echo(f"{kind}: {line}")
    click.echo(result)
    return Exit.OK if result.is_clean else Exit.FOUND


if __name__ == "__main__":
    sys.exit(cli.run(main, f"python -m {__spec__.name}"))
