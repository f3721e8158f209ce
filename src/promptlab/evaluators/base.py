"""@evaluator and BoundEvaluator: how a plain function becomes a scorer, and what it may return."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import numbers
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from promptlab.errors import CallError, EvaluatorError, ModelError
from promptlab.evaluators.asking import Untimed
from promptlab.evaluators.deadline import run_in_thread
from promptlab.evaluators.heavy import is_long, run_heavy
from promptlab.evaluators.options import NotApplicable, resolve
from promptlab.types import Asked, Direction, EvaluatorContext, Score

DEADLINE_SECONDS = 60.0
REASON_CHARACTERS = 200
WHOLE = ""
"""The key of a returned mapping that is the evaluator's own score, beside those of its parts."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
FILE_MODULE_PREFIX = "promptlab_functions_"
"""Modules made from a suite's Python file: their evaluators belong to that suite, not to the process."""

if TYPE_CHECKING:
    from promptlab.evaluators.transforms import Transform

EvaluatorFunction: TypeAlias = Callable[..., Any]
F = TypeVar("F", bound=EvaluatorFunction)

REGISTERED: dict[str, Definition] = {}
"""Evaluators that this process has defined with @evaluator outside of a suite's Python file, by name."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An evaluator as it is defined, before a suite gives it options.

    check: raises ValueError for options that can never work; called when a suite is loaded. inline: quick enough
    to run on the event loop itself. heavy: scored in batches, beside the loop or in a process of its own; one that is
    both is heavy for long texts. Only evaluators of promptlab are any of these. asks: which base models it asks with
    these options, and what for.
    """

    name: str
    function: EvaluatorFunction
    direction: Direction = "higher"
    check: Callable[[Mapping[str, Any]], None] | None = None
    inline: bool = False
    heavy: bool = False
    asks: Callable[[Mapping[str, Any]], Sequence[Asked]] | None = None


@overload
def evaluator(function: F, /) -> F: ...


@overload
def evaluator(
    *,
    name: str | None = None,
    direction: Direction = "higher",
    check: Callable[[Mapping[str, Any]], None] | None = None,
    inline: bool = False,
    heavy: bool = False,
    asks: Callable[[Mapping[str, Any]], Sequence[Asked]] | None = None,
) -> Callable[[F], F]: ...


