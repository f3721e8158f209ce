"""What scoring costs over calling the reference packages with nothing around: CPU of whole processes and children.

    python benchmarks/scoring.py                            # 10,000 outputs, three pairs, then a whole evaluation
    python benchmarks/scoring.py --outputs 500 --pairs 1    # a quick look

Ours: support/scored_by_the_engine.py, the way of an evaluation's cells, 200 at a time, in whatever threads and
processes it takes. Theirs: support/scored_by_packages.py, a plain loop over rouge-score, sacrebleu, rapidfuzz and the
F1 of SQuAD. Both score the same pairs of real texts by rouge_l, bleu, chrf, levenshtein and f1, each in a fresh
process, in turn, and every value must be the same. The exit code is 1 where one is not, and above the limit with all
10,000 outputs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from support.real_pairs import real_pairs
from support.workspace import Measured, bench_workspace, run, spread, verdict

TARGET = 1.3
OUTPUTS = 10_000
TOLERANCE = 1e-9
SUPPORT = Path(__file__).resolve().parent / "support"
EVALUATORS = "[rouge_l, bleu, chrf, levenshtein, f1]"

Values = list[dict[str, float]]


def scored(by: str, outputs: int) -> tuple[Measured, Values]:
    """One side: what it took, and the values."""
    with tempfile.TemporaryDirectory(prefix="promptlab-bench-") as name:
        target = Path(name) / "values.json"
        command = [sys.executable, str(SUPPORT / f"{by}.py"), str(outputs), str(target)]
        measured = run(command, folder=Path(name)).expect(0)
        values: Values = json.loads(target.read_text(encoding="utf-8"))
    if len(values) != outputs:
        raise RuntimeError(f"{by}: {len(values)} of {outputs} outputs are scored")
    return measured, values


def largest_difference(ours: Values, theirs: Values) -> float:
    """Over all values; infinite where one is missing."""
    return max(
        abs(mine[name] - value) if mine.get(name) is not None else float("inf")
        for mine, other in zip(ours, theirs, strict=True)
        for name, value in other.items()
    )


def whole_evaluation(outputs: int) -> Measured:
    """The command `promptlab eval` over the same pairs, on a model that says what it is told."""
    with bench_workspace(0, model="fake:echo") as bench:
        (bench.folder / "prompts" / "ask.j2").write_text("{{ text }}", encoding="utf-8")
        suite = bench.folder / "bench.yaml"
        suite.write_text(suite.read_text(encoding="utf-8").replace("[exact_match]", EVALUATORS), encoding="utf-8")
        with (bench.folder / "cases.jsonl").open("w", encoding="utf-8") as lines:
            for number, (output, expected) in enumerate(real_pairs(outputs)):
                case = {"id": str(number), "inputs": {"text": output}, "expected": expected}
                lines.write(json.dumps(case) + "\n")
        measured = bench.promptlab("eval", "bench.yaml").expect(0)
        stored = bench.number("SELECT count(*) FROM score WHERE value IS NOT NULL AND error IS NULL")
    if stored != 5 * outputs:
        raise RuntimeError(f"{stored} of {5 * outputs} scores are stored")
    return measured


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--outputs", type=int, default=OUTPUTS)
    parser.add_argument("--pairs", type=int, default=3, help="runs of each side, in turn")
    arguments = parser.parse_args()
    outputs = arguments.outputs
    print(f"{outputs:,} outputs by {EVALUATORS[1:-1]}; CPU of whole processes and their children")

    # Both once without being counted: compiled modules are then there for all.
    for by in ("scored_by_the_engine", "scored_by_packages"):
        scored(by, 10)

    ratios: list[float] = []
    difference = 0.0
    for number in range(arguments.pairs):
        mine, ours = scored("scored_by_the_engine", outputs)
        plain, theirs = scored("scored_by_packages", outputs)
        difference = max(difference, largest_difference(ours, theirs))
        ratios.append(mine.cpu_seconds / plain.cpu_seconds)
        print(
            f"pair {number + 1}: ours {mine.cpu_seconds:.2f} s CPU, {mine.wall_seconds:.1f} s; the packages "
            f"{plain.cpu_seconds:.2f} s CPU, {plain.wall_seconds:.1f} s; {ratios[-1]:.2f} times",
            flush=True,
        )
    whole = whole_evaluation(outputs)
    print(
        f"a whole evaluation on fake:echo: {1000 * whole.cpu_seconds / outputs:.2f} ms CPU and "
        f"{1000 * whole.wall_seconds / outputs:.2f} ms a cell, {whole.wall_seconds:.1f} s, "
        f"{whole.peak_bytes / 2**20:.0f} MB"
    )
    ratio = statistics.median(ratios)
    equal = difference <= TOLERANCE
    if not equal:
        print(f"BROKEN  two values differ by {difference:g}")
    verdict(
        f"scoring: {ratio:.2f} times the packages (median of {arguments.pairs} interleaved pairs, {spread(ratios)}), "
        f"values equal to {difference:.1g}; target <= {TARGET:g}",
        met=equal and ratio <= TARGET,
    )
    # A few outputs are too little to time: starting outweighs them.
    sys.exit(0 if equal and (ratio <= TARGET or outputs < OUTPUTS) else 1)


if __name__ == "__main__":
    main()
