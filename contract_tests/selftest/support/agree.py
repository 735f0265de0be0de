"""Judges the same server again and again on one seed: the verdicts must agree."""

from __future__ import annotations

import sys

import click

from ... import cli
from ...cli.options import Command
from ...problems import Exit
from ...settings import from_environment
from .judging import judge_server


def outcomes(fault: str) -> dict[str, str]:
    """Judge the embedded server once; return the verdict of each rule."""
    run = judge_server(from_environment({"CONTRACT_FAULT": fault}))
    return {rule: verdict.outcome for rule, verdict in run.verdicts.items()}


@click.command(cls=Command)
@click.option("--runs", metavar="N", type=click.IntRange(2), default=20, help="Default 20.")
@click.option("--fault", metavar="NAME", default="", help="Of the embedded server; default none.")
def main(runs: int, fault: str) -> int:
    """Judge the embedded server again and again; 1 if a run differs from the first."""
    first = outcomes(fault)
    differing = 0
    for number in range(2, runs + 1):
        again = outcomes(fault)
        changed = sorted(rule for rule in first if first[rule] != again[rule])
        differing += bool(changed)
        shown = f"differs on {', '.join(changed)}" if changed else "agrees"
        click.echo(f"run {number} {shown}")
    click.echo(f"{runs - differing} of {runs} runs agree")
    return Exit.FOUND if differing else Exit.OK


if __name__ == "__main__":
    sys.exit(cli.run(main, f"python -m {__spec__.name}"))
