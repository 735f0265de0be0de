"""Bodies that are decoded without a second parse: which are, and that none of them is lenient."""

from __future__ import annotations

import itertools
import json
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import Struct, field, inspect
from prime_image_builds import UNSET, Unset, _json, _proof, errors
from prime_image_builds._proof import absent, counted
from prime_image_builds.models import BuildImageResponse, BuildStatusResponse
from prime_image_builds.types import Timestamp

from ...contract.openapi import contract
from ...tape.exchange import strict_json
from ..support.soundness import DECODERS, INSTANTS

GROUP = contract().document["components"]["examples"]["COMPLETED"]["value"]
TEXTS = st.one_of(st.sampled_from("abc"), st.text('ab"\\é,:{}[] -+0TZ\n', max_size=6))
ANY = st.sampled_from([None, True, 0, -1.5, "x", "", [], ["y"], {}, {"a": "b"}, {"a": {"b": 1}}])


class Inner(Struct):
    """A row of which nothing is required."""

    a: int = field(default_factory=counted(1))
    at: Timestamp | Unset = field(default_factory=absent)


OTHERS = [
    msgspec.defstruct("Other", [("rows", tuple[Inner, ...] | None), ("id", str), ("one", *more)])
    for more in [
        (Inner | Unset, field(default_factory=absent)),
        (tuple[str, ...] | Unset, field(default_factory=absent)),
        (tuple[tuple[Inner, ...], ...], field(default=())),
        (str | tuple[Inner, ...], field(default_factory=counted("abc"))),
        (str, field(default="x")),
        (Any, field(default_factory=absent)),
        (dict[str, int] | Unset, field(default_factory=absent)),
    ]
]
"""What this client has no need of yet; the proof must hold for it too."""


