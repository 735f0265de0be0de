"""How a process of this project starts another one."""

from __future__ import annotations

import sys


def python() -> list[str]:
    """Return the command of this interpreter, isolated, with modules compiled to the same place."""
    compiled = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    return [sys.executable, "-I", *compiled]
