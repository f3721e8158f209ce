"""@evaluator and BoundEvaluator: how a plain function becomes a scorer, and what it may return."""

from __future__ import annotations

import asyncio
import inspect
import math
import numbers
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar, overload

from promptlab.errors import EvaluatorError
from promptlab.evaluators.deadline import run_in_thread
from promptlab.evaluators.options import NotApplicable, resolve
from promptlab.types import Direction, EvaluatorContext, Score

DEADLINE_SECONDS = 60.0
REASON_CHARACTERS = 200
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
FILE_MODULE_PREFIX = "promptlab_functions_"
"""Modules made from a suite's Python file: their evaluators belong to that suite, not to the process."""

EvaluatorFunction: TypeAlias = Callable[..., Any]
F = TypeVar("F", bound=EvaluatorFunction)

REGISTERED: dict[str, Definition] = {}
"""Evaluators that this process has defined with @evaluator outside of a suite's Python file, by name."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An evaluator as it is defined, before a suite gives it options.

    check: raises ValueError for options that can never work; called when a suite is loaded. inline: quick enough
    to run on the event loop itself; only evaluators of promptlab are.
    """

    name: str
    function: EvaluatorFunction
    direction: Direction = "higher"
    check: Callable[[Mapping[str, Any]], None] | None = None
    inline: bool = False


@overload
def evaluator(function: F, /) -> F: ...


@overload
def evaluator(
    *,
    name: str | None = None,
    direction: Direction = "higher",
    check: Callable[[Mapping[str, Any]], None] | None = None,
    inline: bool = False,
) -> Callable[[F], F]: ...


def evaluator(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    direction: Direction = "higher",
    check: Callable[[Mapping[str, Any]], None] | None = None,
    inline: bool = False,
) -> F | Callable[[F], F]:
    """The function itself, known from now on as an evaluator: a suite can name it.

    The function takes an EvaluatorContext and keyword-only options; it may be async. It returns a bool, a finite
    number, a Score, a mapping of them (`name.key` each), or None for "does not apply". name: default, the
    function's. direction: whether a higher or a lower value is better. check: raises ValueError, when a suite is
    loaded, for options that can never work. inline: run on the event loop, for what takes microseconds; others
    run in a thread with a deadline of 60 s. Raises EvaluatorError for a signature that cannot be called so.

    Example:
        @evaluator
        def mentions(context: EvaluatorContext, *, word: str) -> bool:
            return word in context.output
    """

    def define(function: F) -> F:
        definition = Definition(name or function.__name__, function, direction, check, inline)
        _check_definition(definition)
        function.__promptlab_evaluator__ = definition  # type: ignore[attr-defined]  # functions take attributes
        if not function.__module__.startswith(FILE_MODULE_PREFIX):
            REGISTERED[definition.name] = definition
        return function

    return define if function is None else define(function)


def definition_of(function: Any, *, name: str = "") -> Definition:
    """The definition of a function; one without @evaluator is defined by its name as it stands."""
    found = getattr(function, "__promptlab_evaluator__", None)
    if isinstance(found, Definition):
        return found
    definition = Definition(name or function.__name__, function)
    _check_definition(definition)
    return definition


def _check_definition(definition: Definition) -> None:
    name = definition.name
    if not NAME.fullmatch(name):
        raise EvaluatorError(f"evaluator {name!r}: a name has letters, digits, `_` and `-` only")
    if definition.direction not in ("higher", "lower"):
        raise EvaluatorError(f"evaluator {name!r}: direction is {definition.direction!r}; it is 'higher' or 'lower'")
    parameters = list(inspect.signature(definition.function).parameters.values())
    kinds = inspect.Parameter
    if not parameters or parameters[0].kind not in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD):
        raise EvaluatorError(f"evaluator {name!r} takes no context; write `def {name}(context, *, ...)`")
    for parameter in parameters[1:]:
        if parameter.kind not in (kinds.KEYWORD_ONLY, kinds.VAR_KEYWORD):
            raise EvaluatorError(
                f"evaluator {name!r}: option `{parameter.name}` is positional; write `def {name}(context, *, "
                f"{parameter.name}, ...)`"
            )


