"""Judges the same server again and again on one seed: the verdicts must agree.

Usage: python -m contract_tests.selftest.support.agree [--runs N] [--fault NAME]
"""

from __future__ import annotations

import argparse
import sys

from ...gate import drive
from ...settings import from_environment


def outcomes(fault: str) -> dict[str, str]:
    """Judge the embedded server once; return the verdict of each rule."""
    run = drive.run(from_environment({"CONTRACT_FAULT": fault}))
    return {rule: verdict.outcome for rule, verdict in run.verdicts.items()}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 1 if a run differs from the first."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.selftest.support.agree")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--fault", default="", help="of the embedded server; by default none")
    options = parser.parse_args(arguments)
    first = outcomes(options.fault)
    differing = 0
    for number in range(2, options.runs + 1):
        again = outcomes(options.fault)
        changed = sorted(rule for rule in first if first[rule] != again[rule])
        differing += bool(changed)
        result = f"differs on {', '.join(changed)}" if changed else "agrees"
        print(f"run {number} {result}", flush=True)  # noqa: T201
    print(f"{options.runs - differing} of {options.runs} runs agree")  # noqa: T201
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
