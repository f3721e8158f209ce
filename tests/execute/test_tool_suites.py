"""Suites that send tools to an endpoint: what is called is scored live, from the cache, and when scored again."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopback import Loopback
from promptlab import Lab
from promptlab.errors import ModelError

SUITE = """
name: calls
prompts: [plain]
models: ["loop:caller"]
settings:
  tools:
    - type: function
      function: {name: look_up, parameters: {type: object, properties: {text: {type: string}}}}
    - type: function
      function: {name: send}
cases:
  - {id: oslo, inputs: {text: Oslo}, expected: {name: look_up, arguments: {text: Oslo}}}
  - {id: rome, inputs: {text: Rome}, expected: {name: look_up, arguments: {text: Roma}}}
evaluators:
  - tool_call
  - finish_reason: {reason: tool_calls}
"""
CALLED = """from promptlab import EvaluatorContext, evaluator


@evaluator
def called(context: EvaluatorContext):
    return len(context.tool_calls) == NUMBER
"""


@pytest.fixture
def endpoint(workspace: Path, loopback: Loopback) -> Loopback:
    (workspace / "promptlab.toml").write_text(f'[endpoints.loop]\nbase_url = "{loopback.base_url}"\n')
    return loopback


@pytest.fixture
def suite(workspace: Path, endpoint: Loopback) -> Path:
    path = workspace / "calls.yaml"
    path.write_text(SUITE)
    return path


def test_calls_are_scored_live_and_from_the_cache(suite: Path, endpoint: Loopback, lab: Lab):
    live = lab.evaluate(suite)
    assert {tool["function"]["name"] for tool in endpoint.requests[0]["tools"]} == {"look_up", "send"}
    assert live.metrics == {"tool_call": 0.5, "finish_reason": 1.0}
    (rome,) = (cell for cell in live.cells if cell.key == "rome")
    assert (rome.status, rome.output) == ("ok", "")
    assert rome.scores["tool_call"].reason == 'called look_up({"text": "Rome"}); expected look_up({"text": "Roma"})'
    cached = lab.evaluate(suite)
    assert (cached.calls.made, cached.calls.cached, cached.metrics) == (0, 2, live.metrics)
    suite.write_text(SUITE.replace("Roma", "Rome"))
    corrected = lab.evaluate(suite)
    assert (corrected.calls.made, corrected.metrics["tool_call"]) == (0, 1.0)


def test_other_tools_are_another_question(suite: Path, lab: Lab):
    assert lab.evaluate(suite).calls.made == 2
    suite.write_text(SUITE.replace("name: send", "name: post"))
    assert lab.evaluate(suite).calls.made == 2
    suite.write_text(SUITE.replace("settings:", "settings:\n  tool_choice: {type: function, function: {name: send}}"))
    assert lab.evaluate(suite).metrics["tool_call"] == 0.0


def test_stored_calls_are_scored_again_by_a_changed_evaluator(
    suite: Path, workspace: Path, endpoint: Loopback, lab: Lab
):
    (workspace / "evaluators.py").write_text(CALLED.replace("NUMBER", "2"))
    suite.write_text(SUITE + "  - called\n")
    first = lab.evaluate(suite)
    assert first.metrics["called"] == 0.0
    (workspace / "evaluators.py").write_text(CALLED.replace("NUMBER", "1"))
    again = lab.resume(first.run)
    assert again.metrics == {"tool_call": 0.5, "finish_reason": 1.0, "called": 1.0}
    assert len(endpoint.requests) == 2


def test_a_local_model_takes_no_tools_and_says_so_before_anything_runs(suite: Path, lab: Lab):
    with pytest.raises(ModelError) as caught:
        lab.evaluate(suite, models=["loop:caller", "local:smollm2-135m"])
    assert str(caught.value) == (
        f"{suite}: local:smollm2-135m takes no `tools`, only models of an endpoint do; leave the setting out, or name "
        "another model"
    )
    assert lab.runs(kinds=["eval"]) == []
    with pytest.raises(ModelError, match="local:smollm2-135m takes no `tool_choice`"):
        lab.try_prompt("plain", ["local:smollm2-135m"], {"text": "a"}, settings={"tool_choice": "auto"})
