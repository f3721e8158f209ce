"""One job of benchmarks/tracking.py done by promptlab; prints its seconds. `python tracking_here.py JOB FOLDER N`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd  # noqa: F401 - as MLflow, which imports it when it is imported itself

from promptlab import Lab

KEYS = [f"m{place}" for place in range(10)]


def batch(lab: Lab, n: int) -> float:
    """N points of ten metrics, ten a step."""
    run = lab.run("batch")
    begin = time.perf_counter()
    for step in range(n // len(KEYS)):
        run.log_metrics(dict.fromkeys(KEYS, float(step)), step=step)
    run.flush()
    seconds = time.perf_counter() - begin
    run.end()
    return seconds


def one_by_one(lab: Lab, n: int) -> float:
    """N points of one metric, a call each."""
    run = lab.run("one by one")
    begin = time.perf_counter()
    for step in range(n):
        run.log_metrics(loss=float(step), step=step)
    run.flush()
    seconds = time.perf_counter() - begin
    run.end()
    return seconds


def runs(lab: Lab, n: int) -> float:
    """N runs with five params and five metrics."""
    begin = time.perf_counter()
    for number in range(n):
        with lab.run(f"run {number}") as run:
            run.log_params({f"p{place}": number * place for place in range(5)})
            run.log_metrics({f"m{place}": number / (place + 1) for place in range(5)})
    return time.perf_counter() - begin


def search(lab: Lab, n: int) -> float:
    """All n runs with their params and metrics as a data frame; the runs are made first."""
    runs(lab, n)
    begin = time.perf_counter()
    frame = lab.search(limit=n).to_pandas()
    seconds = time.perf_counter() - begin
    assert len(frame) == n
    assert {"params.p4", "metrics.m4"} <= set(frame.columns)
    return seconds


JOBS: dict[str, Callable[[Lab, int], float]] = {
    "batch": batch,
    "one_by_one": one_by_one,
    "runs": runs,
    "search": search,
}

if __name__ == "__main__":
    job, folder, n = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    os.chdir(folder)
    with Lab(workspace=folder) as lab:
        lab.run("warm").end()
        print(f"seconds {JOBS[job](lab, n):.6f}")
