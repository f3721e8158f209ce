"""Whether several processes that write into one database lose an update, or are told that it is locked.

    python benchmarks/several_writers.py               # 8 processes x 250 writes of each kind: about a minute
    python benchmarks/several_writers.py --each 25     # a quick look

On SQLite and on a PostgreSQL of its own (or that of PROMPTLAB_TEST_POSTGRES). Each process logs points of one metric
into one run, which raises a counter and takes the point's number from it, and saves versions of one prompt, which take
the next number; each waits for every commit. Plain SQLModel left 288 of 2,000 on SQLite and 350 on PostgreSQL.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from support.workspace import Promises

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from postgres_server import NoServerError, running_server
from writing_load import PATIENCE_SECONDS, PROCESSES, waits_beside_backlogs, write_from_processes


def measure(name: str, url: str, promises: Promises, *, each: int) -> None:
    """Prints the line of one database."""
    outcome = write_from_processes(url, each=each)
    waits = sorted(outcome.waits) or [0.0]
    longest, median = waits[-1], waits[len(waits) // 2]
    losses = outcome.losses(writes=each * PROCESSES)
    promises.check(
        f"{name}: {outcome.rows:,} rows, a counter of {outcome.counter:,} and {len(outcome.numbers):,} versions "
        f"in {outcome.seconds:.1f} s; longest wait of one write {longest:.2f} s, median {median:.4f} s"
        + "".join(f"\n          {line}" for line in losses),
        holds=not losses,
    )


def main() -> None:
    """Print a line a database."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--each", type=int, default=250, help="writes of each kind that every process does")
    parser.add_argument("--seconds", type=float, default=8.0, help="of the busy database")
    each, seconds = parser.parse_args().each, parser.parse_args().seconds
    promises = Promises()
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/lab.db", promises, each=each)
        waits = waits_beside_backlogs(f"sqlite:///{folder}/busy.db", seconds=seconds)
        promises.check(
            f"SQLite, a writer beside {PROCESSES - 1} with endless backlogs for {seconds:g} s: {len(waits):,} writes; "
            f"longest wait {max(waits):.2f} s",
            holds=max(waits) < PATIENCE_SECONDS,
        )
    measured = "SQLite and PostgreSQL"
    try:
        with running_server() as server, server.database() as url:
            measure("PostgreSQL", url, promises, each=each)
    except NoServerError as error:
        print(f"  PostgreSQL was not measured: {error}")
        measured = "SQLite alone"
    writes = each * PROCESSES
    promises.end(
        f"several_writers: {PROCESSES} processes x {each} read-modify-writes on {measured}; "
        f"target: {writes:,} rows and a counter of {writes:,}"
    )


if __name__ == "__main__":
    main()
