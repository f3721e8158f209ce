"""Corpus BLEU, chrF and TER are what sacrebleu says: on real pairs, with several references, on hostile texts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import real_pairs
from measuring import EXACT, measured
from sacrebleu.metrics import BLEU, CHRF, TER

from promptlab.metrics.base import Answer


@dataclass(frozen=True)
class Corpus:
    """A metric of a suite, and the one of sacrebleu that it is."""

    kind: str
    reference: BLEU | CHRF | TER
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.kind, *(f"{key}={value}" for key, value in self.options.items())])

    def of_sacrebleu(self, pairs: Sequence[tuple[str, Any]]) -> float:
        """sacrebleu's corpus score; it takes references as columns, with None where a text has fewer of them."""
        references = [[expected] if isinstance(expected, str) else list(expected) for _, expected in pairs]
        most = max(map(len, references))
        columns = [[texts[n] if n < len(texts) else None for texts in references] for n in range(most)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(self.reference.corpus_score([output for output, _ in pairs], columns).score)

    def measured(self, pairs: Sequence[tuple[str, Any]]) -> float | None:
        """What a suite gets."""
        answers = [Answer(n, expected, output) for n, (output, expected) in enumerate(pairs)]
        found = measured({self.kind: self.options}, answers)
        interval = found.intervals[self.kind]
        assert interval.n == len(pairs)
        if interval.low is not None:
            assert 0 <= interval.low <= interval.mean <= interval.high
        assert found.notes == []
        return interval.mean


CORPORA = [
    Corpus("corpus_bleu", BLEU()),
    Corpus("corpus_bleu", BLEU(lowercase=True), {"ignore_case": True}),
    *(Corpus("corpus_bleu", BLEU(tokenize=name), {"tokenize": name}) for name in ("intl", "zh", "char", "none")),
    *(
        Corpus("corpus_bleu", BLEU(smooth_method=method, smooth_value=value),
               {"smooth_method": method} | ({} if value is None else {"smooth_value": value}))
        for method, value in (("floor", None), ("floor", 0.3), ("add-k", None), ("add-k", 2.0), ("none", None))
    ),
    Corpus("corpus_chrf", CHRF()),
    Corpus("corpus_chrf", CHRF(word_order=2), {"word_order": 2}),
    Corpus("corpus_chrf", CHRF(char_order=4, beta=3, lowercase=True),
           {"char_order": 4, "beta": 3, "ignore_case": True}),
    Corpus("corpus_ter", TER()),
    Corpus("corpus_ter", TER(normalized=True, no_punct=True), {"normalized": True, "no_punct": True}),
    Corpus("corpus_ter", TER(normalized=True, asian_support=True, case_sensitive=True),
           {"normalized": True, "asian_support": True, "case_sensitive": True}),
]  # fmt: skip
EACH_CORPUS = pytest.mark.parametrize("metric", CORPORA, ids=str)


def assert_is_sacrebleus(metric: Corpus, pairs: Sequence[tuple[str, Any]]) -> None:
    assert metric.measured(pairs) == pytest.approx(metric.of_sacrebleu(pairs), **EXACT)


@EACH_CORPUS
def test_a_corpus_metric_is_sacrebleus_on_434_real_pairs(metric: Corpus):
    pairs = real_pairs.questions()
    assert len(pairs) == 434
    assert_is_sacrebleus(metric, pairs)


@EACH_CORPUS
def test_a_corpus_metric_is_sacrebleus_with_several_references_of_which_some_have_more(metric: Corpus):
    pairs = real_pairs.answers()
    assert {len(expected) for _, expected in pairs} >= {1, 2}
    assert_is_sacrebleus(metric, pairs)


@EACH_CORPUS
def test_a_corpus_metric_is_sacrebleus_on_texts_that_have_much_in_common(metric: Corpus):
    pairs = sorted(real_pairs.passages(), key=lambda pair: len(pair[0]))
    assert_is_sacrebleus(metric, pairs[:3] if metric.kind == "corpus_ter" else pairs)  # TER takes seconds for each


@EACH_CORPUS
def test_a_corpus_metric_is_sacrebleus_in_cyrillic_and_chinese_script(metric: Corpus):
    assert_is_sacrebleus(metric, real_pairs.other_scripts())


HOSTILE_PAIRS = [
    ("a lone \ud800 surrogate \udfff", "a lone surrogate"),
    ("nul \x00 inside\x00", "nul inside"),
    ("\U0001f469\u200d\U0001f469\u200d\U0001f467 family", "a \U0001f469\u200d\U0001f467 family"),
    ("\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd", "left to right \u0645\u0631\u062d\u0628\u0627"),
    ("e\u0301 I\u0307 \u0130 \u00df \ufb01", "\u00e9 i \u0131 ss fi"),
    ("a\u00a0b\u2003c\u3000d\u2028e\x85f\x1cg", "a b c d e f g"),
    ("&amp;lt; &quot; <skipped> -\nx 3.14 1,000 5-4", '& < " x 3.14 1,000 5 - 4'),
    ("", "nothing was said"),
    ("=1+1", "=1+1"),
]


@EACH_CORPUS
@pytest.mark.parametrize(
    "pairs",
    [
        [("", "")],
        [("", "a cat"), ("", "a dog")],
        [("...", "!"), ("a cat", "a cat sat on it")],
        [("a", "a")],
        [("a cat sat on the mat", "a cat sat on the mat")],
        [("a b c", "x y z"), ("d", "w")],
        [(" ", " "), ("a cat", "")],
        [("a cat sat on the mat " * 3, "the dog")],
        HOSTILE_PAIRS,
    ],
    ids=["empty", "no output", "signs", "one word", "equal", "nothing shared", "blank", "much too long", "hostile"],
)
def test_a_corpus_metric_is_sacrebleus_on_few_empty_and_hostile_texts(metric: Corpus, pairs):
    assert_is_sacrebleus(metric, pairs)


@EACH_CORPUS
def test_repeats_of_a_case_are_sentences_of_their_own_in_the_value_but_one_case_in_the_interval(metric: Corpus):
    pairs = real_pairs.answers()[:40]
    answers = [Answer(n // 2, expected, output) for n, (output, expected) in enumerate(pairs)]
    interval = measured({metric.kind: metric.options}, answers).intervals[metric.kind]
    assert interval.mean == pytest.approx(metric.of_sacrebleu(pairs), **EXACT)
    assert interval.n == 20


def test_a_text_that_is_too_long_for_ter_is_left_out_and_named():
    pairs = [("a cat", "a dog"), ("the cat sat on a mat " * 500, "a dog")]
    found = measured("corpus_ter", [Answer(n, expected, output) for n, (output, expected) in enumerate(pairs)])
    assert found.intervals["corpus_ter"].mean == pytest.approx(50.0)
    assert found.notes == ["corpus_ter: 1 answer left out: more than 2,000 words"]
