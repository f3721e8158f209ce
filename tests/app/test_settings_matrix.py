"""An evaluation over a matrix of settings on the Run page: its variants differ in nothing but those."""

from __future__ import annotations

import pytest

from promptlab.lab import Lab


@pytest.fixture
def result(lab: Lab, workspace):
    path = workspace / "cut.yaml"
    path.write_text(
        "name: cut\nprompts: [plain]\nmodels: ['fake:echo']\nmatrix: {max_tokens: [1, 50]}\nevaluators: [exact_match]\n"
        'cases: [{id: a, inputs: {text: "a joy"}, expected: "a"}, {id: b, inputs: {text: "a gem"}, expected: "a"}]\n'
    )
    return lab.evaluate(path)


def table(page, column: str):
    return next(frame.value for frame in page.dataframe if column in frame.value.columns)


def test_the_summary_says_the_settings_of_each_variant(app, result):
    page = app("run", run=result.run)
    assert not page.exception
    assert list(table(page, "cost")["settings"]) == ["temperature 0, max_tokens 1", "temperature 0, max_tokens 50"]
    options = page.selectbox(key=f"baseline:{result.run}").options
    assert [option.partition("·")[2].rpartition("·")[2].strip() for option in options] == [
        "max_tokens=1",
        "max_tokens=50",
    ]


def test_the_grid_has_a_column_for_each_and_differ_finds_where_they_disagree(app, result):
    page = app("run", run=result.run)
    heads = [name for name in table(page, "case").columns if " · " in name]
    assert [head[0] for head in heads] == ["A", "B"]
    chip = page.segmented_control(key=f"chip:{result.run}")
    assert "Differ 2" in chip.options


def test_an_opened_cell_names_its_variant_in_full(app, result):
    page = app("run", run=result.run, case="b", variant=result.variants[1].id)
    assert any("max\\_tokens\\=50" in caption.value for caption in page.caption)
