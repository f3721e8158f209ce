"""Evaluators of the text itself: exact_match, quasi_exact_match, contains, starts_with, ends_with, regex and kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from promptlab.evaluators.base import evaluator, quote
from promptlab.evaluators.normalising import (
    accepted_texts,
    as_text,
    either,
    listed,
    normalise,
    squad_normalised,
    without_punctuation,
)
from promptlab.evaluators.patterns import compile_pattern, search
from promptlab.types import EvaluatorContext, Score


@evaluator(inline=True)
def exact_match(context: EvaluatorContext, *, ignore_case: bool = False, strip: bool = True) -> Score | None:
    r"""Whether the output is the expected text: passed, and 1 or 0; higher is better.

    Where `expected` is a list, any of it counts; a number or boolean is compared as JSON writes it. Does not apply
    to a case without `expected`. strip: leave out white space around both, since base models often end with a
    newline; false compares every character. ignore_case: compare case-folded.
    Source: the exact match of SQuAD (Rajpurkar et al., 2016), without its normalisation.
    Example: {output: "Positive\n", expected: positive, ignore_case: true} -> 1
    Example: {output: "It is positive.", expected: positive} -> 0
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    output = normalise(context.output, strip=strip, ignore_case=ignore_case)
    if any(output == normalise(text, strip=strip, ignore_case=ignore_case) for text in accepted):
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"expected {either(accepted)}, got {quote(context.output)}")


