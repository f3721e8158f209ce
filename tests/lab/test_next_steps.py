"""What stands beside a verdict: what else differs between two runs, what to do next, who leads on the same cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptlab import Lab

CASES = 24


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A workspace with a suite of 24 cases; `good.jsonl` answers all of them right, `poor.jsonl` every third."""
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "plain.j2").write_text("Judge {{ text }}.")
    (tmp_path / "prompts" / "other.j2").write_text("Now judge {{ text }}.")
    for name, right in (("good", lambda n: True), ("poor", lambda n: n % 3 == 0)):
        lines = [{"input": f"<w{n}>", "output": f"w{n}" if right(n) else "no"} for n in range(CASES)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cases = [{"id": f"c{n}", "inputs": {"text": f"<w{n}>"}, "expected": f"w{n}"} for n in range(CASES)]
    suite = {"name": "words", "prompts": ["plain"], "models": [], "cases": cases, "evaluators": ["exact_match"]}
    (tmp_path / "words.yaml").write_text(json.dumps(suite))
    with Lab(workspace=tmp_path) as lab:
        yield lab


def evaluated(lab: Lab, script: str, prompt: str = "plain", **more: object):
    return lab.evaluate("words.yaml", prompts=[prompt], models=[f"fake:script?file={script}.jsonl"], **more)


def step(lab: Lab, a: str, b: str) -> str:
    (pair,) = lab.compare(a, b).pairs
    return lab.next_step(pair)


def test_a_better_prompt_is_worth_an_alias(lab: Lab):
    old, new = evaluated(lab, "poor"), evaluated(lab, "good", "other")
    same = lab.sameness(old.variants[0].id, new.variants[0].id)
    assert (same.shared, same.other_expected, same.other_prompts, same.evaluators) == (CASES, 0, CASES, ())
    assert (same.prompt, same.model, same.fair) == (False, False, True)
    assert step(lab, old.run, new.run) == "Next: move an alias to other@1."


def test_a_better_base_model_is_worth_its_use(lab: Lab):
    old, new = evaluated(lab, "poor"), evaluated(lab, "good")
    assert step(lab, old.run, new.run) == "Next: use its base model, fake:script?file=good.jsonl."


def test_a_worse_variant_points_at_the_cases_that_got_worse(lab: Lab):
    old, new = evaluated(lab, "good"), evaluated(lab, "poor")
    assert step(lab, old.run, new.run) == "Next: keep the baseline; the 16 cases that got worse show what went wrong."


def test_too_few_cases_ask_for_more(lab: Lab):
    old, new = evaluated(lab, "poor", limit=3), evaluated(lab, "good", limit=3)
    assert step(lab, old.run, new.run).startswith("Next: run both on more cases")


def test_a_tie_leaves_the_baseline_or_asks_for_more_cases(lab: Lab):
    old, new = evaluated(lab, "good"), evaluated(lab, "good", "other")
    assert step(lab, old.run, new.run).startswith("Next: keep the baseline, or run more cases")


def test_other_expectations_and_changed_evaluators_are_no_difference_of_the_variants(lab: Lab):
    old = evaluated(lab, "poor")
    new = evaluated(lab, "good")
    lab.rescore(new.run, expected={"c1": "else", "c2": "else"})
    same = lab.sameness(old.variants[0].id, new.variants[0].id)
    assert (same.other_expected, same.fair) == (2, False)
    assert "score the older run again; of 24 shared cases 2 expect" in step(lab, old.run, new.run)
    path = lab.workspace.root / "words.yaml"
    suite = json.loads(path.read_text())
    path.write_text(json.dumps(suite | {"evaluators": [{"exact_match": {"ignore_case": True}}]}))
    changed = evaluated(lab, "good")
    same = lab.sameness(old.variants[0].id, changed.variants[0].id)
    assert (same.evaluators, same.fair) == (("exact_match",), False)
    assert step(lab, old.run, changed.run) == "Next: score the older run again; exact_match changed between the two."


def test_settings_that_differ_are_named(lab: Lab):
    old, new = evaluated(lab, "good"), evaluated(lab, "good", settings={"temperature": 0.5, "max_tokens": 9})
    assert lab.sameness(old.variants[0].id, new.variants[0].id).settings == ("max_tokens", "temperature")


def test_prompts_and_a_classic_model_are_ranked_on_the_cases_they_share(lab: Lab):
    poor, good = evaluated(lab, "poor"), evaluated(lab, "good")
    few = evaluated(lab, "good", limit=2)
    with lab.run("tree") as run:
        run.log_predictions("words.yaml", [f"w{n}" if n % 2 else "no" for n in range(CASES)])
    board = lab.shared_board("words", "exact_match")
    assert [one.run.uid for one in board.standings] == [
        good.variants[0].id,
        run.uid,
        poor.variants[0].id,
        few.variants[0].id,
    ]
    assert board.cases == CASES
    leader, tree, last, unranked = board.standings
    assert (leader.verdict, leader.interval.mean) == (None, 1.0)
    assert tree.verdict is not None
    assert tree.verdict.word == "worse"
    assert "after Holm" in tree.verdict.sentence
    assert last.interval.mean == pytest.approx(1 / 3)
    assert (unranked.ranked, unranked.shared, unranked.interval.n) == (False, 2, 2)


def test_a_measure_that_nobody_has_gives_an_empty_board(lab: Lab):
    evaluated(lab, "poor", limit=2)
    assert lab.shared_board("words", "rouge_l").standings == ()
    assert lab.shared_board("nothing", "exact_match").standings == ()


def test_a_deleted_run_and_a_try_are_on_no_board(lab: Lab):
    poor, good = evaluated(lab, "poor"), evaluated(lab, "good")
    lab.try_prompt("plain", ["fake:echo"], {"text": "<w1>"})
    lab.delete_run(good.run)
    assert [one.run.uid for one in lab.shared_board("words", "exact_match").standings] == [poor.variants[0].id]


def test_scores_by_tag_count_a_case_once_whatever_its_repeats(lab: Lab):
    path = lab.workspace.root / "words.yaml"
    suite = json.loads(path.read_text())
    for n, case in enumerate(suite["cases"]):
        case["metadata"] = {"tags": ["third"] if n % 3 == 0 else ["rest", "any"]}
    path.write_text(json.dumps(suite))
    result = evaluated(lab, "poor", repeats=2)
    found = lab.by_tag(lab.report(result.run), "exact_match")
    assert [(one.tag, one.cases) for one in found] == [("any", 16), ("rest", 16), ("third", 8)]
    (variant,) = result.variants
    assert [(one.scores[variant.id].mean, one.scores[variant.id].n) for one in found] == [(0, 16), (0, 16), (1, 8)]


def test_repeated_verdicts_have_an_interval_within_0_to_1_that_is_never_certain(lab: Lab):
    result = evaluated(lab, "good", repeats=3, limit=12)
    interval = result.variants[0].scores["exact_match"]
    assert (interval.mean, interval.n, interval.high) == (1.0, 12, 1.0)
    assert interval.low is not None
    assert interval.low < 0.8
    board = lab.shared_board("words", "exact_match")
    assert board.standings[0].interval == interval
