"""An evaluation's scores by the tags of its cases, a line a tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import matrix
from formats import NOTHING, excerpt, interval_text
from promptlab.suites.cases import tags_in
from shared import lab

if TYPE_CHECKING:
    from promptlab.reports import Report

MOST_TAGS = 100


def draw(report: Report) -> None:
    """Draws the panel where cases have tags; the table is made when it is open."""
    if not any(tags_in(cell.metadata) for cell in report.cells):
        return
    names = matrix.measures(report)
    with st.expander("By tag", key="tags", on_change="rerun") as panel:
        if not panel.open:
            return
        if not names:
            st.caption("No cell has a score yet.")
            return
        measure = st.selectbox(
            "Of",
            names,
            key=f"tags:of:{report.run.uid}",
            format_func=lambda name: excerpt(name, limit=60),
            label_visibility="collapsed",
            width=260,
        )
        found = lab().by_tag(report, str(measure))
        share = matrix.shares(report).get(str(measure), False)
        lines = [
            {"tag": excerpt(one.tag, limit=60), "cases": one.cases}
            | {
                matrix.letter(place): interval_text(str(measure), one.scores.get(variant.id), share=share) or NOTHING
                for place, variant in enumerate(report.variants)
            }
            for one in found[:MOST_TAGS]
        ]
        st.dataframe(pd.DataFrame(lines), hide_index=True, key="tags:table", row_height=30)
        more = f" The first {MOST_TAGS} of {len(found):,} tags." if len(found) > MOST_TAGS else ""
        st.caption(
            "Means with 95% intervals. Among many tags some differ by chance: what stands out here is worth a test on "
            f"new cases.{more}"
        )
