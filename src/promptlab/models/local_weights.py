"""The weights of a local model and what runs them: padded batches on a shared prefix, token by token.

A batch is laid out as the prefix (computed once, the same for every row), then padding, then each row's own tokens.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promptlab.models.local_batches import run_within_memory
from promptlab.models.local_masks import attention_masks
from promptlab.models.local_memory import BATCH_SHARE, Footprint, free_bytes, give_back, is_memory_error
from promptlab.models.local_prefix import KeptPrefixes, Prefix, empty_cache, shared
from promptlab.models.local_prompt import PromptEncoder
from promptlab.models.local_rows import AnyRow, Row, ScoreRow
from promptlab.models.local_scoring import SCORING_BYTES, score_batch
from promptlab.models.prefixes import SHORTEST_PREFIX, Group, Shape, common_length, plan
from promptlab.models.sampling import choose_token

if TYPE_CHECKING:
    import torch

BATCH_SIZE = 32
"""The most rows of a batch, where memory allows them: see design/one-face-for-models.md for the measurement."""

_PASS_TOKENS = 30
"""A pass of one prompt through the model costs as much as so many more tokens in a pass that runs anyway."""


@dataclass(slots=True, eq=False)
class LocalWeights:
    """A loaded model. Used by one thread at a time.

    batches: False for the few architectures whose padded rows would not equal rows run alone; they run one by one.
    shares: whether the rows of a batch look at one copy of their prefix, else each gets its own.
    free: how many bytes can still be allocated. most_bytes: what batches may take since one failed for want of memory.
    """

    model: Any
    tokenizer: Any
    encoder: PromptEncoder
    end_tokens: frozenset[int]
    context_tokens: int
    footprint: Footprint
    batches: bool = True
    shares: bool = False
    free: Callable[[], int] = free_bytes
    most_bytes: int | None = None
    prefixes: KeptPrefixes = field(default_factory=KeptPrefixes)

    @property
    def size_bytes(self) -> int:
        """What the weights take."""
        return sum(weight.nbytes for weight in (*self.model.parameters(), *self.model.buffers()))

    def plan(self, rows: Sequence[AnyRow]) -> tuple[Group, ...]:
        """Which of the rows share a prefix and which run together, by the memory that is free now.

        Rows that are answered and rows that are scored never share a batch, but their prefixes.
        """
        if not self.batches:
            return tuple(Group(0, ((index,),)) for index in range(len(rows)))
        most = self._allowed_bytes()
        groups: list[Group] = []
        for kind, beside in ((Row, 0), (ScoreRow, SCORING_BYTES)):
            of_kind = [index for index, row in enumerate(rows) if isinstance(row, kind)]
            planned = plan(
                [rows[index].prompt for index in of_kind],
                new_tokens=[rows[index].new_tokens for index in of_kind],
                batch_size=BATCH_SIZE,
                fits=lambda shape, beside=beside: self.footprint.batch_bytes(shape) + beside <= most,  # type: ignore[misc]
            )
            groups += [
                Group(group.prefix_length, tuple(tuple(of_kind[index] for index in batch) for batch in group.batches))
                for group in planned
            ]
        return tuple(groups)

    def run(self, rows: Sequence[AnyRow], *, turn: AbstractContextManager[Any]) -> Iterator[list[AnyRow]]:
        """Run every wanted row to its end, or to its error; yields rows as they are done."""
        for group in self.plan(rows):
            for batch in group.batches:
                yield from self.run_batch([rows[index] for index in batch], group.prefix_length, turn=turn)

    def run_batch(
        self, rows: Sequence[AnyRow], prefix_length: int, *, turn: AbstractContextManager[Any]
    ) -> Iterator[list[AnyRow]]:
        """Run the wanted ones of these rows, of one kind, which share so many tokens.

        In one batch or as many as memory asks for. turn is held while something is computed and given back between
        batches.
        """
        return run_within_memory(
            rows,
            fits=lambda batch: self._needed_bytes(batch, prefix_length) <= self._allowed_bytes(),
            run=lambda batch: self._try(batch, prefix_length),
            turn=turn,
        )

    def text(self, row: Row) -> str:
        """What the row's new tokens say, without special tokens."""
        text: str = self.tokenizer.decode(row.generated, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def token_text(self, token: int) -> str:
        """What a single token says; a part of a character is shown as one that is missing."""
        text: str = self.tokenizer.decode([token], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def logits(
        self,
        inputs: Sequence[Sequence[int]],
        cache: Any,
        positions: torch.Tensor,
        valid: torch.Tensor,
        *,
        prefix: Prefix | None = None,
        keep: int = 1,
        branches: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The logits after each row's last `keep` tokens, shape (rows, keep, vocabulary).

        inputs: the new tokens. positions, valid: shape (rows, all), of all tokens: the prefix, the cache, the new ones.
        prefix: what comes before the cache; None where the cache holds all. branches: as in local_masks.
        """
        import torch

        arguments: dict[str, Any] = {"past_key_values": cache, "use_cache": True}
        if "logits_to_keep" in inspect.signature(self.model.forward).parameters:
            arguments["logits_to_keep"] = keep
        new = len(inputs[0])
        if self.batches:
            arguments["attention_mask"] = attention_masks(
                self._config, self.model.dtype, positions, valid, new=new, branches=branches
            )
            arguments["position_ids"] = positions[:, -new:]
        window = getattr(self._config, "sliding_window", None)
        # The masks hide tokens of the prefix from some row only where a window ends before its beginning.
        masked = window is not None and positions.shape[1] > window
        with torch.inference_mode(), shared(prefix, masked=masked):
            output = self.model(torch.tensor(inputs, device=self.model.device), **arguments)
            kept: torch.Tensor = output.logits[:, -keep:]
        return kept

    def forward(
        self,
        inputs: Sequence[Sequence[int]],
        cache: Any,
        positions: torch.Tensor,
        valid: torch.Tensor,
        *,
        prefix: Prefix | None = None,
    ) -> torch.Tensor:
        """The logits after each row's last token, shape (rows, vocabulary); otherwise as `logits`."""
        return self.logits(inputs, cache, positions, valid, prefix=prefix)[:, -1]

    def own_cache(self) -> Any:
        """An empty cache of the model's own kind, for a row that runs alone."""
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def _needed_bytes(self, rows: Sequence[AnyRow], prefix_length: int) -> int:
        beside = SCORING_BYTES if isinstance(rows[0], ScoreRow) else 0
        return self.footprint.batch_bytes(_shape(rows, prefix_length)) + beside

    def _allowed_bytes(self) -> int:
        allowed = int(self.free() * BATCH_SHARE)
        return allowed if self.most_bytes is None else min(allowed, self.most_bytes)

    def _try(self, rows: list[AnyRow], prefix_length: int) -> str | None:
        """Why the batch failed; None where it ran."""
        started = time.perf_counter()
        failure: str | None = None
        out_of_memory = False
        try:
            prefix = self._shared_prefix(rows, prefix_length)
            answered = [row for row in rows if isinstance(row, Row)]
            scored = [row for row in rows if isinstance(row, ScoreRow)]
            if answered:
                self._run_batch(answered, prefix)
            if scored:
                score_batch(self, scored, prefix)
        except (RuntimeError, MemoryError, ValueError, IndexError) as error:
            failure = str(error).strip().partition("\n")[0] or type(error).__name__
            out_of_memory = is_memory_error(error)
        if out_of_memory:
            # The next batches are not to find out again.
            self.most_bytes = min(self._allowed_bytes(), self._needed_bytes(rows, prefix_length) // 2)
            give_back()
        seconds = time.perf_counter() - started
        for row in rows:
            row.seconds += seconds / len(rows)
        return failure

    def _shared_prefix(self, rows: Sequence[AnyRow], length: int) -> Prefix | None:
        """The common beginning of the rows, from those kept as far as they go."""
        if not self.batches:
            return None
        if not length:
            # Rows that share nothing worth a pass may still continue what others had before.
            return self._known_prefix(rows)
        tokens = rows[0].prompt[:length]
        known = self.prefixes.longest(tokens)
        if known is not None and (length - len(known.tokens)) * len(rows) <= _PASS_TOKENS:
            return known
        cache = known.cache(1) if known else empty_cache()
        self.forward([list(tokens[cache.get_seq_length() :])], cache, *self.plainly(length))
        computed = Prefix(tokens, [(layer.keys, layer.values) for layer in cache.layers])
        self.prefixes.keep(computed)
        return computed

    def _known_prefix(self, rows: Sequence[AnyRow]) -> Prefix | None:
        known = self.prefixes.longest(rows[0].prompt[: min(len(row.prompt) for row in rows) - 1])
        for row in rows[1:]:
            if known is not None:
                length = common_length(known.tokens, row.prompt)
                known = known.cut(length) if length >= SHORTEST_PREFIX else None
        return known

    def _run_batch(self, rows: list[Row], prefix: Prefix | None) -> None:
        import torch

        for row in rows:
            if row.generation.temperature > 0:
                row.generator = torch.Generator()
                if row.generation.seed is None:
                    row.generator.seed()
                else:
                    row.generator.manual_seed(row.generation.seed % 2**63)
        known = len(prefix.tokens) if prefix else 0
        width = max(len(row.prompt) for row in rows) - known
        device = self.model.device
        inputs: list[list[int]] = []
        places: list[list[int]] = []
        seen: list[list[bool]] = []
        for row in rows:
            own = list(row.prompt[known:])
            padding = width - len(own)
            inputs.append([0] * padding + own)
            places.append([0] * padding + list(range(known, known + len(own))))
            seen.append([False] * padding + [True] * len(own))
        before = torch.arange(known, device=device).expand(len(rows), -1)
        positions = torch.cat([before, torch.tensor(places, device=device)], dim=1)
        valid = torch.cat([torch.ones_like(before, dtype=torch.bool), torch.tensor(seen, device=device)], dim=1)
        share = prefix if self.shares else None
        cache = (
            self.own_cache() if not self.batches else empty_cache() if share or not prefix else prefix.cache(len(rows))
        )
        active = list(rows)
        while True:
            logits = self.forward(inputs, cache, positions, valid, prefix=share)
            going = self._advance(active, logits)
            if not any(going):
                return
            # Rows that are done are dropped once they are half of the batch; until then they ride along.
            if sum(going) * 2 <= len(active):
                kept = torch.tensor([index for index, goes in enumerate(going) if goes], device=device)
                cache.batch_select_indices(kept)
                active = [row for row, goes in zip(active, going, strict=True) if goes]
                positions, valid = positions[kept], valid[kept]
            inputs = [[row.generated[-1] if row.generated else 0] for row in active]
            positions = torch.cat([positions, positions[:, -1:] + 1], dim=1)
            valid = torch.cat([valid, torch.ones_like(valid[:, -1:])], dim=1)

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

    @property
    def _config(self) -> Any:
        return self.model.config.get_text_config(decoder=True)

    def plainly(self, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions and validity of one row of so many tokens."""
        import torch

        positions = torch.arange(length, device=self.model.device)[None]
        return positions, torch.ones_like(positions, dtype=torch.bool)


def _shape(rows: Sequence[AnyRow], prefix_length: int) -> Shape:
    return Shape(
        rows=len(rows),
        shared=prefix_length,
        own=max(len(row.prompt) for row in rows) - prefix_length,
        new=max(row.new_tokens for row in rows),
    )
