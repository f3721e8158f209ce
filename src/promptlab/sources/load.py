"""Tables written: to a Parquet or CSV file or a table of a database, never over what is there unless told."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from promptlab.errors import MissingPackageError, UsageError
from promptlab.sources.options import FORMS, Options, read_options
from promptlab.sources.read import database_folder, located, seen_from
from promptlab.sources.table import Table, make_table
from promptlab.sources.values import infer, said

if TYPE_CHECKING:
    import pandas as pd

MODES = ("create", "replace", "append")
ENDS = (".parquet", ".csv")
WHERE = "the target"
_TARGETS = {"file": (), "table": FORMS["table"]}


def write(frame: pd.DataFrame, target: Any, *, folder: Path, mode: str = "create") -> Table:
    """Writes a table, and gives it with its location, where `read_table` finds the same values again.

    target: a path ending in .parquet or .csv, or {"table": name, "url": ... or "url_env": ..., "schema": ...}. mode:
    `create` raises UsageError where the file or table is there, `replace` puts it in its place, `append` adds the rows
    to a database's table: they are then what the table given describes, without a location. folder: what locations are
    relative to.
    """
    options = target_options(target)
    if mode not in MODES:
        raise UsageError(f"{WHERE}: mode={mode!r} is not known; use {', '.join(MODES)}")
    _check_columns(frame)
    if options.form == "file":
        if mode == "append":
            raise UsageError(f"{WHERE}: a file is written whole; use mode='replace', or append to a database's table")
        path = Path(options.main).expanduser()
        _write_file(frame, path, replace=mode == "replace")
        name = seen_from(path, folder)
        return make_table(frame, source=name, location={"file": name})
    return _write_table(frame, options, folder=folder, mode=mode)


def target_options(target: Any) -> Options:
    """The options of a target that is a path or a mapping. Raises UsageError."""
    if isinstance(target, Mapping):
        return read_options(target, forms=_TARGETS, where=WHERE)
    if not isinstance(target, str | os.PathLike) or not os.fspath(target) or "\x00" in str(os.fspath(target)):
        raise UsageError(f"{WHERE} is {target!r:.80}; name a .parquet file or {{'table': ..., 'url': ...}}")
    text = str(os.fspath(target))
    if "://" in text:
        raise UsageError(f"{WHERE}: write {{'table': 'NAME', 'url': {text[:60]!r}}}")
    return read_options({"file": text}, forms=_TARGETS, where=WHERE)


def _write_table(frame: pd.DataFrame, options: Options, *, folder: Path, mode: str) -> Table:
    from promptlab.sources import sql

    base = database_folder(options, Path.cwd())
    ready = frame.copy(deep=False)
    for at in range(frame.shape[1]):
        ready.isetitem(at, _storable(frame.iloc[:, at]).array)
    sql.write_table(ready, options, folder=base, mode=mode)  # type: ignore[arg-type]  # one of MODES
    place = sql.said(options, folder=base)
    if mode == "append":
        return make_table(frame, source=f"added to {place}")
    return make_table(frame, source=place, location=located(options, folder))


def _storable(series: pd.Series[Any]) -> pd.Series[Any]:
    """A column as databases take it: nested values as JSON text, categories as what they stand for."""
    import json

    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.astype(series.cat.categories.dtype)
    if series.dtype != object or infer(series) != "mixed":
        return series
    return series.map(
        lambda value: (
            json.dumps(value, ensure_ascii=False, default=said)
            if isinstance(value, Mapping | list | tuple) or hasattr(value, "tolist")
            else value
        )
    )


def _write_file(frame: pd.DataFrame, path: Path, *, replace: bool) -> None:
    end = path.suffix.lower()
    if end not in ENDS:
        raise UsageError(f"{WHERE}: a file that is written ends in .parquet or .csv; this is {path.name!r}")
    if path.is_dir():
        raise UsageError(f"{WHERE}: {str(path)!r} is a folder")
    if path.exists() and not replace:
        raise UsageError(f"{WHERE}: the file {str(path)!r} exists; replace it with mode='replace'")
    part = path.with_name(f".{path.name[:100]}.{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fill(frame, part, end)
        if replace:
            part.replace(path)
        else:
            # A link fails where another process was faster; a rename would put its file away.
            os.link(part, path)
    except FileExistsError as error:
        raise UsageError(f"{WHERE}: the file {str(path)!r} exists; replace it with mode='replace'") from error
    except OSError as error:
        raise UsageError(f"{WHERE}: {str(path)!r} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _fill(frame: pd.DataFrame, path: Path, end: str) -> None:
    if end == ".csv":
        frame.to_csv(path, index=False)
        return
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingPackageError(
            f"{WHERE}: a Parquet file needs pyarrow; install it: pip install 'promptlab-workbench[tables]'"
        ) from error
    try:
        frame.to_parquet(path, index=False)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        text = " ".join(str(part) for part in error.args) or type(error).__name__
        raise UsageError(f"{WHERE}: the values cannot be written as Parquet: {' '.join(text.split())[:200]}") from error


def _check_columns(frame: pd.DataFrame) -> None:
    names = [said(name) for name in frame.columns]
    if not names:
        raise UsageError(f"{WHERE}: the table has no columns")
    for name in names:
        if not name or "\x00" in name:
            raise UsageError(f"{WHERE}: a column is called {name!r}; name it with text")
        if names.count(name) > 1:
            raise UsageError(f"{WHERE}: the column {name!r} stands twice; rename one")
