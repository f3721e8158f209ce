"""Profiles of tables and the differences of two versions, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from promptlab.cli import words
from promptlab.cli.table import BAD, DOUBTFUL, FAINT, STRONG, bullets, plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from promptlab.profiles.differences import ColumnDifference, DataDifferences
    from promptlab.profiles.profile import Association, ColumnProfile, Profile
    from promptlab.profiles.rows import RowDifferences

MOST_COLUMNS = 60
MOST_PAIRS = 10
MOST_CHANGES = 20
_BLOCKS = " ▁▂▃▄▅▆▇█"
_BINS = 10


def print_profile(console: Console, profile: Profile, *, title: str) -> None:
    """Prints a profile: hints first, then columns, then the strongest pairs; in 80 characters."""
    from rich.text import Text

    heading = Text(words.excerpt(title), STRONG)
    heading.append(f"  {words.plural(profile.rows, 'row')}, {words.plural(profile.width, 'column')}", FAINT)
    console.print(heading)
    cells = profile.rows * max(len(profile.columns), 1)
    facts = [f"{profile.missing / cells if cells else 0:.1%} of the cells missing"]
    facts.append(f"{words.plural(profile.duplicates, 'row')} twice" if profile.duplicates else "no row twice")
    console.print(", ".join(facts), style=FAINT)
    if profile.target is not None:
        console.print()
        if profile.hints:
            bullets(console, (("!", DOUBTFUL, hint.words) for hint in profile.hints))
        else:
            console.print(words.plain(f"no column gives {profile.target} away by itself"), markup=False)
    console.print()
    rows = [_column(column) for column in profile.columns[:MOST_COLUMNS]]
    titles = ("column", "type", "missing", "distinct", "spread", "values")
    console.print(plain_table(titles, rows, right=("missing", "distinct")))
    if len(profile.columns) > MOST_COLUMNS:
        console.print(f"{len(profile.columns) - MOST_COLUMNS:,} more columns; all of them: --json", style=FAINT)
    if profile.associations:
        console.print()
        pairs = [_pair(pair) for pair in profile.associations[:MOST_PAIRS]]
        console.print(plain_table(("go together", "and", "by", "measure"), pairs, right=("by",)))
    _notes(console, profile.notes)


def print_differences(console: Console, found: DataDifferences) -> None:
    """Prints what changed between two versions, what matters first; in 80 characters."""
    from rich.text import Text

    console.print(Text(words.plain(found.sentence), STRONG))
    lines = [("+", "", f"new column {name}") for name in found.added]
    lines += [("-", BAD, f"column {name} is gone") for name in found.removed]
    lines += [("~", DOUBTFUL, f"{name} was {before}, is {after}") for name, before, after in found.retyped]
    bullets(console, lines[:MOST_COLUMNS])
    if found.by_key is not None:
        _print_rows(console, found.by_key)
    if found.changed:
        console.print()
        rows = [_changed(column) for column in found.changed[:MOST_COLUMNS]]
        titles = ("column", "verdict", "PSI", "p adj.", "missing", "mean", "categories")
        console.print(plain_table(titles, rows, right=("PSI", "p adj.")))
        bases = ", ".join(sorted({column.basis for column in found.columns if column.basis}))
        tests = " and ".join(sorted({_TESTS[column.test] for column in found.columns if column.test}))
        console.print(
            f"PSI from {bases}; p by {tests or 'no test'}, adjusted by Holm for {len(found.columns):,} columns; "
            "shifted: PSI 0.1 or more",
            style=FAINT,
        )
    _notes(console, found.notes)


_TESTS = {"ks": "Kolmogorov-Smirnov", "chi_squared": "chi-squared"}


def _column(column: ColumnProfile) -> tuple[str, ...]:
    missing = "0" if not column.missing else f"{column.missing_share:.1%}"
    return (
        words.excerpt(column.name, 40),
        column.type,
        missing,
        f"{column.distinct:,}",
        _spread(column),
        _values(column),
    )


def _values(column: ColumnProfile) -> str:
    if column.problem:
        return words.excerpt(column.problem, 60)
    if column.type in ("number", "identifier") and isinstance(column.minimum, float):
        return f"{_short(column.minimum)} to {_short(column.maximum)}, mean {_short(column.mean)}"
    if column.type == "time":
        return f"{str(column.minimum)[:10]} to {str(column.maximum)[:10]}"
    if column.type in ("text", "identifier") and column.lengths:
        return f"{column.lengths[0]:.0f} to {column.lengths[2]:.0f} characters"
    return ", ".join(f"{words.excerpt(text, 16)} {count:,}" for text, count in column.top[:3])


def _spread(column: ColumnProfile) -> str:
    """A histogram in ten characters."""
    if column.histogram is not None:
        counts: Sequence[int] = column.histogram.counts
        if len(counts) > _BINS:
            step = len(counts) / _BINS
            counts = [sum(counts[int(at * step) : int((at + 1) * step)]) for at in range(_BINS)]
    else:
        counts = [count for _, count in column.top[:_BINS]]
    most = max(counts, default=0)
    if not most or column.type in ("text", "identifier", "missing", "constant"):
        return ""
    return "".join(_BLOCKS[max(1, round(8 * count / most)) if count else 0] for count in counts)


def _pair(pair: Association) -> tuple[str, ...]:
    names = {"pearson": "Pearson's r", "cramers_v": "Cramer's V", "correlation_ratio": "correlation ratio"}
    rank = f", Spearman {pair.spearman:+.2f}" if pair.spearman is not None else ""
    return words.excerpt(pair.a, 28), words.excerpt(pair.b, 28), f"{pair.value:+.2f}", f"{names[pair.method]}{rank}"


def _changed(column: ColumnDifference) -> tuple[str, ...]:
    moved = column.mean_before is not None and column.mean_after is not None
    categories = [*(f"+{words.excerpt(name, 16)}" for name in column.new[:3])]
    categories += [f"-{words.excerpt(name, 16)}" for name in column.vanished[:3]]
    return (
        words.excerpt(column.name, 30),
        f"{column.type_before} to {column.type_after}" if column.word == "new type" else column.word,
        "" if column.psi is None else f"{column.psi:.2f}",
        "" if column.adjusted_p is None else "<0.001" if column.adjusted_p < 0.001 else f"{column.adjusted_p:.3f}",
        ""
        if column.missing_before == column.missing_after
        else f"{column.missing_before:.0%} to {column.missing_after:.0%}",
        f"{_short(column.mean_before)} to {_short(column.mean_after)}" if moved else "",
        " ".join(categories),
    )


def _print_rows(console: Console, rows: RowDifferences) -> None:
    key = ", ".join(rows.key)
    console.print(
        f"rows by {words.plain(key)}: {rows.added:,} added, {rows.removed:,} removed, {rows.changed:,} changed, "
        f"{rows.unchanged:,} the same",
        markup=False,
        highlight=False,
    )
    if rows.changes:
        console.print()
        lines = [
            (
                words.excerpt(change.key, 24),
                words.excerpt(change.column, 24),
                words.excerpt(change.before, 40),
                words.excerpt(change.after, 40),
            )
            for change in rows.changes[:MOST_CHANGES]
        ]
        console.print(plain_table((key, "column", "was", "is"), lines))


def _notes(console: Console, notes: Iterable[str]) -> None:
    for note in notes:
        console.print(words.plain(note), style=FAINT, markup=False)


def _short(value: float | str | None) -> str:
    if value is None:
        return words.ABSENT
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"
