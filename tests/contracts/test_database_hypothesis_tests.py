"""Hypothesis tests in the database, the same on every one: kept whole, for good, with the data version, adjusted."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy import stats

from promptlab import Lab, UsageError, run_test
from promptlab.errors import PromptlabError

A, B = [1.0, 2.0, 3.5, 2.2, 4.1], [2.0, 3.0, 3.1, 5.0, 6.2]
HOSTILE = "nul \x00 lone \ud800 '; DROP TABLE run; -- \u202e" + "x" * 100_000


@pytest.fixture
def lab(database_url: str, tmp_path: Path):
    with Lab(database_url, workspace=tmp_path) as opened:
        yield opened


def test_a_test_comes_back_as_it_was_with_its_data_version(lab: Lab):
    with lab.run("explore", experiment="sleep", system_metrics=False) as run:
        data = run.log_data({"a": A, "b": B}, name="sleep")
        made = run.log_test("welch", A, B, hypothesis=HOSTILE, dataset=data)
        run.log_test((math.inf, math.nan), method="odd", dataset="sleep@1", effect=("odds", math.inf, 0.1, math.inf))
    odd, first = lab.tests("sleep")
    assert first.test == made
    assert (first.test.hypothesis, first.dataset, odd.dataset) == (HOSTILE, "sleep@1", "sleep@1")
    assert odd.test.statistic == math.inf
    assert math.isnan(odd.test.p_value)
    assert odd.test.effect is not None
    assert (odd.test.effect.low, odd.test.effect.high) == (0.1, math.inf)
    assert lab.test(first.id) == first
    assert "tested" in {context for context, _ in lab.run_detail(run.uid).datasets}


def test_results_and_tests_made_before_are_logged_too(lab: Lab):
    with lab.run("explore", system_metrics=False) as run:
        run.log_test(stats.ttest_ind(A, B), hypothesis="a differs", n=[5, 5])
        run.log_test(run_test("t", A, B), hypothesis="a differs")
    made, read = lab.tests(run=run.uid)
    assert made.test.p_value == pytest.approx(read.test.p_value)


def test_each_experiment_is_a_family_and_pages_keep_the_adjustment_of_all(lab: Lab):
    with lab.run("one", experiment="many", system_metrics=False) as run:
        for place in range(20):
            run.log_test((2.0, 0.04 if place == 3 else 0.9), method=f"look {place}")
    with lab.run("other", experiment="few", system_metrics=False) as other:
        other.log_test((2.0, 0.04), method="look")
    page = lab.tests("many", limit=5)
    rest = lab.tests("many", before=page[-1].id)
    assert (len(page), len(rest)) == (5, 15)
    assert [one.id for one in [*page, *rest]] == sorted((one.id for one in [*page, *rest]), reverse=True)
    (weak,) = [one for one in rest if one.test.method == "look 3"]
    assert (weak.adjusted.alone, weak.adjusted.by_holm) == (True, False)
    assert weak.adjusted.holm == pytest.approx(0.8)
    assert lab.tests("few")[0].adjusted.by_holm
    assert page.summary["many"].startswith("20 tests: 1 significant alone, none after Holm's")
    frame = lab.tests("many").to_pandas()
    assert (len(frame), int(frame["rejected"].sum()), int(frame["rejected_holm"].sum())) == (20, 1, 0)


def test_tests_of_a_deleted_run_are_hidden_counted_and_come_back(lab: Lab):
    with lab.run("one", experiment="many", system_metrics=False) as run:
        run.log_test((2.0, 0.04), method="look")
    lab.delete_run(run.uid)
    gone = lab.tests("many")
    assert (len(gone), gone.summary, gone.deleted) == (0, {}, {"many": 1})
    lab.restore_run(run.uid)
    assert len(lab.tests("many")) == 1


def test_what_is_refused_leaves_nothing(lab: Lab):
    with lab.run("one", experiment="many", system_metrics=False) as run:
        for wrong in (
            lambda: run.log_test("wlech", A, B),
            lambda: run.log_test("welch", A, B, dataset="nothing@1"),
            lambda: run.log_test("welch", A, B, dataset=3),  # type: ignore[arg-type]
            lambda: run.log_test("welch", A, B, hypothesis=None),  # type: ignore[arg-type]
            lambda: run.log_test(stats.shapiro(A), A),
            lambda: run.log_test(stats.shapiro(A), missing="drop"),
            lambda: run.log_test(run_test("welch", A, B), alpha=0.1),
        ):
            with pytest.raises(PromptlabError) as raised:
                wrong()
            assert "\n" not in str(raised.value)
    assert len(lab.tests("many")) == 0
    with pytest.raises(UsageError, match="there is no test 12345"):
        lab.test(12345)
