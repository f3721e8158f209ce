"""The matrix on the page: chips with counts, search, one grid, and the opened cell beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

import pandas as pd
import streamlit as st

import chips
import matrix
from formats import excerpt, plural, value_text
from parts import baselines, cell, export_rows
from shared import guarded, parameter, selected_cell, set_parameters

if TYPE_CHECKING:
    from promptlab.reports import Report
    from promptlab.store.rows import CellRow

    Repeats: TypeAlias = dict[tuple[str, str], list[CellRow]]
    """The cells of a case, by its key and the variant's id; empty where each repeat has a line."""

PAGE = 200
"""Rows of the matrix at a time."""
ROW_HEIGHT = 30
MOST_HEIGHT = 620
CHARACTERS, CHARACTERS_BESIDE, COLUMN_CHARACTERS = 188, 108, 3
"""What fits into a window of 1280 px, alone and beside an opened cell, and what each column's padding takes."""
LONGEST, LEAST = 140, 8


@st.fragment
@guarded
def draw(report: Report) -> None:
    """Draws the matrix; a click on a cell opens it, and the address then names it."""
    all_rows = matrix.rows(report)
    names = matrix.measures(report)
    with st.container(horizontal=True, vertical_alignment="center"):
        measure = names[0] if names else ""
        if len(names) > 1:
            measure = st.selectbox(
                "Measure",
                names,
                key=f"measure:{report.run.uid}",
                format_func=lambda name: f"by {excerpt(name)}",
                label_visibility="collapsed",
                width=170,
            )
        by = baselines.judge(report, measure)
        counted = chips.counts(all_rows, by)
        offered = [name for name in chips.CHIPS if name == "All" or counted[name]]
        picked = st.segmented_control(
            "Cases",
            offered,
            default="All",
            required=True,
            format_func=lambda name: f"{name} {counted[cast('chips.Chip', name)]}",
            key=f"chip:{report.run.uid}",
            label_visibility="collapsed",
        )
        search = st.text_input(
            "Search",
            key=f"search:{report.run.uid}",
            placeholder="search inputs and outputs",
            label_visibility="collapsed",
            width=165,
            live=True,
        )
        view = _view(report, all_rows, by, picked or "All", search or "")
        export_rows.draw(report, chips.chosen(all_rows, view, by))
    rows = chips.chosen(all_rows, view, by)
    if not rows:
        st.caption("No case fits. Choose All or clear the search.")
        return
    repeats = _repeats(report, all_rows)
    listed = _one_a_case(rows) if repeats else rows
    listed, page = _page(report, listed, view)
    grid_key = f"matrix:{report.run.uid}:{measure}:{view}:{bool(repeats)}:{page}"
    columns = _columns(report, measure)
    _follow_click(grid_key, listed, columns)
    opened = parameter("case")
    if not opened:
        _grid(listed, columns, by, grid_key, repeats=repeats, with_input=True)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _grid(listed, columns, by, grid_key, repeats=repeats, with_input=False)
    with right, st.container(border=True, gap="xsmall", key="opened"):
        known = [variant.id for variant in report.variants]
        variant = parameter("variant") if parameter("variant") in known else known[0]
        repeat = int(parameter("repeat")) if parameter("repeat").isdecimal() else 0
        cell.draw(report, rows, opened, variant, repeat)


def _columns(report: Report, measure: str) -> dict[str, str]:
    """Column head -> variant id."""
    shares = matrix.shares(report)
    heads: dict[str, str] = {}
    for place, variant in enumerate(report.variants):
        interval = variant.scores.get(measure)
        mean = interval.mean if interval else None
        heads[matrix.heading(place, mean, measure, share=shares.get(measure, False))] = variant.id
    return heads


def _follow_click(grid_key: str, rows: list[matrix.Row], columns: dict[str, str]) -> None:
    """Writes a new click on the grid into the address; what was clicked before does not count again."""
    clicked = selected_cell(grid_key)
    seen = st.session_state.get("clicked")
    st.session_state["clicked"] = (grid_key, clicked)
    if clicked is None or seen == (grid_key, clicked) or clicked[0] >= len(rows):
        return
    row = rows[clicked[0]]
    variant = columns.get(clicked[1]) or parameter("variant") or next(iter(columns.values()))
    set_parameters(case=row.key, variant=variant, repeat=str(row.repeat) if row.repeat else None)


def _view(report: Report, rows: list[matrix.Row], by: chips.Judge, chip: chips.Chip, search: str) -> chips.View:
    """Draws the rest of the filters: what changes are counted against, the order, tags and kinds of errors."""
    uid = report.run.uid
    tags, kinds = chips.tags(rows), chips.error_kinds(rows)
    baselines.choose(report)
    orders = [order for order in chips.ORDERS if by.baseline or order != "regressions first"]
    order = st.selectbox("Order", orders, key=f"order:{uid}:{len(orders)}", label_visibility="collapsed", width=150)
    tag = _one_of("any tag", tags, key=f"tag:{uid}") if tags else None
    kind = _one_of("any error", kinds, key=f"kind:{uid}") if len(kinds) > 1 else None
    return chips.View(chip, search, tag, kind, order)


