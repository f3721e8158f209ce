"""Texts of the app: nothing acts on the screen, nothing unknown reads as 0."""

from __future__ import annotations

import pytest

import formats
from promptlab.types import Interval, Score, Usage


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("positive\n", "positive⏎"),
        (" a b ", "␣a b␣"),
        ("a\nb", "a\nb"),
        ("\t", "⇥"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x00\ud800\u202e", "\\x00\\ud800\\u202e"),
        ("", ""),
    ],
)
def test_white_space_at_the_ends_and_control_characters_are_visible(text, expected):
    assert formats.shown(text) == expected


def test_a_label_escapes_all_that_markdown_could_act_on():
    assert formats.label("![x](http://h/leak)") == "\\!\\[x\\]\\(http\\:\u2060\\/\\/h\\/leak\\)"
    assert "\n" not in formats.label("a\nb")
    assert len(formats.excerpt("x" * 500)) == 90


@pytest.mark.parametrize(
    ("cost", "expected"),
    [(None, "unknown"), (0.0, "free"), (0.0123, "$0.012"), (2.5, "$2.50"), (0.00001234, "$1.2e-05")],
)
def test_unknown_money_is_never_0(cost, expected):
    assert formats.money(cost) == expected


def test_values_read_in_their_unit():
    assert formats.measure_text("latency_seconds", 0.0104) == "10.4 ms"
    assert formats.measure_text("exact_match", 0.671, share=True) == "67%"
    assert formats.measure_text("log_loss", 0.18612) == "0.1861"
    assert formats.measure_text("input_tokens", 18304.0) == "18,304"
    assert formats.measure_text("perplexity", 18304.5) == "1.83e+04"
    assert formats.interval_text("exact_match", Interval(0.67, 0.55, 0.77, 64), share=True) == "67% [55, 77]"
    assert formats.interval_text("exact_match", None, share=True) == "—"
    assert formats.tokens_text(Usage(2600, None)) == "2,600 → ? tokens"
    assert formats.tokens_text(Usage()) == "tokens unknown"
    assert formats.totals_text(None, None) == "unknown"
    assert [formats.bytes_text(size) for size in (512, 3400, 93_000_000)] == ["512 B", "3.4 kB", "93 MB"]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (Score(1.0, True), "✓"),
        (Score(0.0, False), "✗"),
        (Score(0.314159), "0.3142"),
        (Score(error="no"), "⚠"),
        (Score(), "—"),
    ],
)
def test_a_score_is_one_word(score, expected):
    assert formats.score_text(score) == expected


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../plots/a b.svg", "a_b.svg"),
        ("C:\\x\\y.png", "y.png"),
        ("..", "artifact"),
        ("", "artifact"),
        ("a\x00b", "a_b"),
        ("\u202egnp.exe", "_gnp.exe"),
    ],
)
def test_a_download_is_never_named_like_a_path(name: str, saved: str):
    assert formats.file_name(name) == saved
