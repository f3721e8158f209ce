"""A run as people read it: variants with intervals, gates, cells; the object behind `eval --json` and every page."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from promptlab.metrics.summary import WholeRun, interval_json, whole_run_from_json
from promptlab.statistics.intervals import mean_interval
from promptlab.store import aggregates, datasets, params, runs
from promptlab.store import cells as cell_rows
from promptlab.store.database import Connection, Database
from promptlab.store.rows import CaseMeans, CellRow, ErrorGroup, RunRow
from promptlab.types import Interval

EVALUATORS_TAG = "promptlab.evaluators"
"""A run's tag with the names of its suite's evaluators, in order; the first one is its main measure."""
CHANGED_TAG = "promptlab.changed"
"""A run's tag with the time at which its scores changed after it had ended."""
GATES_TAG = "promptlab.gates"
MENDED_TAG = "promptlab.mended"
"""A run's tag with what was expected otherwise before, as a JSON list of {at, by, before, after, cases}."""
METRICS_TAG = "promptlab.metrics"
"""A variant's tag with its whole-run metrics, their intervals and what was left out, as JSON."""

PAGE_CASES = 200
"""Cases whose cells are read at a time."""


@dataclass(frozen=True, slots=True)
class VariantReport:
    """One column of the matrix, summed up.

    scores: by evaluator, with 95% intervals over cases. whole_run: metrics of all answers together, such as f1_macro.
    seconds: all calls of its answers together, as measured when they were made. cost_usd: what its answers cost when
    they were bought; spent_usd: what this run paid; None: unknown.
    """

    id: str
    name: str
    prompt: str | None
    model: str | None
    settings: Mapping[str, Any]
    scores: Mapping[str, Interval]
    cost_usd: float | None
    spent_usd: float | None
    input_tokens: int | None
    output_tokens: int | None
    seconds: float
    answers: int
    cached: int
    errors: int
    evaluator_errors: int
    planned: int | None
    run_id: int = 0
    whole_run: WholeRun = field(default_factory=WholeRun)

    @property
    def metrics(self) -> Mapping[str, Interval]:
        """The whole-run metrics by name, with 95% intervals; those of single labels too."""
        return self.whole_run.intervals

    @property
    def mean_seconds(self) -> float | None:
        """Mean latency of an answer, in seconds."""
        return self.seconds / self.answers if self.answers else None

    @property
    def ended(self) -> int:
        """Cells that have ended, well or not."""
        return self.answers + self.errors


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether one variant held one gate; value is None where there was nothing to measure, which fails."""

    evaluator: str
    variant: str
    rule: str
    value: float | None
    passed: bool


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests of a run: sent, saved by the cache, failed, and begun but never completed."""

    made: int
    cached: int
    failed: int
    lost: int


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation, or any run with outputs, in full.

    variants: its children, or the run itself where it has none. error_groups: by kind, with an example each. partial:
    fewer cells ended than were planned. cells: empty where they were not asked for, and where only so many were, those
    of each variant's first cases; all else is of all cells.
    """

    run: RunRow
    variants: Sequence[VariantReport]
    gates: Sequence[GateResult]
    calls: Calls
    error_groups: Sequence[ErrorGroup] = ()
    shares: Mapping[str, bool] = field(default_factory=dict)
    cells: Sequence[CellRow] = field(repr=False, default=())

    @property
    def errors(self) -> int:
        """Cells that ended in an error."""
        return sum(variant.errors for variant in self.variants)

    @property
    def evaluator_errors(self) -> int:
        """Scores whose evaluator failed."""
        return sum(variant.evaluator_errors for variant in self.variants)

    @property
    def planned(self) -> int:
        """Cells that the run set out to do."""
        return sum(variant.planned or variant.ended for variant in self.variants)

    @property
    def ended(self) -> int:
        """Cells that have ended, well or not."""
        return sum(variant.ended for variant in self.variants)

    @property
    def partial(self) -> bool:
        """Whether cells are missing, so that every summary has to say so."""
        return self.ended < self.planned


def read_report(database: Database, run: RunRow, *, with_cells: bool = True, most_cells: int | None = None) -> Report:
    """The report of a run, read from the database; without cells, it takes little memory however large the run is.

    most_cells: no more than about so many, the same number of each variant; default: all.
    """
    columns, placed, report = database.read(lambda connection: _read_summary(connection, run))
    if not with_cells:
        return report
    if most_cells is None or report.ended <= most_cells:
        return replace(report, cells=list(_iterate_cells(database, run, columns, placed)))
    each = max(1, most_cells // len(columns))
    cells = [
        cell for column in columns for cell in itertools.islice(_iterate_cells(database, run, [column], placed), each)
    ]
    return replace(report, cells=cells)


def mark_changed(connection: Connection, run_id: int) -> None:
    """Notes that an evaluation that has ended has other scores now; run_id: the evaluation's, not a variant's."""
    params.set_tags(connection, run_id, {CHANGED_TAG: datetime.now(UTC).isoformat()})


def changed(database: Database, run: RunRow) -> str:
    """When a run that had ended got other scores last; empty where it never did."""
    owner = run.id if run.parent_id is None else run.parent_id
    return database.read(lambda connection: params.tags(connection, owner)).get(CHANGED_TAG, "")


def iterate_cells(database: Database, run: RunRow) -> Iterator[CellRow]:
    """Every cell of a run, variant by variant, in the order of the data set; a page is held at a time."""
    columns, order, _ = database.read(lambda connection: _read_summary(connection, run))
    return _iterate_cells(database, run, columns, order)


def _read_summary(connection: Connection, run: RunRow) -> tuple[list[RunRow], bool, Report]:
    """The columns of a run, whether its cells have places in a data set, and its report without cells."""
    children = runs.children(connection, run.uid)
    columns = [child for child in children if child.kind == "prompt"] or [run]
    ids = [column.id for column in columns]
    attempts = cell_rows.attempt_counts(connection, [run.id, *ids])
    tags = params.tags(connection, run.id)
    variants = read_variants(connection, columns, evaluator_order(connection, run))
    report = Report(
        run=run,
        variants=variants,
        gates=[GateResult(**gate) for gate in json.loads(tags.get(GATES_TAG, "[]"))],
        calls=Calls(
            made=attempts.made,
            cached=sum(variant.cached for variant in variants),
            failed=attempts.failed,
            lost=attempts.lost,
        ),
        error_groups=aggregates.error_groups(connection, ids),
        shares={
            name: low >= 0.0 and high <= 1.0 for name, (low, high) in aggregates.score_ranges(connection, ids).items()
        },
    )
    return columns, bool(datasets.keys_page(connection, run.id, limit=1)), report


def _iterate_cells(database: Database, run: RunRow, columns: Sequence[RunRow], placed: bool) -> Iterator[CellRow]:
    for column in columns:
        yield from _placed_cells(database, run, column) if placed else _stored_cells(database, column)


def _placed_cells(database: Database, run: RunRow, column: RunRow) -> Iterator[CellRow]:
    after = -1

    def page(connection: Connection) -> tuple[list[tuple[int, str]], list[CellRow]]:
        places = datasets.keys_page(connection, run.id, after=after, limit=PAGE_CASES)
        return places, cell_rows.cells(connection, [column.id], keys=[key for _, key in places])

    while True:
        places, cells = database.read(page)
        if not places:
            return
        after = places[-1][0]
        rank = {key: place for place, key in places}
        yield from sorted(cells, key=lambda cell: (rank[cell.key], cell.repeat))


def _stored_cells(database: Database, column: RunRow) -> Iterator[CellRow]:
    after: int | None = None
    while True:
        cells = database.read(
            lambda connection: cell_rows.cells(connection, [column.id], after=after, limit=PAGE_CASES)  # noqa: B023 - read at once
        )
        if not cells:
            return
        yield from cells
        after = cells[-1].id


def evaluator_order(connection: Connection, run: RunRow) -> list[str]:
    """The names of the evaluators of a run's suite, in the suite's order; the first one is the main measure."""
    parent = runs.parent(connection, run)
    for owner in (run, parent):
        if owner is not None and EVALUATORS_TAG in (tags := params.tags(connection, owner.id)):
            return [str(name) for name in json.loads(tags[EVALUATORS_TAG])]
    return []


def run_metrics(connection: Connection, run: RunRow) -> dict[str, float]:
    """The metrics that a run with outputs gets when it ends: evaluator means, mean latency, tokens, cost, errors."""
    (variant,) = read_variants(connection, [run], [])
    metrics = {name: interval.mean for name, interval in variant.scores.items()}
    metrics |= {
        "latency_seconds": variant.mean_seconds,
        "input_tokens": variant.input_tokens,
        "output_tokens": variant.output_tokens,
        "cost_usd": variant.cost_usd,
        "errors": variant.errors,
    }
    return {name: float(value) for name, value in metrics.items() if value is not None}


def read_variants(connection: Connection, columns: Sequence[RunRow], order: Sequence[str]) -> list[VariantReport]:
    """The variants of these runs; order: names of evaluators, those that stand first."""
    ids = [column.id for column in columns]
    totals = aggregates.cell_totals(connection, ids)
    spent = aggregates.spent_usd(connection, ids)
    evaluator_errors = aggregates.evaluator_errors(connection, ids)
    # `name.key` of an evaluator that gives a mapping stands where its evaluator does.
    rank = {name: position for position, name in enumerate(order)}
    variants = []
    for column in columns:
        found = {name: interval_of(scores) for name, scores in aggregates.case_means(connection, column.id).items()}
        ordered = sorted(found, key=lambda name: (rank.get(name, rank.get(name.split(".", 1)[0], len(rank))), name))
        total = totals[column.id]
        measured = whole_run_from_json(json.loads(params.tags(connection, column.id).get(METRICS_TAG, "{}")))
        variants.append(
            VariantReport(
                id=column.uid,
                name=column.name,
                prompt=column.prompt_reference,
                model=column.model,
                settings=column.settings or {},
                scores={name: found[name] for name in ordered},
                cost_usd=total.cost_usd,
                spent_usd=spent[column.id],
                input_tokens=total.input_tokens,
                output_tokens=total.output_tokens,
                seconds=total.seconds,
                answers=total.answers,
                cached=total.cached,
                errors=total.errors,
                evaluator_errors=evaluator_errors[column.id],
                planned=column.cells_planned,
                run_id=column.id,
                whole_run=measured,
            )
        )
    return variants


def interval_of(scores: CaseMeans) -> Interval:
    """Mean and 95% interval over cases, whose repeats count as one: of verdicts Wilson or t within 0 to 1, else t."""
    return mean_interval(scores.means, passfail=scores.passfail)


def document_head(report: Report, calls: Calls | None = None) -> dict[str, Any]:
    """What stands before the cells in the one object that `eval --json` writes."""
    counts = calls or report.calls
    return {
        "run": report.run.uid,
        "suite": report.run.name,
        "status": report.run.status,
        "variants": [_variant_json(variant) for variant in report.variants],
        "gates": [
            {
                "evaluator": gate.evaluator,
                "variant": gate.variant,
                "rule": gate.rule,
                "value": gate.value,
                "passed": gate.passed,
            }
            for gate in report.gates
        ],
        "calls": {
            "made": counts.made,
            "cached": counts.cached,
            "failed": counts.failed,
            "lost": counts.lost,
        },
    }


def to_json(report: Report) -> dict[str, Any]:
    """The one object that `eval --json` writes, by the contract."""
    return {**document_head(report), "cells": [cell_json(cell) for cell in report.cells]}


def _variant_json(variant: VariantReport) -> dict[str, Any]:
    metrics = {name: interval_json(interval) for name, interval in variant.metrics.items()}
    return {
        "id": variant.id,
        "prompt": variant.prompt,
        "model": variant.model,
        "settings": dict(variant.settings),
        "scores": {name: interval_json(interval) for name, interval in variant.scores.items()},
        "cost_usd": variant.cost_usd,
        "spent_usd": variant.spent_usd,
        "input_tokens": variant.input_tokens,
        "output_tokens": variant.output_tokens,
        "seconds": variant.seconds,
        "errors": variant.errors,
        **({"metrics": metrics} if metrics else {}),
    }


def cell_json(cell: CellRow) -> dict[str, Any]:
    """One cell of that object."""
    return {
        "case": cell.key,
        "variant": cell.run_uid,
        "repeat": cell.repeat,
        "inputs": cell.inputs,
        "expected": cell.expected,
        "output": cell.output,
        "status": cell.status,
        "error": cell.error,
        "cached": cell.cached,
        "attempts": cell.attempts,
        "seconds": cell.seconds,
        "scores": {
            name: {"value": score.value, "passed": score.passed, "reason": score.reason, "error": score.error}
            for name, score in cell.scores.items()
        },
    }


def when(moment: datetime | None) -> str:
    """A moment as people read it, in local time; empty for None."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""
