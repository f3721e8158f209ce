"""Every overlap metric is what its reference says: on real pairs, with several references, and on hostile texts."""

from __future__ import annotations

import asyncio
import random
import re
import string
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from nltk.stem.porter import PorterStemmer
from nltk.tokenize import word_tokenize
from nltk.translate.meteor_score import meteor_score
from rapidfuzz.distance import Levenshtein
from real_pairs import answers, neighbours, other_scripts, passages, questions
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sentencex import segment

from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext, Score

Expected = str | list[str]


# The references


def rouge(kind: str, *, measure: str = "fmeasure", use_stemmer: bool = False) -> Callable[[str, list[str]], float]:
    scorer = RougeScorer([kind], use_stemmer=use_stemmer)
    return lambda output, expected: getattr(scorer.score_multi(expected, output)[kind], measure)


def of_sacrebleu(metric: BLEU | CHRF | TER) -> Callable[[str, list[str]], float]:
    return lambda output, expected: metric.sentence_score(output, expected).score


class EmptyWordNet:
    """METEOR without its third stage, as it is where the data is not there."""

    def synsets(self, _: str) -> Sequence[Any]:
        return ()


def meteor(**options: float) -> Callable[[str, list[str]], float]:
    def score(output: str, expected: list[str]) -> float:
        words, *references = (word_tokenize(text, preserve_line=True) for text in (output, *expected))
        return meteor_score(references, words, stemmer=PorterStemmer(), wordnet=EmptyWordNet(), **options)

    return score


def nearest(distance: Callable[[str, str], float]) -> Callable[[str, list[str]], float]:
    return lambda output, expected: min(distance(output.strip(), text.strip()) for text in expected)


def textbook_distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def squad_words(text: str) -> list[str]:
    """Rajpurkar et al. (2016): lower case, then no punctuation, then no articles, then split at white space."""
    plain = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def squad_f1(output: str, expected: list[str]) -> float:
    """F1 = 2PR / (P + R) over the words, the best of the expected texts; 2.0: without words only equals are equal."""

    def f1(given: list[str], there: list[str]) -> float:
        if not given or not there:
            return float(given == there)
        shared = sum((Counter(given) & Counter(there)).values())
        precision, recall = shared / len(given), shared / len(there)
        return 2 * precision * recall / (precision + recall) if shared else 0.0

    return max(f1(squad_words(output), squad_words(text)) for text in expected)


@dataclass(frozen=True)
class Metric:
    """An entry of a suite, what it must be equal to, and whether it reads every script."""

    name: str
    reference: Callable[[str, list[str]], float]
    options: Mapping[str, Any] = field(default_factory=dict)
    any_script: bool = True

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])


ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL", "rouge_lsum": "rougeLsum"}
METRICS = [
    *(Metric(name, rouge(kind), any_script=False) for name, kind in ROUGE.items()),
    *(Metric(name, rouge(kind, **more), more, any_script=False)
      for name, kind in ROUGE.items()
      for more in ({"measure": "precision"}, {"measure": "recall", "use_stemmer": True}, {"use_stemmer": True})),
    Metric("bleu", of_sacrebleu(BLEU(effective_order=True))),
    Metric("bleu", of_sacrebleu(BLEU(effective_order=True, lowercase=True)), {"ignore_case": True}),
    Metric("bleu", of_sacrebleu(BLEU(effective_order=False)), {"effective_order": False}),
    *(
        Metric("bleu", of_sacrebleu(BLEU(effective_order=True, tokenize=name)), {"tokenize": name})
        for name in ("intl", "zh", "char", "none")
    ),
    *(
        Metric("bleu", of_sacrebleu(BLEU(effective_order=order, smooth_method=method, smooth_value=value)),
               {"smooth_method": method, "effective_order": order} | ({} if value is None else {"smooth_value": value}))
        for method, value in (("floor", None), ("floor", 0.3), ("add-k", None), ("add-k", 2.0), ("none", None))
        for order in (True, False)
    ),
    Metric("chrf", of_sacrebleu(CHRF())),
    Metric("chrf", of_sacrebleu(CHRF(word_order=2)), {"word_order": 2}),
    Metric("chrf", of_sacrebleu(CHRF(char_order=4, beta=3, lowercase=True)),
           {"char_order": 4, "beta": 3, "ignore_case": True}),
    Metric("ter", of_sacrebleu(TER())),
    Metric("ter", of_sacrebleu(TER(normalized=True, no_punct=True)), {"normalized": True, "no_punct": True}),
    Metric("ter", of_sacrebleu(TER(normalized=True, asian_support=True, case_sensitive=True)),
           {"normalized": True, "asian_support": True, "case_sensitive": True}),
    Metric("meteor", meteor()),
    Metric("meteor", meteor(alpha=0.85, beta=0.2, gamma=0.6), {"alpha": 0.85, "beta": 0.2, "gamma": 0.6}),
    Metric("levenshtein", nearest(Levenshtein.distance)),
    Metric("levenshtein", nearest(Levenshtein.normalized_distance), {"normalised": True}),
    Metric("f1", squad_f1),
]  # fmt: skip
EACH_METRIC = pytest.mark.parametrize("metric", METRICS, ids=str)
EACH_NAME = pytest.mark.parametrize("metric", list({metric.name: metric for metric in METRICS[::-1]}.values()), ids=str)


# Both on the same pairs


