"""The suites in evals/, as they are shipped: sound data of a known source, prompts that fit, and real answers."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from promptlab import Lab
from promptlab.cli.main import main
from promptlab.models.pulling import pull
from promptlab.prompts.files import load_prompt
from promptlab.prompts.rendering import render_all, variables
from promptlab.suites.load import load_suite
from promptlab.types import EvaluatorContext, Score

ROOT = Path(__file__).resolve().parents[1]
EVALS = ROOT / "evals"
SUITES = sorted(path.stem for path in EVALS.glob("*.yaml"))
DATA = sorted((EVALS / "data").glob("*.jsonl"))
ANSWERED = {
    "answers": "quasi_exact_match",
    "choice-by-letter": "choice",
    "extraction": "json_fields",
    "open-questions": "quasi_exact_match",
    "sentiment": "exact_match",
    "summaries": "rouge_l",
    "yes-no": "quasi_exact_match",
}
"""By suite the evaluator that an expected answer satisfies; of the other one, the answer plays no part."""


def suite_of(name: str) -> Any:
    return load_suite(EVALS / f"{name}.yaml")


def scored(evaluator: Any, context: EvaluatorContext) -> dict[str, Score]:
    return dict(asyncio.run(evaluator.score(context)))


def test_there_is_a_suite_for_every_task():
    assert {*ANSWERED, "choice-by-likelihood"} == set(SUITES)


def test_validate_finds_nothing_to_say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(ROOT)
    assert not main(["validate"])
    said = capsys.readouterr().out
    assert re.fullmatch(rf"{len(SUITES)} suites, \d+ prompts, promptlab.toml: all well\n", said)


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_has_at_least_50_cases_and_none_twice(name: str):
    suite = suite_of(name)
    assert len(suite.cases) >= 50
    assert len({case.key for case in suite.cases}) == len(suite.cases)
    assert len({json.dumps(case.inputs, sort_keys=True) for case in suite.cases}) == len(suite.cases)
    assert all(case.expected for case in suite.cases)
    assert suite.description


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_tells_editors_its_schema_and_has_a_prompt_without_and_one_with_examples(name: str):
    first = (EVALS / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=../schemas/suite.schema.json"
    plain, fewshot = (load_prompt(ROOT / "prompts" / f"{prompt}.j2") for prompt in suite_of(name).prompts)
    assert ("few-shot" in plain.tags, "few-shot" in fewshot.tags) == (False, True)


@pytest.mark.parametrize("name", SUITES)
def test_every_prompt_of_a_suite_shows_all_that_each_case_asks(name: str):
    suite = suite_of(name)
    for prompt in suite.prompts:
        version = load_prompt(ROOT / "prompts" / f"{prompt}.j2")
        for case, messages in zip(suite.cases, render_all(version, [case.inputs for case in suite.cases]), strict=True):
            last = messages[-1].content
            for variable in variables(version):
                value = case.inputs[variable]
                assert all(text.strip() in last for text in (value if isinstance(value, list) else [value])), case.key


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_data_names_its_source_its_licence_and_how_many_rows_it_has(path: Path):
    source = path.with_suffix(".SOURCE.md").read_text(encoding="utf-8")
    rows = path.read_text(encoding="utf-8").splitlines()
    assert source.startswith(f"# {path.name}\n\n{len(rows)} ")
    if path.stem == "sst2-train":
        assert "as in `sst2.SOURCE.md`" in source
        return
    for word in ("**Source.**", "**Authors.**", "**Licence.**", "**Selection.**", "**Changed.**"):
        assert word in source


def test_all_data_is_used_and_every_source_has_its_data():
    used = {(EVALS / suite_of(name).dataset_source).name for name in SUITES}
    assert {path.name for path in DATA} == used | {"sst2-train.jsonl"}
    assert {path.name.removesuffix(".SOURCE.md") for path in (EVALS / "data").glob("*.md")} == {
        path.stem for path in DATA
    }


@pytest.mark.parametrize(("name", "evaluator"), ANSWERED.items())
def test_the_expected_answer_of_every_case_scores_full(name: str, evaluator: str):
    suite = suite_of(name)
    for case in suite.cases:
        bound = next(item for item in suite.evaluators_for(case) if item.name == evaluator)
        for answer in case.expected if isinstance(case.expected, list) else [case.expected]:
            output = answer if isinstance(answer, str) else json.dumps(answer)
            scores = scored(bound, EvaluatorContext(case.inputs, output, case.expected, key=case.key))
            assert {score.value for score in scores.values()} == {1.0}, (case.key, scores)


def test_the_right_letter_is_one_of_the_options():
    for name in ("choice-by-letter", "choice-by-likelihood"):
        for case in suite_of(name).cases:
            assert len(case.inputs["choices"]) == len(set(case.inputs["choices"])) == 5
            assert case.expected in "ABCDE"


@pytest.mark.parametrize(
    ("name", "counts"),
    [("sentiment", {"positive": 32, "negative": 32}), ("yes-no", {"yes": 50, "no": 50})],
)
def test_two_answers_are_as_frequent_so_that_guessing_gets_half(name: str, counts: dict[str, int]):
    assert Counter(case.expected for case in suite_of(name).cases) == counts


def test_examples_in_a_prompt_are_not_of_the_data():
    for name in SUITES:
        suite = suite_of(name)
        for prompt in suite.prompts:
            text = (ROOT / "prompts" / f"{prompt}.j2").read_text(encoding="utf-8").partition("---\n")[2]
            body = text.partition("---\n")[2]
            for case in suite.cases:
                assert not [value for value in case.inputs.values() if isinstance(value, str) and value in body]


def test_the_evaluator_of_our_own_counts_words_that_the_text_does_not_have():
    suite = suite_of("summaries")
    bound = next(item for item in suite.evaluators if item.name == "novel_words")

    def score(output: str) -> Score | None:
        context = EvaluatorContext({"text": "They propose a parser of speech."}, output, None)
        return scored(bound, context).get("novel_words")

    for output, value in (("They propose a parser.", 0.0), ("They propose trees.", 1 / 3), ("Trees!", 1.0)):
        found = score(output)
        assert found is not None
        assert found.value == pytest.approx(value)
    assert score("It is so") is None


@pytest.mark.model
@pytest.mark.parametrize("name", SUITES)
def test_a_suite_runs_on_a_real_base_model_without_an_error(name: str, smollm2_folder: Path, tmp_path: Path):
    if name == "summaries":
        pull("all-minilm-l6-v2")
    for part in ("evals", "prompts"):
        shutil.copytree(ROOT / part, tmp_path / part)
    (tmp_path / "promptlab.toml").write_text("")
    with Lab(workspace=tmp_path) as lab:
        result = lab.evaluate(tmp_path / "evals" / f"{name}.yaml", models=[f"local:{smollm2_folder}"], limit=2)
        cells = result.cells
    assert (result.exit_code, len(cells), result.calls.made) == (0, 4, 4)
    for cell in cells:
        assert cell.output
        assert cell.scores
        assert not [score.error for score in cell.scores.values() if score.error]
    for variant in result.variants:
        assert {interval.n for measure, interval in variant.scores.items() if measure != "novel_words"} == {2}
