"""The engine's promises under kills, bad servers and small budgets; `make bench` has the full versions."""

from __future__ import annotations

from bars import last_line_of


def test_a_run_that_is_killed_again_and_again_loses_no_row_and_knows_every_call():
    line = last_line_of("kills", "--cells", "80", "--kills", "3", "--seconds", "0.2")
    assert line.startswith("kills: ")
    assert "80 of 80 answers" in line
    assert line.endswith(": met")


def test_a_server_that_does_everything_wrong_ends_in_answers_and_classed_errors_in_time():
    line = last_line_of("chaos", "--cells", "150", "--tries", "20", "--concurrency", "20")
    assert line.startswith("chaos: ")
    assert line.endswith(": met")


def test_a_run_never_spends_more_than_it_may_and_uses_what_it_may():
    line = last_line_of("budget", "--cells", "150", "--max-cost", "0.30")
    assert line.startswith("budget: ")
    assert line.endswith(": met")


def test_a_key_is_in_nothing_that_is_printed_or_written():
    line = last_line_of("canary", "--cells", "8")
    assert line.startswith("canary: 0 hits")
    assert line.endswith(": met")