def evaluator(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    direction: Direction = "higher",
    check: Callable[[Mapping[str, Any]], None] | None = None,
    inline: bool = False,
    heavy: bool = False,
    asks: Callable[[Mapping[str, Any]], Sequence[Asked]] | None = None,
) -> F | Callable[[F], F]:
    """The function itself, known from now on as an evaluator: a suite can name it.

    The function takes an EvaluatorContext and keyword-only options; it may be async. It returns a bool, a finite
    number, a Score, a mapping of them (`name.key` each; the key "" is its own score), or None for "does not apply".
    name: default, the function's. direction: whether a higher or a lower value is better. check: raises ValueError,
    when a suite is loaded, for options that can never work. inline: run on the event loop, for what takes
    microseconds; others run in a thread with a deadline of 60 s. heavy: run in batches, where there is much to score in
    processes of their own, with the same deadline: for evaluators of promptlab that look at nothing but the output,
    `expected` and `response_schema` of the context, which is all that they are given. Raises EvaluatorError for a
    signature that cannot be called so.

    An async one may ask base models through `context.ask` (types.Ask): through the cache and within the budget of the
    run, together with what others ask, the deadline standing still meanwhile. asks: the models that it asks with its
    options, so that one that is not there is found before the first call.

    Example:
        @evaluator
        def mentions(context: EvaluatorContext, *, word: str) -> bool:
            return word in context.output

        @evaluator(asks=lambda options: [Asked("embed", options["model"])])
        async def on_topic(context: EvaluatorContext, *, topic: str, model: str) -> float:
            output, wanted = await context.ask.embed([context.output, topic], model=model)
            return sum(a * b for a, b in zip(output, wanted))
    """

    def define(function: F) -> F:
        definition = Definition(name or function.__name__, function, direction, check, inline, heavy, asks)
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
    options: checked; texts with `{{ }}` are templates over the case. digest: over kind, options, source and what else
    decides the score, hex. direction: of the score it gives. transform: what is done to the output first. threshold:
    passed from this value, with `at_most` up to it. negated: passed where it would have failed. weight: its part in
    `overall` or a weighted mean.
    """

    name: str
    function: EvaluatorFunction
    options: Mapping[str, Any]
    digest: str
    direction: Direction = "higher"
    kind: str = ""
    inline: bool = False
    heavy: bool = False
    seconds: float = DEADLINE_SECONDS
    """How long one call may take."""
    transform: Transform | None = None
    threshold: float | None = None
    at_most: bool = False
    negated: bool = False
    weight: float | None = None
    asks: tuple[Asked, ...] = ()
    """The base models that it asks, as far as that is known before."""
    members: tuple[BoundEvaluator, ...] = ()
    """Of a group: what it is made of."""
    combines: Callable[[Mapping[str, Score]], Score | None] | None = None
    """Of one that is made of the other scores of a suite: what they come to, None where it does not apply."""

    @property
    def all_asks(self) -> tuple[Asked, ...]:
        """The base models that it asks, and those of its members."""
        return (*self.asks, *(asked for member in self.members for asked in member.all_asks))

    async def score(self, context: EvaluatorContext) -> dict[str, Score]:
        """The scores of one output: `{name: Score}`, `name.key` each for a mapping, {} where it does not apply.

        Never raises: an evaluator that fails, takes too long or returns something else gives a Score with `error`.
        """
        try:
            if self.transform is not None:
                context = replace(context, output=await self.transform.applied(context.output))
            options = await resolve(self.options, self.function, context)
            return self._judged(as_scores(self.name, await self._call(context, options)))
        except NotApplicable:
            return {}
        except CallError as error:
            message = f"{error.status}: {error}"
        except ModelError as error:
            message = str(error)
        except TimeoutError as error:
            message = str(error) or f"took longer than {self.seconds:g} s"
        except Exception as error:  # noqa: BLE001 - a failed evaluator is a row, not a crashed run
            message = f"{type(error).__name__}: {error}" if not isinstance(error, _BadResultError) else str(error)
        return {self.name: Score(error=clip(message, 500))}

    def combined(self, scores: Mapping[str, Score]) -> dict[str, Score]:
        """The score that is made of the others of its output, by name; {} where it does not apply."""
        found = self.combines(scores) if self.combines is not None else None
        return {} if found is None else {self.name: found}

    def _judged(self, scores: dict[str, Score]) -> dict[str, Score]:
        """The scores with the verdicts of the entry: its own score's, or every part's of a mapping without one."""
        if self.threshold is None and not self.negated:
            return scores
        judged = (self.name,) if self.name in scores else tuple(scores)
        return {name: self._verdict(score) if name in judged else score for name, score in scores.items()}

    def _verdict(self, score: Score) -> Score:
        if score.error is not None or score.value is None:
            return score
        passed, reason = score.passed, score.reason
        if self.threshold is not None:
            passed = score.value <= self.threshold if self.at_most else score.value >= self.threshold
            if not passed:
                why = f"{score.value:.4g} is {'more' if self.at_most else 'less'} than the threshold {self.threshold:g}"
                reason = f"{why}; {reason}" if reason else why
        if not self.negated:
            return replace(score, passed=passed, reason=reason)
        if passed is None:
            return Score(error="`not` turns a verdict round, and there is none; give it a `threshold`")
        reason = None if not passed else f"passed, and must not{f': {score.reason}' if score.reason else ''}"
        return replace(score, value=float(not passed), passed=not passed, reason=reason)

    async def _call(self, context: EvaluatorContext, options: Mapping[str, Any]) -> Any:
        untimed = None if context.ask is None else Untimed(context.ask)
        if untimed is not None and not self.inline and not self.heavy:
            context = replace(context, ask=untimed)
        if inspect.iscoroutinefunction(self.function):
            async with _deadline(self.seconds, untimed):
                return await self.function(context, **options)
        if self.inline and not (self.heavy and is_long(context)):
            return self.function(context, **options)
        if self.heavy:
            return await run_heavy(self.function, context, options, seconds=self.seconds)
        result = await run_in_thread(lambda: self.function(context, **options), seconds=self.seconds)
        if isinstance(result, Awaitable):
            async with _deadline(self.seconds, untimed):
                return await result
        return result


@contextlib.asynccontextmanager
async def _deadline(seconds: float, untimed: Untimed | None) -> AsyncIterator[None]:
    """So many seconds for the block, those left out in which it waits for a base model. Raises TimeoutError."""
    async with asyncio.timeout(seconds) as deadline:
        if untimed is not None:
            untimed.deadline = deadline
        yield


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
            if not isinstance(key, str):
                raise _BadResultError(f"returned a mapping with the key {key!r}; keys are text")
            if value is not None:
                scores[f"{name}.{key}" if key else name] = _as_score(value, f"returned under {key!r}")
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
