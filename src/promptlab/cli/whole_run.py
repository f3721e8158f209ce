"""Whole-run metrics as the terminal shows them: the averages with their intervals, small confusion matrices, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab.cli import words
from promptlab.cli.table import FAINT, STRONG, interval_tables, plain_table
from promptlab.metrics.classification import confusion_lines
from promptlab.reports import Report

if TYPE_CHECKING:
    from rich.console import Console

MOST_LABELS = 8
"""A confusion matrix of more does not fit a terminal."""


def print_whole_run(console: Console, report: Report, *, brief: bool) -> None:
    """Prints the metrics of all answers of each variant; brief: those that people look at first, without matrices."""
    variants = report.variants
    found = [variant.whole_run.main if brief else variant.whole_run.averages for variant in variants]
    names = dict.fromkeys(name for intervals in found for name in intervals)
    if not names:
        return
    values = {name: [intervals.get(name) for intervals in found] for name in names}
    shares = {name for variant in variants for name in variant.whole_run.shares}
    for table in interval_tables(variants, values, shares=shares, width=console.width):
        console.print(table)
        console.print()
    if not brief:
        _print_matrices(console, report)
    notes = dict.fromkeys(f"{variant.name}: {note}" for variant in variants for note in variant.whole_run.notes)
    for note in notes:
        console.print(words.plain(note), style=FAINT)
    if notes:
        console.print()


def _print_matrices(console: Console, report: Report) -> None:
    for variant in report.variants:
        for confusion in variant.whole_run.confusions:
            if not confusion.labels or len(confusion.labels) > MOST_LABELS:
                continue
            titles, *rows = confusion_lines(confusion)
            prefix = f"{confusion.prefix.removesuffix('.')} · " if confusion.prefix else ""
            console.print(f"{words.plain(prefix + variant.name)}", style=STRONG)
            shown = [words.plain(str(title)) for title in titles]
            console.print(plain_table(shown, [[str(value) for value in row] for row in rows], right=shown[1:]))
            console.print()
