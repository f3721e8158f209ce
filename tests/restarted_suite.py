"""An evaluation in a process of its own, whose PostgreSQL is restarted as by crashes meanwhile; and what it lost.

For `tests/execute/test_postgresql_restarts.py` and `benchmarks/postgresql_restarts.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postgres_server import PostgresServer
from promptlab.store.database import Connection, Database

MODEL = "fake:echo?seconds=0.02"
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Suite:
    """An evaluation that has ended. restarts: those that hit it while it ran; outputs: rows by case key.

    calls: `made`, `cached`, `failed`, `lost`, as the command told.
    """

    exit_code: int
    errors: str
    restarts: int
    seconds: float
    outputs: Mapping[str, str]
    attempts: int
    calls: Mapping[str, int]

    def losses(self, *, cases: int) -> list[str]:
        """What is missing, double or wrong, one line each; empty where all is well."""
        said = [] if self.exit_code == 0 else [f"exit code {self.exit_code}: {self.errors.strip()[-500:]}"]
        right = sum(self.outputs.get(f"c{number}") == f"w{number}" for number in range(cases))
        if right != cases or len(self.outputs) != cases:
            said.append(f"{right} right outputs of {cases}, {len(self.outputs)} rows")
        if self.attempts != cases:
            said.append(f"{self.attempts} attempts for {cases} cases")
        return said


def evaluate_through_restarts(
    server: PostgresServer, url: str, folder: Path, *, cases: int, restarts: int, concurrency: int = 4
) -> Suite:
    """The outcome of a suite of `cases` calls, with restarts spread over it by the number of stored outputs."""
    (folder / "promptlab.toml").write_text("")
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "plain.j2").write_text("{{ text }}")
    rows = "".join(f"  - {{id: c{n}, inputs: {{text: w{n}}}, expected: w{n}}}\n" for n in range(cases))
    (folder / "words.yaml").write_text(
        f'name: words\nprompts: [plain]\nmodels: ["{MODEL}"]\nevaluators: [exact_match]\ncases:\n{rows}'
    )
    command = [sys.executable, "-m", "promptlab.cli.main", "eval", "words.yaml", "--db", url, "--json", "-"]
    command += ["--concurrency", str(concurrency)]
    environment = {**os.environ, "PROMPTLAB_HOME": str(folder)}
    begun = time.monotonic()
    done = 0
    with (folder / "errors.txt").open("w+") as errors, (folder / "result.json").open("w+") as result:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=result, stderr=errors)
        try:
            while done < restarts and _wait_for(url, process, outputs=cases * (2 * done + 1) // (2 * restarts + 2)):
                server.restart()
                done += 1
            process.wait(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        result.seek(0)
        told, said = result.read(), errors.read()
    with Database.open(url) as database:
        outputs = database.read(_outputs)
        attempts = database.read(lambda connection: _count(connection, "attempt"))
    calls: Mapping[str, Any] = json.loads(told)["calls"] if told else {}
    return Suite(process.returncode, said, done, time.monotonic() - begun, outputs, attempts, calls)


def _wait_for(url: str, process: subprocess.Popen[bytes], *, outputs: int) -> bool:
    """True once so many outputs are stored, False where the process ended before."""
    due = time.monotonic() + PATIENCE_SECONDS
    with Database.open(url) as database:
        while database.read(lambda connection: _count(connection, "output")) < outputs:
            if process.poll() is not None:
                return False
            if time.monotonic() > due:
                raise TimeoutError(f"no {outputs} outputs after {PATIENCE_SECONDS:g} s")
            time.sleep(POLL_SECONDS)
    return process.poll() is None


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def _outputs(connection: Connection) -> dict[str, str]:
    query = "SELECT output.key, answer.text FROM output JOIN answer ON answer.id = output.answer_id"
    return {key: text for key, text in connection.execute(sa.text(query))}  # noqa: C416 - pairs are Rows
