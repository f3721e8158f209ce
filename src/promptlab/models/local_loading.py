"""From a folder of weights, or a hub id, to a local model that is ready: in what precision, and what it can do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.models.local_memory import footprint_of
from promptlab.models.local_prefix import ATTENTION, Prefix, empty_cache, register_attention
from promptlab.models.local_prompt import prompt_encoder
from promptlab.models.local_weights import LocalWeights

if TYPE_CHECKING:
    import torch

_ATTENTION_KINDS = frozenset({"full_attention", "sliding_attention"})


@dataclass(frozen=True, slots=True)
class Precision:
    """Where local models run, and in which type of numbers."""

    device: str
    dtype: torch.dtype

    @property
    def item_bytes(self) -> int:
        """What one number takes."""
        return int(self.dtype.itemsize)


def precision() -> Precision:
    """float32 on the CPU, where it is the fastest too, or 16 bits on a CUDA device."""
    # Waiting threads sleep instead of spinning. On two cores with other work, spinning made 40 prompts take 54 to 68 s,
    # sleeping 17 s. Read when torch's OpenMP library is loaded, so it has to be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    if not torch.cuda.is_available():
        return Precision("cpu", torch.float32)
    return Precision("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)


def quiet() -> None:
    """Nothing printed by what loads weights: the lab draws its own progress, which that would tear."""
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()


def load_weights(location: str, *, revision: str | None, threads: int) -> LocalWeights:
    """The model of a folder or hub id, in float32 on the CPU or 16 bits on a CUDA device.

    Only safetensors are read and no code of the model's is run. Raises OSError, ValueError and ImportError.
    """
    wanted = precision()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet()
    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(
        location, revision=revision, dtype=wanted.dtype, use_safetensors=True, trust_remote_code=False
    )
    model = model.to(wanted.device).eval()
    tokenizer = AutoTokenizer.from_pretrained(location, revision=revision, trust_remote_code=False)
    config = model.config.get_text_config(decoder=True)
    weights = LocalWeights(
        model=model,
        tokenizer=tokenizer,
        encoder=prompt_encoder(tokenizer),
        end_tokens=_end_tokens(model, tokenizer),
        context_tokens=getattr(config, "max_position_embeddings", None) or 1 << 30,
        footprint=footprint_of(config, item_bytes=wanted.item_bytes, shares=False),
    )
    _find_abilities(weights)
    weights.footprint = footprint_of(config, item_bytes=wanted.item_bytes, shares=weights.shares)
    return weights


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    tokens: set[int] = set()
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        if isinstance(value, int):
            tokens.add(value)
        elif value is not None:
            tokens.update(value)
    return frozenset(tokens)


def _find_abilities(weights: LocalWeights) -> None:
    """Whether this architecture can run in batches, and on one copy of their prefix: the fastest that is right."""
    import torch

    config = weights.model.config
    usual = config._attn_implementation  # noqa: SLF001 - transformers has no public name for it
    if usual == "sdpa" and weights.model.dtype == torch.float32:
        register_attention()
        weights.model.set_attn_implementation(ATTENTION)
        weights.batches = weights.shares = True
        if _equals_alone(weights):
            return
        weights.model.set_attn_implementation(usual)
    weights.shares = False
    weights.batches = _equals_alone(weights)


def _equals_alone(weights: LocalWeights) -> bool:
    """Whether a padded row on a shared prefix gets the same logits as the row alone; tried, not guessed."""
    import torch

    kinds = set(getattr(weights.model.config.get_text_config(decoder=True), "layer_types", None) or [])
    if not kinds <= _ATTENTION_KINDS:
        return False
    shared, short, long = [5, 6, 7, 8], [9, 10], [11, 12, 13, 14, 15]
    device = weights.model.device

    def places(*rows: list[int]) -> torch.Tensor:
        return torch.tensor(rows, device=device)

    try:
        with torch.inference_mode():
            alone = weights.model(torch.tensor([shared + short], device=device)).logits[0, -1]
            cache = empty_cache()
            weights.forward([shared], cache, places([0, 1, 2, 3]), places([1] * 4).bool())
            prefix = Prefix(shared, [(layer.keys, layer.values) for layer in cache.layers])
            batched = weights.forward(
                [[0, 0, 0, *short], long],
                empty_cache() if weights.shares else prefix.cache(2),
                places([0, 1, 2, 3, 0, 0, 0, 4, 5], list(range(9))),
                places([1] * 4 + [0] * 3 + [1] * 2, [1] * 9).bool(),
                prefix=prefix if weights.shares else None,
            )[0]
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
        return False
    tolerance = 1e-3 if weights.model.dtype == torch.float32 else 5e-2
    spread = float(alone.float().std()) or 1.0
    return float((alone.float() - batched.float()).abs().max()) < tolerance * spread * 10
