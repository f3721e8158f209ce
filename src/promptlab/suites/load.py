"""A suite file, or a mapping of the same shape, to a Suite; every mistake is named with file and line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from promptlab.errors import SuiteError, UsageError
from promptlab.models.settings import check_settings
from promptlab.spelling import suggestion
from promptlab.suites.case_parts import INLINE
from promptlab.suites.case_scope import leave_out_cases
from promptlab.suites.case_sources import ReadCases, read_cases
from promptlab.suites.defaults import Defaults, read_defaults
from promptlab.suites.document import Document, parse_yaml, read_text
from promptlab.suites.gates import parse_gates
from promptlab.suites.includes import resolve_includes
from promptlab.suites.keys import check_keys, entry_name
from promptlab.suites.matrix import read_matrix
from promptlab.suites.mistakes import Report, refuse, told
from promptlab.suites.model import Suite
from promptlab.suites.scoring import (
    DEFAULT_FUNCTIONS,
    RESPONSE_SCHEMA,
    binding,
    case_evaluators,
    check_inputs_used,
    check_overall,
    document_needs_functions,
    entry_list,
    suite_evaluators,
    where_case,
)
from promptlab.suites.selection import ALL_CASES, CaseChoice, select
from promptlab.suites.streams import CaseStream
from promptlab.suites.whole_run import suite_metrics
from promptlab.types import Case

SUITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,199}")


Scope: TypeAlias = Literal["whole", "files", "part"]
"""How much is read: all; not what cases a database or a hub has; and of a file that others include, what it has."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A suite with the document that it is made of: where each part stands, includes resolved; and those files."""

    suite: Suite
    document: Document
    included: frozenset[Path] = frozenset()


def load_suite(path: Path, *, choice: CaseChoice = ALL_CASES) -> Suite:
    """The suite of a file, checked in full: cases read, evaluators bound, gates parsed.

    Paths in it are relative to its folder. Evaluators that are not built in come from its `functions:` files, else
    from `evaluators.py` in its folder where there is one. choice: which cases, in place of its own or of them. Raises
    SuiteError or EvaluatorError that names the file and the line.
    """
    return read_suite(path, choice=choice).suite


