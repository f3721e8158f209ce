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


def make(folder: Path, *, runs: int, metrics: int, outputs: int, prompts: int = 0) -> Path:
    """The database file of a workspace with so many runs, values of metrics, and outputs with one score each.

    prompts: with so many prompts of three versions each, variants are theirs, two to an evaluation, on one data set.
    """
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
        _outputs(connection, first=classic + 1, variants=variants, answers=max(1000, outputs // 4) if prompts else 1000)
        if prompts:
            _prompts(connection, prompts)
            _evaluations(connection, first=classic + 1, variants=variants, above=runs, prompts=prompts)
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


def _prompts(connection: sqlite3.Connection, prompts: int) -> None:
    source = "---\ntags: [{0}]\n---\nAnswer {{{{ x }}}} in style {0}, try {1}."
    connection.executemany(
        "INSERT INTO prompt (id, name, description, tags, samples, updated_at)"
        " VALUES (?, ?, '', ?, '{\"x\":\"1\"}', ?)",
        ((number, f"prompt-{number:04}", f'["team-{number % 9}"]', NOW) for number in range(1, prompts + 1)),
    )
    connection.executemany(
        "INSERT INTO prompt_version (prompt_id, number, digest, messages, settings, source, note, saved_by, saved_at)"
        " VALUES (?, ?, ?, ?, '{}', ?, ?, 'ada', ?)",
        (
            (
                number,
                version,
                hashlib.sha256(f"{number} {version}".encode()).hexdigest(),
                f'[["user","Answer {{{{ x }}}} in style {number}, try {version}."]]',
                source.format(number, version),
                f"try {version}",
                NOW,
            )
            for number in range(1, prompts + 1)
            for version in (1, 2, 3)
        ),
    )
    connection.executemany(
        "INSERT INTO prompt_alias (prompt_id, alias, number) VALUES (?, 'production', 2)",
        ((number,) for number in range(1, prompts + 1)),
    )
    connection.commit()


def _evaluations(connection: sqlite3.Connection, *, first: int, variants: int, above: int, prompts: int) -> None:
    """Parents of two variants each, whose ids are above those of all other runs; all on the one data set."""
    parents = [(above + 1 + place, first + 2 * place) for place in range(variants // 2)]
    connection.executemany(
        "INSERT INTO run (id, uid, experiment_id, kind, name, status, user_name, heartbeat_at, cancel_requested,"
        " started_at, ended_at, cells_planned, note) VALUES (?, ?, 0, 'eval', ?, 'finished', 'ada', ?, 0, ?, ?, ?, '')",
        (
            (parent, hashlib.md5(str(parent).encode()).hexdigest(), f"suite {parent % 20}", NOW, NOW, NOW, 2 * CASES)  # noqa: S324
            for parent, _ in parents
        ),
    )
    connection.executemany(
        "UPDATE run SET parent_id = ?, prompt_version_id = ?, settings = '{\"temperature\":0}' WHERE id = ?",
        ((parent, 3 * (parent % prompts) + 1 + place, child + place) for parent, child in parents for place in (0, 1)),
    )
    connection.executemany(
        "INSERT INTO tag (run_id, key, value) VALUES (?, 'promptlab.evaluators', '[\"exact_match\"]')",
        ((parent,) for parent, _ in parents),
    )
    connection.execute(
        "INSERT INTO dataset (id, name, number, digest, source, rows, schema, created_at, kind)"
        " VALUES (1, 'cases', 1, 'd', 'made', ?, '[[\"x\",[\"text\"],200]]', ?, 'cases')",
        (CASES, NOW),
    )
    connection.executemany(
        "INSERT INTO dataset_item (dataset_id, position, key, case_digest) VALUES (1, ?, ?, ?)",
        ((place, f"case {place}", hashlib.sha256(str(place).encode()).hexdigest()) for place in range(CASES)),
    )
    connection.executemany(
        "INSERT INTO run_dataset (run_id, dataset_id, context) VALUES (?, 1, 'evaluation')",
        ((run,) for parent, child in parents for run in (parent, child, child + 1)),
    )
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


def _outputs(connection: sqlite3.Connection, *, first: int, variants: int, answers: int) -> None:
    cases = [(f"case {place}", hashlib.sha256(str(place).encode()).hexdigest()) for place in range(CASES)]
    connection.executemany(
        "INSERT INTO case_content (digest, inputs_digest, inputs, expected, metadata) VALUES (?, ?, ?, ?, '{}')",
        ((digest, digest, f'{{"x":"{key}"}}', '"1"') for key, digest in cases),
    )
    connection.executemany(
        "INSERT INTO answer (id, cache_key, reusable, text, status, seconds, input_tokens, output_tokens, cost_usd)"
        " VALUES (?, ?, 1, ?, 'ok', 0.5, 40, 2, 0.0)",
        ((number, f"key {number}", str(number % 2)) for number in range(1, answers + 1)),
    )

    def outputs() -> Iterator[tuple[object, ...]]:
        number = 0
        for run in range(first, first + variants):
            for key, digest in cases:
                number += 1
                yield number, run, digest, key, 0, 1 + number % answers, 1, "ok"

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
