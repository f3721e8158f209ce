"""The evaluator tool_call: which tools the base model called, with which arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from promptlab.evaluators.base import clip, evaluator, quote
from promptlab.evaluators.json_text import parse_json
from promptlab.evaluators.normalising import as_text
from promptlab.types import EvaluatorContext, Score

Mode: TypeAlias = Literal["exact", "subset"]
MOST_CALLS = 100
"""An answer with more of them fails: each may be compared with each."""

_KNOWN = frozenset({"name", "arguments", "function", "id", "type"})


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that was made or is wanted. arguments: None where any will do, text where they are no JSON object."""

    name: str
    arguments: Mapping[str, Any] | str | None


def _check_tool_call(options: Mapping[str, Any]) -> None:
    name, count = options.get("name"), options.get("count")
    if name is not None and (not name or "" in ([name] if isinstance(name, str) else name)):
        raise ValueError("option `name` is empty; give it the name of a tool")
    if options.get("arguments") is not None and not isinstance(name, str):
        raise ValueError("option `arguments` is of one tool; give its `name` too, or use `expected` for several")
    if count is not None and count < 0:
        raise ValueError(f"option `count` is {count}; it is a whole number from 0")
    if count is not None and options.get("ordered"):
        raise ValueError("`ordered` has no meaning with `count`; name each call in its place")


@evaluator(inline=True, check=_check_tool_call)
def tool_call(
    context: EvaluatorContext,
    *,
    name: str | list[str] | None = None,
    arguments: dict[str, Any] | None = None,
    mode: Mode = "exact",
    allow_extra: bool = False,
    ordered: bool = False,
    count: int | None = None,
) -> Score | None:
    """Whether the base model called the right tools with the right arguments: passed, and 1 or 0; higher is better.

    The tools it may call are the setting `tools`, in OpenAI's form. name: of the tool that is to be called, or of
    several. arguments: of the one. Without name, `expected` says what is to be called: a name, {name: ..., arguments:
    {...}}, or a list of such, empty for no call at all; without `arguments` any will do. mode: exact has these
    arguments and no others; subset may have more, at every level. allow_extra: whether other calls may stand beside.
    ordered: the calls come in the order given. count: how often each is called, or with nothing to be called how many
    calls there are; default, each as often as it is given. Does not apply where nothing says what is to be called.
    Source: calls compared by their structure, as in the Berkeley Function Calling Leaderboard (Patil et al., 2024).
    Example: {tool_calls: [{function: {name: look_up, arguments: '{"q": "a"}'}}], name: look_up, arguments: {q: a}} -> 1
    Example: {tool_calls: [{function: {name: look_up, arguments: '{"q": "b"}'}}], expected: {name: look_up}} -> 1
    Example: {tool_calls: [], expected: [look_up, send]} -> 0
    """
    given = context.expected if name is None else name
    if given is None and count is None:
        return None
    wanted = [] if given is None else _wanted(given)
    if arguments is not None:
        wanted = [_Call(wanted[0].name, arguments)]
    made = _made(context.tool_calls)
    try:
        if len(made) > MOST_CALLS:
            problem: str | None = f"{len(made)} calls, more than {MOST_CALLS} are not looked at"
        elif given is None:
            problem = None if len(made) == count else f"expected {count} calls"
        elif count is not None:
            problem = _wrong_count(made, wanted, mode, count, allow_extra=allow_extra)
        else:
            problem = _missing(made, wanted, mode, ordered=ordered)
            if problem is None and len(made) > len(wanted) and not allow_extra:
                problem = f"expected {_shown(wanted)} and no other call"
    except RecursionError as error:
        raise ValueError("the arguments are nested too deeply to be compared") from error
    if problem is None:
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=clip(f"called {_shown(made)}; {problem}"))


# What was called, and what is to be


def _made(calls: Sequence[Mapping[str, Any]]) -> list[_Call]:
    """The calls of an answer, as some servers also write them: flat, or with arguments that are no text."""
    made = []
    for call in calls:
        inner = call.get("function")
        function = inner if isinstance(inner, Mapping) else call
        made.append(_Call(str(function.get("name") or ""), _arguments(function.get("arguments"))))
    return made


def _arguments(given: Any) -> Mapping[str, Any] | str:
    if given is None or given == "":
        return {}
    if isinstance(given, str):
        try:
            value = parse_json(given)
        except ValueError:
            return given
        return value if isinstance(value, dict) else given
    return given if isinstance(given, Mapping) else as_text(given)


