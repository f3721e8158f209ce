"""The letter of a multiple-choice answer: found in what a model wrote, and in what is expected."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.evaluators.base import clip
from promptlab.evaluators.normalising import as_text, squad_normalised, well_formed, without_punctuation

MOST_CHARACTERS = 200_000
"""Of a longer output, its beginning and its end are read."""

_EMPHASIS = str.maketrans("", "", "*`")
_AFTER_LETTERS = ("or", "and", "is", "because", "since")
"""Words before which A and I are letters rather than words."""
_NEGATIONS = ("not", "nor", "neither", "except", "than", "n't")


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from: letters, and the options' texts, none where only the letters are known."""

    letters: str
    options: tuple[str, ...] = ()

    def letter_of(self, text: str) -> str | None:
        """The letter of the option that this is the text of; None where it is none or more than one."""
        for form in (str.strip, _compared):
            found = {letter for letter, option in self._pairs() if form(option) == form(text)}
            if len(found) == 1:
                return found.pop()
        return None

    def shown(self, letter: str) -> str:
        """The letter with its option, for reasons."""
        place = self.letters.index(letter)
        return f"{letter} ({clip(self.options[place], 40)})" if place < len(self.options) else letter

    def _pairs(self) -> Iterator[tuple[str, str]]:
        return zip(self.letters, self.options, strict=False)

    def mentioned(self, output: str) -> set[str]:
        """The letters of the options whose text stands in the output, but for those inside of a longer one."""
        text = f" {_compared(output)} "
        found = {letter: _compared(option) for letter, option in self._pairs() if f" {_compared(option)} " in text}
        return {
            letter
            for letter, option in found.items()
            if option and not any(f" {option} " in f" {other} " for other in found.values() if other != option)
        }


def make_choices(options: Sequence[Any] | None, letters: str | None) -> Choices:
    """The choices of an entry. Raises ValueError for too few or too many options, or letters that are none."""
    texts = tuple(as_text(option) for option in options or ())
    if options is not None and not 2 <= len(texts) <= 26:
        raise ValueError(f"option `options` has {len(texts)}; a choice is between 2 to 26")
    if letters is None:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(texts) or 5]
    known = letters.upper()
    if len(known) < 2 or len(set(known)) < len(known) or not (known.isascii() and known.isalnum()):
        raise ValueError(f"option `letters` is {letters!r}; it is the letters or digits in order, such as ABCD")
    if len(known) < len(texts):
        raise ValueError(f"there are {len(texts)} options and {len(known)} letters, {letters}; give each a letter")
    return Choices(known[: len(texts) or None], texts)


def expected_letter(expected: Any, choices: Choices) -> str:
    """The letter that `expected` stands for: a letter, an option's text, or an index from 0.

    Raises ValueError for what is none of these.
    """
    text = as_text(expected).strip()
    bare = text.strip("().[]: ").upper()
    if len(bare) == 1 and bare in choices.letters:
        return bare
    named = choices.letter_of(text)
    if named is not None:
        return named
    if text.isdecimal() and len(text) < 3 and int(text) < len(choices.letters) and not choices.letters.isdecimal():
        return choices.letters[int(text)]
    known = ", ".join(choices.letters)
    raise ValueError(f"`expected` is {clip(repr(expected), 60)}; it is one of {known}, an option's text or its index")


def found_letter(output: str, choices: Choices) -> str:
    r"""The letter that the output chooses. Raises ValueError that says why there is none, or which several.

    Looked for are, until one is found: a first line that is a letter or an option; a statement such as `the answer is
    (b)` or `\boxed{B}`; a letter with a mark after it at the beginning, `B. Paris`; a letter in brackets or after
    `option`; a capital letter that stands alone; an option's text in the output.
    """
    if len(output) > MOST_CHARACTERS:
        output = f"{output[: MOST_CHARACTERS // 2]}\n{output[-MOST_CHARACTERS // 2 :]}"
    text = well_formed(output).translate(_EMPHASIS).strip()
    first_line = text.partition("\n")[0]
    for line in (first_line, text):
        named = choices.letter_of(line) or _only_letter(line, choices.letters)
        if named is not None:
            return named
    for letters in (
        _stated(text, choices),
        _matched("leading", text, choices.letters),
        _matched("marked", text, choices.letters),
        _alone(text, choices.letters),
        choices.mentioned(text),
    ):
        if len(letters) == 1:
            return letters.pop()
        if letters:
            raise ValueError(f"several choices, {', '.join(sorted(letters))}")
    raise ValueError("no choice")


