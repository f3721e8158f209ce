"""The pages of tracking in a real Chromium: experiments with their tabs, Compare, Data sets, Tests, a classic run."""

from __future__ import annotations

import math
from pathlib import Path

import driving
import pytest
from driving import settle

from promptlab.lab import Lab

pytestmark = [
    pytest.mark.browser,
    # The browser's own pipes and sockets are closed by their garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HOSTILE = "<img src=http://127.0.0.1:9/x.png> ![x](http://127.0.0.1:9/y.png) <script>document.title='gone'</script>"
ROWS = {"stay": [10.0, 12.5, 9.0, 14.0, 11.0, 16.0], "page": ["old", "new"] * 3}


@pytest.fixture
def seeded(tmp_path: Path) -> tuple[Path, list[str]]:
    """A workspace with an experiment of three runs, hostile in every text, and their ids."""
    (tmp_path / "promptlab.toml").touch()
    cases = [{"inputs": {"x": number}, "expected": str(number % 2)} for number in range(12)]
    uids = []
    with Lab(workspace=tmp_path) as lab:
        for depth in (3, 5, 9):
            with lab.run(
                f"gbm {HOSTILE}", experiment="churn", params={"depth": depth, "why": HOSTILE}, note=HOSTILE
            ) as run:
                for step in range(30):
                    run.log_metrics(log_loss=depth / 10 + math.exp(-step), step=step)
                run.log_predictions({"cases": cases, "evaluators": ["exact_match"]}, [str(depth % 2)] * 12)
                data = run.log_data(ROWS, name="visits", target="stay", profile=True)
                run.log_test("wilcoxon", [1, 2, 3, 4], [2, 4, 6, 9], hypothesis=HOSTILE, dataset=data)
            uids.append(run.uid)
    return tmp_path, uids


def test_the_pages_of_tracking_are_walked_and_nothing_leaves_the_machine(seeded, chromium):
    workspace, uids = seeded
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    outside: list[str] = []
    with driving.served(workspace) as address:
        inside = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(inside) else outside.append(request.url))

        def look(path: str) -> str:
            page.goto(address + path)
            settle(page)
            assert page.locator("[data-testid=stException]").count() == 0
            return page.locator("[data-testid=stMainBlockContainer]").inner_text()

        assert "Experiments" in look("/experiments")
        look("/experiments?experiment=churn")
        for tab in ("Curves", "Params", "Over time", "Tests", "Settings"):
            page.get_by_role("tab", name=tab).click()
            settle(page)
            assert page.locator("[data-testid=stException]").count() == 0
        look(f"/compare?runs={','.join(uids)}")
        look("/data")
        assert "visits" in look("/data?dataset=visits@1")
        assert "<script>" in look(f"/run?run={uids[0]}")
        assert "3 tests: none significant alone" in look("/tests")
        # The first row, below the head of the table, at its hypothesis.
        page.locator(".stDataFrameGlideDataEditor").first.click(position={"x": 200, "y": 50})
        page.wait_for_selector("text=/Wilcoxon signed-rank test: W/")
        settle(page)
        assert "<script>" in page.locator("[data-testid=stMainBlockContainer]").inner_text()
        assert page.title() != "gone"
    context.close()
    assert outside == []
