"""Cases of the workspace's suites for the Playground: which suites there are, and what one of them asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from promptlab.errors import UsageError
from shared import lab

if TYPE_CHECKING:
    from promptlab.types import Case

MOST_CASES = 1000
"""Cases that can be stepped through, and that marks of branches are made from."""


def suites() -> list[str]:
    """The suite files of the workspace, by their path within it."""
    root = lab().workspace.root
    folder = root / "evals"
    return sorted(str(path.relative_to(root)) for pattern in ("*.yaml", "*.yml") for path in folder.glob(pattern))


def cases(suite: str) -> Sequence[Case]:
    """The first thousand cases of a suite; raises UsageError where it is wrong."""
    path = lab().workspace.root / suite
    return _cases(str(path), path.stat().st_mtime_ns if path.is_file() else 0)


@st.cache_data(ttl=60, max_entries=16, show_spinner="Reading the cases")
def _cases(path: str, changed: int) -> list[Case]:  # noqa: ARG001 - the cache's key
    return list(lab().suite(Path(path), limit=MOST_CASES).cases)


def of_prompt(name: str) -> str | None:
    """The first suite that runs this prompt; None where none does or none can be read."""
    for suite in suites():
        try:
            prompts = lab().suite(lab().workspace.root / suite, limit=1).prompts
        except UsageError:
            continue
        if any(reference.partition("@")[0].removesuffix(".j2").rpartition("/")[2] == name for reference in prompts):
            return suite
    return None
