"""Transforms: what an entry does to the output before it is scored, `transform: [strip, first_line]`.

A step is a name, or `name: value`:

strip, lower, upper         white space around it off; in lower or upper case
first_line, last_line       of the lines that are not blank
without_thinking            without what a reasoning model wrote between <think> and </think>
code_block                  what stands in the first Markdown code fence; unchanged where there is none
extract_json                the first JSON object or list in it; unchanged where there is none
after: TEXT, before: TEXT   what stands after or before the first TEXT; unchanged where there is none
regex: PATTERN              the first match of an RE2 pattern, its first group where it has one; empty where nothing
                            matches. `regex: {pattern: ..., group: 2, ignore_case: true}` says which
function: NAME              what a function with @transform gives, from the suite's Python file
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from promptlab.errors import EvaluatorError
from promptlab.evaluators.deadline import run_in_thread
from promptlab.evaluators.identity import source_texts
from promptlab.evaluators.patterns import compile_pattern, search
from promptlab.spelling import suggestion

T = TypeVar("T", bound=Callable[[str], str])

DEADLINE_SECONDS = 60.0
JSON_PLACES = 100
"""Places where a JSON value may begin that are tried: each takes time in the length of the text."""

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_MARK = "__promptlab_transform__"


def transform(function: T, /) -> T:
    """The function itself, known from now on as a transform: a suite can name it, `transform: {function: NAME}`.

    It takes the output and returns the text that is scored in its place.
    """
    setattr(function, _MARK, True)
    return function


def is_transform(function: Any) -> bool:
    """Whether a function was marked with @transform."""
    return getattr(function, _MARK, False) is True


@dataclass(frozen=True, slots=True)
class Step:
    """One step. identity: what its outcome depends on, as text; inline: quick, and no code of a user."""

    name: str
    apply: Callable[[str], str]
    identity: str
    inline: bool = True


@dataclass(frozen=True, slots=True)
class Transform:
    """Steps, one after the other."""

    steps: tuple[Step, ...]

    @property
    def identity(self) -> str:
        """What the outcome depends on, as text."""
        return "\0".join(step.identity for step in self.steps)

    def apply(self, text: str) -> str:
        """The text after every step; blocks. Raises ValueError that names a function of a user that failed."""
        for step in self.steps:
            text = step.apply(text)
        return text

    @property
    def inline(self) -> bool:
        """Whether every step is quick and no code of a user."""
        return all(step.inline for step in self.steps)

    async def applied(self, text: str) -> str:
        """The same on an event loop: functions of a user run in a thread, for 60 s at most."""
        if self.inline:
            return self.apply(text)
        try:
            given: str = await run_in_thread(lambda: self.apply(text), seconds=DEADLINE_SECONDS)
        except TimeoutError as error:
            raise ValueError(f"the transform took longer than {DEADLINE_SECONDS:g} s") from error
        return given


def parse_transform(value: Any, *, where: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> Transform:
    """The transform of an entry: a step or a list of steps.

    where: the start of messages. functions: those of the suite's Python file. Raises EvaluatorError that names what
    is wrong with a step.
    """
    steps = value if isinstance(value, list | tuple) else [value]
    return Transform(tuple(_step(step, where=f"{where}: transform", functions=functions or {}) for step in steps))


def function_names(value: Any) -> list[str]:
    """The names of the functions that the steps of a `transform:` use, whether they exist or not."""
    steps = value if isinstance(value, list | tuple) else [value]
    return [str(step["function"]) for step in steps if isinstance(step, Mapping) and "function" in step]


def _step(step: Any, *, where: str, functions: Mapping[str, Callable[..., Any]]) -> Step:
    known = [*PLAIN, *_WITH_VALUE]
    if isinstance(step, str):
        if step in PLAIN:
            return Step(step, PLAIN[step], step)
        if step in _WITH_VALUE:
            raise EvaluatorError(f"{where}: `{step}` needs a value, such as `{_EXAMPLES[step]}`")
        raise EvaluatorError(f"{where}: unknown step {step!r}{suggestion(step, known)}")
    if not isinstance(step, Mapping) or len(step) != 1:
        raise EvaluatorError(f"{where}: a step is a name such as `strip`, or `{_EXAMPLES['regex']}`; this is {step!r}")
    name, value = next(iter(step.items()))
    if name in PLAIN:
        raise EvaluatorError(f"{where}: `{name}` takes no value; write `- {name}`")
    if name not in _WITH_VALUE:
        raise EvaluatorError(f"{where}: unknown step {name!r}{suggestion(str(name), known)}")
    if name == "function":
        return _function(value, where=where, functions=functions)
    try:
        return Step(name, _WITH_VALUE[name](value), json.dumps({name: value}, sort_keys=True))
    except ValueError as error:
        raise EvaluatorError(f"{where}: {name}: {error}") from error


def _function(name: Any, *, where: str, functions: Mapping[str, Callable[..., Any]]) -> Step:
    marked = {key: function for key, function in functions.items() if is_transform(function)}
    if name not in marked:
        raise EvaluatorError(
            f"{where}: unknown function {name!r}{suggestion(str(name), marked)}; "
            "one is defined with @transform in evaluators.py beside the suite, or the file under `functions:`"
        )
    function = marked[name]

    def apply(text: str) -> str:
        try:
            given = function(text)
        except Exception as error:
            raise ValueError(f"transform {name}: {type(error).__name__}: {error}") from error
        if asyncio.iscoroutine(given):
            given.close()
            raise ValueError(f"transform {name} is async; write it as a plain function")
        if not isinstance(given, str):
            raise ValueError(  # noqa: TRY004 - the caller tells one kind
                f"transform {name} returned {type(given).__name__}; it returns the text to score"
            )
        return given

    return Step(f"function {name}", apply, "\0".join(["function", *source_texts(function)]), inline=False)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _without_thinking(text: str) -> str:
    # A server may keep the opening tag in the prompt: then all before the closing one is thought.
    head, closed, tail = text.rpartition("</think>")
    if closed:
        opened = head.find("<think>")
        return (head[:opened] + tail if opened >= 0 else tail).strip()
    before, opened_tag, _ = text.partition("<think>")
    return before.strip() if opened_tag else text


def _code_block(text: str) -> str:
    found = _FENCE.search(text) if "```" in text else None
    return found[1].rstrip("\n") if found else text


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _extract_json(text: str) -> str:
    start = -1
    for _ in range(JSON_PLACES):
        start = min((place for mark in "{[" if (place := text.find(mark, start + 1)) >= 0), default=-1)
        if start < 0:
            break
        try:
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        return text[start:end]
    return text


def _text_value(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"its value is {value!r}; it is a text")
    return value


def _after(value: Any) -> Callable[[str], str]:
    mark = _text_value(value)

    def apply(text: str) -> str:
        _, found, rest = text.partition(mark)
        return rest if found else text

    return apply


def _before(value: Any) -> Callable[[str], str]:
    mark = _text_value(value)
    return lambda text: text.partition(mark)[0]


def _regex(value: Any) -> Callable[[str], str]:
    options = {"pattern": value} if isinstance(value, str) else value
    if not isinstance(options, Mapping) or not isinstance(options.get("pattern"), str):
        raise ValueError(  # noqa: TRY004 - the caller catches one kind
            f"its value is {value!r}; it is a pattern, or {{pattern: ..., group: 1}}"
        )
    for key in options:
        if key not in ("pattern", "group", "ignore_case"):
            raise ValueError(f"unknown option {key!r}{suggestion(str(key), ('pattern', 'group', 'ignore_case'))}")
    ignore_case = options.get("ignore_case", False)
    if not isinstance(ignore_case, bool):
        raise ValueError(f"ignore_case is {ignore_case!r}; it is true or false")  # noqa: TRY004 - as above
    pattern = compile_pattern(options["pattern"], ignore_case=ignore_case)
    group = options.get("group", min(pattern.groups, 1))
    if isinstance(group, str):
        if group not in pattern.groupindex:
            raise ValueError(f"the pattern has no group {group!r}")
    elif not isinstance(group, int) or isinstance(group, bool) or not 0 <= group <= pattern.groups:
        raise ValueError(f"group is {group!r}; the pattern has {pattern.groups}, and 0 is the whole match")

    def apply(text: str) -> str:
        found = search(pattern, text)
        return (found.group(group) or "") if found else ""

    return apply


PLAIN: Mapping[str, Callable[[str], str]] = {
    "strip": str.strip,
    "lower": str.lower,
    "upper": str.upper,
    "first_line": _first_line,
    "last_line": _last_line,
    "without_thinking": _without_thinking,
    "code_block": _code_block,
    "extract_json": _extract_json,
}
"""Steps without a value."""

_WITH_VALUE: Mapping[str, Callable[[Any], Callable[[str], str]]] = {
    "after": _after,
    "before": _before,
    "regex": _regex,
    "function": lambda value: value,
}
STEPS = (*PLAIN, *_WITH_VALUE)
"""The names of all steps."""

_EXAMPLES = {
    "after": 'after: "Answer:"',
    "before": 'before: "###"',
    "regex": 'regex: "Answer: (.*)"',
    "function": "function: clean",
}
