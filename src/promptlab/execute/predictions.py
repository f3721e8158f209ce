"""Predictions made elsewhere, scored on a suite's cases as the outputs of the run that made them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from promptlab.errors import UsageError
from promptlab.execute.cells import Cell, Outcome, commit, output_insert, score
from promptlab.execute.plan import Variant
from promptlab.models.python import PythonModel
from promptlab.reports import run_metrics
from promptlab.store import datasets, metrics, outputs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import RunRow
from promptlab.suites.model import Suite
from promptlab.types import Case, Request, Response


async def score_predictions(suite: Suite, texts: Sequence[str], *, run: RunRow, database: Database) -> None:
    """Stores one text a case, in the suite's order, as outputs of `run` with their scores and metrics.

    Raises UsageError where texts and cases differ in number, or the run has outputs for another data set.
    """
    if len(texts) != len(suite.cases):
        raise UsageError(f"run '{run.name}': {len(texts)} predictions for the {len(suite.cases)} cases of {suite.name}")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise UsageError(f"run '{run.name}': prediction {position} is {text!r}; a prediction is text")

    def begin(connection: Connection) -> None:
        dataset = datasets.store_dataset(
            connection, name=suite.dataset_name, source=suite.dataset_source, cases=suite.cases
        )
        linked = datasets.linked_datasets(connection, run.id, context="evaluation")
        if any(other.id != dataset.id for other in linked):
            raise UsageError(
                f"run '{run.name}' has predictions for another data set already; log these in a run of their own"
            )
        datasets.link_dataset(connection, run.id, dataset.id, context="evaluation")
        for evaluator in suite.all_evaluators:
            metrics.set_direction(connection, evaluator.name, evaluator.direction)

    await commit(database, begin)
    for case, text in zip(suite.cases, texts, strict=True):
        await _store(suite, case, text, run=run, database=database)
    measured = run_metrics(database, run)
    at_ms = int(datetime.now(UTC).timestamp() * 1000)
    names = {evaluator.name for evaluator in suite.all_evaluators}
    points = [(name, value, 0, at_ms) for name, value in measured.items() if name.split(".")[0] in names]
    await commit(database, lambda connection: metrics.log_metrics(connection, run.id, points))


async def _store(suite: Suite, case: Case, text: str, *, run: RunRow, database: Database) -> None:
    response = Response(text, cost_usd=0.0)
    answer_id = await commit(database, lambda connection: outputs.store_answer(connection, response=response))
    cell = Cell(case, 0, Request((), inputs=case.inputs), None, None, None)
    evaluators = suite.evaluators_for(case)
    # What made the text is not called: it stands for the variant's model.
    variant = Variant(None, None, PythonModel(run.name, lambda _: [text]), {})
    outcome = Outcome(cell, "ok", response, answer_id)
    insert = output_insert(
        outcome,
        run_id=run.id,
        case_digest=datasets.case_digest(case),
        scores=await score(outcome, variant, evaluators),
        digests={evaluator.name: evaluator.digest for evaluator in evaluators},
    )
    await commit(database, lambda connection: outputs.store_outputs(connection, [insert]))
