"""A classic run: params, metrics with curves, tags, artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import bytes_text, excerpt, file_name, measure_text
from shared import guarded, lab, plain

if TYPE_CHECKING:
    from promptlab.store.rows import RunDetail

CURVES = 6
"""Curves that are drawn at once."""
HIDDEN_TAGS = "promptlab."
PREVIEW_BYTES = 4_000
DOWNLOAD_BYTES = 50_000_000


def draw(detail: RunDetail) -> None:
    """Draws what was logged into the run."""
    params, metrics = st.columns(2)
    with metrics:
        _metrics(detail)
    with params:
        _table("Params", "param", detail.params, "run.log_params(...)")
        tags = {key: value for key, value in detail.tags.items() if not key.startswith(HIDDEN_TAGS)}
        if tags:
            _table("Tags", "tag", tags, "run.set_tags(...)")
    _curves(detail)
    if detail.artifacts:
        st.markdown("##### Artifacts")
        lines = [
            {
                "name": excerpt(item.name),
                "size": bytes_text(item.bytes),
                "type": excerpt(item.media_type),
                "SHA-256": item.digest,
            }
            for item in detail.artifacts
        ]
        st.dataframe(pd.DataFrame(lines), hide_index=True, key="artifacts")
        _open_artifact(detail)


@guarded
def _open_artifact(detail: RunDetail) -> None:
    """One artifact chosen: its beginning as text, and the whole of it to download."""
    by_name = {item.name: item for item in detail.artifacts}
    choice, download = st.columns([3, 1], vertical_alignment="bottom")
    name = choice.selectbox("Open", list(by_name), index=None, key="artifact", format_func=excerpt)
    if name is None:
        return
    item = by_name[name]
    with lab().artifact(detail.run.uid, name) as stream:
        beginning = stream.read(PREVIEW_BYTES)
        if item.bytes <= DOWNLOAD_BYTES:
            content = beginning + stream.read()
            download.download_button("Download", content, file_name=file_name(name), mime="application/octet-stream")
        else:
            st.caption(f'Too large to download here; in a script: `lab.artifact("{detail.run.uid[:8]}", ...)`')
    if b"\0" in beginning:
        st.caption("Not text.")
    else:
        plain(beginning.decode("utf-8", "replace"))
        if item.bytes > PREVIEW_BYTES:
            st.caption(f"The first {bytes_text(PREVIEW_BYTES)} of {bytes_text(item.bytes)}.")


def _metrics(detail: RunDetail) -> None:
    st.markdown("##### Metrics")
    if not detail.metrics:
        st.caption("None yet. In the script: `run.log_metrics(accuracy=0.9)`, with `step=` for a curve.")
        return
    arrows = {"higher": "↑", "lower": "↓"}
    lines = []
    for name, summary in detail.metrics.items():
        line = {
            "metric": f"{excerpt(name, limit=40)} {arrows[lab().direction(name)]}",
            "last": measure_text(name, summary.last),
        }
        if any(other.points > 1 for other in detail.metrics.values()):
            line |= {
                "min": measure_text(name, summary.min),
                "max": measure_text(name, summary.max),
                "step": str(summary.step),
            }
        lines.append(line)
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="metrics", row_height=30)


def _table(title: str, column: str, values: dict[str, str] | object, how: str) -> None:
    st.markdown(f"##### {title}")
    pairs = dict(values) if isinstance(values, dict) else {}
    if not pairs:
        st.caption(f"None yet. In the script: `{how}`.")
        return
    lines = [{column: excerpt(name, limit=60), "value": excerpt(value, limit=300)} for name, value in pairs.items()]
    st.dataframe(pd.DataFrame(lines), hide_index=True, key=title, row_height=30)


def _curves(detail: RunDetail) -> None:
    names = [name for name, summary in detail.metrics.items() if summary.points > 1]
    if not names:
        return
    st.markdown("##### Curves")
    chosen = names
    if len(names) > CURVES:
        chosen = st.multiselect("Metrics", names, default=names[:CURVES], key="curves", format_func=excerpt)
    places = st.columns(3 if len(chosen) > 2 else 2)
    for position, name in enumerate(chosen):
        points = lab().metric_history(detail.run.uid, name)
        frame = pd.DataFrame(points, columns=["step", "value"])
        with places[position % len(places)]:
            st.text(excerpt(name, limit=60))
            st.line_chart(frame, x="step", y="value", height=220)
