"""`promptlab cache`: what is held, what it saved, and forgetting it without losing a row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab import Lab

PRICES = '[prices."fake:*"]\ninput_usd_per_million = 0\noutput_usd_per_million = 5000\n'


def test_an_empty_cache_says_how_it_fills(promptlab):
    assert promptlab("cache", "stats").out.startswith("the cache is empty")
    assert promptlab("cache", "clear").out == "nothing to clear\n"


def test_stats_say_what_was_paid_and_what_reusing_saved(promptlab, folder: Path):
    (folder / "promptlab.toml").write_text(PRICES)
    for _ in range(3):
        assert promptlab("eval", "words.yaml").code == 0
    (model,) = json.loads(promptlab("cache", "stats", "--json").out)
    assert model == {
        "model": "fake:echo",
        "answers": 2,
        "characters": len("Say good") + len("Say bad"),
        "reused": 4,
        "cost_usd": pytest.approx(0.02),
        "saved_usd": pytest.approx(0.04),
    }
    assert "fake:echo" in promptlab("cache", "stats").out


def test_what_is_cleared_is_asked_again_and_the_runs_keep_it(promptlab, folder: Path):
    promptlab("eval", "words.yaml")
    ended = promptlab("cache", "clear", "--yes")
    assert ended.out == "2 answers will be asked for again; the runs that have them keep them\n"
    with Lab(workspace=folder) as lab:
        (run,) = lab.runs(kinds=["eval"])
        assert [cell.output for cell in lab.report(run.uid).cells] == ["Say good", "Say bad"]
        assert lab.evaluate(folder / "words.yaml").calls.made == 2


def test_one_model_or_what_is_old_is_cleared_alone(promptlab, folder: Path):
    promptlab("eval", "words.yaml", "-m", "fake:echo", "-m", "fake:say?text=yes")
    assert promptlab("cache", "clear", "--model", "fake:echo").out.startswith("2 answers will")
    assert promptlab("cache", "clear", "--older-than", "1d").out.startswith("0 answers will")
    assert promptlab("eval", "words.yaml", "-m", "fake:say?text=yes", "--json", "-").code == 0
    with Lab(workspace=folder) as lab:
        assert lab.evaluate(folder / "words.yaml", models=["fake:say?text=yes"]).calls.made == 0


def test_an_age_that_is_none_is_refused(promptlab):
    ended = promptlab("cache", "clear", "--older-than", "long")
    assert (ended.code, ended.err) == (2, "error: --older-than 'long': write a number with d, h or m, as in 30d\n")
