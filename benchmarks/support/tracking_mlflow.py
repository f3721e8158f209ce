"""One job of benchmarks/tracking.py done by MLflow on SQLite; prints its seconds. Runs in MLflow's own environment."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "false"

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

AT_ONCE = 1000
"""The most metrics that one log_batch takes."""
KEYS = [f"m{place}" for place in range(10)]


def batch(n: int) -> float:
    """N points of ten metrics, a thousand a call."""
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    begin = time.perf_counter()
    for first in range(0, n, AT_ONCE):
        points = [
            Metric(KEYS[place % 10], float(place // 10), 0, place // 10) for place in range(first, first + AT_ONCE)
        ]
        client.log_batch(run_id, metrics=points)
    return time.perf_counter() - begin


def one_by_one(n: int) -> float:
    """N points of one metric, a call each."""
    with mlflow.start_run():
        begin = time.perf_counter()
        for step in range(n):
            mlflow.log_metric("loss", float(step), step=step)
        return time.perf_counter() - begin


def runs(n: int) -> float:
    """N runs with five params and five metrics."""
    begin = time.perf_counter()
    for number in range(n):
        with mlflow.start_run(run_name=f"run {number}"):
            mlflow.log_params({f"p{place}": number * place for place in range(5)})
            mlflow.log_metrics({f"m{place}": number / (place + 1) for place in range(5)})
    return time.perf_counter() - begin


def search(n: int) -> float:
    """All n runs with their params and metrics as a data frame; the runs are made first, the fastest way it has."""
    client = MlflowClient()
    for number in range(n):
        run_id = client.create_run("0").info.run_id
        client.log_batch(
            run_id,
            metrics=[Metric(f"m{place}", number / (place + 1), 0, 0) for place in range(5)],
            params=[Param(f"p{place}", str(number * place)) for place in range(5)],
        )
    begin = time.perf_counter()
    frame = mlflow.search_runs(experiment_ids=["0"], max_results=n)
    seconds = time.perf_counter() - begin
    assert len(frame) == n
    assert {"params.p4", "metrics.m4"} <= set(frame.columns)
    return seconds


JOBS = {"batch": batch, "one_by_one": one_by_one, "runs": runs, "search": search}

if __name__ == "__main__":
    job, folder, n = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.WARNING)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    os.chdir(folder)
    MlflowClient().search_experiments()  # makes the database
    print(f"seconds {JOBS[job](n):.6f}")
