"""Numbers as text: no more digits than are known, and never rounded across the line of a verdict."""

import pytest

from promptlab.statistics.quantities import (
    PLAIN,
    POINTS,
    SECONDS,
    TOKENS,
    USD,
    WORDS,
    number,
    p_value_text,
    unit_of,
)


@pytest.mark.parametrize(
    ("measure", "shares", "unit"),
    [
        ("exact_match", True, POINTS),
        ("rouge_l.f", True, POINTS),
        ("accuracy", False, PLAIN),
        ("latency", True, SECONDS),
        ("latency_seconds", False, SECONDS),
        ("cost", True, USD),
        ("cost_usd", True, USD),
        ("output_tokens", False, TOKENS),
        ("word_count", False, WORDS),
        ("Latency", True, SECONDS),
    ],
)
def test_a_measures_name_tells_its_unit(measure, shares, unit):
    assert unit_of(measure, shares=shares) == unit


@pytest.mark.parametrize(
    ("value", "half_width", "unit", "text"),
    [
        (0.1875, 0.13, POINTS, "19"),
        (-0.0502, 0.07, POINTS, "\N{MINUS SIGN}5"),
        (0.0001, 0.07, POINTS, "0.01"),
        (0.004, 0.07, POINTS, "0.4"),
        (0.0, 0.07, POINTS, "0"),
        (0.01234, 0.004, POINTS, "1.2"),
        (0.32041, 0.2332, SECONDS, "0.32"),
        (0.0004, 0.2332, SECONDS, "0.0004"),
        (1234.56, 12.0, TOKENS, "1,235"),
        (0.00012345, 0.00002, USD, "0.000123"),
        (3e-14, 1e-14, USD, "3e-14"),
        (12.3456, None, PLAIN, "12.3"),
        (0.5, None, POINTS, "50"),
        (0.125, 0.0, POINTS, "12.5"),
    ],
)
def test_a_number_has_the_decimals_that_its_interval_warrants(value, half_width, unit, text):
    assert number(value, unit, half_width=half_width) == text


def test_signs_and_names_of_units():
    assert POINTS.said(0.03) == "3 points"
    assert POINTS.said(0.01) == "1 point"
    assert POINTS.said(-0.01, sign=True) == "\N{MINUS SIGN}1 point"
    assert POINTS.said(0.19, sign=True) == "+19 points"
    assert POINTS.said(0.0, sign=True) == "0 points"
    assert PLAIN.said(0.25, sign=True) == "+0.25"


@pytest.mark.parametrize(
    ("p_value", "text"),
    [
        (0.0, "p < 0.001"),
        (0.0009, "p < 0.001"),
        (0.0042, "p = 0.004"),
        (0.05, "p = 0.050"),
        (0.0500001, "p = 0.0500001"),
        (0.04996, "p = 0.050"),
        (0.0504, "p = 0.0504"),
        (0.123, "p = 0.12"),
        (1.0, "p = 1.00"),
    ],
)
def test_a_p_value_is_never_rounded_across_alpha(p_value, text):
    assert p_value_text(p_value, alpha=0.05) == text


def test_a_small_alpha_shows_small_p_values():
    assert p_value_text(0.0004, alpha=0.0005) == "p = 0.0004"
    assert p_value_text(0.0, alpha=0.0005) == "p = 0.000"
