"""Values as people read them: money that is never 0 for unknown, white space that decides a failure made visible."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from promptlab.types import Interval, Score, Usage

NOTHING = "—"
"""Shown where there is no value; unknown money and tokens say `unknown` instead."""

KINDS = {"eval": "evaluation", "prompt": "prompt variant", "train": "training", "try": "try"}
"""Kinds of runs as people call them."""

_SPECIALS = re.compile(r"([!-/:-@\[-`{-~])")
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=[\w-]+\.)", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def label(text: str, *, limit: int = 80) -> str:
    """The text on one line with every character that Markdown could act on escaped, for titles and labels.

    Addresses are broken by an invisible word joiner, since Markdown makes links of them after it has undone escapes.
    """
    return _SPECIALS.sub(r"\\\1", _LINKS.sub("\u2060", excerpt(text, limit=limit)))


def clean(text: str) -> str:
    """The text with control characters spelled out as in source code, so that nothing acts on the screen."""
    return _CONTROL.sub(_escape, text.replace("\r\n", "\n"))


def shown(text: str) -> str:
    """The same, with white space at its ends made visible too: `␣yes⏎`."""
    text = clean(text)
    body = text.strip(" \t\n\r")
    if not body:
        return _spelled(text)
    start = text.index(body)
    return f"{_spelled(text[:start])}{body}{_spelled(text[start + len(body) :])}"


def excerpt(text: str, *, limit: int = 90) -> str:
    """The text on one line of at most `limit` characters, line breaks as ⏎: `a⏎b`."""
    flat = shown(text[: 4 * limit]).replace("\n", "⏎").replace("\t", "⇥")
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def value_text(value: Any) -> str:
    """Any JSON value as text: a text as it is, nothing as "", all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def money(cost_usd: float | None) -> str:
    """A cost in USD: `unknown` for None, `free` for 0."""
    if cost_usd is None:
        return "unknown"
    if cost_usd == 0:
        return "free"
    return f"${cost_usd:.2f}" if cost_usd >= 1 else f"${cost_usd:.2g}" if cost_usd >= 0.0001 else f"${cost_usd:.1e}"


def seconds_text(seconds: float | None) -> str:
    """A latency: `0.42 s`, `12 s`, `3 ms`."""
    if seconds is None:
        return NOTHING
    if seconds < 0.1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def tokens_text(usage: Usage) -> str:
    """Tokens of a call, in and out: `41 → 2 tokens`."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return "tokens unknown"
    return f"{_count(usage.input_tokens)} → {_count(usage.output_tokens)} tokens"


def totals_text(input_tokens: int | None, output_tokens: int | None) -> str:
    """Tokens of many calls, in and out: `2,600 → 128`."""
    if input_tokens is None and output_tokens is None:
        return "unknown"
    return f"{_count(input_tokens)} → {_count(output_tokens)}"


def is_share(values: Iterable[float]) -> bool:
    """Whether all values lie in 0 to 1, so that percent reads best."""
    return all(0.0 <= value <= 1.0 for value in values)


def measure_text(name: str, value: float | None, *, share: bool = False) -> str:
    """A measure's value in the unit that its name says, in percent where it is a share."""
    if value is None:
        return NOTHING
    words = set(re.findall(r"[a-z]+", name.lower()))
    if words & {"seconds", "latency"}:
        return seconds_text(value)
    if words & {"usd", "cost"}:
        return money(value)
    if share:
        return f"{100 * value:.0f}%"
    whole = 10_000 <= abs(value) < 1e15 and value == int(value)
    return f"{value:,.0f}" if whole else f"{value:,.4g}"


def interval_text(name: str, interval: Interval | None, *, share: bool) -> str:
    """A mean with its 95% interval: `67% [55, 77]`."""
    if interval is None or interval.mean is None:
        return NOTHING
    mean = measure_text(name, interval.mean, share=share)
    if interval.low is None or interval.high is None:
        return mean
    low, high = (measure_text(name, bound, share=share).rstrip("%") for bound in (interval.low, interval.high))
    return f"{mean} [{low}, {high}]"


def score_text(score: Score) -> str:
    """A score in one word or number: `✓`, `✗`, `0.31`, or `⚠` where the evaluator failed."""
    if score.error is not None:
        return "⚠"
    if score.passed is not None:
        return "✓" if score.passed else "✗"
    return NOTHING if score.value is None else f"{score.value:,.4g}"


def metrics_text(metrics: Mapping[str, float], *, shares: bool = False, limit: int = 3) -> str:
    """The first few metrics on one line: `accuracy 0.84 · f1 0.83`; shares: values in 0 to 1 as percent."""
    few = [*metrics.items()][:limit]
    parts = (
        f"{excerpt(name, limit=30)} {measure_text(name, value, share=shares and is_share([value]))}"
        for name, value in few
    )
    return " · ".join(parts) or NOTHING


def settings_text(settings: Mapping[str, Any] | None) -> str:
    """Sampling settings on one line: `temperature 0, max_tokens 4`."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in (settings or {}).items())


def when(moment: datetime | None) -> str:
    """A moment in local time, to the minute; empty for None."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def when_iso(moment: str) -> str:
    """The same for a moment as ISO 8601 text."""
    return when(datetime.fromisoformat(moment)) if moment else ""


def bytes_text(size: int) -> str:
    """A size: `512 B`, `3.4 kB`, `93 MB`."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"


def plural(n: int, noun: str, several: str = "") -> str:
    """A count with its noun: `1 case`, `2 cases`; several: a plural that is not the noun with an s."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {several or f'{noun}s'}"


def _count(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"


def _spelled(blank: str) -> str:
    return blank.replace(" ", "␣").replace("\t", "⇥").replace("\n", "⏎")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def file_name(name: str) -> str:
    """A name as a browser may save it under: letters, digits, `.`, `-` and `_`, at most 100 of them.

    Example: file_name("../plots/a b.svg") -> "a_b.svg"
    """
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w.-]", "_", last).lstrip(".")[-100:] or "artifact"
