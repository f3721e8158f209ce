"""What an evaluation costs over calling the endpoint with nothing around: CPU of the command against a bare client.

    python benchmarks/overhead.py                        # 2,000 cells, five pairs: a few minutes
    python benchmarks/overhead.py --cells 200 --pairs 1  # a quick look

Ours: the whole command `promptlab eval` with all its processes, from start to exit, one evaluator, into a fresh SQLite
database. Bare: support/bare_client.py, the whole process too: the openai package with its aiohttp transport, a
semaphore, the texts kept. Both make the same calls to the same server, in turn; the server's CPU does not count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from support.endpoint import Running, running_endpoint
from support.workspace import Measured, bench_workspace, run, spread, verdict

TARGET = 1.5
LEAST_IN_FLIGHT = 0.9
"""Which share of the allowed calls in flight must have been seen at once, so that both sides do the same."""
BARE = Path(__file__).resolve().parent / "support" / "bare_client.py"


def ours(server: Running, cells: int, concurrency: int) -> Measured:
    """One evaluation in a fresh workspace."""
    with bench_workspace(cells, base_url=server.base_url) as bench:
        measured = bench.promptlab("eval", "bench.yaml", "--concurrency", str(concurrency)).expect(0)
        stored = bench.number("SELECT count(*) FROM output JOIN score ON score.output_id = output.id WHERE passed")
    if stored != cells:
        raise RuntimeError(f"{stored} of {cells} cells are stored with the right answer")
    return measured


def bare(server: Running, cells: int, concurrency: int) -> Measured:
    """The same calls with nothing around."""
    with bench_workspace(cells) as bench:
        command = [sys.executable, str(BARE), server.base_url, "cases.jsonl", str(concurrency)]
        measured = run(command, folder=bench.folder).expect(0)
    if measured.output.strip() != str(cells):
        raise RuntimeError(f"the bare client has {measured.output.strip()} of {cells} texts")
    return measured


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side, in turn")
    parser.add_argument("--concurrency", type=int, default=100, help="calls in flight")
    parser.add_argument("--seconds", type=float, default=0.1, help="how long the endpoint takes for a call")
    arguments = parser.parse_args()
    cells, concurrency = arguments.cells, arguments.concurrency
    print(f"{cells:,} calls, {arguments.seconds:g} s each, {concurrency} in flight; CPU of whole processes, SQLite")

    # Both once without being counted: compiled modules are then there for all.
    with running_endpoint() as server:
        ours(server, 20, concurrency)
        bare(server, 20, concurrency)

    our_cpu: list[float] = []
    bare_cpu: list[float] = []
    least_seen = sys.maxsize
    for number in range(arguments.pairs):
        with running_endpoint(seconds=arguments.seconds) as server:
            mine = ours(server, cells, concurrency)
            seen = server.counts().most_in_flight
        with running_endpoint(seconds=arguments.seconds) as server:
            theirs = bare(server, cells, concurrency)
            theirs_seen = server.counts().most_in_flight
        our_cpu.append(mine.cpu_seconds)
        bare_cpu.append(theirs.cpu_seconds)
        least_seen = min(least_seen, seen)
        print(
            f"pair {number + 1}: ours {mine.cpu_seconds:.2f} s CPU, {mine.wall_seconds:.1f} s, {seen} in flight; "
            f"bare {theirs.cpu_seconds:.2f} s CPU, {theirs.wall_seconds:.1f} s, {theirs_seen} in flight; "
            f"{mine.cpu_seconds / theirs.cpu_seconds:.2f} times",
            flush=True,
        )
    ratios = [a / b for a, b in zip(our_cpu, bare_cpu, strict=True)]
    ratio = statistics.median(ratios)
    enough = least_seen >= LEAST_IN_FLIGHT * min(concurrency, cells)
    print(f"a cell: ours {1000 * statistics.median(our_cpu) / cells:.2f} ms CPU", end=", ")
    print(f"bare {1000 * statistics.median(bare_cpu) / cells:.2f} ms CPU")
    verdict(
        f"overhead: {ratio:.2f} times the bare client (median of {arguments.pairs} interleaved pairs, "
        f"{spread(ratios)}; at least {least_seen} of {concurrency} in flight seen, {LEAST_IN_FLIGHT:.0%} wanted); "
        f"target <= {TARGET:g}",
        met=ratio <= TARGET and enough,
    )


if __name__ == "__main__":
    main()
