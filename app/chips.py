"""Which rows of the matrix are worth a look (failed, different, regressed, slow, costly), and in what order."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import matrix
from promptlab.suites.cases import tags_in
from promptlab.types import ANSWER_STATUSES, Direction

if TYPE_CHECKING:
    from promptlab.reports import Report
    from promptlab.store.rows import CellRow

Chip: TypeAlias = Literal["All", "Failed", "Differ", "Regressed", "Fixed", "Errors", "Slow", "Costly"]
CHIPS: tuple[Chip, ...] = get_args(Chip)
Order: TypeAlias = Literal["as in the data", "regressions first", "worst first", "slowest first", "longest first"]
ORDERS: tuple[Order, ...] = get_args(Order)
Change: TypeAlias = Literal["regressed", "fixed"]

FAR_OUT = 2.0
"""Slow and costly: among the 5% that took or cost most, and so many times the median."""
LEAST_CELLS = 20
"""Fewer cells have no 5%."""
NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Judge:
    """What rows are judged by. baseline: a cell by the digest of its inputs and its repeat; own: the variant of this
    run that it is, if it is one. slow_seconds, costly_usd: from where on a cell is; infinite where none is.
    """

    measure: str
    direction: Direction = "higher"
    baseline: Mapping[tuple[str, int], CellRow] = field(default_factory=dict)
    own: str | None = None
    slow_seconds: float = math.inf
    costly_usd: float = math.inf

    def change(self, cell: CellRow) -> Change | None:
        """Whether a cell is worse or better than the baseline's: in its verdict where both have one, else in value."""
        before = self.baseline.get((cell.inputs_digest, cell.repeat))
        if before is None or cell.run_uid == self.own:
            return None
        old, new = before.scores.get(self.measure), cell.scores.get(self.measure)
        if old is None or new is None:
            return None
        if old.passed is not None and new.passed is not None:
            difference = float(new.passed) - float(old.passed)
        elif old.value is not None and new.value is not None:
            difference = (new.value - old.value) * (1 if self.direction == "higher" else -1)
        else:
            return None
        return None if abs(difference) <= NEAR else "fixed" if difference > 0 else "regressed"

    def changed(self, row: matrix.Row, change: Change) -> bool:
        """Whether any cell of the row changed this way."""
        return any(self.change(cell) == change for cell in row.cells.values())

    def why(self, row: matrix.Row) -> str:
        """In a word or two what there is to see in the row."""
        said = [text for change, text in _CHANGES.items() if self.changed(row, change)]
        said += ["error"] if row.erred() else []
        said += ["slow"] if self.is_slow(row) else []
        said += ["costly"] if self.is_costly(row) else []
        return ", ".join(said)

    def is_slow(self, row: matrix.Row) -> bool:
        """Whether a cell of the row took far longer than the others."""
        return any((cell.seconds or 0.0) >= self.slow_seconds for cell in row.cells.values())

    def is_costly(self, row: matrix.Row) -> bool:
        """Whether a cell of the row cost far more than the others."""
        return any((cell.cost_usd or 0.0) >= self.costly_usd for cell in row.cells.values())


_CHANGES: dict[Change, str] = {"regressed": "REGRESSED", "fixed": "fixed"}


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. tag: of the cases; kind: the status of a cell that ended in an error, or an evaluator's name."""

    chip: Chip = "All"
    search: str = ""
    tag: str | None = None
    kind: str | None = None
    order: Order = "as in the data"


def judge(
    report: Report, measure: str, *, direction: Direction, baseline: Sequence[CellRow] = (), own: str | None = None
) -> Judge:
    """The judge of a run's rows. baseline: the cells of a variant, of this run (`own` names it) or of another."""
    return Judge(
        measure,
        direction,
        {(cell.inputs_digest, cell.repeat): cell for cell in baseline},
        own,
        _far_out([cell.seconds for cell in report.cells if not cell.cached]),
        _far_out([cell.cost_usd for cell in report.cells]),
    )


def chosen(rows: Sequence[matrix.Row], view: View, by: Judge) -> list[matrix.Row]:
    """The rows that a view leaves, in its order."""
    keep = _KEEP[view.chip]
    found = [
        row
        for row in rows
        if keep(row, by)
        and (not view.search or row.has(view.search))
        and (view.tag is None or view.tag in tags_in(row.any_cell.metadata))
        and (view.kind is None or view.kind in kinds(row))
    ]
    rank = _RANKS.get(view.order)
    return found if rank is None else sorted(found, key=lambda row: rank(row, by))


def counts(rows: Sequence[matrix.Row], by: Judge) -> dict[Chip, int]:
    """How many rows each chip would leave."""
    return {chip: sum(_KEEP[chip](row, by) for row in rows) for chip in CHIPS}


def tags(rows: Sequence[matrix.Row]) -> dict[str, int]:
    """The tags of the cases, with how many rows have each, the most frequent first."""
    return dict(Counter(tag for row in rows for tag in tags_in(row.any_cell.metadata)).most_common())


def kinds(row: matrix.Row) -> set[str]:
    """The kinds of errors in a row: statuses of cells, and `evaluator NAME`."""
    found = {cell.status for cell in row.cells.values() if cell.status not in ANSWER_STATUSES}
    return {str(status) for status in found} | {
        f"evaluator {name}"
        for cell in row.cells.values()
        for name, score in cell.scores.items()
        if score.error is not None
    }


def error_kinds(rows: Sequence[matrix.Row]) -> dict[str, int]:
    """The kinds of errors of all rows, with how many rows have each, the most frequent first."""
    return dict(Counter(kind for row in rows for kind in kinds(row)).most_common())


_KEEP: dict[Chip, Callable[[matrix.Row, Judge], bool]] = {
    "All": lambda _row, _by: True,
    "Failed": lambda row, by: row.failed(by.measure),
    "Differ": lambda row, by: row.differs(by.measure),
    "Regressed": lambda row, by: by.changed(row, "regressed"),
    "Fixed": lambda row, by: by.changed(row, "fixed"),
    "Errors": lambda row, _by: row.erred(),
    "Slow": lambda row, by: by.is_slow(row),
    "Costly": lambda row, by: by.is_costly(row),
}


def _worst(row: matrix.Row, by: Judge) -> float:
    values = [
        score.value if score.value is not None else float(score.passed or 0)
        for cell in row.cells.values()
        if (score := cell.scores.get(by.measure)) is not None and score.error is None
    ]
    if not values:
        return -math.inf  # an error is worse than any score
    return min(values) if by.direction == "higher" else -max(values)


def _regressions(row: matrix.Row, by: Judge) -> int:
    changes = [by.change(cell) for cell in row.cells.values()]
    return changes.count("fixed") - 2 * changes.count("regressed")


_RANKS: dict[Order, Callable[[matrix.Row, Judge], float]] = {
    "regressions first": _regressions,
    "worst first": _worst,
    "slowest first": lambda row, _by: -max((cell.seconds or 0.0) for cell in row.cells.values()),
    "longest first": lambda row, _by: -max(len(cell.output or "") for cell in row.cells.values()),
}


def _far_out(values: Sequence[float | None]) -> float:
    """From where on a value is among the highest 5% and twice the median; infinite where there are too few."""
    known = sorted(value for value in values if value)
    if len(known) < LEAST_CELLS:
        return math.inf
    return max(known[int(0.95 * len(known))], FAR_OUT * statistics.median(known))