def _one_of(nothing: str, counted: dict[str, int], *, key: str) -> str | None:
    return st.selectbox(
        nothing,
        list(counted),
        index=None,
        key=key,
        format_func=lambda name: f"{excerpt(name, limit=40)} {counted[name]}",
        label_visibility="collapsed",
        placeholder=nothing,
        width=170,
    )


def _repeats(report: Report, rows: list[matrix.Row]) -> Repeats:
    """The cells of each case and variant, where cases were repeated and are to stand in one line; else nothing."""
    if not any(row.repeat for row in rows):
        return {}
    if not st.toggle(
        "One line a case",
        True,
        key=f"together:{report.run.uid}",
        help="How many repeats passed, of how many, and the most frequent answer",
    ):
        return {}
    found: Repeats = {}
    for row in rows:
        for uid, cell_ in row.cells.items():
            found.setdefault((row.key, uid), []).append(cell_)
    return found


def _page(report: Report, rows: list[matrix.Row], view: chips.View) -> tuple[list[matrix.Row], int]:
    """The rows of the page that is looked at, and its place from 0; draws the way to the others where there are any."""
    if report.ended > len(report.cells):
        st.caption(
            f":orange[The cells of the first {plural(len(report.cells) // max(1, len(report.variants)), 'case')} are "
            f"looked at here, of {report.ended:,} cells in all]; the figures above are of all. All of them: "
            f"`promptlab runs show {report.run.uid[:8]} --cells all`"
        )
    pages = -(-len(rows) // PAGE)
    if pages < 2:
        return rows, 0
    key = f"page:{report.run.uid}:{view}"
    page = min(int(st.session_state.get(key, 0)), pages - 1)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label_, icon, to in (("Back", "chevron_left", page - 1), ("On", "chevron_right", page + 1)):
            st.button(
                label_,
                icon=f":material/{icon}:",
                key=f"matrix:{label_.lower()}",
                disabled=not 0 <= to < pages,
                on_click=st.session_state.__setitem__,
                args=(key, to),
            )
        first = page * PAGE
        st.caption(f"rows {first + 1:,} to {min(first + PAGE, len(rows)):,} of {len(rows):,}", width="content")
    return rows[page * PAGE : (page + 1) * PAGE], page


def _one_a_case(rows: list[matrix.Row]) -> list[matrix.Row]:
    """The first of the rows of each case."""
    firsts: dict[str, matrix.Row] = {}
    for row in rows:
        firsts.setdefault(row.key, row)
    return list(firsts.values())


def _grid(
    rows: list[matrix.Row],
    columns: dict[str, str],
    by: chips.Judge,
    grid_key: str,
    *,
    repeats: Repeats,
    with_input: bool,
) -> None:
    """Draws the grid; beside an opened cell, which shows the inputs itself, it leaves them out to hide no variant."""
    repeated = not repeats and any(row.repeat for row in rows)
    lines: list[dict[str, str]] = []
    for row in rows:
        some = row.any_cell
        line = {"case": f"{row.key} #{row.repeat + 1}" if repeated else row.key}
        if with_input:
            line["input"] = " · ".join(map(value_text, some.inputs.values()))
        if some.expected is not None:
            line["expected"] = value_text(some.expected)
        line |= {
            head: matrix.mark_repeats(repeats.get((row.key, uid), []), by.measure)
            if repeats
            else matrix.mark(row.cells.get(uid), by.measure)
            for head, uid in columns.items()
        }
        why = by.why(row)
        if why:
            line["why"] = why
        lines.append(line)
    present = {head for line in lines for head in line}
    heads = [head for head in ("case", "input", "expected", *columns, "why") if head in present]
    wanted = [max(len(head), *(min(LONGEST, len(line.get(head, ""))) for line in lines)) for head in heads]
    room = (CHARACTERS if with_input else CHARACTERS_BESIDE) - COLUMN_CHARACTERS * len(heads)
    limits = dict(zip(heads, matrix.fit(wanted, room), strict=True))
    table = [{head: excerpt(line.get(head, ""), limit=max(LEAST, limits[head])) for head in heads} for line in lines]
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        key=grid_key,
        on_select="rerun",
        selection_mode="single-cell",
        height=min(MOST_HEIGHT, ROW_HEIGHT * (len(lines) + 1) + 4),
        row_height=ROW_HEIGHT,
        column_config={"case": st.column_config.TextColumn(pinned=True)},
    )
