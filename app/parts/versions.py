"""A prompt's versions: the list, one opened, the difference of any two, and where the aliases point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import excerpt, label, settings_text, value_text, when_iso
from promptlab.errors import PromptError, UsageError
from promptlab.types import PromptVersion
from shared import PLAYGROUND, guarded, lab, messages, plain, problem, selected_row

if TYPE_CHECKING:
    from promptlab.store.rows import PromptRow


def draw(row: PromptRow) -> None:
    """Draws the versions beside the chosen one."""
    known = lab().prompts.log(row.name)
    key = f"versions:{row.name}"
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _list(known, row, key)
        _aliases(known, row)
    picked = selected_row(key)
    version = known[picked] if picked is not None and picked < len(known) else known[0]
    with right:
        _one(version, known)


def source(version: PromptVersion) -> None:
    """Draws a version's file text."""
    plain(version.source)


def _list(known: Sequence[PromptVersion], row: PromptRow, key: str) -> None:
    names: dict[int, list[str]] = {}
    for alias, number in row.aliases.items():
        names.setdefault(number, []).append(alias)
    lines = [
        {
            "version": f"v{version.number}",
            "aliases": ", ".join(sorted(names.get(version.number, []))),
            "note": excerpt(version.note, limit=120),
            "saved": when_iso(version.at),
            "by": excerpt(version.by, limit=30),
        }
        for version in known
    ]
    st.dataframe(
        pd.DataFrame(lines), hide_index=True, key=key, on_select="rerun", selection_mode="single-cell", row_height=30
    )


def _one(version: PromptVersion, known: Sequence[PromptVersion]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"##### v{version.number}", width="content")
        st.caption(label(settings_text(version.settings), limit=200), width="content")
        st.page_link(
            PLAYGROUND,
            label="Open in Playground",
            icon=":material/science:",
            query_params={"prompt": version.reference},
        )
    text, rendered, difference = st.tabs(["Source", "Rendered with samples", "Diff"])
    with text:
        source(version)
    with rendered:
        _rendered(version)
    with difference:
        _difference(version, known)


@guarded
def _rendered(version: PromptVersion) -> None:
    if not version.samples:
        st.caption("No samples. In the front matter: `samples: {text: ...}`.")
    preview = lab().preview(version.source, version.samples, name=version.name)
    if preview.messages is None:
        st.caption(f"Without a sample: {label(', '.join(sorted(preview.missing)))}")
        return
    messages(preview.messages)
    for name, value in version.samples.items():
        st.caption(f"{label(name)}: {label(value_text(value), limit=200)}")


def _difference(version: PromptVersion, known: Sequence[PromptVersion]) -> None:
    numbers = [one.number for one in known]
    if len(numbers) < 2:
        st.caption("One version only; the next one can be held against it.")
        return
    by_number = {one.number: one for one in known}
    here = numbers.index(version.number)
    before = numbers[here + 1] if here + 1 < len(numbers) else numbers[here - 1]
    old_place, new_place = st.columns(2)
    old = old_place.selectbox(
        "From",
        numbers,
        index=numbers.index(before),
        key=f"diff:old:{version.reference}",
        format_func=lambda number: f"v{number}",
    )
    new = new_place.selectbox(
        "To", numbers, index=here, key=f"diff:new:{version.reference}", format_func=lambda number: f"v{number}"
    )
    changes = lab().prompts.diff(by_number[old], by_number[new])
    if changes:
        plain(changes, language="diff")
    else:
        st.caption("The same text.")


def _aliases(known: Sequence[PromptVersion], row: PromptRow) -> None:
    st.markdown("##### Aliases")
    if not row.aliases:
        st.caption("None yet. An alias is a movable name: suites may say `NAME@production`.")
    name_place, version_place, button_place = st.columns([3, 2, 2], vertical_alignment="bottom")
    alias = name_place.selectbox(
        "Alias",
        sorted({*row.aliases, "production", "staging"}),
        key="alias:name",
        accept_new_options=True,
        index=None,
        placeholder="choose or type",
    )
    number = version_place.selectbox(
        "Version", [one.number for one in known], key="alias:version", format_func=lambda number: f"v{number}"
    )
    moved = alias in row.aliases
    button_place.button(
        "Move" if moved else "Set",
        key="alias:set",
        disabled=not alias,
        on_click=_point,
        args=(row.name, alias, number),
        width="stretch",
    )
    for name, points_at in sorted(row.aliases.items()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{name} → v{points_at}", width="content")
            st.button(
                "Remove",
                key=f"alias:remove:{name}",
                type="tertiary",
                icon=":material/close:",
                on_click=_point,
                args=(row.name, name, None),
            )
    said = st.session_state.pop("alias:said", None)
    if said is not None:
        problem(said)


def _point(name: str, alias: str, number: int | None) -> None:
    try:
        lab().prompts.alias(name, **{alias: number})
    except (UsageError, PromptError) as error:
        st.session_state["alias:said"] = str(error)
