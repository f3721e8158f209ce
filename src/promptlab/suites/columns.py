"""Records to cases: which column is the id, what is expected, an input, metadata or a tag."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import SuiteError
from promptlab.spelling import suggestion
from promptlab.suites.rows import Form, Row, shown

KEYS = ("id", "expected", "inputs", "metadata", "tags")
_INPUT, _METADATA = "inputs.", "metadata."


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; `a.b` is `b` within the nested value `a`, where no column has that name itself.

    inputs, metadata: by name; None for those that have it by their own names.
    """

    id: str | None = None
    expected: str | None = None
    tags: str | None = None
    inputs: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None

    @property
    def named(self) -> list[str]:
        """Every column that is named."""
        single = [name for name in (self.id, self.expected, self.tags) if name is not None]
        return [*single, *(self.inputs or {}).values(), *(self.metadata or {}).values()]


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows become cases. columns: None for what their names say. labels: by the text of a value of `expected`."""

    columns: Columns | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)

    def wanted(self, columns: Sequence[str], name: str) -> list[str] | None:
        """Of the columns that a table has those that are needed; None for all of them.

        name: how messages call the table. Raises SuiteError for a column that is not there.
        """
        if self.columns is None:
            return None
        chosen = {column for column in columns if column in ("id", "expected", "tags") or column.startswith(_METADATA)}
        for named in self.columns.named:
            column = _column_of(named, columns)
            if column is None:
                raise SuiteError(f"{name}: there is no column {named!r}{suggestion(named, columns)}")
            chosen.add(column)
        return None if self.columns.inputs is None else [column for column in columns if column in chosen]

    def shaped(self, rows: Iterator[Row], *, form: Form, name: str) -> Iterator[Row]:
        """The rows as cases: mappings with `inputs`, and perhaps `id`, `expected`, `metadata`, `tags`.

        A row that is none, or whose value has no label, has a problem. Raises SuiteError for a column of no row.
        """
        missing = dict.fromkeys(self.columns.named) if self.columns else {}
        known: dict[str, None] = {}
        for row in rows:
            if row.problem is None and self.columns is not None and isinstance(row.value, Mapping):
                for column in [column for column in missing if _has(row.value, column)]:
                    del missing[column]
                if missing and len(known) < 1000:
                    known.update(dict.fromkeys(row.value))
            elif row.problem is None and form == "either":
                form = "cases" if not isinstance(row.value, Mapping) or "inputs" in row.value else "records"
            try:
                yield row if row.problem else Row(self._labelled(self._case(row, form), row.where), row.where)
            except SuiteError as error:
                yield Row(None, row.where, error)
        if missing and known:
            column = next(iter(missing))
            raise SuiteError(f"{name}: no row has the column {column!r}{suggestion(column, known)}")

    def _case(self, row: Row, form: Form) -> Any:
        if self.columns is None:
            return row.value if form == "cases" else _record(row.value, row.where)
        if not isinstance(row.value, Mapping):
            raise SuiteError(f"{row.where}: a row is a mapping of columns, not {shown(row.value)}")
        return _chosen(row.value, self.columns, row.where)

    def _labelled(self, case: Any, where: str) -> Any:
        if not self.labels or not isinstance(case, Mapping) or case.get("expected") is None:
            return case
        expected = case["expected"]
        if isinstance(expected, list):
            return {**case, "expected": [self._label(value, where) for value in expected]}
        return {**case, "expected": self._label(expected, where)}

    def _label(self, value: Any, where: str) -> Any:
        text = written(value)
        if text not in self.labels:
            raise SuiteError(
                f"{where}: expected is {shown(value)}, which `labels` does not name; it names {_few(self.labels)}"
            )
        return self.labels[text]


def written(value: Any) -> str:
    """A value as people write it, which is how values are compared: 3, 3.0 and "3" are the same."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or value is None or isinstance(value, list | Mapping):
        import json

        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def _few(labels: Mapping[str, Any]) -> str:
    names = [repr(name) for name in itertools.islice(labels, 20)]
    return ", ".join([*names, "..."] if len(labels) > len(names) else names)


def _record(record: Any, where: str) -> dict[str, Any]:
    """The case of a record by the names of its columns."""
    if not isinstance(record, Mapping):
        raise SuiteError(f"{where}: a case is a mapping with `inputs`, not {shown(record)}")
    inputs: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    case: dict[str, Any] = {"inputs": inputs, "metadata": metadata}
    for column, value in record.items():
        if column in ("id", "tags"):
            case[column] = (value.strip() or None) if isinstance(value, str) else value
        elif column == "expected":
            case["expected"] = None if value == "" else value
        elif column == "metadata" and (value is None or isinstance(value, Mapping)):
            metadata.update(value or {})
        elif column in ("inputs", "metadata", "evaluators"):
            raise SuiteError(
                f"{where}: a table has no column {column!r}; each input has a column of its own name, metadata "
                f"`metadata.name`, and evaluators of a case need JSONL or YAML with `inputs` in every row"
            )
        elif column.startswith(_METADATA):
            metadata[column.removeprefix(_METADATA)] = value
        else:
            name = column.removeprefix(_INPUT)
            if name in inputs:
                raise SuiteError(f"{where}: the input {name!r} stands twice, as {name!r} and as 'inputs.{name}'")
            inputs[name] = value
    return case


def _chosen(record: Mapping[str, Any], columns: Columns, where: str) -> dict[str, Any]:
    """The case of a record by the columns that are named for it; the others by their own names."""
    named = set(columns.named)
    used = {column for name in named if (column := _column_of(name, list(record))) is not None}
    rest = {column: value for column, value in record.items() if column not in used}
    if columns.inputs is None:
        # A column that would be the id, had not another one been named for it, is an input as any other.
        taken = [key for key in ("id", "expected", "tags") if key in rest and getattr(columns, key) is not None]
        rest = {f"{_INPUT}{column}" if column in taken else column: value for column, value in rest.items()}
    else:
        rest = {
            column: value
            for column, value in rest.items()
            if column in ("id", "expected", "tags")
            or (column == "metadata" and isinstance(value, Mapping))
            or column.startswith(_METADATA)
        }
    case = _record(rest, where)
    for key, column in (("id", columns.id), ("expected", columns.expected), ("tags", columns.tags)):
        if column is not None:
            value = _value(record, column)
            case[key] = None if isinstance(value, str) and not value.strip() else value
    if columns.inputs is not None:
        case["inputs"] = {name: _value(record, at) for name, at in columns.inputs.items() if _has(record, at)}
    if columns.metadata is not None:
        case["metadata"] = {name: _value(record, at) for name, at in columns.metadata.items() if _has(record, at)}
    return case


def _column_of(name: str, columns: Sequence[str]) -> str | None:
    """The column that holds what `name` names: itself, or the one that it begins with."""
    if name in columns:
        return name
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        column = ".".join(parts[:length])
        if column in columns:
            return column
    return None


def _has(record: Mapping[str, Any], name: str) -> bool:
    return _find(record, name) is not _NOTHING


def _value(record: Mapping[str, Any], name: str) -> Any:
    found = _find(record, name)
    return None if found is _NOTHING else found


_NOTHING = object()


def _find(value: Any, name: str) -> Any:
    """What stands under a name, or under its parts one within the other; _NOTHING where nothing does."""
    if not isinstance(value, Mapping):
        return _NOTHING
    if name in value:
        return value[name]
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        column = ".".join(parts[:length])
        if column in value:
            return _find(value[column], ".".join(parts[length:]))
    return _NOTHING
