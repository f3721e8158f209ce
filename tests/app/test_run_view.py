"""The Run page, in a simulated session: an evaluation with its matrix, a classic run, runs that are not whole."""

from __future__ import annotations

import re

import pytest
import seeding

from promptlab.lab import Lab


@pytest.fixture
def result(lab: Lab, workspace):
    return lab.evaluate(workspace / "sentiment.yaml")


def said(page) -> str:
    return "\n".join(element.value for element in [*page.text, *page.caption, *page.markdown])


def table(page, column: str):
    """The first table of the page that has this column."""
    return next(frame.value for frame in page.dataframe if column in frame.value.columns)


def test_every_variant_has_its_scores_with_intervals_errors_tokens_and_cost(app, result):
    page = app("run", run=result.run)
    assert not page.exception
    summary = table(page, "cost")
    assert list(summary["prompt"]) == ["plain@1", "strict@1", "plain@1", "strict@1"]
    assert re.fullmatch(r"100% \[\d+, 100\]", summary["exact_match"][0])
    assert list(summary["errors"]) == ["0", "0", "1 model", "1 model"]
    assert set(summary["cost"]) == {"free"}


def test_verdicts_and_gates_are_said_in_words(app, result):
    page = app("run", run=result.run)
    assert any("against A" in text.value and "exact_match" in text.value for text in page.text)
    assert sum("gate]" in line.value for line in page.markdown) == 4
    assert any("cancel: gate" in line.value for line in page.markdown)


def test_the_matrix_marks_every_cell_and_shows_white_space(app, result):
    matrix = table(app("run", run=result.run), "case")
    assert list(matrix["case"]) == ["a", "b", "c", "d"]
    assert list(matrix["expected"]) == ["positive", "negative", "negative", "positive"]
    column = next(name for name in matrix.columns if name.startswith("C · "))
    assert list(matrix[column]) == ["✓ positive⏎", "✗ positive", "✓ negative", "⚠ quota"]


def test_chips_count_and_filter(app, result):
    page = app("run", run=result.run)
    chip = page.segmented_control(key=f"chip:{result.run}")
    assert list(chip.options) == ["All 4", "Failed 1", "Differ 1", "Regressed 1", "Errors 1"]
    chip.set_value("Errors").run()
    assert list(table(page, "case")["case"]) == ["d"]
    page.segmented_control(key=f"chip:{result.run}").set_value("Failed").run()
    assert list(table(page, "case")["case"]) == ["b"]


def test_search_looks_into_inputs_and_outputs(app, result):
    page = app("run", run=result.run)
    page.text_input(key=f"search:{result.run}").set_value("MESS").run()
    assert list(table(page, "case")["case"]) == ["c"]


def test_another_measure_marks_anew(app, result):
    page = app("run", run=result.run)
    page.selectbox(key=f"measure:{result.run}").select("mentions").run()
    matrix = table(page, "case")
    column = next(name for name in matrix.columns if name.startswith("C · "))
    assert matrix[column][0] == "✓ positive⏎"


def test_a_click_opens_the_cell_and_the_address_names_it(app, result):
    page = app("run", run=result.run)
    key = next(frame.key for frame in page.dataframe if frame.key and frame.key.startswith("matrix"))
    column = next(name for name in table(page, "case").columns if name.startswith("C · "))
    page.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [(0, column)]}}
    page.run()
    assert page.query_params["case"] == "a"
    assert page.query_params["variant"] == result.variants[2].id
    assert "positive⏎" in [code.value for code in page.code]


def test_a_deep_link_opens_the_cell_with_scores_rendered_prompt_and_attempts(app, result):
    page = app("run", run=result.run, case="b", variant=result.variants[2].id)
    assert not page.exception
    scores = table(page, "evaluator")
    assert dict(zip(scores["evaluator"], scores["score"], strict=True)) == {"exact_match": "✗", "mentions": "✗"}
    assert "negative" in scores["reason"][0]
    assert any("a bore\nAnswer with one word" in code.value for code in page.code)
    assert list(table(page, "ended as")["ended as"]) == ["ok"]


def test_an_error_is_told_in_its_place(app, result):
    page = app("run", run=result.run, case="d", variant=result.variants[2].id)
    assert any(text.value.startswith("quota: ") for text in page.text)


def test_the_cells_can_be_walked_and_closed(app, result):
    page = app("run", run=result.run, case="b", variant=result.variants[0].id)
    page.button(key="cell:on").click().run()
    assert page.query_params["case"] == "c"
    page.button(key="cell:back").click().run()
    page.button(key="cell:back").click().run()
    assert page.query_params["case"] == "a"
    key = f"cell:variant:a:0:{result.variants[0].id}"
    page.segmented_control(key=key).set_value(result.variants[1].id).run()
    assert page.query_params["variant"] == result.variants[1].id
    page.button(key="cell:close").click().run()
    assert "case" not in page.query_params


def test_another_baseline_compares_anew(app, result):
    page = app("run", run=result.run)
    page.selectbox(key=f"baseline:{result.run}").select(result.variants[2].id).run()
    assert any("A against C" in text.value for text in page.text)


