"""What params do to a metric: parallel axes over all of them, one against the metric, boxes of repeated runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import charts
from formats import excerpt, plural
from parts.metric_curves import names_of
from shared import lab

if TYPE_CHECKING:
    from promptlab.tracking.found_runs import FoundRuns

MOST_AXES = 8


def draw(found: FoundRuns, goal: str | None) -> None:
    """Draws these runs by the goal; those that have it not are left out."""
    frame = found.to_pandas() if len(found) else pd.DataFrame()
    column = f"metrics.{goal}"
    if goal is None or column not in frame:
        st.caption("Nothing to draw: these runs have no metric that they could be compared by.")
        return
    frame = frame.assign(run_name=names_of(list(found)))
    frame = frame[frame[column].notna()]
    params = [name for name in frame.columns if name.startswith("params.") and len(frame[name].dropna().unique()) > 1]
    title = excerpt(goal, limit=40)
    if not params:
        st.caption("No param differs between these runs.")
    else:
        _parallel(frame, params, column, title)
        _scatter(frame, params, column, title)
    _boxes(frame, params, column, title)


def _parallel(frame: pd.DataFrame, params: list[str], column: str, title: str) -> None:
    st.markdown("##### All params at once", help="A line is a run; its colour is the goal.")
    shown = st.multiselect(
        "Axes",
        params,
        default=params[:MOST_AXES],
        key="explore:axes",
        format_func=_short,
        label_visibility="collapsed",
    )
    if not shown:
        return
    axes = {_short(name): [None if pd.isna(value) else value for value in frame[name]] for name in shown}
    axes[title] = frame[column].tolist()
    chart = charts.parallel(axes, frame["run_name"].tolist(), frame[column].tolist(), title=title)
    st.altair_chart(chart, key="explore:parallel")


def _scatter(frame: pd.DataFrame, params: list[str], column: str, title: str) -> None:
    others = [name for name in frame.columns if name.startswith("metrics.") and name != column]
    name = st.selectbox(
        "Against the goal", [*params, *others, "seconds"], key="explore:x", format_func=_short, width=320
    )
    numeric = bool(pd.api.types.is_numeric_dtype(frame[name]))
    points = pd.DataFrame({"run": frame["run_name"], "x": frame[name], "y": frame[column]}).dropna()
    st.altair_chart(charts.scatter(points, x=_short(name), y=title, numeric=numeric), key="explore:scatter")


def _boxes(frame: pd.DataFrame, params: list[str], column: str, title: str) -> None:
    """Runs that repeat each other: grouped by name, or by a param."""
    groups = {"name": "name", **{name: name for name in params if frame[name].nunique() <= 30}}
    by = st.selectbox("Repeated runs by", list(groups), key="explore:group", format_func=_short, width=320)
    grouped = pd.DataFrame(
        {
            "group": [excerpt(str(value), limit=40) for value in frame[by].fillna("—")],
            "y": frame[column],
            "run": frame["run_name"],
        }
    )
    sizes = grouped.groupby("group")["y"].agg(["count", "mean", "std"])
    repeated = sizes[sizes["count"] > 1]
    if repeated.empty:
        st.caption(f"No two of these {plural(len(frame), 'run')} share their {_short(by)}.")
        return
    st.altair_chart(charts.boxes(grouped, x=_short(by), y=title), key="explore:boxes")
    lines = sizes.reset_index().rename(columns={"count": "runs", "std": "deviation", "group": _short(by)})
    arrow = lab().direction(column.removeprefix("metrics.")) == "higher"
    st.dataframe(lines.sort_values("mean", ascending=not arrow), hide_index=True, key="explore:sizes", row_height=30)


def _short(name: str) -> str:
    return excerpt(name.partition(".")[2] or name, limit=40)
