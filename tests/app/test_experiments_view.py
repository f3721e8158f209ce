"""Experiments and Compare, and what a classic run's page shows, in a simulated session."""

from __future__ import annotations

import math

import pytest

from promptlab.lab import Lab

SUITE = {
    "cases": [{"inputs": {"x": number}, "expected": str(number % 2)} for number in range(40)],
    "evaluators": ["exact_match"],
}


@pytest.fixture
def trained(lab: Lab) -> list[str]:
    """Ids of three runs of an experiment, the best first: with curves, params, answers, tags."""
    uids = []
    for depth, wrong in ((3, 2), (5, 4), (9, 20)):
        params = {"depth": depth, "same": 1}
        with lab.run("gbm", experiment="churn", params=params, tags={"team": "a"}, system_metrics=False) as run:
            for step in range(50):
                run.log_metrics(log_loss=depth / 10 + math.exp(-step), step=step)
            run.log_predictions(SUITE, ["9" if number < wrong else str(number % 2) for number in range(40)])
        uids.append(run.uid)
    return uids


def tick(page, key: str, *rows: int):
    """The page after rows of a table were ticked."""
    page.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return page.run()


def test_experiments_are_listed_with_their_goal_and_the_newest_first(app, lab: Lab, trained):
    lab.experiments.create("churn", description="who leaves", goal="log_loss")
    table = app("experiments").dataframe[0].value
    assert list(table["experiment"]) == ["churn", "Default"]
    assert list(table["runs"]) == [3, 0]
    assert list(table["goal"]) == ["log_loss", "—"]


def test_an_experiment_shows_the_goal_first_the_best_run_on_top_and_params_that_differ(app, lab: Lab, trained):
    lab.experiments.create("churn", goal="log_loss")
    page = app("experiments", experiment="churn")
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table.columns[:4]) == ["", "run", "log_loss ↓", "exact_match ↑"]
    assert list(table["id"]) == [uid[:8] for uid in trained]
    assert list(table["depth"]) == ["3", "5", "9"]
    assert "same" not in table
    assert table[""][0] == "★"


def test_a_filter_leaves_what_fits_and_a_mistake_is_shown_with_its_place(app, lab: Lab, trained):
    page = app("experiments", experiment="churn", filter="params.depth < 8 and metrics.log_loss < 0.8")
    assert sorted(page.dataframe[0].value["depth"]) == ["3", "5"]
    page.text_input(key="experiment:filter").set_value("params.depth >> 4").run()
    assert any("below are all runs" in error.value for error in page.error)
    assert any("^" in code.value for code in page.code)
    assert len(page.dataframe[0].value) == 3
    page.text_input(key="experiment:filter").set_value("params.depth > 100").run()
    assert any("No run fits" in caption.value for caption in page.caption)


def test_parts_of_runs_are_hidden_until_they_are_asked_for(app, lab: Lab):
    with lab.run("search", experiment="churn", system_metrics=False) as run, run.run("fold") as fold:
        fold.log_metrics(loss=1.0)
    page = app("experiments", experiment="churn")
    assert list(page.dataframe[0].value["run"]) == ["search"]
    page.toggle(key="experiment:parts").set_value(True).run()
    assert sorted(page.dataframe[0].value["run"]) == ["fold", "search"]


def test_the_goal_is_kept_when_it_is_said(app, lab: Lab, trained):
    page = app("experiments", experiment="churn")
    page.selectbox(key="experiment:goal:churn").set_value("log_loss").run()
    page.button(key="experiment:set-goal").click().run()
    assert lab.experiments.get("churn").goal == "log_loss"


def test_runs_that_are_ticked_are_deleted_and_come_back(app, lab: Lab, trained):
    page = tick(app("experiments", experiment="churn"), "experiment:table", 0)
    page.button(key="experiment:delete-runs").click().run()
    assert len(lab.search(experiment="churn")) == 2
    lab.restore_run(lab.search(experiment="churn", deleted=True)[0].uid)
    assert len(lab.search(experiment="churn")) == 3


@pytest.mark.parametrize("tab", ["Curves", "Params", "Over time", "Settings"])
def test_every_tab_of_an_experiment_is_drawn(app, lab: Lab, trained, tab: str):
    lab.experiments.create("churn", goal="exact_match")
    page = app("experiments", experiment="churn")
    page.session_state["experiment:tab"] = tab
    page.run()
    assert not page.exception
    if tab == "Over time":
        table = page.dataframe[0].value
        assert list(table["id"]) == [uid[:8] for uid in reversed(trained)]
        assert "is worse than gbm" in table["against the best before"][0]
        assert table["value [95% interval]"][2].startswith("95% [")
    if tab == "Params":
        assert page.dataframe[0].value["runs"].tolist() == [3]


