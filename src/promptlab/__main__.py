"""`python -m promptlab` is the command `promptlab`."""

from __future__ import annotations

import sys

from promptlab.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
