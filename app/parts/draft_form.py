"""The Playground's form: a field for every variable, base models and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

import drafts
from formats import label, settings_text, value_text
from promptlab.errors import PromptError
from promptlab.lab import Preview
from shared import base_models, problem

FIELDS = 3
"""Fields in one row."""
LONG = 240
"""Inputs of more characters, or of several lines, get a taller field."""


def inputs(preview: Preview, source: str) -> dict[str, Any] | None:
    """What the form's fields hold, one a variable of the template; None where one of them cannot be read."""
    names = sorted(preview.variables, key=lambda name: (source.find(name), name))
    if not names:
        st.caption("This template has no variables. Write `{{ text }}` where an input belongs.")
        return {}
    values: dict[str, Any] = {}
    broken = False
    places = st.columns(min(FIELDS, len(names)))
    for position, name in enumerate(names):
        start = drafts.start_value(name, preview.prompt.samples)
        key, start_text = f"input:{name}", drafts.input_text(start)
        if key not in st.session_state:
            st.session_state[key] = start_text
        with places[position % FIELDS]:
            as_json = "" if isinstance(start, str) else " (JSON)"
            text = st.text_area(
                f"{label(name)}{as_json}",
                key=key,
                height=72 if len(start_text) < LONG and "\n" not in start_text else 140,
                persist_state="session",
            )
            try:
                values[name] = drafts.read_input(text or "", start)
            except PromptError as error:
                problem(f"{name}: {error}")
                broken = True
    return None if broken else values


def models() -> list[str]:
    """The base models that were chosen; a full name that is not listed can be typed."""
    entries = [entry for entry in base_models() if entry.ability == "generate"]
    ready = [entry.name for entry in entries if entry.state == "ready" and entry.exact]
    if drafts.MODELS not in st.session_state:
        st.session_state[drafts.MODELS] = ready[:1]
    chosen = st.session_state[drafts.MODELS]
    picked = st.multiselect(
        "Base models",
        [*ready, *(name for name in chosen if name not in ready)],
        key=drafts.MODELS,
        accept_new_options=True,
        placeholder="Choose base models, or type a name such as openai:gpt-4o-mini",
        persist_state="session",
    )
    waiting = [entry for entry in entries if entry.state != "ready"]
    if waiting:
        names = ", ".join(f"{entry.name} ({entry.state})" for entry in waiting[:3])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"not ready: {label(names, limit=110)}", width="content")
            st.page_link("views/base_models.py", label="how to get them")
    return list(picked)


def settings(of_prompt: Mapping[str, Any], other: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings that were filled in; what is left empty is the prompt's own, shown in the empty field."""

    def hint(name: str) -> str:
        return f"{value_text(of_prompt[name])} (prompt)" if name in of_prompt else "default"

    given: dict[str, Any] = dict(other or {})
    places = st.columns(4)
    temperature = places[0].number_input(
        "temperature",
        0.0,
        2.0,
        None,
        0.1,
        key="setting:temperature",
        placeholder=hint("temperature"),
        persist_state="session",
    )
    max_tokens = places[1].number_input(
        "max_tokens",
        1,
        None,
        None,
        1,
        key="setting:max_tokens",
        placeholder=hint("max_tokens"),
        persist_state="session",
    )
    top_p = places[2].number_input(
        "top_p", 0.0, 1.0, None, 0.05, key="setting:top_p", placeholder=hint("top_p"), persist_state="session"
    )
    seed = places[3].number_input(
        "seed", 0, None, None, 1, key="setting:seed", placeholder=hint("seed"), persist_state="session"
    )
    named = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p, "seed": seed}
    given |= {name: value for name, value in named.items() if value is not None}
    rest = {name: value for name, value in {**of_prompt, **given}.items() if name not in drafts.SETTINGS}
    if rest:
        st.caption(f"also: {label(settings_text(rest), limit=200)}")
    return given