@dataclass(frozen=True, slots=True)
class BoundEvaluator:
    """An evaluator with its options, as one entry of a suite has it.

    name: what it scores under; kind: the evaluator's own name, different where the entry says `as:`.
    options: checked; texts with `{{ }}` are templates over the case. digest: over kind, options and source, hex.
    """

    name: str
    function: EvaluatorFunction
    options: Mapping[str, Any]
    digest: str
    direction: Direction = "higher"
    kind: str = ""
    inline: bool = False
    seconds: float = DEADLINE_SECONDS
    """How long one call may take."""

    async def score(self, context: EvaluatorContext) -> dict[str, Score]:
        """The scores of one output: `{name: Score}`, `name.key` each for a mapping, {} where it does not apply.

        Never raises: an evaluator that fails, takes too long or returns something else gives a Score with `error`.
        """
        try:
            options = await resolve(self.options, self.function, context)
            return as_scores(self.name, await self._call(context, options))
        except NotApplicable:
            return {}
        except TimeoutError as error:
            message = str(error) or f"took longer than {self.seconds:g} s"
        except Exception as error:  # noqa: BLE001 - a failed evaluator is a row, not a crashed run
            message = f"{type(error).__name__}: {error}" if not isinstance(error, _BadResultError) else str(error)
        return {self.name: Score(error=clip(message, 500))}

    async def _call(self, context: EvaluatorContext, options: Mapping[str, Any]) -> Any:
        if inspect.iscoroutinefunction(self.function):
            async with asyncio.timeout(self.seconds):
                return await self.function(context, **options)
        if self.inline:
            return self.function(context, **options)
        result = await run_in_thread(lambda: self.function(context, **options), seconds=self.seconds)
        if isinstance(result, Awaitable):
            async with asyncio.timeout(self.seconds):
                return await result
        return result


class _BadResultError(Exception):
    """What an evaluator returned is no score."""


def as_scores(name: str, result: Any) -> dict[str, Score]:
    """The scores that a returned value stands for, by name.

    Example: as_scores("a", {"x": True, "y": 0.5}) -> {"a.x": Score(1.0, True), "a.y": Score(0.5)}
    """
    if result is None:
        return {}
    if isinstance(result, Mapping):
        scores = {}
        for key, value in result.items():
            if not isinstance(key, str) or not key:
                raise _BadResultError(f"returned a mapping with the key {key!r}; keys are text")
            if value is not None:
                scores[f"{name}.{key}"] = _as_score(value, f"returned under {key!r}")
        return scores
    return {name: _as_score(result, "returned")}


def _as_score(value: Any, verb: str) -> Score:
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, Score):
        if value.error is not None:
            return Score(error=value.error, reason=value.reason)
        number = value.value if value.value is not None else value.passed
        if number is None:
            raise _BadResultError(f"{verb} a Score without value, passed and error; give one of them")
        return replace(value, value=_finite(number, verb))
    if isinstance(value, bool):
        return Score(value=float(value), passed=value)
    if isinstance(value, numbers.Real):
        return Score(value=_finite(value, verb))
    shown = clip(repr(value), 80)
    raise _BadResultError(
        f"{verb} {type(value).__name__} {shown}; an evaluator returns a bool, a number, a Score, a mapping or None"
    )


def _finite(value: Any, verb: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise _BadResultError(f"{verb} {'NaN' if math.isnan(number) else number}; a score is a finite number")
    return number


def clip(text: str, characters: int = REASON_CHARACTERS) -> str:
    """The text on one line, cut to so many characters: newlines become ⏎."""
    line = re.sub(r"\r\n|[\n\r\u2028\u2029\u0085\v\f]", "⏎", text[: characters + 1])
    return line if len(line) <= characters and len(text) <= characters else line[: characters - 1] + "…"


def quote(text: str, characters: int = 80) -> str:
    """The text in quotation marks, on one line, cut to so many characters: for reasons."""
    return f"'{clip(text, characters)}'"
