"""How scores, latency and tokens are distributed over an evaluation's cells: a mean hides a few that went wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import charts
import matrix
from formats import excerpt

if TYPE_CHECKING:
    from promptlab.reports import Report
    from promptlab.store.rows import CellRow

LATENCY, COST, TOKENS, CHARACTERS = "latency (s)", "cost (USD)", "output tokens", "output characters"
MOST_POINTS = 500
"""Points of a line: of more cells, evenly spaced quantiles."""


def draw(report: Report) -> None:
    """Draws the panel; the chart is made when it is open."""
    with st.expander("Distributions", key="distributions", on_change="rerun") as panel:
        if not panel.open:
            return
        offered = _offered(report)
        if not offered:
            st.caption("Nothing has more than two values yet.")
            return
        measure = st.selectbox(
            "Of", offered, key=f"distributions:of:{report.run.uid}", label_visibility="collapsed", width=260
        )
        frame = _frame(report, str(measure))
        st.altair_chart(charts.cumulative(frame, x=excerpt(str(measure), limit=60)), key="distributions:chart")
        st.caption("The share of cells at or below each value; a line further left has lower values.")


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of the values is at or below (the nearest rank); None of none."""
    known = sorted(values)
    if not known:
        return None
    return known[max(0, math.ceil(share * len(known)) - 1)]


def seconds_of(report: Report, variant: str) -> list[float]:
    """The latencies of a variant's answers, in seconds, as they were measured when they were made."""
    return [cell.seconds for cell in report.cells if cell.run_uid == variant and cell.seconds is not None]


def _offered(report: Report) -> list[str]:
    """What has more than two different values: a pass or fail has its share in the table already."""
    names = [*matrix.measures(report), LATENCY, COST, TOKENS, CHARACTERS]
    return [name for name in names if len({_value(cell, name) for cell in report.cells} - {None}) > 2]


def _value(cell: CellRow, name: str) -> float | None:
    if name == LATENCY:
        return cell.seconds
    if name == COST:
        return cell.cost_usd
    if name == TOKENS:
        return cell.usage.output_tokens
    if name == CHARACTERS:
        return None if cell.output is None else len(cell.output)
    score = cell.scores.get(name)
    return None if score is None else score.value


def _frame(report: Report, measure: str) -> pd.DataFrame:
    lines = []
    for place, variant in enumerate(report.variants):
        values = sorted(
            value
            for cell in report.cells
            if cell.run_uid == variant.id and (value := _value(cell, measure)) is not None
        )
        ranks = range(1, len(values) + 1)
        if len(values) > MOST_POINTS:
            ranks = range(1, MOST_POINTS + 1)
            values = [values[rank * len(values) // MOST_POINTS - 1] for rank in ranks]
        lines += [
            {
                "run": f"{matrix.letter(place)} {excerpt(variant.name, limit=60)}",
                "value": value,
                "share": rank / len(values),
            }
            for rank, value in zip(ranks, values, strict=True)
        ]
    return pd.DataFrame(lines)
