"""The leaderboard: prompt variants and training runs in one table, best first by one metric."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from formats import KINDS, NOTHING, excerpt, when
from parts import shared_board
from shared import RUN, lab, parameter, selected_row, set_parameters


def draw() -> None:
    """Draws the leaderboard of one metric, which the address keeps."""
    names = list(lab().metric_names())
    if not names:
        nothing(filtered=False)
        return
    if "board:metric" not in st.session_state:
        asked = parameter("metric")
        st.session_state["board:metric"] = asked if asked in names else _main(names)
    with st.container(horizontal=True, vertical_alignment="center"):
        metric = st.selectbox(
            "Metric",
            names,
            key="board:metric",
            format_func=excerpt,
            width=260,
            label_visibility="collapsed",
            on_change=_keep_metric,
        )
        direction = lab().direction(metric)
        arrow = "↑" if direction == "higher" else "↓"
        dataset = _data()
        where = "on the same cases" if dataset else "on whatever data each was measured"
        st.caption(f"{arrow} {direction} is better. Prompt variants and training runs, {where}.")
    if dataset:
        shared_board.draw(dataset, metric)
        return
    places = lab().leaderboard(metric)
    key = f"board:{metric}"
    row = selected_row(key)
    if row is not None and row < len(places):
        st.session_state.pop(key, None)
        st.switch_page(RUN, query_params={"run": places[row].run.uid})
    lines = [
        {
            "": position,
            f"{excerpt(metric, limit=40)} {arrow}": place.value,
            "name": excerpt(place.run.name, limit=80),
            "kind": KINDS.get(place.run.kind, place.run.kind),
            "prompt": place.run.prompt_reference or NOTHING,
            "base model": excerpt(place.run.model or "", limit=60) or NOTHING,
            "started": when(place.run.started_at),
            "id": place.run.uid[:8],
        }
        for position, place in enumerate(places, start=1)
    ]
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
        column_config={
            "": st.column_config.NumberColumn(width=36),
            f"{excerpt(metric, limit=40)} {arrow}": st.column_config.NumberColumn(format="%.4g"),
        },
    )


def _data() -> str:
    """The data set on whose cases runs are to be ranked; empty for any."""
    names = list(dict.fromkeys(item.name for item in lab().datasets() if item.kind == "cases"))
    if not names:
        return ""
    options = ["", *names]
    asked = parameter("on")
    return str(
        st.selectbox(
            "On",
            options,
            index=options.index(asked) if asked in options else 0,
            key="board:data",
            format_func=lambda name: f"on the cases of {excerpt(name, limit=60)}" if name else "on any data",
            width=240,
            label_visibility="collapsed",
            on_change=lambda: set_parameters(on=st.session_state["board:data"] or None),
        )
        or ""
    )


def _main(names: Sequence[str]) -> str:
    """A metric worth opening with: an evaluator or a metric of a model, not what every run counts."""
    counted = {"latency_seconds", "input_tokens", "output_tokens", "cost_usd", "errors", "latency", "cost"}
    preferred = ("exact_match", "accuracy")
    return next(
        (name for name in (*(name for name in preferred if name in names), *names) if name not in counted), names[0]
    )


def _keep_metric() -> None:
    set_parameters(metric=st.session_state["board:metric"])


def nothing(*, filtered: bool) -> None:
    """Says what to do where there is no run to show."""
    if filtered:
        st.caption("No run fits these filters.")
        return
    st.caption("No runs yet. Run a suite in a terminal, and it appears here while it runs:")
    st.code("promptlab eval evals/sentiment.yaml", language="shell")
    st.caption("A classic training run stands beside it:")
    st.code('with lab.run("churn", params={"depth": 3}) as run:\n    run.log_metrics(accuracy=0.91)', language="python")
