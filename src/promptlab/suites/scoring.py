"""The evaluators of a suite and of its cases, bound: entries of the suite's document to BoundEvaluators."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.errors import EvaluatorError, SuiteError
from promptlab.evaluators.base import BoundEvaluator
from promptlab.evaluators.groups import OVERALL
from promptlab.evaluators.options import inputs_used
from promptlab.evaluators.registry import bind, load_functions, needs_functions
from promptlab.evaluators.transforms import Transform, function_names, parse_transform
from promptlab.spelling import suggestion
from promptlab.suites.case_parts import INLINE
from promptlab.suites.defaults import Defaults
from promptlab.suites.document import Document
from promptlab.suites.keys import entry_name
from promptlab.suites.mistakes import Report, refuse, told
from promptlab.suites.whole_run import metric_functions
from promptlab.types import Case, PromptVersion

DEFAULT_FUNCTIONS = "evaluators.py"
RESPONSE_SCHEMA = "response_schema"
"""What the check of a prompt's response_schema scores under, where the suite has no json_schema of its own for it."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What entries are bound with.

    functions: evaluators and transforms of Python files, by name. transform: of entries without their own. broken:
    a Python file could not be used, so that what is not promptlab's own cannot be looked up.
    """

    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    transform: Transform | None = None
    broken: bool = False
    report: Report = refuse

    def bind_all(self, entries: Sequence[Any], places: Sequence[str]) -> tuple[BoundEvaluator, ...]:
        """The evaluators of entries that score side by side; places: the start of the messages about each."""
        bound: list[BoundEvaluator] = []
        named: set[str] = set()
        for entry, where in zip(entries, places, strict=True):
            with told(self.report):
                if self.broken and needs_functions([entry], beside=self.functions):
                    continue
                evaluator = bind(entry, where=where, functions=self.functions, transform=self.transform)
                if evaluator.name in named:
                    raise EvaluatorError(
                        f"{where}: two evaluators score under {evaluator.name!r}; give one another name with `as: ...`"
                    )
                named.add(evaluator.name)
                bound.append(evaluator)
        return tuple(bound)


def binding(document: Document, *, folder: Path, cases: Sequence[Case], defaults: Defaults, report: Report) -> Binding:
    """How the entries of a suite, and those of its cases, are bound: its Python files are run where they are needed.

    Evaluators that are neither built in nor in a file under `functions` come from evaluators.py in the suite's folder.
    The default transform is parsed once, where it stands.
    """
    entries = [*entry_list(document), *(entry for case in cases for entry in case.evaluators)]
    functions: dict[str, Callable[..., Any]] = {}
    broken = False
    for where, path in _files(document, folder, report):
        loaded = _load(path, where, report)
        broken = broken or loaded is None
        functions = {**(loaded or {}), **functions}
    default = folder / DEFAULT_FUNCTIONS
    of_metrics = metric_functions(document)
    needed = _needs_functions(entries, defaults.transform, beside=functions) or not {*of_metrics} <= {*functions}
    if default.is_file() and needed:
        loaded = _load(default, str(default), report)
        broken = broken or loaded is None
        functions = {**(loaded or {}), **functions}
    transform = None
    # One that a broken file was to define is not the mistake.
    if defaults.transform not in (None, []) and not (broken and _needs_functions([], defaults.transform, functions)):
        with told(report):
            where = document.where("defaults", "transform")
            transform = parse_transform(defaults.transform, where=f"{where}: defaults", functions=functions)
    return Binding(functions, transform, broken, report)


def _needs_functions(entries: Sequence[Any], transform: Any, beside: Collection[str] = ()) -> bool:
    return needs_functions(entries, beside=beside) or not {*function_names(transform)} <= {*beside}


def entry_list(document: Document) -> list[Any]:
    """The entries under `evaluators`; none where that is no list."""
    entries = document.value.get("evaluators")
    return entries if isinstance(entries, list) else []


def document_needs_functions(document: Document) -> bool:
    """Whether an entry of the suite itself has to come from a Python file."""
    defaults = document.value.get("defaults")
    transform = defaults.get("transform") if isinstance(defaults, Mapping) else None
    return _needs_functions(entry_list(document), transform) or bool(metric_functions(document))


def suite_evaluators(document: Document, binding: Binding) -> tuple[BoundEvaluator, ...]:
    """The evaluators under the key `evaluators` of a suite."""
    entries = document.value.get("evaluators")
    if entries is not None and not isinstance(entries, list):
        where = document.where("evaluators")
        binding.report(EvaluatorError(f"{where}: evaluators are a list; each starts with `- `"))
        return ()
    places = [document.where("evaluators", position) for position in range(len(entries or ()))]
    return binding.bind_all(entries or (), places)


WhereCase = Callable[[str], str]
"""The start of messages about the case of a key: `evals/data/rows.jsonl:7: case '7'`."""


def where_case(document: Document, source: str, places: Mapping[str, str]) -> WhereCase:
    """How messages about cases begin.

    source: where these are from, for people. places: by its key where a case stands, as far as that is known.
    """
    of = "" if source == INLINE else f" of {source}"
    entries = document.value.get("cases")
    lines: dict[str, str] = {}
    for place, entry in enumerate(entries if source == INLINE and isinstance(entries, list) else ()):
        key = entry.get("id") if isinstance(entry, Mapping) else None
        lines.setdefault(str(place + 1 if key is None else key), document.where("cases", place, "evaluators"))
    lines = {**places, **lines}
    return lambda key: f"{lines[key]}: case {key!r}" if key in lines else f"{document.name}: case {key!r}{of}"


def case_evaluators(
    cases: Iterable[Case], binding: Binding, *, where: WhereCase
) -> dict[str, tuple[BoundEvaluator, ...]]:
    """The evaluators of single cases, by the case's key."""
    return {
        case.key: binding.bind_all(case.evaluators, [where(case.key)] * len(case.evaluators))
        for case in cases
        if case.evaluators
    }


