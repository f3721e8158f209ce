"""How a local model chooses its next token, by the settings of the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.errors import CallError
from promptlab.models.settings import OF_ENDPOINTS
from promptlab.types import Request

if TYPE_CHECKING:
    import torch

DEFAULT_MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Generation:
    """The settings of one request, complete. temperature 0 is greedy: always the likeliest token."""

    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None

    @property
    def plain(self) -> bool:
        """True where the likeliest token is taken as it is, which a whole batch can do at once."""
        return (
            self.temperature == 0
            and self.repetition_penalty == 1
            and self.frequency_penalty == 0
            and self.presence_penalty == 0
            and not self.logit_bias
        )


def generation_of(request: Request) -> Generation:
    """The request's settings with the defaults of local models: greedy, 256 new tokens.

    The seed is the given one plus the repeat, so that repeats differ and come again. reasoning_effort and extra_body
    mean nothing here and are left out. Raises CallError for settings that a local model does not have.
    """
    for name in OF_ENDPOINTS:
        if name in request.settings:
            raise CallError("client", f"a local model takes no `{name}`, only models of an endpoint do")
    settings: dict[str, Any] = {
        key: value
        for key, value in request.settings.items()
        if value is not None and key not in ("reasoning_effort", "extra_body")
    }
    stop = settings.pop("stop", ())
    seed = settings.pop("seed", None)
    bias = settings.pop("logit_bias", None)
    return Generation(
        **settings,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=None if seed is None else seed + request.repeat,
        logit_bias={int(token): float(value) for token, value in bias.items()} if bias else None,
    )


def choose_token(
    logits: torch.Tensor,
    generation: Generation,
    *,
    prompt: Sequence[int],
    generated: Sequence[int],
    generator: torch.Generator | None,
) -> int:
    """The next token's id. logits: shape (vocabulary,), float32, on the CPU; changed in place.

    First the penalties and biases, then temperature, then top_k, top_p and min_p, then one draw. repetition_penalty
    counts prompt and answer (Keskar et al. 2019, section 4.1), the other two the answer alone (OpenAI's definition).
    """
    import torch

    _penalise(logits, generation, prompt=prompt, generated=generated)
    if generation.temperature == 0:
        return int(logits.argmax())
    logits = logits / generation.temperature
    if 0 < generation.top_k < logits.shape[0]:
        lowest = logits.topk(generation.top_k).values[-1]
        logits = logits.masked_fill(logits < lowest, float("-inf"))
    probabilities = logits.softmax(-1)
    if generation.top_p < 1:
        ordered, indices = probabilities.sort(descending=True)
        # A token stays while those before it do not fill top_p yet; the first one always stays.
        outside = ordered.cumsum(-1) - ordered >= generation.top_p
        probabilities = probabilities.index_fill(0, indices[outside], 0.0)
    if generation.min_p > 0:
        probabilities = probabilities.masked_fill(probabilities < generation.min_p * probabilities.max(), 0.0)
    return int(torch.multinomial(probabilities, 1, generator=generator))


def _penalise(logits: torch.Tensor, generation: Generation, *, prompt: Sequence[int], generated: Sequence[int]) -> None:
    import torch

    if generation.repetition_penalty != 1:
        seen = torch.tensor(sorted({*prompt, *generated}), dtype=torch.long)
        values = logits[seen]
        penalty = generation.repetition_penalty
        logits[seen] = torch.where(values > 0, values / penalty, values * penalty)
    if generated and (generation.frequency_penalty or generation.presence_penalty):
        tokens, counts = torch.tensor(list(generated), dtype=torch.long).unique(return_counts=True)
        logits[tokens] -= generation.frequency_penalty * counts + generation.presence_penalty
    for token, bias in (generation.logit_bias or {}).items():
        if token < logits.shape[0]:
            logits[token] += bias
