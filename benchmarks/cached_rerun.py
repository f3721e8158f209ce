"""What it takes to run a suite again that has all its answers: no call, and how much CPU.

    python benchmarks/cached_rerun.py                        # 2,000 cells, five runs
    python benchmarks/cached_rerun.py --cells 200 --runs 1   # a quick look

The first run asks a server on this machine; the others are the same command again. That they make no call is a
promise: the exit code is 1 where it is broken.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from support.endpoint import running_endpoint
from support.workspace import bench_workspace, spread, verdict

TARGET_SECONDS = 1.5


def main() -> None:
    """Print the CPU of the run that needs no call."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5, help="how often it is run again")
    arguments = parser.parse_args()
    cells = arguments.cells
    print(f"{cells:,} cells that have their answers; CPU of the whole command, SQLite")

    seconds: list[float] = []
    calls = 0
    with running_endpoint() as server, bench_workspace(cells, base_url=server.base_url) as bench:
        command = ("eval", "bench.yaml", "--concurrency", "100")
        first = bench.promptlab(*command).expect(0)
        paid = server.counts().billed
        print(f"first run: {paid:,} calls, {first.cpu_seconds:.2f} s CPU", flush=True)
        for number in range(arguments.runs):
            again = bench.promptlab(*command).expect(0)
            calls = server.counts().billed - paid
            seconds.append(again.cpu_seconds)
            print(
                f"run {number + 1}: {calls} calls, {again.cpu_seconds:.2f} s CPU, {again.wall_seconds:.2f} s",
                flush=True,
            )
        stored = bench.number("SELECT count(*) FROM output WHERE status = 'ok'")
    whole = stored == cells * (1 + arguments.runs) and paid == cells
    if not whole:
        print(
            f"BROKEN  {stored} of {cells * (1 + arguments.runs)} cells have an answer, {paid} calls were made for them"
        )
    median = statistics.median(seconds)
    kept = calls == 0 and whole
    verdict(
        f"cached re-run: {median:.2f} s CPU for {cells:,} cells, {calls} calls (median of {arguments.runs}, "
        f"{spread(seconds)}); target <= {TARGET_SECONDS:g} s and 0 calls",
        met=kept and median <= TARGET_SECONDS,
    )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
