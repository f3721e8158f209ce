"""What a list of runs shows beside each row."""

from __future__ import annotations

from pathlib import Path

from promptlab import Lab

SUITE = """
name: words
prompts: [one, two]
models: ["fake:echo"]
cases: [{id: a, inputs: {text: x}, expected: x}, {id: b, inputs: {text: y}, expected: y}]
evaluators: [exact_match, word_count]
"""


def test_an_evaluation_shows_the_best_of_its_variants_and_a_classic_run_its_own_metrics(tmp_path: Path):
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "one.j2").write_text("{{ text }}")
    (tmp_path / "prompts" / "two.j2").write_text("{{ text }}!")
    (tmp_path / "words.yaml").write_text(SUITE)
    with Lab(workspace=tmp_path) as lab:
        with lab.run("forest") as run:
            run.log_metrics(accuracy=0.5, step=1)
            run.log_metrics(accuracy=0.75, step=2)
        lab.evaluate(tmp_path / "words.yaml")
        lab.evaluate(tmp_path / "words.yaml", models=["fake:fail?status=client"], limit=1)
        failed, good, classic = lab.runs(top_level=True)
        overviews = lab.overviews([failed, good, classic])
    assert overviews[good.id].variants == 2
    assert overviews[good.id].metrics == {"exact_match": 1.0, "word_count": 1.0}
    assert overviews[good.id].prompts == ["one@1", "two@1"]
    assert (overviews[good.id].ended, overviews[good.id].planned, overviews[good.id].partial) == (4, 4, False)
    assert (overviews[failed.id].errors, overviews[failed.id].metrics) == (2, {})
    assert overviews[classic.id].metrics == {"accuracy": 0.75}
    assert overviews[classic.id].planned is None
