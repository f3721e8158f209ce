"""Files of cases: which reader reads which, told by the end of the name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from promptlab.errors import SuiteError
from promptlab.suites.columns import Shape
from promptlab.suites.readers import arrow, delimited, excel, json_list, jsonl, yaml
from promptlab.suites.rows import Form, Row, Source

Begin = Callable[[Path, str], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of file. again: reading it again is cheap."""

    read: Begin
    form: Form
    again: bool = True


_TEXTS: Mapping[str, _Kind] = {
    ".jsonl": _Kind(jsonl.read_jsonl, "either"),
    ".ndjson": _Kind(jsonl.read_jsonl, "either"),
    ".json": _Kind(json_list.read_json, "either"),
    ".csv": _Kind(delimited.read_csv, "records"),
    ".tsv": _Kind(delimited.read_tsv, "records"),
    ".yaml": _Kind(yaml.read_yaml, "cases"),
    ".yml": _Kind(yaml.read_yaml, "cases"),
}
_COLUMNS: Mapping[str, Callable[..., Iterator[Row]]] = {
    ".parquet": arrow.read_parquet,
    ".arrow": arrow.read_arrow,
    ".feather": arrow.read_arrow,
}
_SHEETS = (".xlsx", ".xlsm")
ENDS = (*_TEXTS, *_COLUMNS, *_SHEETS)
"""How names of files of cases end."""


def file_source(path: Path, *, name: str, shape: Shape, sheet: str | int | None = None, where: str) -> Source:
    """The rows of a file, as cases. name: how messages call it.

    Raises SuiteError that begins with `where` for a kind that is not known, and for a sheet of what has none.
    """
    end = path.suffix.lower()
    if end not in ENDS:
        raise SuiteError(
            f"{where}: cases are JSONL, JSON, CSV, YAML, Parquet, Arrow or XLSX, told by {', '.join(ENDS)}; "
            f"this is {path.name!r}"
        )
    if sheet is not None and end not in _SHEETS:
        raise SuiteError(f"{where}: `sheet` goes with an XLSX file; this is {path.name!r}")
    if end in _TEXTS:
        kind = _TEXTS[end]
    elif end in _COLUMNS:
        kind = _Kind(partial(_COLUMNS[end], wanted=shape.wanted), "either")
    else:
        kind = _Kind(partial(excel.read_excel, sheet=sheet), "records", again=False)
    return Source(name, lambda: shape.shaped(kind.read(path, name), form=kind.form, name=name), again=kind.again)
