"""Differences that are known and accepted for now, each with its reason and its last day."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from ..nearest import choice
from ..problems import Problem
from ..verdicts import exemptions
from .kinds import KINDS, Difference


@dataclass(frozen=True)
class Accepted:
    """One accepted difference.

    Attributes:
        kind: A kind of ``KINDS``.
        place: The place of the difference: ``start_image_build 200 $.artifacts``.
        reason: Why it is accepted.
        expires: The last day on which it counts.

    """

    kind: str
    place: str
    reason: str
    expires: datetime.date


def load(path: Path, today: datetime.date) -> tuple[Accepted, ...]:
    """Read a file of accepted differences: ``[[accepted]]`` with kind, place, reason, expires.

    Raises ``Problem`` for a file that is not valid, an unknown kind, a difference that is
    accepted twice, and one whose last day is past.
    """
    found: list[Accepted] = []
    for at, entry in exemptions.entries(path, "accepted", ("kind", "place"), today=today):
        one = Accepted(**entry)
        if one.kind not in KINDS:
            raise Problem(f"{at}: unknown kind {one.kind!r}", choice(str(one.kind), KINDS))
        if (one.kind, one.place) in [(other.kind, other.place) for other in found]:
            raise Problem(f"{at}: {one.kind} of {one.place} is accepted twice", "keep one")
        found.append(one)
    return tuple(found)


def split(
    found: list[Difference], accepted: tuple[Accepted, ...]
) -> tuple[list[Difference], list[tuple[Difference, Accepted]]]:
    """Return the differences that are not accepted, and those that are.

    A difference with several places is accepted place by place. Raises
    ``Problem`` for an entry that matches no difference: what it accepts is gone.
    """
    known = {(one.kind, one.place): one for one in accepted}
    left: list[Difference] = []
    taken: list[tuple[Difference, Accepted]] = []
    for one in found:
        by_place = {place: known.get((one.kind, place)) for place in one.places}
        rest = tuple(place for place, entry in by_place.items() if entry is None)
        if rest:
            left.append(one._replace(places=rest))
        taken += [
            (one._replace(places=(place,)), entry)
            for place, entry in by_place.items()
            if entry is not None
        ]
    if unused := set(accepted) - {entry for _, entry in taken}:
        first = min(unused, key=lambda entry: (entry.place, entry.kind))
        raise Problem(
            f"accepted, but not found: {first.kind} of {first.place} ({first.reason})",
            "remove the entry",
        )
    return left, taken
