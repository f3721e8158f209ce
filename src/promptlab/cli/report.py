"""A run as the terminal shows it: the table, the verdicts in words, gates, errors, and where to look further."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from promptlab.cli import words
from promptlab.cli.table import BAD, DOUBTFUL, FAINT, GOOD, STRONG, bullets, variant_tables
from promptlab.cli.whole_run import print_whole_run
from promptlab.errors import ComparisonError
from promptlab.reports import EVALUATORS_TAG, Calls, Report
from promptlab.types import ANSWER_STATUSES

if TYPE_CHECKING:
    from rich.console import Console

    from promptlab.compare import Comparison
    from promptlab.lab import Lab
    from promptlab.store.rows import CellRow, ErrorGroup, RunRow

_BEST = "mean, beneath it the 95% interval; * best on"
_MARKS = {"better": "+", "worse": "\N{MINUS SIGN}", "tied": "=", "too few": "?"}
_WORD_STYLES = {"better": GOOD, "worse": BAD, "tied": "", "too few": DOUBTFUL}


def print_report(
    console: Console, lab: Lab, report: Report, *, calls: Calls | None = None, main_measure_only: bool = True
) -> None:
    """Prints a run with outputs: what `eval` ends with and `runs show` begins with.

    calls: those of one invocation, in place of all that the run made.
    """
    comparison = _comparison(lab, report)
    measures = _measures(lab, report, comparison)
    best = comparison.best if comparison and measures and comparison.best.scores.get(measures[0]) else None
    _print_heading(console, report)
    for table in variant_tables(
        report.variants,
        measures=measures,
        shares=report.shares,
        best=best.id if best else None,
        width=console.width,
    ):
        console.print(table)
        console.print()
    print_whole_run(console, report, brief=main_measure_only)
    if comparison is not None and best is not None:
        console.print(f"{_BEST} {words.plain(measures[0])}. The others against it, case by case:", style=FAINT)
        _print_verdicts(console, comparison, main_only=main_measure_only)
    _print_gates(console, report)
    _print_errors(console, report)
    console.print(_calls(report, calls or report.calls))


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Prints variants side by side and each of them against the baseline, on every measure."""
    measures = [name for name in comparison.measures if any(name in variant.scores for variant in comparison.variants)]
    shares = {measure.measure: measure.difference.shares for pair in comparison.pairs for measure in pair.measures}
    first = measures[0] if measures else None
    best = comparison.best if first and first in comparison.best.scores else None
    for table in variant_tables(
        comparison.variants, measures=measures, shares=shares, best=best.id if best else None, width=console.width
    ):
        console.print(table)
        console.print()
    if best is not None:
        console.print(f"{_BEST} {words.plain(measures[0])}", style=FAINT)
    console.print(f"against {words.plain(comparison.baseline.name)}, case by case:", style=FAINT)
    _print_verdicts(console, comparison, main_only=False)


def run_link(uid: str, *, program: str) -> str:
    """The line that opens a run in the browser."""
    return f"open it: {program} ui, then http://localhost:8501/run?run={uid}"


def _comparison(lab: Lab, report: Report) -> Comparison | None:
    if len(report.variants) < 2:
        return None
    try:
        return lab.compare(report.run.uid)
    except ComparisonError:
        return None  # no scores or no shared case: there is nothing to say, the table stands alone


def _measures(lab: Lab, report: Report, comparison: Comparison | None) -> list[str]:
    """The evaluators that have values, in the order of the suite."""
    present = dict.fromkeys(name for variant in report.variants for name in variant.scores)
    ordered = list(comparison.measures) if comparison is not None else _suite_order(lab, report.run)
    return [*(name for name in ordered if name in present), *(name for name in present if name not in ordered)]


def _suite_order(lab: Lab, run: RunRow) -> list[str]:
    detail = lab.run_detail(run.uid)
    tags = detail.tags if detail.parent is None else lab.run_detail(detail.parent.uid).tags
    return list(json.loads(tags.get(EVALUATORS_TAG, "[]")))


