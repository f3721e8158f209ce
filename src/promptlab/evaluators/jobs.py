"""One call of a heavy evaluator: what it is given, where its result goes, and how it looks on its way to a worker."""

from __future__ import annotations

import asyncio
import functools
import importlib
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from promptlab.types import EvaluatorContext, Score

LONG_CHARACTERS = 20_000

Result: TypeAlias = tuple[Any, Exception | None]
"""What a function returned, or what it raised."""


class UnknownHereError(Exception):
    """A function that a worker cannot import, such as one of a suite's own file: it can only run where it is."""


def characters(context: EvaluatorContext) -> int:
    """How long the texts are that are compared."""
    expected = context.expected
    items = expected if isinstance(expected, list | tuple) else (expected,)
    return len(context.output) + sum(len(item) for item in items if isinstance(item, str))


@dataclass(slots=True, eq=False)
class Job:
    """A call that is waited for.

    seconds: how long it may take. deaths: how many workers have ended while they ran it.
    """

    function: Callable[..., Any]
    context: EvaluatorContext
    options: Mapping[str, Any]
    seconds: float
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    deaths: int = 0

    @property
    def is_long(self) -> bool:
        """Whether it may hold the interpreter for so long that it belongs into a process of its own."""
        return characters(self.context) > LONG_CHARACTERS


def stripped(context: EvaluatorContext) -> EvaluatorContext:
    """The context with all that a heavy evaluator is given, wherever it runs."""
    return EvaluatorContext(
        inputs={}, output=context.output, expected=context.expected, response_schema=context.response_schema
    )


def run(function: Callable[..., Any], context: EvaluatorContext, options: Mapping[str, Any]) -> Result:
    """What the function returns or raises; SystemExit and the like, which end nothing here, as RuntimeError."""
    try:
        return function(context, **options), None
    except Exception as error:  # noqa: BLE001 - handed to the waiting task
        return None, error
    except BaseException as error:  # noqa: BLE001 - exit() in an evaluator must not end anything
        return None, RuntimeError(f"{type(error).__name__}: {error}")


def settle(ended: Iterable[tuple[Job, Result]]) -> None:
    """Hands results to the tasks that wait for them, on their event loops; called in any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Result]]] = {}
    for job, result in ended:
        by_loop.setdefault(job.loop, []).append((job.future, result))
    for loop, results in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, results)
        except RuntimeError:
            continue  # the loop has closed: nobody waits any more


def _settle(results: Sequence[tuple[asyncio.Future[Any], Result]]) -> None:
    for future, (value, problem) in results:
        if future.done():
            continue
        if problem is None:
            future.set_result(value)
        else:
            # A future cannot carry a StopIteration.
            future.set_exception(RuntimeError("StopIteration") if isinstance(problem, StopIteration) else problem)


# On the way to a worker and back


def pack_jobs(jobs: Sequence[Job]) -> bytes:
    """The calls as bytes. Raises whatever pickling raises where an argument is no plain value."""
    return pickle.dumps(
        [
            (
                job.function.__module__,
                job.function.__qualname__,
                job.context.output,
                job.context.expected,
                job.context.response_schema,
                job.options,
            )
            for job in jobs
        ]
    )


def unpack_jobs(data: bytes) -> list[Callable[[], Result]]:
    """The calls, to be made."""
    return [
        functools.partial(_run_named, module, name, output, expected, schema, options)
        for module, name, output, expected, schema, options in pickle.loads(data)  # noqa: S301 - from our own parent
    ]


def _run_named(  # noqa: PLR0917 - it is called by what was unpacked
    module: str, name: str, output: str, expected: Any, schema: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> Result:
    try:
        function = _function(module, name)
    except (ImportError, AttributeError):
        return None, UnknownHereError()
    return run(function, EvaluatorContext(inputs={}, output=output, expected=expected, response_schema=schema), options)


@functools.cache
def _function(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def pack_results(results: Sequence[Result], *, seconds: float) -> bytes:
    """Results as bytes; seconds: how long they took together."""
    return pickle.dumps((seconds, [_packed(value, problem) for value, problem in results]))


def unpack_results(data: bytes) -> tuple[float, list[Result]]:
    """How long they took, and the results."""
    seconds, packed = pickle.loads(data)  # noqa: S301 - from our own worker, which runs only our own functions
    return seconds, [_unpacked(*item) for item in packed]


def _packed(value: Any, problem: Exception | None) -> tuple[str, Any]:
    if isinstance(problem, UnknownHereError):
        return "unknown", None
    if problem is not None:
        return "raised", (type(problem).__name__, isinstance(problem, TimeoutError), str(problem))
    if type(value) is Score:  # as it is, a Score takes several times as long
        return "score", (value.value, value.passed, value.reason, value.label, value.error)
    return "returned", value


def _unpacked(kind: str, content: Any) -> Result:
    if kind == "raised":
        name, timed_out, message = content
        return None, _error_class(name, TimeoutError if timed_out else Exception)(message)
    if kind == "unknown":
        return None, UnknownHereError()
    return Score(*content) if kind == "score" else content, None


@functools.cache
def _error_class(name: str, base: type[Exception]) -> type[Exception]:
    """Of an error that says the same here as there: not all can travel themselves."""
    return type(name, (base,), {})
