"""Variants side by side as tables that fit the terminal: what does not fit goes into a further table, none is cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptlab.cli import words
from promptlab.reports import VariantReport
from promptlab.types import Interval

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

GOOD, BAD, DOUBTFUL, FAINT, STRONG = "green", "red", "yellow", "dim", "bold"
_LEAST_NAME, _MOST_NAME = 16, 40


@dataclass(frozen=True, slots=True)
class Cell:
    """Two lines of a column: what matters and, fainter, what stands behind it."""

    text: str
    below: str = ""
    style: str = ""
    below_style: str = FAINT

    @property
    def width(self) -> int:
        """Characters of the longest line."""
        return max(len(self.text), *(len(line) for line in self.below.split("\n")))


@dataclass(frozen=True, slots=True)
class Column:
    """A title and one cell a variant."""

    title: str
    cells: Sequence[Cell]

    @property
    def width(self) -> int:
        """Characters that the column needs; a long title folds."""
        longest_part = max((len(part) for part in self.title.replace(".", ". ").split()), default=0)
        return max(longest_part, min(len(self.title), 14), *(cell.width for cell in self.cells))


def variant_tables(
    variants: Sequence[VariantReport],
    *,
    measures: Sequence[str],
    shares: Mapping[str, bool],
    best: str | None,
    width: int,
) -> list[Table]:
    """One table where `width` characters hold all columns, else several, each beginning with the variants' names.

    measures: in their order. shares: measures whose values all lie in 0 to 1. best: id of the variant with the best
    mean of the first measure, None where there is nothing to be best of.
    """
    columns = [
        _measure(name, variants, shares=shares.get(name, False), best=best, first=not at)
        for at, name in enumerate(measures)
    ]
    columns.append(Column("answers", [_answers(variant) for variant in variants]))
    if "latency" not in measures:
        columns.append(Column("latency", [Cell(words.latency(variant.mean_seconds)) for variant in variants]))
    columns.append(Column("tokens", [_tokens(variant) for variant in variants]))
    columns.append(Column("cost", [_cost(variant) for variant in variants]))
    names = [_name(variant.name) for variant in variants]
    name_width = min(max([len("variant"), *(cell.width for cell in names)]), _name_width(width))
    needed = name_width + sum(column.width + 2 for column in columns)
    gap = 2 if needed <= width else 1
    return [_table(names, group, name_width, gap) for group in _groups(columns, width - name_width, gap)]


def interval_tables(
    variants: Sequence[VariantReport],
    values: Mapping[str, Sequence[Interval | None]],
    *,
    shares: Collection[str],
    width: int,
) -> list[Table]:
    """The same for whole-run metrics: by name one interval a variant. shares: names of those in percent."""
    columns = [
        Column(name, [Cell(*words.score(name, interval, shares=name in shares)) for interval in intervals])
        for name, intervals in values.items()
    ]
    names = [_name(variant.name) for variant in variants]
    name_width = min(max([len("whole run"), *(cell.width for cell in names)]), _name_width(width))
    groups = _groups(columns, width - name_width, 2)
    return [_table(names, group, name_width, 2, title="whole run") for group in groups]


def plain_table(titles: Sequence[str], rows: Iterable[Sequence[str | Text]], *, right: Sequence[str] = ()) -> Table:
    """A list: titles, rows of texts that fold where they are too long; `right`: titles of columns of numbers."""
    table = _empty_table()
    for title in titles:
        table.add_column(
            title, justify="right" if title in right else "left", overflow="fold", header_style=FAINT, min_width=3
        )
    for row in rows:
        table.add_row(*(words.plain(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def pairs_of(values: Mapping[str, str], *, indent: int = 2) -> Table:
    """Names and their values, one a line."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in values.items():
        table.add_row(Text(" " * indent + words.plain(name), FAINT), Text(words.plain(value), overflow="fold"))
    return table


def bullets(console: Console, lines: Iterable[tuple[str, str, str]]) -> None:
    """Prints (mark, its style, sentence) lines; a long sentence goes on beneath itself, not beneath its mark."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1, 0, 0))
    for mark, style, sentence in lines:
        table.add_row(Text(f"  {mark}", style), Text(words.plain(sentence)))
    if table.row_count:
        console.print(table)


def _measure(name: str, variants: Sequence[VariantReport], *, shares: bool, best: str | None, first: bool) -> Column:
    cells = []
    for variant in variants:
        mean, span = words.score(name, variant.scores.get(name), shares=shares)
        chosen = first and variant.id == best
        cells.append(Cell(f"{mean}*" if chosen else mean, span, f"{STRONG} {GOOD}" if chosen else ""))
    return Column(name, cells)


def _answers(variant: VariantReport) -> Cell:
    planned = variant.planned or variant.ended
    text = f"{variant.answers} of {planned}" if variant.answers < planned else f"{variant.answers}"
    failed = variant.errors + variant.evaluator_errors
    if failed:
        return Cell(text, words.plural(failed, "error"), below_style=BAD)
    if variant.ended < planned:
        return Cell(text, "partial", DOUBTFUL, DOUBTFUL)
    return Cell(text, "0 errors")


def _tokens(variant: VariantReport) -> Cell:
    if variant.input_tokens is None and variant.output_tokens is None:
        return Cell(words.ABSENT)
    return Cell(
        f"{words.tokens(variant.input_tokens)} in", f"{words.tokens(variant.output_tokens)} out", below_style=""
    )


def _cost(variant: VariantReport) -> Cell:
    return Cell(words.cost(variant.cost_usd, model=variant.model) if variant.answers else words.ABSENT)


def _name(name: str) -> Cell:
    prompt, _, rest = words.plain(name).partition(" · ")
    # What stands behind a prompt: its model and, where settings vary, those.
    return Cell(prompt, rest.replace(" · ", "\n"), STRONG)


def _name_width(width: int) -> int:
    return max(_LEAST_NAME, min(_MOST_NAME, width // 3))


def _groups(columns: Sequence[Column], width: int, gap: int) -> list[list[Column]]:
    groups: list[list[Column]] = [[]]
    used = 0
    for column in columns:
        needed = column.width + gap
        if groups[-1] and used + needed > width:
            groups.append([])
            used = 0
        groups[-1].append(column)
        used += needed
    return groups


def _table(
    names: Sequence[Cell], columns: Sequence[Column], name_width: int, gap: int, *, title: str = "variant"
) -> Table:
    from rich.text import Text

    table = _empty_table(gap)
    table.add_column(title, width=name_width, overflow="fold", header_style=FAINT)
    for column in columns:
        # A long name folds behind a dot, where it has one.
        title = column.title if len(column.title) <= column.width else column.title.replace(".", ".\n", 1)
        table.add_column(Text(title, FAINT, overflow="fold"), justify="right", overflow="fold", width=column.width)
    for position, name in enumerate(names):
        row: list[RenderableType] = [_two_lines(name)]
        row += [_two_lines(column.cells[position]) for column in columns]
        table.add_row(*row)
    return table


def _two_lines(cell: Cell) -> Text:
    from rich.text import Text

    text = Text(cell.text, style="", overflow="fold")
    text.stylize(cell.style)
    if cell.below:
        text.append("\n")
        text.append(cell.below, cell.below_style)
    return text


def _empty_table(gap: int = 2) -> Table:
    from rich import box
    from rich.table import Table

    # The box itself puts one blank between columns.
    return Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, gap - 1, 0, 0), pad_edge=False)
