"""What each token of a batch may look back at, made from logical positions.

So padding in the middle changes nothing, also for models that look back through a sliding window, and several
continuations of one context can stand in one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def attention_masks(
    config: Any,
    dtype: torch.dtype,
    positions: torch.Tensor,
    valid: torch.Tensor,
    *,
    new: int,
    branches: torch.Tensor | None = None,
) -> Any:
    """The attention mask that transformers takes as it is: shape (rows, 1, new, all), or one for each kind of layer.

    positions, valid: shape (rows, all): the place of each token in its text, and whether it is one. new: how many of
    them, at the end, look back. branches: of the same shape; a token of branch 0 is seen by all that come after it, one
    of another only by its own branch. None: all are of branch 0.
    """
    import torch

    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or [])
    total = positions.shape[1]
    queries, keys = positions[:, -new:, None], positions[:, None, :]
    allowed = valid[:, None, :] & (keys <= queries)
    if branches is not None:
        of_keys = branches[:, None, :]
        allowed &= (of_keys == 0) | (of_keys == branches[:, -new:, None])
    # Padding looks at itself: a row of a softmax with nothing in it would be NaN and spread.
    own = torch.eye(total, dtype=torch.bool, device=positions.device)[-new:]
    low = torch.finfo(dtype).min

    def mask(seen: torch.Tensor) -> torch.Tensor:
        zero = torch.zeros((), dtype=dtype, device=positions.device)
        return torch.where(seen | own, zero, low)[:, None]

    if window and (not kinds or kinds == {"sliding_attention"}):
        return mask(allowed & (queries - keys < window))
    if "sliding_attention" in kinds:
        return {
            "full_attention": mask(allowed),
            "sliding_attention": mask(allowed & (queries - keys < window)),
        }
    return mask(allowed)
