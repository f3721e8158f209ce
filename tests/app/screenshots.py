"""Every page of the app as a PNG: `python tests/app/screenshots.py FOLDER`, wide and narrow, light and dark.

It draws the workspace's own database, or where that has no evaluation, one like the demo's, answered by scripts.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import driving
import seeding

from promptlab.lab import Lab

SIZES = [(1280, 800), (800, 800)]
SCHEMES = ["light", "dark"]


def main(folder: Path) -> None:
    """Writes PAGE-WIDTH-SCHEME.png for every page."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        workspace = driving.REPOSITORY
        pages = addresses(workspace)
        if not pages:
            workspace = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            seeding.demo(workspace, driving.REPOSITORY)
            pages = addresses(workspace)
        models = other_models(workspace)
        address = stack.enter_context(driving.served(workspace, log=folder / "streamlit.log"))
        browser = stack.enter_context(driving.browser())
        for width, height in SIZES:
            for scheme in SCHEMES:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                for name, path in pages.items():
                    page.goto(address + path)
                    driving.settle(page)
                    if name == "playground-answers":
                        run_tries(page, models)
                    if name == "run-cell":
                        # The grid is not in the window's first screen of a long summary; the opened cell has to be.
                        page.locator(".st-key-opened").scroll_into_view_if_needed()
                    page.wait_for_timeout(500)
                    path_of_image = folder / f"{name}-{width}-{scheme}.png"
                    page.screenshot(path=str(path_of_image))
                    print(path_of_image)
                page.close()


def addresses(workspace: Path) -> dict[str, str]:
    """Page name -> address, for what the workspace's database holds; empty where it has no evaluation."""
    if not (workspace / ".promptlab" / "lab.db").is_file():
        return {}
    with Lab(workspace=workspace) as lab:
        evaluations = [lab.report(run.uid) for run in lab.runs(kinds=["eval"], limit=20)]
        if not evaluations:
            return {}
        best = max(evaluations, key=lambda report: (len(report.variants), report.ended))
        cells = [cell for cell in best.cells if any(score.passed is False for score in cell.scores.values())]
        cell = (cells or list(best.cells))[0]
        variant = next(variant for variant in best.variants if variant.id == cell.run_uid)
        trained = lab.runs(kinds=["train"], limit=1)
        prompts = lab.prompts.list()
        name = max(prompts, key=lambda row: row.versions).name if prompts else ""
    try_case = f"prompt={quote(variant.prompt or '')}&run={variant.id}&case={quote(cell.key)}"
    case = f"run={best.run.uid}&case={quote(cell.key)}&variant={cell.run_uid}"
    return {
        "playground": "/playground",
        "playground-answers": f"/playground?{try_case}",
        "prompts": "/prompts",
        "prompt": f"/prompts?prompt={quote(name)}",
        "suites": "/suites?suite=evals/sentiment.yaml",
        "runs": "/runs",
        "leaderboard": "/runs?metric=exact_match",
        "run": f"/run?run={best.run.uid}",
        "run-cell": f"/run?{case}",
        **({"run-classic": f"/run?run={trained[0].uid}"} if trained else {}),
        "experiments": "/experiments",
        "experiment": f"/experiments?experiment={quote((trained or [best.run])[0].experiment)}",
        "compare": f"/compare?runs={','.join(variant.id for variant in best.variants[:3])}",
        "tests": "/tests",
        "data": "/data",
        "base-models": "/base-models",
    }


def other_models(workspace: Path) -> list[str]:
    """Base models of the evaluations beside the first one, for the Playground; `fake:echo` where there is one only."""
    with Lab(workspace=workspace) as lab:
        runs = lab.runs(kinds=["prompt"], limit=40)
    models = dict.fromkeys(run.model for run in reversed(runs) if run.model and "fail" not in run.model)
    return [*models][1:3] or ["fake:echo"]


def run_tries(page: Any, models: list[str]) -> None:
    """Adds base models, runs, and waits for the answers."""
    for model in models:
        page.locator(".st-key-models input").fill(model)
        page.wait_for_timeout(300)
        page.keyboard.press("Enter")
        driving.settle(page)
    page.locator("[data-testid=stHeading]").first.click()
    page.locator(".st-key-run button").click()
    page.wait_for_selector("text=/→ \\d+ tokens/", timeout=120_000)
    driving.settle(page, seconds=120)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
