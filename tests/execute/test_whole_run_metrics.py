"""Whole-run metrics of an evaluation: measured, kept, shown to scripts and gates, made anew when answers come."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from sklearn.metrics import confusion_matrix, f1_score, matthews_corrcoef, roc_auc_score

from promptlab import Lab
from promptlab.cli.main import main
from promptlab.errors import SuiteError

EXPECTED = ["yes", "no", "no", "yes", "maybe", "no"]
SAID = ["yes", "yes", "no", " Yes\n", "no", "=1+1"]
SUITE = {
    "name": "answers",
    "prompts": ["plain"],
    "models": ["fake:echo"],
    "cases": [
        {"id": f"c{n}", "inputs": {"text": said}, "expected": expected}
        for n, (said, expected) in enumerate(zip(SAID, EXPECTED, strict=True))
    ],
    "evaluators": ["exact_match", "levenshtein"],
    "metrics": [
        "classification",
        {"classification": {"as": "binary", "labels": ["yes", "no"]}},
        {"roc_auc": {"score": "levenshtein", "positive": "no"}},
        "corpus_bleu",
    ],
}
LABELS = ["maybe", "no", "yes"]
PREDICTED = ["yes", "yes", "no", "yes", "no", "(other)"]


def test_every_metric_of_all_answers_stands_in_the_variant(lab):
    (variant,) = lab.evaluate(SUITE).variants
    found = {name: interval.mean for name, interval in variant.metrics.items()}
    assert found["accuracy"] == pytest.approx(3 / 6)
    options = {"labels": LABELS, "zero_division": 0.0}
    for average in ("macro", "micro", "weighted"):
        assert found[f"f1_{average}"] == pytest.approx(f1_score(EXPECTED, PREDICTED, average=average, **options))
    for label, value in zip(LABELS, f1_score(EXPECTED, PREDICTED, average=None, **options), strict=True):
        assert found[f"f1.{label}"] == pytest.approx(value)
    assert found["matthews_corrcoef"] == pytest.approx(matthews_corrcoef(EXPECTED, PREDICTED))
    assert variant.metrics["accuracy"].low < 0.5 < variant.metrics["accuracy"].high
    assert variant.metrics["accuracy"].n == 6


def test_the_confusion_matrix_counts_what_is_no_label_apart(lab):
    (variant,) = lab.evaluate(SUITE).variants
    whole, binary = variant.whole_run.confusions
    assert whole.columns == [*LABELS, "(other)"]
    assert whole.rows == confusion_matrix(EXPECTED, PREDICTED, labels=[*LABELS, "(other)"]).tolist()[:-1]
    assert binary.labels == ("yes", "no")
    assert "binary: 1 answer left out: `expected` is none of the labels" in variant.whole_run.notes


def test_an_evaluator_without_labels_is_said_to_have_none(lab):
    (variant,) = lab.evaluate(SUITE | {"metrics": [{"classification": {"of": "exact_match"}}]}).variants
    assert variant.metrics["accuracy"].mean == 0
    (note,) = variant.whole_run.notes
    assert note.startswith("classification: no score of exact_match has a label")


def test_roc_auc_ranks_by_a_score(lab):
    (variant,) = lab.evaluate(SUITE).variants
    cells = lab.report(lab.runs(kinds=["eval"])[0].uid).cells
    truth = [cell.expected == "no" for cell in cells]
    distance = [cell.scores["levenshtein"].value for cell in cells]
    assert variant.metrics["roc_auc"].mean == pytest.approx(roc_auc_score(truth, distance))


def test_metrics_and_artifacts_belong_to_the_variant_so_that_a_leaderboard_has_them(lab):
    result = lab.evaluate(SUITE)
    detail = lab.run_detail(result.variants[0].id)
    assert detail.metrics["accuracy"].last == pytest.approx(0.5)
    assert detail.metrics["f1.no"].last == pytest.approx(result.variants[0].metrics["f1.no"].mean)
    names = [item.name for item in detail.artifacts]
    assert names == ["metrics/binary.confusion_matrix.csv", "metrics/confusion_matrix.csv", "metrics/summary.json"]
    with lab.artifact(detail.run.uid, "metrics/confusion_matrix.csv") as stream:
        lines = list(csv.reader(io.StringIO(stream.read().decode(), newline="")))
    assert lines[0] == ["expected \\ predicted", *LABELS, "(other)"]
    assert lines[2] == ["no", "0", "1", "1", "1"]
    with lab.artifact(detail.run.uid, "metrics/summary.json") as stream:
        summary = json.load(stream)
    assert summary["metrics"]["accuracy"]["n"] == 6
    with lab.run("forest", kind="train") as run:
        run.log_metrics(accuracy=0.9)
    board = lab.leaderboard("accuracy")
    assert [row.value for row in board] == pytest.approx([0.9, 0.5])


def test_the_one_variant_of_an_evaluation_gives_them_to_scripts(lab):
    result = lab.evaluate(SUITE)
    assert result.metrics["f1_macro"] == result.variants[0].metrics["f1_macro"].mean
    assert result.metrics["exact_match"] == pytest.approx(2 / 6)


def test_a_gate_may_be_on_a_metric(lab):
    gates = {"accuracy": [">= 0.5", ">= 0.6"], "f1.yes": ">= 0.7", "binary.recall.no": "< 0.1"}
    result = lab.evaluate(SUITE | {"gates": gates})
    assert [(gate.evaluator, gate.passed) for gate in result.gates] == [
        ("accuracy", True),
        ("accuracy", False),
        ("f1.yes", True),
        ("binary.recall.no", False),
    ]
    assert result.exit_code == 1


def test_a_gate_on_what_is_not_measured_is_named_before_any_call(lab):
    with pytest.raises(SuiteError, match=r"f1_makro.*did you mean 'f1_macro'"):
        lab.evaluate(SUITE | {"gates": {"f1_makro": ">= 0.5"}})


def test_a_metric_of_a_score_that_no_evaluator_gives_is_named(lab):
    with pytest.raises(SuiteError, match=r"`score` is 'levenstein'.*did you mean 'levenshtein'"):
        lab.evaluate(SUITE | {"metrics": [{"roc_auc": {"score": "levenstein", "positive": "no"}}]})


def test_a_resumed_run_measures_all_its_answers_again(lab, write_suite):
    path = write_suite(model="fake:echo", cases=6, more="metrics: [classification, corpus_chrf]\n")
    whole = lab.evaluate(path, max_errors=None)
    assert whole.metrics["accuracy"] == 1.0
    path.write_text(path.read_text().replace("expected: w5", "expected: other"))
    again = lab.evaluate(path)
    assert again.calls.made == 0
    assert again.metrics["accuracy"] == pytest.approx(5 / 6)
    resumed = lab.resume(whole.run)
    assert resumed.metrics["accuracy"] == 1.0, "a run goes on as it was begun"


def test_predictions_made_elsewhere_are_measured_too(lab):
    with lab.run("forest", kind="train") as run:
        run.log_predictions(SUITE, SAID)
    (variant,) = lab.report(run.uid).variants
    assert variant.metrics["accuracy"].mean == pytest.approx(0.5)
    assert lab.run_detail(run.uid).metrics["f1_macro"].last == variant.metrics["f1_macro"].mean


def test_the_command_line_shows_them_and_writes_them_to_json(workspace: Path, write_suite, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    path = write_suite(model="fake:echo", cases=4, more='metrics: [classification]\ngates: {f1_macro: ">= 0.9"}\n')
    assert main(["eval", str(path), "--json", "out.json"]) == 0
    said = capsys.readouterr()
    assert "whole run" in said.out
    assert "f1_macro >= 0.9: 1" in said.out
    (variant,) = json.loads((workspace / "out.json").read_text())["variants"]
    assert variant["metrics"]["accuracy"] == pytest.approx({"mean": 1.0, "low": 0.51, "high": 1.0, "n": 4}, abs=0.01)
    with Lab(workspace=workspace) as lab:
        uid = lab.runs(kinds=["eval"])[0].uid
    assert main(["runs", "show", uid]) == 0
    assert "expected \\ predicted" in capsys.readouterr().out


def test_a_suite_without_metrics_has_none_in_its_json(lab):
    result = lab.evaluate({key: value for key, value in SUITE.items() if key != "metrics"})
    assert "metrics" not in result.to_json()["variants"][0]
    assert lab.run_detail(result.variants[0].id).artifacts == []


def test_a_transform_of_a_project_is_found_beside_the_suite(lab, workspace, write_suite):
    (workspace / "evaluators.py").write_text(
        "from promptlab import transform\n\n@transform\ndef shout(text: str) -> str:\n    return text.upper()\n"
    )
    metric = "metrics: [{classification: {transform: {function: shout}, ignore_case: false}}]\n"
    result = lab.evaluate(write_suite(model="fake:echo", cases=3, more=metric))
    assert result.metrics["accuracy"] == 0.0
