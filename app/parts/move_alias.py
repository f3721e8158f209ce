"""Moving an alias of a prompt to a version, with the verdict that speaks for it beside, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from promptlab.errors import UsageError
from shared import lab, problem

if TYPE_CHECKING:
    from promptlab.statistics.verdict import Verdict

SAID = "alias:said"
UNDO = "alias:undo"
USUAL = ("production", "staging")


def draw(reference: str, *, verdict: Verdict | None) -> None:
    """Draws the panel for a version (`name@3`); verdict: on it against what it was compared with."""
    name, _, number = reference.rpartition("@")
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        with st.popover(f"Move an alias to v{number}", icon=":material/sell:", key=f"alias:panel:{reference}"):
            _panel(name, int(number), verdict)
        said = st.session_state.get(SAID)
        if said and said[0] == name:
            problem(said[1], icon=":gray[:material/info:]")
            undo = st.session_state.get(UNDO)
            if undo is not None:
                st.button("Undo", icon=":material/undo:", key="alias:undone", on_click=_move, args=undo)


def _panel(name: str, number: int, verdict: Verdict | None) -> None:
    known = lab().prompts.aliases(name)
    if verdict is not None:
        st.text(verdict.sentence)
    key = f"alias:which:{name}"
    offered = list(dict.fromkeys([*known, *USUAL]))
    chosen = st.selectbox(
        "Alias",
        offered,
        key=key,
        format_func=lambda alias: f"@{alias}" + (f", now at v{known[alias]}" if alias in known else ", new"),
        accept_new_options=True,
        placeholder="choose or write an alias",
    )
    st.button(
        f"Move to v{number}",
        type="primary",
        key=f"alias:move:{name}",
        disabled=not chosen or known.get(str(chosen)) == number,
        on_click=lambda: _move(name, str(st.session_state[key]).removeprefix("@").strip(), number),
    )


def _move(name: str, alias: str, number: int | None) -> None:
    before = lab().prompts.aliases(name).get(alias)
    st.session_state.pop(UNDO, None)
    try:
        lab().prompts.alias(name, **{alias: number})
    except UsageError as error:
        st.session_state[SAID] = (name, str(error))
        return
    where = f"now points at v{number}" if number is not None else "is taken away"
    was = f"; before it was at v{before}" if before is not None else ""
    st.session_state[SAID] = (name, f"{name}@{alias} {where}{was}.")
    st.session_state[UNDO] = (name, alias, before)
