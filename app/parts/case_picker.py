"""Where the Playground's inputs come from: the form alone, or the cases of a suite, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

import cases
import drafts
from formats import excerpt, label, plural, value_text
from promptlab.errors import UsageError
from shared import lab, problem

if TYPE_CHECKING:
    from promptlab.execute.trial import Trial
    from promptlab.types import Case, Score

DATA = "data:suite"
CHOSEN = "data:chosen"
PLACE = "data:place"
FORM = ""


def draw() -> Sequence[Case]:
    """Draws the choice of data and the steps through it; gives the cases, none where the form alone is used."""
    known = cases.suites()
    if not known:
        return ()
    name = drafts.origin().name
    if st.session_state.get("data:of") != name:
        # Another prompt: its own suite, unless a case came with it.
        st.session_state["data:of"] = name
        st.session_state[CHOSEN] = (cases.of_prompt(name) if name else None) or FORM
        st.session_state[PLACE] = None
    options = [FORM, *known]
    chosen = str(st.session_state.get(CHOSEN) or FORM)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.selectbox(
            "Inputs from",
            options,
            index=options.index(chosen) if chosen in options else 0,
            key=f"{DATA}:{name}",
            format_func=lambda path: f"inputs: {path}" if path else "inputs: the form",
            label_visibility="collapsed",
            width=260,
            on_change=_choose,
            args=(f"{DATA}:{name}",),
        )
        if chosen not in known:
            return ()
        try:
            found = cases.cases(chosen)
        except UsageError as error:
            problem(str(error))
            return ()
        _steps(found)
    return found


def case_now(found: Sequence[Case]) -> Case | None:
    """The case whose inputs the form was filled with."""
    place = st.session_state.get(PLACE)
    return found[place] if place is not None and place < len(found) else None


def scorer(case: Case | None, values: Mapping[str, Any]) -> Callable[[Trial], Mapping[str, Score]] | None:
    """Scores answers to a case by its suite; None where the form holds other inputs than the case."""
    path = suite_now()
    if (
        case is None
        or path is None
        or any(values.get(name) != value for name, value in case.inputs.items() if name in values)
    ):
        return None
    found = lab().suite(lab().workspace.root / path, keys=[case.key])
    return lambda trial: lab().score_try(found, case, trial)


def suite_now() -> str | None:
    """The suite whose cases are chosen; None for the form."""
    chosen = str(st.session_state.get(CHOSEN) or FORM)
    return chosen if chosen in cases.suites() else None


def _steps(found: Sequence[Case]) -> None:
    place = st.session_state.get(PLACE)
    st.button(
        "", icon=":material/chevron_left:", key="case:back", on_click=_go, args=(found, -1), help="the case before"
    )
    st.button("", icon=":material/chevron_right:", key="case:on", on_click=_go, args=(found, 1), help="the next case")
    if place is None or place >= len(found):
        st.caption(plural(len(found), "case"), width="content")
        return
    case = found[place]
    said = f"case {label(case.key, limit=40)}, {place + 1:,} of {len(found):,}"
    if case.expected is not None:
        said += f" · expected: {label(excerpt(value_text(case.expected), limit=60))}"
    st.caption(said, width="content")


def _go(found: Sequence[Case], step: int) -> None:
    place = st.session_state.get(PLACE)
    new = (place + step) % len(found) if place is not None else 0 if step > 0 else len(found) - 1
    st.session_state[PLACE] = new
    drafts.fill_in(found[new].inputs)


def _choose(key: str) -> None:
    st.session_state[CHOSEN] = st.session_state[key]
    st.session_state[PLACE] = None
