"""Data that runs read, make and use: what was read from where, what was written, what a frame in hand is.

A run's data sets say by their context which of them it read (`input`), made (`output`) or used (`training`, ...).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.sources.load import target_options, write
from promptlab.sources.read import database_folder, read_table
from promptlab.sources.table import Table, as_frame, make_table, target_column, with_target
from promptlab.store import datasets
from promptlab.store.database import Connection
from promptlab.store.rows import DatasetRow
from promptlab.store.statements import check_name
from promptlab.tracking.dataset import Dataset

if TYPE_CHECKING:
    import pandas as pd

    from promptlab.tracking.run import Run


def log_data(
    run: Run,
    frame: Any,
    *,
    name: str,
    context: str,
    source: str,
    target: Any,
    profile: bool,
) -> Dataset:
    """Records a frame in hand as a version of a data set that the run used; its rows are not kept."""
    check_name(context, "context")
    whole = with_target(as_frame(frame), target)
    table = make_table(whole, source=source or "a data frame in Python")
    return record(run, table, name=name, context=context, profile=profile, target=target)


def extract(run: Run, source: Any, *, name: str, context: str, profile: bool, target: str | None) -> pd.DataFrame:
    """The rows of a source, recorded as a version of a data set that the run read."""
    check_name(name, "data set")
    table = read_table(source, folder=run.folder)
    if target is not None:
        target_column(table.frame, target)
    record(run, table, name=name, context=context, profile=profile, target=target)
    return table.frame


def load(
    run: Run, data: Any, to: Any, *, name: str, mode: str, context: str, profile: bool, target: str | None
) -> Dataset:
    """Writes rows to a file or a table, and records them as a version of a data set that the run made."""
    check_name(name, "data set")
    frame = as_frame(data)
    if target is not None:
        target_column(frame, target)
    _refuse_own(run, to)
    table = write(frame, to, folder=run.folder, mode=mode)
    return record(run, table, name=name, context=context, profile=profile, target=target)


def _refuse_own(run: Run, to: Any) -> None:
    """Raises UsageError for a table in the database that holds the runs: a `replace` there could lose them."""
    options = target_options(to)
    if options.form != "table":
        return
    from promptlab.sources.sql import database_name

    own = run.database.path
    place = database_name(options, folder=database_folder(options, Path.cwd()))
    if place == (str(own.resolve()) if own is not None else run.database.name.replace("+psycopg:", ":")):
        raise UsageError(f"the target {run.database.name} is the database of the runs themselves; name another one")


def record(run: Run, table: Table, *, name: str, context: str, profile: bool, target: Any = None) -> Dataset:
    """The version of a data set that a table is, noted as used by the run; with its profile where that is wanted."""
    location = None if table.location is None else json.dumps(dict(table.location), ensure_ascii=False)

    def store(connection: Connection) -> DatasetRow:
        row, _ = datasets.save_dataset(
            connection,
            name=check_name(name, "data set"),
            digest=table.digest,
            source=table.source,
            rows=table.rows,
            schema=table.schema,
            kind="table",
            location=location,
        )
        datasets.link_dataset(connection, run.id, row.id, context=context)
        return row

    dataset = Dataset(run.database, run.database.write_now(store), folder=run.folder)
    if profile:
        from promptlab.tracking.profiles import store_profile

        store_profile(run, table.frame, dataset, target=target_name(target))
    return dataset


def target_name(target: Any) -> str | None:
    """The name of the column that a target is, see `with_target`."""
    if target is None or isinstance(target, str):
        return target
    name = getattr(target, "name", None)
    return "target" if name is None else str(name)


def read_version(dataset: Dataset, *, folder: Path) -> pd.DataFrame:
    """The rows of a table that was recorded. Raises UsageError where they cannot be had, or are others now."""
    location = dataset.location
    if location is None:
        raise UsageError(
            f"the rows of {dataset.reference!r} are not kept, it was recorded from {dataset.source}; "
            "write them with run.load(frame, 'data/NAME.parquet', name=...)"
        )
    table = read_table(location, folder=folder)
    if table.digest != dataset.digest:
        raise UsageError(
            f"{table.source} holds other rows now ({table.rows:,}, digest {table.digest[:8]}) than "
            f"{dataset.reference} ({dataset.rows:,}, digest {dataset.digest[:8]}); extract it again as a new version"
        )
    return table.frame
