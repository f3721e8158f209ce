"""Which inputs a suite's cases have, and which of them its prompts and evaluators use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.evaluators.base import BoundEvaluator
from promptlab.evaluators.identity import source_texts
from promptlab.evaluators.options import inputs_used
from promptlab.types import Case

_OF_INPUTS = re.compile(r"""\binputs\s*(?:\.\s*(\w+)|\[\s*(?:"([^"]*)"|'([^']*)')\s*\])""")
_WHOLE = re.compile(r"\binputs\b")


@dataclass(frozen=True, slots=True)
class InputCounts:
    """How many cases there are, and how many of them have each input; first: the first case."""

    cases: int
    having: Mapping[str, int]
    first: Case | None

    def lacking(self, name: str) -> int:
        """How many cases do not have an input."""
        return self.cases - self.having.get(name, 0)


def count_inputs(cases: Iterable[Case]) -> InputCounts:
    """The counts of cases, gone through once."""
    having: Counter[str] = Counter()
    total, first = 0, None
    for case in cases:
        total += 1
        first = first or case
        having.update(case.inputs.keys())
    return InputCounts(total, having, first)


@dataclass(frozen=True, slots=True)
class Use:
    """The inputs that entries read by name in templates; everything: some of them may read any input."""

    names: frozenset[str] = frozenset()
    everything: bool = False


def used_by_entry(entry: Any) -> Use:
    """What the templates of an evaluator's entry read."""
    names: set[str] = set()
    everything = False
    for text in _templates(entry):
        names.update("".join(parts) for parts in _OF_INPUTS.findall(text))
        everything = everything or _WHOLE.search(_OF_INPUTS.sub("", text)) is not None
    return Use(frozenset(names), everything)


def unknown_inputs(entry: Any, known: Iterable[str]) -> list[str]:
    """The inputs that templates of an entry read and no case has, beyond those that loading finds by itself."""
    ((_, options),) = entry.items() if isinstance(entry, Mapping) and len(entry) == 1 else ((None, None),)
    found_already = inputs_used(options) if isinstance(options, Mapping) else frozenset()
    return sorted(used_by_entry(entry).names - found_already - set(known))


def reads_any_input(evaluators: Sequence[BoundEvaluator]) -> bool:
    """Whether the code of an evaluator looks at the inputs itself, or may do so for all that is known."""
    return any(_reads(evaluator) for evaluator in evaluators)


def _reads(evaluator: BoundEvaluator) -> bool:
    if evaluator.members:
        return reads_any_input(evaluator.members)
    own = not evaluator.function.__module__.startswith("promptlab.evaluators.")
    return own or any(".inputs" in text for text in source_texts(evaluator.function))


def _templates(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _templates(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _templates(item)
