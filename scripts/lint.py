"""Refuses, in the contract, what the generator would drop or change without a word.

Usage: lint.py [FILE]

Exit codes: 0 sound, 1 problems, 4 it cannot be read as a contract.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contract_tests import process
from contract_tests.arguments import Parser
from contract_tests.contract import documents
from contract_tests.problems import Exit, Problem
from scripts.contract_lint import problems


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = Parser(
        prog="lint.py",
        description="Check the contract for what the generator would drop or change in silence.",
    )
    parser.add_argument("file", nargs="?", type=Path, default=Path("openapi.yaml"))
    file: Path = parser.parse_args(arguments).file
    try:
        found = problems(documents.load(file))
    except documents.DocumentError as error:
        print(Problem(str(error), "correct it there"), file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    except OSError as error:
        print(Problem(f"{file}: {error.strerror}", "name a contract"), file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    print("\n".join([*map(str, found)] or [f"{file} is sound"]))  # noqa: T201
    return Exit.FOUND if found else Exit.OK


if __name__ == "__main__":
    process.run(main)
