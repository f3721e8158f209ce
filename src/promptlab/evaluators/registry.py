"""From the entries of a suite to bound evaluators: names looked up, options checked."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from promptlab.errors import EvaluatorError
from promptlab.evaluators import entries, entry_points
from promptlab.evaluators.base import (
    FILE_MODULE_PREFIX,
    REGISTERED,
    BoundEvaluator,
    Definition,
    definition_of,
)
from promptlab.evaluators.groups import COMBINATIONS, Group
from promptlab.evaluators.identity import digest_of, evaluator_digest
from promptlab.evaluators.options import check_options, has_templates
from promptlab.evaluators.transforms import Transform, function_names, is_transform
from promptlab.spelling import nearest, suggestion
from promptlab.types import Asked

BUILT_IN = {
    "exact_match": "text",
    "quasi_exact_match": "text",
    "contains": "text",
    "contains_any": "text",
    "contains_all": "text",
    "starts_with": "text",
    "ends_with": "text",
    "regex": "text",
    "equals_number": "numbers",
    "numeric_diff": "numbers",
    "choice": "choices",
    "list_contains": "choices",
    "is_json": "structure",
    "json_schema": "structure",
    "json_fields": "fields",
    "tool_call": "tools",
    "is_sql": "formats",
    "is_python": "formats",
    "is_xml": "formats",
    "refusal": "safety",
    "pii": "safety",
    "levenshtein": "overlap",
    "f1": "overlap",
    "rouge_1": "rouge",
    "rouge_2": "rouge",
    "rouge_l": "rouge",
    "rouge_lsum": "rouge",
    "bleu": "bleu",
    "chrf": "chrf",
    "ter": "ter",
    "meteor": "meteor",
    "word_count": "measures",
    "sentence_count": "measures",
    "tokens": "measures",
    "latency": "measures",
    "cost": "measures",
    "finish_reason": "measures",
    "semantic_similarity": "semantic",
    "perplexity": "likelihood",
    "target_log_probability": "likelihood",
    "choice_by_likelihood": "likelihood",
}
"""The evaluators of promptlab, and the module of this package that each is in."""


def known(functions: Mapping[str, Callable[..., Any]] | None = None) -> Mapping[str, Definition]:
    """Every evaluator that a suite can name, by name, but for groups: built in, of packages, registered, `functions`.

    Raises EvaluatorError for one of a package that cannot be loaded.
    """
    definitions = {name: _built_in(name) for name in BUILT_IN}
    definitions.update({name: entry_points.load(name) for name in entry_points.names() if name not in BUILT_IN})
    definitions.update({name: item for name, item in REGISTERED.items() if name not in BUILT_IN})
    own = {name: item for name, item in (functions or {}).items() if not is_transform(item)}
    definitions.update({name: definition_of(item, name=name) for name, item in own.items()})
    return definitions


def bind(
    entry: Any,
    *,
    where: str,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    transform: Transform | None = None,
) -> BoundEvaluator:
    """The evaluator of one suite entry: `"exact_match"` or `{"contains": {"word": "x", "as": "mentions"}}`.

    where: the start of messages, such as `evals/a.yaml:7`. functions: evaluators and transforms of the suite's Python
    file; they come before those registered in this process, and may not take the name of a built-in one. transform:
    of entries without their own. Beside its options an entry may have the keys of entries.KEYS. Raises EvaluatorError.
    """
    kind, given = _split(entry, where)
    if kind in COMBINATIONS:
        return _bind_group(kind, given, where=where, functions=functions or {}, transform=transform)
    definition = _find(kind, functions or {}, where)
    common, options = entries.split(
        given, of=definition.function, where=f"{where}: {kind}", functions=functions or {}, transform=transform
    )
    check_options(options, definition.function, where=f"{where}: {kind}")
    if definition.check is not None and not has_templates(options):
        try:
            definition.check(options)
        except ValueError as error:
            raise EvaluatorError(f"{where}: {kind}: {error}") from error
    return entries.complete(
        BoundEvaluator(
            name=kind,
            function=definition.function,
            options=options,
            digest=evaluator_digest(kind, definition.function, options),
            direction=definition.direction,
            kind=kind,
            asks=_asked(definition, options),
            inline=definition.inline and _is_ours(definition),
            heavy=definition.heavy and _is_ours(definition),
        ),
        common,
    )


def _asked(definition: Definition, options: Mapping[str, Any]) -> tuple[Asked, ...]:
    """The base models that an evaluator asks with these options; one that a case names is not known yet."""
    if definition.asks is None:
        return ()
    parameters = inspect.signature(definition.function).parameters.values()
    defaults = {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}
    return tuple(asked for asked in definition.asks({**defaults, **options}) if "{{" not in (asked.model or ""))


def _bind_group(
    kind: str,
    given: Mapping[str, Any],
    *,
    where: str,
    functions: Mapping[str, Callable[..., Any]],
    transform: Transform | None,
) -> BoundEvaluator:
    common, options = entries.split(
        given, of=COMBINATIONS[kind], where=f"{where}: {kind}", functions=functions, transform=None
    )
    members = options.pop("evaluators", None)
    for name in options:
        raise EvaluatorError(
            f"{where}: {kind}: unknown option {name!r}{suggestion(name, ('evaluators', *entries.KEYS))}"
        )
    if not isinstance(members, list | tuple) or not members:
        raise EvaluatorError(f"{where}: {kind}: `evaluators` is {members!r}; it is a list of entries, as in a suite")
    inside = f"{where}: {kind}"
    bound = tuple(bind(member, where=inside, functions=functions, transform=transform) for member in members)
    names = [member.name for member in bound]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise EvaluatorError(f"{inside}: two members score under {name!r}; give one another name with `as: ...`")
    identities = (f"{member.name}={member.weight}:{member.digest}" for member in bound)
    return entries.complete(
        BoundEvaluator(
            name=kind,
            function=Group(COMBINATIONS[kind], bound).score,
            options={},
            digest=digest_of(kind, *identities),
            kind=kind,
            seconds=sum(member.seconds for member in bound),
            members=bound,
        ),
        common,
    )


def needs_functions(suite_entries: Iterable[Any], *, beside: Collection[str] = ()) -> bool:
    """Whether any entry, or a transform of one, is neither promptlab's own nor in `beside`.

    Else nobody's code has to run.
    """
    for entry in suite_entries:
        for name, options in entry.items() if isinstance(entry, Mapping) else ((entry, None),):
            if not isinstance(name, str):
                continue
            given = options if isinstance(options, Mapping) else {}
            if name in COMBINATIONS:
                members = given.get("evaluators")
                if needs_functions(members if isinstance(members, list | tuple) else (), beside=beside):
                    return True
            elif name not in BUILT_IN and name not in beside:
                return True
            if "transform" in given and not {*function_names(given["transform"])} <= {*beside}:
                return True
    return False


def load_functions(path: Path) -> Mapping[str, Callable[..., Any]]:
    """The evaluators and transforms that a Python file defines with @evaluator and @transform, by name.

    The file is run, as any import is: it is code of the suite's author. Loaded again only when its text has changed.
    Raises EvaluatorError for a file that cannot be read or run, or that takes the name of a built-in evaluator.
    """
    try:
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        detail = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise EvaluatorError(f"{path}: cannot be read: {detail}") from error
    functions: dict[str, Callable[..., Any]] = {}
    for value in vars(_module(path, source)).values():
        if is_transform(value):
            functions.setdefault(value.__name__, value)
            continue
        definition = getattr(value, "__promptlab_evaluator__", None)
        if not isinstance(definition, Definition) or _is_ours(definition):
            continue
        _refuse_built_in(definition.name, where=str(path))
        if functions.get(definition.name, value) is not value:
            raise EvaluatorError(f"{path}: two evaluators are called {definition.name!r}; rename one")
        functions[definition.name] = value
    return functions


def _module(path: Path, source: str) -> ModuleType:
    digest = hashlib.sha256(f"{path.resolve()}\0{source}".encode("utf-8", "surrogatepass")).hexdigest()
    name = f"{FILE_MODULE_PREFIX}{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and type hints look their module up
    try:
        # Not by an importer: that would write bytecode beside the suite and miss an edit within the same second.
        exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102 - its author's code
    except SyntaxError as error:
        sys.modules.pop(name, None)
        raise EvaluatorError(f"{path}:{error.lineno or 1}: not valid Python: {error.msg}") from error
    except EvaluatorError as error:
        sys.modules.pop(name, None)
        raise EvaluatorError(f"{_place(path, error)}: {error}") from error
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise EvaluatorError(f"{_place(path, error)}: cannot be run: {type(error).__name__}: {error}") from error
    return module


def _place(path: Path, error: BaseException) -> str:
    """The file with the line of it in which the error arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _split(entry: Any, where: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry, Mapping) or not entry or not all(isinstance(key, str) for key in entry):
        raise EvaluatorError(f"{where}: an evaluator is a name, or `name: {{option: value}}`; this is {entry!r}")
    kind = next(iter(entry))
    if len(entry) > 1:
        other = list(entry)[1]
        raise EvaluatorError(
            f"{where}: {kind!r} and {other!r} stand side by side; options are indented below their evaluator, "
            f"and each evaluator starts with `- `"
        )
    options = entry[kind]
    if options is None:
        return kind, {}
    if not isinstance(options, Mapping):
        raise EvaluatorError(
            f"{where}: {kind}: its options are a mapping, `{kind}: {{option: value}}`, not {options!r}"
        )
    return kind, options


