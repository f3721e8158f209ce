"""Whole-run metrics of an evaluation: a table with intervals, and confusion matrices shaded by the share of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

import matrix
from formats import excerpt, file_name, interval_text, plural
from shared import guarded, lab, plain

if TYPE_CHECKING:
    from promptlab.metrics.base import Confusion
    from promptlab.reports import Report, VariantReport

MOST_LABELS = 30
"""A larger matrix is not drawn; the artifact metrics/confusion_matrix.csv of its variant has it."""


def draw(report: Report) -> None:
    """Draws the metrics of all answers together, of the variants that have any; nothing where none has."""
    variants = report.variants
    if not any(variant.metrics for variant in variants):
        return
    main = list(dict.fromkeys(name for variant in variants for name in variant.whole_run.main))
    every = list(dict.fromkeys(name for variant in variants for name in variant.metrics))
    st.markdown("**Over all answers**", help="Metrics of each variant's answers together, with 95% intervals.")
    st.dataframe(_lines(report, main), hide_index=True, key="whole_run", row_height=30)
    for note in dict.fromkeys(note for variant in variants for note in variant.whole_run.notes):
        plain(note)
    drawn = [(place, confusion) for place, variant in enumerate(variants) for confusion in variant.whole_run.confusions]
    if not drawn and main == every:
        return
    # Its state is kept by its key, so that a rerun does not close it again.
    with st.expander("Confusion matrices and every metric" if drawn else "Every metric"):
        for first in range(0, len(drawn), 2):
            for column, (place, confusion) in zip(st.columns(2), drawn[first : first + 2], strict=False):
                with column:
                    _matrix(matrix.letter(place), variants[place], confusion)
        st.dataframe(_lines_by_metric(report, every), hide_index=True, key="every_metric", row_height=30)


def _lines(report: Report, names: list[str]) -> pd.DataFrame:
    """One line a variant."""
    lines = []
    for place, variant in enumerate(report.variants):
        line: dict[str, Any] = {"": matrix.letter(place), "variant": excerpt(variant.name, limit=60)}
        for name in names:
            share = name in variant.whole_run.shares
            line[excerpt(name, limit=40)] = interval_text(name, variant.metrics.get(name), share=share)
        lines.append(line)
    return pd.DataFrame(lines)


def _lines_by_metric(report: Report, names: list[str]) -> pd.DataFrame:
    """One line a metric, since there may be many."""
    lines = []
    for name in names:
        line: dict[str, Any] = {"metric": excerpt(name, limit=60)}
        for place, variant in enumerate(report.variants):
            share = name in variant.whole_run.shares
            line[matrix.letter(place)] = interval_text(name, variant.metrics.get(name), share=share)
        lines.append(line)
    return pd.DataFrame(lines)


def _matrix(letter: str, variant: VariantReport, confusion: Confusion) -> None:
    total = sum(confusion.counts.values())
    name = f" · {excerpt(confusion.prefix.removesuffix('.'), limit=40)}" if confusion.prefix else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(f"{letter}{name}: expected down, predicted across; {plural(total, 'answer')}", width="content")
        _download(variant, confusion)
    if len(confusion.labels) > MOST_LABELS:
        st.caption(f"{len(confusion.labels)} labels, too many to draw; see the artifact metrics/confusion_matrix.csv.")
        return
    columns = confusion.columns
    rows = [row[: len(columns)] for row in confusion.rows]
    titles = distinct([excerpt(label, limit=24) for label in columns])
    frame = pd.DataFrame(rows, columns=titles)
    shares = [[value / sum(row) if sum(row) else 0.0 for value in row] for row in rows]
    styles = pd.DataFrame(
        [[shade(share, right=down == across) for across, share in enumerate(row)] for down, row in enumerate(shares)],
        columns=titles,
    )
    frame.index = pd.Index(distinct([excerpt(label, limit=24) for label in confusion.labels]), name="expected")
    styles.index = frame.index
    # A Styler cannot be cached or typed by column, and need not be: it is small.
    st.dataframe(frame.style.apply(lambda _: styles, axis=None), row_height=30, width="content")


@guarded
def _download(variant: VariantReport, confusion: Confusion) -> None:
    """The matrix as the artifact that the variant keeps."""
    name = f"metrics/{confusion.prefix}confusion_matrix.csv"
    with lab().artifact(variant.id, name) as stream:
        content = stream.read()
    key = f"matrix:{variant.id}:{confusion.prefix}"
    st.download_button(
        ":material/download: CSV", content, file_name=file_name(name), mime="text/csv", key=key, type="tertiary"
    )


def shade(share: float, *, right: bool) -> str:
    """Green where the prediction is right, red where it is wrong, the stronger the larger the share of its row."""
    red, green, blue = (46, 160, 67) if right else (218, 54, 51)
    return f"background-color: rgba({red}, {green}, {blue}, {0.55 * share:.2f})" if share else ""


def distinct(titles: list[str]) -> list[str]:
    """The titles with a number behind those that are shortened to the same text: a Styler wants each only once."""
    seen: dict[str, int] = {}
    for place, title in enumerate(titles):
        seen[title] = seen.get(title, 0) + 1
        if seen[title] > 1:
            titles[place] = f"{title} ({seen[title]})"
    return titles
