"""Prompts: every prompt of the workspace, its versions, their differences and aliases. `?prompt=NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from formats import NOTHING, excerpt, label, settings_text, when
from parts import versions
from shared import PLAYGROUND, guarded, lab, parameter, problem, selected_row, set_parameters

if TYPE_CHECKING:
    from promptlab.store.rows import PromptRow


@guarded
def show() -> None:
    """Draws the list, or the prompt that the address names."""
    name = parameter("prompt").partition("@")[0]
    rows = {row.name: row for row in lab().prompts.list()}
    files = {path.stem for path in lab().prompts.files()}
    if not name:
        _list(rows, files)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Prompts",
            icon=":material/arrow_back:",
            key="prompts:back",
            type="tertiary",
            on_click=set_parameters,
            kwargs={"prompt": None},
        )
        st.subheader(label(name), anchor=False, width="content")
    if name in rows:
        _describe(rows[name], has_file=name in files)
        versions.draw(rows[name])
    elif name in files:
        _file_only(name)
    else:
        problem(f"no prompt '{name}': neither prompts/{name}.j2 nor a version in the registry")


def _list(rows: dict[str, PromptRow], files: set[str]) -> None:
    st.subheader("Prompts", anchor=False)
    names = sorted({*rows, *files})
    if not names:
        st.caption("No prompts yet. Write one in the Playground and save it, or put a file into `prompts/`:")
        st.code("promptlab prompts save refund --file prompts/refund.j2", language="shell")
        st.page_link(PLAYGROUND, label="Open the Playground", icon=":material/science:")
        return
    key = "prompts:list"
    row = selected_row(key)
    if row is not None and row < len(names):
        st.session_state.pop(key, None)
        set_parameters(prompt=names[row])
        st.rerun()
    st.dataframe(
        pd.DataFrame([_line(name, rows.get(name), has_file=name in files) for name in names]),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
        height=min(680, 30 * (len(names) + 1) + 4),
    )
    st.caption("Click a row to open it.")


def _line(name: str, row: PromptRow | None, *, has_file: bool) -> dict[str, Any]:
    if row is None:
        return {
            "name": name,
            "latest": NOTHING,
            "aliases": "",
            "description": "",
            "tags": "",
            "file": "not saved yet",
            "changed": "",
        }
    aliases = ", ".join(f"{alias} → v{number}" for alias, number in sorted(row.aliases.items()))
    state = ("edited" if lab().prompts.edited(name) else "saved") if has_file else NOTHING
    return {
        "name": name,
        "latest": f"v{row.latest}",
        "aliases": aliases,
        "description": excerpt(row.description, limit=120),
        "tags": excerpt(", ".join(row.tags), limit=60),
        "file": state,
        "changed": when(row.updated_at),
    }


def _describe(row: PromptRow, *, has_file: bool) -> None:
    if row.description:
        st.text(excerpt(row.description, limit=400))
    facts = [f"tags: {', '.join(row.tags)}"] if row.tags else []
    facts += (
        [f"prompts/{row.name}.j2 " + ("has unsaved edits" if lab().prompts.edited(row.name) else "is saved")]
        if has_file
        else []
    )
    if facts:
        st.caption(label(" · ".join(facts), limit=300))


def _file_only(name: str) -> None:
    st.caption(f"prompts/{label(name)}\\.j2 is not a version yet. Using it in an evaluation saves it; or save it now.")
    if st.button("Save as version 1", key="prompts:save-file", icon=":material/save:"):
        lab().prompts.save_file(lab().prompts.path(name))
        st.rerun()
    version = lab().prompts.find(name)
    if version.settings:
        st.caption(label(settings_text(version.settings), limit=300))
    versions.source(version)


if __name__ == "__main__":
    show()
