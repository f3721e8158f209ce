"""The computed beginning that the prompts of a batch share, and how they look back at its one copy.

In transformers each row of a batch has its own keys and values, so a shared beginning would be copied for every row,
repeated for every head that looks at it, and copied again with every new token. Here a batch's cache holds the rows'
own tokens only, and the attention adds the prefix: all rows look at one copy of it in one product of matrices.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promptlab.models.local_memory import SCORE_BYTES
from promptlab.models.prefixes import SHORTEST_PREFIX, common_length

if TYPE_CHECKING:
    import torch

ATTENTION = "promptlab_shared_prefix"
"""The name of the attention in transformers' registry."""

_KEPT_BYTES = 256_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """A computed beginning: its tokens, and keys and values of each layer, shape (1, heads, tokens, size)."""

    tokens: Sequence[int]
    layers: list[tuple[torch.Tensor, torch.Tensor]]

    @property
    def size_bytes(self) -> int:
        """What its keys and values take."""
        return sum(keys.nbytes + values.nbytes for keys, values in self.layers)

    def cut(self, length: int) -> Prefix:
        """Its first tokens; nothing is copied."""
        if length == len(self.tokens):
            return self
        layers = [(keys[:, :, :length], values[:, :, :length]) for keys, values in self.layers]
        return Prefix(self.tokens[:length], layers)

    def cache(self, rows: int) -> Any:
        """A transformers cache that begins with the prefix, copied for each row."""
        cache = empty_cache()
        for number, (keys, values) in enumerate(self.layers):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
        return cache


@dataclass(slots=True)
class KeptPrefixes:
    """The prefixes that were used last, the newest last, as many as fit in 256 MB."""

    prefixes: list[Prefix] = field(default_factory=list)

    def longest(self, tokens: Sequence[int]) -> Prefix | None:
        """The longest known beginning of the tokens; None where none is worth it."""
        best, length = None, SHORTEST_PREFIX - 1
        for prefix in self.prefixes:
            common = common_length(prefix.tokens, tokens)
            if common > length:
                best, length = prefix, common
        if best is None:
            return None
        self.prefixes.remove(best)
        self.prefixes.append(best)
        return best.cut(length)

    def keep(self, prefix: Prefix) -> None:
        """Keep it; what it continues, and what was not used for longest, makes room."""
        others = [other for other in self.prefixes if common_length(other.tokens, prefix.tokens) < len(other.tokens)]
        self.prefixes = [*others, prefix]
        while self.prefixes and sum(kept.size_bytes for kept in self.prefixes) > _KEPT_BYTES:
            self.prefixes.pop(0)


@dataclass(frozen=True, slots=True)
class _Shared:
    """The prefix that the running batch looks back at. masked: whether some row does not see all of it."""

    prefix: Prefix
    masked: bool


_shared: ContextVar[_Shared | None] = ContextVar("shared_prefix", default=None)


@contextlib.contextmanager
def shared(prefix: Prefix | None, *, masked: bool) -> Iterator[None]:
    """Inside, attention of this thread looks back at the prefix too, before the tokens of its cache.

    masked: whether the masks of the call hide tokens of the prefix; the masks cover prefix and own tokens.
    """
    token = _shared.set(_Shared(prefix, masked) if prefix is not None else None)
    try:
        yield
    finally:
        _shared.reset(token)


def register_attention() -> None:
    """Make the attention known to transformers; without a shared prefix it is the usual one."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(ATTENTION, _attend)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def empty_cache() -> Any:
    """A transformers cache for a batch; the masks of the batch see to sliding windows."""
    from transformers import DynamicCache

    # Without a configuration every layer keeps all its tokens.
    return DynamicCache()


def _attend(  # noqa: PLR0917 - transformers gives them by position
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it. query: (rows, heads, new, size); key, value: (rows, kv_heads, own, size).

    One softmax over the prefix's scores and the row's own, as if they stood in one cache: the order of the sums alone
    differs.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    now = _shared.get()
    if now is None or attention_mask is None:
        usual: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **others
        )
        return usual
    keys, values = now.prefix.layers[module.layer_idx]
    rows, heads, new, size = query.shape
    kv_heads, length = keys.shape[1], keys.shape[2]
    # Heads that look at the same keys are further queries of these keys: nothing is repeated.
    queries = (query * (size**-0.5 if scaling is None else scaling)).reshape(rows, kv_heads, -1, size)
    mask = attention_mask.expand(rows, -1, -1, -1)
    output = torch.empty((rows, kv_heads, queries.shape[2], value.shape[-1]), dtype=value.dtype, device=value.device)
    at_once = max(1, SCORE_BYTES // (heads * new * length * queries.element_size()))
    for start in range(0, rows, at_once):
        part = slice(start, start + at_once)
        asked, seen = queries[part], mask[part]
        count = asked.shape[0]
        flat = asked.transpose(0, 1).reshape(kv_heads, -1, size)
        before = torch.matmul(flat, keys[0].transpose(-1, -2))
        if now.masked:
            by_row = before.view(kv_heads, count, heads // kv_heads, new, length)
            by_row += seen[None, :, :, :, :length]
        own = torch.matmul(asked, key[part].transpose(-1, -2))
        own.view(count, kv_heads, heads // kv_heads, new, -1).add_(seen[:, :, None, :, length:])
        by_head = own.transpose(0, 1)
        flat_own_top = by_head.amax(-1).reshape(kv_heads, -1)
        top = torch.maximum(before.amax(-1), flat_own_top)
        before.sub_(top[..., None]).exp_()
        tops = top.view(kv_heads, count, -1).transpose(0, 1)
        own.sub_(tops[..., None]).exp_()
        total = before.sum(-1).view(kv_heads, count, -1).transpose(0, 1) + own.sum(-1)
        looked = torch.matmul(before, values[0]).view(kv_heads, count, -1, value.shape[-1]).transpose(0, 1)
        output[part] = (torch.matmul(own, value[part]) + looked) / total[..., None]
    return output.view(rows, heads, new, -1).transpose(1, 2).contiguous(), None
