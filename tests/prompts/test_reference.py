"""Prompt references: a name, and at most a number or an alias."""

from __future__ import annotations

import pytest

from promptlab.errors import PromptError
from promptlab.prompts.reference import PromptReference, parse_reference


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("refund", PromptReference("refund")),
        ("refund@3", PromptReference("refund", number=3)),
        ("refund@production", PromptReference("refund", alias="production")),
        ("a.b-c_D9@v1.2", PromptReference("a.b-c_D9", alias="v1.2")),
        ("x" * 200, PromptReference("x" * 200)),
    ],
)
def test_a_reference_reads_and_writes_itself(text: str, reference: PromptReference) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "@3", "-refund", ".refund", "re fund", "a/b", "x" * 201, "refund\n", "é"),
        *("refund@", "refund@0", "refund@3@4", "refund@-1", "refund@٣", "refund@" + "9" * 5000),
    ],
)
def test_anything_else_is_an_error_that_shows_the_reference(text: str) -> None:
    with pytest.raises(PromptError, match=r"^prompt '"):
        parse_reference(text)
