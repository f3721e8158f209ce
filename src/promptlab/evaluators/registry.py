"""From the entries of a suite to bound evaluators: names looked up, options checked."""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from promptlab.errors import EvaluatorError
from promptlab.evaluators.base import (
    FILE_MODULE_PREFIX,
    NAME,
    REGISTERED,
    BoundEvaluator,
    Definition,
    definition_of,
)
from promptlab.evaluators.identity import evaluator_digest
from promptlab.evaluators.options import check_options, has_templates
from promptlab.evaluators.spelling import suggestion

BUILT_IN = {
    "exact_match": "text",
    "contains": "text",
    "regex": "text",
    "is_json": "structure",
    "json_schema": "structure",
    "levenshtein": "overlap",
    "rouge_1": "overlap",
    "rouge_2": "overlap",
    "rouge_l": "overlap",
    "word_count": "measures",
    "latency": "measures",
    "cost": "measures",
}
"""The evaluators of promptlab, and the module of this package that each is in."""


def known(functions: Mapping[str, Callable[..., Any]] | None = None) -> Mapping[str, Definition]:
    """Every evaluator that a suite can name, by name: built in, registered in this process, and `functions`."""
    definitions = {name: _built_in(name) for name in BUILT_IN}
    definitions.update({name: item for name, item in REGISTERED.items() if name not in BUILT_IN})
    definitions.update({name: definition_of(item, name=name) for name, item in (functions or {}).items()})
    return definitions


def bind(entry: Any, *, where: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> BoundEvaluator:
    """The evaluator of one suite entry: `"exact_match"` or `{"contains": {"word": "x", "as": "mentions"}}`.

    where: the start of messages, such as `evals/a.yaml:7`. functions: evaluators of the suite's Python file; they
    come before those registered in this process, and may not take the name of a built-in one. Beside its options an
    entry may have `as` (another name to score under) and `direction`. Raises EvaluatorError.
    """
    kind, given = _split(entry, where)
    definition = _find(kind, functions or {}, where)
    options = dict(given)
    name = options.pop("as", kind)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise EvaluatorError(f"{where}: {kind}: `as` is {name!r}; a name has letters, digits, `_` and `-` only")
    direction = options.pop("direction", definition.direction)
    if direction not in ("higher", "lower"):
        raise EvaluatorError(f"{where}: {kind}: direction is {direction!r}; it is 'higher' or 'lower'")
    check_options(options, definition.function, where=f"{where}: {kind}")
    if definition.check is not None and not has_templates(options):
        try:
            definition.check(options)
        except ValueError as error:
            raise EvaluatorError(f"{where}: {kind}: {error}") from error
    return BoundEvaluator(
        name=name,
        function=definition.function,
        options=options,
        digest=evaluator_digest(kind, definition.function, options),
        direction=direction,
        kind=kind,
        inline=definition.inline and _is_ours(definition),
    )


def load_functions(path: Path) -> Mapping[str, Callable[..., Any]]:
    """The evaluators that a Python file defines with @evaluator, by name.

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
    if kind in functions:
        _refuse_built_in(kind, where=where)
        return replace(definition_of(functions[kind], name=kind), name=kind)
    if kind in BUILT_IN:
        return _built_in(kind)
    if kind in REGISTERED:
        return REGISTERED[kind]
    names = {*BUILT_IN, *REGISTERED, *functions}
    raise EvaluatorError(
        f"{where}: unknown evaluator {kind!r}{suggestion(kind, names)}; "
        "one of your own is defined with @evaluator in evaluators.py beside the suite, or the file under `functions:`"
    )


def _built_in(name: str) -> Definition:
    module = importlib.import_module(f"promptlab.evaluators.{BUILT_IN[name]}")
    return definition_of(getattr(module, name))


def _refuse_built_in(name: str, *, where: str) -> None:
    if name in BUILT_IN:
        raise EvaluatorError(f"{where}: {name!r} is an evaluator of promptlab; give this one another name")


def _is_ours(definition: Definition) -> bool:
    return definition.function.__module__.startswith("promptlab.evaluators.")
