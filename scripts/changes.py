"""Weigh what changed since the last release, and hold the changelog and the version to it.

Usage: changes.py [--write]

The version is that of openapi.yaml. --write sets it, and lists anew, in docs/public.txt, what is
public.

Exit codes: 0 all agree, 1 something does not, 4 cannot tell.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from contract_tests import process  # noqa: E402
from contract_tests.arguments import Parser  # noqa: E402
from contract_tests.problems import Exit, Problem  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = Parser(
        prog="changes.py",
        description="Weigh what changed since the last release; check changelog and version by it.",
    )
    parser.add_argument("--write", action="store_true", help="set the version, write the list")
    options = parser.parse_args(arguments)
    try:
        # To list what is public, all of it is loaded: a tree that is broken anywhere fails here.
        from scripts.release import agree

        told = list(agree.problems(ROOT, writes=options.write))
    except SystemExit:  # a contract that cannot be read has printed its problem
        return Exit.CANNOT_TELL
    except Problem as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return problem.code
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        print(Problem(what, "correct it, and run again"), file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    print("\n".join(map(str, told)))  # noqa: T201
    return Exit.FOUND if any(isinstance(one, Problem) for one in told) else Exit.OK


if __name__ == "__main__":
    process.run(main)
