"""Compare's cases: what each run made of the same case, what got better or worse, and the outputs word by word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import pandas as pd
import streamlit as st

import chips
import matrix
from formats import excerpt, label, plural, value_text
from parts import word_diff
from shared import RUN, lab, report, selected_row

if TYPE_CHECKING:
    from promptlab.compare import Comparison, Pair
    from promptlab.store.rows import CellRow

Group: TypeAlias = Literal["Regressed", "Fixed", "Other output", "Both fail", "Both pass", "All"]
GROUPS: tuple[Group, ...] = get_args(Group)
MOST_ROWS = 200
"""Cases that are listed; the chips count all."""


@dataclass(frozen=True, slots=True)
class Both:
    """One case and repeat in both runs. groups: those that it belongs to."""

    before: CellRow
    after: CellRow
    groups: frozenset[Group]


def pair_up(before: Sequence[CellRow], after: Sequence[CellRow], judge: chips.Judge) -> list[Both]:
    """The cases that both runs answered, in the order of the second."""
    known = {(cell.inputs_digest, cell.repeat): cell for cell in before}
    found = []
    for cell in after:
        old = known.get((cell.inputs_digest, cell.repeat))
        if old is not None and old.output is not None and cell.output is not None:
            found.append(Both(old, cell, _groups(old, cell, judge)))
    return found


def draw(comparison: Comparison, pair: Pair) -> None:
    """Draws the cases of one pair."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("##### Cases", width="content")
        measure = comparison.measures[0]
        both = _both(pair, measure)
        counted = {group: sum(group in one.groups for one in both) for group in GROUPS}
        offered = [group for group in GROUPS if counted[group]]
        group = st.segmented_control(
            "Which",
            offered,
            default=offered[0] if offered else None,
            required=True,
            key=f"changed:group:{pair.baseline.id[:8]}:{pair.other.id[:8]}",
            format_func=lambda name: f"{name} {counted[name]}",
            label_visibility="collapsed",
        )
    if not offered:
        st.caption("No case has an answer in both.")
        return
    _table([one for one in both if (group or offered[0]) in one.groups], pair, measure)


def _both(pair: Pair, measure: str) -> list[Both]:
    before, after = (_cells(variant.id) for variant in (pair.baseline, pair.other))
    judge = chips.Judge(
        measure,
        lab().direction(measure),
        {(cell.inputs_digest, cell.repeat): cell for cell in before},
        pair.baseline.id,
    )
    return pair_up(before, after, judge)


def _cells(uid: str) -> list[CellRow]:
    return [cell for cell in report(lab().find_run(uid)).cells if cell.run_uid == uid]


def _groups(old: CellRow, new: CellRow, judge: chips.Judge) -> frozenset[Group]:
    groups: set[Group] = {"All"}
    change = judge.change(new)
    if change is not None:
        groups.add("Regressed" if change == "regressed" else "Fixed")
    scores = [cell.scores.get(judge.measure) for cell in (old, new)]
    passed = [score.passed for score in scores if score is not None]
    if passed == [False, False]:
        groups.add("Both fail")
    if passed == [True, True]:
        groups.add("Both pass")
    if old.output != new.output:
        groups.add("Other output")
    return frozenset(groups)


def _table(found: Sequence[Both], pair: Pair, measure: str) -> None:
    lines: list[Mapping[str, str]] = [
        {
            "case": excerpt(one.after.key, limit=40) + (f" #{one.after.repeat + 1}" if one.after.repeat else ""),
            "input": excerpt(" · ".join(map(value_text, one.after.inputs.values())), limit=90),
            "expected": "" if one.after.expected is None else excerpt(value_text(one.after.expected), limit=40),
            "before": excerpt(matrix.mark(one.before, measure), limit=60),
            "now": excerpt(matrix.mark(one.after, measure), limit=60),
        }
        for one in found[:MOST_ROWS]
    ]
    key = f"changed:table:{pair.baseline.id[:8]}:{pair.other.id[:8]}"
    st.dataframe(
        pd.DataFrame(lines), hide_index=True, key=key, row_height=30, on_select="rerun", selection_mode="single-row"
    )
    more = f"; the first {MOST_ROWS} of {len(found):,}" if len(found) > MOST_ROWS else ""
    st.caption(f"{plural(len(found), 'case')}{more}. Tick one to see what changed in its output.")
    row = selected_row(key)
    if row is None or row >= len(lines):
        return
    one = found[row]
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**case {label(one.after.key, limit=60)}**")
        word_diff.draw(one.before.output or "", one.after.output or "")
        if one.before.rendered_digest != one.after.rendered_digest:
            with st.expander("What was sent, word by word", key="changed:sent", on_change="rerun") as panel:
                if panel.open:
                    word_diff.draw(*(_sent(cell) for cell in (one.before, one.after)))
        for variant, cell in ((pair.baseline, one.before), (pair.other, one.after)):
            st.page_link(
                RUN,
                label=f"open in {label(variant.name, limit=60)}",
                query_params={"run": cell.run_uid, "case": cell.key, "variant": cell.run_uid},
            )


def _sent(cell: CellRow) -> str:
    """The messages of a cell's prompt as one text, role by role."""
    messages = lab().cell(cell.run_uid, cell.key, repeat=cell.repeat).messages
    return "\n\n".join(f"{message.role}:\n{message.content}" for message in messages)
