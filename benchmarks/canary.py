"""Whether a key ever leaves the environment: looked for in everything that promptlab writes.

    python benchmarks/canary.py              # a minute
    python benchmarks/canary.py --cells 8    # a quick look

Two keys are in the environment, one that looks like a key and one that looks like nothing, in a variable whose name
says nothing either. The server sends them back in every way it can: a 401 that echoes the key, a 500 with the request's
headers, a 429, a 200, a redirect's address, the name of an encoding. Then everything is shown, exported, streamed,
interrupted and looked at with PROMPTLAB_DEBUG=1, and each key, and each half of one, is searched for in the output of
every command and in every file of the workspace: database, its log, artifacts, JSON, CSV, backup.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.endpoint import CANARY, Running, running_endpoint
from support.workspace import Bench, Promises, bench_workspace, run

TRIES = Path(__file__).resolve().parent / "support" / "tries.py"
CALLS_BEFORE_INTERRUPT = 4
PATIENCE_SECONDS = 120.0
SOME_FAILED = 3
INTERRUPTED = 130


@dataclass(slots=True)
class Search:
    """What is looked through. said: by command, all it has printed."""

    bench: Bench
    environment: Mapping[str, str]
    said: dict[str, str] = field(default_factory=dict)

    def promptlab(self, *arguments: str, expected: Sequence[int] = (0, 1, 2, 3)) -> None:
        """Runs a command and keeps what it says; how it ends hardly matters here."""
        measured = self.bench.promptlab(*arguments, environment=self.environment)
        self.said[" ".join(arguments)] = measured.output + measured.errors
        measured.expect(*expected)

    def tries(self, *models: str) -> None:
        """Streams an answer of every kind."""
        command = [sys.executable, str(TRIES), str(len(CANARY)), *models]
        measured = run(command, folder=self.bench.folder, environment=self.environment).expect(0)
        self.said["streamed tries"] = measured.output + measured.errors

    def hits(self, parts: list[bytes]) -> list[str]:
        """Where any of the parts stands."""
        found = [
            f"output of {name}" for name, text in self.said.items() if any(part in text.encode() for part in parts)
        ]
        files = (path for path in sorted(self.bench.folder.rglob("*")) if path.is_file())
        found += [
            f"file {path.relative_to(self.bench.folder)}"
            for path in files
            if any(part in path.read_bytes() for part in parts)
        ]
        return found


def exercise(search: Search) -> None:
    """Everything that writes or shows something of a run with failed calls."""
    files = ("--json", "result.json", "--csv", "cells.csv")
    search.promptlab(
        "eval", "bench.yaml", "--model", "loop:good", "--model", "other:good", *files, expected=[SOME_FAILED]
    )
    uid = str(search.bench.query("SELECT uid FROM run WHERE kind = 'eval'")[0][0])
    children = [row[0] for row in search.bench.query("SELECT uid FROM run WHERE kind = 'prompt' ORDER BY id")]
    for arguments in (
        ("eval", "--resume", uid, "--json", "-"),
        ("runs", "list"),
        ("runs", "show", uid),
        ("runs", "show", uid, "--cells", "all"),
        ("runs", "show", children[0], "--cells", "failed"),
        ("runs", "show", uid, "--json"),
        ("runs", "compare", *children),
        ("prompts", "list"),
        ("prompts", "show", "ask"),
        ("models", "list"),
        ("models", "try", "loop:good", "question 0"),
        ("try", "ask", "--model", "loop:good", "--model", "other:good", "-v", "question=question 0"),
        ("doctor", "--network"),
        ("cache", "stats"),
        ("db", "stats"),
        ("db", "backup", "backup.db"),
        ("eval", "bench.yaml", "--model", "nobody:good"),
        ("eval", "bench.yaml", "--model", "loop:good", "--dry-run"),
    ):
        search.promptlab(*arguments)
    search.tries("loop:good", "other:good")


def interrupt(search: Search, server: Running) -> int:
    """The exit code of a run that gets Ctrl-C with calls in flight."""
    before = server.counts().billed
    process = search.bench.start(
        "eval",
        "bench.yaml",
        "--model",
        "other:good",
        "--no-cache",
        "--concurrency",
        "2",
        environment=search.environment,
    )
    try:
        due = time.monotonic() + PATIENCE_SECONDS
        while server.counts().billed < before + CALLS_BEFORE_INTERRUPT and process.poll() is None:
            if time.monotonic() > due:
                raise TimeoutError(f"no call within {PATIENCE_SECONDS:g} s")
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    search.said["an interrupted run"] = search.bench.log()
    return process.returncode


def main() -> None:
    """Print where the keys were found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=24, help="cases; each kind of answer once in eight")
    cells = parser.parse_args().cells
    keys = {"LOOP_KEY": f"sk-canary-{secrets.token_hex(20)}", "OTHER": secrets.token_hex(24)}
    halves = [key.encode()[start:][:20] for key in keys.values() for start in (0, 10, len(key) - 20)]
    print(
        f"{cells} cases, two keys, {len(CANARY)} kinds of answer, {sum('key' in kind for kind in CANARY)} with the key"
    )

    # Started in the background this ignores Ctrl-C, and so would the command that is to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    promises = Promises()
    with running_endpoint("canary", seconds=0.2) as server:
        endpoints = (
            f'api_key_env = "LOOP_KEY"\n[endpoints.other]\nbase_url = "{server.base_url}"\napi_key_env = "OTHER"'
        )
        with bench_workspace(cells, base_url=server.base_url, endpoint=endpoints) as bench:
            search = Search(bench, {**keys, "PROMPTLAB_DEBUG": "1"})
            exercise(search)
            code = interrupt(search, server)
            promises.check(f"a run with calls in flight was interrupted: exit code {code}", holds=code == INTERRUPTED)
            counts = server.counts()
            echoed = {kind: n for kind, n in sorted(counts.kinds.items()) if "key" in kind}
            print(f"{counts.billed} calls, the key was sent back by {sum(echoed.values())}: {echoed}", flush=True)
            failed = bench.number("SELECT count(*) FROM attempt WHERE error IS NOT NULL")
            promises.check(f"{failed} attempts with an error are stored", holds=failed > 0)
            files = [path for path in bench.folder.rglob("*") if path.is_file()]
            found = search.hits(halves)
            for place in found:
                print(f"  found in {place}", flush=True)
            promises.check(
                f"{len(found)} hits in the output of {len(search.said)} commands and in {len(files)} files",
                holds=not found,
            )
    promises.end(
        f"canary: {len(found)} hits of two keys in {len(search.said)} outputs and {len(files)} files, after "
        f"{sum(echoed.values())} answers that carried one; target: 0"
    )


if __name__ == "__main__":
    main()
