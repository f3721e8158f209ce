"""What can be done with an evaluation as it stands: watch it, stop it, go on with it, ask again for its errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from formats import money, plural, seconds_text
from promptlab.errors import UsageError
from shared import RUN, lab, plain, problem

if TYPE_CHECKING:
    from promptlab.reports import Report

SAID = "run:said"
RESUMED = "run:resumed"
ENOUGH = 5
"""Cells after which the time that is left is guessed."""


def draw(report: Report) -> None:
    """Draws the state of an evaluation that is not whole, and the buttons that change it."""
    said = st.session_state.pop(SAID, None)
    if said:
        problem(said)
    run = report.run
    if run.kind != "eval":
        if report.partial:
            _partial(report, "Every figure below is of those only.")
        return
    errors = sum(variant.errors for variant in report.variants)
    if run.status == "running":
        _running(report)
    elif comes_back(run.uid):
        st.info("Going on: the process is starting.", icon=":material/hourglass_top:")
    elif report.partial or run.status in ("stopped", "cancelled", "interrupted"):
        _partial(report, "Every figure below is of those only. What was answered is not asked for again.")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Go on",
                icon=":material/play_arrow:",
                key="run:resume",
                type="primary",
                on_click=_go_on,
                args=(run.uid,),
            )
            _again(run.uid, errors)
            st.caption(f"or in a terminal: `promptlab eval --resume {run.uid[:8]}`", width="content")
    elif errors:
        _again(run.uid, errors)


def comes_back(uid: str) -> bool:
    """Whether a job was launched to go on with this run, and has not taken it up yet."""
    resumed = st.session_state.get(RESUMED)
    if resumed is None or resumed[0] != uid:
        return False
    job = lab().job(resumed[1])
    begun = lab().job_run(job.id) is not None
    if not begun and not job.ended:
        return True
    del st.session_state[RESUMED]
    if not begun:
        st.session_state[SAID] = job.said().strip() or "the process ended before it went on"
    return False


def wait(job_id: str) -> None:
    """Draws a job whose run has not begun yet; opens the run as soon as it has."""
    st.subheader("Run", anchor=False)
    st.fragment(_wait, run_every=0.5)(job_id)


def _wait(job_id: str) -> None:
    try:
        job = lab().job(job_id)
    except UsageError as error:
        problem(str(error))
        return
    found = lab().job_run(job_id)
    if found is not None:
        st.switch_page(RUN, query_params={"run": found.uid})
    if job.ended:
        problem("The evaluation ended before it began. What it said:")
        plain(job.said() or "nothing")
        return
    st.caption(":material/hourglass_top: starting: reading the suite, checking prompts and base models")


def _running(report: Report) -> None:
    run = report.run
    ended, planned = report.ended, report.planned
    facts = [f"**{ended:,} of {planned:,} cells** have ended; all figures are of those"]
    if not ended:
        facts.append("the first answers are on their way; a local model is loaded first")
    spent = [variant.spent_usd for variant in report.variants]
    if any(spent):
        facts.append(f"{money(sum(usd or 0.0 for usd in spent))} spent".replace("$", "\\$"))
    if ended >= ENOUGH and planned > ended:
        elapsed = (datetime.now(UTC) - run.started_at).total_seconds()
        facts.append(f"about {seconds_text(elapsed / ended * (planned - ended))} left")
    st.info(" · ".join(facts), icon=":material/hourglass_top:")
    st.progress(ended / planned if planned else 0.0)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", icon=":material/stop:", key="run:stop", on_click=_stop, args=(run.uid,))
        st.caption("Calls in flight may end, 10 s at most; it can go on later. Closing this page changes nothing.")


def _partial(report: Report, what: str) -> None:
    share = f"{report.ended:,} of {report.planned:,} cells"
    said = f"**Partial: {share} ended.** {what}" if report.partial else "**Stopped.**"
    st.warning(said, icon=":material/warning:")


def _again(uid: str, errors: int) -> None:
    if errors:
        st.button(
            f"Ask again for {plural(errors, 'error')}",
            icon=":material/refresh:",
            key="run:retry",
            on_click=_go_on,
            args=(uid,),
            kwargs={"retry_errors": True},
        )


def _stop(uid: str) -> None:
    try:
        lab().stop(uid)
    except UsageError as error:
        st.session_state[SAID] = str(error)


def _go_on(uid: str, *, retry_errors: bool = False) -> None:
    try:
        # What cannot go on says so here, in one line, and not in a log.
        lab().resumable(uid, retry_errors=retry_errors)
        job = lab().launch(resume=uid, retry_errors=retry_errors)
    except UsageError as error:
        st.session_state[SAID] = str(error)
        return
    st.session_state[RESUMED] = (uid, job.id)
