"""Tracking against MLflow on SQLite, both on this machine in turn: points, runs and searches a second.

    python benchmarks/tracking.py                              # about ten minutes, most of them MLflow's
    python benchmarks/tracking.py --jobs one_by_one --pairs 1  # one of them, once

MLflow is installed into an environment of its own the first time. Imports and the making of databases are not timed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from support.mlflow_environment import mlflow_python, run_job
from support.workspace import verdict


@dataclass(frozen=True, slots=True)
class Job:
    """What is timed: so many of what, and how many times as fast it is to be."""

    title: str
    n: int
    unit: str
    target: float


JOBS = {
    "batch": Job("100,000 points by log_metrics, ten a step (MLflow: log_batch of 1,000)", 100_000, "points", 5),
    "one_by_one": Job("1,000 metrics one by one", 1_000, "points", 20),
    "runs": Job("1,000 runs with 5 params and 5 metrics", 1_000, "runs", 10),
    "search": Job("10,000 runs to a data frame", 10_000, "runs", 3),
}


def main() -> None:
    """Print the ratio of each job."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", nargs="*", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--pairs", type=int, default=3, help="how often both are run (search: once)")
    parser.add_argument("--share", type=float, default=1.0, help="this share of the full size")
    parser.add_argument("--mlflow", metavar="PYTHON", help="an interpreter that has MLflow; default: one is made")
    arguments = parser.parse_args()
    python = arguments.mlflow or mlflow_python()
    met = True
    for name in arguments.jobs:
        job = JOBS[name]
        n = max(10, int(job.n * arguments.share))
        pairs = 1 if name == "search" else arguments.pairs
        ratios, ours, theirs = [], [], []
        for _ in range(pairs):
            with tempfile.TemporaryDirectory() as folder:
                theirs.append(run_job("tracking_mlflow.py", name, Path(folder), n, python=python))
            with tempfile.TemporaryDirectory() as folder:
                ours.append(run_job("tracking_here.py", name, Path(folder), n))
            ratios.append(theirs[-1] / ours[-1])
        ratio = statistics.median(ratios)
        fast, slow = n / statistics.median(ours), n / statistics.median(theirs)
        print(f"{job.title}: ours {fast:,.0f} {job.unit}/s, MLflow {slow:,.0f} {job.unit}/s", flush=True)
        verdict(
            f"{name}: {ratio:.1f} times as fast ({min(ratios):.1f} to {max(ratios):.1f}, {pairs} pairs); "
            f"target >= {job.target:g}",
            met=ratio >= job.target,
        )
        met = met and ratio >= job.target
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
