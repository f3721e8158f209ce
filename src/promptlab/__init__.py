"""promptlab: a workbench for prompt experiments, with classic ML runs in the same database.

The public names are here and resolved when first used, so that `import promptlab` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptlab.errors import PromptlabError, UsageError
    from promptlab.evaluators.base import evaluator
    from promptlab.evaluators.transforms import transform
    from promptlab.hypotheses.methods import run_test
    from promptlab.hypotheses.result import Effect
    from promptlab.lab import Lab
    from promptlab.tracking.features import Feature
    from promptlab.types import Case, EvaluatorContext, Message, PromptVersion, Request, Response, Score, Usage

__version__ = "0.1.0"

__all__ = [
    "Case",
    "Effect",
    "EvaluatorContext",
    "Feature",
    "Lab",
    "Message",
    "PromptVersion",
    "PromptlabError",
    "Request",
    "Response",
    "Score",
    "Usage",
    "UsageError",
    "evaluator",
    "run_test",
    "transform",
]

_HOMES = {
    "Lab": "promptlab.lab",
    "Feature": "promptlab.tracking.features",
    "Effect": "promptlab.hypotheses.result",
    "run_test": "promptlab.hypotheses.methods",
    "evaluator": "promptlab.evaluators.base",
    "transform": "promptlab.evaluators.transforms",
    "PromptlabError": "promptlab.errors",
    "UsageError": "promptlab.errors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'promptlab' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "promptlab.types")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
