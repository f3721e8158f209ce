"""The Playground's title row: open any prompt and version, see whether the draft was edited since."""

from __future__ import annotations

import streamlit as st

import drafts
from formats import label
from promptlab.lab import Preview
from shared import lab, set_parameters


def draw(came_from: drafts.Origin, preview: Preview | None) -> None:
    """Draws the title row: which prompt and version is in the editor, and whether it was edited."""
    rows = {row.name: row for row in lab().prompts.list()}
    names = sorted({*rows, *(path.stem for path in lab().prompts.files())})
    title, prompt, version, mark = st.columns([1.3, 2, 1.3, 3], vertical_alignment="center")
    title.subheader("Playground", anchor=False)
    generation = drafts.generation()
    prompt_key, version_key = f"pick:prompt:{generation}", f"pick:version:{generation}"
    prompt.selectbox(
        "Prompt",
        names,
        index=names.index(came_from.name) if came_from.name in names else None,
        key=prompt_key,
        label_visibility="collapsed",
        placeholder="Open a prompt",
        on_change=_pick,
        args=(generation, prompt_key, None),
    )
    if came_from.name in rows:
        numbers = [item.number for item in lab().prompts.log(came_from.name)]
        by_number = {number: alias for alias, number in rows[came_from.name].aliases.items()}
        current = came_from.version.number if came_from.version else 0
        version.selectbox(
            "Version",
            numbers,
            index=numbers.index(current) if current in numbers else None,
            key=version_key,
            label_visibility="collapsed",
            placeholder="the file",
            format_func=lambda number: f"v{number} {by_number.get(number, '')}".strip(),
            on_change=_pick,
            args=(generation, prompt_key, version_key),
        )
    if preview is not None and changed(preview):
        words = f"edited since {came_from.words}" if came_from.version else "a new prompt, not saved"
        mark.markdown(f":orange[:material/edit: {words}]")
    elif came_from.version is not None and not came_from.version.number:
        mark.markdown(":orange[:material/edit: the file, not saved as a version yet]")
    elif came_from.version is not None:
        mark.markdown(f":gray[:material/check: {label(came_from.version.reference)} as saved]")


def _pick(generation: int, prompt_key: str, version_key: str | None) -> None:
    if generation != drafts.generation():
        # A browser that has not heard of the new draft yet sends its fields once more, and that counts as a change.
        return
    name = st.session_state.get(prompt_key)
    number = st.session_state.get(version_key) if version_key else None
    if name:
        st.session_state["arrived"] = None
        set_parameters(prompt=f"{name}@{number}" if number else name, run=None, case=None)


def changed(preview: Preview) -> bool:
    """Whether the draft differs from the version it came from, by the digest that versions go by."""
    version = drafts.origin().version
    return version is None or preview.prompt.digest != version.digest
