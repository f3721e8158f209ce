"""The rows of a matrix and how much room its columns get."""

from __future__ import annotations

import pytest

import chips
import matrix


@pytest.mark.parametrize(
    ("wanted", "total", "given"),
    [([4, 100, 100], 84, [4, 40, 40]), ([3, 5], 100, [3, 5]), ([50, 50], 10, [5, 5]), ([], 10, [])],
)
def test_columns_that_want_little_get_it_and_the_rest_share(wanted, total, given):
    assert matrix.fit(wanted, total) == given


def test_variants_are_lettered_past_z():
    assert [matrix.letter(place) for place in (0, 25, 26)] == ["A", "Z", "A2"]


def test_repeats_are_rows_of_their_own_and_differ_by_answers_where_nothing_passes_or_fails(lab, workspace):
    result = lab.evaluate(workspace / "sentiment.yaml", models=["fake:choose?of=positive,negative"], repeats=2)
    rows = matrix.rows(lab.report(result.run))
    assert [(row.key, row.repeat) for row in rows[:3]] == [("a", 0), ("a", 1), ("b", 0)]
    assert all(len(row.cells) == 2 for row in rows)
    assert chips.counts(rows, chips.Judge("exact_match"))["All"] == 8
    for row in rows:
        answers = {cell.output for cell in row.cells.values()}
        assert row.differs("no such measure") == (len(answers) > 1)
        assert row.differs("exact_match") == (len(answers) > 1)
