"""What is done with cells on the Run page, in a simulated session: put right, asked again, exported, grouped."""

from __future__ import annotations

import json

import pytest

from promptlab.exports import export
from promptlab.lab import Lab


@pytest.fixture
def result(lab: Lab, workspace):
    return lab.evaluate(workspace / "sentiment.yaml", prompts=["plain"])


def said(page) -> str:
    return "\n".join(text.value for text in page.text)


def summary(page):
    return next(frame.value for frame in page.dataframe if "cost" in frame.value.columns)


def poor(result):
    return next(variant for variant in result.variants if "poor" in variant.model)


def test_what_is_expected_is_put_right_and_scored_again_and_undone(app, lab: Lab, result):
    page = app("run", run=result.run, case="b", variant=poor(result).id)
    before = list(summary(page)["exact_match"])
    box = next(area for area in page.text_area if str(area.key).startswith("mend:expected"))
    assert box.value == "negative"
    box.set_value("positive")
    page.button(key="mend:score").click().run()
    assert not page.exception
    assert 'Expected is now "positive". The run uses sentiment@2' in said(page)
    assert list(summary(page)["exact_match"]) != before
    assert lab.cell(poor(result).id, "b").cell.scores["exact_match"].passed is True
    assert lab.report(result.run).calls.made == result.calls.made
    page.button(key="mend:undone").click().run()
    assert not page.exception
    assert list(summary(page)["exact_match"]) == before
    assert "The run uses sentiment@1" in said(page)


def test_an_output_becomes_what_is_expected(app, lab: Lab, result):
    page = app("run", run=result.run, case="b", variant=poor(result).id)
    page.button(key="mend:take").click().run()
    assert not page.exception
    assert lab.cell(poor(result).id, "b").cell.expected == "positive"


def test_what_was_not_changed_is_not_scored_again(app, lab: Lab, result):
    page = app("run", run=result.run, case="b", variant=poor(result).id)
    page.button(key="mend:score").click().run()
    assert "Nothing changed" in said(page)
    assert [data.reference for _, data in lab.run_detail(result.run).datasets] == ["sentiment@1"]


def test_a_cell_is_asked_again_and_a_failure_is_said(app, lab: Lab, result):
    page = app("run", run=result.run, case="b", variant=poor(result).id)
    page.button(key="mend:again").click().run()
    assert not page.exception
    assert "the answer to a new call" in said(page)
    assert len(lab.cell(poor(result).id, "b").attempts) == 2
    page = app("run", run=result.run, case="d", variant=poor(result).id)
    page.button(key="mend:again").click().run()
    assert "No new answer:" in said(page)


def test_the_cell_is_shown_as_json_letter_for_letter(app, result):
    page = app("run", run=result.run, case="a", variant=poor(result).id)
    raw = next(json.loads(code.value) for code in page.code if code.value.startswith("{"))
    assert (raw["case"], raw["output"], raw["scores"]["exact_match"]["passed"]) == ("a", "positive\n", True)


def test_what_is_shown_is_exported(app, lab: Lab, result):
    page = app("run", run=result.run)
    assert [button.label for button in page.get("download_button")] == ["CSV", "JSON"]
    report = lab.report(result.run)
    cells = [cell for cell in report.cells if cell.key == "a"]
    assert len(json.loads(export(report, cells, form="json"))) == 2
    text = export(report, cells, form="csv").decode()
    assert text.splitlines()[0].startswith("variant,prompt,model,case,repeat,inputs.text,expected,output")
    assert len([line for line in text.splitlines() if ",a,0," in line]) == 2


def test_repeats_stand_in_one_line_with_how_many_passed(app, lab: Lab, workspace):
    result = lab.evaluate(workspace / "sentiment.yaml", prompts=["plain"], repeats=3)
    page = app("run", run=result.run)
    grid = page.dataframe[-1].value
    assert list(grid["case"]) == ["a", "b", "c", "d"]
    column = next(name for name in grid.columns if name.startswith("B · "))
    assert list(grid[column]) == ["3/3 ✓ positive⏎", "0/3 ✗ positive", "3/3 ✓ negative", "⚠ 3"]
    page.toggle(key=f"together:{result.run}").set_value(False).run()
    assert list(page.dataframe[-1].value["case"])[:4] == ["a #1", "a #2", "a #3", "b #1"]


def test_scores_are_told_by_tag(app, lab: Lab, workspace):
    path = workspace / "sentiment.yaml"
    path.write_text(
        path.read_text()
        .replace("expected: positive}", "expected: positive, metadata: {tags: [praise]}}")
        .replace("expected: negative}", "expected: negative, metadata: {tags: [panning, short]}}")
    )
    result = lab.evaluate(path, prompts=["plain"])
    found = {one.tag: one for one in lab.by_tag(lab.report(result.run), "exact_match")}
    assert {tag: one.cases for tag, one in found.items()} == {"panning": 2, "short": 2, "praise": 2}
    assert found["panning"].scores[poor(result).id].mean == 0.5
    assert found["praise"].scores[poor(result).id].n == 1  # the other one ended in an error
    page = app("run", run=result.run)
    page.session_state["tags"] = True
    page.run()
    assert not page.exception
    table = next(frame.value for frame in page.dataframe if "tag" in frame.value.columns)
    assert list(table["tag"]) == ["panning", "praise", "short"]
    assert next(iter(table["A"])).startswith("100%")


def test_an_answer_is_drawn_as_markdown_and_one_that_is_missing_is_no_mistake(app, result):
    page = app("run", run=result.run, case="a", variant=poor(result).id)
    assert any("<p>positive</p>" in element.proto.body for element in page.get("html"))
    page = app("run", run=result.run, case="d", variant=poor(result).id)
    assert not page.exception
    assert any("the output is empty" in caption.value for caption in page.caption)
