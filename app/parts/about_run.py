"""What people say about a run and what it ran in: name, note, tags to edit; command, commit, environment to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import excerpt, plural, shown
from shared import guarded, lab, plain

if TYPE_CHECKING:
    from promptlab.store.rows import RunDetail

OWN_TAGS = "promptlab."


def note(detail: RunDetail) -> None:
    """Draws the run's note, and what changes it."""
    if detail.run.note:
        with st.container(border=True):
            st.text(shown(detail.run.note))
    with st.expander("Edit name, note, tags", icon=":material/edit:"):
        _edit(detail)


@guarded
def _edit(detail: RunDetail) -> None:
    run = detail.run
    name = st.text_input("Name", run.name, key=f"about:name:{run.uid}")
    text = st.text_area("Note", run.note, key=f"about:note:{run.uid}", placeholder="what one should know of this run")
    tags = {key: value for key, value in detail.tags.items() if not key.startswith(OWN_TAGS)}
    frame = pd.DataFrame({"tag": list(tags), "value": list(tags.values())}, dtype=str)
    edited = st.data_editor(frame, num_rows="dynamic", hide_index=True, key=f"about:tags:{run.uid}", width="stretch")
    if st.button("Save", key="about:save", type="primary"):
        _save(detail, name or run.name, text or "", edited, tags)


def _save(detail: RunDetail, name: str, text: str, edited: pd.DataFrame, before: dict[str, str]) -> None:
    handle = lab().reopen(detail.run.uid)
    if name != detail.run.name:
        handle.rename(name)
    if text != detail.run.note:
        handle.set_note(text)
    wanted = {
        str(tag): "" if pd.isna(value) else str(value)
        for tag, value in zip(edited["tag"], edited["value"], strict=True)
        if not pd.isna(tag) and str(tag)
    }
    changed = {tag: value for tag, value in wanted.items() if before.get(tag) != value}
    if changed:
        handle.set_tags(changed)
    for tag in before:
        if tag not in wanted:
            handle.delete_tag(tag)
    st.rerun()


def environment(detail: RunDetail) -> None:
    """Draws what it ran in, folded away."""
    run = detail.run
    found = lab().environment(run.uid)
    if found is None and not run.command:
        return
    with st.expander("Code and environment", icon=":material/terminal:"):
        if run.command:
            st.caption("Command, keys masked")
            plain(run.command, language="shell")
        if run.git_sha:
            st.caption("Commit")
            plain(run.git_sha)
        if found is not None:
            packages = found.get("packages") or {}
            st.caption(
                excerpt(f"Python {found.get('python')} on {found.get('platform')}, {found.get('cpus')} CPUs", limit=200)
            )
            st.caption(plural(len(packages), "package"))
            frame = pd.DataFrame({"package": list(packages), "version": list(packages.values())})
            st.dataframe(frame, hide_index=True, key="environment", row_height=28, height=240)
