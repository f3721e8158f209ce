"""Whether a run ever spends more than it may.

    python benchmarks/budget.py                                 # 500 cells, 1.00 $, then 0.50 $ more
    python benchmarks/budget.py --cells 150 --max-cost 0.30     # a quick look

Every call costs exactly 0.01 $: max_tokens is 10, so many tokens each answer says that it took, and a million of them
costs 1,000 $. 16 calls are in flight when the budget runs out. What was spent is counted by the server.
"""

from __future__ import annotations

import argparse
import json

from support.endpoint import OUTPUT_TOKENS, running_endpoint
from support.workspace import Bench, Promises, bench_workspace

CALL_USD = 0.01
IN_FLIGHT = 16
LEAST_USED = 0.95
STOPPED_BY_BUDGET = 3
PRICES = f"input_usd_per_million = 0\noutput_usd_per_million = {CALL_USD * 1_000_000 / OUTPUT_TOKENS:g}\n"


def main() -> None:
    """Print what was spent."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument(
        "--max-cost", type=float, default=1.00, help="US dollars of the first run; half of it to resume"
    )
    arguments = parser.parse_args()
    cells, first_usd, more_usd = arguments.cells, arguments.max_cost, arguments.max_cost / 2
    print(
        f"{cells} cells, {CALL_USD} $ a call, {IN_FLIGHT} in flight: --max-cost {first_usd:g}, then {more_usd:g} more"
    )

    promises = Promises()
    settings = f"{{max_tokens: {OUTPUT_TOKENS}}}"
    with (
        running_endpoint(seconds=0.05) as server,
        bench_workspace(cells, base_url=server.base_url, endpoint=PRICES, settings=settings) as bench,
    ):
        spent: list[int] = []
        for limit_usd in (first_usd, more_usd):
            done = sum(spent)
            resumed = ["--resume", uid_of(bench)] if spent else ["bench.yaml"]
            ended = bench.promptlab(
                "eval",
                *resumed,
                "--max-cost",
                f"{limit_usd:g}",
                "--concurrency",
                str(IN_FLIGHT),
                "--json",
                "result.json",
            )
            ended.expect(0, STOPPED_BY_BUDGET)
            spent.append(server.counts().billed - done)
            check(bench, promises, calls=spent, limit_usd=limit_usd, cells=cells, exit_code=ended.exit_code)
    promises.end(
        f"budget: {CALL_USD * spent[0]:.2f} $ of {first_usd:.2f} $ spent, then {CALL_USD * spent[1]:.2f} $ of "
        f"{more_usd:.2f} $; target: never more, at least {LEAST_USED:.0%} used"
    )


def uid_of(bench: Bench) -> str:
    """The uid of the evaluation."""
    return str(bench.query("SELECT uid FROM run WHERE kind = 'eval'")[0][0])


def check(bench: Bench, promises: Promises, *, calls: list[int], limit_usd: float, cells: int, exit_code: int) -> None:
    """What holds after each run. calls: those that the server has counted, by run."""
    cents, limit_cents = round(calls[-1] * CALL_USD * 100), round(limit_usd * 100)
    promises.check(f"spent: {cents / 100:.2f} $ of {limit_usd:.2f} $", holds=cents <= limit_cents)
    promises.check(
        f"used: {cents / limit_cents:.0%}, at least {LEAST_USED:.0%}", holds=cents >= LEAST_USED * limit_cents
    )
    promises.check(f"exit code {exit_code}, since the budget stopped the run", holds=exit_code == STOPPED_BY_BUDGET)
    statuses = dict(bench.query("SELECT status, count(*) FROM output GROUP BY status"))
    promises.check(f"cells by status: {statuses}", holds=statuses == {"ok": sum(calls), "budget": cells - sum(calls)})
    document = json.loads((bench.folder / "result.json").read_text(encoding="utf-8"))
    shown = sum(variant["spent_usd"] for variant in document["variants"])
    promises.check(
        f"the result says {shown:.2f} $ spent by the run, {document['calls']['made']} calls now",
        holds=round(shown * 100) == round(sum(calls) * CALL_USD * 100) and document["calls"]["made"] == calls[-1],
    )


if __name__ == "__main__":
    main()
