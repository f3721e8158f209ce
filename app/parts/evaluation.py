"""An evaluation's summary: variants with intervals, the verdicts in words, gates, errors; partial said loudly."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

import matrix
from formats import (
    NOTHING,
    excerpt,
    interval_text,
    label,
    measure_text,
    money,
    plural,
    seconds_text,
    settings_text,
    totals_text,
)
from parts import distributions, run_control, tags, whole_run
from promptlab.errors import ComparisonError
from promptlab.types import ANSWER_STATUSES
from shared import comparison, plain, problem

if TYPE_CHECKING:
    from promptlab.compare import Comparison
    from promptlab.reports import Report, VariantReport

WORDS = {
    "better": ":green[:material/trending_up:]",
    "worse": ":red[:material/trending_down:]",
    "tied": ":gray[:material/drag_handle:]",
    "too few": ":orange[:material/hourglass_empty:]",
}


def draw(report: Report) -> None:
    """Draws all that stands above the matrix."""
    run_control.draw(report)
    table = st.container()
    compared = _comparison(report)
    best = compared.best.id if compared else None
    table.dataframe(
        _summary(report, best),
        hide_index=True,
        key="summary",
        row_height=30,
        column_config={"": st.column_config.TextColumn(width=36), "errors": st.column_config.TextColumn(width="small")},
    )
    whole_run.draw(report)
    if report.cells:
        distributions.draw(report)
        tags.draw(report)
    _gates(report)
    _errors(report)


def _summary(report: Report, best: str | None) -> pd.DataFrame:
    shares = matrix.shares(report)
    names = matrix.measures(report)
    shared_settings = len({settings_text(variant.settings) for variant in report.variants}) == 1
    return pd.DataFrame(
        [
            _line(report, place, names, shares, best, with_settings=not shared_settings)
            for place in range(len(report.variants))
        ]
    )


def _line(
    report: Report, place: int, names: list[str], shares: dict[str, bool], best: str | None, *, with_settings: bool
) -> dict[str, Any]:
    variant = report.variants[place]
    line: dict[str, Any] = {"": matrix.letter(place) + ("★" if variant.id == best else "")}
    line["prompt"] = variant.prompt or NOTHING
    line["base model"] = excerpt(variant.model or variant.name, limit=60)
    if with_settings:
        line["settings"] = excerpt(settings_text(variant.settings))
    for name in names:
        if name not in ("latency", "latency_seconds", "cost"):
            line[excerpt(name, limit=40)] = interval_text(name, variant.scores.get(name), share=shares.get(name, False))
    line["errors"] = _error_counts(variant)
    seconds = distributions.seconds_of(report, variant.id)
    line["latency p50 · p95"] = (
        " · ".join(seconds_text(distributions.quantile(seconds, share)) for share in (0.5, 0.95) if seconds) or NOTHING
    )
    line["tokens in → out"] = totals_text(variant.input_tokens, variant.output_tokens) if variant.answers else NOTHING
    line["cost"] = money(variant.cost_usd) if variant.answers else NOTHING
    line["cached"] = f"{variant.cached} of {variant.ended}"
    return line


def _error_counts(variant: VariantReport) -> str:
    parts = [f"{variant.errors} model"] if variant.errors else []
    parts += [f"{variant.evaluator_errors} evaluator"] if variant.evaluator_errors else []
    return " · ".join(parts) or "0"


def _comparison(report: Report) -> Comparison | None:
    if len(report.variants) < 2 or not any(variant.scores for variant in report.variants):
        return None
    names = {variant.id: f"{matrix.letter(place)} · {variant.name}" for place, variant in enumerate(report.variants)}
    try:
        automatic = comparison(report.run)
    except ComparisonError as error:
        problem(str(error), icon=":gray[:material/info:]")
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Verdict**", width="content")
        baseline = st.selectbox(
            "Baseline",
            list(names),
            index=list(names).index(automatic.baseline.id),
            format_func=lambda uid: f"against {excerpt(names[uid])}",
            key=f"baseline:{report.run.uid}",
            label_visibility="collapsed",
            width=460,
        )
        chosen = automatic if baseline == automatic.baseline.id else comparison(report.run, baseline=baseline)
        others = st.popover("Other measures", key=f"others:{report.run.uid}")
    _verdicts(report, chosen, others)
    return automatic


def _verdicts(report: Report, compared: Comparison, elsewhere: st.delta_generator.DeltaGenerator) -> None:
    """Draws one line a pair on the first measure; the other measures go into the given place."""
    letters = {variant.id: matrix.letter(place) for place, variant in enumerate(report.variants)}
    first: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for pair in compared.pairs:
        names = f"{letters[pair.other.id]} against {letters[pair.baseline.id]}"
        if not pair.measures:
            first.append(("too few", f"{names}: no case that both answered"))
        for place, measure in enumerate(pair.measures):
            found = measure.verdict
            line = f"{names}: {found.phrase}"
            if place == 0 and pair.unpaired:
                line += f"; {plural(pair.unpaired, 'case')} answered by one only, left out"
            (others if place else first).append((found.word, line))
    verdict_lines(first)
    with elsewhere:
        verdict_lines(others or [("tied", "There is one measure only.")])


def verdict_lines(verdicts: list[tuple[str, str]]) -> None:
    """Verdicts, each with its mark: (word, what is said)."""
    with st.container(gap="xxsmall"):
        for word, line in verdicts:
            with st.container(horizontal=True, gap="small", wrap=False):
                st.markdown(WORDS[word], width="content")
                st.text(line, width="stretch")


def _gates(report: Report) -> None:
    letters = {variant.id: matrix.letter(place) for place, variant in enumerate(report.variants)}
    letters |= {variant.name: letters[variant.id] for variant in report.variants}
    shares = matrix.shares(report)
    for gate in report.gates:
        value = measure_text(gate.evaluator, gate.value, share=shares.get(gate.evaluator, False))
        icon = ":green[:material/check_circle: gate]" if gate.passed else ":red[:material/cancel: gate]"
        who = letters.get(gate.variant, gate.variant)
        st.markdown(f"{icon} {label(gate.evaluator)} {label(gate.rule)} · {label(who)}: {label(value)}")


def _errors(report: Report) -> None:
    failed = [cell for cell in report.cells if cell.status not in ANSWER_STATUSES]
    broken = [(name, score) for cell in report.cells for name, score in cell.scores.items() if score.error is not None]
    if not failed and not broken:
        return
    by_status = Counter(cell.status for cell in failed)
    said = [f"{count} {status}" for status, count in by_status.most_common()]
    said += [f"{count} by evaluator {name}" for name, count in Counter(name for name, _ in broken).most_common()]
    with st.expander(
        f":red[:material/error:] {plural(len(failed) + len(broken), 'error')}: {label(', '.join(said), limit=200)}"
    ):
        for status in by_status:
            plain(f"{status}: {next(cell.error for cell in failed if cell.status == status)}")
        for name in dict.fromkeys(name for name, _ in broken):
            plain(f"{name}: {next(score.error for other, score in broken if other == name)}")
