"""Command lines of scripts, and the exit code of failures."""

from __future__ import annotations

from contract_tests import arguments

FAILED = 100


class Parser(arguments.Parser):
    """A parser that leaves with the code of a script that did nothing."""

    code = FAILED
