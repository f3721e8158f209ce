"""Curves of a metric, of one run or of several laid over each other: step or time, smoothed, on a log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import pandas as pd
import streamlit as st

import charts
from formats import excerpt
from shared import lab

if TYPE_CHECKING:
    from promptlab.store.rows import RunRow

POINTS = 400
"""Of a curve; a band shows what lies between."""
MOST_RUNS = 12


def names_of(runs: Sequence[RunRow]) -> list[str]:
    """A name a run, told apart by the beginning of its id where two have the same."""
    names = [excerpt(run.name, limit=50) for run in runs]
    return [f"{name} · {run.uid[:6]}" if names.count(name) > 1 else name for name, run in zip(names, runs, strict=True)]


def controls(key: str, names: Sequence[str], first: str) -> tuple[str, Literal["step", "time"], float, bool]:
    """The metric, the axis, how much is smoothed (0 to 0.99), and whether the scale is logarithmic, as they are set."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox(
            "Metric", names, index=names.index(first), key=f"{key}:metric", format_func=excerpt, width=300
        )
        axis = st.segmented_control(
            "Along",
            ["step", "time"],
            default="step",
            required=True,
            key=f"{key}:axis",
            help="time: seconds since the run started",
        )
        smoothing = st.slider("Smoothing", 0.0, 0.99, 0.0, 0.01, key=f"{key}:smoothing", width=220)
        log = st.toggle("Log scale", key=f"{key}:log")
    return metric, ("time" if axis == "time" else "step"), smoothing, log


def draw(
    runs: Sequence[RunRow],
    metric: str,
    *,
    axis: Literal["step", "time"] = "step",
    smoothing: float = 0.0,
    log: bool = False,
) -> None:
    """Draws one metric of these runs; those that have it not are left out."""
    frames = []
    values = 0
    title: str = axis
    for run, name in zip(runs[:MOST_RUNS], names_of(runs[:MOST_RUNS]), strict=True):
        frame, curve_axis, count = _frame(run, metric, axis)
        if frame.empty:
            continue
        if smoothing:
            frame = frame.assign(mean=charts.smoothed(frame["mean"].tolist(), smoothing), low=math.nan, high=math.nan)
        frames.append(frame.assign(run=name))
        values += count
        title = {"step": "step", "time": "seconds since the start", "order": "number of the value"}[curve_axis]
    if not frames:
        st.caption("None of these runs has this metric.")
        return
    whole = pd.concat(frames, ignore_index=True)
    if log:
        whole = whole[(whole["mean"] > 0)]
        whole = whole.assign(low=whole["low"].where(whole["low"] > 0, whole["mean"]))
    chart = charts.curves(whole, x=title, y=excerpt(metric, limit=60), log=log, legend=len(runs) > 1)
    st.altair_chart(chart, key=f"curve:{metric}:{len(runs)}:{axis}:{log}")
    if values > len(whole):
        st.caption(f"{values:,} values in {len(whole):,} points; the band reaches from the lowest to the highest.")


def _frame(run: RunRow, metric: str, axis: Literal["step", "time"]) -> tuple[pd.DataFrame, str, int]:
    if run.status == "running":
        return _read(run.uid, metric, axis, run.started_at.timestamp())
    return _kept(lab().workspace.db_url, run.uid, metric, axis, run.started_at.timestamp())


@st.cache_data(max_entries=500, show_spinner=False)
def _kept(db: str, uid: str, metric: str, axis: Literal["step", "time"], start: float) -> tuple[pd.DataFrame, str, int]:  # noqa: ARG001 - the cache's key
    return _read(uid, metric, axis, start)


def _read(uid: str, metric: str, axis: Literal["step", "time"], start: float) -> tuple[pd.DataFrame, str, int]:
    curve = lab().curve(uid, metric, points=POINTS, axis=axis)
    by_time = curve.axis == "time"
    rows = [
        {
            "place": point.place / 1000 - start if by_time else point.place,
            "mean": point.mean,
            "low": point.low,
            "high": point.high,
            "count": point.count,
        }
        for point in curve.points
    ]
    return pd.DataFrame(rows, columns=["place", "mean", "low", "high", "count"]), curve.axis, curve.total
