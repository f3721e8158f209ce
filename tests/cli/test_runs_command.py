"""`promptlab runs` and `promptlab db`: lists, one run opened, comparisons, the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab import Lab


@pytest.fixture
def seeded(promptlab, folder: Path) -> dict[str, str]:
    """uids: an evaluation of two prompts, and a classic run with the same cases."""
    evaluation = json.loads(promptlab("eval", "words.yaml", "-p", "plain", "-p", "loud", "--json", "-").out)
    promptlab("try", "plain", "-m", "fake:echo", "-v", "text=x")
    (folder / "weights.bin").write_bytes(b"12345")
    with Lab() as lab, lab.run("logreg", params={"C": 0.5}, tags={"team": "red"}) as run:
        run.log_metrics(accuracy=0.75)
        for step in range(3):
            run.log_metrics(log_loss=1.0 / (step + 1), step=step)
        run.log_artifact(folder / "weights.bin")
        run.log_predictions("words.yaml", ["Say good", "Say good"])
    return {"eval": evaluation["run"], "variant": evaluation["variants"][0]["id"], "train": run.uid}


def test_prompt_and_classic_runs_stand_in_one_list_without_tries(promptlab, seeded: dict[str, str]):
    out = promptlab("runs", "list").out
    assert seeded["eval"][:8] in out
    assert seeded["train"][:8] in out
    assert seeded["variant"][:8] not in out
    assert " try " not in out
    assert "accuracy 0.75" in out


def test_a_list_is_filtered(promptlab, seeded: dict[str, str]):
    assert seeded["variant"][:8] in promptlab("runs", "list", "--kind", "prompt").out
    assert seeded["eval"][:8] not in promptlab("runs", "list", "--kind", "train").out
    assert " try " in promptlab("runs", "list", "--tries").out
    assert " try " in promptlab("runs", "list", "--kind", "try").out
    assert seeded["eval"][:8] not in promptlab("runs", "list", "--name", "logreg").out
    assert promptlab("runs", "list", "--status", "failed").out == "no such runs\n"
    assert promptlab("runs", "list", "--experiment", "nothing").out == "no such runs\n"
    assert len(promptlab("runs", "list", "--limit", "1").out.splitlines()) == 3


def test_no_runs_yet_says_what_to_do(promptlab):
    assert "promptlab eval" in promptlab("runs", "list").out


def test_an_evaluation_is_shown_as_it_ended_and_its_cells_on_demand(promptlab, seeded: dict[str, str]):
    out = promptlab("runs", "show", seeded["eval"][:6]).out
    assert "50.0%" in out
    assert "too few cases on exact_match" in out
    assert "expected" not in out
    failed = promptlab("runs", "show", seeded["eval"], "--cells", "failed").out
    assert "Say bad" in failed
    assert "exact_match ✗" in failed
    assert "exact_match ✓" not in failed
    assert "exact_match ✓" in promptlab("runs", "show", seeded["eval"], "--cells", "all").out


def test_a_classic_run_is_shown_with_params_metrics_tags_and_artifacts(promptlab, seeded: dict[str, str]):
    out = promptlab("runs", "show", seeded["train"]).out
    for word in (
        "logreg",
        "accuracy",
        "0.75",
        "log_loss",
        "0.333333",
        "C",
        "0.5",
        "team",
        "red",
        "weights.bin",
        "5 bytes",
    ):
        assert word in out


def test_a_run_as_json_keeps_the_contract_of_eval_and_adds_the_rest(promptlab, seeded: dict[str, str]):
    document = json.loads(promptlab("runs", "show", seeded["eval"], "--json").out)
    assert {"run", "suite", "status", "variants", "gates", "cells", "calls"} <= set(document)
    assert (document["run"], len(document["cells"])) == (seeded["eval"], 4)
    classic = json.loads(promptlab("runs", "show", seeded["train"], "--json").out)
    assert classic["metrics"]["accuracy"] == 0.75
    assert classic["params"] == {"C": "0.5"}
    assert [item["name"] for item in classic["artifacts"]] == ["weights.bin"]


def test_a_prompt_and_a_classic_model_are_compared_case_by_case(promptlab, seeded: dict[str, str]):
    out = promptlab("runs", "compare", seeded["variant"], seeded["train"]).out
    assert "against plain@1 · fake:echo, case by case" in out
    assert "logreg" in out
    assert "2 paired cases" in out


def test_a_comparison_as_json_has_the_verdicts_and_takes_a_baseline(promptlab, seeded: dict[str, str]):
    ended = promptlab("runs", "compare", seeded["eval"], seeded["train"], "--baseline", seeded["train"][:8], "--json")
    document = json.loads(ended.out)
    assert document["baseline"] == seeded["train"]
    assert {pair["shared"] for pair in document["pairs"]} == {2}
    measure = document["pairs"][0]["measures"]["exact_match"]
    assert (measure["n"], measure["verdict"]) == (2, "too few")
    assert "too few cases" in measure["sentence"]


def test_what_cannot_be_compared_is_2(promptlab, seeded: dict[str, str]):
    ended = promptlab("runs", "compare", seeded["variant"])
    assert (ended.code, ended.out) == (2, "")
    assert "one variant" in ended.err


def test_the_database_is_made_counted_and_copied(promptlab, folder: Path):
    assert "created" in promptlab("db", "upgrade").out
    assert "up to date" in promptlab("db", "upgrade").out
    promptlab("eval", "words.yaml")
    stats = promptlab("db", "stats").out
    assert "output" in stats
    assert promptlab("db", "backup", "copy.db").code == 0
    assert "already" in promptlab("db", "backup", "copy.db").err
    with Lab("copy.db") as copy:
        assert len(copy.runs()) == 2


def test_stopping_what_has_ended_is_a_mistake_in_one_line(promptlab, seeded: dict[str, str]):
    done = promptlab("runs", "stop", seeded["variant"])
    assert done.code == 2
    assert done.err == f"error: run {seeded['eval'][:8]} is not running: it is finished\n"


def test_a_run_is_scored_again_with_what_is_expected_put_right(promptlab, seeded: dict[str, str]):
    ended = promptlab("runs", "rescore", seeded["eval"][:8], "--expect", "b=Say bad")
    assert (ended.code, ended.err) == (0, "")
    assert "plain@1 · fake:echo: exact_match 1" in ended.out
    assert "without a call" in ended.out
    wrong = promptlab("runs", "rescore", seeded["eval"][:8], "--expect", "zz=Say bad")
    assert (wrong.code, "has no case" in wrong.err) == (2, True)
    unreadable = promptlab("runs", "rescore", seeded["eval"][:8], "--expect", "b")
    assert (unreadable.code, "CASE=VALUE" in unreadable.err) == (2, True)


def test_one_case_of_a_variant_is_asked_again(promptlab, seeded: dict[str, str]):
    ended = promptlab("runs", "retry", seeded["variant"][:8], "b")
    assert (ended.code, ended.out) == (0, "Say bad\n")
    with Lab() as lab:
        assert len(lab.cell(seeded["variant"], "b").attempts) == 2
    missing = promptlab("runs", "retry", seeded["variant"][:8], "zz")
    assert (missing.code, "no output for case 'zz'" in missing.err) == (2, True)