def _find(kind: str, functions: Mapping[str, Callable[..., Any]], where: str) -> Definition:
    if kind in functions and not is_transform(functions[kind]):
        _refuse_built_in(kind, where=where)
        return replace(definition_of(functions[kind], name=kind), name=kind)
    if kind in BUILT_IN:
        return _built_in(kind)
    if kind in REGISTERED:
        return REGISTERED[kind]
    if kind in (installed := entry_points.names()):
        return entry_points.load(kind)
    own = (name for name, function in functions.items() if not is_transform(function))
    names = {*BUILT_IN, *COMBINATIONS, *REGISTERED, *installed, *own}
    raise EvaluatorError(
        f"{where}: unknown evaluator {kind!r}{nearest(kind, names) or ';'} `promptlab evaluators list` names all; "
        "one of your own is defined with @evaluator in evaluators.py beside the suite, or the file under `functions:`"
    )


def _built_in(name: str) -> Definition:
    module = importlib.import_module(f"promptlab.evaluators.{BUILT_IN[name]}")
    return definition_of(getattr(module, name))


def _refuse_built_in(name: str, *, where: str) -> None:
    if name in BUILT_IN or name in COMBINATIONS:
        raise EvaluatorError(f"{where}: {name!r} is an evaluator of promptlab; give this one another name")


def _is_ours(definition: Definition) -> bool:
    return definition.function.__module__.startswith("promptlab.evaluators.")
