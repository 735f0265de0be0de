"""``python -m contract_tests COMMAND``: what the console script ``image-build-contract`` runs."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
