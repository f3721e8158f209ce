"""BLEU, the runs of words that a text shares with its references; equal to the package sacrebleu."""

from __future__ import annotations

import functools
import importlib.util
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from promptlab.evaluators.base import evaluator
from promptlab.evaluators.kept_texts import KeptTexts
from promptlab.evaluators.normalising import accepted_texts
from promptlab.types import EvaluatorContext, Score

Tokenizer: TypeAlias = Literal["13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "none"]
Smoothing: TypeAlias = Literal["exp", "floor", "add-k", "none"]

ORDER = 4
SMOOTHING_VALUE: Mapping[Smoothing, float] = {"floor": 0.1, "add-k": 1.0}


def check_bleu(options: Mapping[str, Any]) -> None:
    """Raises ValueError for options that cannot be used."""
    method, value = options.get("smooth_method", "exp"), options.get("smooth_value")
    if value is not None and method not in SMOOTHING_VALUE:
        raise ValueError(f"option `smooth_value` is for smooth_method floor and add-k, not {method}; leave it out")
    if value is not None and value <= 0:
        raise ValueError(f"option `smooth_value` is {value}; it is more than 0")
    _check_tokenizer(options.get("tokenize", "13a"))


def _check_tokenizer(name: str) -> None:
    needs = {"ja-mecab": ("MeCab", "sacrebleu[ja]"), "ko-mecab": ("mecab_ko", "sacrebleu[ko]")}
    if name in needs and importlib.util.find_spec(needs[name][0]) is None:
        raise ValueError(f"tokenize: {name} needs a package; pip install '{needs[name][1]}'")


@evaluator(heavy=True, check=check_bleu)
def bleu(
    context: EvaluatorContext,
    *,
    tokenize: Tokenizer = "13a",
    smooth_method: Smoothing = "exp",
    smooth_value: float | None = None,
    effective_order: bool = True,
    ignore_case: bool = False,
    at_least: float | None = None,
) -> Score | None:
    """BLEU of the output as one sentence, from 0 to 100 as sacrebleu gives it; higher is better.

    Expected texts of a list are references that are used together, as BLEU means it; not the best of them. Does not
    apply to a case without `expected`. tokenize: 13a as in WMT, intl for other alphabets, zh for Chinese, char;
    ja-mecab and ko-mecab need packages of their own. smooth_method: exp, floor, add-k or none, for orders without a
    match; smooth_value: of floor (0.1) and add-k (1). effective_order: leave out orders that a short output cannot
    have. ignore_case: lower-case both. at_least: passed from this value, such as 30. The mean of these is not corpus
    BLEU. Source: Papineni et al., "BLEU" (2002); Post, "A Call for Clarity in Reporting BLEU Scores" (2018), sacrebleu.
    Example: {output: "The dog bit the man.", expected: ["The dog bit the man.", "The man was bitten."]} -> 100
    Example: {output: "The dog bites the man.", expected: "The dog bit the man."} -> 37.9918
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    words = tokenizer(tokenize)
    output, *references = (words(text.lower() if ignore_case else text) for text in (context.output, *accepted))
    value = _bleu(
        output,
        references,
        method=smooth_method,
        smoothing=SMOOTHING_VALUE.get(smooth_method, 0.0) if smooth_value is None else smooth_value,
        effective_order=effective_order,
    )
    return Score(value, passed=None if at_least is None else value >= at_least)


def _bleu(
    output: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    method: Smoothing,
    smoothing: float,
    effective_order: bool,
) -> float:
    matched = [float(count) for count in matches(output, references)]
    if not any(matched):
        return 0.0
    totals = [float(max(len(output) - n, 0)) for n in range(ORDER)]
    precisions = [0.0] * ORDER
    order = ORDER
    halved = 1.0
    for n in range(ORDER):
        extra = smoothing if method == "add-k" and n else 0.0
        total = totals[n] + extra
        if not total:
            break
        if effective_order:
            order = n + 1
        if matched[n] + extra:
            precisions[n] = 100.0 * (matched[n] + extra) / total
        elif method == "exp":
            halved *= 2
            precisions[n] = 100.0 / (halved * total)
        elif method == "floor":
            precisions[n] = 100.0 * smoothing / total
    length = nearest(len(output), [len(words) for words in references])
    brevity = math.exp(1 - length / len(output)) if len(output) < length else 1.0
    # A precision of 0 has the logarithm -9999999999 in sacrebleu, which makes the whole 0.
    return 0.0 if 0.0 in precisions[:order] else brevity * math.exp(sum(map(math.log, precisions[:order])) / order)


def matches(output: Sequence[str], references: Sequence[Sequence[str]]) -> list[int]:
    """For 1 to 4 words how many runs of the output are in a reference, each as often as it is in one at most."""
    found = [0] * ORDER
    for n in range(ORDER):
        given = _runs(output, n + 1)
        there = _runs(references[0], n + 1)
        for other in references[1:]:
            there |= _runs(other, n + 1)
        found[n] = sum(min(given[run], there[run]) for run in given.keys() & there.keys())
        if not found[n]:
            break
    return found


def _runs(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def nearest(length: int, lengths: Sequence[int]) -> int:
    """The length that is nearest, of two the shorter one."""
    return min(lengths, key=lambda other: (abs(length - other), other))


# Tokenizers


def tokenizer(name: Tokenizer) -> Callable[[str], list[str]]:
    """The function that gives a text's words."""
    if name == "13a":
        return _words_13a
    if name == "none":
        return str.split
    if name == "char":
        return lambda text: list("".join(text.split()))
    return _sacrebleu_tokenizer(name)


def _words_13a(text: str) -> list[str]:
    """The words that mteval-v13a, the script of WMT, finds."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "")
    if "&" in text:
        for escaped, sign in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
            text = text.replace(escaped, sign)
    words: list[str] = []
    for word in text.split():
        if word.isalnum():
            words.append(word)
        elif len(word) < 50:
            words += _parts_13a(word)
        else:
            words += _parts_13a.__wrapped__(word)
    return words


_PARTS_13A = (
    (re.compile(r"([!-&(-+/:-@\[-`{-~])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
"""Signs stand alone; so do a point and a comma unless they are between digits, and a dash after a digit."""


@functools.lru_cache(maxsize=20_000)
def _parts_13a(word: str) -> tuple[str, ...]:
    text = f" {word} "
    for pattern, apart in _PARTS_13A:
        text = pattern.sub(apart, text)
    return tuple(text.split())


@functools.cache
def _sacrebleu_tokenizer(name: Tokenizer) -> Callable[[str], list[str]]:
    from sacrebleu.metrics.bleu import BLEU

    _check_tokenizer(name)
    tokenizer = BLEU(tokenize=name).tokenizer
    kept = KeptTexts()

    def words(text: str) -> list[str]:
        found: list[str] = tokenizer(text.rstrip()).split()
        kept.note(len(text), tokenizer)
        return found

    return words
