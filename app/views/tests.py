"""Tests: hypothesis tests of all runs or of one experiment, adjusted for each other. `?experiment=NAME&test=NUMBER`."""

from __future__ import annotations

import streamlit as st

from formats import excerpt
from parts import hypothesis_tests
from shared import guarded, lab, parameter, set_parameters

SHOWN = 200  # tests of one page
EVERY = ""


@guarded
def show() -> None:
    """Draws the tests that the address asks for."""
    number = int(parameter("test")) if parameter("test").isascii() and parameter("test").isdigit() else None
    asked = parameter("experiment") or (lab().test(number).experiment if number is not None else EVERY)
    names = [EVERY, *(row.name for row in lab().experiments.list())]
    if asked not in names:
        lab().experiments.get(asked)  # says what there is
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Hypothesis tests", anchor=False, width="content")
        name = st.selectbox(
            "Experiment",
            names,
            index=names.index(asked) if asked in names else 0,
            key="tests:experiment",
            format_func=lambda one: excerpt(one, limit=60) if one else "every experiment",
            on_change=_keep,
            width=320,
            label_visibility="collapsed",
        )
    found = lab().tests(name or None, limit=SHOWN)
    hypothesis_tests.draw(found, key=f"tests:{name}", number=number)
    if len(found) == SHOWN:
        st.caption(f"The newest {SHOWN} are shown; the adjustment counts all.")


def _keep() -> None:
    set_parameters(experiment=st.session_state["tests:experiment"] or None, test=None)


if __name__ == "__main__":
    show()
