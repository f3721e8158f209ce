"""What `lab.evaluate` gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.reports import Calls, GateResult, Report, VariantReport, to_json
from promptlab.store.rows import CellRow

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation that has ended: its report, as an object that scripts and tests read."""

    report: Report

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

    @property
    def cells(self) -> Sequence[CellRow]:
        """Every output with its scores."""
        return self.report.cells

    @property
    def calls(self) -> Calls:
        """Requests that this evaluation sent, or did not have to."""
        return self.report.calls

    @property
    def passed(self) -> bool:
        """Whether every gate held; true where there is none."""
        return all(gate.passed for gate in self.gates)

    @property
    def metrics(self) -> Mapping[str, float]:
        """Evaluator -> mean, of the only variant; raises UsageError where there are several."""
        if len(self.variants) != 1:
            names = ", ".join(variant.name for variant in self.variants)
            raise UsageError(f"metrics are of one variant, and there are {len(self.variants)}: {names}; see .variants")
        return {name: interval.mean for name, interval in self.variants[0].scores.items() if interval.mean is not None}

    @property
    def exit_code(self) -> int:
        """0 all well; 1 a gate failed; 3 some cell or evaluator ended in an error. 1 goes before 3."""
        if not self.passed:
            return 1
        return 3 if self.report.errors or self.report.evaluator_errors else 0

    def to_json(self) -> dict[str, Any]:
        """The object that `promptlab eval --json` writes."""
        return to_json(self.report)

    def to_pandas(self) -> pd.DataFrame:
        """One row a cell: case, variant, prompt, model, repeat, inputs.*, expected, output, status, score columns."""
        import pandas as pd

        by_id = {variant.id: variant for variant in self.variants}
        return pd.DataFrame([_record(cell, by_id[cell.run_uid]) for cell in self.cells])


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
