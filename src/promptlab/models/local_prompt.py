"""Messages to the tokens of a local model: through its chat template, or as plain text where it has none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.errors import CallError
from promptlab.types import Message

# Private-use characters: no template writes them, and a prompt that has them still comes out right.
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"


@dataclass(frozen=True, slots=True)
class PromptEncoder:
    """A tokenizer with what finds its special tokens in a text; None where it has none."""

    tokenizer: Any
    special: re.Pattern[str] | None

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids that the model is given.

        With a chat template: the template's text with the cue for an answer; a last message of the assistant is
        continued instead. Without one: the contents joined by blank lines, roles left out. Text of a message never
        becomes a special token, so no value can end a turn or open one. Raises CallError where the template refuses
        the messages.
        """
        if getattr(self.tokenizer, "chat_template", None) is None:
            text = "\n\n".join(message.content for message in messages)
            ids: list[int] = self.tokenizer(text, split_special_tokens=self._has_special(text))["input_ids"]
            return ids
        if any(self._has_special(message.content) for message in messages):
            return self._encode_in_pieces(messages)
        return self._tokens(self._apply_template(messages))

    def _apply_template(self, messages: Sequence[Message]) -> str:
        import jinja2

        continued = bool(messages) and messages[-1].role == "assistant"
        try:
            text: str = self.tokenizer.apply_chat_template(
                [{"role": message.role, "content": message.content} for message in messages],
                tokenize=False,
                add_generation_prompt=not continued,
                continue_final_message=continued,
            )
        except (jinja2.TemplateError, ValueError) as error:
            roles = ", ".join(message.role for message in messages)
            raise CallError("client", f"the model's chat template refuses messages of {roles}: {error}") from error
        return text

    def _encode_in_pieces(self, messages: Sequence[Message]) -> list[int]:
        """The same with the template's text and the contents tokenised apart, special tokens only in the former."""
        marked = [Message(message.role, f"{_OPEN}{number}{_CLOSE}") for number, message in enumerate(messages)]
        ids: list[int] = []
        for number, piece in enumerate(re.split(rf"{_OPEN}(\d+){_CLOSE}", self._apply_template(marked))):
            if number % 2:
                content = messages[int(piece)].content
                ids += self.tokenizer(content, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            else:
                ids += self._tokens(piece)
        return ids

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        return ids

    def _has_special(self, text: str) -> bool:
        return self.special is not None and self.special.search(text) is not None


def prompt_encoder(tokenizer: Any) -> PromptEncoder:
    """The encoder of a transformers tokenizer."""
    texts = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special and token.content}
    pattern = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    return PromptEncoder(tokenizer, re.compile(pattern) if pattern else None)
