"""Each query behind a page, on a database of 10,000 runs, 5,000,000 metric values and 1,000,000 outputs.

    python benchmarks/pages.py                                          # about three minutes, most of them the database
    python benchmarks/pages.py --runs 1000 --metrics 100000 --outputs 20000 --repeats 3

The median of each is to be at most 50 ms.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support.big_database import make
from support.workspace import verdict

from promptlab import Lab

TARGET_MS = 50.0


def queries(lab: Lab, *, rng: random.Random) -> Mapping[str, Callable[[], Any]]:
    """What the pages ask, by name; each call asks about another run."""
    classic = [row.uid for row in lab.search("kind = 'train'", limit=200, order_by="name")]
    variants = [row.uid for row in lab.search("kind = 'prompt'", limit=200)]

    def some(uids: list[str], n: int) -> list[str]:
        return rng.sample(uids, n)

    def listed() -> object:
        rows = lab.runs(top_level=True, limit=50)
        return lab.overviews(rows)

    def experiment() -> object:
        found = lab.search("kind = 'prompt' or (parent is null and kind != 'eval')", experiment="churn", limit=200)
        ids = [row.id for row in found]
        return lab.summaries(ids), lab.params(ids)

    def page_of(text: str, order: str = "") -> Callable[[], object]:
        return lambda: lab.search(text, order_by=order, limit=50)

    return {
        "runs: a list of 50 with their overviews": listed,
        "experiments: all with counts": lab.experiments.list,
        "experiment: 200 runs with metrics and params": experiment,
        "leaderboard: the best 50 of one metric": lambda: lab.leaderboard("m0"),
        "filter: a metric above a value": page_of("metrics.m0 > 0.9"),
        "filter: a rare metric value": page_of("metrics.exact_match >= 0.89"),
        "filter: params as numbers and a tag": page_of("params.p1 > 8 and tags.team = 'a'"),
        "filter: or, not, a list, a pattern": page_of(
            "not metrics.m1 < 0.5 and (params.p0 in (1, 8) or tags.team = 'b') and name like 'run 1%'"
        ),
        "order: by a metric, a param between": page_of("params.p2 between 3 and 9", "metrics.m3 desc"),
        "run: all that was logged into it": lambda: lab.run_detail(some(classic, 1)[0]),
        "run: a curve": lambda: lab.curve(some(classic, 1)[0], "m0"),
        "compare: five runs side by side": lambda: lab.side_by_side(*some(classic, 5)),
        "compare: five curves": lambda: [lab.curve(uid, "m0") for uid in some(classic, 5)],
        "compare: two variants case by case": lambda: lab.compare(*some(variants, 2)),
        "evaluation: a variant's report without its cells": lambda: _report(lab, some(variants, 1)[0]),
        "evaluation: a cell opened": lambda: lab.cell(some(variants, 1)[0], f"case {rng.randrange(200)}"),
        "data sets: all versions": lab.datasets,
        "metric names": lab.metric_names,
    }


def _report(lab: Lab, uid: str) -> object:
    from promptlab.reports import read_report

    return read_report(lab.database, lab.find_run(uid), with_cells=False)


def main() -> None:
    """Print the median of each query."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--metrics", type=int, default=5_000_000)
    parser.add_argument("--outputs", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        path = make(folder, runs=arguments.runs, metrics=arguments.metrics, outputs=arguments.outputs)
        print(f"made in {time.perf_counter() - begin:.0f} s: {path.stat().st_size / 1e6:,.0f} MB", flush=True)
        slowest = 0.0
        with Lab(workspace=folder) as lab:
            rows = lab.stats().rows
            print(", ".join(f"{rows[table]:,} {table}s" for table in ("run", "metric", "output", "score")), flush=True)
            for what, ask in queries(lab, rng=random.Random(0)).items():  # noqa: S311 - any runs
                seconds = []
                for _ in range(arguments.repeats):
                    begin = time.perf_counter()
                    ask()
                    seconds.append(time.perf_counter() - begin)
                median = 1000 * statistics.median(seconds)
                slowest = max(slowest, median)
                mark = "" if median <= TARGET_MS else "   <- above"
                print(f"{median:8.1f} ms  {what} (slowest {1000 * max(seconds):.0f} ms){mark}", flush=True)
    met = slowest <= TARGET_MS
    verdict(f"pages: the slowest query has a median of {slowest:.0f} ms; target <= {TARGET_MS:g} ms", met=met)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
