"""What sacrebleu keeps of texts that it has tokenised, held within limits."""

from __future__ import annotations

from typing import Any

MOST_CHARACTERS = 1_000_000


class KeptTexts:
    """Counts the characters that a tokenizer of sacrebleu was given, and has them dropped once they are many.

    It keeps 65,536 texts, of any length.
    """

    def __init__(self) -> None:
        self._characters = 0

    def note(self, characters: int, tokenizer: Any) -> None:
        """So many more; tokenizer: the one that keeps them."""
        from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

        self._characters += characters
        if self._characters >= MOST_CHARACTERS:
            self._characters = 0
            for kind in (type(tokenizer), TokenizerRegexp):
                if hasattr(kind.__call__, "cache_clear"):
                    kind.__call__.cache_clear()
