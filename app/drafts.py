"""The Playground's draft: where it came from, and how a version, a case or a run is loaded into it.

The draft lives in the session, so it survives a switch of pages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

import autosave as autosave_file
from formats import value_text
from promptlab.errors import PromptError
from promptlab.types import PromptVersion
from shared import lab, parameter

SOURCE = "draft"
MODELS = "models"
SETTINGS = ("temperature", "max_tokens", "top_p", "seed")

STARTER = """---
description: What this prompt is for
samples: {text: "The film is slow, but it stays with you."}
---
system:
You are a careful film critic.
user:
{{ text }}

Is this praise or panning? Answer with one word.
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the draft was loaded from. version: None for a new prompt; other_settings: those without a field."""

    version: PromptVersion | None = None
    other_settings: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The prompt's name; empty for a new one."""
        return self.version.name if self.version else ""

    @property
    def words(self) -> str:
        """How people call it: `v3`, `the file`, `new`."""
        if self.version is None:
            return "new"
        return f"v{self.version.number}" if self.version.number else "the file"


@dataclass(frozen=True, slots=True)
class Stash:
    """An edited draft that another one replaced, kept so that nothing typed is lost."""

    origin: Origin
    source: str


def origin() -> Origin:
    """Where the draft came from."""
    found: Origin = st.session_state.setdefault("origin", Origin())
    return found


def arrive() -> None:
    """Loads what the address names, once: `?prompt=REF`, with `&run=VARIANT&case=KEY` for a case of a run."""
    wanted = (parameter("prompt"), parameter("run"), parameter("case"))
    if any(wanted):
        if st.session_state.get("arrived") != wanted:
            st.session_state["arrived"] = wanted
            _load(*wanted)
    else:
        st.session_state["arrived"] = None
    if SOURCE not in st.session_state:
        first = _first_reference()
        _load(first, "", "") if first else replace(Origin(), STARTER)
    _find_kept()


def autosave() -> None:
    """Keeps the draft on disk while it is edited, so that a closed browser loses nothing."""
    source, name, root = str(st.session_state.get(SOURCE) or ""), origin().name, lab().workspace.root
    if source.strip() and edited(source, origin()):
        autosave_file.keep(root, name, source)
        st.session_state["kept"] = name
    elif st.session_state.get("kept") == name:
        # It was edited in this session, and is now as it was, or saved.
        autosave_file.forget(root, name)


def _find_kept() -> None:
    """Offers the draft that an earlier session left of the prompt that is opened; once for each."""
    name = origin().name
    looked = st.session_state.setdefault("kept:looked", set())
    if name in looked or st.session_state.get("stash") is not None:
        return
    looked.add(name)
    source = autosave_file.kept(lab().workspace.root, name)
    if source is not None and source.strip() != str(st.session_state.get(SOURCE) or "").strip():
        st.session_state["stash"] = Stash(origin(), source)


def replace(new: Origin, source: str) -> None:
    """Puts another text in the editor; an edited one is kept in the stash."""
    before = st.session_state.get(SOURCE)
    if before and before.strip() != source.strip() and edited(before, origin()):
        st.session_state["stash"] = Stash(origin(), before)
    st.session_state[SOURCE] = source
    come_from(new)
    st.session_state["save:name"] = new.name
    st.session_state["save:note"] = ""
    fill_in({})


def fill_in(inputs: Mapping[str, Any]) -> None:
    """Has the form's fields begin with these inputs, and with the prompt's samples where one is not among them."""
    for key in [key for key in st.session_state if str(key).startswith("input:")]:
        del st.session_state[key]
    st.session_state["case"] = dict(inputs)


def come_from(new: Origin) -> None:
    """Notes what the draft in the editor is now a copy of."""
    st.session_state["origin"] = new
    st.session_state["generation"] = generation() + 1


def generation() -> int:
    """How many drafts this session has had: widgets that belong to one draft carry it in their keys."""
    return int(st.session_state.get("generation", 0))


def edited(source: str, came_from: Origin) -> bool:
    """Whether the text differs from what it came from, by its letters; the digest decides when it is saved."""
    before = came_from.version.source if came_from.version else STARTER
    return source.strip() != before.strip()


def unstash() -> None:
    """Brings the kept draft back in place of the one in the editor."""
    stash: Stash | None = st.session_state.pop("stash", None)
    if stash is not None:
        replace(stash.origin, stash.source)


def start_value(variable: str, samples: Mapping[str, Any]) -> Any:
    """What a variable's field begins with: the value of the case that was loaded, else the prompt's sample."""
    case: Mapping[str, Any] = st.session_state.get("case") or {}
    return case.get(variable, samples.get(variable, ""))


def input_text(value: Any) -> str:
    """How a field shows its value."""
    return value if isinstance(value, str) else value_text(value)


def read_input(text: str, start: Any) -> Any:
    """A field's value: text, or JSON where it began as a number, a list or the like. Raises PromptError."""
    if isinstance(start, str):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise PromptError(f"not valid JSON: {error.msg} in line {error.lineno}") from error


def _first_reference() -> str:
    known = sorted(lab().prompts.list(), key=lambda row: row.updated_at, reverse=True)
    if known:
        return known[0].name
    files = lab().prompts.files()
    return files[0].stem if files else ""


def _find(reference: str) -> PromptVersion:
    """The prompt version; for a file that holds what a version has, that version."""
    found = lab().prompts.find(reference)
    if not found.number and any(row.name == found.name for row in lab().prompts.list()):
        return next((version for version in lab().prompts.log(found.name) if version.digest == found.digest), found)
    return found


def _load(reference: str, run_uid: str, case_key: str) -> None:
    version = _find(reference) if reference else None
    case: Mapping[str, Any] = {}
    settings: dict[str, Any] = {}
    if run_uid:
        detail = lab().cell(run_uid, case_key)
        case, settings = detail.cell.inputs, dict(detail.run.settings or {})
        if detail.run.model and detail.run.model.partition(":")[0] != "python":
            st.session_state[MODELS] = [detail.run.model]
        for name in SETTINGS:
            st.session_state[f"setting:{name}"] = settings.pop(name, None)
    source = version.source if version else st.session_state.get(SOURCE, STARTER)
    replace(Origin(version, settings or None), source)
    st.session_state["case"] = dict(case)
