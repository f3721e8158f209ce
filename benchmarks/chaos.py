"""Whether a server that does everything wrong can make a run hang, crash, bloat or take nonsense for an answer.

    python benchmarks/chaos.py                          # 2,000 cells and 100 streamed tries: a few minutes
    python benchmarks/chaos.py --cells 150 --tries 20   # a quick look

30% of all calls are answered badly: 429 with and without a time to rest, 500, 503, an HTML page, half a JSON object, no
choices, a reset connection, a body or stream cut short, one that drips for ever, one that never ends, a gzip bomb. The
same cells are asked of the same server behaving well, to hold the memory against. Which call is answered how follows
from the seed, so every attempt's status can be held against what was really sent; only `timeout` is taken for any of
them, since the machine may be slow.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from support.endpoint import chaos_kind, running_endpoint
from support.workspace import MEBIBYTE, Bench, Promises, bench_workspace, run

DEADLINE_SECONDS = 2.0
LATE_SECONDS = 1.0
MORE_MB = 200
SOME_FAILED = 3
TRIES = Path(__file__).resolve().parent / "support" / "tries.py"
ERRORS = frozenset({"rate_limited", "timeout", "connection", "malformed", "server"})
"""How a cell may end here but with an answer: every other status of the contract would be a wrong one."""
CLASSES = {
    "good": "ok",
    "429": "rate_limited",
    "429 with a rest": "rate_limited",
    "500": "server",
    "503": "server",
    "HTML": "malformed",
    "half JSON": "malformed",
    "no choices": "malformed",
    "reset": "connection",
    "cut": "malformed",
    "drip": "timeout",
    "endless": "malformed",
    "gzip bomb": "malformed",
}


def longest_seconds(bench: Bench) -> float:
    """The longest attempt, from the moment it was written down to the moment its end was."""
    times = bench.query("SELECT started_at, ended_at FROM attempt WHERE ended_at IS NOT NULL")
    return max((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() for start, end in times)


def check_deadline(bench: Bench, promises: Promises, what: str) -> None:
    """No attempt without an end, none that outlives its deadline."""
    longest = longest_seconds(bench)
    endless = bench.number("SELECT count(*) FROM attempt WHERE status IS NULL OR ended_at IS NULL")
    promises.check(
        f"{what}: the longest attempt took {longest:.3f} s of {DEADLINE_SECONDS:g} s + {LATE_SECONDS:g} s, "
        f"{endless} have no end",
        holds=longest <= DEADLINE_SECONDS + LATE_SECONDS and endless == 0,
    )


def check_classes(bench: Bench, promises: Promises, seed: int) -> None:
    """Every attempt has the status of what the server did."""
    seen: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for number, status in bench.query("SELECT key, status FROM attempt ORDER BY id"):
        kind = chaos_kind(seed, number, seen[number])
        seen[number] += 1
        if status not in (CLASSES[kind], "timeout"):
            wrong[f"{kind} as {status}"] += 1
    promises.check(f"every attempt is classed as what was sent; wrong: {dict(wrong) or 'none'}", holds=not wrong)


def evaluate(promises: Promises, *, cells: int, seed: int, concurrency: int) -> str:
    """Both runs of all cells; what to say of them."""
    peaks: dict[str, float] = {}
    for behaviour in ("good", "chaos"):
        with (
            running_endpoint(behaviour, seconds=0.02, seed=seed) as server,
            bench_workspace(
                cells, base_url=server.base_url, endpoint=f"deadline_seconds = {DEADLINE_SECONDS:g}"
            ) as bench,
        ):
            measured = bench.promptlab("eval", "bench.yaml", "--concurrency", str(concurrency))
            measured.expect(0, SOME_FAILED)
            counts = server.counts()
            peaks[behaviour] = measured.peak_bytes / MEBIBYTE
            print(
                f"{behaviour}: {counts.billed:,} calls, {measured.wall_seconds:.0f} s, {measured.cpu_seconds:.1f} s "
                f"CPU, {peaks[behaviour]:.0f} MB; sent: {dict(sorted(counts.kinds.items()))}",
                flush=True,
            )
            statuses = Counter(dict(bench.query("SELECT status, count(*) FROM output GROUP BY status")))
            if behaviour == "good":
                promises.check(f"well-behaved: {dict(statuses)}", holds=statuses == {"ok": cells})
                continue
            errors = sum(statuses.values()) - statuses["ok"]
            promises.check(
                f"all {cells} cells end with an answer or a classed error: {dict(statuses)}",
                holds=sum(statuses.values()) == cells and set(statuses) <= ERRORS | {"ok"},
            )
            nonsense = bench.number(
                "SELECT count(*) FROM output LEFT JOIN answer ON answer.id = output.answer_id "
                "WHERE output.status = 'ok' AND answer.text IS NOT 'answer ' || output.key"
            )
            promises.check(f"nothing is taken for an answer that is none: {nonsense}", holds=nonsense == 0)
            unexplained = bench.number("SELECT count(*) FROM output WHERE status <> 'ok' AND coalesce(error, '') = ''")
            promises.check(f"every error says why; without a word: {unexplained}", holds=unexplained == 0)
            promises.check(
                f"exit code {measured.exit_code}", holds=measured.exit_code == (SOME_FAILED if errors else 0)
            )
            attempts = bench.number("SELECT count(*) FROM attempt")
            promises.check(f"{counts.billed} calls arrived, {attempts} attempts", holds=counts.billed <= attempts)
            promises.check("no traceback is shown", holds="Traceback" not in measured.output + measured.errors)
            check_classes(bench, promises, seed)
            check_deadline(bench, promises, "calls")
    more = peaks["chaos"] - peaks["good"]
    promises.check(f"memory: {more:+.0f} MB against the well-behaved server, < {MORE_MB} MB", holds=more < MORE_MB)
    return f"{statuses['ok']:,} answers and {errors} classed errors in {cells:,} cells, {more:+.0f} MB"


def try_streams(promises: Promises, *, tries: int, seed: int) -> str:
    """The same by streaming; what to say of it."""
    with (
        running_endpoint("chaos", seconds=0.02, seed=seed) as server,
        bench_workspace(1, base_url=server.base_url, endpoint=f"deadline_seconds = {DEADLINE_SECONDS:g}") as bench,
    ):
        measured = run([sys.executable, str(TRIES), str(tries), "loop:good"], folder=bench.folder)
        print(f"streamed: {server.counts().billed} calls, {measured.wall_seconds:.0f} s", flush=True)
        promises.check(
            f"streamed: exit code {measured.exit_code} {measured.errors[-500:].strip()}", holds=measured.exit_code == 0
        )
        lines = [json.loads(line) for line in measured.output.splitlines()]
        statuses = Counter(str(line["status"]) for line in lines)
        promises.check(
            f"streamed: all {tries} tries end with an answer or a classed error: {dict(statuses)}",
            holds=len(lines) == tries and set(statuses) <= ERRORS | {"ok"},
        )
        nonsense = [line for line in lines if line["status"] == "ok" and line["text"] != f"answer {line['number']}"]
        unheard = [line for line in lines if line["status"] == "ok" and line["heard"] != line["text"]]
        promises.check(
            f"streamed: nothing is taken for an answer that is none: {len(nonsense)}; heard otherwise: {len(unheard)}",
            holds=not nonsense and not unheard,
        )
        check_deadline(bench, promises, "streamed")
    return f"{statuses['ok']} answers and {tries - statuses['ok']} classed errors in {tries} streamed tries"


def main() -> None:
    """Print what became of the calls."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--tries", type=int, default=100, help="streamed ones")
    parser.add_argument("--concurrency", type=int, default=50, help="calls in flight")
    parser.add_argument("--seed", type=int, default=20_261_125, help="which call is answered how")
    arguments = parser.parse_args()
    print(f"{arguments.cells:,} cells, {arguments.tries} tries, deadline {DEADLINE_SECONDS:g} s, seed {arguments.seed}")

    promises = Promises()
    evaluated = evaluate(promises, cells=arguments.cells, seed=arguments.seed, concurrency=arguments.concurrency)
    tried = try_streams(promises, tries=arguments.tries, seed=arguments.seed)
    promises.end(
        f"chaos: {evaluated}; {tried}; target: no nonsense taken for an answer, no call more than {LATE_SECONDS:g} s "
        f"beyond its deadline, less than {MORE_MB} MB more"
    )


if __name__ == "__main__":
    main()
