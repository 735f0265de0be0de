"""On random schemas, the comparison agrees with an independent judge."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs.canonical import Containment

from ...openapi_diff import Breaks, Document, differences

Schema = dict[str, Any]
# Bounds that leave something, so that two schemas do not admit the same by admitting nothing.
LEAST, MOST = st.integers(-2, 0), st.integers(2, 4)
SHORTEST, LONGEST = st.integers(0, 1), st.integers(2, 3)
QUIET = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


BESIDE: list[Schema] = [{}, {"minLength": 1}, {"minimum": 0}, {"type": ["string", "object"]}]


def keywords(kind: str, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    """Return schemas of a type, with some of its keywords."""
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=optional)


LEAVES = st.one_of(
    keywords("string", minLength=SHORTEST, maxLength=LONGEST),
    keywords("integer", minimum=LEAST, exclusiveMaximum=MOST),
    keywords("number", maximum=MOST, exclusiveMinimum=LEAST),
    keywords("boolean"),
    st.fixed_dictionaries(
        {"enum": st.lists(st.sampled_from(["a", "b", 1, 2.5, None, True]), min_size=1)}
    ),
    st.fixed_dictionaries({"const": st.sampled_from(["a", 1, None, False])}),
    st.just({"type": ["string", "null"]}),
    st.just({}),
)


def closed(fields: dict[str, Schema], *, some: bool) -> Schema:
    """Return an object that has these fields and no others; where it is closed, values decide."""
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(fields)[: 1 if some else None],
        "additionalProperties": False,
    }


def wider(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    """Return schemas made of schemas."""
    return st.one_of(
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one, of: {"allOf": [one, of]}, inner, st.sampled_from(BESIDE)),
        st.builds(lambda one: {"anyOf": [one, {"type": "null"}]}, inner),
        keywords("array", items=inner, minItems=SHORTEST),
        st.builds(closed, st.dictionaries(st.sampled_from("pq"), inner), some=st.booleans()),
        keywords("object", additionalProperties=inner),
    )


SCHEMAS = st.recursive(LEAVES, wider, max_leaves=4)


def document(schema: Schema) -> Document:
    """Return a document that answers with a schema."""
    content = {"content": {"application/json": {"schema": copy.deepcopy(schema)}}}
    operation = {"responses": {"200": {"description": "", **content}}}
    paths = {"/things": {"get": operation}}
    return Document({"openapi": "3.1.0", "info": {}, "paths": paths}, "by chance")


def judged(base: Schema, revision: Schema) -> tuple[Containment, Containment]:
    """Return whether the base admits all of the revision, and the other way round."""
    draft = jsonschema_rs.Draft202012
    one, other = (jsonschema_rs.canonicalize(schema, draft=draft) for schema in (base, revision))
    return one.covers(other), other.covers(one)


def breaks(base: Schema, revision: Schema) -> set[Breaks]:
    """Return whom the differences of two answers break."""
    found = {one.breaks for one in differences(document(base), document(revision))}
    return found | ({Breaks.CLIENTS, Breaks.SERVERS} if Breaks.BOTH in found else set())


@pytest.mark.slow
@given(SCHEMAS, SCHEMAS)
@settings(QUIET, max_examples=400)
def test_every_breaking_change_is_reported(base: Schema, revision: Schema) -> None:
    """What only the revision admits breaks clients; what only the base admits breaks servers."""
    clients, servers = judged(base, revision)
    reported = breaks(base, revision) - {Breaks.NOBODY}

    if clients is Containment.NO:
        assert Breaks.CLIENTS in reported
    if servers is Containment.NO:
        assert Breaks.SERVERS in reported


@pytest.mark.slow
@given(SCHEMAS)
@settings(QUIET, max_examples=200)
def test_a_schema_is_itself(schema: Schema) -> None:
    """No schema differs from itself, however it is wrapped."""
    assert breaks(schema, schema) == set()
    assert breaks(schema, {"allOf": [schema]}) == set()
    assert breaks(schema, {"anyOf": [schema]}) == set()
    assert (
        breaks({"anyOf": [schema, {"type": "null"}]}, {"oneOf": [{"type": "null"}, schema]})
        == set()
    )
