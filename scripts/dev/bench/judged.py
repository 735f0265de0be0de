"""Runs a command, and writes which share of its CPU time the rules took: ``FILE COMMAND …``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from contract_tests import cli
from contract_tests.tape.tape import Record
from contract_tests.verdicts.judge import Judge, Violation

_see, _spent = Judge.see, [0.0]


def _timed(self: Judge, history: Record) -> list[Violation]:
    began = time.thread_time()
    found = _see(self, history)
    _spent[0] += time.thread_time() - began
    return found


if __name__ == "__main__":
    Judge.see = _timed  # type: ignore[method-assign]
    file = Path(sys.argv.pop(1))
    code = cli.main()
    file.write_text(str(_spent[0] / time.process_time()))
    sys.exit(code)
