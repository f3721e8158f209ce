"""Runs held against each other case by case, with the verdict in words.

Cases pair by the digest of their inputs, so a prompt and a classic model that answered the same cases compare,
whichever suite or day they come from. A cell that ended in an error pairs with nothing and is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from promptlab.errors import ComparisonError
from promptlab.reports import Report, VariantReport, evaluator_order, read_report
from promptlab.statistics.multiple import holm
from promptlab.statistics.paired import PairedDifference, paired_difference
from promptlab.statistics.verdict import Verdict, verdict
from promptlab.store import aggregates, metrics
from promptlab.store.database import Database
from promptlab.store.rows import RunRow
from promptlab.tracking.direction import infer_direction
from promptlab.types import Direction

LATENCY = "latency_seconds"


@dataclass(frozen=True, slots=True)
class MeasureComparison:
    """One measure of one pair. adjusted_p: after Holm over all pairs of the comparison, None without a test."""

    measure: str
    direction: Direction
    difference: PairedDifference
    adjusted_p: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Pair:
    """One variant against the baseline. shared: cases that both answered; unpaired: cases that only one did."""

    baseline: VariantReport
    other: VariantReport
    shared: int
    unpaired: int
    measures: Sequence[MeasureComparison]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Variants side by side and each of them against the baseline.

    measures: names in the order of the suite, the first one decides what "best" means.
    """

    variants: Sequence[VariantReport]
    measures: Sequence[str]
    directions: Mapping[str, Direction]
    baseline: VariantReport
    pairs: Sequence[Pair]

    @property
    def best(self) -> VariantReport:
        """The variant with the best mean of the first measure."""
        return _best(self.variants, self.measures, self.directions)


@dataclass(frozen=True, slots=True)
class CaseValues:
    """Per measure and case: one value, the mean over repeats; and whether it is a single pass or fail."""

    values: Mapping[str, Mapping[str, float]]
    passfail: Mapping[str, bool]
    cases: frozenset[str]


def compare(database: Database, chosen: Sequence[RunRow], *, baseline: str | None = None) -> Comparison:
    """The comparison of these runs; a parent stands for all its children.

    baseline: uid of the variant that the others are held against; default: the first of several runs, the
    best one where a single parent is given. Raises ComparisonError where there is nothing to compare.
    """
    reports = [read_report(database, run, with_cells=False) for run in chosen]
    variants = _distinct(reports)
    if len(variants) < 2:
        raise ComparisonError("there is one variant only; name two runs, or an evaluation with several variants")
    names = _measures(database, chosen, variants)
    if not names:
        raise ComparisonError("these runs have no scores on cases; only runs with outputs compare case by case")
    directions = _directions(database, names)
    values = {variant.id: case_values(database, variant.id) for variant in variants}
    base = _baseline(variants, chosen, baseline, names, directions)
    others = [variant for variant in variants if variant.id != base.id]
    measured = {
        (other.id, name): case_difference(values[base.id], values[other.id], name) for other in others for name in names
    }
    adjusted = _adjust(measured, names)
    pairs = [
        _pair(
            base,
            other,
            base_values=values[base.id],
            other_values=values[other.id],
            names=names,
            directions=directions,
            measured=measured,
            adjusted=adjusted,
        )
        for other in others
    ]
    if all(pair.shared == 0 for pair in pairs):
        raise ComparisonError("these runs share no case, so nothing pairs; run them on the same data set")
    return Comparison(variants, names, directions, base, pairs)


def _distinct(reports: Sequence[Report]) -> list[VariantReport]:
    variants: dict[str, VariantReport] = {}
    for report in reports:
        for variant in report.variants:
            variants.setdefault(variant.id, variant)
    names = [variant.name for variant in variants.values()]
    return [
        # The same prompt and model in two runs: the run's id keeps the rows apart.
        replace(variant, name=f"{variant.name} #{variant.id[:6]}") if names.count(variant.name) > 1 else variant
        for variant in variants.values()
    ]


