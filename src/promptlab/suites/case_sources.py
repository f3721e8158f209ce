"""`cases` of a suite, read: its sources one after the other, of what they give what is chosen, and every mistake."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from promptlab.errors import SuiteError, UsageError
from promptlab.suites import case_options
from promptlab.suites.case_parts import INLINE, Part, names_source, parts_of
from promptlab.suites.cases import Reading
from promptlab.suites.columns import Shape
from promptlab.suites.defaults import NO_DEFAULTS, Defaults
from promptlab.suites.document import Document
from promptlab.suites.mistakes import Report, refuse, told
from promptlab.suites.readers.files import file_source
from promptlab.suites.readers.frame import is_frame
from promptlab.suites.rows import shown
from promptlab.suites.selection import ALL_CASES, CaseChoice, Selection, select
from promptlab.suites.streams import CaseCopy, CaseFile, CaseStream
from promptlab.types import Case

_SQLITE = "sqlite:///"
MOST_MISTAKES = 20
"""How many mistakes in cases are told at once."""


@dataclass(frozen=True, slots=True)
class ReadCases:
    """Cases with what their data set is called, and where it is from, for people.

    whole: no mistake was in them. places: by its key where a case stands that has evaluators of its own.
    """

    cases: Sequence[Case]
    name: str
    source: str
    whole: bool = True
    places: Mapping[str, str] = field(default_factory=dict)


def read_cases(
    document: Document,
    *,
    folder: Path,
    suite_name: str,
    choice: CaseChoice = ALL_CASES,
    defaults: Defaults = NO_DEFAULTS,
    report: Report = refuse,
) -> ReadCases:
    """The cases under the key `cases` of a suite, checked: a tuple of those that stand in it, else a stream.

    folder: what paths are relative to. choice: what is taken in place of them, and of them. defaults: what a case
    has that says nothing itself. report: takes every mistake; with one in its cases, those are left that are none and
    have evaluators of their own. Reports SuiteError that names file and line, and MissingPackageError.
    """
    if choice.cases is not None:
        document = Document({"cases": _given(choice.cases)}, "the cases given")
    value = document.value.get("cases")
    where = document.where("cases")
    if value is None:
        raise SuiteError(f"{where}: the suite has no `cases`; name a JSONL, CSV or YAML file, or list them here")
    told_of: list[UsageError] = []
    keep = told_of.append if report is not refuse else refuse
    parts: list[Part] = []
    selections = (Selection(), Selection())
    name: str | None = None
    with told(keep):
        parts = parts_of(document, folder, keep)
    if isinstance(value, Mapping):
        selections = (case_options.selection(document, ("cases",), report=keep), Selection())
        with told(keep):
            name = case_options.text(document, ("cases",), "name")
    with told(keep):
        selections = (selections[0], choice.selection(place=document.name))
    read = ReadCases((), suite_name, INLINE)
    if parts:
        reading = _reading(parts, defaults)
        own = () if report is refuse else _checked(reading, keep)
        read = ReadCases(own, suite_name, INLINE, whole=False, places=reading.places)
        if not told_of:
            with told(keep):
                read = _read(parts, reading, selections, name or _name(parts, suite_name))
    for mistake in told_of:
        report(mistake)
    return read


def _checked(reading: Reading, report: Report) -> tuple[Case, ...]:
    """The cases that have evaluators of their own, every mistake in any of them reported, but for very many."""
    own: list[Case] = []
    mistakes = 0
    for case in reading.checked():
        if not isinstance(case, SuiteError):
            own += [case] if case.evaluators else []
            continue
        mistakes += 1
        if mistakes > MOST_MISTAKES:
            report(SuiteError(f"{reading.name}: there are more mistakes than these {MOST_MISTAKES}; mend them first"))
            break
        report(case)
    return tuple(own)


def _given(cases: Any) -> Any:
    """Cases given in Python as they may stand under `cases`; records count as rows, as those of a data frame do."""
    if isinstance(cases, os.PathLike):
        return os.fspath(cases)
    if isinstance(cases, str | Mapping | CaseStream) or is_frame(cases):
        return cases
    if not isinstance(cases, Iterable):
        raise SuiteError(f"the cases given are {shown(cases)}; give a data frame, a list of mappings or a path")
    items = list(cases)
    plain = any(isinstance(item, str) or names_source(item) for item in items)
    return items if plain or not items else {"rows": items}


def _reading(parts: Sequence[Part], defaults: Defaults) -> Reading:
    called = parts[0].source.name if len(parts) == 1 else f"{parts[0].source.name} and {len(parts) - 1} more"
    return Reading(called, [part.source for part in parts], defaults)


def _read(parts: Sequence[Part], reading: Reading, selections: Sequence[Selection], name: str) -> ReadCases:
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
        cases = CaseCopy(reading.cases(), name=reading.name)
    for selection in (first, second):
        cases = select(cases, selection, name=reading.name)
    said = [", ".join(dict.fromkeys(part.said for part in parts)), first.said, selections[1].said]
    return ReadCases(cases, name, "; ".join(text for text in said if text), places=reading.places)


def _name(parts: Sequence[Part], suite_name: str) -> str:
    names = list(dict.fromkeys(part.name for part in parts))
    known = [name for name in names if name is not None]
    joined = "+".join(known)
    return joined if len(known) == len(names) and len(joined) <= case_options.MAX_NAME else suite_name


def load_cases(path: Path, *, name: str, limit: int | None = None) -> Sequence[Case]:
    """The cases of a file, checked, read again whenever they are gone through; name: how messages call the file.

    Rows of JSONL, JSON, YAML and Parquet are {id?, inputs, expected?, metadata?, tags?, evaluators?}, or records. Of a
    record, as of a table, the columns `id`, `expected`, `tags` and `metadata.x` are those, and every other one is an
    input. Values of a CSV are text, and an empty `expected` is none. limit: only the first so many, though all are
    checked. Raises SuiteError.
    """
    part = Part(file_source(path, name=name, shape=Shape(), where=name), path.stem, name)
    return _read([part], _reading([part], NO_DEFAULTS), (Selection(), Selection(first=limit)), name).cases


def rebased_cases(value: Any, place: PurePath, *, folder: Path) -> Any:
    """`cases` with its paths as seen from a folder: place is where they were relative to, seen from there."""
    if isinstance(value, list):
        return [rebased_cases(item, place, folder=folder) for item in value]
    if isinstance(value, str) and value.strip():
        return (place / value).as_posix()
    if not isinstance(value, Mapping) or not names_source(value):
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
