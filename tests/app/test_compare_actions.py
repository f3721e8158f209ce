"""Compare and the leaderboard, in a simulated session: what is the same, what to do next, the alias that is moved."""

from __future__ import annotations

import json

import pytest

from promptlab.lab import Lab


@pytest.fixture
def runs(lab: Lab, workspace) -> tuple[str, str]:
    """Two evaluations of ten cases, the second all right with a longer prompt, the first all wrong."""
    cases = [{"id": f"c{n}", "inputs": {"text": f"<{n}>"}, "expected": f"w{n}"} for n in range(10)]
    for name, word in (("right", "w"), ("wrong", "no")):
        lines = [{"input": f"<{n}>", "output": f"{word}{n}"} for n in range(10)]
        (workspace / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    suite = {"name": "words", "prompts": [], "models": [], "cases": cases, "evaluators": ["exact_match"]}
    (workspace / "words.yaml").write_text(json.dumps(suite))
    first = lab.evaluate(workspace / "words.yaml", prompts=["plain"], models=["fake:script?file=wrong.jsonl"])
    second = lab.evaluate(workspace / "words.yaml", prompts=["strict"], models=["fake:script?file=right.jsonl"])
    return first.run, second.run


def said(page) -> str:
    return "\n".join(element.value for element in [*page.text, *page.caption, *page.markdown])


def test_what_is_the_same_and_the_next_step_stand_beside_the_verdict(app, runs):
    page = app("compare", runs=",".join(runs))
    assert not page.exception
    text = said(page)
    assert ":material/check:] same data" in text
    assert ":material/check:] same evaluators" in text
    assert "other base model · other prompt" in text
    assert "Next: move an alias to strict@1." in text


def test_an_alias_is_moved_from_there_and_back(app, lab: Lab, runs):
    page = app("compare", runs=",".join(runs))
    page.selectbox(key="alias:which:strict").select("production").run()
    page.button(key="alias:move:strict").click().run()
    assert not page.exception
    assert lab.prompts.aliases("strict") == {"production": 1}
    assert "strict@production now points at v1." in said(page)
    page.button(key="alias:undone").click().run()
    assert lab.prompts.aliases("strict") == {}
    assert "is taken away" in said(page)


def test_the_templates_differ_word_by_word(app, runs):
    page = app("compare", runs=",".join(runs))
    page.session_state["pair:template"] = True
    page.run()
    assert not page.exception
    assert "What was sent differs in 10 of 10 cases." in said(page)
    bodies = [element.proto.body for element in page.get("html")]
    assert any(">exactly" in body for body in bodies)
    assert any("+Answer with exactly one word" in code.value for code in page.code)


def test_what_was_sent_is_compared_for_a_case(app, runs):
    page = app("compare", runs=",".join(runs))
    key = next(frame.key for frame in page.dataframe if frame.key and frame.key.startswith("changed:table"))
    page.session_state[key] = {"selection": {"rows": [3], "columns": [], "cells": []}}
    page.session_state["changed:sent"] = True
    page.run()
    assert not page.exception
    assert any(">exactly" in element.proto.body and "&lt;3&gt;" in element.proto.body for element in page.get("html"))


def test_several_runs_let_one_be_looked_at(app, lab: Lab, workspace, runs):
    third = lab.evaluate(workspace / "words.yaml", prompts=["strict"], models=["fake:script?file=wrong.jsonl"])
    page = app("compare", runs=",".join([*runs, third.run]))
    (box,) = [one for one in page.selectbox if str(one.key).startswith("compare:pair")]
    assert len(box.options) == 2
    box.select(third.variants[0].id).run()
    assert not page.exception
    assert "same base model · other prompt" in said(page)


def test_the_leaderboard_ranks_on_the_cases_of_a_data_set(app, lab: Lab, workspace, runs):
    with lab.run("tree") as run:
        run.log_predictions(workspace / "words.yaml", [f"w{n}" if n < 7 else "no" for n in range(10)])
    page = app("runs")
    page.session_state["board:metric"] = "exact_match"
    page = app("runs", metric="exact_match", on="words")
    assert not page.exception
    board = next(frame.value for frame in page.dataframe if "against the leader" in frame.value.columns)
    assert list(board["against the leader"]) == ["leader", "= tied", "▼ worse"]
    assert list(board["kind"]) == ["prompt variant", "training", "prompt variant"]
    assert any("after Holm" in text.value for text in page.text)
    page.selectbox(key="board:data").select("").run()
    assert not any("against the leader" in frame.value.columns for frame in page.dataframe)
