"""Classification from counts: scikit-learn side by side, worked examples, and intervals over cases."""

from __future__ import annotations

import math
import random
import warnings
from collections import Counter

import pytest
from sklearn.metrics import matthews_corrcoef as sklearns_matthews_corrcoef
from sklearn.metrics import precision_recall_fscore_support

from promptlab.statistics.classification import (
    AVERAGES,
    PER_LABEL,
    LabelCounts,
    averages,
    label_scores,
    matthews_corrcoef,
)
from promptlab.statistics.classification_intervals import average_intervals, label_intervals
from promptlab.statistics.intervals import wilson
from promptlab.types import Interval

EXACT = {"abs": 1e-9, "rel": 0, "nan_ok": True}


def drawn(seed, *, labels, cases, right=0.7, repeats=1, expected=None):
    """Patterns of random pairs, and the pairs of all cells; a prediction may be none of the labels."""
    source = random.Random(seed)
    patterns = []
    for _ in range(cases):
        truth = source.choice(expected or range(labels))
        said = [truth if source.random() < right else source.randint(0, labels) for _ in range(repeats)]
        patterns.append(tuple(sorted((truth, word) for word in said)))
    return Counter(patterns), [pair for pattern in patterns for pair in pattern]


def counted(pairs, labels):
    return LabelCounts.of(Counter(pairs), labels=labels)


# Values


def test_the_margins_of_a_table_are_counted_with_what_is_no_label_last():
    counts = LabelCounts.of({(0, 0): 3, (0, 1): 1, (1, 2): 4}, labels=2)
    assert counts.right == [3, 0]
    assert counts.expected == [4, 4, 0]
    assert counts.predicted == [3, 1, 4]
    assert (counts.total, counts.labels) == (8, 2)


@pytest.mark.parametrize("pair", [(0, 3), (3, 0), (-1, 0)])
def test_a_pair_beyond_the_labels_is_named(pair):
    with pytest.raises(ValueError, match="beyond 2 labels"):
        LabelCounts.of({pair: 1}, labels=2)


