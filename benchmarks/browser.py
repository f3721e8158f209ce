"""Each page of the app in a real Chromium, on a database of 1,000 prompts, 10,000 runs and 1,000,000 outputs.

    python benchmarks/browser.py                       # about six minutes, half of them the database
    python benchmarks/browser.py --keep /tmp/large     # the database stays there and is used again

Opening a page, from its address to a page at rest, is to take at most 2 s, a click on it at most 1 s (medians).
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.big_database import make
from support.workspace import verdict

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "app"))

import driving

from promptlab import Lab

OPEN_SECONDS, CLICK_SECONDS = 2.0, 1.0
SUITE = """
name: cases
prompts: [prompt-0001]
models: ["fake:echo"]
cases: [{inputs: {x: a}}, {inputs: {x: b}}]
evaluators: [exact_match]
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page by its address, and a click on it."""

    path: str
    click: Callable[[Any], None]


def visits(workspace: Path) -> Mapping[str, Visit]:
    """The pages by name."""
    with Lab(workspace=workspace) as lab:
        evaluations = lab.runs(kinds=["eval"], limit=3)
        variants = lab.run_detail(evaluations[0].uid).children
        other = lab.run_detail(evaluations[1].uid).children[0]
        classic = lab.search("kind = 'train'", limit=2)
    evaluation = f"/run?run={evaluations[0].uid}"

    def button(text: str) -> Callable[[Any], None]:
        return lambda page: page.locator("button:visible", has_text=text).first.click()

    def link(text: str) -> Callable[[Any], None]:
        return lambda page: page.get_by_role("link", name=text).first.click()

    def chosen(label: str, place: int) -> Callable[[Any], None]:
        def choose(page: Any) -> None:
            page.get_by_label(label).first.click()
            page.locator("[role=option]").nth(place).click()

        return choose

    def tab(text: str) -> Callable[[Any], None]:
        return lambda page: page.get_by_role("tab", name=text).first.click()

    return {
        "home": Visit("/", link("Runs")),
        "playground": Visit("/playground?prompt=prompt-0500", lambda page: page.get_by_text("Ask again").first.click()),
        "prompts": Visit("/prompts", link("Suites")),
        "a prompt": Visit("/prompts?prompt=prompt-0500", tab("Diff")),
        "suites": Visit("/suites?suite=evals/cases.yaml", button("Calls and cost")),
        "experiments": Visit("/experiments?experiment=churn", tab("Curves")),
        "runs": Visit("/runs", button("Older")),
        "leaderboard": Visit("/runs?metric=exact_match", chosen("Metric", 2)),
        "leaderboard on shared cases": Visit("/runs?metric=exact_match&on=cases", tab("List")),
        "an evaluation": Visit(evaluation, button("Failed")),
        "a cell": Visit(f"{evaluation}&case=case+7&variant={variants[0].uid}", lambda page: page.keyboard.press("j")),
        "a classic run": Visit(f"/run?run={classic[0].uid}", link("Runs")),
        "compare": Visit(f"/compare?runs={variants[0].uid[:12]},{other.uid[:12]}", button("Both pass")),
        "compare classic runs": Visit(f"/compare?runs={classic[0].uid[:12]},{classic[1].uid[:12]}", link("Runs")),
        "tests": Visit("/tests", link("Data sets")),
        "data sets": Visit("/data", link("Base models")),
        "a data set": Visit("/data?dataset=cases", tab("Runs")),
        "base models": Visit("/base-models", link("Prompts")),
    }


def at_rest(page: Any) -> None:
    """Waits until the page is drawn and its script rests."""
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid=stApp]');
            return app && app.getAttribute('data-test-script-state') === 'notRunning'
                && app.getAttribute('data-test-connection-state') === 'CONNECTED'
                && document.querySelector('[data-testid=stMainBlockContainer] [data-testid]') !== null
                && document.querySelector('[data-testid=stSkeleton]') === null
                && document.querySelector('[data-stale=true]') === null;
        }""",
        timeout=60_000,
        polling=20,
    )


def timed(page: Any, action: Callable[[], object]) -> float:
    """Seconds from an action to a page at rest."""
    begin = time.perf_counter()
    action()
    page.wait_for_timeout(60)  # until the click has reached the server and the script runs
    at_rest(page)
    return time.perf_counter() - begin


def measure(workspace: Path, *, repeats: int, only: str) -> bool:
    """Whether every page met its limits; prints each."""
    met = True
    with driving.served(workspace) as address, driving.browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        at_rest(page)
        for name, visit in visits(workspace).items():
            if only and only not in name:
                continue
            opened, clicked = [], []
            for _ in range(repeats):
                opened.append(timed(page, lambda: page.goto(address + visit.path)))  # noqa: B023 - called at once
                clicked.append(timed(page, lambda: visit.click(page)))  # noqa: B023 - called at once
            first, usual, click = opened[0], statistics.median(opened), statistics.median(clicked)
            good = usual <= OPEN_SECONDS and click <= CLICK_SECONDS
            met = met and good
            mark = "" if good else "   <- above"
            print(f"{usual:6.2f} s  {click:6.2f} s a click  {name} (first {first:.2f} s){mark}", flush=True)
    return met


def main() -> None:
    """Print each page's time to open and to answer a click."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--metrics", type=int, default=1_000_000)
    parser.add_argument("--outputs", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="pages whose name has this")
    parser.add_argument("--keep", type=Path, help="a folder in which the database stays")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not (folder / ".promptlab" / "lab.db").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "promptlab.toml").write_text("")
            (folder / "evals").mkdir()
            (folder / "evals" / "cases.yaml").write_text(SUITE)
            counts = {name: getattr(arguments, name) for name in ("runs", "metrics", "outputs", "prompts")}
            path = make(folder, **counts)
            print(f"{path.stat().st_size / 1e6:,.0f} MB: {counts}", flush=True)
        met = measure(folder, repeats=arguments.repeats, only=arguments.only)
    verdict(f"browser: pages open within {OPEN_SECONDS:g} s and answer a click within {CLICK_SECONDS:g} s", met=met)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
