"""Some of each kind of generated attack are withstood; ``make attacks`` runs them all."""

from __future__ import annotations

import pytest

from ..support.attacks import Attack, Family, families, outcome, sample
from ..support.attacks.__main__ import Tried, page

EACH = 3
SAMPLE = {
    f"{family.name}: {attack.name}": attack
    for family in families().values()
    for attack in sample(family, EACH)
}


@pytest.mark.parametrize("attack", SAMPLE.values(), ids=list(SAMPLE))
def test_an_attack_is_withstood(attack: Attack) -> None:
    """It ends, within its bounds, and nothing that it forges is shown as ours."""
    assert outcome(attack) is None


@pytest.mark.parametrize("family", families().values(), ids=lambda family: family.name)
def test_each_attack_of_a_family_has_a_name_of_its_own(family: Family) -> None:
    """The page names an attack by its family and its name."""
    names = [attack.name for attack in family.attacks()]
    assert len(names) == len(set(names))


def _crash() -> str | None:
    raise ValueError("unbounded")


def test_an_exception_counts_as_not_withstood() -> None:
    """What raises has not held."""
    assert outcome(Attack("kind", "crash", _crash)) == "ValueError: unbounded"


def test_the_page_counts_and_names_what_was_not_withstood() -> None:
    """A family that did not hold is seen at once."""
    attacks = [Attack("kind", "crash", _crash), Attack("kind", "calm", lambda: None)]
    family = Family("strangers", "Nothing falls over.", lambda: attacks)
    shown = page([Tried(family, attacks, {"crash": "ValueError: unbounded"})])
    assert "| strangers | Nothing falls over. | 2 | 1 |" in shown
    assert "Not withstood: `crash`: ValueError: unbounded" in shown
