"""What evaluators get from base models, as answers are stored: keys by content, numbers packed as float32."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from array import array
from collections.abc import Sequence

from promptlab.prompts.digest import canonical_json
from promptlab.types import Likelihood, Message


def embedding_key(identity: str, text: str) -> str:
    """The content address of a text's embedding by a model."""
    return _digest({"purpose": "embed", "model": identity, "text": text})


def likelihood_key(identity: str, context: Sequence[Message] | str, text: str, *, spaced: bool) -> str:
    """The content address of how likely a model finds a text after a context."""
    shown = context if isinstance(context, str) else [[message.role, message.content] for message in context]
    return _digest({"purpose": "likelihood", "model": identity, "context": shown, "text": text, "spaced": spaced})


def pack_embedding(vector: Sequence[float]) -> str:
    """An embedding as text: float32, little-endian, in base64."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def unpack_embedding(text: str) -> list[float]:
    """The embedding in such a text."""
    numbers = array("f")
    numbers.frombytes(base64.b64decode(text))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def pack_likelihood(likelihood: Likelihood) -> str:
    """A likelihood as text: a JSON object, its log probabilities as `pack_embedding` writes numbers."""
    # In ASCII: what a tokenizer makes of text may be any characters, which not every database takes.
    return json.dumps(
        {
            "text": likelihood.text,
            "tokens": likelihood.tokens,
            "log_probabilities": pack_embedding(likelihood.log_probabilities),
            "greedy": likelihood.greedy,
        },
        separators=(",", ":"),
    )


def unpack_likelihood(text: str) -> Likelihood:
    """The likelihood in such a text."""
    stored = json.loads(text)
    return Likelihood(
        text=stored["text"],
        tokens=tuple(stored["tokens"]),
        log_probabilities=tuple(unpack_embedding(stored["log_probabilities"])),
        greedy=stored["greedy"],
    )


def _digest(content: dict[str, object]) -> str:
    return hashlib.sha256(canonical_json(content).encode("ascii")).hexdigest()
