"""What `lab.evaluate` gives back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.execute.stopping import StopReason
from promptlab.reports import Calls, GateResult, Report, VariantReport, cell_json, document_head, iterate_cells
from promptlab.store.database import Database
from promptlab.store.rows import CellRow
from promptlab.suites.model import Gate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)  # no slots: the cells are kept once they are read
class Evaluation:
    """An evaluation that has ended: its report (without cells), as an object that scripts and tests read.

    calls: requests that this invocation sent, or did not have to; lost: those of the whole run that were begun and
    never completed. stopped: why it was told to stop; None where every cell came to its end. unheld: gates for a
    variant that the run does not have.
    """

    report: Report
    calls: Calls
    database: Database
    stopped: StopReason | None = None
    unheld: Sequence[Gate] = ()

    @property
    def run(self) -> str:
        """The uid of the parent run."""
        return self.report.run.uid

    @property
    def variants(self) -> Sequence[VariantReport]:
        """One entry a prompt version x base model x settings."""
        return self.report.variants

    @property
    def gates(self) -> Sequence[GateResult]:
        """One entry a gate and variant."""
        return self.report.gates

    @cached_property
    def cells(self) -> Sequence[CellRow]:
        """Every output with its scores, read from the database when first asked for."""
        return tuple(self.iterate_cells())

    def iterate_cells(self) -> Iterator[CellRow]:
        """The same one by one: a run of any size goes through little memory."""
        return iterate_cells(self.database, self.report.run)

    @property
    def passed(self) -> bool:
        """Whether every gate held; true where there is none."""
        return all(gate.passed for gate in self.gates)

    @property
    def metrics(self) -> Mapping[str, float]:
        """Means by evaluator, and whole-run metrics by name, of the only variant; raises UsageError for several."""
        if len(self.variants) != 1:
            names = ", ".join(variant.name for variant in self.variants)
            raise UsageError(f"metrics are of one variant, and there are {len(self.variants)}: {names}; see .variants")
        (variant,) = self.variants
        measured = {**variant.metrics, **variant.scores}
        return {name: interval.mean for name, interval in measured.items() if interval.mean is not None}

    @property
    def exit_code(self) -> int:
        """0 all well; 1 a gate failed; 3 some cell or evaluator ended in an error, or it was stopped."""
        if not self.passed:
            return 1
        return 3 if self.stopped or self.report.errors or self.report.evaluator_errors else 0

    def to_json(self) -> dict[str, Any]:
        """The object that `promptlab eval --json` writes."""
        return {**document_head(self.report, self.calls), "cells": [cell_json(cell) for cell in self.cells]}

    def to_pandas(self) -> pd.DataFrame:
        """One row a cell: case, variant, prompt, model, repeat, inputs.*, expected, output, status, score columns."""
        import pandas as pd

        by_id = {variant.id: variant for variant in self.variants}
        return pd.DataFrame([_record(cell, by_id[cell.run_uid]) for cell in self.cells])


class EvaluationInterrupted(KeyboardInterrupt):
    """An evaluation that was interrupted and came to an orderly end: what was answered is stored and can go on."""

    def __init__(self, evaluation: Evaluation) -> None:
        super().__init__(f"interrupted; promptlab eval --resume {evaluation.run[:8]} goes on")
        self.evaluation = evaluation


def _record(cell: CellRow, variant: VariantReport) -> dict[str, Any]:
    record: dict[str, Any] = {
        "case": cell.key,
        "variant": variant.name,
        "prompt": variant.prompt,
        "model": variant.model,
        "repeat": cell.repeat,
    }
    record |= {f"inputs.{name}": value for name, value in cell.inputs.items()}
    record |= {
        "expected": cell.expected,
        "output": cell.output,
        "status": cell.status,
        "error": cell.error,
        "cached": cell.cached,
        "seconds": cell.seconds,
        "cost_usd": cell.cost_usd,
    }
    return record | {name: score.value for name, score in cell.scores.items()}