def test_an_experiment_is_renamed_described_deleted_and_restored(app, lab: Lab, trained):
    page = app("experiments", experiment="churn")
    page.session_state["experiment:tab"] = "Settings"
    page.run()
    row = lab.experiments.get("churn")
    page.text_input(key=f"experiment:name:{row.id}").set_value("leavers")
    page.text_area(key=f"experiment:description:{row.id}").set_value("why they go")
    page.button(key="experiment:save").click().run()
    assert lab.experiments.get("leavers").description == "why they go"
    page.button(key="experiment:delete").click().run()
    assert [one.name for one in lab.experiments.list()] == ["Default"]
    page.button(key="experiment:restore").click().run()
    assert len(lab.experiments.list()) == 2


def test_compare_shows_differences_first_and_the_verdict_in_words(app, lab: Lab, trained):
    page = app("compare", runs=",".join(uid[:12] for uid in (trained[0], trained[2])))
    assert not page.exception
    assert any("is worse than gbm" in text.value for text in page.text)
    params = next(frame.value for frame in page.dataframe if list(frame.value.get("name", [])) == ["depth"])
    assert params.iloc[0].tolist()[1:] == ["3", "9"]
    metrics = next(frame.value for frame in page.dataframe if "log_loss ↓" in list(frame.value.get("name", [])))
    assert [value.endswith("★") for value in metrics.set_index("name").loc["log_loss ↓"]] == [True, False]


def test_compare_without_runs_says_what_to_do_and_a_run_that_is_not_there_is_said(app, lab: Lab, trained):
    page = app("compare")
    assert any("Choose two runs or more" in caption.value for caption in page.caption)
    page = app("compare", runs=f"{trained[0]},ffffffffffff")
    assert any("no run 'ffffffffffff'" in text.value for text in page.text)


def test_runs_without_answers_compare_by_what_they_logged(app, lab: Lab):
    uids = []
    for number in range(2):
        with lab.run(f"r{number}", params={"C": number}, system_metrics=False) as run:
            run.log_metrics(loss=float(number))
        uids.append(run.uid)
    page = app("compare", runs=",".join(uids))
    assert not page.exception
    assert any("No verdict case by case" in caption.value for caption in page.caption)


def test_a_classic_run_shows_its_note_its_parts_and_what_it_ran_in(app, lab: Lab):
    with lab.run("whole", note="look here", tags={"team": "a"}, system_metrics=False) as run:
        run.log_metrics(loss=1.0, step=0)
        run.log_metrics(loss=0.5, step=1)
        run.log_table({"x": [1, 2], "y": ["=1+1", "<b>"]}, "table.csv")
        run.log_json({"a": 1}, "facts.json")
        run.log_text("<svg onload=alert(1)>", "evil.svg")
        with run.run("fold"):
            pass
    page = app("run", run=run.uid)
    assert not page.exception
    assert any(text.value == "look here" for text in page.text)
    assert any("fold" in list(frame.value.get("run", [])) for frame in page.dataframe)
    names = [item.name for item in lab.run_detail(run.uid).artifacts]
    for name, shown in (("facts.json", '"a": 1'), ("evil.svg", "<svg onload=alert(1)>")):
        page = tick(page, "artifacts", names.index(name))
        assert any(shown in code.value for code in page.code)
    page = tick(page, "artifacts", names.index("table.csv"))
    assert any(list(frame.value.columns) == ["x", "y"] for frame in page.dataframe)


def test_name_note_and_tags_are_edited_on_the_page(app, lab: Lab):
    with lab.run("before", tags={"team": "a"}, system_metrics=False) as run:
        pass
    page = app("run", run=run.uid)
    page.text_input(key=f"about:name:{run.uid}").set_value("after")
    page.text_area(key=f"about:note:{run.uid}").set_value("a note")
    page.button(key="about:save").click().run()
    row = lab.find_run(run.uid)
    assert (row.name, row.note) == ("after", "a note")
    assert lab.run_detail(run.uid).tags == {"team": "a"}


def test_estimators_are_drawn_alone_and_side_by_side(app, lab: Lab):
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    features, classes = load_iris(return_X_y=True, as_frame=True)
    uids = []
    for estimator in (LogisticRegression(max_iter=1000), DecisionTreeClassifier(random_state=0)):
        estimator.fit(features[::2], classes[::2])
        with lab.run(type(estimator).__name__, experiment="iris", system_metrics=False) as run:
            run.log_estimator(estimator, features[::2], classes[::2], features[1::2], classes[1::2])
        uids.append(run.uid)
    page = app("run", run=uids[0])
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 3  # ROC, precision against recall, importances
    assert any(text.value == "LogisticRegression" for text in page.text)
    page = app("compare", runs=",".join(uids))
    assert not page.exception
    assert sum("expected down, predicted across; 75 rows" in text.value for text in page.caption) == 2
    page.segmented_control(key="evaluated:part").set_value("train").run()
    assert not page.exception


def test_features_are_listed_with_the_code_that_makes_them(app, lab: Lab):
    def age_group(frame):
        return frame["age"] // 10

    with lab.run("prepare", kind="pipeline", system_metrics=False) as run:
        run.log_features({"age_group": age_group})
    page = tick(app("run", run=run.uid), "features", 0)
    assert not page.exception
    assert any(list(frame.value.get("feature", [])) == ["age_group"] for frame in page.dataframe)
    assert any('frame["age"] // 10' in code.value for code in page.code)
