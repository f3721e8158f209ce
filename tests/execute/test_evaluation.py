"""An evaluation from suite to rows, on fake models and a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import SuiteError, TemplateError, UndefinedVariableError, UsageError

SUITE = """
name: words
prompts: [plain]
models: ["fake:echo"]
cases:
  - {id: a, inputs: {text: good}, expected: "Say good"}
  - {id: b, inputs: {text: bad}, expected: "Say good"}
evaluators:
  - exact_match
  - contains: {word: "{{ inputs.text }}", as: mentions}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "plain.j2").write_text("Say {{ text }}")
    (tmp_path / "prompts" / "loud.j2").write_text("Say {{ text }}!")
    (tmp_path / "words.yaml").write_text(SUITE)
    return tmp_path


@pytest.fixture
def lab(folder: Path):
    with Lab(workspace=folder) as lab:
        yield lab


def test_every_cell_has_its_output_scores_and_rendered_prompt(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "words.yaml")
    assert {cell.key: cell.output for cell in result.cells} == {"a": "Say good", "b": "Say bad"}
    assert result.metrics == {"exact_match": 0.5, "mentions": 1.0}
    detail = lab.cell(result.variants[0].id, "b")
    assert [message.content for message in detail.messages] == ["Say bad"]
    assert detail.cell.scores["exact_match"].passed is False
    assert [attempt.status for attempt in detail.attempts] == ["ok"]


def test_a_second_run_asks_nothing_and_says_so(lab: Lab, folder: Path):
    first = lab.evaluate(folder / "words.yaml")
    second = lab.evaluate(folder / "words.yaml")
    assert (first.calls.made, first.calls.cached) == (2, 0)
    assert (second.calls.made, second.calls.cached) == (0, 2)
    assert all(cell.cached and cell.seconds is not None for cell in second.cells)
    assert second.metrics == first.metrics


def test_no_cache_reads_none_but_stores(lab: Lab, folder: Path):
    assert lab.evaluate(folder / "words.yaml", use_cache=False).calls.made == 2
    assert lab.evaluate(folder / "words.yaml", use_cache=False).calls.made == 2
    assert lab.evaluate(folder / "words.yaml").calls.made == 0


def test_a_changed_prompt_or_setting_asks_again_only_what_it_touches(lab: Lab, folder: Path):
    lab.evaluate(folder / "words.yaml")
    both = lab.evaluate(folder / "words.yaml", prompts=["plain", "loud"])
    assert (both.calls.made, both.calls.cached) == (2, 2)
    assert lab.evaluate(folder / "words.yaml", settings={"temperature": 0.5}).calls.made == 2


def test_repeats_are_own_calls_averaged_within_a_case(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "words.yaml", models=["fake:choose?of=Say+good,Say+bad"], repeats=3)
    assert len(result.cells) == 6
    assert result.calls.made == 6
    assert result.variants[0].scores["exact_match"].n == 2


def test_errors_are_rows_left_out_of_the_mean_and_exit_with_3(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "words.yaml", models=["fake:fail?status=client"])
    assert [cell.status for cell in result.cells] == ["client", "client"]
    assert result.variants[0].errors == 2
    assert result.variants[0].scores == {}
    assert result.exit_code == 3
    assert result.calls.failed == 2


def test_a_retried_call_keeps_every_attempt(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "words.yaml", models=["fake:flaky?failures=2&status=rate_limited&retry_after=0"])
    assert [cell.status for cell in result.cells] == ["ok", "ok"]
    assert [cell.attempts for cell in result.cells] == [3, 3]
    assert result.calls.made == 6
    detail = lab.cell(result.variants[0].id, "a")
    assert [attempt.status for attempt in detail.attempts] == ["rate_limited", "rate_limited", "ok"]


def test_five_attempts_are_the_end(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "words.yaml", models=["fake:fail?status=server&retry_after=0"], limit=1)
    assert [cell.attempts for cell in result.cells] == [5]
    assert result.cells[0].status == "server"


def test_errors_are_never_served_from_the_cache(lab: Lab, folder: Path):
    lab.evaluate(folder / "words.yaml", models=["fake:fail?status=client"])
    assert lab.evaluate(folder / "words.yaml", models=["fake:fail?status=client"]).calls.made == 2


def test_a_broken_evaluator_is_an_error_of_that_score_alone(lab: Lab, folder: Path):
    (folder / "evaluators.py").write_text(
        "from promptlab import EvaluatorContext, evaluator\n\n\n@evaluator\ndef broken(context: EvaluatorContext):\n"
        "    raise ZeroDivisionError('no')\n"
    )
    (folder / "broken.yaml").write_text(SUITE + "  - broken\n")
    result = lab.evaluate(folder / "broken.yaml")
    assert [cell.scores["broken"].error for cell in result.cells] == ["ZeroDivisionError: no"] * 2
    assert result.variants[0].scores["exact_match"].n == 2
    assert result.exit_code == 3


def test_a_case_that_does_not_render_is_an_error_and_the_rest_goes_on(lab: Lab, folder: Path):
    text = SUITE.replace("inputs: {text: bad}", "inputs: {other: bad}").replace("{{ inputs.text }}", "good")
    (folder / "hole.yaml").write_text(text)
    result = lab.evaluate(folder / "hole.yaml")
    assert [cell.status for cell in result.cells] == ["ok", "template"]
    assert "text" in (result.cells[1].error or "")


