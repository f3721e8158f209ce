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
class Continuation:
    """A text that continues a context, with the white space that was put or moved before it, and its tokens."""

    text: str
    tokens: list[int]


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

    def continuations(
        self, context: Sequence[Message] | str, texts: Sequence[str], *, spaced: bool
    ) -> tuple[list[int], list[Continuation]]:
        """The tokens of a context, and of each text as it continues it; spaced: as of types.Ask.

        After a chat template: the tokens that an answer would come after, and the text's own. After plain text both are
        tokenised together and cut where the context's own tokens end, white space at its end counted to what follows,
        as lm-evaluation-harness does (`TemplateLM._encode_pair`, lm_eval/api/model.py); an empty context is the
        token that a document begins with. Raises CallError where a text has no token of its own.
        """
        if not isinstance(context, str):
            if getattr(self.tokenizer, "chat_template", None) is not None:
                return self._after_template(context, texts, spaced=spaced)
            context = "\n\n".join(message.content for message in context)
        stripped = context.rstrip()
        moved = context[len(stripped) :]
        begin = self._beginning()
        known = begin + self._own_tokens(stripped) if stripped else [self._first_token()]
        found: list[Continuation] = []
        for text in texts:
            space = " " if spaced and stripped and not moved and not text[:1].isspace() else ""
            whole = f"{moved}{space}{text}"
            tokens = begin + self._own_tokens(stripped + whole) if stripped else [known[0], *self._own_tokens(whole)]
            found.append(_continuation(whole, tokens[len(known) :]))
        return known, found

    def _after_template(
        self, messages: Sequence[Message], texts: Sequence[str], *, spaced: bool
    ) -> tuple[list[int], list[Continuation]]:
        # A last message of the assistant is text that is gone on with.
        last = messages[-1] if messages and messages[-1].role == "assistant" else None
        after_text = spaced and last is not None and bool(last.content) and not last.content[-1].isspace()
        spaces = [" " if after_text and not text[:1].isspace() else "" for text in texts]
        whole = [f"{space}{text}" for space, text in zip(spaces, texts, strict=True)]
        return self.encode(messages), [_continuation(text, self._own_tokens(text)) for text in whole]

    def _own_tokens(self, text: str) -> list[int]:
        """The text's tokens, none of them special."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=self._has_special(text))[
            "input_ids"
        ]
        return ids

    def _beginning(self) -> list[int]:
        """What the tokenizer puts before a plain text: its token for the beginning, or nothing."""
        first = getattr(self.tokenizer, "bos_token_id", None)
        begun: list[int] = self.tokenizer("")["input_ids"]
        return begun[:1] if first is not None and begun[:1] == [first] else []

    def _first_token(self) -> int:
        """What stands before the first token of a document: the token for the beginning, else that for the end."""
        for name in ("bos_token_id", "eos_token_id"):
            token = getattr(self.tokenizer, name, None)
            if isinstance(token, int):
                return token
        raise CallError("client", "the model has no token for the beginning of a text; give a context")

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


def _continuation(text: str, tokens: list[int]) -> Continuation:
    if not tokens:
        raise CallError("client", f"the text {text[:80]!r} has no token of its own after its context")
    return Continuation(text, tokens)


def prompt_encoder(tokenizer: Any) -> PromptEncoder:
    """The encoder of a transformers tokenizer."""
    texts = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special and token.content}
    pattern = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    return PromptEncoder(tokenizer, re.compile(pattern) if pattern else None)
