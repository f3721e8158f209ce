"""Predictions made elsewhere, scored on a suite's cases as the outputs of the run that made them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from promptlab.config import Workspace
from promptlab.errors import UsageError
from promptlab.execute import whole_run
from promptlab.execute.cells import Cell, Outcome, evaluator_context, output_insert, score
from promptlab.execute.chunk_size import CHUNK
from promptlab.execute.evaluator_calls import EvaluatorCalls
from promptlab.execute.evaluator_models import evaluator_models
from promptlab.execute.journal import Journal
from promptlab.execute.paces import Paces
from promptlab.execute.plan import Variant
from promptlab.execute.stopping import Stop
from promptlab.models.python import PythonModel
from promptlab.models.resolve import resolve_model
from promptlab.reports import run_metrics
from promptlab.store import datasets, metrics, outputs
from promptlab.store.artifacts import ArtifactStore
from promptlab.store.database import Connection, Database
from promptlab.store.datasets import PlacedCase
from promptlab.store.rows import DatasetRow, RunRow
from promptlab.suites.model import Suite
from promptlab.types import Request, Response, Score


async def score_predictions(
    suite: Suite, texts: Sequence[str], *, run: RunRow, database: Database, workspace: Workspace
) -> None:
    """Stores one text a case, in the suite's order, as outputs of `run` with their scores and metrics.

    Raises UsageError where texts and cases differ in number, the run has outputs for another data set, or an evaluator
    asks a model that is not there.
    """
    if len(texts) != len(suite.cases):
        raise UsageError(f"run '{run.name}': {len(texts)} predictions for the {len(suite.cases)} cases of {suite.name}")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise UsageError(f"run '{run.name}': prediction {position} is {text!r}; a prediction is text")

    stand_in = Variant(None, None, PythonModel(run.name, lambda inputs: [""] * len(inputs)), {})
    evaluator_models(suite, [stand_in.model], resolve=lambda name: resolve_model(name, workspace=workspace))

    def begin(connection: Connection) -> DatasetRow:
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
        whole_run.set_directions(connection, suite)
        return dataset

    dataset = await database.commit(begin)
    journal = Journal(database)
    calls = EvaluatorCalls(database, workspace, journal, Stop(), Paces(workspace, concurrency=None))
    try:
        # One after the other: a case of a file by its number would mean to read all before it.
        all_placed = (PlacedCase(place, suite.cases_digest.case(place), case) for place, case in enumerate(suite.cases))
        while placed := list(itertools.islice(all_placed, CHUNK)):
            some = texts[placed[0].place : placed[-1].place + 1]
            await _store(suite, placed, some, stand_in, run=run, calls=calls)
    finally:
        await calls.close()
        await journal.close()
    measured = database.read(lambda connection: run_metrics(connection, run))
    at_ms = int(datetime.now(UTC).timestamp() * 1000)
    names = {evaluator.name for evaluator in suite.all_evaluators}
    points = [(name, value, 0, at_ms) for name, value in measured.items() if name.split(".")[0] in names]
    kept = await asyncio.to_thread(
        whole_run.measure_run,
        run.id,
        suite.metrics,
        seen=whole_run.expected_labels(suite, dataset.id, database=database),
        database=database,
        store=ArtifactStore(workspace.artifacts),
    )

    def finish(connection: Connection) -> None:
        metrics.log_metrics(connection, run.id, points)
        if kept is not None:
            whole_run.keep(connection, run.id, kept, at_ms=at_ms)

    await database.commit(finish)


async def _store(
    suite: Suite,
    placed: Sequence[PlacedCase],
    texts: Sequence[str],
    variant: Variant,
    *,
    run: RunRow,
    calls: EvaluatorCalls,
) -> None:
    """What made the texts is not called: `variant` stands for it."""
    ask = calls.of(run.id, variant.model)
    outcomes = [
        Outcome(
            Cell(item.case, item.digest, 0, Request((), inputs=item.case.inputs), None, None, None),
            "ok",
            Response(text, cost_usd=0.0),
        )
        for item, text in zip(placed, texts, strict=True)
    ]

    async def scores_of(outcome: Outcome) -> dict[str, Score]:
        context = evaluator_context(outcome, outcome.response or Response(""), variant, ask=ask)
        return await score(context, suite.evaluators_for(outcome.cell.case))

    # Together, so that what their evaluators ask of models is asked together.
    scored = await asyncio.gather(*(scores_of(outcome) for outcome in outcomes))

    def write(connection: Connection) -> None:
        rows = [
            output_insert(
                outcome,
                run_id=run.id,
                scores=scores,
                digests={item.name: item.digest for item in suite.evaluators_for(outcome.cell.case)},
                answer_id=outputs.store_answer(connection, response=outcome.response or Response("")),
            )
            for outcome, scores in zip(outcomes, scored, strict=True)
        ]
        outputs.store_outputs(connection, rows)

    await calls.database.commit(write)
