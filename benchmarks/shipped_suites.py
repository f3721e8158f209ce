"""What the suites in evals/ score with a small base model: every one is run, from nothing, on real weights.

    python benchmarks/shipped_suites.py                            # about eleven minutes on two cores
    python benchmarks/shipped_suites.py --suite sentiment          # one of them; --suite can be repeated
    python benchmarks/shipped_suites.py --limit 5                  # a quick look: the first five cases of each
    python benchmarks/shipped_suites.py --markdown table.md        # the table for the README, too

Each suite is run in a new workspace with copies of evals/ and prompts/, so that nothing comes from a cache. Seconds
are of the clock, for loading, answers and scores of all prompts of a suite together. That every cell has an answer and
every evaluator a score is a promise: the exit code is 1 where it is broken.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab import Lab
from promptlab.cli import words
from promptlab.models.pulling import pull
from promptlab.suites.load import load_suite

MODEL = "local:smollm2-135m"
ROOT = Path(__file__).resolve().parents[1]
SUITES = ROOT / "evals"
NO_SCORE = {"latency", "cost"}
"""Measures that say nothing about the base model's answers."""
WHOLE_RUN = ("f1_macro", "matthews_corrcoef")
"""What is shown of the metrics over all answers of a prompt."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one evaluator made of one prompt."""

    prompt: str
    measure: str
    mean: str
    interval: str

    @property
    def said(self) -> str:
        """The mean with its interval."""
        return f"{self.mean} ({self.interval})" if self.interval else self.mean


@dataclass(frozen=True, slots=True)
class Ran:
    """A suite that was run; errors: cells without an answer and scores that ended in an error."""

    suite: str
    description: str
    cases: int
    seconds: float
    rows: Sequence[Row]
    errors: int

    @property
    def prompts(self) -> list[str]:
        """In the suite's order."""
        return list(dict.fromkeys(row.prompt for row in self.rows))


def main() -> None:
    """Print the table; write it as Markdown where that is asked for."""
    known = sorted(path.stem for path in SUITES.glob("*.yaml"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", action="append", choices=known, help="one of them; default: all")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--limit", type=int, help="so many cases of each")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there as Markdown, too")
    arguments = parser.parse_args()

    for name in (arguments.model, "local:all-minilm-l6-v2"):
        provider, _, short = name.partition(":")
        if provider == "local" and "/" not in short:
            pull(short)
    began = time.perf_counter()
    done = []
    print(f"{arguments.model}, mean and 95% interval over the cases of a suite", flush=True)
    for name in arguments.suite or known:
        ran = run(name, model=arguments.model, limit=arguments.limit)
        print(f"\n{ran.suite}: {ran.description}; {ran.cases} cases, {ran.seconds:.0f} s", flush=True)
        for line in lines(ran):
            print(f"  {line}", flush=True)
        done.append(ran)
    if arguments.markdown:
        arguments.markdown.write_text("\n".join(markdown(done)) + "\n", encoding="utf-8")
    errors = sum(ran.errors for ran in done)
    print(
        f"\nshipped suites: {len(done)} suites, {sum(ran.cases for ran in done)} cases, {errors} errors in "
        f"{(time.perf_counter() - began) / 60:.1f} minutes; target 0 errors: {'missed' if errors else 'met'}"
    )
    sys.exit(1 if errors else 0)


def run(name: str, *, model: str, limit: int | None) -> Ran:
    """One suite, run in a workspace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("evals", "prompts"):
            shutil.copytree(ROOT / part, Path(folder) / part)
        (Path(folder) / "promptlab.toml").write_text("", encoding="utf-8")
        path = Path(folder) / "evals" / f"{name}.yaml"
        started = time.perf_counter()
        with Lab(workspace=Path(folder)) as lab:
            result = lab.evaluate(path, models=[model], limit=limit)
            seconds = time.perf_counter() - started
        suite = load_suite(path)
    report = result.report
    rows = [
        Row((variant.prompt or "").partition("@")[0], measure, *words.score(measure, interval, shares=shares))
        for variant in report.variants
        for measure, interval in {**variant.scores, **variant.metrics}.items()
        if measure in variant.scores.keys() - NO_SCORE or measure in WHOLE_RUN
        for shares in [report.shares.get(measure, False) or measure in variant.whole_run.shares]
    ]
    errors = report.errors + report.evaluator_errors
    return Ran(name, suite.description or name, min(len(suite.cases), limit or sys.maxsize), seconds, rows, errors)


def lines(ran: Ran) -> Iterator[str]:
    """One line a prompt and evaluator."""
    wide = max((len(row.prompt) for row in ran.rows), default=0), max((len(row.measure) for row in ran.rows), default=0)
    for row in ran.rows:
        yield f"{row.prompt:{wide[0]}}  {row.measure:{wide[1]}}  {row.said}"


def markdown(done: Sequence[Ran]) -> Iterator[str]:
    """One row a suite and evaluator, one column a prompt: without examples, with examples.

    Single fields of an object are left out.
    """
    yield "| suite | cases | evaluator | without examples | with examples |"
    yield "|---|---:|---|---:|---:|"
    for ran in done:
        of_prompt = {prompt: {row.measure: row for row in ran.rows if row.prompt == prompt} for prompt in ran.prompts}
        first = True
        for measure in dict.fromkeys(row.measure for row in ran.rows):
            if measure.startswith("json_fields."):
                continue
            cells = [rows[measure].said if measure in rows else words.ABSENT for rows in of_prompt.values()]
            head = f"[`{ran.suite}`](evals/{ran.suite}.yaml) | {ran.cases}" if first else " | "
            yield f"| {head} | {measure} | {' | '.join(cells)} |"
            first = False


if __name__ == "__main__":
    main()
