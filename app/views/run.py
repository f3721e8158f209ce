"""Run: an evaluation with its matrix, or a classic run with its params and curves.

Its address: `?run=UID&case=KEY&variant=UID`, or `?job=ID` for one that is about to begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from formats import KINDS, label, plural, settings_text, when
from parts import classic, evaluation, grid, run_control
from shared import RUN, RUNS, guarded, lab, parameter, problem, report

if TYPE_CHECKING:
    from promptlab.reports import Report
    from promptlab.store.rows import RunDetail

POLL_SECONDS = 2.0


@guarded
def show() -> None:
    """Draws the run that the address names; one that is running draws itself again every two seconds."""
    uid = parameter("run")
    if not uid and parameter("job"):
        run_control.wait(parameter("job"))
        return
    if not uid:
        st.subheader("Run", anchor=False)
        st.caption("No run is named in the address. Choose one in the list.")
        st.page_link(RUNS, label="All runs", icon=":material/table_rows:")
        return
    running = lab().find_run(uid).status == "running" or run_control.comes_back(uid)
    st.fragment(_draw, run_every=POLL_SECONDS if running else None)(uid, polled=running)


@guarded
def _draw(uid: str, *, polled: bool) -> None:
    detail = lab().run_detail(uid)
    if polled and detail.run.status != "running" and not run_control.comes_back(uid):
        st.rerun()
    found = report(detail.run) if detail.run.kind != "sweep" else None
    _head(detail, found)
    if detail.run.error:
        problem(detail.run.error)
    has_cells = found is not None and (found.cells or detail.run.kind in ("eval", "prompt", "try"))
    if not has_cells or detail.run.kind not in ("eval", "prompt", "try"):
        classic.draw(detail)
        if has_cells:
            st.markdown("##### Predictions, case by case")
    if found is not None and has_cells:
        evaluation.draw(found)
        if found.cells:
            grid.draw(found)
        else:
            st.caption("No cell has ended yet.")


def _head(detail: RunDetail, found: Report | None) -> None:
    run = detail.run
    marks = {"finished": ":green[finished]", "failed": ":red[failed]", "running": ":blue[running]"}
    status = marks.get(run.status, f":orange[{run.status}]")
    if found is not None and found.partial and run.status != "running":
        status += f" :orange[**PARTIAL {found.ended}/{found.planned}**]"
    kind = KINDS.get(run.kind, run.kind)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(RUNS, label="Runs", icon=":material/arrow_back:")
        st.subheader(label(run.name), anchor=False, width="content")
        st.markdown(f"{label(kind)} · {status}", width="content")
        st.caption(run.uid[:8], width="content")
        if detail.parent is not None:
            st.page_link(
                RUN,
                label=f"part of {label(detail.parent.name)}",
                icon=":material/arrow_upward:",
                query_params={"run": detail.parent.uid},
            )
    facts = [when(run.started_at)]
    if run.seconds is not None:
        facts.append(f"{run.seconds:.0f} s" if run.seconds >= 1 else "under 1 s")
    if found is not None and found.cells and (found.calls.made or found.calls.cached):
        calls = found.calls
        facts.append(f"{plural(calls.made, 'call')}, {calls.cached:,} from the cache")
        facts += [f"{calls.failed:,} failed"] if calls.failed else []
        facts += [f"{calls.lost:,} lost"] if calls.lost else []
        settings = {settings_text(variant.settings) for variant in found.variants}
        facts += [f"settings: {next(iter(settings))}"] if len(settings) == 1 and any(settings) else []
    facts += [
        f"data: {data.reference}, {plural(data.rows, 'row')}, digest {data.digest[:8]}" for _, data in detail.datasets
    ]
    facts += [f"by {run.user}"] if run.user else []
    facts += [f"commit {run.git_sha[:8]}{'-dirty' if run.git_sha.endswith('-dirty') else ''}"] if run.git_sha else []
    st.caption(label(" · ".join(facts), limit=400))


if __name__ == "__main__":
    show()
