"""List what changed since the last release; check changelog and version.

Usage: changes.py [--write]
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
    about = "List what changed since the last release; check changelog and version."
    parser = Parser(prog="changes.py", description=about)
    parser.add_argument("--write", action="store_true", help="set the version, update the list")
    options = parser.parse_args(arguments)
    try:
        # Imports every module that has something public: a broken tree fails here.
        from scripts.release.check import check

        result = check(ROOT, writes=options.write)
    except SystemExit:  # a contract that cannot be read has printed its problem
        return Exit.CANNOT_TELL
    except Problem as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return problem.code
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        print(Problem(what, "correct it, and run again"), file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    print(result)  # noqa: T201
    return result.code


if __name__ == "__main__":
    process.run(main)
