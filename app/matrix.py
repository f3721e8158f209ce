"""The matrix of an evaluation: one row a case and repeat, one column a variant; what failed, differs or erred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from formats import excerpt, is_share, measure_text, score_text, value_text
from promptlab.types import ANSWER_STATUSES

if TYPE_CHECKING:
    from promptlab.reports import Report
    from promptlab.store.rows import CellRow

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Row:
    """One case and repeat across the variants, by variant id. key is not unique where there are repeats."""

    key: str
    repeat: int
    cells: Mapping[str, CellRow]

    @property
    def any_cell(self) -> CellRow:
        """One of its cells, for what all share: inputs and expected."""
        return next(iter(self.cells.values()))

    def failed(self, measure: str) -> bool:
        """Whether any variant's answer did not pass."""
        return False in self._verdicts(measure)

    def differs(self, measure: str) -> bool:
        """Whether variants disagree: in their verdicts where the measure gives any, else in their answers."""
        verdicts = self._verdicts(measure)
        answers = {cell.output for cell in self.cells.values() if cell.output is not None}
        return len(set(verdicts)) > 1 if verdicts else len(answers) > 1

    def erred(self) -> bool:
        """Whether any cell or any evaluator ended in an error."""
        return any(has_error(cell) for cell in self.cells.values())

    def has(self, text: str) -> bool:
        """Whether the key, the inputs, the expected value or an answer holds the text, in any case."""
        wanted = text.casefold()
        cell = self.any_cell
        parts = [self.key, *map(value_text, cell.inputs.values()), value_text(cell.expected)]
        parts += [one.output or one.error or "" for one in self.cells.values()]
        return any(wanted in part.casefold() for part in parts)

    def _verdicts(self, measure: str) -> list[bool]:
        scores = [cell.scores[measure] for cell in self.cells.values() if measure in cell.scores]
        return [score.passed for score in scores if score.passed is not None]


def has_error(cell: CellRow) -> bool:
    """Whether the cell has no answer, or an evaluator of it failed."""
    return cell.status not in ANSWER_STATUSES or any(score.error is not None for score in cell.scores.values())


def rows(report: Report) -> list[Row]:
    """The rows in the order of the data set."""
    found: dict[tuple[str, int], dict[str, CellRow]] = {}
    for cell in report.cells:
        found.setdefault((cell.key, cell.repeat), {})[cell.run_uid] = cell
    order = {key: position for position, key in enumerate(dict.fromkeys(key for key, _ in found))}
    return [
        Row(key, repeat, cells)
        for (key, repeat), cells in sorted(found.items(), key=lambda item: (order[item[0][0]], item[0][1]))
    ]


def mark(cell: CellRow | None, measure: str) -> str:
    """A cell in one line: its mark by this measure, then an excerpt of the answer, or the error's class."""
    if cell is None:
        return ""
    if cell.status not in ANSWER_STATUSES:
        return f"⚠ {cell.status} ({cell.attempts})" if cell.attempts > 1 else f"⚠ {cell.status}"
    score = cell.scores.get(measure)
    text = excerpt(cell.output or "", limit=140) or "(empty)"
    return f"{score_text(score)} {text}" if score is not None else text


def mark_repeats(cells: Sequence[CellRow], measure: str) -> str:
    """The repeats of one case and variant in one line: how many passed of how many, then the most frequent answer.

    Where nothing passes or fails, the mean of the values stands in its place.
    """
    if not cells:
        return ""
    if len(cells) == 1:
        return mark(cells[0], measure)
    errors = sum(cell.status not in ANSWER_STATUSES for cell in cells)
    scores = [cell.scores[measure] for cell in cells if measure in cell.scores]
    verdicts = [score.passed for score in scores if score.passed is not None]
    values = [score.value for score in scores if score.value is not None]
    parts = []
    if verdicts:
        parts.append(f"{sum(verdicts)}/{len(cells)} {'✓' if sum(verdicts) == len(cells) else '✗'}")
    elif values:
        parts.append(f"{sum(values) / len(values):,.4g} of {len(values)}")
    answers = Counter(cell.output or "" for cell in cells if cell.status in ANSWER_STATUSES)
    if answers:
        (text, _), *others = answers.most_common()
        parts.append((excerpt(text, limit=120) or "(empty)") + (f" +{len(others)} other" if others else ""))
    parts += [f"⚠ {errors}"] if errors else []
    return " ".join(parts)


def letter(position: int) -> str:
    """A variant's letter: A, B, ... Z, A2, ..."""
    turn, place = divmod(position, len(LETTERS))
    return LETTERS[place] + (str(turn + 1) if turn else "")


def measures(report: Report) -> list[str]:
    """The evaluators of the run's scores, in the order in which they first occur."""
    names = [name for cell in report.cells for name in cell.scores]
    return list(dict.fromkeys([*(name for variant in report.variants for name in variant.scores), *names]))


def shares(report: Report) -> dict[str, bool]:
    """Whether percent fits a measure: all its values lie in 0 to 1 and its name says no other unit."""
    values: dict[str, list[float]] = {}
    for cell in report.cells:
        for name, score in cell.scores.items():
            if score.value is not None:
                values.setdefault(name, []).append(score.value)
    return {name: is_share(some) for name, some in values.items()}


def fit(wanted: Sequence[int], total: int) -> list[int]:
    """Characters for each column, at most `total` in all: who wants little gets it, the rest share equally.

    Example: fit([4, 100, 100], 84) -> [4, 40, 40]
    """
    given = [0] * len(wanted)
    left = total
    for place, column in enumerate(sorted(range(len(wanted)), key=lambda column: wanted[column])):
        given[column] = min(wanted[column], left // (len(wanted) - place))
        left -= given[column]
    return given


def heading(position: int, mean: float | None, measure: str, *, share: bool) -> str:
    """A variant's column head: its letter and its mean."""
    return f"{letter(position)} · {measure_text(measure, mean, share=share)}"
