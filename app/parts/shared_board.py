"""The leaderboard over the cases of one data set: whatever answered them, held against the leader."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from formats import KINDS, NOTHING, excerpt, interval_text, is_share, plural, when
from shared import COMPARE, RUN, lab, selected_row

MARKS = {"better": "▲ better", "worse": "▼ worse", "tied": "= tied", "too few": "? too few cases"}


def draw(dataset: str, metric: str) -> None:
    """Draws it; a click on a line opens the run."""
    board = lab().shared_board(dataset, metric)
    if not board.standings:
        st.caption(
            "No run has this measure case by case on this data set. Choose another measure, or run a suite on it; a "
            "classic model joins by `run.log_predictions`."
        )
        return
    means = [one.interval.mean for one in board.standings if one.interval.mean is not None]
    share = is_share(means)
    lines = []
    for place, one in enumerate(board.standings, start=1):
        run = one.run
        lines.append(
            {
                "": str(place) if one.ranked else NOTHING,
                excerpt(metric, limit=40) + (" ↑" if board.direction == "higher" else " ↓"): interval_text(
                    metric, one.interval, share=share
                ),
                "against the leader": "leader" if place == 1 else _mark(one.verdict.word if one.verdict else None),
                "cases": f"{one.interval.n:,}" if one.ranked else f"{one.interval.n:,} of {board.cases:,}: too few",
                "name": excerpt(run.name, limit=80),
                "kind": KINDS.get(run.kind, run.kind),
                "started": when(run.started_at),
                "id": run.uid[:8],
            }
        )
    key = f"shared:{dataset}:{metric}"
    row = selected_row(key)
    if row is not None and row < len(board.standings):
        st.session_state.pop(key, None)
        st.switch_page(RUN, query_params={"run": board.standings[row].run.uid})
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
        column_config={"": st.column_config.TextColumn(width=36)},
    )
    leader, *others = board.standings
    st.caption(
        f"The newest runs with outputs on {plural(board.cases, 'case')} of this data set, whatever version. Means with "
        "95% intervals; the verdict pairs each run with the leader on the cases that both answered, after Holm."
    )
    rest = [one for one in others if one.verdict is not None]
    if rest:
        with st.expander("The verdicts in words"):
            for one in rest:
                st.text(one.verdict.sentence if one.verdict else "")
        st.page_link(
            COMPARE,
            label="Compare the first few",
            icon=":material/compare_arrows:",
            query_params={"runs": ",".join(one.run.uid[:12] for one in (leader, *rest[:3]))},
        )


def _mark(word: str | None) -> str:
    return NOTHING if word is None else MARKS.get(word, word)
