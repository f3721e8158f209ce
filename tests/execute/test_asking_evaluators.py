"""Evaluators that ask base models: embeddings of a server and of the packaged model, with cache, budget and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from loopback import Loopback
from promptlab import Lab
from promptlab.cli.main import main
from promptlab.errors import ModelError
from promptlab.models.pulling import pull

KEY = "sk-embeddings-4711-never-stored"
CONFIG = """
[endpoints.loop]
base_url = "URL"
api_key_env = "LOOP_KEY"
input_usd_per_million = 1000000
output_usd_per_million = 1000000
"""


@pytest.fixture
def endpoint(workspace: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    monkeypatch.setenv("LOOP_KEY", KEY)
    (workspace / "promptlab.toml").write_text(CONFIG.replace("URL", loopback.base_url))
    return loopback


@pytest.fixture
def lab(workspace: Path, endpoint: Loopback) -> Iterator[Lab]:
    with Lab(workspace=workspace) as lab:
        yield lab


def suite(*, texts: int = 20, model: str = "loop:letters", **options) -> dict:
    return {
        "name": "meanings",
        "prompts": ["plain"],
        "models": ["fake:echo"],
        "cases": [
            {"id": f"c{n}", "inputs": {"text": f"a cat {'x' * n}"}, "expected": f"a dog {'x' * n}"}
            for n in range(texts)
        ],
        "evaluators": [{"semantic_similarity": {"model": model, **options}}, "word_count"],
    }


def asked(endpoint: Loopback) -> list[str]:
    return [text for body in endpoint.requests for text in body["input"]]


def test_texts_go_to_the_server_together_and_every_text_once(lab: Lab, endpoint: Loopback):
    result = lab.evaluate(suite())
    assert len(asked(endpoint)) == len(set(asked(endpoint))) == 40
    assert len(endpoint.requests) <= 4
    assert result.calls.made == 20 + len(endpoint.requests), "the answers of fake:echo, and the requests"
    (first,) = (cell for cell in result.cells if cell.key == "c0")
    # a cat: a 2, c 1, t 1; a dog: a 1, d 1, o 1, g 1
    assert first.scores["semantic_similarity"].value == pytest.approx(2 / (6**0.5 * 4**0.5))


def test_what_was_asked_comes_from_the_cache_in_another_run_and_for_another_score(lab: Lab, endpoint: Loopback):
    first = lab.evaluate(suite())
    sent = len(endpoint.requests)
    again = lab.evaluate(suite())
    assert (again.calls.made, again.metrics) == (0, first.metrics)
    stricter = lab.evaluate(suite(at_least=0.99))
    assert stricter.calls.made == 0
    assert any(cell.scores["semantic_similarity"].passed is False for cell in stricter.cells)
    changed = suite()
    changed["cases"][0]["expected"] = "a bird"
    lab.evaluate(changed)
    assert len(endpoint.requests) == sent + 1
    assert endpoint.requests[-1]["input"] == ["a bird"]


def test_a_resumed_run_asks_only_what_is_missing(lab: Lab, endpoint: Loopback):
    result = lab.evaluate(suite(), max_cost=60)
    spent = sum(variant.spent_usd or 0 for variant in result.variants)
    assert result.stopped is not None or result.report.evaluator_errors
    assert spent <= 60
    before = asked(endpoint)
    whole = lab.resume(result.run)
    assert whole.report.evaluator_errors == 0
    assert sorted(asked(endpoint)) == sorted({*asked(endpoint)}), "no text was paid for twice"
    assert len(asked(endpoint)) == 40 > len(before)
    assert whole.metrics["semantic_similarity"] == pytest.approx(lab.evaluate(suite()).metrics["semantic_similarity"])


def test_what_evaluators_ask_is_paid_by_the_run(lab: Lab, endpoint: Loopback):
    result = lab.evaluate(suite(texts=5))
    # One dollar a token, and a token a word: 5 x "a cat x..." and "a dog x...", of which c0 has two words and an end.
    words = sum(len(text.split()) for text in asked(endpoint))
    assert sum(variant.spent_usd for variant in result.variants) == pytest.approx(words)


def test_a_forecast_names_the_servers_that_evaluators_ask_and_asks_none(lab: Lab, endpoint: Loopback):
    forecast = lab.forecast(suite())
    assert forecast.evaluators_ask == ["loop:letters"]
    assert forecast.to_json()["evaluators_ask"] == ["loop:letters"]
    assert lab.forecast(suite(model="local:all-minilm-l6-v2")).evaluators_ask == []
    assert endpoint.requests == []


@pytest.mark.parametrize("kind", ["broken", "unauthorised", "badjson"])
def test_an_error_of_the_server_is_an_error_of_that_score_and_of_no_other(lab: Lab, endpoint: Loopback, kind: str):
    result = lab.evaluate(suite(texts=3, model=f"loop:{kind}"))
    assert result.exit_code == 3
    assert result.report.errors == 0
    for cell in result.cells:
        assert cell.output is not None
        assert cell.scores["semantic_similarity"].error
        assert KEY not in cell.scores["semantic_similarity"].error
        assert cell.scores["word_count"].value is not None


def test_a_key_is_nowhere_in_the_database(lab: Lab, endpoint: Loopback, workspace: Path):
    lab.evaluate(suite(texts=3))
    lab.evaluate(suite(texts=3, model="loop:unauthorised"))
    assert any(KEY in headers.get("Authorization", "") for headers in endpoint.headers)
    lab.close()
    stored = b"".join(path.read_bytes() for path in (workspace / ".promptlab").rglob("*") if path.is_file())
    assert KEY.encode() not in stored


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("loop2:letters", "meanings: semantic_similarity: .*loop2"),
        ("local:no-such-model", "meanings: semantic_similarity: .*no-such-model"),
        ("local:smollm2-135m", "meanings: semantic_similarity: .*smollm2-135m.*embedding"),
    ],
)
def test_a_model_that_is_not_there_or_cannot_embed_is_found_before_any_call(
    lab: Lab, endpoint: Loopback, model: str, message: str
):
    with pytest.raises(ModelError, match=message):
        lab.evaluate(suite(model=model))
    assert endpoint.requests == []
    assert not lab.runs()


def test_the_command_line_says_so_in_one_line_and_stores_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(workspace)
    (workspace / "meanings.yaml").write_text(json.dumps(suite(model="local:no-such-model")))
    assert main(["eval", "meanings.yaml"]) == 2
    said = capsys.readouterr().err.strip()
    assert "semantic_similarity" in said
    assert len(said.splitlines()) <= 2


def test_a_likelihood_of_a_server_is_refused_since_it_tells_none(lab: Lab, endpoint: Loopback):
    with pytest.raises(ModelError, match="perplexity: loop:echo"):
        lab.evaluate(suite(texts=2) | {"evaluators": [{"perplexity": {"model": "loop:echo"}}]})


def test_the_packaged_embeddings_are_those_of_transformers_used_plainly(lab: Lab):
    folder = pull("all-minilm-l6-v2").path
    pairs = [
        ("A man is eating a piece of bread.", "A man is eating food."),
        ("A cheetah is running behind its prey.", "A man is eating food."),
        ("Ein Mann isst Brot.", "A man is eating food."),
        ("long " * 400, "A long text."),
        ("x", "y"),
    ]
    cases = [{"inputs": {"text": one}, "expected": other} for one, other in pairs]
    result = lab.evaluate(suite(texts=1) | {"cases": cases, "evaluators": ["semantic_similarity"]})
    found = [cell.scores["semantic_similarity"].value for cell in result.cells]
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)

    def embedded(text: str) -> torch.Tensor:
        tokens = tokenizer(text.strip(), return_tensors="pt", truncation=True, max_length=256)
        with torch.no_grad():
            return model(**tokens).last_hidden_state[0].mean(dim=0)

    direct = [float(torch.cosine_similarity(embedded(one), embedded(other), dim=0)) for one, other in pairs]
    assert found == pytest.approx(direct, abs=1e-5)
