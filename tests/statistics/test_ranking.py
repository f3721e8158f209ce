"""ROC AUC: all pairs by hand, scikit-learn, and intervals over cases."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
from sklearn.metrics import roc_auc_score

from promptlab.statistics.ranking import Scored, roc_auc, roc_auc_interval
from promptlab.types import Interval


def drawn(seed, *, cases, shift=0.8, digits=2, repeats=1):
    source = random.Random(seed)
    return [
        Scored(round(source.gauss(shift * (case % 2), 1.0), digits), bool(case % 2), case)
        for case in range(cases)
        for _ in range(repeats)
    ]


def width(interval: Interval) -> float:
    return interval.high - interval.low


def test_the_example_of_the_docstring():
    assert roc_auc([Scored(0.9, True), Scored(0.4, False), Scored(0.4, True)]) == 0.75


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_it_is_the_share_of_pairs_in_order_and_scikit_learns(digits):
    for seed in range(20):
        scored = drawn(seed, cases=2 + 3 * seed, digits=digits)
        positives = [item.score for item in scored if item.positive]
        negatives = [item.score for item in scored if not item.positive]
        pairs = [*itertools.product(positives, negatives)]
        by_hand = sum((one > other) + (one == other) / 2 for one, other in pairs) / len(pairs)
        assert roc_auc(scored) == pytest.approx(by_hand, abs=1e-12)
        expected = roc_auc_score([item.positive for item in scored], [item.score for item in scored])
        assert roc_auc(scored) == pytest.approx(expected, abs=1e-12)


def test_one_class_alone_has_no_value():
    assert roc_auc([]) is None
    assert roc_auc([Scored(0.5, True)]) is None
    assert roc_auc([Scored(0.5, False)]) is None
    assert roc_auc_interval([Scored(0.5, False, 1), Scored(0.5, False, 2)]) == Interval(None, None, None, 2)


def test_infinite_scores_are_ranked():
    assert roc_auc([Scored(math.inf, True), Scored(-math.inf, False), Scored(math.inf, False)]) == 0.75


def test_below_two_cases_of_either_class_there_are_no_bounds():
    scored = [Scored(0.9, True, 1), Scored(0.8, True, 1), Scored(0.1, False, 2), Scored(0.2, False, 3)]
    assert roc_auc_interval(scored) == Interval(1.0, None, None, 3)


@pytest.mark.parametrize("shift", [-3.0, -0.5, 0.0, 0.8, 5.0])
@pytest.mark.parametrize("cases", [4, 10, 50])
def test_an_interval_contains_its_value_and_is_never_without_width(cases, shift):
    for seed in range(10):
        interval = roc_auc_interval(drawn(seed, cases=cases, shift=shift))
        assert 0.0 <= interval.low <= interval.mean <= interval.high <= 1.0
        assert width(interval) > 0.001
        assert interval.n == cases


def test_classes_that_are_perfectly_apart_are_not_certain():
    scored = [Scored(float(case), case >= 10, case) for case in range(20)]
    interval = roc_auc_interval(scored)
    assert (interval.mean, interval.high) == (1.0, 1.0)
    assert 0.5 < interval.low < 0.95
    turned = roc_auc_interval([replace(item, positive=not item.positive) for item in scored])
    assert (turned.mean, turned.low) == (0.0, 0.0)
    assert turned.high == pytest.approx(1 - interval.low)


def test_with_the_classes_turned_round_the_interval_is_turned_round():
    scored = drawn(1, cases=40)
    interval = roc_auc_interval(scored)
    turned = roc_auc_interval([replace(item, positive=not item.positive) for item in scored])
    assert (turned.low, turned.mean, turned.high) == pytest.approx(
        (1 - interval.high, 1 - interval.mean, 1 - interval.low)
    )


def test_with_many_cases_the_interval_is_delongs():
    scored = drawn(2, cases=2_000, digits=9)
    positives = [item.score for item in scored if item.positive]
    negatives = [item.score for item in scored if not item.positive]
    value = roc_auc(scored)
    placed = [
        [sum(score > other for other in negatives) / len(negatives) for score in positives],
        [sum(other > score for other in positives) / len(positives) for score in negatives],
    ]
    variance = sum(
        sum((one - value) ** 2 for one in of_class) / (len(of_class) - 1) / len(of_class) for of_class in placed
    )
    half = 1.959964 * math.sqrt(variance)
    interval = roc_auc_interval(scored)
    assert (interval.low, interval.high) == pytest.approx((value - half, value + half), abs=0.001)


def test_more_cases_narrow_the_interval():
    scored = drawn(3, cases=30)
    more = [replace(item, case=(item.case, copy)) for item in scored for copy in range(4)]
    assert roc_auc(more) == pytest.approx(roc_auc(scored))
    assert 0.4 < width(roc_auc_interval(more)) / width(roc_auc_interval(scored)) < 0.6


def test_repeats_that_score_the_same_do_not_make_it_surer():
    scored = drawn(4, cases=30)
    once, often = roc_auc_interval(scored), roc_auc_interval([item for item in scored for _ in range(5)])
    assert (often.low, often.mean, often.high) == pytest.approx((once.low, once.mean, once.high))
    assert often.n == once.n == 30
