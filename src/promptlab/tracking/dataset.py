"""The handle of a stored data set: its version, its fields, its cases, its rows as a data frame, its profile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.store import datasets
from promptlab.store.database import Database
from promptlab.store.rows import DatasetRow, RunRow
from promptlab.suites.schema import Field
from promptlab.suites.streams import CaseStream
from promptlab.types import Case

if TYPE_CHECKING:
    import pandas as pd

    from promptlab.profiles.profile import Profile

ROWS_AT_ONCE = 1000


class Dataset:
    """A version of a data set as it was used; it never changes."""

    def __init__(self, database: Database, row: DatasetRow, *, folder: Path | None = None) -> None:
        self._database = database
        self._row = row
        self._folder = folder or Path()

    def __repr__(self) -> str:
        return f"Dataset({self.reference!r}, {self.rows:,} rows, {self.digest[:8]})"

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @property
    def id(self) -> int:
        """Its number in the database."""
        return self._row.id

    @property
    def name(self) -> str:
        """What it is called, in all of its versions."""
        return self._row.name

    @property
    def number(self) -> int:
        """The version: 1, 2, ... within its name."""
        return self._row.number

    @property
    def reference(self) -> str:
        """`name@number`."""
        return self._row.reference

    @property
    def digest(self) -> str:
        """64 hex digits over its cases, their keys, evaluators and order; over the values of a table in their order."""
        return self._row.digest

    @property
    def source(self) -> str:
        """Where it came from, and what was taken of it."""
        return self._row.source

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self._row.rows

    @property
    def schema(self) -> Mapping[str, Field]:
        """Its fields by name, such as `inputs.text`, with their JSON types over all rows."""
        return {field.name: field for field in self._row.schema}

    @property
    def created_at(self) -> datetime:
        """When it was stored."""
        return self._row.created_at

    @property
    def kind(self) -> str:
        """`cases`, which are kept in the database, or `table`, of which only digest, schema and profile are."""
        return self._row.kind

    @property
    def location(self) -> Mapping[str, Any] | None:
        """Where the rows of a table are, as `run.extract` takes it; None where they cannot be read again."""
        return None if self._row.location is None else json.loads(self._row.location)

    @property
    def cases(self) -> StoredCases:
        """Its cases in their order, read from the database whenever they are gone through.

        Raises UsageError for a table.
        """
        if self.kind != "cases":
            raise UsageError(
                f"the data set {self.reference!r} is a table and has no cases; give its rows: "
                f"lab.dataset({self.reference!r}).to_pandas()"
            )
        return StoredCases(self._database, self._row)

    @property
    def profile(self) -> Profile | None:
        """What was found out about its columns; None where nobody asked for it."""
        from promptlab.profiles.profile import Profile
        from promptlab.store import profiles

        content = self._database.read(lambda connection: profiles.get_profile(connection, self._row.id))
        return None if content is None else Profile.from_json(content)

    @property
    def runs(self) -> Sequence[tuple[str, RunRow]]:
        """What runs used it for, with each of them, the newest first; at most 200."""
        from promptlab.store import dataset_use

        return self._database.read(lambda connection: dataset_use.users(connection, self._row.id))

    def to_pandas(self) -> pd.DataFrame:
        """Its rows. Of cases: id, inputs.*, expected, metadata.*; as cases of an evaluation they are the same again.

        A table is read from its location. Raises UsageError where it has none, and where other rows are there now.
        """
        import pandas as pd

        if self.kind == "cases":
            return pd.DataFrame([_record(case) for case in self.cases])
        from promptlab.tracking.data import read_version

        return read_version(self, folder=self._folder)

    def to_json(self) -> dict[str, Any]:
        """What it is, as plain JSON, without its cases."""
        return {
            "name": self.name,
            "number": self.number,
            "reference": self.reference,
            "rows": self.rows,
            "digest": self.digest,
            "kind": self.kind,
            "source": self.source,
            "location": self.location,
            "created_at": self.created_at.isoformat(),
            "schema": [
                {"name": field.name, "types": list(field.types), "rows": field.rows} for field in self._row.schema
            ],
        }


class StoredCases(CaseStream):
    """The cases of a stored data set; some of them at a time are held."""

    def __init__(self, database: Database, row: DatasetRow) -> None:
        super().__init__(row.reference)
        self._database = database
        self._row = row
        inputs = (field.name.removeprefix("inputs.") for field in row.schema if field.name.startswith("inputs."))
        self.input_names = tuple(inputs)
        self.with_evaluators = tuple(
            database.read(lambda connection: datasets.cases_with_evaluators(connection, row.id))
        )

    def __len__(self) -> int:
        return self._row.rows

    def __iter__(self) -> Iterator[Case]:
        after = -1
        while page := self._page(after):
            for placed in page:
                yield placed.case
            after = page[-1].place

    def _page(self, after: int) -> list[datasets.PlacedCase]:
        return self._database.read(
            lambda connection: datasets.dataset_page(connection, self._row.id, after=after, limit=ROWS_AT_ONCE)
        )


def case_json(case: Case) -> dict[str, Any]:
    """A case as a file of cases has it."""
    whole = {
        "id": case.key,
        "inputs": dict(case.inputs),
        "expected": case.expected,
        "metadata": dict(case.metadata),
        "evaluators": list(case.evaluators),
    }
    return {key: value for key, value in whole.items() if key in ("id", "inputs") or value not in (None, {}, [])}


def _record(case: Case) -> dict[str, Any]:
    return {
        "id": case.key,
        **{f"inputs.{name}": value for name, value in case.inputs.items()},
        "expected": case.expected,
        **{f"metadata.{name}": value for name, value in case.metadata.items()},
    }
