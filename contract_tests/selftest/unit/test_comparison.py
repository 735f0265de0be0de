"""What ``compare`` prints of a pair of documents."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from ...openapi_diff import Document, differences, load
from ...openapi_diff.accepted import Accepted, split
from ...report import comparison
from ..support.snapshots import assert_snapshot

DOCUMENTS = Path(__file__).parent.parent / "support" / "compare"
PAIRS = {
    "compare-same": ("first", "first"),
    "compare-compatible": ("first", "second"),
    "compare-breaking": ("second", "third"),
}


def found_in(base: str, revision: str) -> tuple[Document, Document]:
    """Return two of the sample documents."""
    one, other = (load(str(DOCUMENTS / f"{name}.yaml")) for name in (base, revision))
    return one, other


@pytest.mark.parametrize("name", PAIRS)
def test_output_of_compare(name: str) -> None:
    """The table and the summary, then the same as JSON."""
    base, revision = found_in(*PAIRS[name])
    found = differences(base, revision)
    table = comparison.table(found) if found else ""
    text = [table, comparison.summary(found, []), comparison.as_json(base, revision, found, [])]

    assert_snapshot(name, "\n\n".join(filter(None, text)))


def test_output_of_accepted_differences() -> None:
    """They are listed with their reason, and do not count."""
    base, revision = found_in("second", "third")
    first, *_ = every = differences(base, revision)
    accepted = Accepted(first.kind, first.places[0], "agreed", datetime.date(2099, 12, 31))
    found, taken = split(every, (accepted,))

    assert taken
    text = [comparison.excused(taken), comparison.summary(found, taken, hidden=2)]
    assert_snapshot("compare-accepted", "\n\n".join(text))
