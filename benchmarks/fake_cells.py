"""What one more cell costs where the model costs nothing: the CPU that promptlab itself takes for a cell.

    python benchmarks/fake_cells.py                                    # 2,000 and 12,000 cells, three pairs
    python benchmarks/fake_cells.py --fewer 100 --more 300 --pairs 1   # a quick look

(CPU of the larger command - CPU of the smaller) / (difference in cells): what starting takes falls out. Whole commands
`promptlab eval` with all their processes, model `fake:echo`, one evaluator, fresh SQLite databases.
"""

from __future__ import annotations

import argparse
import statistics

from support.workspace import Measured, bench_workspace, spread, verdict

TARGET_MS = 1.0


def evaluate(cells: int) -> Measured:
    """One evaluation in a fresh workspace."""
    with bench_workspace(cells, model="fake:echo") as bench:
        measured = bench.promptlab("eval", "bench.yaml").expect(0)
        stored = bench.number("SELECT count(*) FROM output JOIN score ON score.output_id = output.id")
    if stored != cells:
        raise RuntimeError(f"{stored} of {cells} cells are stored")
    return measured


def main() -> None:
    """Print the marginal cost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fewer", type=int, default=2000, help="cells of the smaller run")
    parser.add_argument("--more", type=int, default=12_000, help="cells of the larger run")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each size, in turn")
    arguments = parser.parse_args()
    fewer, more = arguments.fewer, arguments.more
    print(f"fake:echo, {fewer:,} and {more:,} cells; CPU of whole commands, SQLite")

    evaluate(20)
    costs: list[float] = []
    for number in range(arguments.pairs):
        small, large = evaluate(fewer), evaluate(more)
        costs.append(1000 * (large.cpu_seconds - small.cpu_seconds) / (more - fewer))
        print(
            f"pair {number + 1}: {small.cpu_seconds:.2f} s and {large.cpu_seconds:.2f} s CPU "
            f"({small.wall_seconds:.1f} s and {large.wall_seconds:.1f} s): {costs[-1]:.3f} ms a cell",
            flush=True,
        )
    cost = statistics.median(costs)
    verdict(
        f"fake cells: {cost:.3f} ms CPU a further cell (median of {arguments.pairs} interleaved pairs, "
        f"{spread(costs, digits=3)}); target <= {TARGET_MS:g} ms",
        met=cost <= TARGET_MS,
    )


if __name__ == "__main__":
    main()
