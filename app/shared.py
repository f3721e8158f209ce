"""What every view shares: the Lab, cached; errors in one line; text that is never read as Markdown."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import streamlit as st

from formats import clean, shown
from promptlab.errors import UsageError
from promptlab.lab import Lab
from promptlab.types import Message

if TYPE_CHECKING:
    from promptlab.compare import Comparison
    from promptlab.models.catalogue import ModelEntry
    from promptlab.reports import Report
    from promptlab.store.rows import RunRow

P = ParamSpec("P")

MOST_CELLS = 20_000
"""Of a run with more cells the first so many are looked at in the browser; its figures are of all."""

PLAYGROUND = "views/playground.py"
PROMPTS = "views/prompts.py"
RUNS = "views/runs.py"
RUN = "views/run.py"
EXPERIMENTS = "views/experiments.py"
COMPARE = "views/compare.py"
DATA = "views/data.py"


def lab() -> Lab:
    """The Lab of this process's workspace and database, opened once and shared by all sessions."""
    return _lab(os.environ.get("PROMPTLAB_HOME"), os.environ.get("PROMPTLAB_DB"), str(os.getcwd()))  # noqa: PTH109 - a cache key


@st.cache_resource(show_spinner="Opening the database")
def _lab(home: str | None, db: str | None, folder: str) -> Lab:  # noqa: ARG001 - they are the cache's key
    opened = Lab()
    opened.prompts.files()
    return opened


def base_models() -> Sequence[ModelEntry]:
    """Every base model that is known here and its state, as of a few seconds ago."""
    return _base_models(str(lab().workspace.root))


def forget_base_models() -> None:
    """Has the next look find what is there now."""
    _base_models.clear()


@st.cache_data(ttl=10, show_spinner="Looking for base models")
def _base_models(root: str) -> list[ModelEntry]:  # noqa: ARG001 - the cache's key
    return list(lab().base_models())


def report(run: RunRow) -> Report:
    """A run's report; of one that has ended it is read once, and again when its scores change."""
    if run.status == "running":
        return lab().report(run.uid, most_cells=MOST_CELLS)
    return _report(lab().workspace.db_url, run.uid, _state(run))


def comparison(run: RunRow, *, baseline: str | None = None) -> Comparison:
    """A run's variants against one of them; of a run that has ended it is worked out once, as its report is read."""
    if run.status == "running":
        return lab().compare(run.uid, baseline=baseline)
    return _comparison(lab().workspace.db_url, run.uid, _state(run), baseline)


def _state(run: RunRow) -> str:
    """What is another text once the scores of a run that has ended are other ones."""
    return f"{run.ended_at} {run.status} {lab().changed(run)}"


@st.cache_resource(max_entries=32, show_spinner="Comparing")
def _comparison(db: str, uid: str, state: str, baseline: str | None) -> Comparison:  # noqa: ARG001 - the cache's key
    return lab().compare(uid, baseline=baseline)


@st.cache_resource(max_entries=8, show_spinner="Reading the run")
def _report(db: str, uid: str, state: str) -> Report:  # noqa: ARG001 - the cache's key
    return lab().report(uid, most_cells=MOST_CELLS)


def guarded(draw: Callable[P, None]) -> Callable[P, None]:
    """The same view or part, which shows a user's mistake as one line instead of a traceback."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except UsageError as error:
            problem(str(error))

    return drawn


def problem(text: str, *, icon: str = ":red[:material/error:]") -> None:
    """Draws a message as plain text beside an icon; it may hold names and model output."""
    with st.container(border=True, horizontal=True, vertical_alignment="top", gap="small"):
        st.markdown(icon, width="content")
        st.text(shown(text), width="stretch")


def plain(text: str, *, height: int | None = None, language: str | None = None) -> None:
    """Draws any text in a fixed-width box, line by line, as it is."""
    st.code(clean(text) or " ", language=language, wrap_lines=True, height=height if height is not None else "content")


def messages(rendered: Sequence[Message]) -> None:
    """Draws rendered chat messages, role by role, as plain text."""
    for message in rendered:
        st.caption(f"**{message.role.upper()}**")
        plain(shown(message.content))


def selected_row(key: str) -> int | None:
    """The row, or the row of the cell, that was clicked in the table with this key; None where none is."""
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    rows = (state.get("selection") or {}).get("rows") or []
    cell = selected_cell(key)
    return int(rows[0]) if rows else None if cell is None else cell[0]


def selected_cell(key: str) -> tuple[int, str] | None:
    """Row and column name of the cell that was clicked in the table with this key, before it is drawn again."""
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    cells = (state.get("selection") or {}).get("cells") or []
    return (int(cells[0][0]), str(cells[0][1])) if cells else None


def parameter(name: str) -> str:
    """A parameter of the page's address; empty where it has none."""
    return str(st.query_params.get(name, ""))


def set_parameters(**values: str | None) -> None:
    """Changes parameters of the address; None takes one away. What stays the same adds nothing to the history."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif parameter(name) != value:
            st.query_params[name] = value
