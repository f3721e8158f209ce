"""A suite's gates held against its variants."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from promptlab.reports import GateResult, VariantReport
from promptlab.suites.model import Gate

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


def hold(gates: Sequence[Gate], variants: Sequence[VariantReport]) -> list[GateResult]:
    """One result a gate and variant it applies to; a gate without a value fails.

    A gate's variant is a variant's name, its prompt's name, its prompt's reference or its model.
    """
    return [
        _hold(gate, variant)
        for gate in gates
        for variant in variants
        if gate.variant is None or gate.variant in _names(variant)
    ]


def _hold(gate: Gate, variant: VariantReport) -> GateResult:
    interval = variant.scores.get(gate.evaluator)
    value = interval.mean if interval is not None else None
    passed = value is not None and _OPERATORS[gate.operator](value, gate.bound)
    return GateResult(gate.evaluator, variant.name, gate.rule, value, passed)


def _names(variant: VariantReport) -> set[str | None]:
    prompt = variant.prompt
    return {variant.name, prompt, prompt.split("@", 1)[0] if prompt else None, variant.model}
