"""Pairs of real texts, an output and what is expected, from the files in data/."""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a file."""
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@functools.cache
def questions() -> list[tuple[str, str]]:
    """410 questions, each with the sentence that answers it."""
    passages = rows("passages.jsonl")
    return [(each["question"], row["sentences"][each["sentence"]]) for row in passages for each in row["questions"]]


@functools.cache
def neighbours() -> list[tuple[str, str]]:
    """Sentences, each with the next one of its passage: more than a thousand."""
    passages = rows("passages.jsonl")
    return [pair for row in passages for pair in zip(row["sentences"], row["sentences"][1:], strict=False)]


@functools.cache
def answers() -> list[tuple[str, list[str]]]:
    """More than 200 answers, each with what other annotators answered otherwise."""
    given = [each["answers"] for row in rows("passages.jsonl") for each in row["questions"]]
    several = [list(dict.fromkeys(texts)) for texts in given]
    return [(texts[0], texts[1:]) for texts in several if len(texts) > 1]


@functools.cache
def other_scripts() -> list[tuple[str, str]]:
    """Sentences in Cyrillic and Chinese script, each with the next one of its language."""
    found = rows("sentences.jsonl")
    return [(a["text"], b["text"]) for a, b in itertools.pairwise(found) if a["language"] == b["language"]]


@functools.cache
def passages() -> list[tuple[str, str]]:
    """120 passages in lines, one a sentence, each with the same without its second line and with two lines swapped."""
    pairs = []
    for row in rows("passages.jsonl")[:120]:
        first, second, third, *others = row["sentences"]
        pairs.append(("\n".join([first, second, third, *others]), "\n".join([third, first, *others])))
    return pairs
