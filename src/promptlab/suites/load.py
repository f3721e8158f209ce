"""A suite file, or a mapping of the same shape, to a Suite; every mistake is named with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import EvaluatorError, SuiteError, UsageError
from promptlab.evaluators.base import BoundEvaluator
from promptlab.evaluators.options import inputs_used
from promptlab.evaluators.registry import BUILT_IN, bind, load_functions
from promptlab.evaluators.spelling import suggestion
from promptlab.models.settings import check_settings
from promptlab.suites.cases import CaseFile, cases_from_list, load_cases
from promptlab.suites.document import Document, parse_yaml, read_text
from promptlab.suites.gates import parse_gates
from promptlab.suites.model import Suite
from promptlab.types import Case

KEYS = (
    "name",
    "description",
    "prompts",
    "models",
    "settings",
    "repeats",
    "cases",
    "evaluators",
    "functions",
    "gates",
)
DEFAULT_FUNCTIONS = "evaluators.py"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,199}")


def load_suite(path: Path, *, limit: int | None = None) -> Suite:
    """The suite of a file, checked in full: cases read, evaluators bound, gates parsed.

    Paths in it are relative to its folder. Evaluators that are not built in come from its `functions:` file, by
    default `evaluators.py` in its folder where there is one. limit: only the first so many cases. Raises SuiteError
    or EvaluatorError that names the file and the line.
    """
    name = str(path)
    if not path.exists():
        others = sorted(other.name for other in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise SuiteError(f"suite {name!r} does not exist{suggestion(path.name, others)}")
    document = parse_yaml(read_text(path, name=name, what="the suite"), name=name)
    if document.value is None:
        raise SuiteError(f"{name}: the suite is empty; it needs `cases`, and `evaluators`, `prompts` and `models`")
    return _suite(document, folder=path.parent, name=path.stem, path=path, limit=limit)


def suite_from_mapping(mapping: Mapping[str, Any], *, folder: Path, name: str, limit: int | None = None) -> Suite:
    """The suite of a mapping with the keys of a suite file.

    folder: what paths in it are relative to. name: the suite's, where the mapping has none. Raises as load_suite.
    """
    return _suite(Document(_plain(mapping), f"suite {name!r}"), folder=folder, name=name, path=None, limit=limit)


def _suite(document: Document, *, folder: Path, name: str, path: Path | None, limit: int | None) -> Suite:
    value = document.value
    if not isinstance(value, dict):
        raise SuiteError(f"{document.where()}: a suite is a mapping with the keys {', '.join(KEYS)}")
    for key in value:
        if key not in KEYS:
            raise SuiteError(f"{document.where(key)}: unknown key {key!r}{suggestion(key, KEYS)}")
    if limit is not None and limit < 1:
        raise SuiteError(f"{document.name}: the limit is {limit}; it is a whole number from 1")
    suite_name = _text(document, "name", default=name)
    if not _NAME.fullmatch(suite_name):
        raise SuiteError(
            f"{document.where('name')}: the name is {suite_name!r}; it has letters, digits, spaces, `-`, `_`, `.` only"
        )
    cases, dataset_name, source = _cases(document, folder, suite_name, limit)
    own_entries, input_names = _of_all(cases)
    suite = _assemble(
        document,
        cases,
        own_entries=own_entries,
        folder=folder,
        name=suite_name,
        path=path,
        dataset_name=dataset_name,
        source=source,
    )
    _check_inputs_used(document, suite.evaluators, input_names)
    return suite


def restore_suite(
    content: Mapping[str, Any],
    *,
    folder: Path,
    name: str,
    path: Path | None,
    with_evaluators: Sequence[Case],
    dataset_name: str,
    dataset_source: str,
) -> Suite:
    """The suite of a document that was stored with its cases, in the database: its own `cases` are empty.

    with_evaluators: the stored cases that have evaluators of their own. Raises EvaluatorError where an evaluator of
    the project is not there any more.
    """
    return _assemble(
        Document(content, f"suite {name!r}"),
        (),
        own_entries=with_evaluators,
        folder=folder,
        name=name,
        path=path,
        dataset_name=dataset_name,
        source=dataset_source,
    )


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
) -> Suite:
    functions = _functions(document, folder, own_entries)
    evaluators = _evaluators(document, functions)
    own = _case_evaluators(own_entries, functions, where=f"{document.name}: cases in {source}")
    names = {evaluator.name for evaluator in (*evaluators, *(item for items in own.values() for item in items))}
    return Suite(
        name=name,
        description=_text(document, "description", default=""),
        prompts=_references(document, "prompts"),
        models=_references(document, "models"),
        settings=_settings(document),
        repeats=_repeats(document),
        cases=cases,
        evaluators=evaluators,
        gates=parse_gates(document, evaluators=names),
        path=path,
        dataset_name=dataset_name,
        dataset_source=source,
        case_evaluators=own,
        document={key: value for key, value in document.value.items() if key != "cases"},
        folder=folder,
    )


def _of_all(cases: Sequence[Case]) -> tuple[tuple[Case, ...], set[str]]:
    """The cases that have evaluators of their own, and the names of the inputs of all cases."""
    if isinstance(cases, CaseFile):
        return cases.with_evaluators, set(cases.input_names)
    return tuple(case for case in cases if case.evaluators), {name for case in cases for name in case.inputs}


def _text(document: Document, key: str, *, default: str) -> str:
    value = document.value.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise SuiteError(f"{document.where(key)}: `{key}` is {value!r}; it is text, so put it in quotes")
    return value.strip()


def _references(document: Document, key: str) -> tuple[str, ...]:
    values = document.value.get(key)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise SuiteError(f"{document.where(key)}: `{key}` is {values!r}; it is a list, `{key}: [{values}]`")
    for position, item in enumerate(values):
        where = document.where(key, position)
        if not isinstance(item, str) or not item.strip():
            raise SuiteError(f"{where}: an entry of `{key}` is {item!r}; it is a name")
        if item in values[:position]:
            raise SuiteError(f"{where}: {item!r} stands twice in `{key}`; name it once")
    return tuple(values)


def _settings(document: Document) -> Mapping[str, Any]:
    settings = document.value.get("settings")
    try:
        if isinstance(settings, dict):
            # One by one, so that the message has the line of the one that is wrong.
            for key, value in settings.items():
                check_settings({key: value}, where=document.where("settings", key))
        return check_settings(settings, where=document.where("settings"))
    except UsageError as error:
        raise SuiteError(str(error)) from error


def _repeats(document: Document) -> int:
    value = document.value.get("repeats", 1)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SuiteError(f"{document.where('repeats')}: `repeats` is {value!r}; it is a whole number from 1")
    return value


def _cases(document: Document, folder: Path, suite_name: str, limit: int | None) -> tuple[Sequence[Case], str, str]:
    value = document.value.get("cases")
    where = document.where("cases")
    if value is None:
        raise SuiteError(f"{where}: the suite has no `cases`; name a JSONL, CSV or YAML file, or list them here")
    if isinstance(value, list):
        return cases_from_list(document, "cases")[:limit], suite_name, "inline"
    if not isinstance(value, str) or not value.strip():
        raise SuiteError(f"{where}: `cases` is {value!r}; it is the path of a file or a list")
    path = folder / value
    if not path.exists():
        raise SuiteError(f"{where}: the file of cases {value!r} does not exist in {str(folder)!r}")
    return load_cases(path, name=str(path), limit=limit), path.stem, value


def _functions(document: Document, folder: Path, cases: Sequence[Case]) -> Mapping[str, Callable[..., Any]]:
    value = document.value.get("functions")
    if value is None:
        default = folder / DEFAULT_FUNCTIONS
        return load_functions(default) if _needs_functions(document, cases) and default.is_file() else {}
    where = document.where("functions")
    if not isinstance(value, str) or not value.endswith(".py"):
        raise SuiteError(f"{where}: `functions` is {value!r}; it is the path of a Python file")
    path = folder / value
    if not path.is_file():
        raise SuiteError(f"{where}: the file of evaluators {value!r} does not exist in {str(folder)!r}")
    return load_functions(path)


def _needs_functions(document: Document, cases: Sequence[Case]) -> bool:
    """Whether any entry names an evaluator that is not built in: else nobody's code has to run."""
    entries = document.value.get("evaluators")
    entries = [*(entries if isinstance(entries, list) else ()), *(entry for case in cases for entry in case.evaluators)]
    names = {name for entry in entries for name in (entry if isinstance(entry, dict) else [entry])}
    return any(isinstance(name, str) and name not in BUILT_IN for name in names)


