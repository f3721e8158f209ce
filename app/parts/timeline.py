"""A metric over time: each run with its interval and its data, and whether it beats the best before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import charts
from formats import NOTHING, excerpt, interval_text, measure_text, when
from parts.metric_curves import names_of
from shared import lab, plain, selected_row

if TYPE_CHECKING:
    from promptlab.history import History
    from promptlab.store.rows import RunRow

MOST_RUNS = 60


def draw(runs: Sequence[RunRow], goal: str | None) -> None:
    """Draws the history of the goal; runs of one name are what a retrained model is."""
    if goal is None or not runs:
        st.caption("Nothing to draw yet: log a metric into a run.")
        return
    names = sorted({run.name for run in runs})
    everything = "every run"
    name = st.selectbox(
        "Model", [everything, *names], key="timeline:name", format_func=excerpt, width=320, label_visibility="collapsed"
    )
    chosen = [run for run in runs if name in (everything, run.name)][:MOST_RUNS]
    with st.spinner("Comparing case by case"):
        history = lab().history(goal, chosen)
    if not history.moments:
        st.caption("None of these runs has this metric.")
        return
    st.altair_chart(charts.over_time(_points(history), y=excerpt(goal, limit=60)), key="timeline")
    _table(history)


def _points(history: History) -> pd.DataFrame:
    titles = names_of([moment.run for moment in history.moments])
    rows = []
    for title, moment in zip(titles, history.moments, strict=True):
        interval = moment.interval
        word = moment.verdict.word if moment.verdict else ("best so far" if moment.best else "not the best")
        rows.append(
            {
                "run": title,
                "started": moment.run.started_at,
                "value": moment.value,
                "low": interval.low if interval and interval.low is not None else moment.value,
                "high": interval.high if interval and interval.high is not None else moment.value,
                "data": excerpt(", ".join(moment.data), limit=60) or "none recorded",
                "mark": word,
            }
        )
    return pd.DataFrame(rows)


def _table(history: History) -> None:
    moments = list(reversed(history.moments))
    share = all(0 <= moment.value <= 1 for moment in moments)
    lines = [
        {
            "": "★" if moment.best else "",
            "run": excerpt(moment.run.name, limit=60),
            "started": when(moment.run.started_at),
            "value [95% interval]": interval_text(history.metric, moment.interval, share=share)
            if moment.interval
            else measure_text(history.metric, moment.value),
            "against the best before": moment.verdict.sentence if moment.verdict else NOTHING,
            "data": excerpt(", ".join(moment.data), limit=60) or NOTHING,
            "id": moment.run.uid[:8],
        }
        for moment in moments
    ]
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="timeline:table",
        row_height=30,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "": st.column_config.TextColumn(width=36),
            "against the best before": st.column_config.TextColumn(width="large"),
        },
    )
    row = selected_row("timeline:table")
    chosen = moments[row] if row is not None and row < len(moments) else None
    if chosen is not None and chosen.verdict is not None:
        plain(chosen.verdict.sentence)
    st.caption("★ was the best when it was made. An interval and a verdict need answers on cases: log_predictions.")
