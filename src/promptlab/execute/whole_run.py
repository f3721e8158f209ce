"""The whole-run metrics of a suite: measured over the stored answers of a variant, and kept as its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promptlab.metrics.base import Answer, ExpectedLabels
from promptlab.metrics.classification import confusion_lines
from promptlab.metrics.entries import BoundMetric
from promptlab.metrics.summary import WholeRun, measure
from promptlab.reports import METRICS_TAG
from promptlab.spreadsheets import csv_line
from promptlab.store import metrics, params
from promptlab.store.artifacts import ArtifactStore, StoredFile, record_artifact
from promptlab.store.database import Connection, Database
from promptlab.store.scored_answers import START, expected_values, scored_answers
from promptlab.store.statements import MAX_NAME_CHARACTERS
from promptlab.suites.model import Suite

SUMMARY = "metrics/summary.json"
"""The artifact with every metric of a variant, its interval, the confusion matrices and what was left out."""
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """Whole-run metrics with the artifacts that are on the disk already: name, file, media type."""

    found: WholeRun
    files: Sequence[tuple[str, StoredFile, str]]


def expected_labels(suite: Suite, dataset_id: int, *, database: Database) -> ExpectedLabels:
    """What the cases of a stored data set expect, where any metric of the suite takes its labels from them."""
    if not any(metric.wants_labels for metric in suite.metrics):
        return ExpectedLabels()
    return database.read(lambda connection: ExpectedLabels(expected_values(connection, dataset_id)))


def measure_run(
    run_id: int, wanted: Sequence[BoundMetric], *, seen: ExpectedLabels, database: Database, store: ArtifactStore
) -> Kept | None:
    """The metrics over all answers that a run has now, and their artifacts; None where the suite wants none.

    Answers are read a page at a time; of each a few numbers are held.
    """
    if not wanted:
        return None
    names = list(dict.fromkeys(name for metric in wanted for name in metric.scores))
    found = measure(wanted, _answers(database, run_id, names), seen=seen)
    files = [(SUMMARY, store.put_bytes(json.dumps(found.to_json(), indent=1).encode()), "application/json")]
    for confusion in found.confusions:
        text = "".join(csv_line(line) for line in confusion_lines(confusion))
        name = f"metrics/{confusion.prefix}confusion_matrix.csv"
        files.append((name, store.put_bytes(text.encode("utf-8", "backslashreplace")), "text/csv"))
    return Kept(found, files)


def keep(connection: Connection, run_id: int, kept: Kept, *, at_ms: int) -> None:
    """Writes what was measured into the run: metrics, intervals for reports, artifacts."""
    found = kept.found
    points = [
        (name, interval.mean, 0, at_ms)
        for name, interval in found.intervals.items()
        if interval.mean is not None and _is_name(name)
    ]
    metrics.log_metrics(connection, run_id, points)
    params.set_tags(connection, run_id, {METRICS_TAG: json.dumps(found.to_json())})
    for name, file, media_type in kept.files:
        record_artifact(connection, run_id, name, file.digest, file.bytes, media_type)


def set_directions(connection: Connection, suite: Suite) -> None:
    """Says of every metric of the suite which way is better, so that leaderboards know."""
    for metric in suite.metrics:
        for name in metric.names:
            metrics.set_direction(connection, name, metric.direction)


def _answers(database: Database, run_id: int, names: Sequence[str]) -> Iterator[Answer]:
    after = START
    while True:
        page = database.read(
            lambda connection: scored_answers(connection, run_id, scores=names, after=after, limit=PAGE)  # noqa: B023 - read at once
        )
        if not page:
            return
        after = page[-1].place
        for answer in page:
            # A case by a number of eight bytes, so that a hundred thousand keys are not held.
            digest = hashlib.blake2b(answer.place[0].encode("utf-8", "surrogatepass"), digest_size=8).digest()
            yield Answer(int.from_bytes(digest), answer.expected, answer.output, answer.scores)


def _is_name(name: str) -> bool:
    """Whether a metric may have this name: one of a label may be any text."""
    return len(name) <= MAX_NAME_CHARACTERS and name.isprintable()