def _evaluators(document: Document, functions: Mapping[str, Callable[..., Any]]) -> tuple[BoundEvaluator, ...]:
    entries = document.value.get("evaluators")
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise SuiteError(f"{document.where('evaluators')}: evaluators are a list; each starts with `- `")
    places = [document.where("evaluators", position) for position in range(len(entries))]
    return _bind_all(entries, places, functions)


def _check_inputs_used(document: Document, evaluators: tuple[BoundEvaluator, ...], inputs: set[str]) -> None:
    """Raises EvaluatorError where an option reads an input that no case has."""
    for position, evaluator in enumerate(evaluators):
        for name in sorted(inputs_used(evaluator.options) - inputs):
            where = document.where("evaluators", position)
            raise EvaluatorError(f"{where}: {evaluator.name}: no case has the input {name!r}{suggestion(name, inputs)}")


def _case_evaluators(
    cases: Sequence[Case], functions: Mapping[str, Callable[..., Any]], *, where: str
) -> dict[str, tuple[BoundEvaluator, ...]]:
    return {
        case.key: _bind_all(case.evaluators, [f"{where}: case {case.key!r}"] * len(case.evaluators), functions)
        for case in cases
        if case.evaluators
    }


def _bind_all(
    entries: Sequence[Any], places: Sequence[str], functions: Mapping[str, Callable[..., Any]]
) -> tuple[BoundEvaluator, ...]:
    bound: list[BoundEvaluator] = []
    for entry, where in zip(entries, places, strict=True):
        evaluator = bind(entry, where=where, functions=functions)
        if any(evaluator.name == other.name for other in bound):
            raise EvaluatorError(
                f"{where}: two evaluators score under {evaluator.name!r}; give one another name with `as: ...`"
            )
        bound.append(evaluator)
    return tuple(bound)


def _plain(value: Any) -> Any:
    """Mappings as dicts and sequences as lists, as YAML would have given them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