def _measures(database: Database, chosen: Sequence[RunRow], variants: Sequence[VariantReport]) -> list[str]:
    present = {name for variant in variants for name in variant.scores}
    ordered: list[str] = []
    with database.connect() as connection:
        for run in chosen:
            for name in evaluator_order(connection, run):
                ordered += [given for given in sorted(present) if given == name or given.startswith(f"{name}.")]
    known = list(dict.fromkeys(ordered))
    rest = sorted(present - set(known))
    # A suite with a latency evaluator of its own measures the same thing already.
    latency = [] if "latency" in present else [LATENCY]
    return [*known, *rest, *latency] if present else []


def _directions(database: Database, names: Sequence[str]) -> dict[str, Direction]:
    stored = database.read(lambda connection: metrics.directions(connection, names))
    return {name: stored.get(name) or infer_direction(name) for name in names}


def case_values(database: Database, run_uid: str) -> CaseValues:
    """The scores of a run by case; also its latency."""
    found = database.read(lambda connection: aggregates.paired_values(connection, run_uid))
    return CaseValues(
        {LATENCY: found.seconds, **found.values}, {LATENCY: False, **found.passfail}, frozenset(found.seconds)
    )


def case_difference(base: CaseValues, other: CaseValues, measure: str) -> PairedDifference:
    """The paired difference of two runs in one measure, other less base, over the cases that both have."""
    ours, theirs = base.values.get(measure, {}), other.values.get(measure, {})
    cases = [case for case in ours if case in theirs]
    passfail = base.passfail.get(measure, False) and other.passfail.get(measure, False)
    return paired_difference([ours[case] for case in cases], [theirs[case] for case in cases], passfail=passfail)


def _adjust(
    measured: Mapping[tuple[str, str], PairedDifference], names: Sequence[str]
) -> dict[tuple[str, str], float | None]:
    """p-values after Holm, one family a measure: as many comparisons as there are variants beside the baseline."""
    adjusted: dict[tuple[str, str], float | None] = dict.fromkeys(measured)
    for name in names:
        family = [
            (key, difference.p_value)
            for key, difference in measured.items()
            if key[1] == name and difference.p_value is not None
        ]
        for (key, _), p_value in zip(family, holm([p for _, p in family]), strict=True):
            adjusted[key] = p_value
    return adjusted


def _pair(
    base: VariantReport,
    other: VariantReport,
    *,
    base_values: CaseValues,
    other_values: CaseValues,
    names: Sequence[str],
    directions: Mapping[str, Direction],
    measured: Mapping[tuple[str, str], PairedDifference],
    adjusted: Mapping[tuple[str, str], float | None],
) -> Pair:
    shared = base_values.cases & other_values.cases
    return Pair(
        base,
        other,
        shared=len(shared),
        unpaired=len(base_values.cases | other_values.cases) - len(shared),
        measures=[
            MeasureComparison(
                name,
                directions[name],
                measured[other.id, name],
                adjusted[other.id, name],
                verdict(
                    measured[other.id, name],
                    measure=name,
                    direction=directions[name],
                    names=(base.name, other.name),
                    adjusted_p=adjusted[other.id, name],
                ),
            )
            for name in names
            if measured[other.id, name].n
        ],
    )


def _baseline(
    variants: Sequence[VariantReport],
    chosen: Sequence[RunRow],
    baseline: str | None,
    names: Sequence[str],
    directions: Mapping[str, Direction],
) -> VariantReport:
    if baseline is not None:
        for variant in variants:
            if variant.id.startswith(baseline):
                return variant
        raise ComparisonError(f"the baseline '{baseline}' is none of the compared variants")
    return variants[0] if len(chosen) > 1 else _best(variants, names, directions)


def _best(
    variants: Sequence[VariantReport], names: Sequence[str], directions: Mapping[str, Direction]
) -> VariantReport:
    name = names[0]
    sign = 1.0 if directions[name] == "higher" else -1.0

    def rank(variant: VariantReport) -> float:
        interval = variant.scores.get(name)
        return sign * interval.mean if interval is not None and interval.mean is not None else float("-inf")

    return max(variants, key=rank)
