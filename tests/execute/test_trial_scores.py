"""A try on a case of a suite is scored as the evaluation would score it, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from promptlab import Lab

SUITE = """
name: films
prompts: [plain]
models: ["fake:echo"]
evaluators:
  - exact_match
  - word_count
  - semantic_similarity
  - all_of: {evaluators: [exact_match], as: both}
cases:
  - {id: a, inputs: {text: a joy}, expected: a joy}
  - {id: b, inputs: {text: a bore}, expected: dull, evaluators: [{contains: {word: bore, as: bored}}]}
"""


def test_scores_are_those_of_the_evaluation_without_what_asks_a_model(workspace: Path, lab: Lab):
    (workspace / "films.yaml").write_text(SUITE.replace("  - semantic_similarity\n", ""))
    report = lab.report(lab.evaluate(workspace / "films.yaml").run)
    (workspace / "films.yaml").write_text(SUITE)
    suite = lab.suite(workspace / "films.yaml")
    runs = len(lab.runs(include_tries=True))
    for case, cell in zip(suite.cases, report.cells, strict=True):
        (trial,) = lab.try_prompt("plain", ["fake:echo"], case.inputs)
        scores = lab.score_try(suite, case, trial)
        assert {name: (one.value, one.passed) for name, one in scores.items()} == {
            name: (one.value, one.passed) for name, one in cell.scores.items()
        }
    assert "bored" in scores
    assert len(lab.runs(include_tries=True)) == runs + 2  # the tries themselves


def test_an_error_has_no_scores(workspace: Path, lab: Lab):
    (workspace / "films.yaml").write_text(SUITE)
    suite = lab.suite(workspace / "films.yaml")
    (trial,) = lab.try_prompt("plain", ["fake:fail"], suite.cases[0].inputs)
    assert trial.error
    assert lab.score_try(suite, suite.cases[0], trial) == {}
