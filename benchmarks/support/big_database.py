"""A database as large as a team's after some years: classic runs with curves, evaluations with outputs and scores.

Written straight through the driver in the order of the keys: making it is not what is measured.
"""

from __future__ import annotations

import hashlib
import math
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from promptlab import Lab

CURVES = 10
"""Metrics of a classic run; half of all runs are classic."""
CASES = 200
"""Cases of an evaluation."""
NOW = "2026-06-01 12:00:00.000000"


def make(folder: Path, *, runs: int, metrics: int, outputs: int) -> Path:
    """The database file of a workspace with so many runs, values of metrics, and outputs with one score each."""
    with Lab(workspace=folder) as lab:
        lab.experiments.create("churn", goal="m0")
        path = lab.database.path
    assert path is not None
    classic = runs // 2
    steps = metrics // (classic * CURVES)
    variants = outputs // CASES
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA foreign_keys=OFF")
        experiment = connection.execute("SELECT id FROM experiment WHERE name = 'churn'").fetchone()[0]
        _runs(connection, runs=runs, classic=classic, variants=variants, experiment=experiment)
        _metrics(connection, classic=classic, steps=steps)
        _outputs(connection, first=classic + 1, variants=variants)
        connection.execute("ANALYZE")
        connection.commit()
    return path


def _runs(connection: sqlite3.Connection, *, runs: int, classic: int, variants: int, experiment: int) -> None:
    rng = random.Random(0)  # noqa: S311 - any values
    columns = (
        "id, uid, experiment_id, parent_id, kind, name, status, user_name, heartbeat_at, cancel_requested, started_at, "
        "ended_at, model, cells_planned, note"
    )

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(1, runs + 1):
            uid = hashlib.md5(str(number).encode()).hexdigest()  # noqa: S324 - any 32 hex digits
            is_variant = classic < number <= classic + variants
            kind = "prompt" if is_variant else "train"
            model = f"fake:{number % 7}" if is_variant else None
            planned = CASES if is_variant else None
            place = None if is_variant else experiment
            yield (
                number,
                uid,
                place or 0,
                None,
                kind,
                f"run {number % 50}",
                "finished",
                "ada",
                NOW,
                0,
                NOW,
                NOW,
                model,
                planned,
                "",
            )

    connection.executemany(f"INSERT INTO run ({columns}) VALUES ({', '.join('?' * 15)})", rows())  # noqa: S608 - constants
    params = (
        (number, f"p{place}", str(value := rng.choice([1, 2, 3, 5, 8]) * (place + 1)), None, float(value))
        for number in range(1, runs + 1)
        for place in range(5)
    )
    connection.executemany("INSERT INTO param (run_id, key, value, whole_value, number) VALUES (?, ?, ?, ?, ?)", params)
    tags = ((number, "team", "ab"[number % 2]) for number in range(1, runs + 1))
    connection.executemany("INSERT INTO tag (run_id, key, value) VALUES (?, ?, ?)", tags)
    connection.commit()


def _metrics(connection: sqlite3.Connection, *, classic: int, steps: int) -> None:
    def values() -> Iterator[tuple[object, ...]]:
        for number in range(1, classic + 1):
            for curve in range(CURVES):
                for step in range(steps):
                    yield number, f"m{curve}", step, step, step, math.exp(-step / 40) + number % 97 / 100

    connection.executemany(
        "INSERT INTO metric (run_id, key, step, at_ms, ordinal, value) VALUES (?, ?, ?, ?, ?, ?)", values()
    )
    summaries = (
        (number, f"m{curve}", last := math.exp(-(steps - 1) / 40) + number % 97 / 100, last, last + 1, steps - 1, steps)
        for number in range(1, classic + 1)
        for curve in range(CURVES)
    )
    connection.executemany(
        "INSERT INTO summary (run_id, key, last, min, max, step, points) VALUES (?, ?, ?, ?, ?, ?, ?)", summaries
    )
    connection.commit()


def _outputs(connection: sqlite3.Connection, *, first: int, variants: int) -> None:
    cases = [(f"case {place}", hashlib.sha256(str(place).encode()).hexdigest()) for place in range(CASES)]
    connection.executemany(
        "INSERT INTO case_content (digest, inputs_digest, inputs, expected, metadata) VALUES (?, ?, ?, ?, '{}')",
        ((digest, digest, f'{{"x":"{key}"}}', '"1"') for key, digest in cases),
    )
    connection.executemany(
        "INSERT INTO answer (id, cache_key, reusable, text, status, seconds, input_tokens, output_tokens, cost_usd)"
        " VALUES (?, ?, 1, ?, 'ok', 0.5, 40, 2, 0.0)",
        ((number, f"key {number}", str(number % 2)) for number in range(1, 1001)),
    )

    def outputs() -> Iterator[tuple[object, ...]]:
        number = 0
        for run in range(first, first + variants):
            for key, digest in cases:
                number += 1
                yield number, run, digest, key, 0, 1 + number % 1000, 1, "ok"

    connection.executemany(
        "INSERT INTO output (id, run_id, case_digest, key, repeat, answer_id, cached, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        outputs(),
    )
    scores = (
        (number, "exact_match", "d", float(hit := number * 7919 % 10 < 7), 0, int(hit))
        for number in range(1, variants * CASES + 1)
    )
    connection.executemany(
        "INSERT INTO score (output_id, name, evaluator_digest, value, is_nan, passed) VALUES (?, ?, ?, ?, ?, ?)", scores
    )
    connection.executemany(
        "INSERT INTO summary (run_id, key, last, min, max, step, points) VALUES (?, 'exact_match', ?, 0, 1, 0, 1)",
        ((run, 0.5 + run % 40 / 100) for run in range(first, first + variants)),
    )
    connection.commit()