@evaluator(inline=True)
def quasi_exact_match(context: EvaluatorContext) -> Score | None:
    """Whether the output is the expected text but for case, punctuation and articles: passed, 1 or 0; higher is better.

    Both are compared in lower case, without ASCII punctuation, without a, an and the, white space as single spaces.
    Where `expected` is a list, any of it counts. Does not apply to a case without `expected`. An expected text of
    which nothing would be left, such as "A", keeps its articles, and one of punctuation alone is compared as it is:
    else every output of which nothing is left would be right.
    Source: the script of SQuAD (Rajpurkar et al., 2016); quasi-exact match of HELM (Liang et al., 2022).
    Example: {output: "the Eiffel Tower.", expected: Eiffel tower} -> 1
    Example: {output: "Eiffel", expected: [Eiffel tower, tour Eiffel]} -> 0
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    if any(_quasi_equal(context.output, text) for text in accepted):
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"expected {either(accepted)}, got {quote(context.output)}")


def _quasi_equal(output: str, expected: str) -> bool:
    for form in (squad_normalised, without_punctuation):
        wanted = form(expected)
        if wanted:
            return form(output) == wanted
    return output.strip() == expected.strip()


def _check_texts(option: str) -> Callable[[Mapping[str, Any]], None]:
    """A check that an option holds texts, none of them empty."""

    def check(options: Mapping[str, Any]) -> None:
        texts = options[option]
        if not texts or (not isinstance(texts, str) and "" in texts):
            raise ValueError(f"option `{option}` is empty, which every output contains; give it a text")

    return check


@evaluator(inline=True, check=_check_texts("word"))
def contains(context: EvaluatorContext, *, word: str | list[str], ignore_case: bool = False) -> Score:
    """Whether the output contains a text: passed, and 1 or 0; higher is better.

    word: any text, also part of a word; of a list, any one. ignore_case: compare case-folded.
    Source: plain search for a text.
    Example: {output: It is positive., word: positive} -> 1
    Example: {output: It is positive., word: Positive} -> 0
    """
    words = _texts("word", word)
    if _found(words, context.output, ignore_case=ignore_case):
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"{either(words)} is not in {quote(context.output)}")


@evaluator(inline=True, check=_check_texts("words"))
def contains_any(context: EvaluatorContext, *, words: str | list[str], ignore_case: bool = False) -> Score:
    """Whether the output contains at least one of several texts: passed, and 1 or 0; higher is better.

    words: texts, also parts of words, or a template to a list of them. ignore_case: compare case-folded.
    Source: plain search for each text.
    Example: {output: I am sorry., words: [sorry, apologise]} -> 1
    """
    wanted = _texts("words", words)
    found = _found(wanted, context.output, ignore_case=ignore_case)
    if found:
        return Score(1.0, passed=True, reason=f"found {listed(found)}")
    return Score(0.0, passed=False, reason=f"none of {listed(wanted)} is in {quote(context.output)}")


@evaluator(inline=True, check=_check_texts("words"))
def contains_all(context: EvaluatorContext, *, words: str | list[str], ignore_case: bool = False) -> Score:
    """Whether the output contains every one of several texts: passed, and 1 or 0; higher is better.

    words: texts, also parts of words, or a template to a list of them. ignore_case: compare case-folded. The reason
    names those that are missing.
    Source: plain search for each text.
    Example: {output: red and blue, words: [red, blue]} -> 1
    Example: {output: red and blue, words: [red, Blue, green]} -> 0
    """
    wanted = _texts("words", words)
    found = _found(wanted, context.output, ignore_case=ignore_case)
    missing = [text for text in wanted if text not in found]
    if not missing:
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"missing {listed(missing)} in {quote(context.output)}")


@evaluator(inline=True, check=_check_texts("text"))
def starts_with(
    context: EvaluatorContext, *, text: str | list[str], ignore_case: bool = False, strip: bool = True
) -> Score:
    """Whether the output starts with a text: passed, and 1 or 0; higher is better.

    text: of a list, any one. ignore_case: compare case-folded. strip: leave out white space before the output.
    Source: plain comparison.
    Example: {output: "Yes, of course.", text: [Yes, No]} -> 1
    """
    texts = _texts("text", text)
    output = normalise(context.output, strip=strip, ignore_case=ignore_case)
    if output.startswith(tuple(item.casefold() if ignore_case else item for item in texts)):
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"does not start with {either(texts)}: {quote(context.output)}")


@evaluator(inline=True, check=_check_texts("text"))
def ends_with(
    context: EvaluatorContext, *, text: str | list[str], ignore_case: bool = False, strip: bool = True
) -> Score:
    r"""Whether the output ends with a text: passed, and 1 or 0; higher is better.

    text: of a list, any one. ignore_case: compare case-folded. strip: leave out white space after the output.
    Source: plain comparison.
    Example: {output: "The answer is 42.\n", text: "42."} -> 1
    """
    texts = _texts("text", text)
    output = normalise(context.output, strip=strip, ignore_case=ignore_case)
    if output.endswith(tuple(item.casefold() if ignore_case else item for item in texts)):
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"does not end with {either(texts)}: {_end(context.output)}")


def _texts(option: str, value: str | list[str]) -> list[str]:
    """The texts of an option, checked again: a template may have made them."""
    texts = [value] if isinstance(value, str) else [as_text(item) for item in value]
    _check_texts(option)({option: texts})
    return texts


def _found(texts: list[str], output: str, *, ignore_case: bool) -> list[str]:
    output = output.casefold() if ignore_case else output
    return [text for text in texts if (text.casefold() if ignore_case else text) in output]


def _end(text: str) -> str:
    """The last characters of a text, quoted."""
    return quote(text) if len(text) <= 80 else quote("…" + text[-79:])


def _check_regex(options: Mapping[str, Any]) -> None:
    compile_pattern(options["pattern"], ignore_case=bool(options.get("ignore_case")))


@evaluator(inline=True, check=_check_regex)
def regex(context: EvaluatorContext, *, pattern: str, ignore_case: bool = False) -> Score:
    r"""Whether a regular expression is found in the output: passed, and 1 or 0; higher is better.

    pattern: RE2 syntax, found anywhere; `^...$` for the whole output. RE2 takes time linear in the output, whatever
    the pattern; it has no lookaround and no backreferences, which are refused when a suite is loaded. A pattern of
    thousands of repetitions on an output of a million characters is an error that names it. ignore_case: either case.
    Source: Cox, "Regular Expression Matching Can Be Simple And Fast" (2007); the library google-re2.
    Example: {output: "Total: 12.50", pattern: '\d+\.\d\d'} -> 1
    Example: {output: "Total: 12.50", pattern: '^\d+$'} -> 0
    """
    found = search(compile_pattern(pattern, ignore_case=ignore_case), context.output)
    if found is not None:
        return Score(1.0, passed=True, reason=f"found {quote(found.group())}")
    return Score(0.0, passed=False, reason=f"no match of {quote(pattern)} in {quote(context.output)}")
