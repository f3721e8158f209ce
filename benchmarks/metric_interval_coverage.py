"""How often the intervals of whole-run metrics hold the truth, beside those of a bootstrap.

    python benchmarks/metric_interval_coverage.py            # about five minutes
    python benchmarks/metric_interval_coverage.py --quick    # fewer draws: half a minute

Of each situation the truth is known: the chances of every pair of labels, the distributions of the scores, or the whole
collection of sentences that cases are drawn from. Draws have a fixed seed. The sentences are real ones of
`tests/evaluators/data`, with some of their words taken out or changed. `design/statistics.md` draws the conclusions.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from promptlab.evaluators import bleu
from promptlab.metrics.corpus import bleu_of_sums
from promptlab.statistics.classification import LabelCounts, averages, label_scores
from promptlab.statistics.classification_intervals import average_intervals, label_intervals
from promptlab.statistics.effective import interval_of_sums
from promptlab.statistics.ranking import Scored, roc_auc_interval
from promptlab.types import Interval

Numbers: TypeAlias = npt.NDArray[np.float64]

SENTENCES = Path(__file__).parents[1] / "tests" / "evaluators" / "data" / "passages.jsonl"
RESAMPLES = 400
"""Of a bootstrap."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One sample: by metric the interval that promptlab shows, and the values of the bootstrap's resamples."""

    shown: Mapping[str, Interval]
    resampled: Mapping[str, Numbers]


