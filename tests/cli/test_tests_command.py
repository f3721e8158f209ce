"""`promptlab tests`: what it lists and shows of hypothesis tests, and how it says that they were many."""

from __future__ import annotations

import json

import pytest

from promptlab import Lab


@pytest.fixture
def tested(folder) -> str:
    """The id of a run with a strong test, a weak one and one of a hostile name."""
    with Lab() as lab, lab.run("explore", experiment="churn", system_metrics=False) as run:
        run.log_test("fisher", [[30, 1], [1, 30]], hypothesis="she tells \x1b[31mmilk[/bold] first")
        run.log_test((2.1, 0.04), method="mcnemar", hypothesis="the new page keeps more")
        for place in range(4):
            run.log_test((0.1, 0.9), method=f"look {place}")
    return run.uid


def test_tests_are_listed_with_both_adjustments_and_the_sentence(promptlab, tested):
    listed = promptlab("tests", "list", "--experiment", "churn")
    assert listed.code == 0
    assert "churn: 6 tests: 2 significant alone, 1 after Holm's adjustment, 1 after Benjamini-Hochberg's" in listed.out
    assert "only alone" in listed.out
    assert "\x1b[31m" not in listed.out
    rows = json.loads(promptlab("tests", "list", "--json").out)
    assert [row["id"] for row in rows] == [6, 5, 4, 3, 2, 1]
    (weak,) = [row for row in rows if row["method"] == "mcnemar"]
    assert (weak["p_value"], weak["rejected"], weak["rejected_holm"]) == (0.04, True, False)
    assert weak["holm"] == pytest.approx(0.2)
    assert weak["bh"] == pytest.approx(0.12)
    assert [row["id"] for row in json.loads(promptlab("tests", "list", "--json", "--limit", "2").out)] == [6, 5]
    assert len(json.loads(promptlab("tests", "list", "--json", "--run", tested[:8]).out)) == 6


def test_one_test_is_shown_whole(promptlab, tested):
    shown = promptlab("tests", "show", "1").out
    assert "Fisher's exact test: odds ratio = 900, rejected: " in shown
    assert "conditional odds ratio 548.2 [43.98, " in shown
    assert "among all tests of its experiment: Holm p = " in shown
    assert f"run {tested[:8]} explore, experiment churn" in shown
    assert "\x1b" not in shown
    assert json.loads(promptlab("tests", "show", "1", "--json").out)["method"] == "fisher"


def test_a_run_shows_its_tests(promptlab, tested):
    assert "churn: 6 tests: 2 significant alone" in promptlab("runs", "show", tested[:8]).out


def test_tests_of_deleted_runs_are_counted_and_left_out(promptlab, tested):
    with Lab() as lab, lab.run("later", experiment="churn", system_metrics=False) as run:
        run.log_test((2.1, 0.04), method="mcnemar")
    promptlab("runs", "delete", tested[:8])
    assert "(6 more tests in deleted runs)" in promptlab("tests", "list").out
    assert "there is no test 1;" in promptlab("tests", "show", "1").err


def test_mistakes_give_one_line(promptlab, tested):
    assert promptlab("tests", "show", "99").code == 2
    assert promptlab("tests", "list", "--experiment", "chrun").err.startswith("error: there is no experiment 'chrun'")
    assert promptlab("tests", "list", "--run", "ffff").code == 2


def test_an_empty_list_says_how_to_log_one(promptlab, folder):
    assert "run.log_test('welch', a, b, hypothesis='...')" in promptlab("tests", "list").out
