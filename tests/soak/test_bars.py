"""The bars of speed and memory run, count what they promise and end with a verdict; nothing is timed here."""

from __future__ import annotations

import re

import pytest
from bars import last_line_of

VERDICT = re.compile(r": (met|missed)$")
BARS = {
    "overhead": ("--cells", "200", "--pairs", "1"),
    "fake_cells": ("--fewer", "100", "--more", "300", "--pairs", "1"),
    "start": ("--rounds", "2"),
    "memory": ("--cells", "3000"),
}


@pytest.mark.parametrize("bar", BARS)
def test_a_bar_ends_with_its_figures_its_target_and_a_verdict(bar: str):
    line = last_line_of(bar, *BARS[bar])
    assert line.startswith(f"{bar.replace('_', ' ')}: ")
    assert "target <= " in line
    assert VERDICT.search(line)


def test_a_suite_that_has_all_its_answers_runs_again_without_a_call():
    line = last_line_of("cached_rerun", "--cells", "200", "--runs", "1")
    assert "200 cells, 0 calls" in line
    assert VERDICT.search(line)


def test_what_the_engine_scores_is_to_the_digit_what_the_reference_packages_say():
    line = last_line_of("scoring", "--outputs", "500", "--pairs", "1")
    assert line.startswith("scoring: ")
    assert "values equal to 0;" in line
    assert VERDICT.search(line)
