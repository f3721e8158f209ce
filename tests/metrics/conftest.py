"""What the tests of metrics share with those of evaluators: the pairs of real texts."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluators"))
