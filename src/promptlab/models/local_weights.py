"""The weights of a local model and what runs them: padded batches on a shared prefix, token by token.

A batch is laid out as the prefix (computed once, the same for every row), then padding, then each row's own tokens.
The masks are made here from logical positions, so that padding in the middle changes nothing, also for models that
look back through a sliding window.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promptlab.models.local_prompt import PromptEncoder, prompt_encoder
from promptlab.models.prefixes import SHORTEST_PREFIX, Group, common_length, plan
from promptlab.models.sampling import Generation, choose_token

if TYPE_CHECKING:
    import torch

BATCH_SIZE = 16
TOKEN_BUDGET = 16_384
"""Tokens of a batch, padding and new ones included; bounds the memory of its keys and values."""

_PREFIX_CACHE_BYTES = 256_000_000
_ATTENTION_KINDS = frozenset({"full_attention", "sliding_attention"})


@dataclass(slots=True)
class Row:
    """One prompt on its way through a batch.

    on_token is called after each token and says whether to go on; wanted, before its batch begins. Filled in as it
    runs: generated (the end-of-text token left out), finish_reason (`stop` or `length`, None while it runs), error
    (why it has none) and seconds, its share of the batch.
    """

    prompt: Sequence[int]
    generation: Generation
    on_token: Callable[[Row], bool] = lambda _: True
    wanted: Callable[[], bool] = lambda: True
    generated: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    error: str | None = None
    seconds: float = 0.0
    generator: torch.Generator | None = None


@dataclass(slots=True)
class _Prefix:
    """A computed beginning: its tokens, and keys and values of each layer, shape (1, heads, tokens, size)."""

    tokens: Sequence[int]
    layers: list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(slots=True)
class LocalWeights:
    """A loaded model. Used by one thread at a time.

    batches: False for the few architectures whose padded rows would not equal rows run alone; they run one by one.
    """

    model: Any
    tokenizer: Any
    encoder: PromptEncoder
    end_tokens: frozenset[int]
    context_tokens: int
    batches: bool = True
    _prefix: _Prefix | None = None

    def run(self, rows: Sequence[Row], *, turn: AbstractContextManager[Any]) -> Iterator[list[Row]]:
        """Run every wanted row to its end, or to its error; yields the rows of each batch when it is done.

        turn is held while something is computed and given back between batches.
        """
        for group in self._plan(rows):
            members = [rows[index] for batch in group.batches for index in batch]
            started = time.perf_counter()
            try:
                with turn:
                    prefix = self._shared_prefix(members, group.prefix_length)
            except (RuntimeError, MemoryError):
                # Out of memory, most likely: the rows are tried without it, and say so themselves if that fails too.
                prefix = None
            share = (time.perf_counter() - started) / len(members)
            for batch in group.batches:
                batch_rows = [rows[index] for index in batch if rows[index].wanted()]
                if batch_rows:
                    self._run_or_fail(batch_rows, prefix, share=share, turn=turn)
                    yield batch_rows

    def _run_or_fail(
        self, rows: list[Row], prefix: _Prefix | None, *, share: float, turn: AbstractContextManager[Any]
    ) -> None:
        with turn:
            started = time.perf_counter()
            failure: str | None = None
            try:
                self._run_batch(rows, prefix)
            except (RuntimeError, MemoryError, ValueError, IndexError) as error:
                failure = str(error).strip().partition("\n")[0] or type(error).__name__
            seconds = time.perf_counter() - started
        for row in rows:
            row.seconds = share + seconds / len(rows)
        if failure is None:
            return
        if len(rows) == 1:
            rows[0].error = failure
            return
        # What was too much for the memory may fit in halves; what fails for another reason fails alone.
        for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
            for row in half:
                row.generated.clear()
                row.finish_reason = None
            self._run_or_fail(half, prefix, share=share, turn=turn)

    def text(self, row: Row) -> str:
        """What the row's new tokens say, without special tokens."""
        text: str = self.tokenizer.decode(row.generated, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _plan(self, rows: Sequence[Row]) -> tuple[Group, ...]:
        if not self.batches:
            return tuple(Group(0, ((index,),)) for index in range(len(rows)))
        return plan(
            [row.prompt for row in rows],
            new_tokens=max(row.generation.max_tokens for row in rows),
            batch_size=BATCH_SIZE,
            token_budget=TOKEN_BUDGET,
        )

    def _shared_prefix(self, rows: Sequence[Row], length: int) -> _Prefix | None:
        """The common beginning of the rows, from the one computed last as far as it goes."""
        if not self.batches:
            return None
        kept = self._prefix
        if not length:
            # Rows that share nothing among themselves may still continue what the last ones had.
            shortest = min(len(row.prompt) for row in rows) - 1
            length = min(common_length(kept.tokens, row.prompt) for row in rows) if kept else 0
            length = min(length, shortest)
            if kept is None or length < SHORTEST_PREFIX:
                return None
            return _cropped(kept, length)
        tokens = rows[0].prompt[:length]
        known = common_length(kept.tokens, tokens) if kept else 0
        if kept is not None and known == length:
            return _cropped(kept, length)
        cache = _cache_of(_cropped(kept, known) if kept and known >= SHORTEST_PREFIX else None, 1)
        done = cache.get_seq_length()
        self.forward([list(tokens[done:])], cache, positions=[list(range(length))], valid=[[True] * length])
        computed = _Prefix(tokens, [(layer.keys, layer.values) for layer in cache.layers])
        size = sum(keys.nbytes + values.nbytes for keys, values in computed.layers)
        if size <= _PREFIX_CACHE_BYTES:
            self._prefix = computed
        return computed

    def _run_batch(self, rows: list[Row], prefix: _Prefix | None) -> None:
        import torch

        for row in rows:
            if row.generation.temperature > 0:
                row.generator = torch.Generator()
                if row.generation.seed is None:
                    row.generator.seed()
                else:
                    row.generator.manual_seed(row.generation.seed % 2**63)
        shared = len(prefix.tokens) if prefix else 0
        width = max(len(row.prompt) for row in rows) - shared
        inputs: list[list[int]] = []
        positions: list[list[int]] = []
        valid: list[list[bool]] = []
        for row in rows:
            own = list(row.prompt[shared:])
            padding = width - len(own)
            inputs.append([0] * padding + own)
            positions.append([*range(shared), *[0] * padding, *range(shared, shared + len(own))])
            valid.append([True] * shared + [False] * padding + [True] * len(own))
        cache = _cache_of(prefix, len(rows)) if self.batches else self._own_cache()
        active = list(rows)
        while True:
            logits = self.forward(inputs, cache, positions=positions, valid=valid)
            going = self._advance(active, logits)
            if not any(going):
                return
            # Rows that are done are dropped once they are half of the batch; until then they ride along.
            if sum(going) * 2 <= len(active):
                kept = [index for index, goes in enumerate(going) if goes]
                cache.batch_select_indices(torch.tensor(kept, device=self.model.device))
                active = [active[index] for index in kept]
                positions = [positions[index] for index in kept]
                valid = [valid[index] for index in kept]
            inputs = [[row.generated[-1] if row.generated else 0] for row in active]
            for row_positions, row_valid in zip(positions, valid, strict=True):
                row_positions.append(row_positions[-1] + 1)
                row_valid.append(True)

    def _advance(self, rows: Sequence[Row], logits: torch.Tensor) -> list[bool]:
        """Give each running row its next token; which of them go on."""
        likeliest = logits.argmax(-1).tolist()
        going: list[bool] = []
        for row, scores, best in zip(rows, logits, likeliest, strict=True):
            if row.finish_reason is not None:
                going.append(False)
                continue
            token = best
            if not row.generation.plain:
                token = choose_token(
                    scores.float().cpu().clone(),
                    row.generation,
                    prompt=row.prompt,
                    generated=row.generated,
                    generator=row.generator,
                )
            if token in self.end_tokens:
                row.finish_reason = "stop"
            else:
                row.generated.append(token)
                if not row.on_token(row):
                    row.finish_reason = "stop"
                elif len(row.generated) >= row.generation.max_tokens:
                    row.finish_reason = "length"
            going.append(row.finish_reason is None)
        return going

    def forward(
        self,
        inputs: list[list[int]],
        cache: Any,
        *,
        positions: list[list[int]],
        valid: list[list[bool]],
    ) -> torch.Tensor:
        """The logits after each row's last token, shape (rows, vocabulary).

        inputs: the new tokens; positions and valid are of all tokens, those in the cache included.
        """
        import torch

        device = self.model.device
        arguments: dict[str, Any] = {"past_key_values": cache, "use_cache": True}
        if "logits_to_keep" in inspect.signature(self.model.forward).parameters:
            arguments["logits_to_keep"] = 1
        if self.batches:
            where = torch.tensor(positions, device=device)
            new = len(inputs[0])
            arguments["attention_mask"] = self._masks(where, torch.tensor(valid, device=device), new)
            arguments["position_ids"] = where[:, -new:]
        with torch.inference_mode():
            output = self.model(torch.tensor(inputs, device=device), **arguments)
            logits: torch.Tensor = output.logits[:, -1]
        return logits

    def _masks(self, positions: torch.Tensor, valid: torch.Tensor, new: int) -> Any:
        """The attention mask that transformers takes as it is: shape (rows, 1, new, all), or one for each kind."""
        import torch

        config = self.model.config.get_text_config(decoder=True)
        window = getattr(config, "sliding_window", None)
        kinds = set(getattr(config, "layer_types", None) or [])
        total = positions.shape[1]
        queries, keys = positions[:, -new:, None], positions[:, None, :]
        allowed = valid[:, None, :] & (keys <= queries)
        # Padding looks at itself: a row of a softmax with nothing in it would be NaN and spread.
        own = torch.eye(total, dtype=torch.bool, device=positions.device)[-new:]
        low = torch.finfo(self.model.dtype).min

        def mask(seen: torch.Tensor) -> torch.Tensor:
            zero = torch.zeros((), dtype=self.model.dtype, device=positions.device)
            return torch.where(seen | own, zero, low)[:, None]

        if window and (not kinds or kinds == {"sliding_attention"}):
            return mask(allowed & (queries - keys < window))
        if "sliding_attention" in kinds:
            return {
                "full_attention": mask(allowed),
                "sliding_attention": mask(allowed & (queries - keys < window)),
            }
        return mask(allowed)

    def _own_cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)