class Pairs(list[tuple[str, Any]]):
    """An object of JSON whose keys may be repeated."""


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Return a strategy of JSON values, most of them valid."""
    match kind:
        case inspect.StructType():
            return objects(kind.fields)
        case inspect.VarTupleType():
            return st.lists(values(kind.item_type), max_size=3)
        case inspect.UnionType():
            return st.one_of(*map(values, kind.types))
        case inspect.EnumType():
            return st.sampled_from([one.value for one in kind.cls])
        case inspect.DateTimeType():
            return st.sampled_from(
                [INSTANTS[0]] * 15 + INSTANTS[:5] + ["2026-11-24T09:00:00.5-0000"]
            )
        case inspect.IntType():
            return st.sampled_from([0, 3600, 3600, -1, 3600.0])
        case inspect.DictType():
            return st.lists(st.tuples(TEXTS, st.just(1)), max_size=3).map(Pairs)
        case inspect.StrType():
            return TEXTS
        case inspect.BoolType():
            return st.booleans()
    return ANY if isinstance(kind, inspect.AnyType) else st.none()


@st.composite
def objects(draw: st.DrawFn, fields: tuple[inspect.Field, ...]) -> Pairs:
    """Draw the pairs of an object: keys may be missing, unknown or repeated."""
    pairs = Pairs()
    for one in fields:
        times = draw(st.sampled_from([1] * 8 + [2] + [0] * 8 * (not one.required)))
        pairs += [(one.encode_name, draw(values(one.type))) for _ in range(times)]
    if draw(st.integers(0, 15)) == 9:
        pairs.append((draw(TEXTS), draw(ANY)))
    return Pairs(draw(st.permutations(pairs)))


@st.composite
def bodies(draw: st.DrawFn) -> tuple[type[Struct], bytes]:
    """Draw a model and the text of a body for it."""
    model = draw(st.sampled_from([*DECODERS.values(), *OTHERS]))
    comma, colon = draw(st.tuples(st.sampled_from([",", " , "]), st.sampled_from([":", ": "])))
    escaped = draw(st.sampled_from(["", "", '",:+-T']))

    def text(value: Any) -> str:
        if isinstance(value, Pairs | dict):
            pairs = value.items() if isinstance(value, dict) else value
            return f"{{{comma.join(f'{text(key)}{colon}{text(one)}' for key, one in pairs)}}}"
        if isinstance(value, list):
            return f"[{comma.join(map(text, value))}]"
        if isinstance(value, str):
            shown = (f"\\u{ord(c):04x}" if c in escaped else json.dumps(c)[1:-1] for c in value)
            return f'"{"".join(shown)}"'
        return json.dumps(value)

    return model, text(draw(values(inspect.type_info(model)))).encode()


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(bodies())
def test_proven_body_is_strict_and_is_what_the_second_parse_returns(
    drawn: tuple[type[Struct], bytes],
) -> None:
    """Repeated and unknown keys at any depth, fields left out, escapes, loose date-times."""
    model, content = drawn
    proven = _proof.proven(content, model)

    event(f"{model.__name__}: {'proven' if proven else 'not proven'}")
    if proven is not None:
        strict_json(content)
        assert _json._parsed(content, model) == proven


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (",\n  ", ":  ")])
@pytest.mark.parametrize("rows", [0, 1, 2, 5])
@pytest.mark.parametrize("offset", ["Z", "z", ".5+01:00", "-05:30"])
def test_ordinary_body_is_proven(separators: tuple[str, str], rows: int, offset: str) -> None:
    """In any layout, with and without null, fields left out, fractions, offsets and escapes."""
    at = f"2026-11-24T09:00:00{offset}"
    error = {"errorMessage": 'no space: "/é - x" is\nfull'}
    row = {"id": "a-1", "status": "FAILED", "createdAt": at, "completedAt": None} | error
    more = [{"id": "a", "status": "PENDING", "createdAt": at}, row | {"artifactType": "VM_SANDBOX"}]
    body = GROUP | {"startedAt": at, "artifacts": ([row] * 3 + more)[-rows:] if rows else []}
    content = json.dumps(body, separators=separators, ensure_ascii=False).encode()

    assert _proof.proven(content, BuildStatusResponse) == _json._parsed(
        content, BuildStatusResponse
    )


class One(Struct):
    """A model of three fields, one of them required."""

    id: str
    at: Timestamp | Unset = field(default_factory=absent)
    kind: str | int = field(default_factory=counted("x"))


@pytest.mark.parametrize(
    "body",
    [
        '{"id": "a", "id": "b"}', '{"id": "a", "x": 1}', '{"id": "a,b"}', r'{"id": "a\u0062"}',
        '{"id": 1}', "[]", "{", "", '{"id": "a", "kind": 1, "kind": 2}',
        '{"id": "a", "at": "2026-11-24 09:00:00Z"}',
        '{"id": "a", "at": "2026-11-24T09:00:00+0100"}',
        '{"id": "a", "at": "2026-11-24T09:00:00.5-0000"}',
        r'{"id": "a", "at": "2026\u002d11-24T09:00:00Z"}',
    ],
)  # fmt: skip
def test_what_is_invalid_or_may_not_be_strict_is_not_proven(body: str) -> None:
    """Also where a field that is left out could hide a repeated key."""
    assert _proof.proven(body.encode(), One) is None
    assert _proof.proven(b'{"id": "a"}', One) == One("a")


def test_field_with_a_default_that_is_not_counted_hides_no_repeated_key() -> None:
    """A body without it proves nothing less; one with it proves nothing."""
    model = msgspec.defstruct("Two", [("id", str), ("more", list), ("plain", int, 5)])

    for repeated in ('{"id": "a", "id": "a", "more": []}', '{"id": "a", "plain": 5, "more": []}'):
        assert _proof.proven(repeated.encode(), model) is None
    assert _proof.proven(b'{"id": "a", "more": []}', model) is not None


def test_text_where_an_array_may_be_hides_no_repeated_key() -> None:
    """It has a length, but no commas of its own."""
    either = OTHERS[3]
    body = b'{"rows": null, "id": "a", "one": "b"%s}'

    assert _proof.proven(body % b"", either) is not None
    for times in range(1, 4):
        assert _proof.proven(body % (b', "one": "b"' * times), either) is None


@pytest.mark.parametrize("others", [1, 2])
def test_field_that_another_thread_counts_proves_nothing(others: int) -> None:
    """The body takes the second parse, whose verdict is the same."""
    sound = {"build_id": "b", "upload_url": "u", "expires_in": 1, "fullImagePath": "p"}
    sent = json.dumps(sound).encode()
    repeated = sent.replace(b"{", b'{"expires_in": 1, ' * others)
    _, commas, arrays = _proof._expected(BuildImageResponse)

    def decode(content: bytes) -> Any:
        list(itertools.islice(_proof._LEFT_OUT, others))
        return msgspec.json.decode(content, type=BuildImageResponse)

    with patch.object(_proof, "_expected", lambda _: (decode, commas, arrays)):
        assert _proof.proven(sent, BuildImageResponse) is None
        assert _proof.proven(repeated, BuildImageResponse) is None
        assert _json.read(sent, BuildImageResponse).build_id == "b"
        with pytest.raises(errors.InvalidBodyError, match=r"repeated|malformed"):
            _json.read(repeated, BuildImageResponse)


ROWS_OF: dict[str, tuple[Any, int | None]] = {
    "rows": (tuple[Inner, ...], 2),
    "rows or null": (tuple[Inner, ...] | None, 2),
    "texts": (tuple[str, ...], 0),
    "one row": (Inner, None),
    "a text or rows": (str | tuple[Inner, ...], None),
    "a text or null": (str | None, None),
}
"""For the type of a field, how many keys each of its rows has, if it has rows."""


@pytest.mark.parametrize("case", ROWS_OF)
def test_keys_of_each_row_are_expected(case: str) -> None:
    """For a model that was not read before, as each is once in a process."""
    kind, each = ROWS_OF[case]
    model = msgspec.defstruct("New", [("id", str), ("some", kind)])
    _, commas, arrays = _proof._expected(model)

    assert (commas, arrays) == (1, [] if each is None else [("some", each)])


def test_value_of_a_counted_field_is_counted_once_for_each() -> None:
    """Whatever it is, and however many fields count."""
    factories = [counted(value) for value in ("x", None, 0, UNSET, ())]
    before = next(_proof._LEFT_OUT)

    assert [make() for make in factories * 2] == ["x", None, 0, UNSET, ()] * 2
    assert next(_proof._LEFT_OUT) - before == 11


def test_without_a_global_lock_nothing_is_proven() -> None:
    """Two threads might count as one."""
    with patch.object(_proof, "_COUNTS_ALL", new=False):
        assert _proof.proven(b'{"id": "a"}', One) is None


@pytest.mark.parametrize("model", DECODERS.values())
def test_every_field_of_the_client_is_counted(model: type[Struct]) -> None:
    """A template that writes a plain default would cost speed, and nothing else would show it."""
    kind = inspect.type_info(model)

    assert isinstance(kind, inspect.StructType)
    assert _proof._keys(kind) == len(kind.fields)
