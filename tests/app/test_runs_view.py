"""The Runs page and its leaderboard, in a simulated session."""

from __future__ import annotations

import seeding

from promptlab.lab import Lab


def click(page, key: str, row: int, column: str):
    """The page after a click on a cell of a table."""
    page.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [(row, column)]}}
    return page.run()


def test_without_runs_the_page_says_how_to_make_one(app):
    page = app("runs")
    assert not page.exception
    assert any("promptlab eval" in code.value for code in page.code)


def test_prompt_and_classic_runs_stand_in_one_list_with_their_main_metrics(app, lab: Lab, workspace):
    seeding.train(lab)
    lab.evaluate(workspace / "sentiment.yaml")
    table = app("runs").dataframe[0].value
    assert list(table["kind"]) == ["evaluation", "training"]
    assert table["metrics"][0] == "best of 4: exact_match 100% · mentions 100%"
    assert table["metrics"][1].startswith("accuracy 0.84")
    assert table["status"][0] == "finished · 2 errors"
    assert table["prompt"][0] == "plain@1, strict@1"


def test_filters_leave_what_fits(app, lab: Lab, workspace):
    seeding.train(lab, name="forest")
    seeding.train(lab, name="logreg")
    lab.evaluate(workspace / "sentiment.yaml")
    page = app("runs")
    page.segmented_control(key="runs:kind").set_value("Training").run()
    assert list(page.dataframe[0].value["name"]) == ["logreg", "forest"]
    page.text_input(key="runs:name").set_value("FOR").run()
    assert list(page.dataframe[0].value["name"]) == ["forest"]
    page.selectbox(key="runs:status").select("failed").run()
    assert not page.dataframe
    assert any("No run fits" in caption.value for caption in page.caption)


def test_variants_and_tries_are_listed_when_asked_for(app, lab: Lab, workspace):
    lab.evaluate(workspace / "sentiment.yaml")
    lab.try_prompt("plain", ["fake:echo"], {"text": "x"})
    page = app("runs")
    assert list(page.dataframe[0].value["kind"]) == ["evaluation"]
    page.segmented_control(key="runs:kind").set_value("Prompt variants").run()
    assert len(page.dataframe[0].value) == 4
    page.segmented_control(key="runs:kind").set_value("Tries").run()
    assert list(page.dataframe[0].value["base model"]) == ["fake:echo"]


def test_pages_go_on_by_key(app, lab: Lab):
    for number in range(53):
        lab.run(f"run {number}").end()
    page = app("runs")
    assert len(page.dataframe[0].value) == 50
    page.button(key="runs:older").click().run()
    assert list(page.dataframe[0].value["name"]) == ["run 2", "run 1", "run 0"]
    page.button(key="runs:newest").click().run()
    assert page.dataframe[0].value["name"][0] == "run 52"


def test_a_click_on_a_row_opens_the_run(app, lab: Lab):
    uid = seeding.train(lab)
    page = app("runs")
    page = click(page, "runs:All:None::None", 0, "name")
    assert page.query_params["run"] == uid
    assert page.subheader[0].value == "tfidf"


def test_the_leaderboard_ranks_prompt_variants_and_training_runs_together(app, lab: Lab, workspace):
    seeding.train(lab, accuracy=0.9)
    lab.evaluate(workspace / "sentiment.yaml")
    page = app("runs", metric="exact_match")
    table = page.dataframe[-1].value
    assert list(table["kind"])[:3] == ["prompt variant", "prompt variant", "training"]
    assert list(table["exact_match ↑"])[:3] == [1.0, 1.0, 0.9]
    page.selectbox(key="board:metric").select("loss").run()
    assert list(page.dataframe[-1].value["name"]) == ["tfidf"]
    assert "loss ↓" in page.dataframe[-1].value.columns
    assert page.query_params["metric"] == "loss"
