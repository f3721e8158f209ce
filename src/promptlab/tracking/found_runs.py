"""What a search of runs found: runs in order, the token of the next page, all of it as a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from promptlab.store import params, search
from promptlab.store.database import Database
from promptlab.store.rows import RunRow

if TYPE_CHECKING:
    import pandas as pd

OWN_TAGS = "promptlab."
"""Tags that promptlab sets for itself begin so; a table of runs leaves them out."""


class FoundRuns(Sequence[RunRow]):
    """Runs that a search found, in its order.

    next: the token of the page after this one, None for the last. metrics: those that the search looked at.
    """

    def __init__(
        self, database: Database, rows: Sequence[RunRow], next_token: str | None, *, metrics: Sequence[str] = ()
    ) -> None:
        self._database = database
        self._rows = list(rows)
        self.next = next_token
        self.metrics = tuple(metrics)

    def __repr__(self) -> str:
        return f"FoundRuns({len(self)} runs{', and more' if self.next else ''})"

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RunRow]:
        return iter(self._rows)

    @overload
    def __getitem__(self, place: int) -> RunRow: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[RunRow]: ...

    def __getitem__(self, place: int | slice) -> RunRow | Sequence[RunRow]:
        """The run at a place, or several."""
        return self._rows[place]

    def to_pandas(self) -> pd.DataFrame:
        """One row a run: run (its id), name, kind, experiment, status, started_at, seconds, prompt, model, and columns
        `params.x`, `metrics.x` (the last value) and `tags.x` in alphabetical order, empty where a run has none.

        A param is a number where every value of its column is one, else text.
        """
        import pandas as pd

        rows = self._rows
        places = {row.id: place for place, row in enumerate(rows)}
        logged = self._database.read(lambda connection: search.values_of(connection, list(places)))
        frame: dict[str, Any] = {
            "run": [row.uid for row in rows],
            "name": [row.name for row in rows],
            "kind": [row.kind for row in rows],
            "experiment": [row.experiment for row in rows],
            "status": [row.status for row in rows],
            "started_at": pd.to_datetime([row.started_at for row in rows], utc=True),
            "seconds": [row.seconds for row in rows],
            "prompt": [row.prompt_reference for row in rows],
            "model": [row.model for row in rows],
        }
        for head, values in zip(("params", "metrics", "tags"), logged, strict=True):
            columns = _columns(values, places)
            for key in sorted(columns):
                if head == "tags" and key.startswith(OWN_TAGS):
                    continue
                frame[f"{head}.{key}"] = _numbers(columns[key]) if head == "params" else columns[key]
        return pd.DataFrame(frame)


def _columns(values: Iterable[Any], places: dict[int, int]) -> dict[str, list[Any]]:
    """Values by key, one a run in order, None where it has none."""
    columns: dict[str, list[Any]] = {}
    for run_id, key, value in values:
        column = columns.get(key)
        if column is None:
            column = columns[key] = [None] * len(places)
        column[places[run_id]] = value
    return columns


def _numbers(texts: list[Any]) -> list[Any]:
    numbers = [None if text is None else params.as_number(text) for text in texts]
    same = all((text is None) == (number is None) for text, number in zip(texts, numbers, strict=True))
    return numbers if same else texts
