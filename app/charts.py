"""Charts of runs as Altair draws them: curves with their bands, points, parallel axes, boxes, intervals over time.

Names that users gave are values of the data here, never field names or expressions, so that Vega shows them as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

HEIGHT = 340
_RUN = alt.Color(
    "run:N",
    title=None,
    scale=alt.Scale(scheme="tableau20"),
    legend=alt.Legend(orient="right", labelLimit=260, symbolOpacity=1, symbolType="stroke"),
)
_FILLED = alt.Color("run:N", title=None, scale=alt.Scale(scheme="tableau20"), legend=alt.Legend(orient="right"))
_NUMBER = ".4~g"


def curves(frame: pd.DataFrame, *, x: str, y: str, log: bool = False, legend: bool = True) -> Any:
    """Lines of means, with a band from the lowest to the highest value where a point stands for several.

    frame: run, place, mean, low, high, and count, one row a point of a run's curve.
    """
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
    color = _RUN if legend else alt.value("#4c78a8")
    base = alt.Chart(frame)
    band = base.mark_area(opacity=0.18).encode(
        x=alt.X("place:Q", title=x),
        y=alt.Y("low:Q", title=y, scale=scale),
        y2="high:Q",
        color=color,
    )
    line = base.mark_line(point=len(frame) <= 60, strokeWidth=1.8).encode(
        x=alt.X("place:Q", title=x),
        y=alt.Y("mean:Q", title=y, scale=scale),
        color=color,
        tooltip=[
            alt.Tooltip("run:N", title="run"),
            alt.Tooltip("place:Q", title=x),
            alt.Tooltip("mean:Q", title=y, format=_NUMBER),
            alt.Tooltip("count:Q", title="values"),
        ],
    )
    return alt.layer(band, line).properties(height=HEIGHT)


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving averages without a start at zero; weight 0 leaves all as it is. NaN stays and is skipped."""
    found, average, share = [], 0.0, 0.0
    for value in values:
        if math.isnan(value) or math.isinf(value):
            found.append(value)
            continue
        average = weight * average + (1 - weight) * value
        share = weight * share + (1 - weight)
        found.append(average / share)
    return found


def scatter(frame: pd.DataFrame, *, x: str, y: str, numeric: bool) -> Any:
    """A point a run. frame: run, x, y, colour."""
    return (
        alt.Chart(frame)
        .mark_circle(size=90, opacity=0.75)
        .encode(
            x=alt.X("x:Q" if numeric else "x:N", title=x, scale=alt.Scale(zero=False) if numeric else alt.Undefined),
            y=alt.Y("y:Q", title=y, scale=alt.Scale(zero=False)),
            color=alt.Color("y:Q", title=None, legend=None, scale=alt.Scale(scheme="viridis")),
            tooltip=[
                alt.Tooltip("run:N", title="run"),
                alt.Tooltip("x:Q" if numeric else "x:N", title=x),
                alt.Tooltip("y:Q", title=y, format=_NUMBER),
            ],
        )
        .properties(height=HEIGHT)
    )