def _compared(text: str) -> str:
    return squad_normalised(text) or without_punctuation(text) or text.strip()


def _only_letter(line: str, letters: str) -> str | None:
    bare = line.strip("()[]{}<>.,:;!?\"'“”‘’$_ \t").upper()  # noqa: RUF001 - quotation marks as they are written
    return bare if len(bare) == 1 and bare in letters else None


def _stated(text: str, choices: Choices) -> set[str]:
    """The letters that statements such as `the answer is ...` choose."""
    found: set[str] = set()
    for match in _patterns(choices.letters)["statement"].finditer(text):
        rest = text[match.end() : match.end() + 200].partition("\n")[0]
        named = choices.letter_of(rest)
        if named is None:
            letter = _patterns(choices.letters)["stated"].match(rest)
            named = next((group.upper() for group in letter.groups() if group), None) if letter else None
        if named is not None:
            found.add(named)
    return found or _matched("boxed", text, choices.letters)


def _matched(name: str, text: str, letters: str) -> set[str]:
    return {
        next(group for group in match.groups() if group).upper() for match in _patterns(letters)[name].finditer(text)
    }


def _alone(text: str, letters: str) -> set[str]:
    """The capital letters that stand alone, but for the words A and I and what is negated."""
    found: set[str] = set()
    for match in _patterns(letters)["alone"].finditer(text):
        after = text[match.end() : match.end() + 12]
        before = text[max(match.start() - 12, 0) : match.start()]
        if match[0] in "AI" and after[:1] == " " and after[1:2].isalpha() and after.split()[0] not in _AFTER_LETTERS:
            continue
        if before[-1:] in ("'", "’", "-", ".") or after[:1] in ("'", "’", "-"):  # noqa: RUF001 - as it is written
            continue
        if not before.lower().rstrip().endswith(_NEGATIONS):
            found.add(match[0])
    return found


@functools.lru_cache(maxsize=16)
def _patterns(letters: str) -> Mapping[str, Any]:
    import re2

    capital = f"[{letters}]"
    either = f"[{letters}{letters.lower()}]"
    opened, closed = r"[(\[{<\"'“‘]", r"[)\]}>\"'”’.,:;!?]"  # noqa: RUF001 - quotation marks as they are written
    return {
        # What a choice stands after.
        "statement": re2.compile(
            r"(?i)(?:\banswer(?:\s+(?:is|was|must\s+be|should\s+be|would\s+be)\b\s*:?|\s*[:=]|\s*(?:-|–|—)\s)"  # noqa: RUF001
            r"|\bcorrect\s+(?:option|choice|letter)(?:\s+(?:is|would\s+be)\b\s*:?|\s*[:=])"
            r"|\b(?:choose|chose|pick|select|going\s+with|go\s+with)\b|<answer>)"
            r"\s*(?:(?:the\s+)?(?:option|choice|letter|answer)\b\s*:?\s*)?"
        ),
        # What begins the rest of a statement: a small letter needs a bracket or a mark, since `a` is a word.
        "stated": re2.compile(rf"{opened}*(?:({capital})(?:{closed}|\s|$)|({either})(?:{closed}|\s*$))"),
        "boxed": re2.compile(rf"\\boxed\{{\W*(?:\\[a-z]+\{{\W*)?({either})\b"),
        "leading": re2.compile(rf"^\s*(?:[(\[]?({either})[)\].:]|({capital})\s+[-–—]\s)"),  # noqa: RUF001 - dashes
        "marked": re2.compile(rf"[(\[]({either})[)\]]|(?i:\b(?:option|choice)\s+)({capital})\b"),
        "alone": re2.compile(rf"\b{capital}\b"),
    }
