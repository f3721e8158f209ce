"""The Base models page, in a simulated session."""

from __future__ import annotations


def test_every_known_model_has_its_state_and_what_to_do(app):
    page = app("base_models")
    assert not page.exception
    table = page.dataframe[0].value
    assert "local:smollm2-135m" in list(table["base model"])
    assert any("promptlab models pull" in code.value for code in page.code)
