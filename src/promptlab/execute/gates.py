"""A suite's gates held against its variants."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from promptlab.reports import GateResult, VariantReport
from promptlab.suites.matrix import combination_text
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

    A gate's variant is a variant's name, or a part of it: its prompt's name or reference, its model, both of them, all
    settings that tell it from others, or any one setting, such as `temperature=0.7`.
    """
    return [
        _hold(gate, variant)
        for gate in gates
        for variant in variants
        if gate.variant is None or gate.variant in _names(variant)
    ]


def unheld(gates: Sequence[Gate], variants: Sequence[VariantReport]) -> list[Gate]:
    """The gates for a variant that is none of these: they hold nothing."""
    names = {name for variant in variants for name in _names(variant)}
    return [gate for gate in gates if gate.variant is not None and gate.variant not in names]


def _hold(gate: Gate, variant: VariantReport) -> GateResult:
    interval = variant.scores.get(gate.evaluator) or variant.metrics.get(gate.evaluator)
    value = interval.mean if interval is not None else None
    passed = value is not None and _OPERATORS[gate.operator](value, gate.bound)
    return GateResult(gate.evaluator, variant.name, gate.rule, value, passed)


def _names(variant: VariantReport) -> set[str | None]:
    prompt, model = variant.prompt, variant.model
    both = f"{prompt} · {model}" if prompt else model
    varied = variant.name.removeprefix(f"{both} · ")
    single = (combination_text({name: value}) for name, value in variant.settings.items())
    return {variant.name, prompt, prompt.split("@", 1)[0] if prompt else None, model, both, varied, *single}
