"""Suites: what each of them asks and scores, and a run of it in a process of its own. `?suite=evals/NAME.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import cases
from formats import KINDS, excerpt, label, money, plural, value_text, when
from promptlab.errors import UsageError
from shared import RUN, base_models, guarded, lab, parameter, problem, selected_row, set_parameters

if TYPE_CHECKING:
    from promptlab.suites.model import Suite

SHOWN_CASES = 50
SHOWN_RUNS = 10


@guarded
def show() -> None:
    """Draws the page."""
    known = cases.suites()
    if not known:
        st.subheader("Suites", anchor=False)
        st.caption("No suite yet. `promptlab init` writes an example into `evals/`; a suite is a YAML file there.")
        return
    asked = parameter("suite")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Suites", anchor=False, width="content")
        path = st.selectbox(
            "Suite",
            known,
            index=known.index(asked) if asked in known else 0,
            key="suites:path",
            label_visibility="collapsed",
            width=320,
            on_change=lambda: set_parameters(suite=st.session_state["suites:path"]),
        )
    try:
        suite = lab().suite(lab().workspace.root / path)
    except UsageError as error:
        problem(str(error))
        st.caption("`promptlab validate` says all mistakes at once, with their lines.")
        return
    if suite.description:
        st.text(suite.description)
    _facts(suite)
    _start(path, suite)
    _cases(path)
    _runs(suite)


def _facts(suite: Suite) -> None:
    facts = [
        plural(len(suite.cases), "case"),
        f"scored by {', '.join(one.name for one in suite.evaluators) or 'nothing'}",
    ]
    facts += [f"measured by {', '.join(one.name or one.kind for one in suite.metrics)}"] if suite.metrics else []
    facts += [f"gates: {', '.join(f'{gate.evaluator} {gate.rule}' for gate in suite.gates)}"] if suite.gates else []
    facts += [f"{suite.repeats} repeats"] if suite.repeats > 1 else []
    facts += [f"settings: {value_text(dict(suite.settings))}"] if suite.settings else []
    st.caption(label(" · ".join(facts), limit=600))


def _start(path: str, suite: Suite) -> None:
    """The choice of what runs, and the button that runs it."""
    names = [*dict.fromkeys([*suite.prompts, *(file.stem for file in lab().prompts.files())])]
    ready = [
        entry.name for entry in base_models() if entry.ability == "generate" and entry.state == "ready" and entry.exact
    ]
    left, right = st.columns(2)
    prompts = left.multiselect(
        "Prompts",
        names,
        default=list(suite.prompts),
        key=f"suites:prompts:{path}",
        accept_new_options=True,
        placeholder="prompts, such as name@3",
    )
    models = right.multiselect(
        "Base models",
        [*dict.fromkeys([*suite.models, *ready])],
        default=list(suite.models),
        key=f"suites:models:{path}",
        accept_new_options=True,
        placeholder="base models, such as openai:gpt-4o-mini",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        limit = st.number_input(
            "first cases only", 1, None, None, 1, key=f"suites:limit:{path}", placeholder="all", width=160
        )
        most = st.number_input(
            "at most, in dollars", 0.0, None, None, 0.5, key=f"suites:cost:{path}", placeholder="no limit", width=160
        )
        again = st.toggle(
            "Ask again", key=f"suites:again:{path}", help="Send the calls even where the cache has answers."
        )
    n = min(limit or len(suite.cases), len(suite.cases))
    cells = n * max(1, len(prompts)) * len(models) * suite.repeats
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Run", type="primary", icon=":material/play_arrow:", key="suites:run", disabled=not cells)
        counted = st.button("Calls and cost", icon=":material/calculate:", key="suites:forecast", disabled=not cells)
        st.caption(
            f"{plural(n, 'case')} x {plural(max(1, len(prompts)), 'prompt')} x {plural(len(models), 'base model')}"
            f"{f' x {suite.repeats} repeats' if suite.repeats > 1 else ''} = {plural(cells, 'cell')}; it goes on when "
            "this page is closed"
        )
    if counted:
        _forecast(path, prompts=prompts, models=models, limit=limit, use_cache=not again)
    if pressed:
        # Mistakes are said here, before a process is begun.
        lab().check(lab().workspace.root / path, prompts=prompts or None, models=models)
        job = lab().launch(path, prompts=prompts, models=models, limit=limit, max_cost=most, use_cache=not again)
        st.switch_page(RUN, query_params={"job": job.id})


def _forecast(path: str, *, prompts: list[str], models: list[str], limit: int | None, use_cache: bool) -> None:
    with st.spinner("Rendering every prompt and looking into the cache"):
        found = lab().forecast(
            lab().workspace.root / path,
            prompts=prompts or None,
            models=models or None,
            limit=limit,
            use_cache=use_cache,
        )
    cost = "a price is unknown" if found.most_usd is None else f"at most {money(found.most_usd)}"
    st.caption(f"{plural(found.calls, 'call')} would be sent, {cost}".replace("$", "\\$"))


def _cases(path: str) -> None:
    found = cases.cases(path)
    with st.expander(f"Cases: {len(found):,}", key="suites:cases", expanded=True):
        lines = [
            {
                "case": excerpt(case.key, limit=40),
                **{
                    excerpt(name, limit=40): excerpt(value_text(value), limit=300)
                    for name, value in case.inputs.items()
                },
                "expected": "" if case.expected is None else excerpt(value_text(case.expected), limit=120),
            }
            for case in found[:SHOWN_CASES]
        ]
        st.dataframe(pd.DataFrame(lines), hide_index=True, key="suites:table", row_height=30)
        if len(found) > SHOWN_CASES:
            st.caption(f"The first {SHOWN_CASES} of them.")


def _runs(suite: Suite) -> None:
    rows = [
        run for run in lab().runs(kinds=["eval"], name_contains=suite.name, limit=SHOWN_RUNS) if run.name == suite.name
    ]
    if not rows:
        return
    st.markdown("##### Its runs")
    overviews = lab().overviews(rows)
    lines = [
        {
            "started": when(run.started_at),
            "status": run.status,
            "kind": KINDS.get(run.kind, run.kind),
            "cells": f"{overviews[run.id].ended or 0:,} of {run.cells_planned or 0:,}",
            "id": run.uid[:8],
        }
        for run in rows
    ]
    st.dataframe(
        pd.DataFrame(lines), hide_index=True, key="suites:runs", on_select="rerun", selection_mode="single-row"
    )
    row = selected_row("suites:runs")
    if row is not None and row < len(rows):
        st.switch_page(RUN, query_params={"run": rows[row].uid})


if __name__ == "__main__":
    show()
