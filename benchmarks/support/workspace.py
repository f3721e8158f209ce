"""What the bars share: a workspace to run in, a command measured with all its processes, and the last line."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import connect
from typing import Any

ASK = "Answer in a few words: {{ question }}"
SAMPLE_SECONDS = 0.1
PROMPTLAB = str(Path(sys.executable).parent / "promptlab")
BROKE = "promptlab itself failed"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """A command that has ended.

    cpu_seconds: user and system time of the process and of all that it started and waited for. peak_bytes: the peaks
    of resident memory of all its processes added up (VmHWM, read while they ran): at least what they held at once.
    """

    exit_code: int
    output: str
    errors: str
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int

    def expect(self, *codes: int) -> Measured:
        """Itself. Raises RuntimeError with what the command said where its exit code is none of these, or it broke."""
        if self.exit_code not in codes or BROKE in self.errors:
            raise RuntimeError(f"exit code {self.exit_code}\n{self.output[-2000:]}\n{self.errors[-4000:]}")
        return self


@dataclass(frozen=True, slots=True)
class Bench:
    """A workspace for a measurement: `ask` is its prompt, bench.yaml its suite of questions 1 to n."""

    folder: Path

    @property
    def database(self) -> Path:
        """The file of its database."""
        return self.folder / ".promptlab" / "lab.db"

    def promptlab(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Measured:
        """The command `promptlab` in it, to its end."""
        return run([PROMPTLAB, *arguments], folder=self.folder, environment=environment)

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The command `promptlab` in it, in a process group of its own; its output in the file `log` of the folder."""
        with (self.folder / "log").open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                [PROMPTLAB, *arguments],
                cwd=self.folder,
                env=clean_environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                text=True,
            )

    def log(self) -> str:
        """What the command that `start` started said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query, past promptlab: what the file itself holds."""
        with closing(connect(self.database, timeout=60)) as connection:
            return connection.execute(sql, values).fetchall()

    def number(self, sql: str, *values: object) -> float:
        """The one number of a query."""
        return self.query(sql, *values)[0][0] or 0


@contextlib.contextmanager
def bench_workspace(
    cells: int, *, model: str = "loop:good", base_url: str | None = None, endpoint: str = "", settings: str = "{}"
) -> Iterator[Bench]:
    """A fresh workspace for the block. endpoint: further lines of [endpoints.loop] in promptlab.toml."""
    with tempfile.TemporaryDirectory(prefix="promptlab-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "prompts").mkdir()
        (folder / "prompts" / "ask.j2").write_text(ASK, encoding="utf-8")
        table = f'[endpoints.loop]\nbase_url = "{base_url}"\n{endpoint}\n' if base_url else ""
        (folder / "promptlab.toml").write_text(table, encoding="utf-8")
        (folder / "bench.yaml").write_text(
            f"name: bench\nprompts: [ask]\nmodels: ['{model}']\nsettings: {settings}\ncases: cases.jsonl\n"
            "evaluators: [exact_match]\n",
            encoding="utf-8",
        )
        with (folder / "cases.jsonl").open("w", encoding="utf-8") as lines:
            for number in range(1, cells + 1):
                case = {"id": str(number), "inputs": {"question": f"question {number}"}, "expected": f"answer {number}"}
                lines.write(json.dumps(case) + "\n")
        yield Bench(folder)


def clean_environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without the machine's own settings of promptlab and openai, with `added`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROMPTLAB_", "OPENAI_"))}
    return {**kept, "COLUMNS": "120", **(added or {})}


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """A command to its end, measured with all its processes."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        peaks: dict[int, int] = {}
        while True:
            _note_peaks(process.pid, peaks)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(SAMPLE_SECONDS)
        wall_seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        peaks[process.pid] = max(peaks.get(process.pid, 0), _largest_bytes(usage))
        return Measured(
            process.returncode,
            output.read(),
            errors.read(),
            usage.ru_utime + usage.ru_stime,
            wall_seconds,
            sum(peaks.values()),
        )


def _largest_bytes(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _note_peaks(pid: int, peaks: dict[int, int]) -> None:
    """Notes the peak of resident memory of a process and of those below it; without /proc, of none."""
    parents: dict[int, int] = {}
    largest: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            lines = (line.partition(":") for line in status.read_text(errors="replace").splitlines())
            fields = {name: value for name, _, value in lines}
            parents[int(status.parent.name)] = int(fields["PPid"])
            largest[int(status.parent.name)] = int(fields["VmHWM"].split()[0]) * 1024
    tree, above = {pid}, 0
    while len(tree) > above:
        above = len(tree)
        tree |= {child for child, parent in parents.items() if parent in tree}
    for member in tree & largest.keys():
        peaks[member] = max(peaks.get(member, 0), largest[member])


@dataclass(slots=True)
class Promises:
    """What must hold, said as it is checked."""

    broken: list[str] = field(default_factory=list)

    def check(self, what: str, *, holds: bool) -> None:
        """Prints what was found, and notes it where it breaks a promise."""
        print(f"  {'holds ' if holds else 'BROKEN'}  {what}", flush=True)
        if not holds:
            self.broken.append(what)

    def end(self, line: str) -> None:
        """The last line, and the process's exit code: 1 where a promise is broken."""
        sys.exit(verdict(line, met=not self.broken, promise=True))


def verdict(line: str, *, met: bool, promise: bool = False) -> int:
    """The exit code; prints the last line of a bar. A bar of speed that is missed is no failure."""
    print(f"{line}: {'met' if met else 'missed'}", flush=True)
    return 1 if promise and not met else 0


def spread(values: Sequence[float], *, digits: int = 2) -> str:
    """The smallest and the largest: `1.24 to 1.40`."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"