def parallel(axes: Mapping[str, Sequence[Any]], runs: Sequence[str], goal: Sequence[float], *, title: str) -> Any:
    """A line a run across one axis a column, coloured by the goal.

    axes: by its title the value of each run, numbers or texts; None breaks the line. Every axis is drawn at its own
    scale, its ends and classes written beside it.
    """
    rows, labels = [], []
    for place, (name, values) in enumerate(axes.items()):
        positions, marks = _axis(values)
        labels += [{"axis": name, "place": place, "position": position, "label": text} for position, text in marks]
        rows += [
            {"axis": name, "place": place, "position": position, "run": run, "goal": score, "value": str(value)}
            for run, score, value, position in zip(runs, goal, values, positions, strict=True)
            if position is not None
        ]
    axis = alt.X("place:O", title=None, axis=alt.Axis(labels=False, ticks=False, domain=False, grid=True))
    lines = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(strokeWidth=1.6, opacity=0.7)
        .encode(
            x=axis,
            y=alt.Y("position:Q", axis=None),
            detail="run:N",
            color=alt.Color("goal:Q", title=title, scale=alt.Scale(scheme="viridis")),
            tooltip=[
                alt.Tooltip("run:N", title="run"),
                alt.Tooltip("axis:N", title="axis"),
                alt.Tooltip("value:N", title="value"),
                alt.Tooltip("goal:Q", title="goal", format=_NUMBER),
            ],
        )
    )
    ticks = (
        alt.Chart(pd.DataFrame(labels))
        .mark_text(align="left", dx=5, fontSize=11)
        .encode(x=axis, y=alt.Y("position:Q", axis=None), text="label:N")
    )
    heads = pd.DataFrame([{"place": place, "axis": name} for place, name in enumerate(axes)])
    names = (
        alt.Chart(heads)
        .mark_text(align="center", baseline="bottom", fontWeight="bold", dy=-6)
        .encode(x=axis, y=alt.value(0), text="axis:N")
    )
    return alt.layer(lines, ticks, names).properties(height=HEIGHT)


def boxes(frame: pd.DataFrame, *, x: str, y: str) -> Any:
    """A box a group, each run a point, the mean with one standard deviation beside it. frame: group, y, run."""
    group = alt.X("group:N", title=x, axis=alt.Axis(labelAngle=-20, labelLimit=160))
    scale = alt.Scale(zero=False)
    box = alt.Chart(frame).mark_boxplot(opacity=0.35, size=34).encode(x=group, y=alt.Y("y:Q", title=y, scale=scale))
    points = (
        alt.Chart(frame)
        .mark_circle(size=45)
        .encode(
            x=group,
            y=alt.Y("y:Q", scale=scale),
            tooltip=[alt.Tooltip("run:N", title="run"), alt.Tooltip("y:Q", title=y, format=_NUMBER)],
        )
    )
    mean = (
        alt.Chart(frame)
        .mark_errorbar(extent="stdev", ticks=True, color="#d9822b")
        .encode(x=group, y=alt.Y("y:Q", title=y, scale=scale))
    )
    return alt.layer(box, points, mean).properties(height=HEIGHT)


def rates(frame: pd.DataFrame, *, x: str, y: str, diagonal: bool) -> Any:
    """Curves of rates from 0 to 1, one a run and class, in their order. frame: run, class, place, x, y.

    diagonal: also the line of a guess.
    """
    several = len(set(frame["class"])) > 1
    scale = alt.Scale(domain=[0, 1])
    line = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("x:Q", title=x, scale=scale),
            y=alt.Y("y:Q", title=y, scale=scale),
            order="place:Q",
            color=_RUN,
            strokeDash=alt.StrokeDash("class:N", title="class") if several else alt.value([1, 0]),
            tooltip=[alt.Tooltip("run:N", title="run"), alt.Tooltip("class:N", title="class")],
        )
    )
    if not diagonal:
        return line.properties(height=HEIGHT)
    ends = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
    guess = alt.Chart(ends).mark_line(color="gray", strokeDash=[4, 4], opacity=0.6).encode(x="x:Q", y="y:Q")
    return alt.layer(guess, line).properties(height=HEIGHT)


def residuals(frame: pd.DataFrame) -> Any:
    """Predictions against what was, a point a row, and the line where both agree. frame: run, actual, predicted."""
    low = float(min(frame["actual"].min(), frame["predicted"].min()))
    high = float(max(frame["actual"].max(), frame["predicted"].max()))
    scale = alt.Scale(domain=[low, high], nice=True)
    points = (
        alt.Chart(frame)
        .mark_circle(size=36, opacity=0.55)
        .encode(
            x=alt.X("actual:Q", scale=scale),
            y=alt.Y("predicted:Q", scale=scale),
            color=_FILLED,
            tooltip=[
                alt.Tooltip("run:N", title="run"),
                alt.Tooltip("actual:Q", format=_NUMBER),
                alt.Tooltip("predicted:Q", format=_NUMBER),
            ],
        )
    )
    ends = pd.DataFrame({"actual": [low, high], "predicted": [low, high]})
    same = alt.Chart(ends).mark_line(color="gray", strokeDash=[4, 4]).encode(x="actual:Q", y="predicted:Q")
    return alt.layer(same, points).properties(height=HEIGHT)


