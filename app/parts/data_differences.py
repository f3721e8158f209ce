"""What changed between two versions of a data set: columns, distributions with their tests, rows of cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import NOTHING, excerpt, label, shown
from shared import lab, parameter, set_parameters

if TYPE_CHECKING:
    from promptlab.profiles.differences import ColumnDifference, DataDifferences
    from promptlab.profiles.rows import RowDifferences
    from promptlab.tracking.dataset import Dataset

MOST_CASES = 20_000
"""Cases that are read for a page; the rows of tables, which are elsewhere, never are."""
MARKS = {"same": "", "shifted": "◐", "shifted a lot": "●", "new type": "✎"}


def draw(dataset: Dataset, versions: Sequence[Dataset]) -> None:
    """Draws what changed from another version, which is chosen or named by the address, to this one."""
    others = [version.reference for version in versions if version.reference != dataset.reference]
    named = parameter("against")
    if named and named not in others:
        others.insert(0, lab().dataset(named).reference)
    if not others:
        st.caption("This is its only version. Content that differs makes another one.")
        return
    before = next((version for version in others if version == named), None) or _before(dataset, versions)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("What changed from", width="content")
        chosen = st.selectbox(
            "Version",
            others,
            index=others.index(before),
            key=f"data:against:{dataset.reference}",
            format_func=lambda reference: excerpt(reference, limit=60),
            label_visibility="collapsed",
            width=240,
        )
        st.caption(f"to {label(dataset.reference)}", width="content")
    if chosen != named:
        set_parameters(against=chosen)
    both_cases = dataset.kind == lab().dataset(chosen).kind == "cases"
    _differences(lab().compare_data(chosen, dataset.reference, most_rows=MOST_CASES if both_cases else 0))


def _before(dataset: Dataset, versions: Sequence[Dataset]) -> str:
    """The version before this one, else the next."""
    older = [version for version in versions if version.number < dataset.number]
    newer = [version for version in versions if version.number > dataset.number]
    return (older or newer[::-1])[0].reference


def _differences(found: DataDifferences) -> None:
    st.text(shown(found.sentence))
    lines = [{"": "+", "column": excerpt(name), "what": "new"} for name in found.added]
    lines += [{"": "✕", "column": excerpt(name), "what": "gone"} for name in found.removed]
    lines += [{"": "✎", "column": excerpt(name), "what": f"{old} became {new}"} for name, old, new in found.retyped]
    if lines:
        st.dataframe(
            pd.DataFrame(lines),
            hide_index=True,
            key="data:changed-columns",
            row_height=30,
            column_config={"": st.column_config.TextColumn(width=40)},
        )
    if found.columns:
        _columns(found)
    if found.by_key is not None:
        _rows(found.by_key)
    for note in found.notes:
        st.caption(label(note, limit=300))


def _columns(found: DataDifferences) -> None:
    st.markdown("##### Distributions")
    order = [*found.changed, *(column for column in found.columns if not column.is_changed)]
    st.dataframe(
        pd.DataFrame([_line(column) for column in order]),
        hide_index=True,
        key="data:differences",
        row_height=30,
        height=min(480, 30 * (len(order) + 1) + 4),
        column_config={"": st.column_config.TextColumn(width=40)},
    )
    bases = ", ".join(sorted({column.basis for column in found.columns if column.basis}))
    st.caption(
        f"PSI: population stability index, from {bases or 'nothing'}; shifted from 0.1 on, a lot from 0.25 on, where a "
        f"test (Kolmogorov-Smirnov, chi-squared) agrees at 5% after Holm's adjustment for {len(found.columns)} columns."
    )


def _line(column: ColumnDifference) -> dict[str, object]:
    p_value = column.adjusted_p
    return {
        "": MARKS[column.word],
        "column": excerpt(column.name, limit=60),
        "verdict": f"{column.type_before} → {column.type_after}" if column.word == "new type" else column.word,
        "PSI": NOTHING if column.psi is None else f"{column.psi:.2f}",
        "p, adjusted": NOTHING if p_value is None else "< 0.001" if p_value < 0.001 else f"{p_value:.3f}",
        "missing": _pair(column.missing_before, column.missing_after, "{:.0%}"),
        "mean": _pair(column.mean_before, column.mean_after, "{:,.5g}"),
        "new": excerpt(", ".join(column.new), limit=60),
        "vanished": excerpt(", ".join(column.vanished), limit=60),
    }


def _pair(before: float | None, after: float | None, form: str) -> str:
    if before is None or after is None:
        return NOTHING
    one, other = form.format(before), form.format(after)
    return one if one == other else f"{one} → {other}"


def _rows(rows: RowDifferences) -> None:
    st.markdown("##### Rows")
    st.text(
        shown(
            f"By {', '.join(rows.key)}: {rows.added:,} added, {rows.removed:,} removed, {rows.changed:,} changed, "
            f"{rows.unchanged:,} the same."
        )
    )
    if rows.changes:
        lines = [
            {
                "row": excerpt(change.key, limit=40),
                "column": excerpt(change.column, limit=40),
                "was": excerpt(change.before, limit=120),
                "is": excerpt(change.after, limit=120),
            }
            for change in rows.changes
        ]
        st.dataframe(pd.DataFrame(lines), hide_index=True, key="data:changes", row_height=30)