def check_overall(
    document: Document,
    evaluators: Sequence[BoundEvaluator],
    own: Mapping[str, Sequence[BoundEvaluator]],
    *,
    where: WhereCase,
    report: Report,
) -> None:
    """Reports an EvaluatorError where entries have weights, and one scores under the name of their weighted mean.

    own: the evaluators of single cases, by the case's key.
    """
    whole = [*evaluators, *(evaluator for some in own.values() for evaluator in some)]
    weighted = next((evaluator.name for evaluator in whole if evaluator.weight is not None), None)
    if weighted is None:
        return
    names = [entry_name("evaluators", entry) for entry in entry_list(document)]
    places = [document.where("evaluators", names.index(OVERALL))] if OVERALL in names else []
    places += [where(key) for key, some in own.items() if any(one.name == OVERALL for one in some)]
    for place in places[:1]:
        report(
            EvaluatorError(
                f"{place}: two scores are called {OVERALL!r}: this one, and the weighted mean of the entries that have "
                f"a weight, such as {weighted!r}; give this one another name with `as: ...`"
            )
        )


def wants_schema_check(prompt: PromptVersion | None, evaluators: Sequence[BoundEvaluator]) -> bool:
    """Whether a prompt has a response_schema that no evaluator looks at, so that it is checked by itself."""
    return (
        prompt is not None
        and prompt.response_schema is not None
        and not any(checks_schema(evaluator) for evaluator in evaluators)
    )


def checks_schema(evaluator: BoundEvaluator) -> bool:
    """Whether an evaluator looks at the prompt's response_schema, or scores under the name of that check."""
    own = evaluator.kind == "json_schema" and evaluator.options.get("schema") is None
    return own or evaluator.name == RESPONSE_SCHEMA or any(checks_schema(member) for member in evaluator.members)


def check_inputs_used(document: Document, inputs: set[str], *, report: Report) -> None:
    """Reports an EvaluatorError where an option of a suite's evaluator reads an input that no case has."""
    for position, entry in enumerate(entry_list(document)):
        for kind, options in entry.items() if isinstance(entry, Mapping) else ():
            for name in sorted(inputs_used(options) - inputs) if isinstance(options, Mapping) else ():
                where = document.where("evaluators", position)
                report(EvaluatorError(f"{where}: {kind}: no case has the input {name!r}{suggestion(name, inputs)}"))


def _files(document: Document, folder: Path, report: Report) -> list[tuple[str, Path]]:
    """The Python files under `functions`, each with the start of messages about it."""
    given = document.value.get("functions")
    if given is None:
        return []
    files = []
    for position, value in enumerate(given if isinstance(given, list) else [given]):
        where = document.where("functions", position)
        if isinstance(value, str) and value.endswith(".py"):
            files.append((where, folder / value))
        else:
            report(SuiteError(f"{where}: `functions` is {value!r}; it is the path of a Python file, or a list of them"))
    return files


def _load(path: Path, where: str, report: Report) -> Mapping[str, Callable[..., Any]] | None:
    with told(report):
        if not path.is_file():
            raise SuiteError(f"{where}: the file of evaluators {path.name!r} does not exist in {str(path.parent)!r}")
        return load_functions(path)
    return None