def test_a_worked_example():
    # Three of four yes found, one no of two; by hand.
    found = averages(LabelCounts.of({(0, 0): 3, (0, 1): 1, (1, 0): 1, (1, 1): 1}, labels=2))
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["precision_macro"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["f1_micro"] == pytest.approx(4 / 6)
    assert found["matthews_corrcoef"] == pytest.approx((3 * 1 - 1 * 1) / math.sqrt(4 * 4 * 2 * 2))


def test_the_examples_of_the_docstrings():
    assert averages(LabelCounts.of({(0, 0): 3, (0, 1): 1, (1, 1): 2}, labels=2))["accuracy"] == pytest.approx(5 / 6)
    assert matthews_corrcoef(LabelCounts.of({(0, 0): 5, (1, 1): 5}, labels=2)) == 1.0
    nine = average_intervals({((0, 0),): 9, ((0, 1),): 1}, labels=2)["accuracy"]
    assert_bounds(nine, wilson(9, 10))


@pytest.mark.parametrize("zero_division", [0.0, 1.0, math.nan])
@pytest.mark.parametrize("labels", [1, 2, 5])
def test_values_are_scikit_learns_whatever_stands_for_a_division_by_zero(labels, zero_division):
    for seed in range(60):
        _, pairs = drawn(seed, labels=labels, cases=1 + seed % 13, expected=range((labels + 1) // 2))
        truth, said = zip(*pairs, strict=True)
        given = {"labels": [*range(labels)], "zero_division": zero_division}
        scores = label_scores(counted(pairs, labels), zero_division=zero_division)
        found = averages(counted(pairs, labels), zero_division=zero_division)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where all that is averaged is NaN, and of a single class
            correlation = sklearns_matthews_corrcoef(truth, said)
            of_labels = precision_recall_fscore_support(truth, said, average=None, **given)
            for average in ("macro", "micro", "weighted"):
                expected = precision_recall_fscore_support(truth, said, average=average, **given)[:3]
                assert [found[f"{name}_{average}"] for name in PER_LABEL] == pytest.approx(expected, **EXACT)
        assert found["matthews_corrcoef"] == pytest.approx(correlation, **EXACT)
        for name, expected in zip((*PER_LABEL, "support"), of_labels, strict=True):
            assert [getattr(score, name) for score in scores] == pytest.approx(expected, **EXACT)


def test_no_cell_has_no_value():
    assert all(math.isnan(value) for value in averages(LabelCounts.of({}, labels=2)).values())
    assert {*averages(LabelCounts.of({}, labels=0))} == {*AVERAGES}


# Intervals


def assert_bounds(found: Interval, expected: Interval) -> None:
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high), abs=1e-6)
    assert found.n == expected.n


@pytest.mark.parametrize("labels", [1, 2, 3, 7])
@pytest.mark.parametrize("right", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("cases", [2, 3, 20, 200])
def test_without_repeats_the_interval_of_accuracy_is_wilsons(labels, right, cases):
    patterns, pairs = drawn(cases, labels=labels, cases=cases, right=right)
    successes = sum(one == other for one, other in pairs)
    assert_bounds(average_intervals(patterns, labels=labels)["accuracy"], wilson(successes, cases))


@pytest.mark.parametrize("cases", [3, 20, 200])
def test_without_repeats_the_intervals_of_precision_and_recall_of_a_label_are_wilsons(cases):
    patterns, pairs = drawn(cases, labels=3, cases=cases)
    for label, of_label in enumerate(label_intervals(patterns, labels=3)):
        right = pairs.count((label, label))
        for name, size in (
            ("precision", sum(other == label for _, other in pairs)),
            ("recall", sum(one == label for one, _ in pairs)),
        ):
            found = of_label[name]
            if size:
                expected = wilson(right, size)
                assert_bounds(found, Interval(expected.mean, expected.low, expected.high, cases))
            else:
                assert found == Interval(0.0, None, None, cases)


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("labels", [1, 2, 5, 40])
@pytest.mark.parametrize("right", [0.0, 0.5, 0.95, 1.0])
def test_an_interval_contains_its_value_and_keeps_to_what_can_be(labels, right, repeats):
    for seed, cases in enumerate((2, 3, 10, 60)):
        patterns, _ = drawn(seed, labels=labels, cases=cases, right=right, repeats=repeats)
        found = [average_intervals(patterns, labels=labels), *label_intervals(patterns, labels=labels)]
        for name, interval in (pair for intervals in found for pair in intervals.items()):
            assert interval.n == cases
            if interval.low is not None:
                least = -1.0 if name == "matthews_corrcoef" else 0.0
                assert least <= interval.low <= interval.mean <= interval.high <= 1.0, (name, interval)
                assert interval.high - interval.low > 0.001, (name, interval)


@pytest.mark.parametrize("right", [0.5, 0.8, 1.0])
def test_more_cases_narrow_every_interval(right):
    few, _ = drawn(1, labels=3, cases=40, right=right)
    for name, wide in average_intervals(few, labels=3).items():
        narrow = average_intervals({pattern: 4 * count for pattern, count in few.items()}, labels=3)[name]
        assert narrow.mean == pytest.approx(wide.mean)
        # Half as wide for four times as many; of perfect answers even a fourth.
        assert 0.2 < (narrow.high - narrow.low) / (wide.high - wide.low) < 0.6, name


@pytest.mark.parametrize("repeats", [2, 5])
def test_repeats_that_say_the_same_do_not_make_it_surer(repeats):
    once, _ = drawn(2, labels=3, cases=50)
    often = {pattern * repeats: count for pattern, count in once.items()}
    for name, interval in average_intervals(once, labels=3).items():
        assert_bounds(average_intervals(often, labels=3)[name], interval)
    for one, other in zip(label_intervals(once, labels=3), label_intervals(often, labels=3), strict=True):
        for name, interval in one.items():
            assert_bounds(other[name], interval)


def test_repeats_that_differ_make_it_surer_but_no_more_than_cases_of_their_own_would():
    patterns, pairs = drawn(3, labels=3, cases=60, repeats=4)
    apart = average_intervals(Counter((pair,) for pair in pairs), labels=3)
    once = average_intervals(drawn(3, labels=3, cases=60)[0], labels=3)
    for name in ("accuracy", "f1_macro", "matthews_corrcoef"):
        found = average_intervals(patterns, labels=3)[name]
        width = found.high - found.low
        assert apart[name].high - apart[name].low < width < once[name].high - once[name].low


def test_a_label_that_no_cell_has_to_do_with_has_no_bounds():
    found = label_intervals({((0, 0),): 5, ((1, 1),): 5}, labels=3)[2]
    assert found == dict.fromkeys(PER_LABEL, Interval(0.0, None, None, 10))


def test_one_case_has_values_without_bounds_and_no_case_has_none():
    one = average_intervals({((0, 0),): 1}, labels=2)
    assert {(interval.low, interval.high, interval.n) for interval in one.values()} == {(None, None, 1)}
    assert one["accuracy"].mean == 1.0
    assert {*average_intervals({}, labels=2).values()} == {Interval(None, None, None, 0)}
    assert label_intervals({}, labels=1) == [dict.fromkeys(PER_LABEL, Interval(None, None, None, 0))]
