"""The profile of a version: hints of leakage first, then distributions, missing values, what goes together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import profile_charts
from formats import NOTHING, excerpt, label, plural, shown
from shared import problem

if TYPE_CHECKING:
    from promptlab.profiles.profile import ColumnProfile, Profile
    from promptlab.tracking.dataset import Dataset

ACROSS = 4
AT_ONCE = 12


def draw(dataset: Dataset) -> None:
    """Draws the stored profile, or says how to make one."""
    profile = dataset.profile
    if profile is None:
        st.caption("No profile yet. A script keeps one with the version, the command line shows one:")
        st.code(
            f"run.log_profile(frame, name={dataset.name!r}, target=...)\n"
            f"promptlab datasets profile {dataset.reference!r} --target COLUMN",
            language="python",
        )
        return
    _facts(profile)
    _hints(profile)
    _distributions(profile)
    _columns(profile.columns)
    _pairs(profile)
    for note in profile.notes:
        st.caption(label(note, limit=200))


def _facts(profile: Profile) -> None:
    cells = profile.rows * max(len(profile.columns), 1)
    facts = [
        plural(profile.rows, "row"),
        plural(profile.width, "column"),
        f"{profile.missing / cells if cells else 0:.1%} of the cells missing",
        f"{plural(profile.duplicates, 'row')} twice" if profile.duplicates else "no row twice",
    ]
    if profile.target is not None:
        facts.append(f"target {label(profile.target, limit=40)}")
    st.caption(" · ".join(facts))


def _hints(profile: Profile) -> None:
    if profile.target is None:
        return
    if not profile.hints:
        st.caption(f":green[:material/check:] No column gives {label(profile.target, limit=40)} away by itself.")
    for hint in profile.hints[:10]:
        problem(hint.words, icon=":orange[:material/warning:]")
    if len(profile.hints) > 10:
        st.caption(f"{len(profile.hints) - 10} more hints are in the profile's JSON.")


def _distributions(profile: Profile) -> None:
    drawn = [
        (column, chart) for column in profile.columns if (chart := profile_charts.distribution(column)) is not None
    ]
    if not drawn:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("##### Distributions")
        first = 0
        if len(drawn) > AT_ONCE:
            starts = list(range(0, len(drawn), AT_ONCE))
            first = st.selectbox(
                "Columns",
                starts,
                key="data:page",
                format_func=lambda start: f"{start + 1} to {min(start + AT_ONCE, len(drawn))} of {len(drawn)}",
                label_visibility="collapsed",
                width=180,
            )
    chosen = drawn[first : first + AT_ONCE]
    for start in range(0, len(chosen), ACROSS):
        places = st.columns(ACROSS)
        for place, (column, chart) in zip(places, chosen[start : start + ACROSS], strict=False):
            with place:
                st.caption(f"**{label(column.name, limit=30)}** · {_said(column)}")
                st.altair_chart(chart, key=f"data:chart:{first}:{column.name}", width="stretch")


def _said(column: ColumnProfile) -> str:
    parts: list[str] = [column.type]
    if column.missing:
        parts.append(f"{column.missing_share:.0%} missing")
    outliers = next((found.count for found in column.outliers if found.rule == "iqr"), 0)
    if outliers:
        parts.append(plural(outliers, "outlier"))
    return ", ".join(parts)


def _columns(columns: Sequence[ColumnProfile]) -> None:
    st.markdown("##### Columns")
    lines = [
        {
            "column": excerpt(column.name, limit=60),
            "type": column.type,
            "missing": column.missing_share,
            "distinct": column.distinct,
            "min": _figure(column.minimum),
            "mean": _figure(column.mean),
            "max": _figure(column.maximum),
            "sd": _figure(column.sd),
            "outliers": next((f"{found.count:,}" for found in column.outliers if found.rule == "iqr"), ""),
            "most frequent": excerpt(
                column.problem or ", ".join(f"{text} ({count:,})" for text, count in column.top[:3]), limit=80
            ),
        }
        for column in columns
    ]
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="data:columns",
        row_height=30,
        height=min(420, 30 * (len(lines) + 1) + 4),
        column_config={
            "missing": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0, width="small"),
            "outliers": st.column_config.TextColumn(help="Values beyond 1.5 interquartile ranges of the quartiles."),
        },
    )


def _pairs(profile: Profile) -> None:
    bars, heat = profile_charts.missing(profile.columns), profile_charts.heat(profile.associations)
    if bars is not None:
        st.markdown("##### Missing values")
        st.altair_chart(bars, key="data:missing", width="stretch")
    if heat is None:
        return
    st.markdown("##### What goes together")
    left, right = st.columns([3, 2])
    left.altair_chart(heat, key="data:heat", width="stretch")
    lines = [
        {
            "column": excerpt(pair.a, limit=40),
            "with": excerpt(pair.b, limit=40),
            "value": f"{pair.value:+.2f}",
            "Spearman": NOTHING if pair.spearman is None else f"{pair.spearman:+.2f}",
            "measure": profile_charts.MEASURES[pair.method],
        }
        for pair in profile.associations[:50]
    ]
    right.dataframe(pd.DataFrame(lines), hide_index=True, key="data:pairs", row_height=30, height=380)


def _figure(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return shown(value[:16].replace("T", " "))
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"
