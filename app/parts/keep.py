"""Keeping the Playground's draft: as a new version with a note, or not at all where nothing changed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

import autosave
import drafts
from parts import case_picker
from promptlab.errors import UsageError
from promptlab.lab import Preview
from shared import RUN, lab, problem


def draw(source: str, preview: Preview | None) -> None:
    """Draws name, note and button in a row."""
    name = st.text_input(
        "Save under",
        key="save:name",
        placeholder="name to save under",
        label_visibility="collapsed",
        width=170,
        persist_state="session",
    )
    note = st.text_input(
        "Note",
        key="save:note",
        placeholder="note: what changed, and why",
        label_visibility="collapsed",
        width=220,
        persist_state="session",
    )
    st.button(
        "Save version",
        key="save",
        icon=":material/save:",
        disabled=preview is None or not name,
        on_click=_store,
        args=(source, name, note),
    )


def run_suite(source: str, preview: Preview | None, models: Sequence[str]) -> None:
    """Draws the button that saves the draft, where it is new, and runs the chosen suite with it on all its cases."""
    path = case_picker.suite_now()
    if path is None:
        return
    name = str(st.session_state.get("save:name") or "").strip()
    pressed = st.button(
        "Save and run suite",
        key="run-suite",
        icon=":material/checklist:",
        help=f"All cases of {path}, in a process of its own.",
        disabled=preview is None or not name or not models,
    )
    if pressed:
        try:
            version = (
                lab()
                .prompts.save_source(name, source, note=str(st.session_state.get("save:note") or "").strip(), file=True)
                .prompt
            )
            lab().check(lab().workspace.root / path, prompts=[version.reference], models=list(models))
            job = lab().launch(path, prompts=[version.reference], models=list(models))
        except UsageError as error:
            problem(str(error))
            return
        drafts.come_from(drafts.Origin(version, drafts.origin().other_settings))
        st.switch_page(RUN, query_params={"job": job.id})


def store_now(source: str, preview: Preview | None) -> None:
    """Saves under the name in the field, as the button does; says what is missing where it cannot."""
    name = str(st.session_state.get("save:name") or "")
    if preview is None:
        st.session_state["saved"] = ("the template has a mistake: mend it, then save", False)
    elif not name.strip():
        st.session_state["saved"] = ("give it a name to save under first", False)
    else:
        _store(source, name, str(st.session_state.get("save:note") or ""))
        st.rerun()


def said() -> None:
    """Draws once what the last saving did."""
    found: tuple[str, bool] | None = st.session_state.pop("saved", None)
    if found is not None:
        text, fine = found
        problem(text, icon=":green[:material/check_circle:]" if fine else ":red[:material/error:]")


def _store(source: str, name: str, note: str) -> None:
    try:
        saved = lab().prompts.save_source(name.strip(), source, note=note.strip(), file=True)
    except UsageError as error:
        st.session_state["saved"] = (str(error), False)
        return
    version = saved.prompt
    autosave.forget(lab().workspace.root, drafts.origin().name)
    drafts.come_from(drafts.Origin(version, drafts.origin().other_settings))
    st.session_state["save:name"], st.session_state["save:note"] = version.name, ""
    st.session_state.pop("stash", None)
    st.query_params["prompt"] = version.reference
    st.session_state["arrived"] = (version.reference, "", "")
    text = f"saved as {version.reference}" if saved.created else f"identical to v{version.number}, nothing saved"
    if saved.file is not None:
        text += f"; {saved.file.name} has it too"
    elif lab().prompts.edited(version.name):
        text += f"; {version.name}.j2 has unsaved edits of its own and was left alone"
    st.session_state["saved"] = (text, True)