def test_a_gate_that_does_not_hold_exits_with_1(lab: Lab, folder: Path):
    (folder / "gated.yaml").write_text(SUITE + 'gates:\n  exact_match: ">= 0.9"\n  mentions: ">= 0.9"\n')
    result = lab.evaluate(folder / "gated.yaml")
    assert [(gate.evaluator, gate.passed) for gate in result.gates] == [("exact_match", False), ("mentions", True)]
    assert result.exit_code == 1
    assert lab.report(result.run).gates == result.gates


def test_what_could_never_run_is_refused_before_anything_is_stored(lab: Lab, folder: Path):
    (folder / "prompts" / "other.j2").write_text("Say {{ word }}")
    with pytest.raises(UndefinedVariableError, match=r"needs `word`.*inputs: text"):
        lab.evaluate(folder / "words.yaml", prompts=["other"])
    (folder / "prompts" / "bomb.j2").write_text("{{ 'a' * 200000000 }}")
    with pytest.raises(TemplateError):
        lab.evaluate(folder / "words.yaml", prompts=["prompts/bomb.j2"])
    assert list(lab.prompts.list()) == []
    with pytest.raises(SuiteError, match="named twice"):
        lab.evaluate(folder / "words.yaml", models=["fake:echo", "fake:echo"])
    with pytest.raises(SuiteError, match="limit"):
        lab.evaluate(folder / "words.yaml", limit=0)
    with pytest.raises(UsageError, match="temprature"):
        lab.evaluate(folder / "words.yaml", settings={"temprature": 1})
    with pytest.raises(SuiteError, match="repeats is 0"):
        lab.evaluate(folder / "words.yaml", repeats=0)
    assert list(lab.prompts.list()) == []
    assert list(lab.runs()) == []


def test_the_json_object_keeps_the_contract(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "words.yaml")
    document = json.loads(json.dumps(result.to_json()))
    assert set(document) == {"run", "suite", "status", "variants", "gates", "cells", "calls"}
    assert document["status"] == "finished"
    (variant,) = document["variants"]
    assert set(variant) == {
        *("id", "prompt", "model", "settings", "scores", "cost_usd", "spent_usd"),
        *("input_tokens", "output_tokens", "seconds", "errors"),
    }
    assert variant["prompt"] == "plain@1"
    assert variant["model"] == "fake:echo"
    assert set(variant["scores"]["exact_match"]) == {"mean", "low", "high", "n"}
    cell = document["cells"][0]
    assert set(cell) == {
        *("case", "variant", "repeat", "inputs", "expected", "output", "status", "error"),
        *("cached", "attempts", "seconds", "scores"),
    }
    assert cell["variant"] == variant["id"]
    assert set(cell["scores"]["exact_match"]) == {"value", "passed", "reason", "error"}
    assert document["calls"] == {"made": 2, "cached": 0, "failed": 0, "lost": 0}


def test_metrics_of_several_variants_are_refused_by_name(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "words.yaml", prompts=["plain", "loud"])
    with pytest.raises(UsageError, match=r"loud@1 · fake:echo"):
        _ = result.metrics


def test_settings_of_the_call_win_over_the_suite_over_the_front_matter(lab: Lab, folder: Path):
    (folder / "prompts" / "set.j2").write_text(
        "---\nsettings: {temperature: 0.1, max_tokens: 1, top_p: 0.5}\n---\n{{ text }}"
    )
    (folder / "set.yaml").write_text(SUITE + "settings: {temperature: 0.2, max_tokens: 2}\n")
    result = lab.evaluate(folder / "set.yaml", prompts=["set"], settings={"temperature": 0.3})
    assert result.variants[0].settings == {"temperature": 0.3, "max_tokens": 2, "top_p": 0.5}


def test_a_data_frame_has_one_row_a_cell(lab: Lab, folder: Path):
    frame = lab.evaluate(folder / "words.yaml", prompts=["plain", "loud"]).to_pandas()
    assert len(frame) == 4
    assert {"case", "variant", "inputs.text", "expected", "output", "exact_match", "mentions"} <= set(frame.columns)


def test_the_watcher_sees_every_cell_end(lab: Lab, folder: Path):
    seen: list[int] = []
    lab.evaluate(folder / "words.yaml", prompts=["plain", "loud"], watcher=lambda progress: seen.append(progress.done))
    assert seen[-1] == 4
    assert seen == sorted(seen)


def test_a_variable_with_a_default_may_be_missing(lab: Lab, folder: Path):
    (folder / "prompts" / "toned.j2").write_text("{{ tone | default('Say') }} {{ text }}")
    assert [cell.output for cell in lab.evaluate(folder / "words.yaml", prompts=["toned"]).cells] == [
        "Say good",
        "Say bad",
    ]


def test_a_misspelt_setting_in_front_matter_is_named(lab: Lab, folder: Path):
    (folder / "prompts" / "typo.j2").write_text("---\nsettings: {temprature: 0.1}\n---\n{{ text }}")
    with pytest.raises(UsageError, match=r"typo.*temprature.*temperature"):
        lab.evaluate(folder / "words.yaml", prompts=["typo"])


def test_a_file_and_its_own_version_are_one_variant_named_twice(lab: Lab, folder: Path):
    lab.prompts.use("plain")
    with pytest.raises(SuiteError, match="plain@1 · fake:echo' is named twice"):
        lab.evaluate(folder / "words.yaml", prompts=["plain", "plain@1"])


def test_a_check_says_what_an_evaluation_would_and_stores_nothing(lab: Lab, folder: Path):
    assert lab.check(folder / "words.yaml").name == "words"
    (folder / "prompts" / "other.j2").write_text("Say {{ word }}")
    with pytest.raises(UndefinedVariableError, match="needs `word`"):
        lab.check(folder / "words.yaml", prompts=["other"])
    assert list(lab.prompts.list()) == []
