"""The answers of a try, side by side: streaming text, tokens, latency and cost, errors in their place."""

from __future__ import annotations

import streamlit as st

from formats import label, money, score_text, seconds_text, shown, tokens_text
from shared import guarded, plain, problem
from tries import Try, TryRun

POLL_SECONDS = 0.3
COLUMNS = 4
"""Answers in one row; more go on in the next."""


def draw(run: TryRun) -> None:
    """Draws the answers; while any is awaited, this part of the page alone draws itself again."""
    st.fragment(_draw, run_every=POLL_SECONDS if run.running else None)(run, polled=run.running)


@guarded
def _draw(run: TryRun, *, polled: bool) -> None:
    if polled and not run.running:
        st.rerun()
    if run.running:
        st.button("Stop", icon=":material/stop:", key="stop", on_click=run.stop)
    for start in range(0, len(run.columns), COLUMNS):
        few = run.columns[start : start + COLUMNS]
        for place, column in zip(st.columns(max(len(few), 2)), few, strict=False):
            with place, st.container(border=True, gap="xsmall"):
                _column(column)


def _column(column: Try) -> None:
    st.markdown(f"**{label(column.model)}**")
    if column.running:
        if column.text:
            plain(f"{column.text}▌")
            st.caption(f":material/stream: streaming · {column.elapsed_seconds:.0f} s")
        else:
            seconds = column.elapsed_seconds
            text = (
                "waiting for the first token"
                if seconds < 2
                else "waiting for the first token; a first call loads the model"
            )
            st.caption(f":material/hourglass_top: {text} · {seconds:.0f} s")
        return
    trial = column.trial
    if trial is None:
        problem(column.error or "no answer")
        return
    if trial.error is not None:
        problem(f"{trial.status}: {trial.error}")
        if column.text:
            plain(column.text)
            st.caption("the answer until then")
        return
    plain(shown(trial.text))
    if not trial.text:
        st.caption("an empty answer")
    _scores(column)
    marks = [seconds_text(trial.seconds), tokens_text(trial.usage), _cost(trial.cost_usd)]
    if trial.cached:
        marks.append(":blue[cached]")
    if trial.status != "ok":
        marks.append(f":orange[{trial.status}]")
    st.caption(" · ".join(marks).replace("$", "\\$"))


def _scores(column: Try) -> None:
    """What the suite's evaluators say: what passed and what failed first, then numbers."""
    said = [
        f"{':green' if score.passed else ':red'}[{label(f'{score_text(score)} {name}', limit=60)}]"
        for name, score in column.scores.items()
        if score.passed is not None
    ]
    said += [
        label(f"{name} {score_text(score)}", limit=60) for name, score in column.scores.items() if score.passed is None
    ]
    if said:
        st.caption(" · ".join(said))


def _cost(cost_usd: float | None) -> str:
    return "cost unknown" if cost_usd is None else money(cost_usd)
