"""The other side of the bar of scoring: a plain loop over the reference packages, each made once.

python scored_by_packages.py COUNT FILE writes the values of rouge_l, bleu, chrf, levenshtein and f1, as JSON.
"""

from __future__ import annotations

import json
import re
import string
import sys
from collections import Counter
from pathlib import Path

from rapidfuzz.distance import Levenshtein
from real_pairs import real_pairs
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
PUNCTUATION = set(string.punctuation)


def squad_words(text: str) -> list[str]:
    """The words of an answer, as the evaluation script of SQuAD normalises it."""
    plain = "".join(character for character in text.lower() if character not in PUNCTUATION)
    return ARTICLES.sub(" ", plain).split()


def squad_f1(output: str, expected: str) -> float:
    """F1 over the words."""
    given, there = squad_words(output), squad_words(expected)
    if not given or not there:
        return float(given == there)
    shared = sum((Counter(given) & Counter(there)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(given), shared / len(there)
    return 2 * precision * recall / (precision + recall)


def main() -> None:
    """Score and write."""
    count, target = int(sys.argv[1]), Path(sys.argv[2])
    rouge, bleu, chrf = RougeScorer(["rougeL"], use_stemmer=False), BLEU(effective_order=True), CHRF()
    values = [
        {
            "rouge_l": rouge.score(expected, output)["rougeL"].fmeasure,
            "bleu": bleu.sentence_score(output, [expected]).score,
            "chrf": chrf.sentence_score(output, [expected]).score,
            "levenshtein": Levenshtein.distance(output, expected),
            "f1": squad_f1(output, expected),
        }
        for output, expected in real_pairs(count)
    ]
    target.write_text(json.dumps(values), encoding="utf-8")


if __name__ == "__main__":
    main()
