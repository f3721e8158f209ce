"""`cases` of a suite: a file, several, a list, or a mapping that names a source and says how its rows are cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from promptlab.errors import SuiteError
from promptlab.suites import case_options
from promptlab.suites.case_options import SOURCES
from promptlab.suites.cases import Reading
from promptlab.suites.columns import Shape
from promptlab.suites.defaults import NO_DEFAULTS, Defaults
from promptlab.suites.document import Document, Place, read_text
from promptlab.suites.json_values import json_record
from promptlab.suites.readers.files import file_source
from promptlab.suites.readers.frame import is_frame, read_frame
from promptlab.suites.rows import Row, Source, shown
from promptlab.suites.selection import ALL_CASES, CaseChoice, Selection, select
from promptlab.suites.streams import CaseCopy, CaseFile
from promptlab.types import Case

_INLINE = "inline"
_SQLITE = "sqlite:///"
_SAID = 200
"""How much of a query is told to people."""


@dataclass(frozen=True, slots=True)
class ReadCases:
    """Cases with what their data set is called, and where it is from, for people."""

    cases: Sequence[Case]
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A source with what its data set would be called (None: as the suite is) and where it is from, for people.

    held: its rows are held anyway, so that their cases may be too.
    """

    source: Source
    name: str | None
    said: str
    held: bool = False


def read_cases(
    document: Document,
    *,
    folder: Path,
    suite_name: str,
    choice: CaseChoice = ALL_CASES,
    defaults: Defaults = NO_DEFAULTS,
) -> ReadCases:
    """The cases under the key `cases` of a suite, checked: a tuple of those that stand in it, else a stream.

    folder: what paths are relative to. choice: what is taken in place of them, and of them. defaults: what a case
    has that says nothing itself. Raises SuiteError that names file and line, and MissingPackageError.
    """
    if choice.cases is not None:
        document = Document({"cases": _given(choice.cases)}, "the cases given")
    value = document.value.get("cases")
    where = document.where("cases")
    if value is None:
        raise SuiteError(f"{where}: the suite has no `cases`; name a JSONL, CSV or YAML file, or list them here")
    selection = Selection()
    name: str | None = None
    if isinstance(value, Mapping):
        parts = list(_of_mapping(document, ("cases",), folder))
        selection = case_options.selection(document, ("cases",))
        name = case_options.text(document, ("cases",), "name")
    elif isinstance(value, list):
        parts = _of_list(document, folder)
    elif isinstance(value, str) and value.strip():
        parts = [_file(value, folder, where, Shape())]
    elif is_frame(value):
        parts = [_rows(value, document.name, Shape())]
    else:
        raise SuiteError(
            f"{where}: `cases` is {shown(value)}; it is the path of a file or a list, or a mapping with one of "
            f"{', '.join(SOURCES)}"
        )
    return _read(parts, (selection, choice.selection(place=document.name)), name or _name(parts, suite_name), defaults)


def _given(cases: Any) -> Any:
    """Cases given in Python as they may stand under `cases`; records count as rows, as those of a data frame do."""
    if isinstance(cases, str | Mapping) or is_frame(cases):
        return cases
    items = list(cases)
    plain = any(isinstance(item, str) or _names_source(item) for item in items)
    return items if plain or not items else {"rows": items}


def _read(parts: Sequence[_Part], selections: Sequence[Selection], name: str, defaults: Defaults) -> ReadCases:
    called = parts[0].source.name if len(parts) == 1 else f"{parts[0].source.name} and {len(parts) - 1} more"
    reading = Reading(called, [part.source for part in parts], defaults)
    first, second = selections
    limit = None
    cases: Sequence[Case]
    if all(part.held for part in parts):
        cases = tuple(reading.cases())
    elif reading.again:
        if not first and not second.where and not second.keys:
            limit, second = second.first, Selection()
        cases = CaseFile(reading, limit=limit)
    else:
        cases = CaseCopy(reading.cases(), name=called)
    for selection in (first, second):
        cases = select(cases, selection, name=called)
    said = [", ".join(dict.fromkeys(part.said for part in parts)), first.said, selections[1].said]
    return ReadCases(cases, name, "; ".join(text for text in said if text))


