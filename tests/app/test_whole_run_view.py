"""Whole-run metrics on the Run page, in a simulated session: the table, the confusion matrices, hostile labels."""

from __future__ import annotations

import pytest

LABELS = ["**bold** <b>x</b>", "=1+1", "plain"]
SUITE = {
    "name": "labels",
    "prompts": ["plain"],
    "models": ["fake:echo"],
    "cases": [{"inputs": {"text": label}, "expected": label} for label in LABELS],
    "evaluators": ["exact_match"],
    "metrics": [{"classification": {"transform": {"regex": "(?s)film reviews|positive or negative"}}}],
}


@pytest.fixture
def page(app, lab):
    return app("run", run=lab.evaluate(SUITE).run)


def test_metrics_of_all_answers_stand_above_the_matrix_with_intervals(page):
    assert not page.exception
    lines = next(frame.value for frame in page.dataframe if "f1_macro" in frame.value.columns)
    assert list(lines["variant"]) == ["plain@1 · fake:echo"]
    assert lines["accuracy"][0].startswith("0% [0, ")


def test_a_confusion_matrix_shows_labels_as_they_are_and_what_is_none_of_them(page):
    (matrix,) = [frame.value for frame in page.dataframe if "(other)" in frame.value.columns]
    assert list(matrix.index) == LABELS
    assert list(matrix.columns) == [*LABELS, "(other)"]
    assert list(matrix["(other)"]) == [1, 1, 1]


def test_every_metric_is_there_line_by_line(page):
    lines = next(frame.value for frame in page.dataframe if "metric" in frame.value.columns)
    assert {"accuracy", "f1_weighted", "recall.plain"} <= {*lines["metric"]}


def test_a_run_without_metrics_has_no_such_part(app, lab):
    page = app("run", run=lab.evaluate({key: value for key, value in SUITE.items() if key != "metrics"}).run)
    assert not page.exception
    assert not any("Over all answers" in element.value for element in page.markdown)
