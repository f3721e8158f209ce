"""How estimators did on their data: confusion matrices side by side, ROC and precision-recall curves, residuals,
importances, drawn from the artifacts of one run or of several.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import charts
from formats import excerpt, plural
from parts.metric_curves import names_of
from parts.whole_run import distinct, shade
from shared import lab

if TYPE_CHECKING:
    from promptlab.store.rows import RunDetail

MOST_BYTES = 5_000_000
MOST_FEATURES = 15
MOST_LABELS = 30
PARTS = ("test", "train")


def draw(details: Sequence[RunDetail]) -> None:
    """Draws what these runs have of it; nothing where none has any."""
    names = [{item.name for item in detail.artifacts} for detail in details]
    parts = [part for part in PARTS if any(name.startswith(f"evaluation/{part}/") for one in names for name in one)]
    if not parts and not any("model/feature_importance.csv" in one for one in names):
        return
    titles = names_of([detail.run for detail in details])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("##### Evaluation")
        part = parts[0] if parts else ""
        if len(parts) > 1:
            part = (
                st.segmented_control(
                    "Part", parts, default=parts[0], required=True, key="evaluated:part", label_visibility="collapsed"
                )
                or part
            )
    _confusions(details, titles, part)
    left, right = st.columns(2)
    with left:
        _rates(details, titles, f"evaluation/{part}/roc_curve.csv", "false_positive_rate", "true_positive_rate")
    with right:
        _rates(details, titles, f"evaluation/{part}/precision_recall_curve.csv", "recall", "precision")
    drawn = any(f"evaluation/{part}/residuals.csv" in one for one in names)
    left, right = st.columns(2)
    if drawn:
        with left:
            _residuals(details, titles, part)
    with right if drawn else left:
        _importance(details, titles)


def _confusions(details: Sequence[RunDetail], titles: Sequence[str], part: str) -> None:
    found = [
        (title, frame)
        for detail, title in zip(details, titles, strict=True)
        if (frame := _read(detail, f"evaluation/{part}/confusion_matrix.csv")) is not None
    ]
    across = min(len(found), 4 if all(len(frame) <= 4 for _, frame in found) else 3)
    for first in range(0, len(found), across or 1):
        for column, (title, frame) in zip(st.columns(across), found[first : first + across], strict=False):
            with column:
                _confusion(title, frame)


def _confusion(title: str, frame: pd.DataFrame) -> None:
    labels = [str(value) for value in frame.iloc[:, 0]]
    counts = frame.iloc[:, 1:].apply(pd.to_numeric, errors="coerce").fillna(0)
    st.text(title)
    st.caption(f"expected down, predicted across; {plural(int(counts.to_numpy().sum()), 'row')}")
    if len(labels) > MOST_LABELS:
        st.caption(f"{len(labels)} labels, too many to draw; the artifact has them.")
        return
    columns = [str(name) for name in counts.columns]
    counts.index = pd.Index(distinct([excerpt(label, limit=24) for label in labels]), name="expected")
    counts.columns = pd.Index(distinct([excerpt(name, limit=24) for name in columns]))
    styles = pd.DataFrame(
        [
            [
                shade(value / total if (total := sum(row)) else 0.0, right=label == name)
                for value, name in zip(row, columns, strict=True)
            ]
            for row, label in zip(counts.to_numpy().tolist(), labels, strict=True)
        ],
        index=counts.index,
        columns=counts.columns,
    )
    st.dataframe(counts.style.format("{:.0f}").apply(lambda _: styles, axis=None), row_height=30, width="content")


def _rates(details: Sequence[RunDetail], titles: Sequence[str], name: str, x: str, y: str) -> None:
    frames = []
    for detail, title in zip(details, titles, strict=True):
        frame = _read(detail, name)
        if frame is not None and {"class", x, y} <= set(frame.columns):
            numbers = frame[[x, y]].apply(pd.to_numeric, errors="coerce")
            frames.append(
                pd.DataFrame(
                    {
                        "run": title,
                        "class": [excerpt(str(value), limit=24) for value in frame["class"]],
                        "place": range(len(frame)),
                        "x": numbers[x],
                        "y": numbers[y],
                    }
                )
            )
    if frames:
        chart = charts.rates(
            pd.concat(frames, ignore_index=True),
            x=x.replace("_", " "),
            y=y.replace("_", " "),
            diagonal=x == "false_positive_rate",
        )
        st.altair_chart(chart, key=f"evaluated:{name}")


def _residuals(details: Sequence[RunDetail], titles: Sequence[str], part: str) -> None:
    frames = []
    for detail, title in zip(details, titles, strict=True):
        frame = _read(detail, f"evaluation/{part}/residuals.csv")
        if frame is not None and {"actual", "predicted"} <= set(frame.columns):
            numbers = frame[["actual", "predicted"]].apply(pd.to_numeric, errors="coerce").dropna()
            frames.append(numbers.assign(run=title))
    if frames:
        st.altair_chart(charts.residuals(pd.concat(frames, ignore_index=True)), key="evaluated:residuals")


def _importance(details: Sequence[RunDetail], titles: Sequence[str]) -> None:
    frames = []
    kinds: list[str] = []
    for detail, title in zip(details, titles, strict=True):
        frame = _read(detail, "model/feature_importance.csv")
        if frame is not None and {"feature", "importance"} <= set(frame.columns):
            first = frame.head(MOST_FEATURES)
            frames.append(
                pd.DataFrame(
                    {
                        "run": title,
                        "feature": [excerpt(str(name), limit=40) for name in first["feature"]],
                        "value": pd.to_numeric(first["importance"], errors="coerce"),
                    }
                )
            )
            kinds += [str(value) for value in frame.get("kind", pd.Series(dtype=str)).head(1)]
    if frames:
        kind = ", ".join(dict.fromkeys(kinds)) or "importance"
        chart = charts.bars(pd.concat(frames, ignore_index=True), title=excerpt(kind.replace("_", " "), limit=60))
        st.altair_chart(chart, key="evaluated:importance")


def _read(detail: RunDetail, name: str) -> pd.DataFrame | None:
    """An artifact as a table of texts; None where the run has none of this name, or it is no table."""
    item = next((item for item in detail.artifacts if item.name == name), None)
    if item is None or item.bytes > MOST_BYTES:
        return None
    return _kept(detail.run.uid, name, item.digest)


@st.cache_data(max_entries=200, show_spinner=False)
def _kept(uid: str, name: str, digest: str) -> pd.DataFrame | None:  # noqa: ARG001 - the digest is the cache's key
    with lab().artifact(uid, name) as stream:
        content = stream.read(MOST_BYTES)
    try:
        return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (ValueError, OSError):
        return None
