"""Fixtures of the app's tests: a small workspace, the app on it, and for the browser tests a server and Chromium."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "app"))

import driving
import seeding

from promptlab.lab import Lab


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of two prompts and a suite, which the app finds through the environment."""
    seeding.small(tmp_path)
    monkeypatch.setenv("PROMPTLAB_HOME", str(tmp_path))
    monkeypatch.delenv("PROMPTLAB_DB", raising=False)
    return tmp_path


@pytest.fixture
def lab(workspace: Path) -> Iterator[Lab]:
    """The Lab that the app uses itself."""
    import streamlit as st

    import shared

    found = shared.lab()
    assert found.workspace.root == workspace
    yield found
    st.cache_resource.clear()
    st.cache_data.clear()
    found.close()


@pytest.fixture
def app(lab: Lab) -> Any:
    """Opens a page of the app: app("run", run=uid) -> a simulated session, drawn."""
    from streamlit.testing.v1 import AppTest

    def open_page(name: str, **parameters: str) -> AppTest:
        test = AppTest.from_file(str(driving.APP / "main.py"), default_timeout=30)
        test.run()
        test.switch_page(f"views/{name}.py")
        for key, value in parameters.items():
            test.query_params[key] = value
        return test.run()

    return open_page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium, shared by the browser tests of a file.

    It ends with the file: while Playwright runs, its event loop is the main thread's, and no other test has one.
    """
    with driving.browser() as started:
        yield started
