"""A profile as one HTML page that opens offline: tables, and plots drawn by matplotlib where that is installed.

Every text is escaped, there is no script, and nothing is fetched.
"""

from __future__ import annotations

import html
import io
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from promptlab.profiles.columns import moment_text
from promptlab.profiles.profile import Association, ColumnProfile, Histogram, Profile

MOST_PLOTS = 60
MOST_ROWS = 200
MOST_HEAT = 20
LONGEST = 80

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --faint: #777; --bar: #4c78a8; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: 13px; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.heat { min-width: 3.2rem; text-align: center; }
.wide { overflow-x: auto; } .faint { color: var(--faint); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
.plot { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .7rem; overflow-wrap: anywhere; }
.plot svg { width: 100%; height: auto; background: #fff; border-radius: 4px; }
.hint { border-left: 4px solid #d95f02; padding: .1rem .8rem; margin: .5rem 0; }
"""


def profile_page(profile: Profile, *, title: str) -> str:
    """The page. Plots of the first 60 columns."""
    plots = _can_draw()
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1>",
        f"<p>{_sentence(profile)}</p>",
        *(f'<p class="faint">{_text(note)}</p>' for note in profile.notes),
    ]
    if not plots:
        parts.append(
            '<p class="faint">Without plots: matplotlib is not installed; '
            "pip install 'promptlab-workbench[science]'</p>"
        )
    parts += _hints(profile)
    parts += _columns(profile)
    if plots:
        parts += _plots(profile)
    parts += _associations(profile)
    return "\n".join([*parts, "</body></html>", ""])


def _sentence(profile: Profile) -> str:
    cells = profile.rows * max(len(profile.columns), 1)
    share = profile.missing / cells if cells else 0.0
    told = f"{profile.rows:,} rows, {profile.width:,} columns, {share:.1%} of the cells missing, "
    told += f"{profile.duplicates:,} rows stand there more than once."
    return told + (f" Target: <b>{_text(profile.target)}</b>." if profile.target is not None else "")


def _hints(profile: Profile) -> list[str]:
    if profile.target is None:
        return []
    told = [f'<div class="hint">{_text(hint.words, 400)}</div>' for hint in profile.hints]
    return ["<h2>Hints of leakage</h2>", *(told or ["<p>No column gives the target away by itself.</p>"])]


def _columns(profile: Profile) -> list[str]:
    heads = ("column", "type", "missing", "distinct", "min", "mean", "max", "sd", "outliers", "most frequent")
    rows = [_row(column) for column in profile.columns[:MOST_ROWS]]
    more = len(profile.columns) - MOST_ROWS
    rest = [f'<p class="faint">{more:,} more columns are in the JSON file.</p>'] if more > 0 else []
    return ["<h2>Columns</h2>", *_table(heads, rows, numbers=range(2, 9)), *rest]


def _row(column: ColumnProfile) -> list[str]:
    outliers = next((found.count for found in column.outliers if found.rule == "iqr"), None)
    top = ", ".join(f"{_text(text, 24)} ({count:,})" for text, count in column.top[:3])
    return [
        _text(column.name),
        column.type,
        f"{column.missing_share:.1%}" if column.missing else "0",
        f"{column.distinct:,}",
        _figure(column.minimum),
        _figure(column.mean),
        _figure(column.maximum),
        _figure(column.sd),
        "" if outliers is None else f"{outliers:,}",
        _text(column.problem) if column.problem else top,
    ]


def _plots(profile: Profile) -> list[str]:
    drawn = [column for column in profile.columns if column.histogram is not None or len(column.top) > 1][:MOST_PLOTS]
    parts = ["<h2>Distributions</h2>", '<div class="plots">']
    for column in drawn:
        bars = column.type in ("category", "boolean", "text") or column.histogram is None
        svg = _bars(column.top[:12]) if bars else _histogram(column.histogram)
        parts.append(
            f'<div class="plot"><b>{_text(column.name)}</b>{svg}<div class="faint">{_legend(column)}</div></div>'
        )
    return [*parts, "</div>"]


def _legend(column: ColumnProfile) -> str:
    if column.type in ("category", "boolean", "text") or column.histogram is None:
        return ", ".join(f"{_text(text, 20)} {count:,}" for text, count in column.top[:6])
    edges = column.histogram.edges
    if column.type == "time":
        return f"{_text(moment_text(edges[0]))} to {_text(moment_text(edges[-1]))}"
    return f"{_figure(column.minimum)} to {_figure(column.maximum)}, median {_figure(column.quantiles.get('50'))}"


def _associations(profile: Profile) -> list[str]:
    if not profile.associations:
        return []
    names = {"pearson": "Pearson's r", "cramers_v": "Cramer's V", "correlation_ratio": "correlation ratio"}
    rows = [
        [
            _text(pair.a),
            _text(pair.b),
            f"{pair.value:.3f}",
            "" if pair.spearman is None else f"{pair.spearman:.3f}",
            names[pair.method],
            f"{pair.n:,}",
        ]
        for pair in profile.associations[:50]
    ]
    heads = ("column", "column", "value", "Spearman", "measure", "rows")
    return [
        "<h2>What goes together</h2>",
        *_heat(profile.associations),
        "<h2>The strongest pairs</h2>",
        *_table(heads, rows, numbers=(2, 3, 5)),
    ]


def _heat(pairs: Sequence[Association]) -> list[str]:
    """A table of the columns that are in the strongest pairs, coloured by strength; the figures stand in it."""
    names: list[str] = []
    for pair in pairs:
        names += [name for name in (pair.a, pair.b) if name not in names]
        if len(names) >= MOST_HEAT:
            break
    names = names[:MOST_HEAT]
    values = {(pair.a, pair.b): pair.value for pair in pairs} | {(pair.b, pair.a): pair.value for pair in pairs}
    parts = ['<div class="wide"><table><tr><th></th>']
    parts += [f"<th>{at}</th>" for at in range(1, len(names) + 1)]
    parts.append("</tr>")
    for at, name in enumerate(names, start=1):
        parts.append(f"<tr><th>{at} {_text(name, 40)}</th>")
        parts += [_cell(values.get((name, other)), same=name == other) for other in names]
        parts.append("</tr>")
    return [*parts, "</table></div>"]


def _cell(value: float | None, *, same: bool) -> str:
    if same or value is None:
        return f'<td class="heat faint">{"" if same else "·"}</td>'
    hue = "76,120,168" if value >= 0 else "217,95,2"
    return f'<td class="heat" style="background: rgba({hue},{min(abs(value), 1.0) * 0.7:.2f})">{value:.2f}</td>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] | range) -> list[str]:
    def cell(tag: str, at: int, text: str) -> str:
        kind = ' class="n"' if at in numbers else ""
        return f"<{tag}{kind}>{text}</{tag}>"

    parts = ['<div class="wide"><table><tr>', *(cell("th", at, head) for at, head in enumerate(heads)), "</tr>"]
    for row in rows:
        parts += ["<tr>", *(cell("td", at, text) for at, text in enumerate(row)), "</tr>"]
    return [*parts, "</table></div>"]


def _can_draw() -> bool:
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def _histogram(histogram: Histogram | None) -> str:
    if histogram is None:
        return ""
    edges = histogram.edges
    widths = [high - low for low, high in itertools.pairwise(edges)]
    return _svg(lambda axes: axes.bar(edges[:-1], histogram.counts, width=widths, align="edge", color="#4c78a8"))


def _bars(top: Sequence[tuple[str, int]]) -> str:
    counts = [count for _, count in top]
    return _svg(lambda axes: axes.bar(range(len(counts)), counts, color="#4c78a8"))


def _svg(draw: Any) -> str:
    """A small plot as inline SVG, without any text: names and figures stand beside it, as text."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2, 1.3))
    axes = figure.add_axes((0.01, 0.03, 0.98, 0.95))
    draw(axes)
    axes.set_axis_off()
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Creator": None, "Date": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _figure(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _text(value[:16].replace("T", " "))
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def _text(value: str, longest: int = LONGEST) -> str:
    """Any text, cut and escaped; what a file cannot hold as a question mark."""
    cut = value if len(value) <= longest else f"{value[: longest - 1]}…"
    plain = "".join(character if character.isprintable() else " " for character in cut)
    return html.escape(plain.encode("utf-8", "replace").decode("utf-8"))
