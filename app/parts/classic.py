"""A classic run: what was logged into it, from its note to its artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from formats import KINDS, NOTHING, excerpt, measure_text, metrics_text, seconds_text
from parts import about_run, artifacts, evaluated, hypothesis_tests, metric_curves
from promptlab.tracking.direction import is_judged
from shared import RUN, lab, plain, selected_row

if TYPE_CHECKING:
    from promptlab.store.rows import RunDetail, SummaryRow

HIDDEN_TAGS = "promptlab."
SYSTEM = "system/"


def draw(detail: RunDetail) -> None:
    """Draws what was logged into the run."""
    about_run.note(detail)
    own = {name: value for name, value in detail.metrics.items() if not name.startswith(SYSTEM)}
    params, metrics = st.columns(2)
    with metrics:
        _metrics(own)
    with params:
        _table("Params", "param", detail.params, "run.log_params(...)")
        tags = {key: value for key, value in detail.tags.items() if not key.startswith(HIDDEN_TAGS)}
        if tags:
            _table("Tags", "tag", tags, "run.set_tags(...)")
    evaluated.draw([detail])
    _curves(detail, own)
    hypothesis_tests.of_run(detail.run.uid)
    _children(detail)
    _features(detail)
    artifacts.draw(detail)
    _system(detail)
    about_run.environment(detail)


def _metrics(metrics: Mapping[str, SummaryRow]) -> None:
    st.markdown("##### Metrics")
    if not metrics:
        st.caption("None yet. In the script: `run.log_metrics(accuracy=0.9)`, with `step=` for a curve.")
        return
    arrows = {"higher": "↑", "lower": "↓"}
    lines = []
    for name, summary in metrics.items():
        line = {
            "metric": f"{excerpt(name, limit=40)} {arrows[lab().direction(name)] if is_judged(name) else ''}",
            "last": measure_text(name, summary.last),
        }
        if any(other.points > 1 for other in metrics.values()):
            line |= {
                "min": measure_text(name, summary.min),
                "max": measure_text(name, summary.max),
                "step": str(summary.step),
            }
        lines.append(line)
    st.dataframe(
        pd.DataFrame(lines), hide_index=True, key="metrics", row_height=30, height=min(480, 30 * (len(lines) + 1) + 4)
    )


def _table(title: str, column: str, values: Mapping[str, str], how: str) -> None:
    st.markdown(f"##### {title}")
    if not values:
        st.caption(f"None yet. In the script: `{how}`.")
        return
    lines = [{column: excerpt(name, limit=60), "value": excerpt(value, limit=300)} for name, value in values.items()]
    st.dataframe(
        pd.DataFrame(lines), hide_index=True, key=title, row_height=30, height=min(480, 30 * (len(lines) + 1) + 4)
    )


def _curves(detail: RunDetail, metrics: Mapping[str, SummaryRow]) -> None:
    names = [name for name, summary in metrics.items() if summary.points > 1]
    if not names:
        return
    st.markdown("##### Curves")
    metric, axis, smoothing, log = metric_curves.controls("run", names, names[0])
    metric_curves.draw([detail.run], metric, axis=axis, smoothing=smoothing, log=log)


def _children(detail: RunDetail) -> None:
    """The runs within this one: folds, trials, steps."""
    if not detail.children:
        return
    st.markdown("##### Runs within it")
    summaries = lab().summaries([child.id for child in detail.children])
    lines: list[dict[str, Any]] = [
        {
            "run": excerpt(child.name, limit=60),
            "kind": KINDS.get(child.kind, child.kind),
            "status": child.status,
            "took": seconds_text(child.seconds),
            "metrics": metrics_text({k: v for k, v in summaries[child.id].items() if not k.startswith(SYSTEM)}),
            "id": child.uid[:8],
        }
        for child in detail.children
    ]
    row = selected_row("children")
    if row is not None and row < len(detail.children):
        st.session_state.pop("children", None)
        st.switch_page(RUN, query_params={"run": detail.children[row].uid})
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="children",
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
        height=min(420, 30 * (len(lines) + 1) + 4),
    )


def _features(detail: RunDetail) -> None:
    """Features by importance, with the code that makes them."""
    if not detail.features:
        return
    st.markdown("##### Features")
    lines = [
        {
            "feature": excerpt(item.name, limit=60),
            "importance": NOTHING if item.importance is None else f"{item.importance:.4g}",
            "note": excerpt(item.note, limit=120),
            "code": excerpt(item.code, limit=200),
        }
        for item in detail.features
    ]
    row = selected_row("features")
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="features",
        on_select="rerun",
        selection_mode="single-row",
        row_height=30,
        height=min(420, 30 * (len(lines) + 1) + 4),
    )
    if row is not None and row < len(detail.features) and detail.features[row].code:
        plain(detail.features[row].code, language="python")


def _system(detail: RunDetail) -> None:
    """What the machine did meanwhile, folded away."""
    names = [name for name in detail.metrics if name.startswith(SYSTEM)]
    if not names:
        return
    with st.expander("The machine meanwhile", icon=":material/monitor_heart:"):
        for first in range(0, len(names), 2):
            for column, name in zip(st.columns(2), names[first : first + 2], strict=False):
                with column:
                    metric_curves.draw([detail.run], name)
