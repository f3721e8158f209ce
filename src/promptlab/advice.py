"""What to do next after a comparison, in one sentence: a verdict that leaves people standing is half a verdict."""

from __future__ import annotations

from promptlab.compare import LATENCY, MeasureComparison, Pair
from promptlab.sameness import Sameness
from promptlab.spelling import few


def next_step(pair: Pair, same: Sameness) -> str:
    """What a pair's verdicts ask for. Example: `Next: look at the 2 cases that got worse, then move the alias`."""
    if same.other_expected:
        return (
            f"Next: score the older run again; of {same.shared:,} shared cases {same.other_expected:,} expect another "
            "thing in one of them, which is no difference of the variants."
        )
    if same.evaluators:
        return f"Next: score the older run again; {few(list(same.evaluators))} changed between the two."
    if not pair.measures:
        return "Next: run both on the same cases; no case has an answer in both."
    main, *others = pair.measures
    worse = [item.measure for item in others if item.verdict.word == "worse"]
    regressed = main.difference.regressed or 0
    if main.verdict.word == "better":
        if worse:
            return f"Next: decide what counts more; it is worse on {few(worse)}."
        look = f"look at the {_cases(regressed)} that got worse, then " if regressed else ""
        return f"Next: {look}{_keep(pair, same)}."
    if main.verdict.word == "worse":
        return f"Next: keep the baseline; {_where_it_failed(main)} show what went wrong."
    if main.verdict.word == "too few":
        return "Next: run both on more cases; so few cannot tell them apart, whatever they answer."
    return _tied(pair, main)


def _tied(pair: Pair, main: MeasureComparison) -> str:
    faster = next((item for item in pair.measures[1:] if item.measure == LATENCY), None)
    outlook = "more cases may tell them apart" if "more case" in main.verdict.sentence else "it is no better"
    if faster is not None and faster.verdict.word == "better":
        return f"Next: take the faster one, or run more cases; on {main.measure} {outlook}."
    return f"Next: keep the baseline, or run more cases; on {main.measure} {outlook}."


def _keep(pair: Pair, same: Sameness) -> str:
    if pair.other.prompt is None:
        return "keep it"
    if same.prompt and not same.model:
        return f"use its base model, {pair.other.model}"
    if same.prompt:
        return (
            f"use its settings ({few(list(same.settings))})" if same.settings else "run it once more: nothing differs"
        )
    return f"move an alias to {pair.other.prompt}"


def _where_it_failed(main: MeasureComparison) -> str:
    regressed = main.difference.regressed
    return f"the {_cases(regressed)} that got worse" if regressed else "the cases below"


def _cases(n: int | None) -> str:
    return "case" if n == 1 else f"{n or 0:,} cases"
