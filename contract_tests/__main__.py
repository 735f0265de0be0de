"""``python -m contract_tests COMMAND``: what the console script ``image-build-contract`` runs."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("IMAGE_BUILD_CONTRACT_USAGE", "module")  # messages name this command
    try:
        from .cli import main

        code = main()
    except KeyboardInterrupt:  # while it was loaded; a command shows its own
        sys.stderr.write("interrupted\n")
        code = 2
    sys.exit(code)
