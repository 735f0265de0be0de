"""Command lines whose errors have a mend, and the exit code of failures."""

from __future__ import annotations

import argparse
from typing import NoReturn

FAILED = 100


class Parser(argparse.ArgumentParser):
    """A parser that says ``problem:`` and ``fix:``, as all else here does."""

    def error(self, message: str) -> NoReturn:
        """Leave with the code that says that nothing was done."""
        self.exit(FAILED, f"problem: {message}\n    fix: see {self.prog} --help\n")
