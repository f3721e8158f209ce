"""Cases from JSONL, CSV, YAML and lists, every mistake named with its line; JSONL and CSV are streamed."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from promptlab.errors import SuiteError
from promptlab.evaluators.spelling import suggestion
from promptlab.suites.document import Document, not_utf8, open_file, parse_yaml, read_text
from promptlab.types import Case

KEYS = ("id", "inputs", "expected", "metadata", "evaluators")
MAX_CELL_CHARACTERS = 50_000_000

_WHAT = "the file of cases"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it was read; where: the start of messages about it."""

    value: Any
    where: str


def load_cases(path: Path, *, name: str, limit: int | None = None) -> CaseFile:
    """The cases of a file: JSONL (.jsonl, .ndjson), CSV (.csv, .tsv) or YAML (.yaml, .yml); it is read once, whole.

    name: how messages call the file. JSONL and YAML rows are {id?, inputs, expected?, metadata?, evaluators?}; of a
    CSV, the columns `id`, `expected` and `metadata.x` are those, every other column is an input, all values are
    text, and an empty `expected` is none. A row without id gets its number, from 1. limit: only the first so many,
    though all are checked. Raises SuiteError.
    """
    if path.suffix.lower() not in _READERS:
        raise SuiteError(f"{name}: cases are JSONL, CSV or YAML, told by {', '.join(_READERS)}; this is {path.name!r}")
    rows = 0
    inputs: dict[str, None] = {}
    own: list[Case] = []
    for case in _build(_rows(path, name)):
        rows += 1
        if limit is None or rows <= limit:
            inputs.update(dict.fromkeys(case.inputs))
            if case.evaluators:
                own.append(case)
    if not rows:
        raise SuiteError(f"{name}: has no cases; write one a row")
    return CaseFile(path, name, rows if limit is None else min(rows, limit), tuple(inputs), tuple(own))


class CaseFile(Sequence[Case]):
    """The cases of a file that has been checked, read again from it whenever they are gone through: never all held.

    input_names: of all cases together. with_evaluators: the cases that have evaluators of their own. Going through
    it raises SuiteError where the file has become wrong or shorter since.
    """

    def __init__(
        self, path: Path, name: str, rows: int, input_names: tuple[str, ...], with_evaluators: tuple[Case, ...]
    ) -> None:
        self._path = path
        self._name = name
        self._rows = rows
        self.input_names = input_names
        self.with_evaluators = with_evaluators

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Case]:
        found = 0
        for case in itertools.islice(_build(_rows(self._path, self._name), unique=False), self._rows):
            found += 1
            yield case
        if found < self._rows:
            raise SuiteError(f"{self._name}: had {self._rows} cases and has {found} now; start again")

    @overload
    def __getitem__(self, place: int) -> Case: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Case]: ...

    def __getitem__(self, place: int | slice) -> Case | Sequence[Case]:
        if isinstance(place, slice):
            start, stop, step = place.indices(self._rows)
            if step > 0:
                return tuple(itertools.islice(self, start, stop, step))
            return tuple(self)[place]
        index = place + self._rows if place < 0 else place
        if not 0 <= index < self._rows:
            raise IndexError(f"{self._name}: no case {place} of {self._rows}")
        return next(itertools.islice(self, index, None))


def cases_from_list(document: Document, *place: str | int) -> tuple[Case, ...]:
    """The cases of a list that stands in a document. Raises SuiteError."""
    value = document.value
    for step in place:
        value = value[step]
    rows = (_Row(item, document.where(*place, position)) for position, item in enumerate(value))
    cases = tuple(_build(rows))
    if not cases:
        raise SuiteError(f"{document.where(*place)}: has no cases; write one an entry: `- inputs: {{...}}`")
    return cases


def _rows(path: Path, name: str) -> Iterator[_Row]:
    return _READERS[path.suffix.lower()](path, name)


def _build(rows: Iterable[_Row], *, unique: bool = True) -> Iterator[Case]:
    """The cases of these rows; unique: checked for keys that stand twice, which needs to remember them all."""
    first: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        case = _case(row, number)
        if unique:
            if case.key in first:
                raise SuiteError(f"{row.where}: the id {case.key!r} is taken; it stands first at {first[case.key]}")
            first[case.key] = row.where
        yield case


def _case(row: _Row, number: int) -> Case:
    value, where = row.value, row.where
    if not isinstance(value, Mapping):
        raise SuiteError(f"{where}: a case is a mapping with `inputs`, not {_shown(value)}")
    if "inputs" not in value:
        given = ", ".join(value) or "nothing"
        raise SuiteError(
            f"{where}: the case has no `inputs`, only {given}; put what fills the template under it: "
            f'{{"inputs": {{...}}, "expected": ...}}'
        )
    for key in value:
        if key not in KEYS:
            raise SuiteError(
                f"{where}: unknown key {key!r}{suggestion(key, KEYS)}; values of a template go into inputs"
            )
    for key in ("inputs", "metadata"):
        if not isinstance(value.get(key, {}), Mapping) and not (key == "metadata" and value[key] is None):
            raise SuiteError(f"{where}: `{key}` is {_shown(value[key])}; it is a mapping")
    own = value.get("evaluators")
    if own is not None and not isinstance(own, list):
        raise SuiteError(f"{where}: `evaluators` is {_shown(own)}; it is a list")
    return Case(
        key=_key(value.get("id"), number, where),
        inputs=value["inputs"],
        expected=value.get("expected"),
        metadata=value.get("metadata") or {},
        evaluators=tuple(own or ()),
    )