def _wanted(given: Any) -> list[_Call]:
    """The calls that are to be made. Raises ValueError for what is none."""
    if isinstance(given, str) and given[:1] in ("[", "{"):  # of a table, whose cells are text
        try:
            given = parse_json(given)
        except ValueError as error:
            raise ValueError(f"`expected` is {quote(given, 40)}, which is {error}") from error
    return [_wanted_call(item) for item in (given if isinstance(given, list | tuple) else [given])]


def _wanted_call(given: Any) -> _Call:
    if isinstance(given, str) and given:
        return _Call(given, None)
    inner = given.get("function", given) if isinstance(given, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(name, str) or not name or not _KNOWN.issuperset(inner):
        shown = clip(as_text(given), 60)
        raise ValueError(f"`expected` has {shown}; a call is a tool's name or {{name: ..., arguments: {{...}}}}")
    if inner.get("arguments") is None:
        return _Call(name, None)
    arguments = _arguments(inner["arguments"])
    if isinstance(arguments, str):
        raise ValueError(  # noqa: TRY004 - a mistake in the suite, as every other one here
            f"`expected` has for {name} the arguments {quote(arguments, 40)}; they are a mapping"
        )
    return _Call(name, arguments)


# Comparison


def _missing(made: Sequence[_Call], wanted: Sequence[_Call], mode: Mode, *, ordered: bool) -> str | None:
    """Which wanted call was not made, each call standing for one; None where all were."""
    if ordered:
        rest = iter(made)
        missing = [call for call in wanted if not any(_fits(other, call, mode) for other in rest)]
        order = " in this order" if len(wanted) > 1 else ""
        return f"expected {_shown(wanted)}{order}" if missing else None
    taken: dict[int, int] = {}
    fitting = [[place for place, other in enumerate(made) if _fits(other, call, mode)] for call in wanted]
    missing = [call for number, call in enumerate(wanted) if not _place(number, fitting, taken, set())]
    return f"expected {_shown(missing)}" if missing else None


def _place(number: int, fitting: Sequence[Sequence[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Whether a wanted call finds a place, if need be by moving others: a matching in a graph of two sides."""
    for place in fitting[number]:
        if place not in tried:
            tried.add(place)
            if place not in taken or _place(taken[place], fitting, taken, tried):
                taken[place] = number
                return True
    return False


def _wrong_count(
    made: Sequence[_Call], wanted: Sequence[_Call], mode: Mode, count: int, *, allow_extra: bool
) -> str | None:
    for call in wanted:
        found = sum(_fits(other, call, mode) for other in made)
        if found != count:
            return f"expected {_shown([call])} {count} times, found {found}"
    others = [other for other in made if not any(_fits(other, call, mode) for call in wanted)]
    return f"not expected {_shown(others)}" if others and not allow_extra else None


def _fits(made: _Call, wanted: _Call, mode: Mode) -> bool:
    if made.name != wanted.name:
        return False
    return wanted.arguments is None or _same(made.arguments, wanted.arguments, mode)


def _same(found: Any, wanted: Any, mode: Mode) -> bool:
    """Whether two JSON values are equal; a boolean is no number, 1 is 1.0."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping) or (mode == "exact" and len(found) != len(wanted)):
            return False
        return all(key in found and _same(found[key], value, mode) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        return (
            isinstance(found, list | tuple)
            and len(found) == len(wanted)
            and all(_same(one, other, mode) for one, other in zip(found, wanted, strict=True))
        )
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _shown(calls: Sequence[_Call]) -> str:
    """`look_up({"q": "a"}), send`: for reasons."""
    if not calls:
        return "nothing"
    shown = ", ".join(_shown_call(call) for call in calls[:3])
    return shown if len(calls) <= 3 else f"{shown} and {len(calls) - 3} more"


def _shown_call(call: _Call) -> str:
    if call.arguments is None:
        return clip(call.name, 40)
    if isinstance(call.arguments, str):
        return f"{clip(call.name, 40)}({clip(call.arguments, 60)}, no JSON object)"
    try:
        return f"{clip(call.name, 40)}({clip(json.dumps(call.arguments, ensure_ascii=False), 60)})"
    except RecursionError:
        return f"{clip(call.name, 40)}(...)"