def _name(parts: Sequence[_Part], suite_name: str) -> str:
    names = list(dict.fromkeys(part.name for part in parts))
    known = [name for name in names if name is not None]
    joined = "+".join(known)
    return joined if len(known) == len(names) and len(joined) <= case_options.MAX_NAME else suite_name


def _of_list(document: Document, folder: Path) -> list[_Part]:
    """The entries of a list: files, sources and cases, one after the other; cases that follow each other are one."""
    entries = document.value["cases"]
    parts: list[_Part] = []
    position = 0
    while position < len(entries):
        entry, place = entries[position], ("cases", position)
        if isinstance(entry, str):
            parts.append(_file(entry, folder, document.where(*place), Shape()))
            position += 1
        elif _names_source(entry):
            parts += _of_mapping(document, place, folder)
            position += 1
        else:
            end = position + 1
            while end < len(entries) and not isinstance(entries[end], str) and not _names_source(entries[end]):
                end += 1
            parts.append(_inline(document, range(position, end)))
            position = end
    if not parts:
        raise SuiteError(f"{document.where('cases')}: has no cases; write one an entry: `- inputs: {{...}}`")
    return parts


def _names_source(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "inputs" not in entry and any(key in entry for key in SOURCES)


def _inline(document: Document, positions: range) -> _Part:
    def read() -> Iterator[Row]:
        for position in positions:
            where = document.where("cases", position)
            yield Row(_plain(document.value["cases"][position], where), where)

    return _Part(Source(document.where("cases", positions[0]), read), None, _INLINE, held=True)


def _of_mapping(document: Document, place: Place, folder: Path) -> list[_Part]:
    source = case_options.source_of(document, place)
    value = case_options.value_at(document, place)[source]
    shape = case_options.shape(document, place)
    where = document.where(*place, source)
    if source == "rows":
        return [_rows(value, where, shape)]
    if source == "file":
        files = value if isinstance(value, list) and value else [value]
        sheet = case_options.sheet(document, place)
        return [_file(file, folder, where, shape, sheet=sheet) for file in files]
    if not isinstance(value, str) or not value.strip():
        raise SuiteError(f"{where}: `{source}` is {shown(value)}; it is text")
    option = partial(case_options.text, document, place)
    if source == "sql":
        return [_sql(value, option, folder, where, shape)]
    return [_hub(value, option, folder, shape)]


def _file(file: Any, folder: Path, where: str, shape: Shape, *, sheet: str | int | None = None) -> _Part:
    if not isinstance(file, str) or not file.strip():
        raise SuiteError(f"{where}: a file of cases is {shown(file)}; it is a path, so put it in quotes")
    path = folder / file
    if not path.exists():
        raise SuiteError(f"{where}: the file of cases {file!r} does not exist in {str(folder)!r}")
    said = file if sheet is None else f"{file}[{sheet}]"
    return _Part(file_source(path, name=str(path), shape=shape, sheet=sheet), path.stem, said)


def _rows(value: Any, where: str, shape: Shape) -> _Part:
    if is_frame(value):
        name = "the data frame"

        def rows() -> Iterator[Row]:
            return read_frame(value, name)

        said = "pandas"
    elif isinstance(value, list):
        name, said = where, _INLINE

        def rows() -> Iterator[Row]:
            for number, item in enumerate(value, start=1):
                at = f"{where} row {number}"
                yield Row(_plain(item, at), at)

    else:
        raise SuiteError(f"{where}: `rows` is {shown(value)}; it is a list of mappings")
    return _Part(Source(name, lambda: shape.shaped(rows(), form="either", name=name)), None, said, held=True)


def _sql(sql: str, option: Callable[[str], str | None], folder: Path, where: str, shape: Shape) -> _Part:
    from promptlab.suites.readers.sql import find_database, read_sql

    said = " ".join(sql.split())
    if sql.strip().lower().endswith(".sql"):
        path = folder / sql.strip()
        if not path.is_file():
            raise SuiteError(f"{where}: the file of the query {sql!r} does not exist in {str(folder)!r}")
        sql = read_text(path, name=where, what="the file of the query")
    query = find_database(sql, url=option("url"), url_env=option("url_env"), folder=folder, where=where)
    name = f"the query on {query.shown}"

    def read() -> Iterator[Row]:
        return shape.shaped(read_sql(query, name), form="either", name=name)

    return _Part(Source(name, read, again=False), None, f"{query.shown}: {said[:_SAID]}")


def _hub(name: str, option: Callable[[str], str | None], folder: Path, shape: Shape) -> _Part:
    from promptlab.suites.readers.huggingface import HubData, read_huggingface

    config, split, revision = option("config"), option("split"), option("revision")
    local = folder / name
    data = HubData(name, local if local.is_dir() else None, config=config, split=split, revision=revision)
    more = "".join(f"{sign}{value}" for sign, value in (("/", config), (" ", split), ("@", revision)) if value)
    said = f"{name}{more}"
    raw = None
    if shape.labels:
        raw = "expected" if shape.columns is None else shape.columns.expected or "expected"

    def read() -> Iterator[Row]:
        return shape.shaped(read_huggingface(data, said, wanted=shape.wanted, raw=raw), form="either", name=said)

    return _Part(Source(said, read, again=False), PurePath(name).name, f"huggingface:{said}")


def _plain(item: Any, where: str) -> Any:
    """A row given in Python, as JSON has it."""
    if isinstance(item, Case):
        case = {"id": item.key, "inputs": item.inputs, "expected": item.expected, "metadata": item.metadata}
        item = {**case, "evaluators": list(item.evaluators)}
    return json_record(item, where=where) if isinstance(item, Mapping) else item


def load_cases(path: Path, *, name: str, limit: int | None = None) -> Sequence[Case]:
    """The cases of a file, checked, read again whenever they are gone through; name: how messages call the file.

    Rows of JSONL, JSON, YAML and Parquet are {id?, inputs, expected?, metadata?, tags?, evaluators?}, or records. Of a
    record, as of a table, the columns `id`, `expected`, `tags` and `metadata.x` are those, and every other one is an
    input. Values of a CSV are text, and an empty `expected` is none. limit: only the first so many, though all are
    checked. Raises SuiteError.
    """
    part = _Part(file_source(path, name=name, shape=Shape()), path.stem, name)
    return _read([part], (Selection(), Selection(first=limit)), name, NO_DEFAULTS).cases


def rebased_cases(value: Any, place: PurePath, *, folder: Path) -> Any:
    """`cases` with its paths as seen from a folder: place is where they were relative to, seen from there."""
    if isinstance(value, list):
        return [rebased_cases(item, place, folder=folder) for item in value]
    if isinstance(value, str) and value.strip():
        return (place / value).as_posix()
    if not isinstance(value, Mapping) or not _names_source(value):
        return value
    moved = dict(value)
    if "file" in moved:
        moved["file"] = rebased_cases(moved["file"], place, folder=folder)
    hub = moved.get("huggingface")
    if isinstance(hub, str) and os.path.isdir(folder / place / hub):  # noqa: PTH112 - any text may stand there
        moved["huggingface"] = (place / hub).as_posix()
    if isinstance(moved.get("sql"), str) and moved["sql"].strip().lower().endswith(".sql"):
        moved["sql"] = (place / moved["sql"].strip()).as_posix()
    url = moved.get("url")
    if isinstance(url, str) and url.startswith(_SQLITE) and not url.startswith(f"{_SQLITE}/"):
        moved["url"] = f"{_SQLITE}{(place / url.removeprefix(_SQLITE)).as_posix()}"
    return moved