def _print_heading(console: Console, report: Report) -> None:
    from rich.text import Text

    run = report.run
    heading = Text(words.plain(run.name), STRONG)
    heading.append(f"  {run.uid[:8]}  {run.status}", FAINT)
    if run.seconds is not None:
        heading.append(f" in {words.latency(run.seconds)}", FAINT)
    console.print(heading)
    if run.error:
        console.print(words.plain(run.error), style=DOUBTFUL)
    if report.partial:
        console.print(
            f"partial: {report.ended} of {words.plural(report.planned, 'cell')} ended; every figure is of these alone",
            style=f"{STRONG} {DOUBTFUL}",
        )
    console.print()


def _print_verdicts(console: Console, comparison: Comparison, *, main_only: bool) -> None:
    """One entry a variant beside the baseline: its name, then what each measure says of it."""
    from rich.padding import Padding
    from rich.text import Text

    from promptlab.compare import LATENCY

    for pair in comparison.pairs:
        # A suite that measures latency itself need not be told of it twice.
        twice = {LATENCY} if "latency" in comparison.measures else set()
        verdicts = [
            item.verdict
            for item in pair.measures
            if item.measure not in twice
            if not main_only or item.measure == comparison.measures[0] or item.verdict.word in ("better", "worse")
        ]
        if not verdicts:
            continue
        console.print(Padding(Text(words.plain(pair.other.name), STRONG), (0, 0, 0, 2)))
        bullets(
            console,
            ((f"  {_MARKS[verdict.word]}", _WORD_STYLES[verdict.word], verdict.phrase) for verdict in verdicts),
        )
        if pair.unpaired:
            left_out = f"{words.plural(pair.unpaired, 'case')} that only one of the two answered left out"
            console.print(Padding(Text(left_out, FAINT), (0, 0, 0, 6)))
    console.print()


def _print_gates(console: Console, report: Report) -> None:
    if not report.gates:
        return
    console.print("gates", style=STRONG)
    lines = []
    for gate in report.gates:
        found = "nothing to measure" if gate.value is None else f"{gate.value:.4g}"
        sentence = f"{gate.evaluator} {gate.rule}: {found}, {gate.variant}"
        lines.append(("✓" if gate.passed else "✗", GOOD if gate.passed else BAD, sentence))
    bullets(console, lines)
    console.print()


def _print_errors(console: Console, report: Report) -> None:
    if not report.error_groups:
        return
    console.print("errors", style=f"{STRONG} {BAD}")
    bullets(
        console,
        ((f"{group.count} \N{MULTIPLICATION SIGN}", BAD, _error(group, report)) for group in report.error_groups),
    )
    console.print()


def _error(group: ErrorGroup, report: Report) -> str:
    names = {variant.run_id: variant.name for variant in report.variants}
    kind = group.status if group.evaluator is None else f"evaluator {group.evaluator}"
    example = f"case {group.key}, {names.get(group.run_id, '')}: {group.message or 'no message'}"
    return f"{kind}, such as {words.excerpt(example, 240)}"


def _calls(report: Report, calls: Calls) -> str:
    parts = [f"{words.plural(report.ended, 'cell')}: {calls.made} asked, {calls.cached} from the cache"]
    if calls.failed:
        parts.append(f"{words.plural(calls.failed, 'failed request')}")
    if calls.lost:
        parts.append(f"{words.plural(calls.lost, 'request')} never answered")
    return ", ".join(parts) + _spent(report)


def _spent(report: Report) -> str:
    spent = [variant.spent_usd for variant in report.variants]
    known = [amount for amount in spent if amount is not None]
    if len(known) < len(spent):
        more = f" and {words.cost(sum(known))}" if sum(known) else ""
        return f"; spent: unknown for {words.plural(len(spent) - len(known), 'variant')}{more}"
    return f"; spent {words.cost(sum(known))}" if sum(known) else ""


def failed_cells(report: Report) -> list[CellRow]:
    """The cells that ended in an error, or whose evaluator failed or said no."""
    return [
        cell
        for cell in report.cells
        if cell.status not in ANSWER_STATUSES
        or any(score.passed is False or score.error is not None for score in cell.scores.values())
    ]
