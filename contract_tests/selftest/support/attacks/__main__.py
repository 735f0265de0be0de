"""Runs every attack, shows what was not withstood, and writes docs/attacks.md."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import click

from .... import cli
from ....cli.options import Command
from ....contract.openapi import PATH
from ....nearest import unknown
from ....problems import Exit
from . import Attack, Family, families, outcome

PAGE = PATH.parent / "docs/attacks.md"


@dataclass(frozen=True)
class Tried:
    """The attacks of one family, and those that were not withstood, each with what happened."""

    family: Family
    attacks: list[Attack]
    failed: dict[str, str]


def run(family: Family) -> Tried:
    """Run each attack of a family."""
    attacks = list(family.attacks())
    outcomes = {attack.name: outcome(attack) for attack in attacks}
    return Tried(family, attacks, {name: what for name, what in outcomes.items() if what})


def page(tried: Iterable[Tried]) -> str:
    """Write the table as a page."""
    return "\n".join(_lines(list(tried))) + "\n"


def _lines(tried: list[Tried]) -> Iterator[str]:
    inputs = sum(len(one.attacks) for one in tried)
    withstood = inputs - sum(len(one.failed) for one in tried)
    yield "# What was attacked, and what held"
    yield ""
    yield f"{withstood} of {inputs} generated inputs were withstood. This page is written by"
    yield "`make attacks`; `make test` runs some of each kind."
    yield ""
    yield "| family | what must hold | tried | held |"
    yield "|---|---|---|---|"
    for one in tried:
        count = len(one.attacks)
        yield f"| {one.family.name} | {one.family.what} | {count} | {count - len(one.failed)} |"
    for one in tried:
        yield from ("", f"## {one.family.name}", "", "| kind | tried |", "|---|---|")
        kinds = Counter(attack.kind for attack in one.attacks)
        yield from (f"| {kind} | {count} |" for kind, count in kinds.items())
        for name, what in one.failed.items():
            yield from ("", f"Not withstood: `{name}`: {what}")


def _known(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names = [name.strip() for name in value.split(",")] if value else list(families())
    for name in names:
        if name not in families():
            raise unknown("family", name, families(), "docs/attacks.md")
    return names


@click.command(cls=Command)
@click.option("--write", is_flag=True, help=f"Write docs/{PAGE.name}, if all families are run.")
@click.option("--families", "names", metavar="NAMES", callback=_known, help="Run these alone.")
def main(write: bool, names: list[str]) -> int:
    """Attack this project with generated inputs; show what was not withstood.

    Exit codes: 0 all were withstood; 1 otherwise.
    """
    tried = []
    for name in names:
        one = run(families()[name])
        tried.append(one)
        click.echo(f"{name:<16} {len(one.attacks) - len(one.failed)} of {len(one.attacks)} held")
        for attack, what in one.failed.items():
            click.echo(f"    {attack}: {what}")
    if write and set(names) == set(families()):
        PAGE.write_text(page(tried), encoding="utf-8")
    return Exit.FOUND if any(one.failed for one in tried) else Exit.OK


if __name__ == "__main__":
    sys.exit(cli.run(main, f"python -m {__package__}"))
