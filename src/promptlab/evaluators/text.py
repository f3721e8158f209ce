"""Evaluators of the text itself: exact_match, contains, regex."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.evaluators.base import evaluator, quote
from promptlab.types import EvaluatorContext, Score


@evaluator(inline=True)
def exact_match(context: EvaluatorContext, *, ignore_case: bool = False, strip: bool = True) -> Score | None:
    r"""Whether the output is the expected text: passed, and 1 or 0; higher is better.

    Where `expected` is a list, any of it counts; a number or boolean is compared as JSON writes it. Does not apply
    to a case without `expected`. strip: leave out white space around both, since base models often end with a
    newline; false compares every character. ignore_case: compare case-folded.
    Example: output "Positive\n", expected "positive", ignore_case true -> 1
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    output = normalise(context.output, strip=strip, ignore_case=ignore_case)
    if any(output == normalise(text, strip=strip, ignore_case=ignore_case) for text in accepted):
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"expected {_either(accepted)}, got {quote(context.output)}")


def _check_contains(options: Mapping[str, Any]) -> None:
    words = options["word"]
    if not words or (not isinstance(words, str) and "" in words):
        raise ValueError("option `word` is empty, which every output contains; give it a text")


@evaluator(inline=True, check=_check_contains)
def contains(context: EvaluatorContext, *, word: str | list[str], ignore_case: bool = False) -> Score:
    """Whether the output contains a text: passed, and 1 or 0; higher is better.

    word: any text, also part of a word; of a list, any one. ignore_case: compare case-folded.
    Example: output "It is positive.", word "positive" -> 1
    """
    words = [word] if isinstance(word, str) else [as_text(item) for item in word]
    _check_contains({"word": words})
    output = context.output.casefold() if ignore_case else context.output
    if any((item.casefold() if ignore_case else item) in output for item in words):
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"{_either(words)} is not in {quote(context.output)}")


def _check_regex(options: Mapping[str, Any]) -> None:
    compile_pattern(options["pattern"], ignore_case=bool(options.get("ignore_case")))


@evaluator(inline=True, check=_check_regex)
def regex(context: EvaluatorContext, *, pattern: str, ignore_case: bool = False) -> Score:
    r"""Whether a regular expression is found in the output: passed, and 1 or 0; higher is better.

    pattern: RE2 syntax, found anywhere; `^...$` for the whole output. RE2 takes time linear in the output, whatever
    the pattern; it has no lookaround and no backreferences, which are refused when a suite is loaded.
    Source: Cox, "Regular Expression Matching Can Be Simple And Fast" (2007); the library google-re2.
    Example: output "Total: 12.50", pattern "\d+\.\d\d" -> 1
    """
    found = compile_pattern(pattern, ignore_case=ignore_case).search(well_formed(context.output))
    if found is not None:
        return Score(1.0, passed=True, reason=f"found {quote(found.group())}")
    return Score(0.0, passed=False, reason=f"no match of {quote(pattern)} in {quote(context.output)}")


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Any:
    """The compiled RE2 pattern. Raises ValueError that says what RE2 does not have."""
    import re2

    options = re2.Options()
    options.log_errors = False  # else every mistake is also written to standard error
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(well_formed(pattern), options)
    except re2.error as error:
        detail = error.args[0] if error.args else "not a pattern"
        detail = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        hint = ""
        if "perl operator" in detail:
            hint = "; RE2 has no lookahead and no lookbehind"
        elif "escape sequence" in detail:
            hint = "; RE2 has no backreferences"
        raise ValueError(f"pattern {quote(pattern)}: {detail}{hint}") from error


def accepted_texts(expected: Any) -> list[str]:
    """The texts that `expected` accepts: itself, or each of a list; empty where there is none."""
    if expected is None:
        return []
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return [as_text(item) for item in expected if item is not None]
    return [as_text(expected)]


def as_text(value: Any) -> str:
    """A JSON value as text: text as it is, anything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def normalise(text: str, *, strip: bool, ignore_case: bool) -> str:
    """The text in the form in which it is compared."""
    text = text.strip() if strip else text
    return text.casefold() if ignore_case else text


def well_formed(text: str) -> str:
    """The text with U+FFFD in place of lone surrogates, which have no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _either(texts: Sequence[str]) -> str:
    shown = " or ".join(quote(text) for text in texts[:3])
    return shown if len(texts) <= 3 else f"{shown} or {len(texts) - 3} more"