def scored(metric: Metric, pairs: Sequence[tuple[str, Expected]]) -> list[Score]:
    """Through what scores the cells of an evaluation."""
    bound = bind({metric.name: metric.options}, where="here")

    async def score() -> list[dict[str, Score]]:
        contexts = [EvaluatorContext(inputs={}, output=output, expected=expected) for output, expected in pairs]
        return await asyncio.gather(*(bound.score(context) for context in contexts))

    return [scores[metric.name] for scores in asyncio.run(score())]


def assert_equal(metric: Metric, pairs: Sequence[tuple[str, Expected]]) -> None:
    """Every value is the reference's, to 1e-9."""
    for (output, expected), score in zip(pairs, scored(metric, pairs), strict=True):
        accepted = [expected] if isinstance(expected, str) else expected
        assert score.error is None, (score.error, output[:100], accepted[0][:100])
        assert score.value == pytest.approx(metric.reference(output, accepted), abs=1e-9, rel=0), (output, expected)


@EACH_METRIC
def test_a_metric_is_its_reference_on_434_real_pairs(metric: Metric):
    pairs = questions()
    assert len(pairs) == 434
    assert_equal(metric, pairs)


@EACH_METRIC
def test_a_metric_is_its_reference_with_several_expected_texts(metric: Metric):
    assert len(answers()) > 200
    assert_equal(metric, answers())


@EACH_METRIC
def test_a_metric_is_its_reference_on_passages_of_several_lines(metric: Metric):
    pairs = sorted(passages(), key=lambda pair: len(pair[0]))
    assert_equal(metric, pairs[:3] if metric.name == "ter" else pairs[::3])  # sacrebleu's TER takes seconds for each


@EACH_NAME
def test_a_metric_is_its_reference_on_sentences_that_have_little_in_common(metric: Metric):
    assert_equal(metric, neighbours()[:: 20 if metric.name == "ter" else 6])


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric.any_script], ids=str)
def test_a_metric_is_its_reference_in_cyrillic_and_chinese_script(metric: Metric):
    assert_equal(metric, other_scripts())


REPEATED = "the a cat cats sat runs on mat dog quickly 42 don't Über end. Ran, it"


@pytest.mark.parametrize("name", ROUGE)
def test_rouge_lsum_of_lines_and_of_words_that_repeat_is_the_packages(name: str):
    generator = random.Random(7)
    words = REPEATED.split()

    def text() -> str:
        lines = [" ".join(generator.choices(words, k=generator.randint(0, 9))) for _ in range(generator.randint(1, 6))]
        return "\n".join(lines)

    assert_equal(Metric(name, rouge(ROUGE[name])), [(text(), f"on {text()}") for _ in range(200)])


def test_rouge_lsum_of_a_paragraph_is_the_packages_of_its_sentences_in_lines():
    def in_lines(text: str) -> str:
        return "\n".join(sentence.strip() for sentence in segment("en", text))

    reference = rouge("rougeLsum")
    metric = Metric(
        "rouge_lsum",
        lambda output, expected: reference(in_lines(output), [in_lines(text) for text in expected]),
        {"split_sentences": True},
    )
    assert_equal(metric, [(a.replace("\n", " "), b.replace("\n", " ")) for a, b in passages()[:60]])


def test_levenshtein_is_the_textbooks():
    pairs = [pair for pair in questions() if len(pair[1]) < 150][:60]
    assert_equal(Metric("levenshtein", nearest(textbook_distance)), pairs)


# Empty and hostile texts

EMPTY = [
    *(("", text) for text in ("", " ", "\n", "a", "the cat sat.", "the", "...")),
    *((text, "a cat") for text in (" ", "\n\n", "\t", "...", "a", "!")),
    *((text, "the") for text in ("a", "an", "the", "")),
]


@EACH_METRIC
def test_a_metric_is_its_reference_on_empty_texts_and_mere_punctuation(metric: Metric):
    pairs = [pair for pair in EMPTY if metric.any_script or any(map(str.isalnum, pair[1])) or not pair[1].strip()]
    assert_equal(metric, pairs)


LONG = "x" * 100_000
HOSTILE = [
    ("a lone \ud800 surrogate \udfff", "a lone surrogate"),
    ("nul \x00 inside\x00", "nul inside"),
    ("\U0001f469\u200d\U0001f469\u200d\U0001f467 family", "a \U0001f469\u200d\U0001f467 family"),
    ("\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd", "left to right \u0645\u0631\u062d\u0628\u0627"),
    ("e\u0301 I\u0307 \u0130 \u00df \ufb01", "\u00e9 i \u0131 ss fi"),
    ("a\u00a0b\u2003c\u3000d\u2028e\x85f\x1cg", "a b c d e f g"),
    ("&amp;lt; &quot; <skipped> -\nx 3.14 1,000 5-4", '& < " x 3.14 1,000 5 - 4'),
    ("a " * 1000, "a b " * 500),
    (LONG, f"{LONG}y"),
    (f"{LONG} z", "a short one"),
    ("a" * 100, LONG),
]


@EACH_NAME
def test_a_metric_is_its_reference_on_hostile_texts(metric: Metric):
    began = time.process_time()
    assert_equal(metric, HOSTILE)
    assert time.process_time() - began < 60


@EACH_NAME
def test_a_hundred_thousand_words_end_in_a_score_or_in_an_error_that_says_why(metric: Metric):
    (score,) = scored(metric, [("the cat sat on a mat " * 3_000, "a dog ran to the park " * 3_000)])
    if metric.name == "ter":
        assert score.error == (
            "ValueError: TER compares up to 2,000 words, and this text has 18,000; score it in parts"
        )
    else:
        assert score.error is None
        assert score.value is not None
