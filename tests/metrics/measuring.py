"""Answers through a whole-run metric, as an evaluation does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.metrics.base import Answer, ExpectedLabels
from promptlab.metrics.entries import bind_metric
from promptlab.metrics.summary import WholeRun, measure

EXACT: Mapping[str, Any] = {"abs": 1e-9, "rel": 0}
"""How equal a value is to its reference, for pytest.approx."""


def measured(entry: Any, answers: Sequence[Answer]) -> WholeRun:
    """Through what the answers of a variant go."""
    return measure(
        [bind_metric(entry, where="here")], answers, seen=ExpectedLabels(answer.expected for answer in answers)
    )


def values(found: WholeRun) -> dict[str, float | None]:
    return {name: interval.mean for name, interval in found.intervals.items()}
