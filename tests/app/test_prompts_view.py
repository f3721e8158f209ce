"""The Prompts page, in a simulated session."""

from __future__ import annotations

from promptlab.lab import Lab


def click(page, key: str, row: int, column: str):
    """The page after a click on a cell of a table."""
    page.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [(row, column)]}}
    return page.run()


def said(page) -> list[str]:
    return [element.value for element in [*page.text, *page.caption]]


def test_the_list_has_files_and_versions_alike(app, lab: Lab):
    lab.prompts.save("rate", "---\ndescription: Rates it\n---\nRate {{ text }}")
    lab.prompts.alias("rate", production=1)
    page = app("prompts")
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["name"]) == ["plain", "rate", "strict"]
    assert list(table["file"]) == ["not saved yet", "—", "not saved yet"]
    assert table["aliases"][1] == "production → v1"


def test_a_click_on_a_row_opens_the_prompt_under_its_own_address(app, lab: Lab):
    lab.prompts.save("rate", "Rate {{ text }}")
    page = click(app("prompts"), "prompts:list", 1, "name")
    assert page.query_params["prompt"] == "rate"
    assert page.subheader[0].value == "rate"
    page.button(key="prompts:back").click().run()
    assert page.subheader[0].value == "Prompts"


def test_a_prompt_shows_versions_source_samples_and_the_difference(app, lab: Lab):
    lab.prompts.save("rate", "---\nsamples: {text: gold}\n---\nRate {{ text }}", note="first")
    lab.prompts.save("rate", "---\nsamples: {text: gold}\n---\nRate {{ text }} now", note="second")
    page = app("prompts", prompt="rate")
    assert not page.exception
    assert list(page.dataframe[0].value["version"]) == ["v2", "v1"]
    assert list(page.dataframe[0].value["note"]) == ["second", "first"]
    codes = [code.value for code in page.code]
    assert any("Rate {{ text }} now" in code for code in codes)
    assert "Rate gold now" in codes
    assert any("+Rate {{ text }} now" in code for code in codes)
    page = click(page, "versions:rate", 1, "version")
    assert "Rate gold" in [code.value for code in page.code]


def test_an_alias_is_set_moved_and_removed(app, lab: Lab):
    lab.prompts.save("rate", "Rate {{ text }}")
    lab.prompts.save("rate", "Rate {{ text }} now")
    page = app("prompts", prompt="rate")
    page.selectbox(key="alias:name").select("production").run()
    page.button(key="alias:set").click().run()
    assert lab.prompts.aliases("rate") == {"production": 2}
    page.selectbox(key="alias:version").select(1).run()
    assert page.button(key="alias:set").label == "Move"
    page.button(key="alias:set").click().run()
    assert lab.prompts.aliases("rate") == {"production": 1}
    page.button(key="alias:remove:production").click().run()
    assert lab.prompts.aliases("rate") == {}


def test_a_file_without_a_version_can_be_saved_here(app, lab: Lab):
    page = app("prompts", prompt="strict")
    page.button(key="prompts:save-file").click().run()
    assert lab.prompts.get("strict").number == 1
    assert list(page.dataframe[0].value["version"]) == ["v1"]


def test_a_prompt_that_is_not_there_is_one_line(app):
    page = app("prompts", prompt="nowhere")
    assert not page.exception
    assert any("no prompt 'nowhere'" in line for line in said(page))


def test_an_empty_workspace_says_what_to_do(app, workspace):
    for file in (workspace / "prompts").iterdir():
        file.unlink()
    page = app("prompts")
    assert any("No prompts yet" in line for line in said(page))
    assert any("promptlab prompts save" in code.value for code in page.code)
