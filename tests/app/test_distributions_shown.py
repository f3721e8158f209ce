"""How values are distributed over an evaluation's cells."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts import distributions
from promptlab.lab import Lab


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_is_numpys_nearest_rank(values: list[float], share: float):
    expected = np.quantile(values, share, method="inverted_cdf")
    # Where share times n is a whole number but for rounding, both neighbours are right.
    if abs(share * len(values) - round(share * len(values))) > 1e-9:
        assert distributions.quantile(values, share) == expected


def test_the_median_and_the_95th_of_a_hundred():
    values = [float(value) for value in range(100, 0, -1)]
    assert (distributions.quantile(values, 0.5), distributions.quantile(values, 0.95)) == (50.0, 95.0)
    assert distributions.quantile([], 0.5) is None


@pytest.fixture
def result(lab: Lab, workspace):
    cases = [{"id": f"c{n}", "inputs": {"text": "word " * n}} for n in range(1, 31)]
    suite = {
        "name": "lengths",
        "prompts": ["only"],
        "models": ["fake:echo"],
        "cases": cases,
        "evaluators": ["word_count"],
    }
    (workspace / "prompts" / "only.j2").write_text("{{ text }}")
    return lab.evaluate(suite)


def test_a_panel_draws_the_share_of_cells_below_each_value(app, result):
    page = app("run", run=result.run)
    assert not page.exception
    assert not page.get("vega_lite_chart")
    page.session_state["distributions"] = True
    page.run()
    assert not page.exception
    box = page.selectbox(key=f"distributions:of:{result.run}")
    assert {"word_count", "output characters"} <= set(box.options)
    (chart,) = page.get("vega_lite_chart")
    assert "share of cells" in json.dumps(json.loads(chart.proto.spec))


def test_the_line_of_a_run_ends_at_all_cells_and_has_no_more_points_than_it_needs(lab: Lab, result):
    report = lab.report(result.run)
    frame = distributions._frame(report, "word_count")
    assert frame["value"].tolist() == [float(n) for n in range(1, 31)]
    assert frame["share"].iloc[-1] == 1.0
    assert math.isclose(frame["share"].iloc[0], 1 / 30)


def test_latency_is_told_by_median_and_95th(app, result):
    table = app("run", run=result.run).dataframe[0].value
    assert " · " in table["latency p50 · p95"].iloc[0]
