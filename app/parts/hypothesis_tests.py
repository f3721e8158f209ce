"""Hypothesis tests on the page: a table adjusted for all of the experiment, its sentence, and one test opened."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import NOTHING, excerpt, label, plural, shown, when
from promptlab.hypotheses.result import effect_text
from shared import DATA, EXPERIMENTS, RUN, lab, selected_row

if TYPE_CHECKING:
    from promptlab.tracking.hypothesis_tests import LoggedTest, LoggedTests

HOW = """with lab.run("explore", experiment="churn") as run:
    run.log_test("welch", new, old, hypothesis="customers of the new page stay longer", dataset="visits@2")"""
MARKS = {"rejected": "✓", "rejected, not by Holm": "≈", "only alone": "!", "not rejected": "·", "undecided": "?"}
LEGEND = (
    "Of the null hypothesis: ✓ rejected, also by Holm's adjustment · ≈ only by Benjamini and Hochberg's · "
    "! only where no other test is counted. Click a row to see all of a test."
)


def draw(found: LoggedTests, *, key: str, number: int | None = None, with_run: bool = True) -> None:
    """Draws the tests, the newest first. number: the one to open first; with_run: says which run made each."""
    if not found:
        st.caption(
            "No hypothesis test yet. A script makes one and keeps it, or keeps a result of scipy or statsmodels:"
        )
        st.code(HOW, language="python")
        _deleted(found)
        return
    for name, sentence in found.summary.items():
        st.text(shown(sentence if len(found.summary) == 1 else f"{name}: {sentence}"))
    _deleted(found)
    tests = list(found)
    st.dataframe(
        pd.DataFrame([_line(one, with_run=with_run) for one in tests]),
        hide_index=True,
        key=key,
        row_height=30,
        height=min(30 * len(tests) + 40, 640),
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "": st.column_config.TextColumn(width=36),
            "hypothesis": st.column_config.TextColumn(width=360),
        },
    )
    st.caption(LEGEND)
    row = selected_row(key)
    chosen = tests[row] if row is not None and row < len(tests) else None
    if chosen is None and number is not None:
        chosen = next((one for one in tests if one.id == number), None)
    if chosen is not None:
        _opened(chosen)


def _deleted(found: LoggedTests) -> None:
    gone = sum(found.deleted.values())
    if gone:
        st.caption(f"{plural(gone, 'more test')} in deleted runs; restore the runs to count them too.")


def _line(one: LoggedTest, *, with_run: bool) -> dict[str, object]:
    test = one.test
    effect = test.effect or test.estimate
    run = {"run": excerpt(one.run_name, limit=40)} if with_run else {}
    return {
        "": MARKS[one.verdict],
        "hypothesis": excerpt(test.hypothesis or test.null, limit=160),
        "p": _p(test.p_value),
        "Holm": _p(one.adjusted.holm),
        "BH": _p(one.adjusted.bh),
        "effect [interval]": NOTHING if effect is None else excerpt(effect_text(effect, digits=3), limit=70),
        "test": excerpt(test.title, limit=40),
        "n": f"{sum(test.n.values()):,}" if len(test.n) == 1 else ", ".join(f"{size:,}" for size in test.n.values()),
        "doubts": ", ".join(excerpt(doubt.what, limit=40) for doubt in test.doubts) or NOTHING,
        "data": excerpt(one.dataset or NOTHING, limit=40),
        **run,
        "alpha": f"{test.alpha:g}",
        "made": when(one.logged_at),
        "no": one.id,
    }


def _opened(one: LoggedTest) -> None:
    test = one.test
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"##### Test {one.id}", width="content")
            st.page_link(RUN, label="Its run", icon=":material/open_in_new:", query_params={"run": one.run_uid})
            if one.dataset is not None:
                st.page_link(DATA, label="Its data", icon=":material/dataset:", query_params={"dataset": one.dataset})
            st.page_link(
                EXPERIMENTS,
                label="Its experiment",
                icon=":material/experiment:",
                query_params={"experiment": one.experiment},
            )
        st.text(shown(str(test)))
        if not math.isnan(one.adjusted.holm):
            st.text(
                f"among all tests of its experiment: Holm p = {one.adjusted.holm:.3g}, "
                f"Benjamini-Hochberg p = {one.adjusted.bh:.3g}"
            )
        if test.assumptions:
            words = {True: "holds", False: "doubtful", None: "open"}
            lines = [
                {
                    "assumption": excerpt(item.what, limit=80),
                    "looked at by": excerpt(item.by, limit=60),
                    "seems to": words[item.holds],
                    "seen": excerpt(item.fact, limit=160) or NOTHING,
                }
                for item in test.assumptions
            ]
            st.dataframe(pd.DataFrame(lines), hide_index=True, key=f"assumptions:{one.id}", row_height=30)
        if test.missing:
            st.caption(f"{plural(test.missing, 'row')} left out for missing values.")
        for note in test.notes:
            st.caption(f"note: {label(note, limit=300)}")


def of_run(uid: str) -> None:
    """Draws the tests of a run under a heading; nothing where it made none."""
    found = lab().tests(run=uid, limit=200)
    if found:
        st.markdown("##### Hypothesis tests")
        draw(found, key=f"tests:{uid}", with_run=False)


def _p(value: float) -> str:
    if math.isnan(value):
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
