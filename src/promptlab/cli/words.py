"""Numbers, times, costs and foreign text as a terminal shows them."""

from __future__ import annotations

import re
from datetime import datetime

from promptlab.statistics.quantities import POINTS, number, unit_of
from promptlab.types import Interval

ABSENT = "-"
_RANGE = "\N{EN DASH}"

# Escape sequences of a terminal: CSI, OSC and other strings with their end, single-character ones.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x1b\\|\x07|$)|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)
# Control characters but tab and newline, marks that turn the direction of text around, lone surrogates.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_FREE_PROVIDERS = ("local", "fake", "python")


def plain(text: str) -> str:
    """Foreign text without anything that a terminal would obey; tabs and newlines stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def excerpt(text: str, length: int = 80) -> str:
    """The text on one line, newlines shown as ⏎, cut to a length in characters."""
    line = plain(text).replace("\n", "⏎").replace("\t", " ")
    return line if len(line) <= length else line[: length - 1] + "…"


def score(measure: str, interval: Interval | None, *, shares: bool) -> tuple[str, str]:
    """A mean and its 95% interval as two texts: `78.1%` and `66.6-86.5` for shares, else in the measure's unit."""
    if interval is None or interval.mean is None:
        return ABSENT, ""
    unit = unit_of(measure, shares=shares)
    low, high = interval.low, interval.high
    if unit is POINTS:
        span = "" if low is None or high is None else f"{100 * low:.1f}{_RANGE}{100 * high:.1f}"
        return f"{100 * interval.mean:.1f}%", span
    if low is None or high is None or low == high:
        return unit.said(interval.mean), ""
    half = (high - low) / 2
    span = f"{number(low, unit, half_width=half)}{_RANGE}{number(high, unit, half_width=half)}"
    return unit.said(interval.mean, half_width=half), span


def value(measure: str, number_of: float, *, shares: bool = False) -> str:
    """A value without an interval, in the measure's unit."""
    return score(measure, Interval(number_of, None, None, 1), shares=shares)[0]


def latency(seconds: float | None) -> str:
    """A time as people read it: `420 ms`, `4.2 s`, `2 min 3 s`; `-` for None."""
    if seconds is None:
        return ABSENT
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def duration(seconds: float) -> str:
    """A time that is only guessed, in its largest unit: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def tokens(count: int | None) -> str:
    """A number of tokens; `-` where nobody counted them."""
    return ABSENT if count is None else f"{count:,}"


def cost(usd: float | None, *, model: str | None = None) -> str:
    """A cost: `free` for models that run here, `unknown` where it is; never 0 for unknown."""
    if usd is None:
        return "unknown"
    if usd == 0 and model is not None and model.partition(":")[0] in _FREE_PROVIDERS:
        return "free"
    if usd == 0:
        return "$0"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.2g}" if usd < 0.001 else f"${usd:.4f}"


def size(count: int) -> str:
    """Bytes as people read them: `93 MB`."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def plural(count: int, noun: str) -> str:
    """`1 case`, `1,200 cases`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def when(moment: datetime | str | None) -> str:
    """A moment in local time, `2026-11-23 22:14`; `-` where there is none."""
    if not moment:
        return ABSENT
    try:
        known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        return str(moment)
    return known.astimezone().strftime("%Y-%m-%d %H:%M")
