"""How many tokens a request has, before it is sent: counted, estimated, or at most."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.config import Workspace
from promptlab.errors import CallError
from promptlab.models.base import Model
from promptlab.models.local_prompt import PromptEncoder, prompt_encoder
from promptlab.models.snapshots import find_snapshot
from promptlab.types import Message, Request

# What chat framing adds by OpenAI's cookbook ("How to count tokens with tiktoken"): 3 a message, its role, and 3 that
# open the answer.
_FRAMING_PER_MESSAGE = 4
_FRAMING = 3
# Templates also write system messages of their own. SmolLM2's adds 5 or 6 a message, 3 that open the answer, and 22
# where the user wrote no system message; servers differ, so there is room for a few times as much.
_MOST_FRAMING_PER_MESSAGE = 16
_MOST_FRAMING = 128

_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_PIECE = re.compile(
    r"[A-Za-z]{1,8}"  # most English words are one token, long ones two
    r"|\d{1,2}"  # tokenizers take one digit, or up to three
    rf"|[{_WIDE}]"
    rf"|[^\W\d_{_WIDE}]{{1,3}}"
    r"|\s{2,}"  # one space belongs to the word behind it
    rf"|[^\w\s{_WIDE}]|_"
)


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A number of tokens; exact: counted as the model counts, else estimated."""

    value: int
    exact: bool


class TokenCounter:
    """Counts the tokens of requests, each local model by its own tokenizer, which is loaded once; never its weights."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._encoders: dict[str, PromptEncoder | None] = {}

    def count(self, model: Model, request: Request) -> TokenCount:
        """The input tokens of a request to a model.

        Exact for `local:` (blocking for seconds the first time, when the tokenizer is loaded), for `fake:`, whose
        tokens are words, and for `python:`, which has none; estimated for all others, and for a local model whose
        tokenizer does not load or whose chat template refuses the messages.
        """
        if model.provider == "fake":
            return TokenCount(sum(len(message.content.split()) for message in request.messages), exact=True)
        if model.provider == "python":
            return TokenCount(0, exact=True)
        if model.provider == "local":
            encoder = self._encoder(model.name)
            if encoder is not None:
                try:
                    return TokenCount(len(encoder.encode(request.messages)), exact=True)
                except CallError:
                    pass
        return TokenCount(estimate_input_tokens(request.messages, request.response_schema), exact=False)

    def _encoder(self, name: str) -> PromptEncoder | None:
        if name not in self._encoders:
            self._encoders[name] = _load_encoder(name, self._workspace)
        return self._encoders[name]


def estimate_input_tokens(messages: Sequence[Message], response_schema: Mapping[str, Any] | None = None) -> int:
    """About how many tokens a chat model counts for this input.

    A token is a run of up to 8 letters of the English alphabet, up to 2 digits, up to 3 letters of another alphabet, a
    Chinese, Japanese or Korean character, a sign, or a run of spaces; each message adds 4, the answer's opening 3.
    Within 8% of two real tokenizers on English, code, Markdown and JSON; design/money.md has the figures.
    Example: estimate_input_tokens([Message("user", "Is it good?")]) -> 11
    """
    texts = [message.content for message in messages]
    if response_schema is not None:
        texts.append(_schema_text(response_schema))
    pieces = sum(len(_PIECE.findall(text)) for text in texts)
    return pieces + _FRAMING_PER_MESSAGE * len(messages) + _FRAMING


def most_input_tokens(messages: Sequence[Message], response_schema: Mapping[str, Any] | None = None) -> int:
    """A number of tokens that no byte-level tokenizer exceeds for this input: its bytes, and ample room for framing.

    A token of such a tokenizer is at least one byte of UTF-8. About four times the real count for English.
    """
    texts = [message.content for message in messages]
    if response_schema is not None:
        texts.append(_schema_text(response_schema))
    # A lone surrogate, which UTF-8 does not have, counts as its replacement, which is as long.
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return size + _MOST_FRAMING_PER_MESSAGE * len(messages) + _MOST_FRAMING


def _schema_text(response_schema: Mapping[str, Any]) -> str:
    return json.dumps(response_schema, ensure_ascii=False)


def _load_encoder(name: str, workspace: Workspace) -> PromptEncoder | None:
    snapshot = find_snapshot(name, workspace=workspace)
    from transformers import AutoTokenizer
    from transformers.utils import logging

    # What transformers prints would tear the lab's own screen.
    logging.set_verbosity_error()
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            snapshot.location, revision=snapshot.revision, trust_remote_code=False
        )
    except (OSError, ValueError, ImportError):
        return None
    return prompt_encoder(tokenizer)