def load_weights(location: str, *, revision: str | None, threads: int) -> LocalWeights:
    """The model of a folder or hub id, in float32 on the CPU or 16 bits on a CUDA device.

    Only safetensors are read and no code of the model's is run. Raises OSError, ValueError and ImportError.
    """
    # Waiting threads sleep instead of spinning. On two cores with other work, spinning made 40 prompts take 54 to 68 s,
    # sleeping 17 s. Read when torch's OpenMP library is loaded, so it has to be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    # The lab draws its own progress; what transformers prints would tear it.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    torch.set_num_threads(threads)
    device, dtype = "cpu", torch.float32
    if torch.cuda.is_available():
        device, dtype = "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    model = AutoModelForCausalLM.from_pretrained(
        location, revision=revision, dtype=dtype, use_safetensors=True, trust_remote_code=False
    )
    model = model.to(device).eval()
    tokenizer = AutoTokenizer.from_pretrained(location, revision=revision, trust_remote_code=False)
    config = model.config.get_text_config(decoder=True)
    weights = LocalWeights(
        model=model,
        tokenizer=tokenizer,
        encoder=prompt_encoder(tokenizer),
        end_tokens=_end_tokens(model, tokenizer),
        context_tokens=getattr(config, "max_position_embeddings", None) or 1 << 30,
    )
    weights.batches = _can_batch(weights)
    return weights


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    tokens: set[int] = set()
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        if isinstance(value, int):
            tokens.add(value)
        elif value is not None:
            tokens.update(value)
    return frozenset(tokens)


