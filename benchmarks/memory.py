"""How much memory a large run takes at most: the peaks of all processes of the command, added up.

    python benchmarks/memory.py                # 100,000 cells, without and with --json: several minutes
    python benchmarks/memory.py --cells 3000   # a quick look

Model `fake:echo`, one evaluator, fresh SQLite databases. Counted is VmHWM of the command and of each process that it
starts (the worker that renders templates), read from /proc while they run and, for the command, when it has ended.
"""

from __future__ import annotations

import argparse
import json
import sys

from support.workspace import MEBIBYTE, bench_workspace, verdict

TARGET_MB = 400


def main() -> None:
    """Print the peaks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=100_000)
    cells = parser.parse_args().cells
    print(f"{cells:,} cells on fake:echo; sum of VmHWM over all processes of the command, in MB of 1,048,576 bytes")

    peaks: dict[str, float] = {}
    whole = True
    for name, options in {"plain": (), "with --json": ("--json", "result.json")}.items():
        with bench_workspace(cells, model="fake:echo") as bench:
            measured = bench.promptlab("eval", "bench.yaml", *options).expect(0)
            stored = bench.number("SELECT count(*) FROM output WHERE status = 'ok'")
            whole = whole and stored == cells
            if options:
                document = json.loads((bench.folder / "result.json").read_text(encoding="utf-8"))
                whole = whole and len(document["cells"]) == cells
        peaks[name] = measured.peak_bytes / MEBIBYTE
        print(
            f"{name}: {peaks[name]:.0f} MB, {measured.wall_seconds:.0f} s, {measured.cpu_seconds:.0f} s CPU, "
            f"{stored:,} cells stored",
            flush=True,
        )
    if not whole:
        print("BROKEN  not every cell is stored and exported")
    verdict(
        f"memory: at most {', '.join(f'{peak:.0f} MB {name}' for name, peak in peaks.items())} "
        f"for {cells:,} cells; target <= {TARGET_MB} MB",
        met=whole and max(peaks.values()) <= TARGET_MB,
    )
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
