"""From the entries of a suite to bound whole-run metrics: names looked up, options checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import SuiteError
from promptlab.evaluators.base import NAME, clip
from promptlab.evaluators.options import check_options, has_templates, option_types
from promptlab.evaluators.transforms import Transform, parse_transform
from promptlab.metrics.base import Answer, Collector, ExpectedLabels, LeftOut, Measured, Scope
from promptlab.metrics.classification import check_classification, classification
from promptlab.metrics.corpus import CHECKS, corpus_bleu, corpus_chrf, corpus_ter
from promptlab.metrics.ranking import roc_auc
from promptlab.spelling import suggestion
from promptlab.statistics.classification import AVERAGES, PER_LABEL
from promptlab.types import Direction

KINDS: Mapping[str, Callable[..., Collector]] = {
    "classification": classification,
    "roc_auc": roc_auc,
    "corpus_bleu": corpus_bleu,
    "corpus_chrf": corpus_chrf,
    "corpus_ter": corpus_ter,
}
"""The whole-run metrics: functions whose keyword-only parameters are the options of an entry."""

KEYS: Mapping[str, str] = {
    "as": "the name of the metric, or what stands before the names of a classification: `letters.accuracy`",
    "transform": "what is done to the output before it is measured: a step or a list of steps",
}
"""What every entry may have beside its options, and what it means."""

NO_OUTPUT = ("roc_auc",)
"""Kinds that do not look at the output, so that there is nothing to transform."""
_CHECKS = {**CHECKS, "classification": check_classification}


@dataclass(frozen=True, slots=True)
class BoundMetric:
    """A whole-run metric with its options, as one entry of a suite has it.

    name: what the entry says with `as`, empty where it does not. options: checked.
    """

    kind: str
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    transform: Transform | None = None

    @property
    def direction(self) -> Direction:
        """Which way is better."""
        return "lower" if self.kind == "corpus_ter" else "higher"

    @property
    def names(self) -> tuple[str, ...]:
        """What it measures under, but for the metrics of single labels."""
        if self.kind != "classification":
            return (self.name or self.kind,)
        return tuple(f"{self._prefix}{name}" for name in AVERAGES)

    def gives(self, name: str) -> bool:
        """Whether it measures under this name; where its labels come from the data set, of any label."""
        if name in self.names:
            return True
        measure, _, label = name.removeprefix(self._prefix).partition(".")
        if self.kind != "classification" or not name.startswith(self._prefix) or measure not in PER_LABEL or not label:
            return False
        labels = self.options.get("labels")
        return labels is None or label in (one if isinstance(one, str) else json.dumps(one) for one in labels)

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of the scores that it looks at."""
        return tuple(self.options[option] for option in ("of", "score") if self.options.get(option))

    @property
    def wants_labels(self) -> bool:
        """Whether it takes its labels from the data set."""
        return self.kind == "classification" and self.options.get("labels") is None

    @property
    def identity(self) -> list[Any]:
        """What its values depend on, as plain JSON."""
        return [self.kind, self.name, dict(self.options), self.transform.identity if self.transform else None]

    def collecting(self, seen: ExpectedLabels) -> Collecting:
        """The metric at work on one variant; seen: the labels that the data set expects."""
        return Collecting(self, KINDS[self.kind](Scope(self.name, seen), **self.options))

    @property
    def _prefix(self) -> str:
        return f"{self.name}." if self.name else ""


class Collecting:
    """A bound metric at work: outputs are transformed, and what it cannot measure is counted."""

    def __init__(self, metric: BoundMetric, collector: Collector) -> None:
        self._metric = metric
        self._collector = collector
        self._left_out = LeftOut()
        self._hung: ValueError | None = None

    def add(self, answer: Answer) -> None:
        """Takes in an answer."""
        try:
            output = self._transformed(answer.output)
            self._collector.add(Answer(answer.case, answer.expected, output, answer.scores))
        except ValueError as error:
            self._left_out.note(clip(str(error), 200))

    def _transformed(self, output: str) -> str:
        """The output after the entry's transform. Raises ValueError; one that took too long is not tried again."""
        transform = self._metric.transform
        if transform is None:
            return output
        if transform.inline:
            return transform.apply(output)
        if self._hung is not None:
            raise self._hung
        try:
            return asyncio.run(transform.applied(output))
        except ValueError as error:
            if isinstance(error.__cause__, TimeoutError):
                self._hung = error
            raise
        except RuntimeError as error:
            raise ValueError(f"the transform ended: {error}") from error

    def measured(self) -> Measured:
        """What came of it, with what was left out."""
        found = self._collector.measured()
        name = self._metric.name or self._metric.kind
        notes = [f"{name}: {note}" for note in (*found.notes, *self._left_out.said())]
        return Measured(found.intervals, found.confusion, notes)


def bind_metric(entry: Any, *, where: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> BoundMetric:
    """The whole-run metric of one suite entry: `"corpus_bleu"` or `{"classification": {"labels": ["yes", "no"]}}`.

    where: the start of messages. functions: transforms of the suite's Python file. Raises SuiteError or EvaluatorError.
    """
    kind, given = _split(entry, where)
    if kind not in KINDS:
        raise SuiteError(f"{where}: unknown metric {kind!r}{suggestion(kind, KINDS)}")
    inside = f"{where}: {kind}"
    options = dict(given)
    name = options.pop("as", None) or ""
    if not isinstance(name, str) or (name and not NAME.fullmatch(name)):
        raise SuiteError(f"{inside}: `as` is {name!r}; a name has letters, digits, `_` and `-` only")
    steps = options.pop("transform", None)
    if steps not in (None, []) and kind in NO_OUTPUT:
        raise SuiteError(f"{inside}: `transform` is of the output, and {kind} looks at a score; leave it out")
    transform = None if steps in (None, []) else parse_transform(steps, where=inside, functions=functions)
    known = [parameter.name for parameter, _ in option_types(KINDS[kind])]
    for option in options:
        if option not in known:
            raise SuiteError(f"{inside}: unknown option {option!r}{suggestion(option, [*known, *KEYS])}")
    if has_templates(options):
        raise SuiteError(f"{inside}: an option is a template, and a metric of all cases has no case to fill it from")
    check_options(options, KINDS[kind], where=inside)
    try:
        _CHECKS.get(kind, _nothing)({**options, "transform": transform})
    except ValueError as error:
        raise SuiteError(f"{inside}: {error}") from error
    return BoundMetric(kind, name, options, transform)


def _nothing(options: Mapping[str, Any]) -> None:  # noqa: ARG001 - options of any kind
    return


def _split(entry: Any, where: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry, Mapping) or len(entry) != 1 or not all(isinstance(key, str) for key in entry):
        raise SuiteError(f"{where}: a metric is a name, or `name: {{option: value}}`; this is {entry!r}")
    ((kind, options),) = entry.items()
    if options is None:
        return kind, {}
    if not isinstance(options, Mapping):
        raise SuiteError(f"{where}: {kind}: its options are a mapping, `{kind}: {{option: value}}`, not {options!r}")
    return kind, options
