"""Runs: evaluations and classic runs in one list, and a leaderboard over both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from formats import KINDS, NOTHING, excerpt, metrics_text, plural, when
from parts import leaderboard
from shared import RUN, guarded, lab, parameter, selected_row, set_parameters

if TYPE_CHECKING:
    from promptlab.store.rows import RunRow

PAGE = 50
FILTERS = {"All": None, "Evaluations": ["eval"], "Prompt variants": ["prompt"], "Training": ["train"], "Tries": ["try"]}
STATUSES = ["running", "finished", "stopped", "failed", "interrupted", "cancelled"]


@guarded
def show() -> None:
    """Draws the page. Its address: `?before=ID` for older pages, `?metric=NAME` for a leaderboard."""
    st.subheader("Runs", anchor=False)
    listed, board = st.tabs(
        ["List", "Leaderboard"],
        key="runs:tab",
        on_change="rerun",
        default="Leaderboard" if parameter("metric") else None,
    )
    if listed.open:
        with listed:
            _list()
    if board.open:
        with board:
            leaderboard.draw()


def _list() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = st.segmented_control(
            "Kind",
            list(FILTERS),
            default="All",
            required=True,
            key="runs:kind",
            label_visibility="collapsed",
            on_change=_newest,
            persist_state="session",
        )
        status = st.selectbox(
            "Status",
            STATUSES,
            index=None,
            key="runs:status",
            placeholder="any status",
            width=160,
            label_visibility="collapsed",
            on_change=_newest,
            persist_state="session",
        )
        name = st.text_input(
            "Name",
            key="runs:name",
            placeholder="part of the name",
            width=220,
            label_visibility="collapsed",
            on_change=_newest,
            persist_state="session",
            live=True,
        )
    before = int(parameter("before")) if parameter("before").isdecimal() else None
    kinds = FILTERS[kind or "All"]
    found = lab().runs(
        kinds=kinds,
        name_contains=name or None,
        status=status,
        top_level=kinds != ["prompt"],
        limit=PAGE + 1,
        before_id=before,
    )
    rows, more = found[:PAGE], len(found) > PAGE
    if not rows:
        leaderboard.nothing(filtered=bool(name or status or kinds or before))
        return
    key = f"runs:{kind}:{status}:{name}:{before}"
    row = selected_row(key)
    if row is not None and row < len(rows):
        st.session_state.pop(key, None)
        st.switch_page(RUN, query_params={"run": rows[row].uid})
    st.dataframe(
        _frame(rows),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
        height=min(680, 30 * (len(rows) + 1) + 4),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Click a row to open it.", width="content")
        if before is not None:
            st.button("Newest", icon=":material/first_page:", key="runs:newest", on_click=_newest)
        if more:
            st.button(
                "Older",
                icon=":material/chevron_right:",
                key="runs:older",
                on_click=set_parameters,
                kwargs={"before": str(rows[-1].id)},
            )


def _frame(rows: Sequence[RunRow]) -> pd.DataFrame:
    overviews = lab().overviews(rows)
    lines: list[dict[str, Any]] = []
    for row in rows:
        overview = overviews[row.id]
        status = row.status
        if overview.partial:
            status += f" · {overview.ended} of {overview.planned}"
        if overview.errors:
            status += f" · {plural(overview.errors, 'error')}"
        best = "best of " + str(overview.variants) + ": " if overview.variants > 1 and overview.metrics else ""
        lines.append(
            {
                "started": when(row.started_at),
                "kind": KINDS.get(row.kind, row.kind),
                "name": excerpt(row.name, limit=70),
                "status": status,
                "metrics": best + metrics_text(overview.metrics, shares=row.cells_planned is not None),
                "prompt": excerpt(", ".join(overview.prompts), limit=80) or NOTHING,
                "base model": excerpt(", ".join(overview.models), limit=80) or NOTHING,
                "id": row.uid[:8],
            }
        )
    return pd.DataFrame(lines)


def _newest() -> None:
    set_parameters(before=None)


if __name__ == "__main__":
    show()
