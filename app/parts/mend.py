"""What can be done with an opened cell: put right what is expected, ask again, take its text along."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from formats import excerpt, value_text
from promptlab.errors import UsageError
from promptlab.types import ANSWER_STATUSES
from shared import PLAYGROUND, lab, problem

if TYPE_CHECKING:
    from promptlab.store.rows import CellDetail

SAID = "mend:said"
UNDO = "mend:undo"
TODO = "mend:todo"


def draw(detail: CellDetail) -> None:
    """Draws the buttons, and what came of the last one."""
    cell = detail.cell
    _do(cell.key)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if detail.run.prompt_reference:
            st.page_link(
                PLAYGROUND,
                label="Open in Playground",
                icon=":material/science:",
                query_params={"prompt": detail.run.prompt_reference, "run": cell.run_uid, "case": cell.key},
            )
        if detail.run.kind == "prompt":
            with st.popover("Fix expected", icon=":material/edit:", key=f"mend:panel:{cell.id}"):
                _expected(detail)
            st.button(
                "Ask again",
                icon=":material/refresh:",
                key="mend:again",
                help="One call, past the cache; the answer that is there stays if the call fails",
                on_click=_ask_again,
                args=(cell.run_uid, cell.key, cell.repeat),
            )
    said = st.session_state.get(SAID)
    if said and said[0] == cell.key:
        with st.container(horizontal=True, vertical_alignment="center"):
            problem(said[1], icon=":gray[:material/info:]")
            undo = st.session_state.get(UNDO)
            if undo is not None:
                st.button("Undo", icon=":material/undo:", key="mend:undone", on_click=_expect, args=undo)


def _expected(detail: CellDetail) -> None:
    cell = detail.cell
    key = f"mend:expected:{cell.id}"
    before = value_text(cell.expected)
    st.text_area("Expected", before, key=key, height=110, label_visibility="collapsed")
    st.caption("For every variant of this run. Its answers are scored again, without a call.")
    with st.container(horizontal=True):
        st.button(
            "Score again with this",
            type="primary",
            key="mend:score",
            on_click=lambda: _typed(cell.run_uid, cell.key, st.session_state[key], cell.expected),
        )
        if cell.status in ANSWER_STATUSES and cell.output != before:
            st.button(
                "Expect this output",
                key="mend:take",
                help="The output, without white space at its ends, becomes what is expected",
                on_click=lambda: _typed(cell.run_uid, cell.key, (cell.output or "").strip(), cell.expected),
            )


def _typed(uid: str, key: str, text: str, before: Any) -> None:
    try:
        _expect(uid, key, lab().read_expected(text, before), before)
    except UsageError as error:
        st.session_state[SAID] = (key, str(error))


def _expect(uid: str, key: str, value: Any, before: Any) -> None:
    """Has a case of the run expect this from now on; `before` is what Undo brings back."""
    st.session_state.pop(UNDO, None)
    if value == before:
        st.session_state[SAID] = (key, "Nothing changed: that is what was expected before.")
    else:
        st.session_state[TODO] = ("Scoring again", lambda: _rescored(uid, key, value, before))


def _rescored(uid: str, key: str, value: Any, before: Any) -> str:
    ended = lab().rescore(uid, expected={key: value})
    st.session_state[UNDO] = (uid, key, before, value)
    data = ", ".join(item.reference for _, item in lab().run_detail(ended.run).datasets)
    return (
        f"Expected is now {excerpt(json.dumps(value, ensure_ascii=False), limit=60)}. The run uses {data} and was "
        "scored again; the suite's own file is as it was."
    )


def _ask_again(uid: str, key: str, repeat: int) -> None:
    st.session_state.pop(UNDO, None)
    st.session_state[TODO] = ("Asking again", lambda: _asked_again(uid, key, repeat))


def _asked_again(uid: str, key: str, repeat: int) -> str:
    again = lab().ask_again(uid, key, repeat=repeat)
    if again.error is not None:
        return f"No new answer: {again.error}"
    return "This is the answer to a new call, with new scores."


def _do(key: str) -> None:
    """Does what the last click asked for, in sight, and draws the whole page anew."""
    todo: tuple[str, Callable[[], str]] | None = st.session_state.pop(TODO, None)
    if todo is None:
        return
    what, work = todo
    with st.spinner(f"{what} …"):
        try:
            st.session_state[SAID] = (key, work())
        except UsageError as error:
            st.session_state[SAID] = (key, str(error))
    st.rerun()
