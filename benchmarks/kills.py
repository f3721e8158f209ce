"""Whether a run that is killed again and again loses a row or pays twice.

    python benchmarks/kills.py                        # 1,000 calls, 50 kills: a few minutes
    python benchmarks/kills.py --cells 60 --kills 3   # a quick look

`promptlab eval` asks a server on this machine, 8 calls in flight, and is killed (SIGKILL, its whole process group) at
moments drawn from a seed: most after some further calls and a part of a call's time, every sixth at any moment of a
start, when it creates the database, takes the run over or renders. `promptlab eval --resume RUN` goes on at once; where
a kill hit before there was a run, the first command is repeated. What is checked is read from the server and the file.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass

from support.endpoint import Running, running_endpoint
from support.workspace import Bench, Promises, bench_workspace

IN_FLIGHT = 8
START_EVERY = 6
"""The first kill and every sixth after it fall into the start of a command."""
POLL_SECONDS = 0.01
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Killed:
    """How often, and how often with a call in flight."""

    times: int
    hits: int


def find_run(bench: Bench) -> str | None:
    """The uid of the evaluation; None where the database does not have it yet."""
    try:
        rows = bench.query("SELECT uid FROM run WHERE kind = 'eval' ORDER BY id")
    except sqlite3.OperationalError:
        return None  # no file, or no table in it yet
    return rows[0][0] if rows else None


def command(bench: Bench) -> list[str]:
    """What anyone would enter now: the resumption, or the first command again."""
    uid = find_run(bench)
    return ["eval", *(["bench.yaml"] if uid is None else ["--resume", uid]), "--concurrency", str(IN_FLIGHT)]


def wait_for_calls(process: subprocess.Popen[str], server: Running, billed: int) -> None:
    """Returns when the server has counted so many calls, or the process has ended."""
    due = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and server.counts().billed < billed:
        if time.monotonic() > due:
            raise TimeoutError(f"nothing happened for {PATIENCE_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def kill(process: subprocess.Popen[str]) -> bool:
    """Kills the process's group and waits for it; False where the process had ended by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def finished(bench: Bench) -> int:
    """How many cells have their row."""
    try:
        return int(bench.number("SELECT count(*) FROM output"))
    except sqlite3.OperationalError:
        return 0


def run_and_kill(
    bench: Bench, server: Running, source: random.Random, *, cells: int, kills: int, seconds: float
) -> Killed:
    """Starts and kills until all kills are done, or until all cells are."""
    start_seconds, hits, done = 1.0, 0, 0
    while done < kills:
        left = cells - finished(bench)
        before = server.counts().billed
        # So many calls a life on average that the last kill still finds some to make.
        calls = min(source.randint(1, max(1, 2 * left // (kills - done))), max(1, left - 3 * IN_FLIGHT))
        began = time.monotonic()
        process = bench.start(*command(bench))
        try:
            if done % START_EVERY == 0:
                time.sleep(source.uniform(0.0, start_seconds))
            else:
                wait_for_calls(process, server, before + 1)
                start_seconds = time.monotonic() - began
                wait_for_calls(process, server, before + calls)
                time.sleep(source.uniform(0.0, seconds))
            in_flight = server.counts().in_flight
        finally:
            killed = kill(process)
        if not killed and (process.returncode != 0 or finished(bench) < cells):
            raise RuntimeError(f"it ended by itself with exit code {process.returncode}:\n{bench.log()[-4000:]}")
        if not killed:
            break
        done += 1
        hits += in_flight > 0
        print(f"kill {done}: {finished(bench)} of {cells} cells stored, {in_flight} calls in flight", flush=True)
    if done < kills:
        print(f"all cells were done after {done} of {kills} kills; ask for more cells", flush=True)
    return Killed(done, hits)


def main() -> None:
    """Print what was lost and what was paid."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=1000, help="calls, one a cell")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a call, by half more or less")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: another each time")
    arguments = parser.parse_args()
    cells, kills = arguments.cells, arguments.kills
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    print(f"{cells:,} calls of {arguments.seconds:g} s, {IN_FLIGHT} in flight, {kills} kills, seed {seed}")

    source = random.Random(seed)  # noqa: S311 - a simulation, no secret
    promises = Promises()
    with (
        running_endpoint(seconds=arguments.seconds, jitter=0.5) as server,
        bench_workspace(cells, base_url=server.base_url) as bench,
    ):
        killed = run_and_kill(bench, server, source, cells=cells, kills=kills, seconds=arguments.seconds)
        last = bench.promptlab(*command(bench))
        promises.check(f"the last resumption ends with exit code 0: {last.exit_code}", holds=last.exit_code == 0)
        billed = server.counts().billed
        again = bench.promptlab("eval", "bench.yaml", "--concurrency", str(IN_FLIGHT))
        further = server.counts().billed - billed
        completed, lost = check(bench, promises, cells=cells, kills=killed.times, billed=billed)
        promises.check(
            f"the same command again makes {further} calls, exit code {again.exit_code}",
            holds=further == 0 and again.exit_code == 0,
        )
    promises.end(
        f"kills: {killed.times} kills, {killed.hits} of them with calls in flight: {completed:,} of {cells:,} answers, "
        f"{billed - completed} calls paid twice of {lost} lost in flight; "
        f"target: no row lost, at most {IN_FLIGHT} calls a kill paid twice, and all known"
    )


def check(bench: Bench, promises: Promises, *, cells: int, kills: int, billed: int) -> tuple[int, int]:
    """Holds the database against what the server has counted; completed attempts and lost ones."""
    uid = find_run(bench)
    of_run = "FROM output JOIN run ON run.id = output.run_id JOIN run parent ON parent.id = run.parent_id"
    rows = bench.number(f"SELECT count(*) {of_run} WHERE parent.uid = ?", uid)
    good = bench.number(
        "SELECT count(DISTINCT output.key) FROM output JOIN answer ON answer.id = output.answer_id "
        "JOIN run ON run.id = output.run_id JOIN run parent ON parent.id = run.parent_id "
        "WHERE parent.uid = ? AND output.status = 'ok' AND answer.text = 'answer ' || output.key",
        uid,
    )
    runs = bench.number("SELECT count(*) FROM run WHERE kind = 'eval'")
    attempts = bench.number("SELECT count(*) FROM attempt")
    completed = int(bench.number("SELECT count(*) FROM attempt WHERE status = 'ok'"))
    lost = int(bench.number("SELECT count(*) FROM attempt WHERE status IS NULL"))
    integrity = bench.query("PRAGMA integrity_check")[0][0]
    promises.check(
        f"one result a case: {rows} rows, {good} of {cells} cases with their own answer", holds=good == rows == cells
    )
    promises.check(f"completed calls: {completed} of {cells}, none answered twice", holds=completed == cells)
    promises.check(f"every billed call is known: {billed} billed, {attempts} attempts", holds=billed <= attempts)
    promises.check(
        f"what was paid twice was in flight: {billed - completed} <= {lost} lost attempts, "
        f"{attempts - completed - lost} that ended otherwise",
        holds=billed - completed <= lost == attempts - completed,
    )
    promises.check(
        f"at most {IN_FLIGHT} a kill: {billed - completed} <= {IN_FLIGHT * kills}",
        holds=billed - completed <= IN_FLIGHT * kills,
    )
    promises.check(f"one run, resumed, and one repetition: {runs} runs", holds=runs == 2)
    promises.check(f"PRAGMA integrity_check: {integrity}", holds=integrity == "ok")
    return completed, lost


if __name__ == "__main__":
    main()
