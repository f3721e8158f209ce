"""Whether a higher or a lower value of a metric is better, where nobody has said."""

from __future__ import annotations

import re

from promptlab.types import Direction

_LOWER = frozenset(
    [
        "loss",
        "error",
        "errors",
        "rmse",
        "rmsle",
        "logloss",
        "crossentropy",
        "hinge",
        "divergence",
        "deviance",
        "nll",
        "mse",
        "mae",
        "mape",
        "perplexity",
        "latency",
        "seconds",
        "time",
        "duration",
        "cost",
        "usd",
        "tokens",
        "distance",
        "levenshtein",
        "ter",
        "wer",
        "cer",
        "brier",
        "misses",
        "failures",
        "bytes",
        "memory",
    ]
)

_NEITHER = frozenset(["iterations", "rounds", "best_iteration", "learning_rate", "epochs", "folds"])
"""Metrics that tell how a training went, not how good its model is."""


def is_judged(name: str) -> bool:
    """Whether a metric says how good something is: a model with more iterations is no better one."""
    return name not in _NEITHER and not name.startswith("learning_rate_")


def infer_direction(name: str) -> Direction:
    """`lower` where a word of the name is known to be better when small (loss, latency_seconds), else `higher`."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    return "lower" if _LOWER.intersection(words) else "higher"
