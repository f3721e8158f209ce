"""Charts of a profile as Altair draws them: histograms, bars of categories and of missing values, a heat map.

Names that users gave are values of the data here, never field names or expressions, so that Vega shows them as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from formats import excerpt
from promptlab.profiles.profile import Association, ColumnProfile

SMALL = 110
BAR = "#4c78a8"
MOST_BARS = 12
MOST_HEAT = 20
_PLAIN = alt.Axis(title=None, grid=False, labelFontSize=10, tickCount=4, labelOverlap=True)


def distribution(column: ColumnProfile) -> Any | None:
    """A small histogram, or bars of the most frequent values; None where there is nothing to draw."""
    if column.type in ("number", "time", "identifier") and column.histogram is not None:
        return _histogram(column)
    if column.type in ("category", "boolean", "number", "mixed", "text") and len(column.top) > 1:
        return _bars(column)
    return None


def _histogram(column: ColumnProfile) -> Any:
    edges, counts = column.histogram.edges, column.histogram.counts  # type: ignore[union-attr]  # asked before
    time = column.type == "time"
    scale = 1000 if time else 1  # Vega counts milliseconds
    frame = pd.DataFrame({"low": [edge * scale for edge in edges[:-1]], "high": [edge * scale for edge in edges[1:]]})
    frame["count"] = counts
    if time:
        frame["low"] = pd.to_datetime(frame["low"], unit="ms", errors="coerce")
        frame["high"] = pd.to_datetime(frame["high"], unit="ms", errors="coerce")
    kind = "T" if time else "Q"
    axis = _PLAIN if time else alt.Axis(title=None, grid=False, labelFontSize=10, tickCount=4, format="~s")
    tip = "%Y-%m-%d %H:%M" if time else ".4~g"
    return (
        alt.Chart(frame)
        .mark_bar(color=BAR)
        .encode(
            x=alt.X(f"low:{kind}", axis=axis, scale=alt.Scale(zero=False, nice=False)),
            x2="high",
            y=alt.Y("count:Q", axis=None),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip(f"low:{kind}", title="from", format=tip),
                alt.Tooltip(f"high:{kind}", title="to", format=tip),
                alt.Tooltip("count:Q", title="rows", format=","),
            ],
        )
        .properties(height=SMALL)
    )


def _bars(column: ColumnProfile) -> Any:
    frame = pd.DataFrame([(excerpt(text, limit=24), count) for text, count in column.top[:MOST_BARS]])
    frame.columns = pd.Index(["value", "count"])
    frame["place"] = range(len(frame))
    height = max(SMALL, 19 * len(frame) + 8)
    return (
        alt.Chart(frame)
        .mark_bar(color=BAR, size=13)
        .encode(
            x=alt.X("count:Q", axis=None),
            y=alt.Y(
                "value:N",
                sort=alt.EncodingSortField("place"),
                axis=alt.Axis(title=None, labelLimit=110, labelFontSize=10, ticks=False, domain=False),
            ),
            tooltip=[alt.Tooltip("value:N", title="value"), alt.Tooltip("count:Q", title="rows", format=",")],
        )
        .properties(height=height)
    )


def missing(columns: Sequence[ColumnProfile], *, most: int = 30) -> Any | None:
    """A bar a column that misses values, the most first; None where none does."""
    rows = sorted((column for column in columns if column.missing), key=lambda column: -column.missing_share)[:most]
    if not rows:
        return None
    frame = pd.DataFrame(
        [
            {"column": excerpt(column.name, limit=40), "share": column.missing_share, "rows": column.missing}
            for column in rows
        ]
    )
    return (
        alt.Chart(frame)
        .mark_bar(color="#d9822b")
        .encode(
            x=alt.X("share:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", grid=True)),
            y=alt.Y("column:N", sort=None, axis=alt.Axis(title=None, labelLimit=200)),
            tooltip=[
                alt.Tooltip("column:N", title="column"),
                alt.Tooltip("share:Q", title="missing", format=".1%"),
                alt.Tooltip("rows:Q", title="rows", format=","),
            ],
        )
        .properties(height=24 * len(frame) + 40)
    )


def heat(pairs: Sequence[Association]) -> Any | None:
    """The columns of the strongest pairs against each other, coloured by how they go together; None for no pair."""
    names: list[str] = []
    for pair in pairs:
        names += [name for name in (pair.a, pair.b) if name not in names]
    names = names[:MOST_HEAT]
    if not names:
        return None
    shown = {name: f"{excerpt(name, limit=28)}" for name in names}
    rows = []
    for pair in pairs:
        if pair.a in shown and pair.b in shown:
            rows += [_tile(shown[a], shown[b], pair) for a, b in ((pair.a, pair.b), (pair.b, pair.a))]
    frame = pd.DataFrame(rows)
    order = list(dict.fromkeys(shown.values()))
    axis = alt.Axis(title=None, labelLimit=170, labelFontSize=11)
    base = alt.Chart(frame).encode(
        x=alt.X("a:N", sort=order, axis=alt.Axis(title=None, labelAngle=-45, labelLimit=130, labelFontSize=11)),
        y=alt.Y("b:N", sort=order, axis=axis),
    )
    tiles = base.mark_rect().encode(
        color=alt.Color(
            "value:Q",
            scale=alt.Scale(scheme="blueorange", domain=[-1, 1], reverse=True),
            legend=alt.Legend(title=None, orient="right", gradientLength=120),
        ),
        tooltip=[
            alt.Tooltip("a:N", title="column"),
            alt.Tooltip("b:N", title="column"),
            alt.Tooltip("value:Q", title="value", format="+.3f"),
            alt.Tooltip("measure:N", title="measure"),
            alt.Tooltip("rows:Q", title="rows", format=","),
        ],
    )
    layers = [tiles]
    if len(order) <= 14:
        text = base.mark_text(fontSize=10).encode(
            text=alt.Text("value:Q", format=".2f"),
            color=alt.condition("abs(datum.value) > 0.65", alt.value("white"), alt.value("#333")),
        )
        layers.append(text)
    return alt.layer(*layers).properties(height=max(160, 28 * len(order) + 90))


def _tile(a: str, b: str, pair: Association) -> dict[str, Any]:
    return {"a": a, "b": b, "value": pair.value, "measure": MEASURES[pair.method], "rows": pair.n}


MEASURES = {"pearson": "Pearson's r", "cramers_v": "Cramér's V", "correlation_ratio": "correlation ratio"}
"""How strongly two columns go together, in the words of the field."""
