"""The main job on real weights: one suite through a server, through the local model and through a classic model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promptlab import Lab

if TYPE_CHECKING:
    from servers import ModelServer

ROOT = Path(__file__).resolve().parents[2]
CASES = 6


@pytest.fixture
def lab(tmp_path: Path, smollm2_server: ModelServer):
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    shutil.copytree(ROOT / "evals", tmp_path / "evals")
    (tmp_path / "promptlab.toml").write_text(
        f'[endpoints.loopback]\nbase_url = "{smollm2_server.base_url}"\ninput_usd_per_million = 0.1\n'
        "output_usd_per_million = 0.2\n"
    )
    with Lab(workspace=tmp_path) as lab:
        yield lab


@pytest.mark.model
def test_a_server_the_local_model_and_a_classic_model_stand_in_one_comparison(lab: Lab, smollm2_server: ModelServer):
    suite = lab.workspace.root / "evals" / "sentiment.yaml"
    served = lab.evaluate(suite, prompts=["sentiment-plain"], models=[f"loopback:{smollm2_server.model}"], limit=CASES)
    local = lab.evaluate(suite, prompts=["sentiment-plain"], models=["local:smollm2-135m"], limit=CASES)
    classic = lab.evaluate(suite, models=[lab.model("always", lambda rows: ["positive"] * len(rows))], limit=CASES)
    for result in (served, local, classic):
        assert [cell.status in ("ok", "truncated") for cell in result.cells] == [True] * CASES, result.cells
        assert result.calls.made == CASES

    # Greedy answers of the same weights are the same text, whichever way they came.
    assert [cell.output for cell in served.cells] == [cell.output for cell in local.cells]
    for one, other in zip(served.cells, local.cells, strict=True):
        assert one.usage.input_tokens == other.usage.input_tokens
        # The server counts the token that ends an answer, too.
        assert 0 <= (one.usage.output_tokens or 0) - (other.usage.output_tokens or 0) <= 1
    assert served.variants[0].cost_usd == pytest.approx(
        (served.variants[0].input_tokens * 0.1 + served.variants[0].output_tokens * 0.2) / 1e6
    )
    assert local.variants[0].cost_usd == 0.0

    comparison = lab.compare(served.run, local.run, classic.run)
    assert [variant.model for variant in comparison.variants] == [
        f"loopback:{smollm2_server.model}",
        "local:smollm2-135m",
        "python:always",
    ]
    assert [pair.shared for pair in comparison.pairs] == [CASES, CASES]
    assert comparison.pairs[0].measures[0].verdict.word == "tied"
    board = [row.run.model for row in lab.leaderboard("exact_match")]
    assert set(board) == {variant.model for variant in comparison.variants}

    again = lab.evaluate(suite, prompts=["sentiment-plain"], models=["local:smollm2-135m"], limit=CASES)
    assert (again.calls.made, again.calls.cached) == (0, CASES)
