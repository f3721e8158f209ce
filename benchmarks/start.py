"""How long it takes until anything happens: `import promptlab` and `promptlab --help` over an empty Python.

    python benchmarks/start.py             # 15 rounds of the three, in turn
    python benchmarks/start.py --rounds 2  # a quick look

Seconds on the clock, since that is what somebody waits; a round holds the three against each other side by side, and
the median over the rounds counts. CPU seconds are printed too: on a busy machine they say more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.workspace import PROMPTLAB, bench_workspace, clean_environment, verdict

TARGETS_MS = {"import promptlab": 150.0, "promptlab --help": 400.0}
COMMANDS: dict[str, Sequence[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import promptlab": [sys.executable, "-c", "import promptlab"],
    "promptlab --help": [PROMPTLAB, "--help"],
}


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one command."""

    wall_ms: float
    cpu_ms: float


def took(command: Sequence[str], folder: Path) -> Took:
    """A command to its end, nothing of it shown. Raises RuntimeError where it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=clean_environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall_seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    return Took(1000 * wall_seconds, 1000 * (usage.ru_utime + usage.ru_stime))


def main() -> None:
    """Print what each takes over an empty Python."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds

    found: dict[str, list[Took]] = {name: [] for name in COMMANDS}
    with bench_workspace(1) as bench:
        for command in COMMANDS.values():
            took(command, bench.folder)
        for _ in range(rounds):
            for name, command in COMMANDS.items():
                found[name].append(took(command, bench.folder))
    empty = found["python -c pass"]
    parts, met = [], True
    print(f"{'':20}{'clock':>10}{'CPU':>10}   medians of {rounds}")
    for name, times in found.items():
        wall, cpu = (statistics.median(getattr(item, kind) for item in times) for kind in ("wall_ms", "cpu_ms"))
        print(f"{name:20}{wall:7.0f} ms{cpu:7.0f} ms")
        if name in TARGETS_MS:
            over = statistics.median(a.wall_ms - b.wall_ms for a, b in zip(times, empty, strict=True))
            over_cpu = statistics.median(a.cpu_ms - b.cpu_ms for a, b in zip(times, empty, strict=True))
            parts.append(f"{name} +{over:.0f} ms (CPU +{over_cpu:.0f} ms; target <= +{TARGETS_MS[name]:.0f} ms)")
            met = met and over <= TARGETS_MS[name]
    verdict(f"start: over an empty Python, {', '.join(parts)}, medians of {rounds} rounds", met=met)


if __name__ == "__main__":
    main()