def _key(identifier: Any, number: int, where: str) -> str:
    if identifier is None:
        return str(number)
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    if isinstance(identifier, str) and identifier.strip():
        return identifier
    raise SuiteError(f"{where}: `id` is {_shown(identifier)}; it is a text or a whole number")


def _read_jsonl(path: Path, name: str) -> Iterator[_Row]:
    for number, line in enumerate(_lines(path, name), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            value = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_unique)
        except json.JSONDecodeError as error:
            raise SuiteError(f"{where}: not valid JSON: {error.msg} at column {error.colno}") from error
        except (ValueError, RecursionError) as error:
            detail = "nested too deeply" if isinstance(error, RecursionError) else error
            raise SuiteError(f"{where}: not valid JSON: {detail}") from error
        yield _Row(value, where)


def _lines(path: Path, name: str) -> Iterator[str]:
    """The lines of a text file without their ends, one at a time; split at newlines alone: JSON texts hold none."""
    position = 0
    with open_file(path, name=name, what=_WHAT) as file:
        for line in file:
            try:
                text = line.rstrip(b"\n").decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(path, position + error.start, name=name, what=_WHAT) from error
            yield text.removeprefix("\ufeff") if position == 0 else text
            position += len(line)


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return mapping


def _read_yaml(path: Path, name: str) -> Iterator[_Row]:
    document = parse_yaml(read_text(path, name=name, what=_WHAT), name=name)
    if document.value is None:
        return
    if not isinstance(document.value, list):
        raise SuiteError(f"{document.where()}: a file of cases is a list: `- inputs: {{...}}`")
    for position, value in enumerate(document.value):
        yield _Row(value, document.where(position))


def _read_csv(path: Path, name: str) -> Iterator[_Row]:
    return _read_table(path, name, delimiter=",")


def _read_tsv(path: Path, name: str) -> Iterator[_Row]:
    return _read_table(path, name, delimiter="\t")


def _read_table(path: Path, name: str, *, delimiter: str) -> Iterator[_Row]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARACTERS))  # Python's own limit is 131,072
    lines = _table_lines(path, name)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            where, line = f"{name}:{line}", reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header([cell.strip() for cell in cells], where)
                continue
            if len(cells) != len(header):
                raise SuiteError(f"{where}: {_cells_problem(cells, header)}")
            yield _Row(_table_row(dict(zip(header, cells, strict=True))), where)
    except csv.Error as error:
        raise SuiteError(f"{name}:{max(reader.line_num, 1)}: not valid CSV: {error}") from error


def _table_lines(path: Path, name: str) -> Iterator[str]:
    """The lines of a table, whatever ends them, with their ends."""
    with open_file(path, name=name, what=_WHAT) as file:
        try:
            with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
                yield from text
        except UnicodeDecodeError:
            # Its position is counted from the block that was being read; reading whole finds the file's.
            read_text(path, name=name, what=_WHAT)


def _header(columns: list[str], where: str) -> list[str]:
    for column in columns:
        if not column:
            raise SuiteError(f"{where}: column {columns.index(column) + 1} has no name; give it one")
        if columns.count(column) > 1:
            raise SuiteError(f"{where}: the column {column!r} stands twice; rename one")
        if column in ("inputs", "metadata", "evaluators"):
            raise SuiteError(
                f"{where}: a CSV has no column {column!r}; each input has a column of its own name, metadata "
                f"`metadata.name`, and evaluators of a case need JSONL or YAML"
            )
    return columns


def _cells_problem(cells: Sequence[str], header: Sequence[str]) -> str:
    if len(cells) > len(header):
        return f"{len(cells)} cells for {len(header)} columns; a cell with a comma is put in double quotes"
    return f"{len(cells)} cells for {len(header)} columns; missing: {', '.join(header[len(cells) :])}"


def _table_row(cells: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"inputs": {}, "metadata": {}}
    for column, cell in cells.items():
        if column == "id":
            row["id"] = cell.strip() or None
        elif column == "expected":
            row["expected"] = cell or None
        elif column.startswith("metadata."):
            row["metadata"][column.removeprefix("metadata.")] = cell
        else:
            row["inputs"][column] = cell
    return row


_READERS: Mapping[str, Callable[[Path, str], Iterator[_Row]]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:59] + "…"
