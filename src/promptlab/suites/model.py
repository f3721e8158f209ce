"""Suite and Gate: what load_suite gives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from promptlab.evaluators.base import BoundEvaluator
from promptlab.evaluators.groups import overall
from promptlab.metrics.entries import BoundMetric
from promptlab.prompts.digest import canonical_json
from promptlab.suites.digests import CasesDigest, digest_cases
from promptlab.suites.selection import CaseChoice
from promptlab.types import Case


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule that the mean of an evaluator, or a whole-run metric, must hold: `exact_match >= 0.80`.

    evaluator: the name it scores or measures under, `name.key` for one of a mapping. rule: as written; operator: one of
    >=, >, <=, <, ==. variant: a prompt, a model or a variant's name, None for every variant.
    """

    evaluator: str
    rule: str
    operator: str
    bound: float
    variant: str | None = None


@dataclass(frozen=True)  # no slots: the digest is kept once it is made
class Suite:
    """Cases, evaluators, metrics and gates, checked, with the prompts and base models they are meant for.

    prompts, models: references as written, resolved by whoever runs the suite. settings: checked sampling settings;
    matrix: of those that vary the values, in order.
    cases: a tuple, or a file that is read again whenever they are gone through. case_evaluators: by a case's key, the
    evaluators of that case alone. path: the suite's file, None for a suite made from a mapping. dataset_name,
    dataset_source: what the cases are called, and their file as written. document: the suite as plain JSON values
    without its cases, and folder, what its paths are relative to: enough to make its evaluators and gates again.
    choices: what was taken of its cases, or in place of them, one after the other.
    """

    name: str
    cases: Sequence[Case]
    description: str = ""
    prompts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    matrix: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    repeats: int = 1
    evaluators: tuple[BoundEvaluator, ...] = ()
    metrics: tuple[BoundMetric, ...] = ()
    gates: tuple[Gate, ...] = ()
    path: Path | None = None
    dataset_name: str = ""
    dataset_source: str = ""
    case_evaluators: Mapping[str, tuple[BoundEvaluator, ...]] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    choices: tuple[CaseChoice, ...] = ()

    def evaluators_for(self, case: Case) -> tuple[BoundEvaluator, ...]:
        """The evaluators of a case: the suite's, then its own; an own one replaces the suite's of that name.

        With a weight on any of them, `overall` comes last.
        """
        own = self.case_evaluators.get(case.key)
        if own is None:
            return self._with_overall
        names = {evaluator.name for evaluator in own}
        return overall((*(evaluator for evaluator in self.evaluators if evaluator.name not in names), *own))

    @cached_property
    def _with_overall(self) -> tuple[BoundEvaluator, ...]:
        return overall(self.evaluators)

    @cached_property
    def all_evaluators(self) -> tuple[BoundEvaluator, ...]:
        """Every evaluator of the suite and of its cases, one a name, the suite's first and in its order."""
        named = {evaluator.name: evaluator for evaluator in self.evaluators}
        for own in self.case_evaluators.values():
            for evaluator in own:
                named.setdefault(evaluator.name, evaluator)
        return overall(tuple(named.values()))

    @cached_property
    def cases_digest(self) -> CasesDigest:
        """The digests of the cases, one by one and together."""
        return digest_cases(self.cases)

    @cached_property
    def digest(self) -> str:
        """SHA-256, hex, over all that affects a result: cases, evaluators, gates, prompts, models, settings."""
        content = {
            "prompts": self.prompts,
            "models": self.models,
            "settings": self.settings,
            "repeats": self.repeats,
            "cases": self.cases_digest.digest,
            "case_evaluators": self._own_digests(),
            "evaluators": _digests(self.evaluators),
            "gates": [[gate.evaluator, gate.operator, gate.bound, gate.variant] for gate in self.gates],
        }
        if self.metrics:
            content["metrics"] = [metric.identity for metric in self.metrics]
        if self.matrix:
            content["matrix"] = [[name, values] for name, values in self.matrix.items()]
        return hashlib.sha256(canonical_json(content).encode("utf-8", "surrogatepass")).hexdigest()

    def _own_digests(self) -> dict[str, list[list[str]]]:
        if not self.case_evaluators:
            return {}
        own = self.case_evaluators
        return {case.key: _digests(own[case.key]) for case in self.cases if case.key in own}


def _digests(evaluators: tuple[BoundEvaluator, ...]) -> list[list[str]]:
    return [[evaluator.name, evaluator.direction, evaluator.digest] for evaluator in overall(evaluators)]
