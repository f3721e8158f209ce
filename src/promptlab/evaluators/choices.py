"""Evaluators of choices and lists: choice, list_contains."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from promptlab.evaluators.base import evaluator, quote
from promptlab.evaluators.json_text import parse_json, without_fence
from promptlab.evaluators.letters import expected_letter, found_letter, make_choices
from promptlab.evaluators.normalising import as_text, listed, normalise
from promptlab.types import EvaluatorContext, Score

Mode: TypeAlias = Literal["all", "any", "exact"]


def _check_choice(options: Mapping[str, Any]) -> None:
    make_choices(options.get("options"), options.get("letters"))


@evaluator(inline=True, check=_check_choice)
def choice(context: EvaluatorContext, *, options: list[Any] | None = None, letters: str | None = None) -> Score | None:
    r"""Whether the output chooses the expected option of several: passed, and 1 or 0; higher is better.

    The choice is found in `B`, `(b)`, `B. Paris`, `**B**`, `Answer: B`, `The answer is (b)`, `\boxed{B}` or the
    option's own text. No choice, or more than one, fails and the reason says so. The score's label is the letter that
    was found. options: the texts in order, a list or a template to one, such as "{{ inputs.choices }}". letters: what
    they are called; default, from A as many as there are options, ABCDE without. `expected` is a letter, an option's
    text or its index from 0, or a list of which any counts. Does not apply to a case without `expected`.
    Source: multiple choice as in MMLU (Hendrycks et al., 2021), by the text of the answer.
    Example: {output: The answer is (b)., expected: B} -> 1
    Example: {output: Paris, expected: 1, options: [Rome, Paris, Oslo]} -> 1
    Example: {output: Either A or B., expected: B} -> 0
    """
    choices = make_choices(options, letters)
    accepted = context.expected if isinstance(context.expected, list | tuple) else [context.expected]
    wanted = [expected_letter(item, choices) for item in accepted if item is not None]
    if not wanted:
        return None
    shown = " or ".join(choices.shown(letter) for letter in wanted[:3])
    try:
        letter = found_letter(context.output, choices)
    except ValueError as error:
        return Score(0.0, passed=False, reason=f"expected {shown}, found {error} in {quote(context.output)}")
    if letter in wanted:
        return Score(1.0, passed=True, label=letter)
    reason = f"expected {shown}, found {choices.shown(letter)} in {quote(context.output)}"
    return Score(0.0, passed=False, reason=reason, label=letter)


def _check_list(options: Mapping[str, Any]) -> None:
    if options.get("ordered") and options.get("mode") == "any":
        raise ValueError("`ordered` has no meaning with `mode: any`; leave one out")
    if options.get("items") == []:
        raise ValueError("option `items` is an empty list; give it what the output should hold")


@evaluator(inline=True, check=_check_list)
def list_contains(
    context: EvaluatorContext,
    *,
    items: list[Any] | None = None,
    mode: Mode = "all",
    ordered: bool = False,
    ignore_case: bool = False,
) -> Score | None:
    r"""Whether the list in the output has the expected items: passed, and 1 or 0; higher is better.

    The output is a JSON list, also in a code fence; else lines, of which bullets and numbers count alone where there
    are any; else what stands between commas or semicolons. items: default, `expected`, where a text is read as the
    output is; does not apply to a case without. mode: all of them, any of them, or exact: all and no others, as often.
    ordered: in this order, with others between them unless exact. ignore_case: compare case-folded. White space
    around an item is left out.
    Source: comparison of sets; with exact of multisets.
    Example: {output: '["red", "blue"]', expected: [blue, red]} -> 1
    Example: {output: "red, green", expected: [red, blue], mode: any} -> 1
    Example: {output: "- red\n- green", expected: [red], mode: exact} -> 0
    """
    given = items if items is not None else context.expected
    if given is None:
        return None
    wanted = _items(given if isinstance(given, list | tuple) else read_list(as_text(given)), ignore_case=ignore_case)
    if not wanted:
        return None
    try:
        found = _items(read_list(context.output), ignore_case=ignore_case)
    except ValueError as error:
        return Score(0.0, passed=False, reason=f"{error}: {quote(context.output)}")
    reason = _any_missing(wanted, found) if mode == "any" else _difference(wanted, found, exact=mode == "exact")
    if reason is None and ordered and not _in_order(wanted, found):
        reason = f"in another order: {listed(found)}"
    return Score(float(reason is None), passed=reason is None, reason=reason)


_BULLET = re.compile(r"[ \t]*(?:[-*+•‣▪–]|\(?[0-9]{1,4}[.):])[ \t]+")  # noqa: RUF001 - bullets


def read_list(text: str) -> list[Any]:
    """The items of a list as models write them. Raises ValueError for JSON that is no list.

    Example: read_list("red, green and blue") -> ["red", "green and blue"]
    """
    text = without_fence(text).strip()
    if text[:1] in ("[", "{"):
        try:
            value = parse_json(text)
        except ValueError:
            value = None
        if isinstance(value, list):
            return value
        if value is not None:
            raise ValueError("a JSON object in place of a list")
    lines = [line for line in text.splitlines() if line.strip()]
    bullets = [line[match.end() :] for line in lines if (match := _BULLET.match(line))]
    if bullets or len(lines) > 1:
        return bullets or lines
    separator = ";" if ";" in text else ","
    parts = [part.strip() for part in text.split(separator)]
    if len(parts) > 2:
        parts[-1] = parts[-1].removeprefix("and ").removeprefix("or ")
    return parts


def _items(values: Sequence[Any], *, ignore_case: bool) -> list[str]:
    texts = [normalise(as_text(value), strip=True, ignore_case=ignore_case) for value in values]
    return [text for text in texts if text]


def _any_missing(wanted: Sequence[str], found: Sequence[str]) -> str | None:
    return None if not set(wanted).isdisjoint(found) else f"none of {listed(wanted)} among {listed(found)}"


def _difference(wanted: Sequence[str], found: Sequence[str], *, exact: bool) -> str | None:
    """What is missing, or with exact too much; None where nothing is."""
    missing = list((Counter(wanted) - Counter(found) if exact else Counter(set(wanted) - set(found))).keys())
    extra = list((Counter(found) - Counter(wanted)).keys()) if exact else []
    said = [f"missing {listed(sorted(missing))}"] if missing else []
    said += [f"not expected {listed(sorted(extra))}"] if extra else []
    return "; ".join(said) or None


def _in_order(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Whether the wanted items are among those found, one after the other."""
    rest = iter(found)
    return all(item in rest for item in wanted)