def cumulative(frame: pd.DataFrame, *, x: str) -> Any:
    """Steps of the share of values at or below each value, a line a run. frame: run, value, share."""
    return (
        alt.Chart(frame)
        .mark_line(interpolate="step-after", strokeWidth=1.8)
        .encode(
            x=alt.X("value:Q", title=x, scale=alt.Scale(zero=False)),
            y=alt.Y("share:Q", title="share of cells", scale=alt.Scale(domain=[0, 1])),
            color=_RUN,
            tooltip=[
                alt.Tooltip("run:N"),
                alt.Tooltip("value:Q", format=_NUMBER),
                alt.Tooltip("share:Q", format=".0%"),
            ],
        )
        .properties(height=HEIGHT - 100)
    )


def bars(frame: pd.DataFrame, *, title: str) -> Any:
    """Bars of the importance of features, the most important first, one colour a run. frame: run, feature, value."""
    order = frame.groupby("feature")["value"].max().sort_values(ascending=False).index.tolist()
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y("feature:N", sort=order, title=None, axis=alt.Axis(labelLimit=200)),
            x=alt.X("value:Q", title=title),
            yOffset="run:N",
            color=_FILLED,
            tooltip=[
                alt.Tooltip("run:N", title="run"),
                alt.Tooltip("feature:N", title="feature"),
                alt.Tooltip("value:Q", title=title, format=_NUMBER),
            ],
        )
        .properties(height=max(120, 22 * len(order)))
    )


def over_time(frame: pd.DataFrame, *, y: str) -> Any:
    """A metric of runs by the time they started, with intervals. frame: started, value, low, high, run, data, mark."""
    start = alt.X("started:T", title=None, axis=alt.Axis(format="%m-%d %H:%M", labelOverlap=True, tickCount=8))
    scale = alt.Scale(zero=False)
    color = alt.Color("data:N", title="data", legend=alt.Legend(orient="right", labelLimit=220))
    bars = (
        alt.Chart(frame)
        .mark_rule(opacity=0.6)
        .encode(x=start, y=alt.Y("low:Q", title=y, scale=scale), y2="high:Q", color=color)
    )
    line = alt.Chart(frame).mark_line(opacity=0.3, color="gray").encode(x=start, y=alt.Y("value:Q", scale=scale))
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=80)
        .encode(
            x=start,
            y=alt.Y("value:Q", title=y, scale=scale),
            color=color,
            shape=alt.Shape("mark:N", title=None, legend=alt.Legend(orient="right")),
            tooltip=[
                alt.Tooltip("run:N", title="run"),
                alt.Tooltip("started:T", title="started", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("value:Q", title=y, format=_NUMBER),
                alt.Tooltip("data:N", title="data"),
            ],
        )
    )
    return alt.layer(line, bars, points).properties(height=HEIGHT)


def _axis(values: Sequence[Any]) -> tuple[list[float | None], list[tuple[float, str]]]:
    """Where each value stands on an axis from 0 to 1, and what is written along it."""
    real = [value for value in values if _is_number(value)]
    if real and all(value is None or _is_number(value) for value in values):
        low, high = min(real), max(real)
        width = high - low or 1.0
        places = [(value - low) / width if value is not None else None for value in values]
        marks = [(0.0, f"{low:.4g}")] if low == high else [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")]
        return places, marks
    classes = sorted({str(value) for value in values if value is not None})
    step = 1.0 / max(1, len(classes) - 1)
    at = {name: place * step for place, name in enumerate(classes)}
    shown = [(at[name], name[:18] + ("…" if len(name) > 18 else "")) for name in classes[:12]]
    return [None if value is None else at[str(value)] for value in values], shown


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
