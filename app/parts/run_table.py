"""The runs of an experiment in one table: the goal first, metrics, the params that differ; some chosen to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from formats import KINDS, NOTHING, excerpt, measure_text, plural, seconds_text, when
from parts import metric_curves
from promptlab.tracking.direction import is_judged
from shared import COMPARE, RUN, lab

if TYPE_CHECKING:
    from promptlab.store.rows import RunRow

PREFERRED = ("test_accuracy", "accuracy", "exact_match", "test_rmse", "val_loss", "loss")
"""Metrics worth opening with, where the experiment has no goal."""
SYSTEM = "system/"
MOST_METRICS = 6
MOST_PARAMS = 8


def metric_names(runs: Sequence[RunRow]) -> list[str]:
    """Every metric of these runs, those of the machine left out: first what most of them have, then by name."""
    values = lab().summaries([run.id for run in runs])
    counts = Counter(name for of_run in values.values() for name in of_run if not name.startswith(SYSTEM))
    return sorted(counts, key=lambda name: (-counts[name], name))


def draw(runs: Sequence[RunRow], goal: str | None, *, filtered: bool) -> None:
    """Draws the table; rows that are ticked can be opened, compared and deleted."""
    if not runs:
        st.caption("No run fits this filter." if filtered else "No runs yet. A script makes one:")
        if not filtered:
            st.code('with lab.run("gbm", experiment="...") as run: run.log_metrics(accuracy=0.9)', language="python")
        return
    ordered = _best_first(runs, goal)
    with st.container(horizontal=True, vertical_alignment="center"):
        actions = st.container(horizontal=True, vertical_alignment="center")
    event = st.dataframe(
        _frame(ordered, goal),
        hide_index=True,
        key="experiment:table",
        on_select="rerun",
        selection_mode="multi-row",
        row_height=30,
        height=min(560, 30 * (len(ordered) + 1) + 4),
    )
    chosen = [ordered[row] for row in event.selection.rows if row < len(ordered)]
    with actions:
        _actions(chosen)


def curves(runs: Sequence[RunRow], goal: str | None) -> None:
    """Draws a metric of the best runs over each other."""
    summaries = _curved(runs)
    if not summaries:
        st.caption("No curve yet: log a metric more than once, with `step=`.")
        return
    first = goal if goal is not None and goal in summaries else summaries[0]
    metric, axis, smoothing, log = metric_curves.controls("experiment", summaries, first)
    best = _best_first(runs, goal)
    metric_curves.draw(best, metric, axis=axis, smoothing=smoothing, log=log)
    if len(best) > metric_curves.MOST_RUNS:
        st.caption(f"The best {metric_curves.MOST_RUNS} by the goal; a filter or Compare chooses others.")


def _curved(runs: Sequence[RunRow]) -> list[str]:
    """Metrics that have more than one value in one of the newest runs."""
    if not runs:
        return []
    return list(lab().side_by_side(*(run.uid for run in runs[: metric_curves.MOST_RUNS])).curves)


def _best_first(runs: Sequence[RunRow], goal: str | None) -> list[RunRow]:
    if goal is None:
        return list(runs)
    values = lab().summaries([run.id for run in runs])
    sign = -1.0 if lab().direction(goal) == "higher" else 1.0

    def rank(run: RunRow) -> tuple[bool, float]:
        value = values[run.id].get(goal)
        missing = value is None or value != value  # noqa: PLR0124 - NaN differs from itself
        return missing, 0.0 if missing or value is None else sign * value

    return sorted(runs, key=rank)


def _frame(runs: Sequence[RunRow], goal: str | None) -> pd.DataFrame:
    values = lab().summaries([run.id for run in runs])
    names = [name for name in metric_names(runs) if name != goal][: MOST_METRICS - 1]
    params = _differing_params(runs)
    marks = {"higher": "↑", "lower": "↓"}
    lines: list[dict[str, Any]] = []
    for place, run in enumerate(runs):
        line: dict[str, Any] = {"": "★" if place == 0 and goal is not None and goal in values[run.id] else ""}
        line["run"] = excerpt(run.name, limit=60)
        for name in [*([goal] if goal else []), *names]:
            title = f"{excerpt(name, limit=30)} {marks[lab().direction(name)] if is_judged(name) else ''}"
            value = values[run.id].get(name)
            line[title] = NOTHING if value is None else measure_text(name, value)
        for name in params:
            line[excerpt(name, limit=30)] = excerpt(params[name].get(run.id, ""), limit=60)
        line |= {
            "status": run.status,
            "started": when(run.started_at),
            "took": seconds_text(run.seconds),
            "kind": KINDS.get(run.kind, run.kind),
            "id": run.uid[:8],
        }
        lines.append(line)
    return pd.DataFrame(lines)


def _differing_params(runs: Sequence[RunRow]) -> Mapping[str, Mapping[int, str]]:
    """Params that have several values: name -> run id -> value."""
    params = lab().params([run.id for run in runs])
    by_name: dict[str, dict[int, str]] = {}
    for run_id, of_run in params.items():
        for name, value in of_run.items():
            by_name.setdefault(name, {})[run_id] = value
    differing = {name: values for name, values in by_name.items() if len(set(values.values())) > 1}
    return dict(list(differing.items())[:MOST_PARAMS])


def _actions(chosen: Sequence[RunRow]) -> None:
    if not chosen:
        st.caption("Tick a run to open it, several to compare them.", width="content")
        return
    st.caption(plural(len(chosen), "run"), width="content")
    if len(chosen) == 1:
        st.page_link(RUN, label="Open", icon=":material/open_in_new:", query_params={"run": chosen[0].uid})
    else:
        uids = ",".join(run.uid[:12] for run in chosen)
        st.page_link(COMPARE, label="Compare", icon=":material/compare_arrows:", query_params={"runs": uids})
    st.button(
        "Delete",
        key="experiment:delete-runs",
        on_click=_delete,
        args=([run.uid for run in chosen],),
        type="tertiary",
        help="Hides them; `promptlab runs restore ID` brings them back.",
    )


def _delete(uids: Sequence[str]) -> None:
    for uid in uids:
        lab().delete_run(uid)
