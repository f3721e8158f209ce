"""Local models of random weights, made in a moment, with a tokenizer of letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from promptlab.models.local_loading import _find_abilities
from promptlab.models.local_memory import footprint_of
from promptlab.models.local_prompt import PromptEncoder
from promptlab.models.local_weights import LocalWeights

SIZES: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "max_position_embeddings": 4096,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


class Letters:
    """A tokenizer: a character a token."""

    chat_template = None

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [3 + ord(letter) % 94 for letter in text]}

    def decode(self, tokens: Sequence[int], **_: Any) -> str:
        return "".join(chr(32 + token) for token in tokens)


def tiny_weights(kind: str) -> LocalWeights:
    """A model of random weights: `llama` and `gemma2` see everything, `mistral` the last 24 tokens, `gemma3` both."""
    import transformers

    configs: dict[str, Any] = {
        "llama": lambda: transformers.LlamaConfig(**SIZES, num_key_value_heads=2),
        "mistral": lambda: transformers.MistralConfig(**SIZES, num_key_value_heads=3, sliding_window=24),
        "gemma3": lambda: transformers.Gemma3TextConfig(
            **SIZES,
            num_key_value_heads=2,
            head_dim=8,
            sliding_window=24,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        "gemma2": lambda: transformers.Gemma2Config(**SIZES, num_key_value_heads=2, head_dim=8, sliding_window=400),
    }
    torch.manual_seed(5)
    config = configs[kind]()
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in model.parameters():
            # Of random weights as they are made, all logits are about equal: nothing would be told apart.
            weight.mul_(4.0 if weight.dim() > 1 else 1.0)
    weights = LocalWeights(
        model=model,
        tokenizer=Letters(),
        encoder=PromptEncoder(Letters(), None),
        end_tokens=frozenset({2}),
        context_tokens=4096,
        footprint=footprint_of(config, item_bytes=4, shares=True),
    )
    _find_abilities(weights)
    return weights
