r"""How much faster evaluators get likelihoods and embeddings of local models than from one forward pass a text.

    python benchmarks/evaluator_models.py                           # about three minutes on two cores
    python benchmarks/evaluator_models.py --questions 10 --texts 100 --pairs 1   # a quick look

Likelihoods: every option of questions of CommonsenseQA after `Question: ...\nAnswer:`, by SmolLM2 in float32.
Embeddings: sentences of SST-2, by all-MiniLM-L6-v2. Ours: the models' public face, as evaluators ask them, all at once.
Theirs: transformers, one sequence a pass, with the same threads, as anyone would first write it. Tokenising counts on
both sides, loading on neither. The exit code is 1 where a value is not the same to 1e-3.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from promptlab import portal
from promptlab.config import Workspace
from promptlab.models.local_cores import free_cores
from promptlab.models.local_embedder import LocalEmbedder
from promptlab.models.pulling import pull
from promptlab.models.transformers import LocalModel, local_model

ROOT = Path(__file__).resolve().parents[1]
TOLERANCE = 1e-3

Values: TypeAlias = list[list[float]]


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and what may come after it."""

    prompt: str
    options: list[str]


def questions(count: int) -> list[Question]:
    """Questions of CommonsenseQA, as plain text."""
    lines = (ROOT / "evals" / "data" / "commonsense-qa.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    asked = [json.loads(line)["inputs"] for line in lines]
    return [Question(f"Question: {item['question']}\nAnswer:", item["choices"]) for item in asked]


def sentences(count: int) -> list[str]:
    """Different sentences of SST-2."""
    texts: dict[str, None] = {}
    for name in ("sst2.jsonl", "sst2-train.jsonl"):
        for line in (ROOT / "evals" / "data" / name).read_text(encoding="utf-8").splitlines():
            texts.setdefault(json.loads(line)["inputs"]["text"])
    return list(texts)[:count]


def our_likelihoods(model: LocalModel, asked: Sequence[Question]) -> Values:
    """The log probability of each option, all questions in flight."""

    async def run() -> Values:
        found = await asyncio.gather(
            *(model.likelihoods(question.prompt, question.options, spaced=True) for question in asked)
        )
        return [[likelihood.total for likelihood in of_question.likelihoods] for of_question in found]

    return portal.run(run())


def plain_likelihoods(model: Any, tokenizer: Any, asked: Sequence[Question]) -> Values:
    """The same, each option in a pass of its own."""
    import torch

    values: Values = []
    for question in asked:
        known = len(tokenizer(question.prompt)["input_ids"])
        totals = []
        for option in question.options:
            tokens = tokenizer(f"{question.prompt} {option}", return_tensors="pt")["input_ids"]
            with torch.inference_mode():
                logits = model(tokens).logits[0, known - 1 : -1].log_softmax(-1)
            totals.append(float(logits.gather(1, tokens[0, known:, None]).sum()))
        values.append(totals)
    return values


def our_embeddings(model: LocalEmbedder, texts: Sequence[str]) -> Values:
    """The embeddings, asked for as evaluators do."""

    async def run() -> Values:
        size = model.texts_at_once
        made = await asyncio.gather(*(model.embed(texts[begin : begin + size]) for begin in range(0, len(texts), size)))
        return [list(vector) for embeddings in made for vector in embeddings.vectors]

    return portal.run(run())


def plain_embeddings(model: Any, tokenizer: Any, texts: Sequence[str]) -> Values:
    """The same, each text in a pass of its own."""
    import torch

    values: Values = []
    for text in texts:
        with torch.inference_mode():
            pooled = model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=256))[0][0].mean(0)
            values.append(torch.nn.functional.normalize(pooled, dim=0).tolist())
    return values


def compare(ours: Callable[[], Values], theirs: Callable[[], Values], *, pairs: int) -> tuple[list[float], list[float]]:
    """The seconds of each run of both sides, in turn. Exits where they differ."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        values = []
        for side, seconds in zip((ours, theirs), taken, strict=True):
            started = time.perf_counter()
            values.append(side())
            seconds.append(time.perf_counter() - started)
        apart = max(abs(a - b) for one, other in zip(*values, strict=True) for a, b in zip(one, other, strict=True))
        if apart > TOLERANCE:
            sys.exit(f"values differ by {apart:.2g}")
    return taken


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--questions", type=int, default=50, help="100 at most")
    parser.add_argument("--texts", type=int, default=400, help="464 at most")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each side, in turn")
    parser.add_argument("--threads", type=int, default=free_cores())
    arguments = parser.parse_args()

    language_folder, embeddings_folder = pull("smollm2-135m").path, pull("all-minilm-l6-v2").path
    workspace = Workspace(root=ROOT, db_url="sqlite://", artifacts=ROOT, threads=arguments.threads)
    language = cast("LocalModel", local_model("local:smollm2-135m", workspace=workspace))
    embedder = cast("LocalEmbedder", local_model("local:all-minilm-l6-v2", workspace=workspace))
    # Loads the weights, and torch with the settings that promptlab gives it: they then hold for the peer too.
    our_likelihoods(language, [Question("One, two,", ["three", "four"])])
    our_embeddings(embedder, ["one"])

    import torch
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(arguments.threads)
    plain_language = AutoModelForCausalLM.from_pretrained(language_folder, dtype=torch.float32).eval()
    plain_embedder = AutoModel.from_pretrained(embeddings_folder, dtype=torch.float32).eval()
    tokenizer, words = AutoTokenizer.from_pretrained(language_folder), AutoTokenizer.from_pretrained(embeddings_folder)

    asked, texts = questions(arguments.questions), sentences(arguments.texts)
    for what, count, unit, seconds in (
        (
            "likelihoods",
            len(asked),
            "questions",
            compare(
                lambda: our_likelihoods(language, asked),
                lambda: plain_likelihoods(plain_language, tokenizer, asked),
                pairs=arguments.pairs,
            ),
        ),
        (
            "embeddings",
            len(texts),
            "texts",
            compare(
                lambda: our_embeddings(embedder, texts),
                lambda: plain_embeddings(plain_embedder, words, texts),
                pairs=arguments.pairs,
            ),
        ),
    ):
        ours, theirs = map(statistics.median, seconds)
        ratio = statistics.median(b / a for a, b in zip(*seconds, strict=True))
        print(
            f"{what}: {ratio:.1f} times one pass a text (ours {ours:.1f} s, {count / ours:.3g} {unit}/s; peer "
            f"{theirs:.1f} s, {count / theirs:.3g} {unit}/s; {count} {unit}, {arguments.threads} threads, median of "
            f"{arguments.pairs} pairs)",
            flush=True,
        )


if __name__ == "__main__":
    main()
