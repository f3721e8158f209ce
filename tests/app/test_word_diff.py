"""Two texts word by word: what is marked, and that no text becomes HTML."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts import word_diff


def sides(before: str, after: str) -> tuple[list[str], list[str]]:
    """What is marked as gone and as new."""
    marked = word_diff.markup(before, after)
    gone, new = (re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", marked, re.DOTALL) for tag in ("del", "ins"))
    return gone, new


@pytest.mark.parametrize(
    ("before", "after", "gone", "new"),
    [
        ("the sentiment is positive", "the sentiment is negative", ["positive"], ["negative"]),
        ("positive", "positive\n", [], ["⏎"]),
        ("a b", "a  b", ["␣"], ["␣␣"]),
        ("same", "same", [], []),
        ("", "new", [], ["new"]),
        ("Yes.", "yes", ["Yes."], ["yes"]),
    ],
)
def test_words_and_white_space_that_changed_are_marked(before, after, gone, new):
    assert sides(before, after) == (gone, new)


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_in_either_text_becomes_html(before: str, after: str):
    without = re.sub(r'</?(del|ins)( style="[^"]*")?>', "", word_diff.markup(before, after))
    assert "<" not in without
    assert ">" not in without


def test_a_script_stays_a_text():
    marked = word_diff.markup("fine", "<img src=x onerror=alert(1)>")
    assert "<img" not in marked
    assert "&lt;" in marked


def test_long_texts_are_cut_and_take_no_time():
    begun = time.monotonic()
    word_diff.markup("a b " * 100_000, "b c " * 100_000)
    assert time.monotonic() - begun < 20
