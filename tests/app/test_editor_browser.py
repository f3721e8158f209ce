"""The editor in a real Chromium: marks, completion, keys, and that nothing typed is lost."""

from __future__ import annotations

from pathlib import Path

import driving
import pytest
import seeding
from driving import settle

from promptlab.lab import Lab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def write(page, text: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def text_of(page) -> str:
    return "\n".join(page.locator(".cm-line").all_inner_texts())


def test_a_template_is_written_marked_completed_saved_and_kept(tmp_path: Path, page):
    seeding.small(tmp_path)
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "films.yaml").write_text(seeding.SUITE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    with driving.served(tmp_path) as address:
        page.goto(f"{address}/playground?prompt=plain")
        settle(page)
        page.wait_for_selector(".cm-content")

        # A mistake is marked at its line, and gone when it is mended.
        write(page, f"{HOSTILE}\n{{{{ text | nofilter }}}}")
        page.wait_for_selector(".cm-lint-marker-error", timeout=10_000)
        assert page.locator("text=line 2: No filter named").count()
        page.keyboard.press("Control+z")
        page.wait_for_selector(".cm-lint-marker-error", state="detached", timeout=10_000)

        # What can be written next: variables of the data, then filters.
        write(page, "")
        page.keyboard.type("{{ te", delay=30)
        page.wait_for_selector(".cm-tooltip-autocomplete", timeout=10_000)
        page.wait_for_timeout(200)  # CodeMirror takes no Enter for a choice that came up this moment
        page.keyboard.press("Enter")
        page.keyboard.type(" | upp", delay=30)
        page.wait_for_selector(".cm-tooltip-autocomplete", timeout=10_000)
        page.wait_for_timeout(200)  # CodeMirror takes no Enter for a choice that came up this moment
        page.keyboard.press("Enter")
        assert text_of(page).startswith("{{ text | upper")

        # A branch that no case renders, and a hostile text that stays a text.
        write(page, f"{HOSTILE}\n{{% if text == 'never' %}}\nnever\n{{% endif %}}\n{{{{ text }}}}")
        page.wait_for_selector(".pl-never", timeout=10_000)
        page.wait_for_selector("text=1 branch of 1 that none of 4 cases renders: line 3")
        settle(page)
        assert HOSTILE in page.locator("[data-testid=stCode]").first.inner_text()

        # Saved from the keyboard; typing goes on, and another page loses nothing.
        page.locator(".cm-content").click()
        page.keyboard.press("Control+s")
        page.wait_for_selector("text=saved as plain@", timeout=10_000)
        page.keyboard.press("Control+End")
        page.keyboard.insert_text("\nand more")
        page.get_by_role("link", name="Base models").first.click(delay=90)
        page.wait_for_url(f"{address}/base-models*")
        settle(page)
        page.get_by_role("link", name="Playground").first.click(delay=90)
        page.wait_for_url(f"{address}/playground*")
        settle(page)
        page.wait_for_selector(".cm-content")
        assert "and more" in text_of(page)
        page.wait_for_selector("text=edited since v")
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
    assert any("app/static/editor.js?v=" in url for url in asked)
    with Lab(workspace=tmp_path) as lab:
        assert HOSTILE in lab.prompts.get("plain").source
