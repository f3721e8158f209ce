"""The app as people use it: a real server, a real Chromium, from a template to an opened cell and Back."""

from __future__ import annotations

import re
from pathlib import Path

import driving
import pytest
import seeding
from driving import settle

from promptlab.lab import Lab

pytestmark = [
    pytest.mark.browser,
    # The browser's own pipes and sockets are closed by their garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def reach(page, address) -> None:
    """Waits for an address and for the page that belongs to it: the script starts a moment after the address."""
    page.wait_for_url(address)
    page.wait_for_timeout(500)
    settle(page)


def choose_model(page, name: str) -> None:
    """Leaves this base model alone in the field."""
    box = page.locator(".st-key-models")
    tags = box.locator("[data-baseweb=tag]")
    if tags.all_inner_texts() == [name]:
        return
    while tags.count():
        tags.locator("[role=presentation], [aria-label*=Delete]").first.click()
        settle(page)
    box.locator("input").fill(name)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    settle(page)
    # A click elsewhere closes the list, which would cover the Run button.
    page.locator("[data-testid=stHeading]").first.click()


def type_template(page, text: str) -> None:
    page.locator(".st-key-editor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+Enter")
    settle(page)


def walk(page, address: str, model: str) -> None:
    """Write, preview, run, save, and find the version on the Prompts page."""
    page.goto(f"{address}/playground")
    settle(page)
    type_template(page, "---\nsettings: {max_tokens: 8}\nsamples: {word: tree}\n---\nSay {{ word }}")
    assert "Say tree" in page.locator("[data-testid=stCode]").first.inner_text()
    choose_model(page, model)
    page.locator(".st-key-run button").click()
    page.wait_for_selector("text=/→ \\d+ tokens/", timeout=120_000)
    settle(page)
    page.locator(".st-key-save-name input").fill("journey")
    page.keyboard.press("Tab")
    settle(page)
    page.locator(".st-key-save-note input").fill("first steps")
    page.keyboard.press("Tab")
    settle(page)
    page.locator(".st-key-save button").click()
    page.wait_for_selector("text=saved as journey@1")
    assert "prompt=journey" in page.url
    page.get_by_role("link", name="Prompts").click()
    reach(page, "**/prompts")
    page.goto(f"{address}/prompts?prompt=journey")
    page.wait_for_selector("text=Say {{ word }}")


def click_grid(page, frame, *, row: int, x: int) -> None:
    """Clicks into a table, which is drawn on a canvas: row 0 is the first below the head."""
    box = frame.bounding_box()
    frame.click(position={"x": x, "y": 30 + 30 * row + 15})
    assert box is not None
    page.wait_for_timeout(300)


def test_from_a_template_to_an_opened_cell_and_back(tmp_path: Path, page):
    seeding.small(tmp_path)
    with Lab(workspace=tmp_path) as lab:
        result = lab.evaluate(tmp_path / "sentiment.yaml")
    with driving.served(tmp_path) as address:
        walk(page, address, "fake:echo")
        page.get_by_role("link", name="Runs").click()
        reach(page, "**/runs")
        click_grid(page, page.locator("[data-testid=stDataFrame]").first, row=0, x=300)
        reach(page, f"**/run?run={result.run}")
        grid = page.locator("[data-testid=stDataFrame]").nth(1)
        grid.scroll_into_view_if_needed()
        click_grid(page, grid, row=1, x=40)
        reach(page, "**case=b**")
        opened = page.locator(".st-key-opened")
        assert "case b" in opened.inner_text()
        deep = page.url
        page.keyboard.press("j")
        reach(page, "**case=c**")
        page.go_back()
        reach(page, "**case=b**")
        assert "case b" in opened.inner_text()
        page.get_by_role("link", name="Open in Playground").click()
        reach(page, re.compile(r"/playground\?.*case=b"))
        assert page.locator(".st-key-input-text textarea").input_value() == "a bore"
        page.go_back()
        reach(page, "**case=b**")
        fresh = page.context.new_page()
        fresh.goto(deep)
        settle(fresh)
        assert "case b" in fresh.locator(".st-key-opened").inner_text()


def test_the_run_button_answers_to_ctrl_enter_while_typing(tmp_path: Path, page):
    seeding.small(tmp_path)
    with driving.served(tmp_path) as address:
        page.goto(f"{address}/playground?prompt=plain")
        settle(page)
        choose_model(page, "fake:echo")
        type_template(page, "Hello {{ text }}")
        page.wait_for_selector("text=/→ \\d+ tokens/", timeout=20_000)


@pytest.mark.model
def test_a_real_base_model_streams_into_the_playground(tmp_path: Path, page):
    seeding.small(tmp_path)
    with Lab(workspace=tmp_path) as lab:
        ready = {entry.name for entry in lab.base_models() if entry.state == "ready"}
    if "local:smollm2-135m" not in ready:
        pytest.skip("local:smollm2-135m is not on this machine; run: promptlab models pull smollm2-135m")
    with driving.served(tmp_path) as address:
        walk(page, address, "local:smollm2-135m")
