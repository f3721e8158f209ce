"""A run as people read it: variants with intervals, gates, cells; the object behind `eval --json` and every page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from promptlab.statistics.intervals import mean_interval
from promptlab.store import cells as cell_rows
from promptlab.store import datasets, params, runs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import CellRow, RunRow
from promptlab.types import ANSWER_STATUSES, Interval

EVALUATORS_TAG = "promptlab.evaluators"
"""A run's tag with the names of its suite's evaluators, in order; the first one is its main measure."""
GATES_TAG = "promptlab.gates"


@dataclass(frozen=True, slots=True)
class VariantReport:
    """One column of the matrix, summed up.

    scores: by evaluator, with 95% intervals over cases. seconds: all calls of its answers together, as measured when
    they were made. cost_usd: what its answers cost when they were bought; spent_usd: what this run paid; None: unknown.
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

    variants: its children, or the run itself where it has none. partial: fewer cells ended than were planned.
    """

    run: RunRow
    variants: Sequence[VariantReport]
    gates: Sequence[GateResult]
    calls: Calls
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


def read_report(database: Database, run: RunRow, *, with_cells: bool = True) -> Report:
    """The report of a run, read from the database."""
    with database.connect() as connection:
        children = runs.children(connection, run.uid)
        columns = [child for child in children if child.kind == "prompt"] or [run]
        ids = [column.id for column in columns]
        cells = cell_rows.cells(connection, ids)
        attempts = cell_rows.attempt_counts(connection, [run.id, *ids])
        tags = params.tags(connection, run.id)
        order = evaluator_order(connection, run)
        positions = datasets.positions(connection, run.id)
    by_run: dict[str, list[CellRow]] = {column.uid: [] for column in columns}
    for cell in sorted(cells, key=lambda cell: (positions.get(cell.key, cell.id), cell.repeat)):
        by_run[cell.run_uid].append(cell)
    variants = [_variant(column, by_run[column.uid], order) for column in columns]
    return Report(
        run=run,
        variants=variants,
        gates=[GateResult(**gate) for gate in json.loads(tags.get(GATES_TAG, "[]"))],
        calls=Calls(
            made=attempts.made,
            cached=sum(variant.cached for variant in variants),
            failed=attempts.failed,
            lost=attempts.lost,
        ),
        cells=[cell for column in columns for cell in by_run[column.uid]] if with_cells else (),
    )


def evaluator_order(connection: Connection, run: RunRow) -> list[str]:
    """The names of the evaluators of a run's suite, in the suite's order; the first one is the main measure."""
    parent = runs.parent(connection, run)
    for owner in (run, parent):
        if owner is not None and EVALUATORS_TAG in (tags := params.tags(connection, owner.id)):
            return [str(name) for name in json.loads(tags[EVALUATORS_TAG])]
    return []


def intervals(cells: Sequence[CellRow]) -> dict[str, Interval]:
    """Mean and 95% interval of every evaluator over the cases of these cells, repeats averaged within a case first.

    Wilson where every score is a pass or a fail and no case has several, else Student's t over cases.
    """
    values: dict[str, dict[str, list[float]]] = {}
    verdicts: dict[str, bool] = {}
    for cell in cells:
        for name, score in cell.scores.items():
            if score.value is None:
                continue
            values.setdefault(name, {}).setdefault(cell.case_digest, []).append(score.value)
            verdicts[name] = verdicts.get(name, True) and score.passed is not None and score.value in (0.0, 1.0)
    result: dict[str, Interval] = {}
    for name, cases in values.items():
        single = all(len(of_case) == 1 for of_case in cases.values())
        means = [sum(of_case) / len(of_case) for of_case in cases.values()]
        result[name] = mean_interval(means, passfail=verdicts[name] and single)
    return result


def run_metrics(database: Database, run: RunRow) -> dict[str, float]:
    """The metrics that a run with outputs gets when it ends: evaluator means, mean latency, tokens, cost, errors."""
    with database.connect() as connection:
        variant = _variant(run, cell_rows.cells(connection, [run.id]), [])
    metrics = {name: interval.mean for name, interval in variant.scores.items()}
    metrics |= {
        "latency_seconds": variant.mean_seconds,
        "input_tokens": variant.input_tokens,
        "output_tokens": variant.output_tokens,
        "cost_usd": variant.cost_usd,
        "errors": variant.errors,
    }
    return {name: float(value) for name, value in metrics.items() if value is not None}


def _variant(run: RunRow, cells: Sequence[CellRow], order: Sequence[str]) -> VariantReport:
    answers = [cell for cell in cells if cell.status in ANSWER_STATUSES]
    scores = [score for cell in cells for score in cell.scores.values()]
    found = intervals(answers)
    # `name.key` of an evaluator that gives a mapping stands where its evaluator does.
    rank = {name: position for position, name in enumerate(order)}
    ordered = sorted(found, key=lambda name: (rank.get(name, rank.get(name.split(".", 1)[0], len(rank))), name))
    return VariantReport(
        id=run.uid,
        name=run.name,
        prompt=run.prompt_reference,
        model=run.model,
        settings=run.settings or {},
        scores={name: found[name] for name in ordered},
        cost_usd=_total([cell.cost_usd for cell in answers]),
        spent_usd=_total([cell.cost_usd for cell in answers if not cell.cached]),
        input_tokens=_whole([cell.usage.input_tokens for cell in answers]),
        output_tokens=_whole([cell.usage.output_tokens for cell in answers]),
        seconds=sum(cell.seconds or 0.0 for cell in answers),
        answers=len(answers),
        cached=sum(cell.cached for cell in cells),
        errors=len(cells) - len(answers),
        evaluator_errors=sum(score.error is not None for score in scores),
        planned=run.cells_planned,
    )


def _total(values: Sequence[float | None]) -> float | None:
    """The sum, or None where any part is unknown: an unknown cost is never counted as 0."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _whole(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def to_json(report: Report) -> dict[str, Any]:
    """The one object that `eval --json` writes, by the contract."""
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
        "cells": [_cell_json(cell) for cell in report.cells],
        "calls": {
            "made": report.calls.made,
            "cached": report.calls.cached,
            "failed": report.calls.failed,
            "lost": report.calls.lost,
        },
    }


def _variant_json(variant: VariantReport) -> dict[str, Any]:
    return {
        "id": variant.id,
        "prompt": variant.prompt,
        "model": variant.model,
        "settings": dict(variant.settings),
        "scores": {
            name: {"mean": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
            for name, interval in variant.scores.items()
        },
        "cost_usd": variant.cost_usd,
        "spent_usd": variant.spent_usd,
        "input_tokens": variant.input_tokens,
        "output_tokens": variant.output_tokens,
        "seconds": variant.seconds,
        "errors": variant.errors,
    }


def _cell_json(cell: CellRow) -> dict[str, Any]:
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
