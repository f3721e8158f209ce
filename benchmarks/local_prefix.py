"""How much faster few-shot prompts that share a long beginning run here than in plain padded batches.

    python benchmarks/local_prefix.py                       # 200 cells, three pairs: about five minutes on two cores
    python benchmarks/local_prefix.py --cells 60 --pairs 1  # a quick look

Both sides answer the same prompts (prompts/sentiment-fewshot.j2 over sentences of SST-2) with SmolLM2 in float32,
greedily, with the same threads, the same most rows a batch and the same most new tokens. Ours: LocalModel.generate, as
the engine calls it. The peer: left-padded batches of the prompts as they come, with transformers' own `generate`.
Tokenising and decoding count on both sides, loading on neither. Before each run of ours, two prompts of another
beginning are answered, so that every run computes the shared prefix itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab import portal
from promptlab.config import Workspace
from promptlab.models.local_cores import free_cores
from promptlab.models.local_weights import BATCH_SIZE
from promptlab.models.pulling import pull
from promptlab.models.transformers import LocalModel, local_model
from promptlab.prompts.files import load_prompt
from promptlab.prompts.rendering import render_all
from promptlab.types import Message, Request

TARGET = 6.0
MAX_TOKENS = 4
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Timed:
    """The answers of one run over all prompts, in their order, and how long it took."""

    texts: list[str]
    seconds: float


def prompts(count: int) -> list[tuple[Message, ...]]:
    """The few-shot prompt over so many different sentences, the suite's own ones first."""
    texts: dict[str, None] = {}
    for name in ("sst2.jsonl", "sst2-train.jsonl"):
        for line in (ROOT / "evals" / "data" / name).read_text(encoding="utf-8").splitlines():
            texts.setdefault(json.loads(line)["inputs"]["text"])
    version = load_prompt(ROOT / "prompts" / "sentiment-fewshot.j2")
    return list(render_all(version, [{"text": text} for text in list(texts)[:count]]))


def ours(model: LocalModel, asked: Sequence[tuple[Message, ...]]) -> Timed:
    """All prompts through the model's public face, with as many calls in flight as suit it."""

    async def run() -> list[str]:
        slots = asyncio.Semaphore(model.concurrency)

        async def one(messages: tuple[Message, ...]) -> str:
            async with slots:
                return (await model.generate(Request(messages, {"max_tokens": MAX_TOKENS}))).text

        return await asyncio.gather(*map(one, asked))

    started = time.perf_counter()
    texts = portal.run(run())
    return Timed(texts, time.perf_counter() - started)


def plain(model: Any, tokenizer: Any, asked: Sequence[tuple[Message, ...]]) -> Timed:
    """All prompts in left-padded batches, as anyone would write it with transformers."""
    import torch

    started = time.perf_counter()
    texts: list[str] = []
    for start in range(0, len(asked), BATCH_SIZE):
        chats = [
            [{"role": message.role, "content": message.content} for message in messages]
            for messages in asked[start : start + BATCH_SIZE]
        ]
        written = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
        inputs = tokenizer(written, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            output = model.generate(**inputs, do_sample=False, max_new_tokens=MAX_TOKENS)
        new = output[:, inputs["input_ids"].shape[1] :]
        texts += tokenizer.batch_decode(new, skip_special_tokens=True)
    return Timed(texts, time.perf_counter() - started)


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=200, help="prompts, 464 at most")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each side, in turn")
    parser.add_argument("--threads", type=int, default=free_cores())
    arguments = parser.parse_args()

    folder = pull("smollm2-135m").path
    workspace = Workspace(root=ROOT, db_url="sqlite://", artifacts=ROOT, threads=arguments.threads)
    model = local_model("local:smollm2-135m", workspace=workspace)
    elsewhere = [(Message("user", "Add the two numbers, digit by digit. " * 8 + text),) for text in ("1 + 2", "2 + 3")]
    # Loads the weights, and torch with the settings that promptlab gives it: they then hold for the peer too.
    ours(model, elsewhere)

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(arguments.threads)
    peer = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(folder), padding_side="left")
    asked = prompts(arguments.cells)
    plain(peer, tokenizer, asked[:2])

    our_seconds: list[float] = []
    peer_seconds: list[float] = []
    for number in range(arguments.pairs):
        ours(model, elsewhere)
        mine = ours(model, asked)
        theirs = plain(peer, tokenizer, asked)
        our_seconds.append(mine.seconds)
        peer_seconds.append(theirs.seconds)
        equal = sum(a == b for a, b in zip(mine.texts, theirs.texts, strict=True))
        print(
            f"pair {number + 1}: ours {mine.seconds:.1f} s, peer {theirs.seconds:.1f} s, "
            f"{equal} of {len(asked)} outputs equal",
            flush=True,
        )
    ratio = statistics.median(b / a for a, b in zip(our_seconds, peer_seconds, strict=True))
    print(
        f"local prefix: {ratio:.1f} times plain padded batches "
        f"(ours {len(asked) / statistics.median(our_seconds):.1f} cells/s, "
        f"peer {len(asked) / statistics.median(peer_seconds):.2f} cells/s, {len(asked)} cells, batch {BATCH_SIZE} on "
        f"both sides, {arguments.threads} threads, median of {arguments.pairs} pairs); target >= {TARGET:g}"
    )


if __name__ == "__main__":
    main()
