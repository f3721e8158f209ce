"""Playground: write a template, see it rendered, run it on several base models side by side, keep it."""

from __future__ import annotations

import streamlit as st

import drafts
import tries
from formats import label
from parts import answers, case_picker, copy_as, draft_form, editor, keep, lint_lines, opener
from promptlab.errors import PromptError, UsageError
from promptlab.lab import Preview
from promptlab.types import Message
from shared import guarded, lab, messages, plain, problem

HEIGHT = 300
LABEL_HEIGHT = 28


@guarded
def show() -> None:
    """Draws the page. Its address: `?prompt=REF`, and `&run=VARIANT&case=KEY` fills in a case."""
    try:
        drafts.arrive()
    except UsageError as error:
        problem(str(error))
        if drafts.SOURCE not in st.session_state:
            drafts.replace(drafts.Origin(), drafts.STARTER)
    came_from = drafts.origin()
    head = st.container()
    source = str(st.session_state.get(drafts.SOURCE) or "")
    left, right = st.columns(2)
    found = case_picker.draw()
    checked = lab().lint(source, found, name=came_from.name or "draft")
    with left:
        inputs = {name: value for case in found[:1] for name, value in case.inputs.items()}
        asked = editor.draw("Template", lint=checked, inputs=inputs, height=HEIGHT)
        lint_lines.draw(checked)
    drafts.autosave()
    preview = _parse(source, came_from.name or "draft", right)
    if asked == "save":
        # Before the fields are drawn, which saving fills anew.
        keep.store_now(source, preview)
    with head:
        opener.draw(came_from, preview)
    _stash()
    values = draft_form.inputs(preview, source) if preview else None
    with right, st.container(gap="xsmall"):
        rendered = _rendered(preview, source, values)
    chosen_case = case_picker.case_now(found)
    chosen_place, settings_place = st.columns(2)
    with chosen_place:
        models = draft_form.models()
    with settings_place:
        settings = draft_form.settings(preview.prompt.settings if preview else {}, came_from.other_settings)
    changed = preview is not None and opener.changed(preview)
    with st.container(horizontal=True, vertical_alignment="center"):
        ready = bool(rendered) and bool(models)
        pressed = st.button(
            "Run", type="primary", icon=":material/play_arrow:", key="run", shortcut="Ctrl+Enter", disabled=not ready
        )
        again = st.toggle("Ask again", key="no-cache", help="Send the calls even where the cache has their answers")
        if preview is not None and values is not None:
            copy_as.draw(
                came_from.version.reference if _unedited(preview) and came_from.version else None,
                models,
                values,
                {**preview.prompt.settings, **settings},
                rendered,
                expected=chosen_case.expected if chosen_case else None,
            )
        st.space("stretch")
        keep.draw(source, preview)
        keep.run_suite(source, preview, models)
    keep.said()
    if (pressed or (asked == "run" and ready)) and preview is not None and values is not None:
        version = came_from.version
        prompt = version.reference if version is not None and _unedited(preview) else preview.prompt
        scorer = case_picker.scorer(chosen_case, values)
        st.session_state["tries"] = tries.start(
            lab(), prompt, models, values, settings=settings, use_cache=not again, scorer=scorer
        )
    current = st.session_state.get("tries")
    if current is not None:
        answers.draw(current)
    elif not models:
        st.caption("Choose at least one base model above. `fake:echo` needs nothing and repeats the prompt.")
    if changed and came_from.version is not None and preview is not None:
        with st.expander(f"Diff to {came_from.words}", key="diff", on_change="rerun") as panel:
            if panel.open:
                plain(
                    lab().prompts.diff(came_from.version, preview.prompt) or "no difference in the text",
                    language="diff",
                )


def _parse(source: str, name: str, place: st.delta_generator.DeltaGenerator) -> Preview | None:
    try:
        return lab().preview(source, {}, name=name)
    except PromptError as error:
        with place:
            st.caption("Rendered")
            problem(str(error))
        return None


def _stash() -> None:
    stash: drafts.Stash | None = st.session_state.get("stash")
    if stash is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Your edited draft of {label(stash.origin.name or 'a new prompt')} is kept.", width="content")
            st.button("Bring it back", key="unstash", on_click=drafts.unstash, type="tertiary")


def _unedited(preview: Preview) -> bool:
    """Whether the draft is a saved version as it is."""
    version = drafts.origin().version
    return version is not None and version.number > 0 and not opener.changed(preview)


def _rendered(preview: Preview | None, source: str, values: dict[str, object] | None) -> tuple[Message, ...]:
    """Draws the rendered messages, and gives them; none where there are none to send."""
    if preview is None or values is None:
        return ()
    st.caption("Rendered")
    try:
        result = lab().preview(source, values, name=preview.prompt.name)
    except PromptError as error:
        problem(str(error))
        return ()
    with st.container(height=HEIGHT - LABEL_HEIGHT, border=True, gap="small"):
        messages(result.messages or ())
    empty = [name for name, value in values.items() if value == ""]
    if empty:
        st.caption(f":orange[:material/warning:] empty: {label(', '.join(sorted(empty)))}")
    return result.messages or ()


if __name__ == "__main__":
    show()
