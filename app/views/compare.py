"""Compare: any runs beside each other. `?runs=ID,ID&baseline=ID`; an evaluation stands for its variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import NOTHING, excerpt, label, measure_text, plural
from parts import beside, changed_cases, evaluated, evaluation, metric_curves, pair_facts
from parts.metric_curves import names_of
from promptlab.errors import ComparisonError, RunNotFoundError
from shared import RUN, RUNS, guarded, lab, parameter, problem, set_parameters

if TYPE_CHECKING:
    from promptlab.compare import Comparison, Pair
    from promptlab.store.rows import RunRow

MOST_RUNS = 12
LATENCY = "latency_seconds"


@guarded
def show() -> None:
    """Draws the comparison that the address names, and lets runs be added."""
    st.subheader("Compare", anchor=False)
    uids = [uid for uid in parameter("runs").split(",") if uid]
    runs = _runs(uids)
    _chooser(runs)
    if len(runs) < 2:
        st.caption("Choose two runs or more: prompt variants, evaluations and training runs alike.")
        return
    side = lab().side_by_side(*(run.uid for run in runs))
    _verdicts(runs)
    beside.draw(side)
    evaluated.draw([lab().run_detail(run.uid) for run in runs])
    if side.curves:
        st.markdown("##### Curves")
        metric, axis, smoothing, log = metric_curves.controls("compare", side.curves, side.curves[0])
        metric_curves.draw(side.runs, metric, axis=axis, smoothing=smoothing, log=log)


def _runs(uids: Sequence[str]) -> list[RunRow]:
    """The runs of the address, each once, in its order; one that is not there is said."""
    found: dict[str, RunRow] = {}
    for uid in uids[:MOST_RUNS]:
        try:
            run = lab().find_run(uid)
        except RunNotFoundError as error:
            problem(str(error))
            continue
        found.setdefault(run.uid, run)
    return list(found.values())


def _chooser(runs: Sequence[RunRow]) -> None:
    newest = lab().search("kind != 'try'", limit=100)
    by_uid = {run.uid: run for run in (*runs, *newest)}
    titles = dict(zip(by_uid, names_of(list(by_uid.values())), strict=True))
    key = "compare:runs:" + ",".join(run.uid[:6] for run in runs)
    st.multiselect(
        "Runs",
        list(by_uid),
        default=[run.uid for run in runs],
        key=key,
        format_func=lambda uid: titles.get(uid, uid[:8]),
        label_visibility="collapsed",
        placeholder="runs to compare",
        max_selections=MOST_RUNS,
        on_change=lambda: set_parameters(runs=",".join(uid[:12] for uid in st.session_state[key]) or None),
    )
    if runs:
        with st.container(horizontal=True):
            for run, title in zip(runs, names_of(runs), strict=True):
                st.page_link(RUN, label=label(title, limit=40), query_params={"run": run.uid})
    else:
        st.page_link(RUNS, label="All runs", icon=":material/table_rows:")


def _verdicts(runs: Sequence[RunRow]) -> None:
    """Each run against the baseline on the cases that both answered, in words."""
    try:
        comparison = lab().compare(*(run.uid for run in runs), baseline=parameter("baseline") or None)
    except ComparisonError as error:
        st.caption(f"No verdict case by case: {label(str(error), limit=200)}")
        return
    names = {variant.id: excerpt(variant.name, limit=60) for variant in comparison.variants}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("##### Verdicts", help="Paired case by case, 95% intervals, p-values after Holm.")
        st.selectbox(
            "Baseline",
            list(names),
            index=list(names).index(comparison.baseline.id),
            key=f"compare:baseline:{comparison.baseline.id[:6]}",
            format_func=lambda uid: f"against {names[uid]}",
            width=360,
            label_visibility="collapsed",
            on_change=lambda: set_parameters(
                baseline=st.session_state[f"compare:baseline:{comparison.baseline.id[:6]}"]
            ),
        )
    first = comparison.measures[0]
    main = [item.verdict for pair in comparison.pairs for item in pair.measures if item.measure == first]
    evaluation.verdict_lines([(found.word, found.sentence) for found in main])
    shown = _shown(comparison, names)
    if shown is not None:
        pair_facts.draw(comparison, shown)
    with st.expander("Every measure, case by case"):
        for pair in comparison.pairs:
            _pair(pair, names)
    if shown is not None:
        changed_cases.draw(comparison, shown)


def _shown(comparison: Comparison, names: dict[str, str]) -> Pair | None:
    """The pair that is looked at closely: the one that is chosen where there are several."""
    pairs = [pair for pair in comparison.pairs if pair.shared]
    if len(pairs) < 2:
        return pairs[0] if pairs else None
    chosen = st.selectbox(
        "Look at",
        [pair.other.id for pair in pairs],
        key=f"compare:pair:{comparison.baseline.id[:8]}",
        format_func=lambda uid: f"look at {names[uid]}",
        label_visibility="collapsed",
        width=420,
    )
    return next((pair for pair in pairs if pair.other.id == chosen), pairs[0])


def _pair(pair: Pair, names: dict[str, str]) -> None:
    unpaired = f", {pair.unpaired:,} that only one answered" if pair.unpaired else ""
    st.text(f"{names[pair.other.id]} against {names[pair.baseline.id]}")
    st.caption(f"{plural(pair.shared, 'case')} answered by both{unpaired}")
    lines = []
    for item in pair.measures:
        base, other = (variant.scores.get(item.measure) for variant in (pair.baseline, pair.other))
        difference = item.difference
        if item.measure == LATENCY and not difference.mean and not difference.high:
            continue  # predictions made elsewhere took no time here
        lines.append(
            {
                "measure": f"{excerpt(item.measure, limit=40)} {'↑' if item.direction == 'higher' else '↓'}",
                "base": measure_text(item.measure, base.mean) if base else NOTHING,
                "this": measure_text(item.measure, other.mean) if other else NOTHING,
                "difference [95% interval]": _difference(difference.mean, difference.low, difference.high),
                "p after Holm": NOTHING if item.adjusted_p is None else f"{item.adjusted_p:.3g}",
                "verdict": item.verdict.word,
            }
        )
    st.dataframe(pd.DataFrame(lines), hide_index=True, key=f"pair:{pair.other.id}", row_height=30)


def _difference(mean: float | None, low: float | None, high: float | None) -> str:
    if mean is None:
        return NOTHING
    bounds = "" if low is None or high is None else f" [{low:+.3g}, {high:+.3g}]"
    return f"{mean:+.3g}{bounds}"


if __name__ == "__main__":
    show()
