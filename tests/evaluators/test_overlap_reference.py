"""Our overlap evaluators against the packages they name, on many pairs of real words."""

from __future__ import annotations

import asyncio
import random

import pytest
from rapidfuzz.distance import Levenshtein
from rouge_score.rouge_scorer import RougeScorer

from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext

TEXT = "the a cat cats sat runs running on mat mats dog quickly 42 don't state-of-the-art Über end. Ran, and or it"
WORDS = TEXT.split()


def pairs():
    generator = random.Random(7)
    for _ in range(60):
        yield tuple(" ".join(generator.choices(WORDS, k=generator.randint(1, 30))) for _ in range(2))


PAIRS = list(pairs())


def value(entry, output, expected):
    bound = bind(entry, where="here")
    return asyncio.run(bound.score(EvaluatorContext(inputs={}, output=output, expected=expected)))[bound.name].value


def plain_levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


@pytest.mark.parametrize("measure", ["fmeasure", "precision", "recall"])
@pytest.mark.parametrize("stem", [False, True])
@pytest.mark.parametrize(("name", "kind"), [("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")])
def test_rouge_equals_the_reference_package(name, kind, stem, measure):
    scorer = RougeScorer([kind], use_stemmer=stem)
    for output, expected in PAIRS:
        reference = getattr(scorer.score(expected, output)[kind], measure)
        assert value({name: {"measure": measure, "use_stemmer": stem}}, output, expected) == pytest.approx(reference)


def test_levenshtein_equals_the_reference_package_and_the_textbook():
    for output, expected in PAIRS:
        found = value("levenshtein", output, expected)
        assert found == Levenshtein.distance(output, expected) == plain_levenshtein(output, expected)
        assert value({"levenshtein": {"normalised": True}}, output, expected) == pytest.approx(
            Levenshtein.normalized_distance(output, expected)
        )
