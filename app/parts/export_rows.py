"""The cells that the matrix shows, as files: CSV for spreadsheets, JSON as `promptlab eval --json` writes cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from formats import plural
from shared import lab

if TYPE_CHECKING:
    import matrix
    from promptlab.reports import Report


def draw(report: Report, rows: Sequence[matrix.Row]) -> None:
    """Draws the panel; a file is made when it is asked for."""
    cells = [cell for row in rows for cell in row.cells.values()]
    name = f"{report.run.uid[:8]}-{len(cells)}-cells"
    with st.popover("Export", icon=":material/download:", key=f"export:{report.run.uid}"):
        st.caption(f"What is shown now: {plural(len(cells), 'cell')} of {plural(len(rows), 'row')}.")
        with st.container(horizontal=True):
            st.download_button(
                "CSV",
                lambda: lab().export(report, cells, form="csv"),
                file_name=f"{name}.csv",
                mime="text/csv",
                key="export:csv",
                on_click="ignore",
                help="Texts that a spreadsheet would run as a formula get an apostrophe",
            )
            st.download_button(
                "JSON",
                lambda: lab().export(report, cells, form="json"),
                file_name=f"{name}.json",
                mime="application/json",
                key="export:json",
                on_click="ignore",
            )
