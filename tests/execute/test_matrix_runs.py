"""A matrix of settings from suite to rows: every combination is a variant that everything tells from the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import SuiteError

NAMES = [
    f"plain@1 · fake:echo · temperature={temperature}, max_tokens={most}" for temperature in (0, 0.7) for most in (1, 2)
]

SUITE = """
name: cut
prompts: [plain]
models: ["fake:echo"]
settings: {top_p: 0.5, max_tokens: 9}
matrix: {temperature: [0, 0.7], max_tokens: [1, 2]}
cases:
  - {id: a, inputs: {text: one two}, expected: one two}
  - {id: b, inputs: {text: two one}, expected: two one}
evaluators: [exact_match]
"""


@pytest.fixture
def suite(workspace: Path) -> Path:
    path = workspace / "cut.yaml"
    path.write_text(SUITE)
    return path


def test_every_combination_is_a_variant_with_its_own_name_settings_and_answers(lab: Lab, suite: Path):
    result = lab.evaluate(suite)
    assert [variant.name for variant in result.variants] == NAMES
    assert [variant.settings for variant in result.variants] == [
        {"top_p": 0.5, "max_tokens": most, "temperature": temperature} for temperature in (0, 0.7) for most in (1, 2)
    ]
    assert [variant.scores["exact_match"].mean for variant in result.variants] == [0.0, 1.0, 0.0, 1.0]
    assert [variant["settings"]["max_tokens"] for variant in result.to_json()["variants"]] == [1, 2, 1, 2]
    assert {record["variant"] for record in result.to_pandas().to_dict("records")} == set(NAMES)
    assert result.calls.made == 8
    assert lab.evaluate(suite).calls.made == 0


def test_a_setting_of_the_call_takes_its_name_out_of_the_matrix(lab: Lab, suite: Path):
    result = lab.evaluate(suite, settings={"max_tokens": 2})
    assert [variant.name for variant in result.variants] == [
        "plain@1 · fake:echo · temperature=0",
        "plain@1 · fake:echo · temperature=0.7",
    ]
    assert {variant.settings["max_tokens"] for variant in result.variants} == {2}
    result = lab.evaluate(suite, settings={"max_tokens": 2, "temperature": 1})
    assert [variant.name for variant in result.variants] == ["plain@1 · fake:echo"]


def test_a_model_that_is_a_function_of_the_inputs_is_one_variant(lab: Lab, suite: Path):
    model = lab.model("join", lambda inputs: [one["text"] for one in inputs])
    result = lab.evaluate(suite, models=["fake:echo", model])
    assert [variant.name for variant in result.variants] == [*NAMES, "python:join"]


@pytest.mark.parametrize(
    ("variant", "held"),
    [
        (NAMES[1], [NAMES[1]]),
        ("temperature=0.7, max_tokens=2", [NAMES[3]]),
        ("plain@1 · fake:echo", NAMES),
        ("plain", NAMES),
        ("fake:echo", NAMES),
        ("temperature=0.7", NAMES[2:]),
        ("top_p=0.5", NAMES),
        ("temperature=0.70", []),
    ],
)
def test_a_gate_may_name_a_combination_or_all_of_a_prompt(lab: Lab, suite: Path, variant, held):
    gate = json.dumps({"exact_match": {"rule": ">= 0", "variant": variant}})
    suite.write_text(f"{SUITE}gates: {gate}\n")
    assert [gate.variant for gate in lab.evaluate(suite).gates] == held


def test_a_dry_run_forecasts_each_of_them(lab: Lab, suite: Path):
    forecast = lab.forecast(suite)
    assert [variant.name for variant in forecast.variants] == [name.replace("plain@1", "plain") for name in NAMES]
    assert [variant.most_output_tokens for variant in forecast.variants] == [2, 4, 2, 4]


def test_a_comparison_holds_them_against_each_other(lab: Lab, suite: Path):
    comparison = lab.compare(lab.evaluate(suite).run)
    assert comparison.best.name == NAMES[1]
    assert {pair.other.name for pair in comparison.pairs} == {NAMES[0], NAMES[2], NAMES[3]}


def test_a_run_that_is_taken_up_again_keeps_its_combinations(lab: Lab, suite: Path):
    suite.write_text(SUITE.replace("fake:echo", "fake:flaky?failures=9&status=client"))
    first = lab.evaluate(suite, settings={"max_tokens": 2}, max_errors=1)
    suite.unlink()
    found = lab.resumable(first.run, retry_errors=True)
    assert [variant.name for variant in found.plan.variants] == [variant.name for variant in first.variants]
    assert [variant.varied for variant in found.plan.variants] == [("temperature",), ("temperature",)]
    again = lab.resume(found)
    assert [variant.name for variant in again.variants] == [variant.name for variant in first.variants]
    assert [variant.settings for variant in again.variants] == [variant.settings for variant in first.variants]


def test_the_same_prompt_named_twice_is_still_refused(lab: Lab, suite: Path):
    lab.prompts.use("plain")
    with pytest.raises(SuiteError, match="is named twice"):
        lab.evaluate(suite, prompts=["plain", "plain@1"])


def test_the_terminal_and_the_files_show_what_tells_them_apart(lab: Lab, suite: Path, command):
    process = command("eval", "cut.yaml", "--setting", "temperature=0", "--csv", "cells.csv", "--json", "-")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert [variant["settings"]["max_tokens"] for variant in json.loads(out)["variants"]] == [1, 2]
    table = (suite.parent / "cells.csv").read_text()
    assert table.count("plain@1 · fake:echo · max_tokens=1,") == 2
    for line in ("max_tokens=1", "max_tokens=2"):
        assert any(line in shown for shown in err.splitlines())
    process = command("eval", "cut.yaml", "--dry-run")
    out, _ = process.communicate(timeout=120)
    assert "temperature=0.7" in out.replace("\n", "")
