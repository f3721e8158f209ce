"""What the Playground would ask, to take along: Python, curl and YAML, each with a button that copies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

import snippets
from promptlab.types import Message
from shared import lab


def draw(
    reference: str | None,
    models: Sequence[str],
    inputs: Mapping[str, Any],
    settings: Mapping[str, Any],
    messages: Sequence[Message],
    *,
    expected: Any = None,
) -> None:
    """Draws the popover. reference: of the saved version; None for a draft, which has none to be called by."""
    with st.popover("Copy as", icon=":material/content_copy:", key="copy"):
        python, curl, yaml = st.tabs(["Python", "curl", "Suite"])
        unsaved = "Save the draft first: what is copied calls the prompt by its version."
        with python:
            if reference is None:
                st.caption(unsaved)
            else:
                st.code(snippets.python(reference, models, inputs, settings), language="python", wrap_lines=True)
        with curl:
            told = [snippets.curl(model, messages, settings, lab().workspace) for model in models]
            for text in filter(None, told):
                st.code(text, language="shell", wrap_lines=True)
            if not any(told):
                st.caption("None of the chosen base models is on a server: local and fake ones have no address.")
        with yaml:
            if reference is None:
                st.caption(unsaved)
            else:
                text = snippets.suite(reference, models, inputs, settings, expected=expected)
                st.code(text, language="yaml", wrap_lines=True)
