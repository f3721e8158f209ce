"""The options of `cases` where it is a mapping: read and checked, each mistake with its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.errors import SuiteError
from promptlab.spelling import suggestion
from promptlab.suites import columns
from promptlab.suites.columns import Columns, Shape, written
from promptlab.suites.document import Document, Place
from promptlab.suites.mistakes import Report, refuse, told
from promptlab.suites.rows import shown
from promptlab.suites.selection import Sample, Selection, make_where

SOURCES: Mapping[str, tuple[str, ...]] = {
    "file": ("sheet",),
    "rows": (),
    "sql": ("url", "url_env"),
    "huggingface": ("config", "split", "revision"),
}
"""What cases can be from, with the options that go with each."""
SHAPING = ("columns", "labels")
CHOOSING = ("where", "sample", "first")
KEYS = (*SOURCES, *(option for options in SOURCES.values() for option in options), "name", *SHAPING, *CHOOSING)
MAX_NAME = 200


def source_of(document: Document, place: Place, *, report: Report = refuse) -> str | None:
    """The source that a mapping names, all of its keys checked; None where it names none. Reports SuiteError.

    place: where the mapping is; one in a list cannot choose among its cases, or name the data set.
    """
    value = value_at(document, place)
    unknown = [key for key in value if key not in KEYS]
    for key in unknown:
        where = document.where(*place, key)
        report(SuiteError(f"{where}: unknown key {key!r} of `cases`{suggestion(key, KEYS)}"))
    named = [key for key in SOURCES if key in value]
    if len(named) != 1:
        # An unknown key is likely to be the source, and is told already.
        if named or not unknown:
            what = f"has {' and '.join(named)}; keep one" if named else f"names no source; write {_sources()}"
            report(SuiteError(f"{document.where(*place)}: `cases` {what}"))
        return None
    for key in value:
        goes_with = [source for source, options in SOURCES.items() if key in options]
        if goes_with and named[0] not in goes_with:
            where = document.where(*place, key)
            report(SuiteError(f"{where}: `{key}` goes with `{goes_with[0]}`, not with `{named[0]}`"))
        if len(place) > 1 and key in ("name", *CHOOSING):
            report(
                SuiteError(
                    f"{document.where(*place, key)}: `{key}` is of all cases together; write `cases` as one mapping, "
                    "`file: [a.jsonl, b.csv]`, or filter with --where"
                )
            )
    return named[0]


def _sources() -> str:
    *others, last = (f"`{source}: ...`" for source in SOURCES)
    return f"{', '.join(others)} or {last}"


def value_at(document: Document, place: Place) -> Any:
    """What stands at a place of a document."""
    value = document.value
    for step in place:
        value = value[step]
    return value


def text(document: Document, place: Place, key: str) -> str | None:
    """The text of an option; None where it is not given. Raises SuiteError."""
    value = value_at(document, place).get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise SuiteError(f"{document.where(*place, key)}: `{key}` is {shown(value)}; it is text, so put it in quotes")
    if key == "name" and len(value) > MAX_NAME:
        raise SuiteError(f"{document.where(*place, key)}: `name` has {len(value)} characters; use {MAX_NAME} at most")
    return value.strip()


def sheet(document: Document, place: Place) -> str | int | None:
    """The sheet: its name or its number, from 1. Raises SuiteError."""
    value = value_at(document, place).get("sheet")
    if value is None or (isinstance(value, str) and value) or (_whole(value) and value >= 1):
        return value  # type: ignore[no-any-return]
    raise SuiteError(f"{document.where(*place, 'sheet')}: `sheet` is {shown(value)}; it is a name or a number from 1")


def shape(document: Document, place: Place, *, report: Report = refuse) -> Shape:
    """What `columns` and `labels` say. Reports SuiteError."""
    columns_given, labels = None, {}
    with told(report):
        columns_given = _columns(document, (*place, "columns"), report)
    with told(report):
        labels = _labels(document, (*place, "labels"))
    return Shape(columns_given, labels)


def selection(document: Document, place: Place, *, report: Report = refuse) -> Selection:
    """What `where`, `sample` and `first` say. Reports SuiteError."""
    value = value_at(document, place)
    where = value.get("where")
    filters: dict[str, tuple[str, ...]] = {}
    if where is not None and not isinstance(where, Mapping):
        at = document.where(*place, "where")
        report(SuiteError(f"{at}: `where` is {shown(where)}; it is a mapping such as {{tags: [short]}}"))
        where = None
    for name, wanted in (where or {}).items():
        with told(report):
            filters.update(make_where({name: wanted}, place=document.where(*place, "where", name)))
    sample = first = None
    with told(report):
        first = _first(document, (*place, "first"))
    with told(report):
        sample = _sample(document, (*place, "sample"))
    return Selection(where=filters, sample=sample, first=first)


def _first(document: Document, place: Place) -> int | None:
    value = value_at(document, place[:-1])
    first = value.get("first")
    if first is not None and "sample" in value:
        raise SuiteError(f"{document.where(*place)}: `first` and `sample` do not go together; keep one")
    if first is not None and not (_whole(first) and first >= 1):
        raise SuiteError(f"{document.where(*place)}: `first` is {shown(first)}; it is a whole number from 1")
    return first  # type: ignore[no-any-return]


def _sample(document: Document, place: Place) -> Sample | None:
    value = value_at(document, place[:-1]).get("sample")
    if value is None:
        return None
    given = value if isinstance(value, Mapping) else {"n": value}
    n, seed = given.get("n", 0), given.get("seed", 0)
    if set(given) - {"n", "seed"} or not _whole(n) or n < 1 or not _whole(seed):
        raise SuiteError(
            f"{document.where(*place)}: `sample` is {shown(value)}; it is {{n: 200, seed: 1}} or a whole number from 1"
        )
    return Sample(n, seed)


def _columns(document: Document, place: Place, report: Report) -> Columns | None:
    value = value_at(document, place[:-1]).get("columns")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise SuiteError(
            f"{document.where(*place)}: `columns` is {shown(value)}; it is a mapping such as {{expected: label}}"
        )
    for key in value:
        if key not in columns.KEYS:
            where = document.where(*place, key)
            report(SuiteError(f"{where}: unknown key {key!r} of `columns`{suggestion(key, columns.KEYS)}"))
    names = {key: text(document, place, key) for key in ("id", "expected", "tags")}
    several = {key: _several(document, (*place, key)) for key in ("inputs", "metadata")}
    return Columns(**names, **several)  # type: ignore[arg-type]


def _several(document: Document, place: Place) -> dict[str, str] | None:
    value = value_at(document, place[:-1]).get(place[-1])
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(name, str) and name for name in value):
        return {name: name for name in value}
    if isinstance(value, Mapping) and all(isinstance(name, str) and name for name in value.values()):
        return dict(value)
    raise SuiteError(
        f"{document.where(*place)}: `{place[-1]}` of `columns` is {shown(value)}; it is a list of columns, or a "
        "mapping from a name to its column"
    )


def _labels(document: Document, place: Place) -> dict[str, Any]:
    value = value_at(document, place[:-1]).get("labels")
    if value is None:
        return {}
    labels = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(labels, Mapping) or any(isinstance(label, list | Mapping) for label in labels.values()):
        raise SuiteError(
            f"{document.where(*place)}: `labels` is {shown(value)}; it is a list of names for the numbers from 0, or a "
            "mapping such as {0: negative, 1: positive}"
        )
    return {written(key): label for key, label in labels.items()}


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