def _can_batch(weights: LocalWeights) -> bool:
    """Whether a padded row on a shared prefix gets the same logits as the row alone; tried, not guessed."""
    import torch

    kinds = set(getattr(weights.model.config.get_text_config(decoder=True), "layer_types", None) or [])
    if not kinds <= _ATTENTION_KINDS:
        return False
    shared, short, long = [5, 6, 7, 8], [9, 10], [11, 12, 13, 14, 15]
    try:
        with torch.inference_mode():
            alone = weights.model(torch.tensor([shared + short], device=weights.model.device)).logits[0, -1]
            cache = _cache_of(None, 1)
            weights.forward([shared], cache, positions=[[0, 1, 2, 3]], valid=[[True] * 4])
            prefix = _Prefix(shared, [(layer.keys, layer.values) for layer in cache.layers])
            batched = weights.forward(
                [[0, 0, 0, *short], long],
                _cache_of(prefix, 2),
                positions=[[0, 1, 2, 3, 0, 0, 0, 4, 5], list(range(9))],
                valid=[[True] * 4 + [False] * 3 + [True] * 2, [True] * 9],
            )[0]
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
        return False
    tolerance = 1e-3 if weights.model.dtype == torch.float32 else 5e-2
    spread = float(alone.float().std()) or 1.0
    return float((alone.float() - batched.float()).abs().max()) < tolerance * spread * 10


def _cache_of(prefix: _Prefix | None, rows: int) -> Any:
    """A transformers cache that begins with the prefix, once for each row."""
    from transformers import DynamicCache

    # Without a configuration every layer keeps all its tokens; the masks here see to sliding windows.
    cache = DynamicCache()
    for number, (keys, values) in enumerate(prefix.layers if prefix else ()):
        cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
    return cache


def _cropped(prefix: _Prefix, length: int) -> _Prefix:
    if length == len(prefix.tokens):
        return prefix
    return _Prefix(
        prefix.tokens[:length], [(keys[:, :, :length], values[:, :, :length]) for keys, values in prefix.layers]
    )
