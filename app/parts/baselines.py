"""What an evaluation's cells are held against: one of its own variants, or one of an earlier run of its suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

import chips
import matrix
from formats import excerpt, when
from shared import lab
from shared import report as read_report

if TYPE_CHECKING:
    from promptlab.reports import Report, VariantReport

EARLIER = 3
"""Earlier runs whose variants are offered."""
NOTHING = ""


def judge(report: Report, measure: str) -> chips.Judge:
    """The judge of the run's rows by a measure, against the baseline that is chosen."""
    chosen = _chosen(report)
    own = next((variant.id for variant in report.variants if variant.id == chosen), None)
    cells = [cell for cell in report.cells if cell.run_uid == own] if own else []
    if chosen and not own:
        before = _earlier(report).get(chosen)
        cells = [cell for cell in before[0].cells if cell.run_uid == chosen] if before else []
    return chips.judge(report, measure, direction=lab().direction(measure), baseline=cells, own=own)


def choose(report: Report) -> None:
    """Draws the choice, where there is anything to choose from."""
    names = {variant.id: f"{matrix.letter(place)}" for place, variant in enumerate(report.variants)}
    names = names if len(names) > 1 else {}
    for uid, (before, variant) in _earlier(report).items():
        names[uid] = f"{when(before.run.started_at)} · {excerpt(variant.name, limit=60)}"
    if not names:
        return
    options = [NOTHING, *names]
    chosen = _chosen(report)
    st.selectbox(
        "Changes against",
        options,
        index=options.index(chosen) if chosen in options else 0,
        key=_key(report),
        format_func=lambda uid: f"changes against {names[uid]}" if uid else "changes against nothing",
        label_visibility="collapsed",
        width=175,
    )


def _key(report: Report) -> str:
    return f"changes:{report.run.uid}"


def _chosen(report: Report) -> str:
    """The variant that was chosen; before anybody has, the verdict's baseline, else the same prompt on the same base
    model in the run before.
    """
    if _key(report) in st.session_state:
        return str(st.session_state[_key(report)] or NOTHING)
    if len(report.variants) > 1:
        return str(st.session_state.get(f"baseline:{report.run.uid}") or report.variants[0].id)
    (only,) = report.variants or (None,)
    if only is None:
        return NOTHING
    same = (_prompt(only), only.model)
    return next(
        (uid for uid, (_, variant) in _earlier(report).items() if (_prompt(variant), variant.model) == same), NOTHING
    )


def _prompt(variant: VariantReport) -> str:
    return (variant.prompt or "").partition("@")[0]


def _earlier(report: Report) -> dict[str, tuple[Report, VariantReport]]:
    """The variants of earlier runs of the suite by their ids, the newest run first."""
    if report.run.kind != "eval":
        return {}
    found: dict[str, tuple[Report, VariantReport]] = {}
    runs = lab().runs(kinds=["eval"], name_contains=report.run.name, before_id=report.run.id, limit=4 * EARLIER)
    ended = [run for run in runs if run.name == report.run.name and run.status != "running"]
    for run in ended[:EARLIER]:
        before = read_report(run)
        found |= {variant.id: (before, variant) for variant in before.variants if variant.ended}
    return found
