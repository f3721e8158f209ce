"""The editor of a prompt: CodeMirror with Jinja2, marks at their lines, and what can be written next.

`make editor` bundles it from app/editor. What is typed is in the session after a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

import drafts
from formats import excerpt

if TYPE_CHECKING:
    from promptlab.prompts.lint import Lint

HERE = Path(__file__).resolve().parents[1]
BUNDLE = HERE / "static" / "editor.js"
KEY = "editor"
ASKED = "editor:asked"
DETAIL_CHARACTERS = 40

# Fetched once and kept by the browser: the bundle itself would be sent again with every mark.
_LOADER = """
let bundle;
export default function (component) {
  bundle ??= import(new URL("app/static/editor.js?v=VERSION", document.baseURI).href);
  let stop = null;
  let gone = false;
  bundle.then(
    (module) => { if (!gone) stop = module.default(component); },
    (error) => {
      component.parentElement.querySelector(".pl-editor").textContent = `The editor could not be loaded: ${error}`;
    },
  );
  return () => { gone = true; stop?.(); };
}
"""
Asked = Literal["run", "save"]


def draw(label: str, *, lint: Lint | None, inputs: Mapping[str, Any], height: int) -> Asked | None:
    """Draws the session's draft; gives what was asked for by Ctrl+Enter or Ctrl+S within it."""
    text = str(st.session_state.get(drafts.SOURCE) or "")
    _component()(
        key=KEY,
        data={
            "label": label,
            "text": text,
            "generation": drafts.generation(),
            "height": height,
            "problems": _problems(lint),
            "branches": [[one.first, one.last] for one in lint.unreached] if lint else [],
            "vocabulary": {
                "variables": [
                    {"name": name, "detail": excerpt(str(value), limit=DETAIL_CHARACTERS)}
                    for name, value in inputs.items()
                ],
                **_jinja(),
            },
        },
        on_draft_change=_typed,
        on_done_change=_done,
        height="content",
    )
    asked: Asked | None = st.session_state.pop(ASKED, None)
    return asked


def _problems(lint: Lint | None) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "line": one.line,
            "column": one.column,
            "length": one.length,
            "severity": one.severity,
            "message": one.message,
        }
        for one in (lint.findings if lint else ())
    ]


def _typed() -> None:
    _take((st.session_state.get(KEY) or {}).get("draft"))


def _done() -> None:
    done = (st.session_state.get(KEY) or {}).get("done")
    if done and _take(done):
        st.session_state[ASKED] = done["action"]


def _take(sent: Mapping[str, Any] | None) -> bool:
    """Takes the text that the browser sent, unless another draft stands in the editor by now."""
    if not sent or sent.get("generation") != drafts.generation():
        return False
    st.session_state[drafts.SOURCE] = str(sent.get("text", ""))
    return True


@cache
def _component() -> Any:
    version = sha256(BUNDLE.read_bytes()).hexdigest()[:12]
    return st.components.v2.component(
        "promptlab_editor",
        html='<div class="pl-editor"></div>',
        css=(HERE / "editor" / "editor.css").read_text(encoding="utf-8"),
        js=_LOADER.replace("VERSION", version),
    )


@cache
def _jinja() -> Mapping[str, Sequence[str]]:
    """The filters and tests that a template may use."""
    from jinja2.filters import FILTERS
    from jinja2.tests import TESTS

    words = {"filters": set(FILTERS) - {"random"}, "tests": set(TESTS)}
    return {kind: sorted(name for name in names if name.isidentifier()) for kind, names in words.items()}
