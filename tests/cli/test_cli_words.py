"""Numbers, costs and foreign text as the terminal shows them."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import pytest

from promptlab.cli import words
from promptlab.exports import csv_pieces, json_text
from promptlab.types import Interval


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ✓\ttab\nline", "plain ✓\ttab\nline"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\rb\r\nc", "a\nb\nc"),
        ("bell\x07 null\x00 del\x7f", "bell null del"),
        ("\u202eturned\u2066", "turned"),
        ("half \ud800 pair", "half  pair"),
        ("an open string \x1bP never closed", "an open string "),
    ],
)
def test_foreign_text_loses_all_that_a_terminal_would_obey(text: str, shown: str):
    assert words.plain(text) == shown


def test_an_excerpt_is_one_line_of_a_bounded_length():
    assert words.excerpt("a\nb") == "a⏎b"
    assert words.excerpt("x" * 100, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("usd", "model", "shown"),
    [
        (None, "openai:x", "unknown"),
        (None, None, "unknown"),
        (0.0, "local:x", "free"),
        (0.0, "fake:echo", "free"),
        (0.0, "openai:x", "$0"),
        (0.0, None, "$0"),
        (0.0123, "openai:x", "$0.0123"),
        (0.0000123, "openai:x", "$1.2e-05"),
        (12.345, "openai:x", "$12.35"),
    ],
)
def test_an_unknown_cost_is_never_0(usd: float | None, model: str | None, shown: str):
    assert words.cost(usd, model=model) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.0, "0 ms"), (0.42, "420 ms"), (4.24, "4.2 s"), (42.0, "42 s"), (123.0, "2 min 3 s")],
)
def test_times_have_the_unit_that_fits(seconds: float | None, shown: str):
    assert words.latency(seconds) == shown


def test_scores_are_percent_for_shares_and_in_their_unit_for_others():
    assert words.score("exact_match", Interval(0.78125, 0.666, 0.865, 64), shares=True) == (
        "78.1%",
        "66.6\N{EN DASH}86.5",
    )
    assert words.score("word_count", Interval(12.5, 11.2, 13.8, 64), shares=False) == (
        "12.5 words",
        "11.2\N{EN DASH}13.8",
    )
    assert words.score("latency", Interval(0.42, None, None, 1), shares=True) == ("0.42 s", "")
    assert words.score("exact_match", None, shares=True) == ("-", "")
    assert words.score("exact_match", Interval(None, None, None, 0), shares=True) == ("-", "")


def test_json_has_no_nan_and_csv_escapes_every_start_of_a_formula():
    assert json_text({"a": float("nan"), "b": [float("inf"), 1.5]}) == (
        '{\n  "a": null,\n  "b": [\n    null,\n    1.5\n  ]\n}\n'
    )
    starts = ["=1", "+1", "-1", "@a", "\tx", "\rx", "plain", "", None, -1.5, {"a": [1]}]
    cells = [
        SimpleNamespace(
            run_uid="u",
            key=str(number),
            repeat=0,
            inputs={"x": value},
            expected=value,
            output="o",
            status="ok",
            error=None,
            cached=False,
            seconds=0.1,
            cost_usd=None,
            scores={},
        )
        for number, value in enumerate(starts)
    ]
    report = SimpleNamespace(variants=[SimpleNamespace(id="u", name="p · m", prompt="p", model="m")])
    rows = list(csv.DictReader(io.StringIO("".join(csv_pieces(report, lambda: cells)), newline="")))
    assert [row["inputs.x"] for row in rows] == [
        *("'=1", "'+1", "'-1", "'@a", "'\tx", "'\rx", "plain", "", "", "-1.5", '{"a": [1]}'),
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "1 s"), (40.4, "40 s"), (100, "2 min"), (3600, "60 min"), (12_000, "3 h 20 min")]
)
def test_a_guessed_time_has_no_more_digits_than_it_deserves(seconds, shown):
    assert words.duration(seconds) == shown
