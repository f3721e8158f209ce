"""Texts that a model, a file or a user wrote to reach out or to break the page, on every page in a real Chromium."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

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
def listener() -> Iterator[tuple[int, list[str]]]:
    """A port that hostile texts try to reach, and the paths that were asked of it."""
    seen: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, seen
    server.shutdown()
    server.server_close()


def addresses(workspace: Path) -> list[str]:
    """Every page, and everything on it that a hostile text can stand in."""
    with Lab(workspace=workspace) as lab:
        mixed = next(run for run in lab.runs(kinds=["eval"]) if run.name == "trap")
        repeated, ten = (run for run in lab.runs(kinds=["eval"]) if run.name == "ten")
        classic = lab.runs(kinds=["train"])[0]
        trapped = lab.report(mixed.uid).variants
        key = lab.report(mixed.uid).cells[0].key
        hostile, echo = lab.report(ten.uid).variants
        cases = [cell.key for cell in lab.report(ten.uid).cells if cell.run_uid == hostile.id]
    pages = ["/", "/playground?prompt=trap", "/prompts", "/prompts?prompt=trap", "/suites?suite=evals/ten.yaml"]
    pages += ["/experiments", "/experiments?experiment=Default", "/runs", "/tests", "/data", "/data?dataset=ten"]
    pages += ["/base-models", "/runs?metric=exact_match", "/runs?metric=exact_match&on=ten", "/compare"]
    pages += [f"/run?run={run.uid}" for run in (mixed, ten, repeated, classic)]
    pages += [f"/run?run={mixed.uid}&case={quote(key)}&variant={variant.id}" for variant in trapped]
    pages += [f"/run?run={ten.uid}&case={quote(case)}&variant={hostile.id}" for case in cases]
    pages += [f"/compare?runs={hostile.id[:12]},{echo.id[:12]}", f"/compare?runs={ten.uid[:12]},{classic.uid[:12]}"]
    pages += [f"/playground?prompt=trap@1&run={hostile.id}&case={quote(case)}" for case in cases[:2]]
    pages += [f"/{page}={quote(key)}" for page in ("prompts?prompt", "playground?prompt", "run?run", "data?dataset")]
    return pages


def open_everything(page) -> None:
    """Opens what is folded: expanders, tabs, popovers."""
    closed = page.locator("[data-testid=stExpander] details:not([open]) > summary:visible")
    for _ in range(12):
        if not closed.count():
            break
        closed.first.click()
        page.wait_for_timeout(150)
        settle(page)
    for tab in page.get_by_role("tab").all():
        if tab.is_visible():
            tab.click()
            page.wait_for_timeout(100)
    for popover in page.locator("[data-testid=stPopover] button:visible").all():
        popover.click()
        page.wait_for_timeout(100)
        page.keyboard.press("Escape")


def test_nothing_hostile_leaves_any_page(tmp_path: Path, chromium, listener):
    port, seen = listener
    seeding.hostile(tmp_path, port)
    seeding.hostile_runs(tmp_path, port)
    asked: list[str] = []
    with driving.served(tmp_path) as address:
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(f"dialog:{dialog.message}") or dialog.dismiss())
        for path in addresses(tmp_path):
            page.goto(address + path)
            settle(page)
            open_everything(page)
            assert not page.locator("[data-testid=stException]").count(), path
            away = f"[href^='http://127.0.0.1:{port}'], [src*='{port}'], [style*='{port}']"
            assert not page.locator(f"{away}, [href^=javascript], iframe[src*=frame]").count(), path
        context.close()
    own = urlsplit(address).netloc
    foreign = [url for url in asked if urlsplit(url).netloc != own and urlsplit(url).scheme not in ("data", "blob")]
    assert (seen, foreign) == ([], [])


def test_a_hostile_answer_in_the_playground_reaches_nothing(tmp_path: Path, chromium, listener):
    port, seen = listener
    seeding.hostile(tmp_path, port)
    seeding.hostile_runs(tmp_path, port)
    with driving.served(tmp_path) as address, Lab(workspace=tmp_path) as lab:
        ten = next(run for run in lab.runs(kinds=["eval"]) if run.name == "ten")
        hostile = lab.report(ten.uid).variants[0]
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(f"{address}/playground?prompt=trap@1&run={hostile.id}&case=image")
        settle(page)
        page.locator(".st-key-run button").click()
        page.wait_for_selector("text=/→ \\d+ tokens/", timeout=60_000)
        settle(page)
        assert "<svg>" in page.locator("[data-testid=stCode]").last.inner_text() or page.get_by_text("<svg>").count()
        context.close()
    assert seen == []
