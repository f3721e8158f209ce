"""A run with more cells than fit on a page, in a simulated session."""

from __future__ import annotations

import json

import pytest

import shared
from promptlab.lab import Lab

CASES = 450


@pytest.fixture
def run(lab: Lab, workspace) -> str:
    """An evaluation of 450 cases by two variants, 30 of them wrong in the second."""
    cases = [{"id": f"c{n}", "inputs": {"text": f"<{n}>"}, "expected": f"w{n}"} for n in range(CASES)]
    for name, wrong in (("right", 0), ("poor", 30)):
        lines = [{"input": f"<{n}>", "output": "no" if n < wrong else f"w{n}"} for n in range(CASES)]
        (workspace / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    models = [f"fake:script?file={name}.jsonl" for name in ("right", "poor")]
    suite = {"name": "many", "prompts": ["plain"], "models": models, "cases": cases, "evaluators": ["exact_match"]}
    (workspace / "many.yaml").write_text(json.dumps(suite))
    return lab.evaluate(workspace / "many.yaml").run


def grid(page):
    return next(frame.value for frame in page.dataframe if "case" in frame.value.columns)


def test_the_matrix_is_walked_page_by_page(app, run):
    page = app("run", run=run)
    assert not page.exception
    assert (len(grid(page)), grid(page)["case"].iloc[0]) == (200, "c0")
    page.button(key="matrix:on").click().run()
    page.button(key="matrix:on").click().run()
    assert (len(grid(page)), grid(page)["case"].iloc[0]) == (50, "c400")
    assert page.button(key="matrix:on").disabled
    page.segmented_control(key=f"chip:{run}").set_value("Failed").run()
    assert len(grid(page)) == 30
    page.segmented_control(key=f"chip:{run}").set_value("All").run()
    page.button(key="matrix:back").click().run()
    assert grid(page)["case"].iloc[0] == "c200"


def test_of_very_many_cells_the_first_are_looked_at_and_the_page_says_so(app, run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shared, "MOST_CELLS", 100)
    page = app("run", run=run)
    assert not page.exception
    assert list(grid(page)["case"]) == [f"c{n}" for n in range(50)]
    assert any("The cells of the first 50 cases" in caption.value for caption in page.caption)
    summary = next(frame.value for frame in page.dataframe if "cost" in frame.value.columns)
    assert summary["exact_match"][1].startswith("93%")
