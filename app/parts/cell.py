"""One cell opened: output with its white space, expected, scores with reasons, rendered prompt, attempts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import matrix
from formats import excerpt, label, money, score_text, seconds_text, shown, tokens_text, value_text, when
from parts import mend, rendered, word_diff
from promptlab.reports import cell_json
from promptlab.types import ANSWER_STATUSES
from shared import guarded, lab, messages, plain, problem, set_parameters

if TYPE_CHECKING:
    from promptlab.reports import Report
    from promptlab.store.rows import CellDetail, CellRow


RAW_HEIGHT = 320
SHORT = 24
"""Texts of so few characters stand beside each other."""


@guarded
def draw(report: Report, shown_rows: list[matrix.Row], key: str, variant: str, repeat: int) -> None:
    """Draws the cell of a case and a variant; K and J walk through the rows that the matrix shows."""
    letters = {one.id: matrix.letter(place) for place, one in enumerate(report.variants)}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**case {label(key, limit=40)}**" + (f" · repeat {repeat + 1}" if repeat else ""), width="content")
        _walk(shown_rows, key, repeat)
        if len(letters) > 1:
            # The key names the cell, so that a walk to another one cannot be undone by an earlier choice.
            chosen = f"cell:variant:{key}:{repeat}:{variant}"
            st.segmented_control(
                "Variant",
                list(letters),
                format_func=lambda uid: letters[uid],
                default=variant,
                key=chosen,
                label_visibility="collapsed",
                required=True,
                on_change=lambda: set_parameters(variant=st.session_state[chosen]),
            )
    name = next((one.name for one in report.variants if one.id == variant), variant)
    st.caption(f"{letters.get(variant, '')} · {label(name, limit=200)}")
    detail = lab().cell(variant, key, repeat=repeat)
    _answer(detail)
    _scores(detail)
    mend.draw(detail)
    inputs, differences, prompt, drawn, attempts, raw = st.tabs(
        ["Inputs", "Differences", "Rendered prompt", "Markdown", f"Attempts ({len(detail.attempts)})", "Raw"]
    )
    with differences:
        _differences(detail, letters, [row for row in shown_rows if (row.key, row.repeat) == (key, repeat)])
    with prompt:
        messages(detail.messages)
        if not detail.messages:
            st.caption("This variant has no prompt: it is a function of the inputs.")
    with inputs:
        for variable, value in detail.cell.inputs.items():
            st.caption(label(variable))
            plain(value_text(value))
        if detail.cell.metadata:
            st.caption("metadata")
            st.json(dict(detail.cell.metadata), expanded=1)
    with drawn:
        rendered.draw(detail.cell.output or "")
    with attempts:
        _attempts(detail)
    with raw:
        st.caption("The cell as JSON, with the output letter for letter; the corner copies it.")
        plain(raw_json(detail.cell), language="json", height=RAW_HEIGHT)


def raw_json(cell: CellRow) -> str:
    """The cell as `eval --json` writes it, with the calls' tokens, cost and tool calls."""
    more = {
        "finish_reason": cell.finish_reason,
        "tool_calls": list(cell.tool_calls),
        "input_tokens": cell.usage.input_tokens,
        "output_tokens": cell.usage.output_tokens,
        "cost_usd": cell.cost_usd,
        "metadata": cell.metadata,
    }
    return json.dumps({**cell_json(cell), **more}, ensure_ascii=False, indent=2, default=str)


def _differences(detail: CellDetail, letters: dict[str, str], rows: list[matrix.Row]) -> None:
    """The output word by word against what was expected, or against another variant's output of the same case."""
    cell = detail.cell
    others: dict[str, str] = {}
    if cell.expected is not None:
        others["expected"] = value_text(cell.expected)
    for row in rows:
        for uid, other in row.cells.items():
            if uid != cell.run_uid and other.output is not None:
                others[f"{letters.get(uid, uid[:8])}'s output"] = other.output
    if not others or cell.output is None:
        st.caption("There is nothing to compare this output with.")
        return
    chosen = st.segmented_control(
        "Against",
        list(others),
        default=next(iter(others)),
        required=True,
        key=f"diff:{cell.id}",
        label_visibility="collapsed",
    )
    before = others[chosen or next(iter(others))]
    if before == cell.output:
        st.caption("the same, letter for letter")
    else:
        word_diff.draw(before, cell.output)


def _walk(shown_rows: list[matrix.Row], key: str, repeat: int) -> None:
    places = [(row.key, row.repeat) for row in shown_rows]
    here = places.index((key, repeat)) if (key, repeat) in places else None

    def go(step: int) -> None:
        new_key, new_repeat = places[((here if here is not None else -1) + step) % len(places)]
        set_parameters(case=new_key, repeat=str(new_repeat) if new_repeat else None)

    off = not places
    st.button("", icon=":material/chevron_left:", key="cell:back", shortcut="K", on_click=go, args=(-1,), disabled=off)
    st.button("", icon=":material/chevron_right:", key="cell:on", shortcut="J", on_click=go, args=(1,), disabled=off)
    st.button(
        "",
        icon=":material/close:",
        key="cell:close",
        on_click=lambda: set_parameters(case=None, variant=None, repeat=None),
    )


def _answer(detail: CellDetail) -> None:
    cell = detail.cell
    if cell.status not in ANSWER_STATUSES:
        problem(f"{cell.status}: {cell.error or 'no answer'}")
    else:
        expected = None if cell.expected is None else shown(value_text(cell.expected))
        output = shown(cell.output or "")
        short = len(output) <= SHORT and len(expected or "") <= SHORT
        places = st.columns(2) if short and expected is not None else [st.container(), st.container()]
        with places[0]:
            st.caption("**OUTPUT**" + ("" if cell.output else " (empty)"))
            plain(output)
        if expected is not None:
            with places[1]:
                st.caption("**EXPECTED**")
                plain(expected)
    marks = [seconds_text(cell.seconds), tokens_text(cell.usage)]
    marks.append("cost unknown" if cell.cost_usd is None else money(cell.cost_usd).replace("$", "\\$"))
    marks += [":blue[cached]"] if cell.cached else []
    marks += [f":orange[{cell.status}]"] if cell.status in ("truncated", "refused") else []
    if cell.status in ANSWER_STATUSES:
        st.caption(" · ".join(marks))


def _scores(detail: CellDetail) -> None:
    scores = detail.cell.scores
    if scores:
        lines = [
            {
                "evaluator": excerpt(name, limit=40),
                "score": score_text(score),
                "reason": excerpt(
                    f"evaluator error: {score.error}" if score.error else score.reason or score.label or "", limit=300
                ),
            }
            for name, score in scores.items()
        ]
        st.dataframe(pd.DataFrame(lines), hide_index=True, key="cell:scores", row_height=28)
        for name, score in scores.items():
            if score.error is not None:
                problem(f"evaluator {name}: {score.error}")


def _attempts(detail: CellDetail) -> None:
    if not detail.attempts:
        st.caption("Answered from the cache: this run sent nothing. The latency is the one measured then.")
        return
    lines = [
        {
            "begun": when(attempt.started_at),
            "ended as": attempt.status or "lost: nobody knows how it ended",
            "tokens": tokens_text(attempt.usage),
            "error": excerpt(attempt.error or "", limit=300),
        }
        for attempt in detail.attempts
    ]
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="cell:attempts", row_height=28)