@dataclass(frozen=True, slots=True)
class Situation:
    """What cases are drawn from. truth: by metric what all cases together would give."""

    name: str
    truth: Mapping[str, float]
    draw: Callable[[np.random.Generator, int], Drawn]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of many samples: how often both intervals hold the truth, their mean widths, how often there was none."""

    shown: float
    width: float
    bootstrap: float
    bootstrap_width: float
    none: float


def coverage(situation: Situation, n: int, *, draws: int) -> dict[str, Coverage]:
    """The coverage of every metric of a situation with n cases."""
    source = np.random.default_rng([20_261_130, n])
    samples = [situation.draw(source, n) for _ in range(draws)]
    found = {}
    for metric, truth in situation.truth.items():
        shown = [sample.shown[metric] for sample in samples]
        bounds = [(one.low, one.high) for one in shown if one.low is not None and one.high is not None]
        resampled = [np.nanpercentile(sample.resampled[metric], [2.5, 97.5]) for sample in samples]
        found[metric] = Coverage(
            shown=_mean(low - 1e-9 <= truth <= high + 1e-9 for low, high in bounds),
            width=_mean(high - low for low, high in bounds),
            bootstrap=_mean(low - 1e-9 <= truth <= high + 1e-9 for low, high in resampled),
            bootstrap_width=_mean(high - low for low, high in resampled),
            none=1 - len(bounds) / draws,
        )
    return found


def _mean(values: Iterator[float]) -> float:
    found = [*values]
    return float(sum(found) / len(found)) if found else math.nan


def _weights(source: np.random.Generator, n: int) -> Numbers:
    """How often each case is in each resample."""
    return source.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)


# Classification


def classification(name: str, chances: Sequence[Sequence[float]], *, repeats: int = 1, alike: float = 0.0) -> Situation:
    """Cases by the chance of each pair: a row a label, a column a prediction, the last one none of the labels.

    alike: how often a repeat says what the first one said.
    """
    table = np.array(chances)
    labels, columns = table.shape
    counts = LabelCounts.of({(int(a), int(b)): float(table[a, b]) for a, b in np.ndindex(*table.shape)}, labels=labels)
    known = averages(counts)
    last = labels - 1
    truth = {metric: known[metric] for metric in ("accuracy", "f1_macro", "matthews_corrcoef")}
    truth["f1 of a label"] = label_scores(counts)[last].f1
    given = table / table.sum(axis=1, keepdims=True)

    def draw(source: np.random.Generator, n: int) -> Drawn:
        expected = source.choice(labels, size=n, p=table.sum(axis=1))
        said = np.stack([_of_rows(source, given[expected]) for _ in range(repeats)], axis=1)
        said = np.where(source.random(said.shape) < alike, said[:, :1], said)
        pairs = [
            tuple(sorted((int(one), int(other)) for other in row)) for one, row in zip(expected, said, strict=True)
        ]
        patterns = Counter(pairs)
        shown = {**average_intervals(patterns, labels=labels)}
        shown["f1 of a label"] = label_intervals(patterns, labels=labels)[last]["f1"]
        cells = np.zeros((n, labels * columns))
        for repeat in range(repeats):
            cells[np.arange(n), expected * columns + said[:, repeat]] += 1
        resampled = (_weights(source, n) @ cells).reshape(-1, labels, columns)
        return Drawn(shown, _of_tables(resampled))

    return Situation(name, truth, draw)


def _of_rows(source: np.random.Generator, chances: Numbers) -> npt.NDArray[np.int64]:
    """One place a row, by the chances in it."""
    passed = source.random((len(chances), 1)) > chances.cumsum(axis=1)
    found: npt.NDArray[np.int64] = np.minimum(passed.sum(axis=1), chances.shape[1] - 1)
    return found


def _of_tables(tables: Numbers) -> dict[str, Numbers]:
    """The metrics of many tables of counts, all at once."""
    labels = tables.shape[1]
    right = np.diagonal(tables, axis1=1, axis2=2)
    expected, predicted = tables.sum(axis=2), tables.sum(axis=1)
    total = tables.sum(axis=(1, 2))
    f1 = 2 * right / np.maximum(expected + predicted[:, :labels], 1e-12)
    covariance = right.sum(axis=1) * total - (expected * predicted[:, :labels]).sum(axis=1)
    spread = (total**2 - (expected**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    return {
        "accuracy": right.sum(axis=1) / total,
        "f1_macro": f1.mean(axis=1),
        "matthews_corrcoef": np.where(spread > 0, covariance / np.sqrt(np.maximum(spread, 1e-12)), 0.0),
        "f1 of a label": f1[:, -1],
    }


# ROC AUC


def ranking(name: str, *, positives: float, apart: float, step: float = 0.0, repeats: int = 1) -> Situation:
    """Normal scores, those of positives higher by `apart`; step: rounded to its multiples, so that there are ties.

    With repeats, half of the variance is the case's and half is each repeat's.
    """
    truth = _auc_of_steps(apart, step) if step else NormalDist().cdf(apart / math.sqrt(2))

    def draw(source: np.random.Generator, n: int) -> Drawn:
        positive = source.random(n) < positives
        own = math.sqrt(0.5) if repeats > 1 else 0.0
        scores = apart * positive + source.normal(scale=own, size=n)
        cells = scores[:, None] + source.normal(scale=math.sqrt(1 - own**2), size=(n, repeats))
        cells = np.round(cells / step) * step if step else cells
        scored = [
            Scored(float(score), bool(positive[case]), case) for case, row in enumerate(cells) for score in row
        ]  # fmt: skip
        above, below = cells[positive], cells[~positive]
        beats = np.zeros((len(above), len(below)))
        for one in above.T:
            for other in below.T:
                beats += (one[:, None] > other) + 0.5 * (one[:, None] == other)
        weights = _weights(source, n)
        hits = np.einsum("rp,pn,rn->r", weights[:, positive], beats / repeats**2, weights[:, ~positive])
        pairs = weights[:, positive].sum(axis=1) * weights[:, ~positive].sum(axis=1)
        auc = np.where(pairs > 0, hits / np.maximum(pairs, 1), 0.5)
        return Drawn({"roc_auc": roc_auc_interval(scored)}, {"roc_auc": auc})

    return Situation(name, {"roc_auc": truth}, draw)


def _auc_of_steps(apart: float, step: float) -> float:
    edges = [(k - 0.5) * step for k in range(round(-9 / step), round((9 + apart) / step))]
    chances = []
    for mean in (0.0, apart):
        below = [0.0, *(NormalDist(mean).cdf(edge) for edge in edges), 1.0]
        chances.append([b - a for a, b in itertools.pairwise(below)])
    negatives, positives = chances
    total = passed = 0.0
    for one, other in zip(positives, negatives, strict=True):
        total += one * (passed + other / 2)
        passed += other
    return total


# Corpus BLEU


def translation(name: str, *, least: float, most: float, repeats: int = 1) -> Situation:
    """Real sentences as references; outputs without or with other words, each sentence with a share of its own."""
    source = np.random.default_rng(20_261_201)
    passages = [json.loads(line) for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    sentences = [bleu.tokenizer("13a")(text) for passage in passages for text in passage["sentences"]]
    others = [word for sentence in sentences for word in sentence]

    def changed(words: Sequence[str], share: float) -> list[str]:
        chances = source.random(len(words))
        return [
            word if chance > share else others[source.integers(len(others))]
            for word, chance in zip(words, chances, strict=True)
            if chance > share / 3
        ]

    def row(words: Sequence[str]) -> list[float]:
        share = source.uniform(least, most)
        sums = np.zeros(2 + 2 * bleu.ORDER)
        for _ in range(repeats):
            given = changed(words, share)
            totals = [max(len(given) - n, 0) for n in range(bleu.ORDER)]
            sums += [len(given), len(words), *bleu.matches(given, [words]), *totals]
        return [float(value) for value in sums]

    rows = np.array([row(words) for words in sentences if words])

    def draw(generator: np.random.Generator, n: int) -> Drawn:
        sample = rows[generator.integers(len(rows), size=n)]
        shown = interval_of_sums(bleu_of_sums, sample.tolist())
        resampled = np.array([bleu_of_sums(sums) for sums in (_weights(generator, n) @ sample).tolist()])
        return Drawn({"corpus_bleu": shown}, {"corpus_bleu": resampled})

    return Situation(name, {"corpus_bleu": bleu_of_sums(rows.sum(axis=0).tolist())}, draw)


def situations() -> list[Situation]:
    """All that is measured."""
    five = [[0.14 if a == b else 0.0125 for b in range(5)] + [0.01] for a in range(5)]
    even, good = [[0.4, 0.1, 0.0], [0.1, 0.4, 0.0]], [[0.485, 0.015, 0.0], [0.015, 0.485, 0.0]]
    return [
        classification("two labels, 80% right", even),
        classification("two labels, 97% right", good),
        classification("one label of 10%, half of it found", [[0.855, 0.045, 0.0], [0.05, 0.05, 0.0]]),
        classification("five labels, 70% right", five),
        classification("two labels, 3 repeats half alike", even, repeats=3, alike=0.5),
        ranking("even classes", positives=0.5, apart=1.2),
        ranking("10% positives", positives=0.1, apart=1.2),
        ranking("nearly perfect", positives=0.5, apart=3.0),
        ranking("scores with ties", positives=0.5, apart=1.2, step=1.0),
        ranking("3 repeats", positives=0.5, apart=1.2, repeats=3),
        translation("20 to 60% of words changed", least=0.2, most=0.6),
        translation("0 to 20% of words changed", least=0.0, most=0.2),
        translation("20 to 60%, 3 repeats", least=0.2, most=0.6, repeats=3),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer draws")
    arguments: dict[str, Any] = vars(parser.parse_args())
    draws = 100 if arguments["quick"] else 1_000
    began = time.monotonic()
    error = math.sqrt(0.95 * 0.05 / draws)
    print(
        f"Coverage of nominal 95% intervals, {draws:,} draws each (standard error {error:.4f}), mean width in brackets"
    )
    print(f"{'situation':36}{'metric':19}{'truth':>6}{'n':>5}{'used':>16}{'bootstrap':>16}{'no bounds':>11}")
    for situation in situations():
        for n in (20, 50, 200):
            for metric, found in coverage(situation, n, draws=draws).items():
                used = f"{found.shown:.3f} ({found.width:.3f})"
                bootstrap = f"{found.bootstrap:.3f} ({found.bootstrap_width:.3f})"
                truth = situation.truth[metric]
                print(
                    f"{situation.name:36}{metric:19}{truth:6.3f}{n:5}{used:>16}{bootstrap:>16}{found.none:11.3f}",
                    flush=True,
                )
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