def test_a_cached_answer_says_so_and_keeps_its_latency(app, lab: Lab, workspace, result):
    second = lab.evaluate(workspace / "sentiment.yaml")
    page = app("run", run=second.run, case="b", variant=second.variants[0].id)
    assert any(":blue[cached]" in caption.value for caption in page.caption)
    assert any("Answered from the cache" in caption.value for caption in page.caption)
    assert table(page, "cost")["cached"][0] == "4 of 4"


def test_a_partial_run_says_so_loudly(app, lab: Lab, workspace):
    with pytest.raises(RuntimeError):
        lab.evaluate(workspace / "sentiment.yaml", concurrency=1, watcher=stop_after(3))
    (run,) = lab.runs(kinds=["eval"])
    page = app("run", run=run.uid)
    assert not page.exception
    assert any(re.search(r"Partial: \d of 16 cells ended", warning.value) for warning in page.warning)
    assert re.search(r"PARTIAL \d/16", said(page))
    listed = app("runs").dataframe[0].value
    assert re.search(r"failed · \d of 16", listed["status"][0])


def stop_after(done: int):
    def watch(progress) -> None:
        if progress.done >= done:
            raise RuntimeError("stopped by the test")

    return watch


def test_a_variant_alone_names_the_run_it_is_part_of(app, result):
    page = app("run", run=result.variants[2].id)
    assert not page.exception
    assert len(table(page, "cost")) == 1
    assert any("part of sentiment" in link.label for link in page.get("page_link"))


def test_a_classic_run_shows_params_metrics_curves_tags_and_artifacts(app, lab: Lab):
    uid = seeding.train(lab)
    page = app("run", run=uid)
    assert not page.exception
    assert list(table(page, "param")["param"]) == ["C", "ngrams"]
    assert {"accuracy ↑", "loss ↓"} <= set(table(page, "metric")["metric"])
    assert list(table(page, "tag")["tag"]) == ["data"]
    assert list(table(page, "size")["name"]) == ["report.txt"]
    assert len(page.get("vega_lite_chart")) == 1


def test_an_artifact_opens_as_text_and_can_be_downloaded(app, lab: Lab):
    page = app("run", run=seeding.train(lab))
    page.session_state["artifacts"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    page.run()
    assert not page.exception
    assert any(code.value == "precision recall" for code in page.code)
    assert len(page.get("download_button")) == 1


def test_predictions_of_a_classic_run_have_a_matrix_too(app, lab: Lab, workspace):
    with lab.run("mine") as run:
        run.log_predictions(workspace / "sentiment.yaml", ["positive", "positive", "negative", "positive"])
    page = app("run", run=run.uid)
    assert not page.exception
    assert len(table(page, "case")) == 4
    assert table(page, "cost")["exact_match"][0].startswith("75%")


def test_a_run_that_is_not_there_is_one_line(app):
    page = app("run", run="abcdef12")
    assert not page.exception
    assert any("no run 'abcdef12'" in text.value for text in page.text)
    assert not app("run").exception


def test_a_run_that_still_runs_says_so_and_draws_itself_again(app, lab: Lab):
    run = lab.run("slow")
    page = app("run", run=run.uid)
    assert not page.exception
    assert ":blue[running]" in said(page)
    run.log_metrics(loss=0.5)
    run.end()
    assert ":green[finished]" in said(page.run())


def test_changes_are_counted_against_a_variant_or_an_earlier_run(app, lab: Lab, workspace):
    first = lab.evaluate(workspace / "sentiment.yaml", prompts=["plain"], models=["fake:script?file=poor.jsonl"])
    second = lab.evaluate(workspace / "sentiment.yaml", prompts=["plain"], models=["fake:script?file=good.jsonl"])
    page = app("run", run=second.run)
    box = page.selectbox(key=f"changes:{second.run}")
    assert box.value == ""  # another base model is no baseline by itself
    box.select(first.variants[0].id).run()
    assert not page.exception
    grid = page.dataframe[-1].value
    assert "fixed" in grid["why"].tolist()
    again = lab.evaluate(workspace / "sentiment.yaml", prompts=["plain"], models=["fake:script?file=good.jsonl"])
    page = app("run", run=again.run)
    assert page.selectbox(key=f"changes:{again.run}").value == second.variants[0].id


def test_an_output_is_compared_word_by_word_with_what_was_expected_and_with_other_variants(app, result):
    wrong = next(variant for variant in result.variants if "poor" in variant.model)
    page = app("run", run=result.run, case="b", variant=wrong.id)
    assert not page.exception
    (marked,) = [element.proto.body for element in page.get("html") if "<del" in element.proto.body]
    box = next(one for one in page.segmented_control if str(one.key).startswith("diff:"))
    assert box.options[0] == "expected"
    assert len(box.options) == len(result.variants)  # what was expected, and the other variants
    assert box.value == "expected"
    assert ">negative</del>" in marked
    assert ">positive</ins>" in marked