def read_suite(
    path: Path, *, choice: CaseChoice = ALL_CASES, scope: Scope = "whole", report: Report = refuse
) -> Loaded:
    """The suite of a file with its document.

    report: takes every mistake that leaves something to read on with; the suite is then without what is wrong. Raises
    SuiteError for a file that is no suite at all.
    """
    name = str(path)
    if not path.exists():
        others = sorted(other.name for other in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise SuiteError(f"suite {name!r} does not exist{suggestion(path.name, others)}")
    document = parse_yaml(read_text(path, name=name, what="the suite"), name=name)
    if document.value is None:
        raise SuiteError(f"{name}: the suite is empty; it needs `cases`, and `evaluators`, `prompts` and `models`")
    return _read(document, folder=path.parent, name=path.stem, path=path, choice=choice, scope=scope, report=report)


def suite_from_mapping(mapping: Mapping[str, Any], *, folder: Path, name: str, choice: CaseChoice = ALL_CASES) -> Suite:
    """The suite of a mapping with the keys of a suite file.

    folder: what paths in it are relative to. name: the suite's, where the mapping has none. Raises as load_suite.
    """
    document = Document(_plain(mapping), f"suite {name!r}")
    return _read(document, folder=folder, name=name, path=None, choice=choice, scope="whole", report=refuse).suite


def _read(
    document: Document,
    *,
    folder: Path,
    name: str,
    path: Path | None,
    choice: CaseChoice,
    scope: Scope,
    report: Report,
) -> Loaded:
    check_keys(document, report=report)
    if not isinstance(document.value, dict):
        raise SuiteError(f"{document.where()}: holds no suite")
    included = resolve_includes(
        document,
        folder=folder,
        path=path,
        needs_functions=document_needs_functions,
        default_functions=DEFAULT_FUNCTIONS,
        report=report,
    )
    document = included.document
    suite_name = name
    with told(report):
        suite_name = _suite_name(document, name)
    defaults = read_defaults(document, report=report)
    found = ReadCases((), suite_name, INLINE)
    with told(report):
        if scope == "whole" or not leave_out_cases(document, folder=folder, part=scope == "part", report=report):
            found = read_cases(
                document, folder=folder, suite_name=suite_name, choice=choice, defaults=defaults, report=report
            )
    own_entries, input_names = _of_all(found.cases)
    suite = _assemble(
        document,
        found.cases,
        own_entries=own_entries,
        folder=folder,
        name=suite_name,
        path=path,
        dataset_name=found.name,
        source=found.source,
        places=found.places,
        defaults=defaults,
        scope=scope,
        report=report,
    )
    if choice:
        suite = replace(suite, choices=(choice,))
    if found.cases and found.whole:
        check_inputs_used(document, input_names, report=report)
    return Loaded(suite, document, included.files)


def restore_suite(
    content: Mapping[str, Any],
    *,
    folder: Path,
    name: str,
    path: Path | None,
    with_evaluators: Sequence[Case],
    dataset_name: str,
    dataset_source: str,
    choices: Sequence[CaseChoice] = (),
) -> Suite:
    """The suite of a document that was stored with its cases, in the database: its own `cases` are empty.

    with_evaluators: the stored cases that have evaluators of their own. choices: how its cases were chosen then. Raises
    EvaluatorError where an evaluator of the project is not there any more.
    """
    document = Document(content, f"suite {name!r}")
    suite = _assemble(
        document,
        (),
        own_entries=with_evaluators,
        folder=folder,
        name=name,
        path=path,
        dataset_name=dataset_name,
        source=dataset_source,
        places={},
        defaults=read_defaults(document),
        scope="whole",
        report=refuse,
    )
    return replace(suite, choices=tuple(choices))


def _assemble(
    document: Document,
    cases: Sequence[Case],
    *,
    own_entries: Sequence[Case],
    folder: Path,
    name: str,
    path: Path | None,
    dataset_name: str,
    source: str,
    places: Mapping[str, str],
    defaults: Defaults,
    scope: Scope,
    report: Report,
) -> Suite:
    bound_with = binding(document, folder=folder, cases=own_entries, defaults=defaults, report=report)
    of_cases = where_case(document, source, places)
    suite = Suite(
        name=name,
        description=_text(document, "description", report=report),
        prompts=_references(document, "prompts", report=report),
        models=_references(document, "models", report=report),
        settings=_settings(document, report=report),
        matrix=read_matrix(document, report=report),
        repeats=_repeats(document, report=report),
        cases=cases,
        evaluators=suite_evaluators(document, bound_with),
        path=path,
        dataset_name=dataset_name,
        dataset_source=source,
        case_evaluators=case_evaluators(own_entries, bound_with, where=of_cases),
        document={key: value for key, value in document.value.items() if key != "cases"},
        folder=folder,
    )
    check_overall(document, suite.evaluators, suite.case_evaluators, where=of_cases, report=report)
    names = {RESPONSE_SCHEMA, *(evaluator.name for evaluator in suite.all_evaluators)}
    # An evaluator that could not be bound has been reported; a gate on it is no second mistake.
    names.update(filter(None, (entry_name("evaluators", entry) for entry in entry_list(document))))
    # A part may have gates on what the suites that include it score.
    known = None if scope == "part" else names
    suite = replace(
        suite,
        metrics=suite_metrics(
            document, functions=bound_with.functions, broken=bound_with.broken, evaluators=known, report=report
        ),
    )
    return replace(suite, gates=parse_gates(document, evaluators=known, metrics=suite.metrics, report=report))


def choose(suite: Suite, choice: CaseChoice) -> Suite:
    """A suite that is loaded already, with other cases or with those of its own that are chosen. Raises SuiteError."""
    if not choice:
        return suite
    if choice.cases is not None:
        folder = suite.folder or Path()
        other = suite_from_mapping({**suite.document, "cases": []}, folder=folder, name=suite.name, choice=choice)
        return replace(other, path=suite.path, choices=(*suite.choices, choice))
    where = str(suite.path or suite.name)
    selection = choice.selection(place=where)
    cases = select(suite.cases, selection, name=where)
    own = {case.key for case in _of_all(cases)[0]}
    return replace(
        suite,
        cases=cases,
        case_evaluators={key: bound for key, bound in suite.case_evaluators.items() if key in own},
        dataset_source="; ".join(text for text in (suite.dataset_source, selection.said) if text),
        choices=(*suite.choices, choice),
    )


def _of_all(cases: Sequence[Case]) -> tuple[tuple[Case, ...], set[str]]:
    """The cases that have evaluators of their own, and the names of the inputs of all cases."""
    if isinstance(cases, CaseStream):
        return cases.with_evaluators, set(cases.input_names)
    return tuple(case for case in cases if case.evaluators), {name for case in cases for name in case.inputs}


def _suite_name(document: Document, default: str) -> str:
    name = default if document.value.get("name") is None else _text(document, "name", report=refuse)
    if not SUITE_NAME.fullmatch(name):
        raise SuiteError(
            f"{document.where('name')}: the name is {name!r}; it has letters, digits, spaces, `-`, `_`, `.` only"
        )
    return name


def _text(document: Document, key: str, *, report: Report) -> str:
    value = document.value.get(key)
    if isinstance(value, str):
        return value.strip()
    if value is not None:
        report(SuiteError(f"{document.where(key)}: `{key}` is {value!r}; it is text, so put it in quotes"))
    return ""


def _references(document: Document, key: str, *, report: Report) -> tuple[str, ...]:
    values = document.value.get(key)
    if values is None:
        return ()
    if not isinstance(values, list):
        report(SuiteError(f"{document.where(key)}: `{key}` is {values!r}; it is a list, `{key}: [{values}]`"))
        return ()
    names: list[str] = []
    for position, item in enumerate(values):
        where = document.where(key, position)
        if not isinstance(item, str) or not item.strip():
            report(SuiteError(f"{where}: an entry of `{key}` is {item!r}; it is a name"))
        elif item in names:
            report(SuiteError(f"{where}: {item!r} stands twice in `{key}`; name it once"))
        else:
            names.append(item)
    return tuple(names)


def _settings(document: Document, *, report: Report) -> Mapping[str, Any]:
    given = document.value.get("settings")
    if given is not None and not isinstance(given, dict):
        with _as_suite_errors(report):
            check_settings(given, where=document.where("settings"))
    settings: dict[str, Any] = {}
    # One by one, so that the message has the line of the one that is wrong.
    for key, value in given.items() if isinstance(given, dict) else ():
        with _as_suite_errors(report):
            settings.update(check_settings({key: value}, where=document.where("settings", key)))
    return settings


@contextlib.contextmanager
def _as_suite_errors(report: Report) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        report(SuiteError(str(error)))


def _repeats(document: Document, *, report: Report) -> int:
    value = document.value.get("repeats", 1)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        report(SuiteError(f"{document.where('repeats')}: `repeats` is {value!r}; it is a whole number from 1"))
        return 1
    return value


def _plain(value: Any) -> Any:
    """Mappings as dicts and sequences as lists, as YAML would have given them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
