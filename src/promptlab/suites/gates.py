"""Gates: what a suite's means must reach, `">= 0.80"`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from promptlab.errors import SuiteError
from promptlab.metrics.base import is_known
from promptlab.metrics.entries import BoundMetric
from promptlab.spelling import suggestion
from promptlab.suites.document import Document
from promptlab.suites.mistakes import Report, refuse, told
from promptlab.suites.model import Gate

RULE = re.compile(r"\s*(>=|<=|==|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


def parse_gates(
    document: Document,
    *,
    evaluators: Collection[str] | None,
    metrics: Sequence[BoundMetric] = (),
    report: Report = refuse,
) -> tuple[Gate, ...]:
    """The gates under the key `gates` of a suite, in order.

    evaluators: the names that the suite scores under; a gate may be on `name` or, for one that returns a mapping,
    on `name.key`; None: any name. metrics: its whole-run metrics, which gates may be on too. Reports SuiteError for a
    rule that cannot be read, or for a name that the suite has not.
    """
    entries = document.value.get("gates")
    if entries is None:
        return ()
    if not isinstance(entries, Mapping):
        report(SuiteError(f'{document.where("gates")}: gates are a mapping such as `exact_match: ">= 0.80"`'))
        return ()
    gates: list[Gate] = []
    for name, entry in entries.items():
        where = document.where("gates", name)
        with told(report):
            if evaluators is not None and not is_known(name, evaluators):
                _check_measured(name, metrics, evaluators, where)
            rules = entry if isinstance(entry, list) else [entry]
            if not rules:
                raise SuiteError(f'{where}: gate {name!r} has no rule; write one such as ">= 0.80"')
            gates += [_gate(name, rule, where) for rule in rules]
    return tuple(gates)


def _check_measured(name: str, metrics: Sequence[BoundMetric], evaluators: Collection[str], where: str) -> None:
    if any(metric.gives(name) for metric in metrics):
        return
    others = " and no metric measures" if metrics else ""
    names = [*evaluators, *(given for metric in metrics for given in metric.names)]
    raise SuiteError(
        f"{where}: a gate on {name!r}, but no evaluator scores{others} under that name{suggestion(name, names)}"
    )


def parse_rule(rule: str, *, evaluator: str, variant: str | None = None, where: str) -> Gate:
    """The gate of one rule, such as `>= 0.80`. Raises SuiteError for what is none."""
    found = RULE.fullmatch(rule)
    if found is None:
        hint = "; write a share, such as 0.8 for 80%" if "%" in rule else ""
        raise SuiteError(
            f"{where}: gate {evaluator!r}: {rule!r} is no rule; it is >=, >, <=, < or == and a number, such as "
            f'">= 0.80"{hint}'
        )
    return Gate(evaluator=evaluator, rule=rule.strip(), operator=found[1], bound=float(found[2]), variant=variant)


def _gate(name: str, entry: Any, where: str) -> Gate:
    if isinstance(entry, str):
        return parse_rule(entry, evaluator=name, where=where)
    if not isinstance(entry, Mapping):
        raise SuiteError(
            f'{where}: gate {name!r} is {entry!r}; it is a rule in quotes, such as ">= 0.80", or '
            f'{{rule: ">= 0.80", variant: ...}}'
        )
    unknown = sorted(set(entry) - {"rule", "variant"})
    if unknown:
        raise SuiteError(
            f"{where}: gate {name!r}: unknown key {unknown[0]!r}{suggestion(unknown[0], ('rule', 'variant'))}"
        )
    rule, variant = entry.get("rule"), entry.get("variant")
    if not isinstance(rule, str):
        raise SuiteError(f'{where}: gate {name!r}: `rule` is {rule!r}; it is text in quotes, such as ">= 0.80"')
    if variant is not None and not isinstance(variant, str):
        raise SuiteError(f"{where}: gate {name!r}: `variant` is {variant!r}; it is the name of a prompt or a model")
    return parse_rule(rule, evaluator=name, variant=variant, where=where)
