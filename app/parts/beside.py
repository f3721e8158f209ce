"""Runs beside each other: what they were given, differences first, and what came out, the best marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import NOTHING, excerpt, measure_text
from parts.metric_curves import names_of

if TYPE_CHECKING:
    from promptlab.side_by_side import Line, SideBySide

_ARROWS = {"higher": "↑", "lower": "↓"}


def draw(side: SideBySide) -> None:
    """Draws params, metrics, and what else differs."""
    titles = names_of(side.runs)
    if side.params:
        params, metrics = st.columns(2)
        with params:
            _lines("Params", side.params, titles, key="beside:params")
    else:
        metrics = st.container()
    with metrics:
        _metrics(side, titles)
    rest = [*(line for line in side.facts if line.differs), *(line for line in side.tags if line.differs)]
    if rest:
        _lines("What else differs", rest, titles, key="beside:rest")
    if side.packages:
        with st.expander(f"Packages that differ: {len(side.packages)}"):
            _lines("", side.packages, titles, key="beside:packages")


def _lines(title: str, lines: Sequence[Line], titles: Sequence[str], *, key: str) -> None:
    if title:
        st.markdown(f"##### {title}")
    differ = [line for line in lines if line.differs]
    same = [line for line in lines if not line.differs]
    shown = differ or same
    st.dataframe(_frame(shown, titles), hide_index=True, key=key, row_height=30)
    if differ and same:
        with st.expander(f"The same in all: {len(same)}"):
            frame = pd.DataFrame(
                [
                    {"name": excerpt(line.name, limit=60), "value": excerpt(line.each[0] or "", limit=200)}
                    for line in same
                ]
            )
            st.dataframe(frame, hide_index=True, key=f"{key}:same", row_height=30)


def _frame(lines: Sequence[Line], titles: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "name": excerpt(line.name, limit=60),
                **{
                    title: NOTHING if value is None else excerpt(value, limit=120)
                    for title, value in zip(titles, line.each, strict=True)
                },
            }
            for line in lines
        ]
    )


def _metrics(side: SideBySide, titles: Sequence[str]) -> None:
    st.markdown("##### Metrics", help="The last value of each; ★ is the best of these runs.")
    if not side.metrics:
        st.caption("None of these runs has metrics.")
        return
    lines = []
    for line in side.metrics:
        shown = [
            NOTHING if value is None else measure_text(line.name, value) + (" ★" if place in line.best else "")
            for place, value in enumerate(line.each)
        ]
        name = f"{excerpt(line.name, limit=40)} {_ARROWS[line.direction] if line.direction else ''}"
        lines.append({"name": name, **dict(zip(titles, shown, strict=True))})
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="beside:metrics", row_height=30)
