"""Experiments: all of them, or one with its runs, curves, params and history. `?experiment=NAME&filter=TEXT`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import NOTHING, excerpt, label, plural, shown, when
from parts import explore, hypothesis_tests, run_table, timeline
from promptlab.errors import FilterError
from shared import EXPERIMENTS, guarded, lab, parameter, plain, selected_row, set_parameters

if TYPE_CHECKING:
    from promptlab.store.rows import ExperimentRow, RunRow
    from promptlab.tracking.found_runs import FoundRuns

SHOWN = 200  # runs of one page
TOP = "kind = 'prompt' or (parent is null and kind != 'eval')"  # variants for their evaluation, no folds
EXAMPLE = "metrics.accuracy > 0.9 and (params.model = 'svc' or tags.team in ('a', 'b'))"


@guarded
def show() -> None:
    """Draws the experiment that the address names, else the list of all."""
    name = parameter("experiment")
    if name:
        _one(lab().experiments.get(name))
    else:
        _all()


def _all() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Experiments", anchor=False, width="content")
        deleted = st.toggle("Deleted", key="experiments:deleted")
    rows = lab().experiments.list(deleted=deleted)
    if not rows:
        st.caption("None is deleted." if deleted else "None yet.")
        return
    key = f"experiments:{deleted}"
    row = selected_row(key)
    if row is not None and row < len(rows):
        st.session_state.pop(key, None)
        st.switch_page(EXPERIMENTS, query_params={"experiment": rows[row].name})
    lines = [
        {
            "experiment": excerpt(one.name),
            "runs": one.runs,
            "newest run": when(one.active_at) or NOTHING,
            "goal": excerpt(one.goal or "", limit=40) or NOTHING,
            "description": excerpt(one.description, limit=120),
        }
        for one in rows
    ]
    st.dataframe(
        pd.DataFrame(lines), hide_index=True, key=key, on_select="rerun", selection_mode="single-cell", row_height=30
    )
    st.caption("Click a row to open it. A script makes one by naming it:")
    st.code('with lab.run("gbm", experiment="churn", params={"depth": 3}) as run: ...', language="python")


def _one(row: ExperimentRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(EXPERIMENTS, label="Experiments", icon=":material/arrow_back:")
        st.subheader(label(row.name), anchor=False, width="content")
        st.caption(plural(row.runs, "run") + (" · :orange[deleted]" if row.deleted_at else ""), width="content")
    if row.description:
        st.text(shown(row.description))
    text = _filter()
    found = _found(row.name, text)
    runs = list(found)
    goal = _goal(row, runs)
    if found.next:
        st.caption(f"The newest {SHOWN} are shown; a filter finds the others.")
    titles = ["Runs", "Curves", "Params", "Over time", "Tests", "Settings"]
    listed, curved, explored, over_time, tested, about = st.tabs(titles, key="experiment:tab", on_change="rerun")
    if listed.open:
        with listed:
            run_table.draw(runs, goal, filtered=bool(text))
    if curved.open:
        with curved:
            run_table.curves(runs, goal)
    if explored.open:
        with explored:
            explore.draw(found, goal)
    if over_time.open:
        with over_time:
            timeline.draw(runs, goal)
    if tested.open:
        with tested:
            hypothesis_tests.draw(lab().tests(row.name, limit=SHOWN), key=f"tests:{row.name}")
    if about.open:
        with about:
            _settings(row)


def _found(experiment: str, text: str) -> FoundRuns:
    """The runs that fit; all of them, and what is wrong, where the filter cannot be read."""
    parts = st.session_state.get("experiment:parts", False)
    try:
        lab().search(text, limit=1)
    except FilterError as error:
        st.error("The filter cannot be read; below are all runs.", icon=":material/error:")
        plain(str(error))
        text = ""
    whole = " and ".join(f"({part})" for part in (text, "" if parts else TOP) if part)
    return lab().search(whole, experiment=experiment, limit=SHOWN)


def _filter() -> str:
    """The filter that the address keeps, in a field."""
    if "experiment:filter" not in st.session_state:
        st.session_state["experiment:filter"] = parameter("filter")
    with st.container(horizontal=True, vertical_alignment="center"):
        text = st.text_input(
            "Filter",
            key="experiment:filter",
            placeholder=f"filter: {EXAMPLE}",
            label_visibility="collapsed",
            on_change=_keep_filter,
        )
        st.toggle("Parts", key="experiment:parts", help="Also runs within runs: folds, trials, steps.")
    return text or ""


def _keep_filter() -> None:
    set_parameters(filter=st.session_state["experiment:filter"] or None)


def _goal(row: ExperimentRow, runs: Sequence[RunRow]) -> str | None:
    """The metric that runs are compared by: as the experiment says, else as the user chooses for now."""
    names = run_table.metric_names(runs)
    if not names:
        return row.goal
    first = row.goal if row.goal in names else next((name for name in names if name in run_table.PREFERRED), names[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        goal = st.selectbox(
            "Goal",
            names,
            index=names.index(first),
            key=f"experiment:goal:{row.name}",
            format_func=excerpt,
            width=280,
            label_visibility="collapsed",
        )
        direction = lab().direction(goal)
        st.caption(f"{'↑' if direction == 'higher' else '↓'} {direction} is better", width="content")
        if goal != row.goal:
            st.button(
                "Make it the goal",
                key="experiment:set-goal",
                on_click=lab().experiments.set_goal,
                args=(row.name, goal),
                help="Keeps this metric as what the runs of this experiment are compared by.",
                type="tertiary",
            )
    return goal


def _settings(row: ExperimentRow) -> None:
    """Name, description, and whether it is shown."""
    name = st.text_input("Name", row.name, key=f"experiment:name:{row.id}", disabled=row.id == 0)
    description = st.text_area("Description", row.description, key=f"experiment:description:{row.id}")
    with st.container(horizontal=True):
        if st.button("Save", key="experiment:save", type="primary"):
            lab().experiments.describe(row.name, description or "")
            if name and name != row.name:
                lab().experiments.rename(row.name, name)
            set_parameters(experiment=name or row.name)
            st.rerun()
        if row.deleted_at is not None:
            st.button("Restore", key="experiment:restore", on_click=lab().experiments.restore, args=(row.name,))
        elif row.id != 0:
            st.button(
                "Delete",
                key="experiment:delete",
                on_click=lab().experiments.delete,
                args=(row.name,),
                help="Hides it with its runs; nothing is lost, and Restore brings it back.",
                type="tertiary",
            )


if __name__ == "__main__":
    show()
