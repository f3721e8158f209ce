"""Embeddings of the packaged MiniLM, against transformers used plainly: one text a pass, the mean of its tokens."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest

from promptlab import portal
from promptlab.config import Workspace, find_workspace
from promptlab.errors import CallError, ModelError
from promptlab.models.base import abilities
from promptlab.models.local_embedder import LocalEmbedder
from promptlab.models.local_embedding import read_pooling
from promptlab.models.packaged import PACKAGED, find_pulled
from promptlab.models.resolve import resolve_model
from promptlab.types import Message, Request

NAME = "local:all-minilm-l6-v2"
SENTENCES = [
    json.loads(line)["inputs"]["text"]
    for line in (Path(__file__).parents[2] / "evals" / "data" / "sst2.jsonl").read_text("utf-8").splitlines()
]
HOSTILE = ["?", "\u0000", "\ud7ff", "e\u0301" * 50, "日本語のテキスト", "word " * 2000, "[CLS] [SEP] [PAD]", " \n "]


@pytest.fixture(scope="module")
def folder() -> Path:
    pulled = find_pulled(PACKAGED["all-minilm-l6-v2"])
    if pulled is None:
        pytest.skip("promptlab models pull all-minilm-l6-v2")
    return pulled.path


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalEmbedder:
    found = resolve_model(NAME, workspace=find_workspace(Path.cwd()))
    assert isinstance(found, LocalEmbedder)
    return found


def embedded(model: LocalEmbedder, texts: list[str]) -> list[list[float]]:
    return [list(vector) for vector in portal.run(model.embed(texts)).vectors]


def plainly(folder: Path, texts: list[str]) -> list[list[float]]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    plain: Any = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    vectors = []
    for text in texts:
        with torch.inference_mode():
            given = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
            pooled = plain(**given).last_hidden_state[0].mean(0)
        vectors.append((pooled / pooled.norm()).tolist())
    return vectors


@pytest.mark.model
def test_embeddings_are_those_of_transformers_used_plainly(model: LocalEmbedder, folder: Path):
    texts = [*SENTENCES, *HOSTILE]
    ours, theirs = embedded(model, texts), plainly(folder, texts)
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
        assert math.hypot(*one) == pytest.approx(1.0, abs=1e-5)
    for place in range(len(texts) - 1):
        cosine = math.fsum(a * b for a, b in zip(ours[place], ours[place + 1], strict=True))
        expected = math.fsum(a * b for a, b in zip(theirs[place], theirs[place + 1], strict=True))
        assert cosine == pytest.approx(expected, abs=1e-5)


@pytest.mark.model
def test_calls_that_come_at_once_get_their_own_embeddings(model: LocalEmbedder):
    async def at_once() -> list[list[float]]:
        made = await asyncio.gather(*(model.embed([text]) for text in SENTENCES[:20]))
        return [list(embeddings.vectors[0]) for embeddings in made]

    for one, other in zip(portal.run(at_once()), embedded(model, SENTENCES[:20]), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.model
def test_a_text_beyond_what_the_model_reads_is_cut_there(model: LocalEmbedder):
    made = portal.run(model.embed(["word " * 300, "word " * 100_000]))
    assert made.usage.input_tokens == 2 * 256
    assert list(made.vectors[0]) == pytest.approx(list(made.vectors[1]), abs=1e-5)


@pytest.mark.model
def test_it_answers_nothing(model: LocalEmbedder):
    assert abilities(model) == {"embed"}
    with pytest.raises(ModelError, match="it makes embeddings; name it in an evaluator"):
        portal.run(model.generate(Request((Message("user", "hello"),))))


@pytest.mark.model
def test_a_folder_of_sentence_transformers_is_an_embeddings_model(folder: Path, model: LocalEmbedder, tmp_path: Path):
    link = tmp_path / "mine"
    link.symlink_to(folder, target_is_directory=True)
    mine = resolve_model(f"local:{link}", workspace=Workspace(root=tmp_path, db_url="sqlite://", artifacts=tmp_path))
    assert abilities(mine) == {"embed"}
    assert embedded(mine, ["a film"])[0] == pytest.approx(embedded(model, ["a film"])[0], abs=1e-6)  # type: ignore[arg-type]


def modules(folder: Path, *kinds: str, pooling: dict[str, Any] | None = None) -> Path:
    parts = [
        {"path": "1_Pooling" if kind == "Pooling" else "", "type": f"sentence_transformers.models.{kind}"}
        for kind in kinds
    ]
    (folder / "modules.json").write_text(json.dumps(parts))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling or {}))
    return folder


@pytest.mark.parametrize(("mode", "pooling"), [("mean_tokens", "mean"), ("cls_token", "first")])
def test_pooling_is_read_from_the_folder(tmp_path: Path, mode: str, pooling: str):
    folder = modules(tmp_path, "Transformer", "Pooling", pooling={f"pooling_mode_{mode}": True, "include_prompt": True})
    assert read_pooling(folder) == pooling


def test_parts_that_are_not_known_are_named(tmp_path: Path):
    with pytest.raises(ValueError, match="Transformer, Pooling, Dense; promptlab runs"):
        read_pooling(modules(tmp_path, "Transformer", "Pooling", "Dense", pooling={"pooling_mode_mean_tokens": True}))


def test_a_pooling_that_is_not_known_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match="its pooling is pooling_mode_max_tokens"):
        read_pooling(modules(tmp_path, "Transformer", "Pooling", pooling={"pooling_mode_max_tokens": True}))


def test_a_folder_that_does_not_load_is_an_error_of_the_call(tmp_path: Path):
    folder = modules(tmp_path, "Transformer", "Pooling", pooling={"pooling_mode_mean_tokens": True})
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(b"no weights")
    broken = resolve_model(
        f"local:{folder}", workspace=Workspace(root=tmp_path, db_url="sqlite://", artifacts=tmp_path)
    )
    with pytest.raises(CallError) as error:
        portal.run(broken.embed(["a"]))  # type: ignore[attr-defined]
    assert "\n" not in str(error.value)
