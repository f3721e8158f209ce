"""Predictions made elsewhere, scored on a suite's cases as the outputs of the run that made them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from promptlab.errors import UsageError
from promptlab.execute.cells import Cell, Outcome, evaluator_context, output_insert, score
from promptlab.execute.plan import Variant
from promptlab.models.python import PythonModel
from promptlab.reports import run_metrics
from promptlab.store import datasets, metrics, outputs
from promptlab.store.database import Connection, Database
from promptlab.store.datasets import PlacedCase
from promptlab.store.rows import RunRow
from promptlab.suites.model import Suite
from promptlab.types import Request, Response


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
            connection,
            name=suite.dataset_name,
            source=suite.dataset_source,
            cases=suite.cases,
            digests=suite.cases_digest,
        )
        linked = datasets.linked_datasets(connection, run.id, context="evaluation")
        if any(other.id != dataset.id for other in linked):
            raise UsageError(
                f"run '{run.name}' has predictions for another data set already; log these in a run of their own"
            )
        datasets.link_dataset(connection, run.id, dataset.id, context="evaluation")
        for evaluator in suite.all_evaluators:
            metrics.set_direction(connection, evaluator.name, evaluator.direction)

    await database.commit(begin)
    stand_in = Variant(None, None, PythonModel(run.name, lambda inputs: [""] * len(inputs)), {})
    for place, (case, text) in enumerate(zip(suite.cases, texts, strict=True)):
        placed = PlacedCase(place, suite.cases_digest.case(place), case)
        await _store(suite, placed, text, stand_in, run=run, database=database)
    measured = database.read(lambda connection: run_metrics(connection, run))
    at_ms = int(datetime.now(UTC).timestamp() * 1000)
    names = {evaluator.name for evaluator in suite.all_evaluators}
    points = [(name, value, 0, at_ms) for name, value in measured.items() if name.split(".")[0] in names]
    await database.commit(lambda connection: metrics.log_metrics(connection, run.id, points))


async def _store(
    suite: Suite, placed: PlacedCase, text: str, variant: Variant, *, run: RunRow, database: Database
) -> None:
    """What made the text is not called: `variant` stands for it."""
    case = placed.case
    response = Response(text, cost_usd=0.0)
    cell = Cell(case, placed.digest, 0, Request((), inputs=case.inputs), None, None, None)
    evaluators = suite.evaluators_for(case)
    outcome = Outcome(cell, "ok", response)
    scores = await score(evaluator_context(outcome, response, variant), evaluators)

    def write(connection: Connection) -> None:
        answer_id = outputs.store_answer(connection, response=response)
        row = output_insert(
            outcome,
            run_id=run.id,
            scores=scores,
            digests={evaluator.name: evaluator.digest for evaluator in evaluators},
            answer_id=answer_id,
        )
        outputs.store_outputs(connection, [row])

    await database.commit(write)
