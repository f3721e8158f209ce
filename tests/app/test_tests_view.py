"""The page Tests, and hypothesis tests on an experiment's and a run's page, in a simulated session."""

from __future__ import annotations

import pytest

from promptlab.lab import Lab

HOSTILE = "<script>alert(1)</script> **bold** \x1b[31m ![x](http://127.0.0.1:9/x.png)"


@pytest.fixture
def tested(lab: Lab) -> str:
    """The id of a run with tests: a strong one, a weak one, looks at noise."""
    with lab.run("explore", experiment="churn", system_metrics=False) as run:
        run.log_test("fisher", [[30, 1], [1, 30]], hypothesis=HOSTILE)
        run.log_test((2.1, 0.04), method="mcnemar", hypothesis="the new page keeps more")
        for place in range(4):
            run.log_test((0.1, 0.9), method=f"look {place}")
    return run.uid


def said(page) -> str:
    return "\n".join(one.value for one in (*page.text, *page.caption))


def test_tests_are_listed_adjusted_and_the_sentence_stands_above(app, lab: Lab, tested):
    page = app("tests")
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["no"]) == [6, 5, 4, 3, 2, 1]
    assert list(table[""]) == ["·", "·", "·", "·", "!", "✓"]
    assert list(table["Holm"])[-2:] == ["0.200", "< 0.001"]
    assert "6 tests: 2 significant alone, 1 after Holm's adjustment" in said(page)


def test_an_address_opens_a_test_with_its_assumptions_and_hostile_text_as_text(app, lab: Lab, tested):
    page = app("tests", test="1")
    assert not page.exception
    assert "conditional odds ratio 548.2" in said(page)
    assert list(page.dataframe[1].value["seems to"]) == ["open"]
    assert not any("<script>" in one.value or "![x]" in one.value for one in page.markdown)
    assert page.selectbox(key="tests:experiment").value == "churn"


def test_an_experiment_and_a_run_show_their_tests(app, lab: Lab, tested):
    page = app("run", run=tested)
    assert not page.exception
    assert "Hypothesis tests" in "".join(one.value for one in page.markdown)
    assert any("Holm" in one.value for one in page.dataframe)


def test_without_tests_the_page_shows_how_to_make_one(app, lab: Lab):
    page = app("tests")
    assert not page.exception
    assert 'run.log_test("welch"' in page.code[0].value


def test_tests_of_deleted_runs_are_counted(app, lab: Lab, tested):
    lab.delete_run(tested)
    page = app("tests", experiment="churn")
    assert "6 more tests in deleted runs" in said(page)


@pytest.mark.parametrize("address", [{"test": "99"}, {"experiment": "chrun"}])
def test_an_unknown_address_says_so(app, lab: Lab, tested, address):
    page = app("tests", **address)
    assert not page.exception
    assert "there is no" in "".join(one.value for one in (*page.error, *page.markdown, *page.text))
