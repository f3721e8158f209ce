"""The sources that `cases` of a suite names: files, queries, data sets of a hub, rows in the suite or from Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from promptlab.errors import SuiteError
from promptlab.suites import case_options
from promptlab.suites.case_options import SOURCES
from promptlab.suites.columns import Shape
from promptlab.suites.document import Document, Place, read_text
from promptlab.suites.json_values import json_record
from promptlab.suites.mistakes import Report, told
from promptlab.suites.readers.files import file_source
from promptlab.suites.readers.frame import is_frame, read_frame
from promptlab.suites.rows import Row, Source, shown
from promptlab.suites.streams import CaseStream
from promptlab.types import Case

INLINE = "inline"
"""What the source of cases is called that stand in the suite itself."""
_SAID = 200
"""How much of a query is told to people."""


@dataclass(frozen=True, slots=True)
class Part:
    """A source with what its data set would be called (None: as the suite is) and where it is from, for people.

    held: its rows are held anyway, so that their cases may be too.
    """

    source: Source
    name: str | None
    said: str
    held: bool = False


def parts_of(document: Document, folder: Path, report: Report) -> list[Part]:
    """The sources under `cases`. folder: what paths are relative to. Reports SuiteError, or raises it for no source."""
    value, where = document.value["cases"], document.where("cases")
    if isinstance(value, Mapping):
        return list(_of_mapping(document, ("cases",), folder, report))
    if isinstance(value, list):
        return _of_list(document, folder, report)
    if isinstance(value, str) and value.strip():
        return [_file(value, folder, where, Shape())]
    if is_frame(value):
        return [_rows(value, document.name, Shape())]
    if isinstance(value, CaseStream):
        return [_stream(value)]
    raise SuiteError(
        f"{where}: `cases` is {shown(value)}; it is the path of a file or a list, or a mapping with one of "
        f"{', '.join(SOURCES)}"
    )


def _of_list(document: Document, folder: Path, report: Report) -> list[Part]:
    """The entries of a list: files, sources and cases, one after the other; cases that follow each other are one."""
    entries = document.value["cases"]
    parts: list[Part] = []
    position = 0
    while position < len(entries):
        entry, place = entries[position], ("cases", position)
        if isinstance(entry, str):
            with told(report):
                parts.append(_file(entry, folder, document.where(*place), Shape()))
            position += 1
        elif names_source(entry):
            with told(report):
                parts += _of_mapping(document, place, folder, report)
            position += 1
        else:
            end = position + 1
            while end < len(entries) and not isinstance(entries[end], str) and not names_source(entries[end]):
                end += 1
            parts.append(_inline(document, range(position, end)))
            position = end
    if not entries:
        raise SuiteError(f"{document.where('cases')}: has no cases; write one an entry: `- inputs: {{...}}`")
    return parts


def names_source(entry: Any) -> bool:
    """Whether a value under `cases` is a mapping that says where cases are from, and no case."""
    return isinstance(entry, Mapping) and "inputs" not in entry and any(key in entry for key in SOURCES)


def _inline(document: Document, positions: range) -> Part:
    def read() -> Iterator[Row]:
        for position in positions:
            where = document.where("cases", position)
            yield Row(_plain(document.value["cases"][position], where), where)

    return Part(Source(document.where("cases", positions[0]), read), None, INLINE, held=True)


def _of_mapping(document: Document, place: Place, folder: Path, report: Report) -> list[Part]:
    source = case_options.source_of(document, place, report=report)
    shape = case_options.shape(document, place, report=report)
    if source is None:
        return []
    value = case_options.value_at(document, place)[source]
    where = document.where(*place, source)
    if source == "rows":
        return [_rows(value, where, shape)]
    if source == "file":
        files = value if isinstance(value, list) and value else [value]
        sheet = case_options.sheet(document, place)
        parts = []
        for file in files:
            with told(report):
                parts.append(_file(file, folder, where, shape, sheet=sheet))
        return parts
    if not isinstance(value, str) or not value.strip():
        raise SuiteError(f"{where}: `{source}` is {shown(value)}; it is text")
    option = partial(case_options.text, document, place)
    if source == "sql":
        return [_sql(value, option, folder, where, shape)]
    return [_hub(value, option, folder, shape)]


def _file(file: Any, folder: Path, where: str, shape: Shape, *, sheet: str | int | None = None) -> Part:
    if not isinstance(file, str) or not file.strip():
        raise SuiteError(f"{where}: a file of cases is {shown(file)}; it is a path, so put it in quotes")
    path = folder / file
    if not path.exists():
        raise SuiteError(f"{where}: the file of cases {file!r} does not exist in {str(folder)!r}")
    said = file if sheet is None else f"{file}[{sheet}]"
    return Part(file_source(path, name=str(path), shape=shape, sheet=sheet, where=where), path.stem, said)


def _stream(cases: CaseStream) -> Part:
    """Cases that are read from where they are, such as a stored data set, which keeps its name."""

    def read() -> Iterator[Row]:
        for number, case in enumerate(cases, start=1):
            where = f"{cases.name} row {number}"
            yield Row(_plain(case, where), where)

    return Part(Source(cases.name, read), cases.name.rpartition("@")[0] or None, cases.name)


def _rows(value: Any, where: str, shape: Shape) -> Part:
    if is_frame(value):
        name = "the data frame"

        def rows() -> Iterator[Row]:
            return read_frame(value, name)

        said = "pandas"
    elif isinstance(value, list):
        name, said = where, INLINE

        def rows() -> Iterator[Row]:
            for number, item in enumerate(value, start=1):
                at = f"{where} row {number}"
                yield Row(_plain(item, at), at)

    else:
        raise SuiteError(f"{where}: `rows` is {shown(value)}; it is a list of mappings")
    return Part(Source(name, lambda: shape.shaped(rows(), form="either", name=name)), None, said, held=True)


def _sql(sql: str, option: Callable[[str], str | None], folder: Path, where: str, shape: Shape) -> Part:
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

    return Part(Source(name, read, again=False), None, f"{query.shown}: {said[:_SAID]}")


def _hub(name: str, option: Callable[[str], str | None], folder: Path, shape: Shape) -> Part:
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

    return Part(Source(said, read, again=False), PurePath(name).name, f"huggingface:{said}")


def _plain(item: Any, where: str) -> Any:
    """A row given in Python, as JSON has it."""
    if isinstance(item, Case):
        case = {"id": item.key, "inputs": item.inputs, "expected": item.expected, "metadata": item.metadata}
        item = {**case, "evaluators": list(item.evaluators)}
    return json_record(item, where=where) if isinstance(item, Mapping) else item
