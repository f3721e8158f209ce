"""`Table`: rows with where they are from, what they hold, and a digest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.sources.digest import table_digest
from promptlab.sources.values import Column, infer, read_column, said
from promptlab.suites.schema import MOST_FIELDS, OTHERS, Field

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that were read.

    source: where they are from, for people, without secrets. location: the same for `read_table`, without secrets;
    None where they cannot be read again by it. schema: columns with the types of their values and how many rows have
    one. digest: of the values, see `table_digest`.
    """

    frame: pd.DataFrame
    source: str
    location: Mapping[str, Any] | None
    digest: str
    schema: tuple[Field, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.frame)


def make_table(frame: pd.DataFrame, *, source: str, location: Mapping[str, Any] | None = None) -> Table:
    """A table of a data frame."""
    return Table(frame, source, location, table_digest(frame), table_schema(frame))


def table_schema(frame: pd.DataFrame) -> tuple[Field, ...]:
    """Columns with the types of their values, and how many rows have a value; those after the 2,000th are one."""
    count = frame.shape[1]
    shown = min(count, MOST_FIELDS)
    fields = [_field(said(frame.columns[at]), frame.iloc[:, at]) for at in range(shown)]
    if count > shown:
        fields.append(Field(OTHERS, ("array",), count - shown))
    return tuple(fields)


def as_frame(value: Any, *, what: str = "the data") -> pd.DataFrame:
    """A data frame of what holds rows: a frame, a series, an array, columns by name, records.

    Raises UsageError that says what was given.
    """
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, pd.Series):
        return value.to_frame(name="value" if value.name is None else value.name)
    frame = getattr(value, "to_pandas", None)
    if callable(frame):  # polars, pyarrow
        return as_frame(frame(), what=what)
    shape = getattr(value, "shape", None)
    if shape is not None and (len(shape) not in (1, 2) or hasattr(value, "tocoo")):
        kind = "a sparse matrix" if hasattr(value, "tocoo") else f"an array of {len(shape)} dimensions"
        raise UsageError(f"{what} is {kind}; give a table: a data frame or an array of rows and columns")
    if shape is not None:
        columns = ["value"] if len(shape) == 1 else [f"x{at}" for at in range(shape[1])]
        return pd.DataFrame(value, columns=columns)
    if isinstance(value, Mapping) or (isinstance(value, list | tuple) and value):
        plain = not isinstance(value, Mapping) and not any(isinstance(item, Mapping | list | tuple) for item in value)
        try:
            return pd.DataFrame({"value": list(value)}) if plain else pd.DataFrame(value)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{what} is no table: {(str(error).splitlines() or ['?'])[0][:200]}") from error
    raise UsageError(f"{what} is {type(value).__name__}; give a data frame, columns by name or a list of records")


def with_target(frame: pd.DataFrame, target: Any) -> pd.DataFrame:
    """The frame with the target's values as one more column, called as they are called, else `target`.

    target: the name of a column that is there already, or values, one a row. Raises UsageError.
    """
    import pandas as pd

    if target is None:
        return frame
    if isinstance(target, str):
        target_column(frame, target)
        return frame
    values = as_frame(target, what="the target")
    if len(values) != len(frame):
        raise UsageError(f"the target has {len(values):,} values for {len(frame):,} rows; give one a row")
    if isinstance(target, pd.Series) and target.name is not None:
        names = [target.name]
    else:
        names = ["target"] if values.shape[1] == 1 else [f"target{at}" for at in range(values.shape[1])]
    whole = frame.copy(deep=False)
    for at, name in enumerate(names):
        if name in whole.columns:
            raise UsageError(f"the column {said(name)!r} is in the data already; name it by target={said(name)!r}")
        whole[name] = values.iloc[:, at].to_numpy()
    return whole


def target_column(frame: pd.DataFrame, target: str) -> int:
    """The place of the target's column. Raises UsageError that says what there is."""
    from promptlab.spelling import suggestion

    names = [said(name) for name in frame.columns]
    if target not in names:
        raise UsageError(f"there is no column {target!r}{suggestion(target, names[:50])}")
    return names.index(target)


def _field(name: str, series: pd.Series[Any]) -> Field:
    """A column with the words of JSON Schema, and `time`; of mixed values those that it has."""
    import pandas as pd

    dtype = series.dtype
    if not isinstance(dtype, pd.CategoricalDtype) and not pd.api.types.is_string_dtype(dtype):
        for is_type, word in (
            (pd.api.types.is_bool_dtype, "boolean"),
            (pd.api.types.is_integer_dtype, "integer"),
            (pd.api.types.is_datetime64_any_dtype, "time"),
            (pd.api.types.is_numeric_dtype, "number"),
        ):
            if is_type(dtype):
                return Field(name, (word,), int(series.notna().sum()))
    column = read_column(series)
    return Field(name, _types(column, series), column.present)


def _types(column: Column, series: pd.Series[Any]) -> tuple[str, ...]:
    if column.kind == "mixed":
        words = {_WORDS[text[0]] if text[0] != "j" else _nested(text) for text in column.data if text is not None}
        return tuple(sorted(words))
    if column.kind == "number":
        return ({"boolean": "boolean", "integer": "integer"}.get(infer(series.astype(object).to_numpy()), "number"),)
    return ({"missing": "null", "text": "string"}.get(column.kind, "time"),)


def _nested(text: str) -> str:
    return "object" if text[1:2] == "{" else "array"


_WORDS = {"s": "string", "n": "number", "b": "bytes", "t": "time", "o": "other"}
