"""What each example leads to in the app, as a PNG: `python tests/app/example_screenshots.py FOLDER`.

The examples run as they are, in a workspace of their own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import driving

from promptlab.lab import Lab

EXAMPLES = ("classification", "regression", "train_sentiment", "exploration")

TABS = {"regression": "Over time"}
HEIGHTS = {"classification": 1700, "regression": 900, "train_sentiment": 900, "exploration": 800}


def main(folder: Path) -> None:
    """Writes example-NAME.png for every example."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        for part in ("examples", "evals", "prompts"):
            shutil.copytree(driving.REPOSITORY / part, workspace / part)
        shutil.copy(driving.REPOSITORY / "promptlab.toml", workspace)
        for example in EXAMPLES:
            subprocess.run([sys.executable, workspace / "examples" / f"{example}.py"], check=True)
        with driving.served(workspace) as address, driving.browser() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
            for example, path in addresses(workspace).items():
                page.goto(address + path)
                driving.settle(page, seconds=60)
                if example in TABS:
                    page.get_by_role("tab", name=TABS[example]).click()
                    driving.settle(page)
                page.set_viewport_size({"width": 1280, "height": HEIGHTS[example]})
                page.wait_for_timeout(2000)
                page.screenshot(path=str(folder / f"example-{example.replace('_', '-')}.png"))
                print(folder / f"example-{example.replace('_', '-')}.png")


def addresses(workspace: Path) -> dict[str, str]:
    """Example -> the page that it leads to."""
    with Lab(workspace=workspace) as lab:
        families = [run.uid for run in reversed(lab.runs(experiment="breast-cancer"))]
        tested = lab.tests("diabetes")
        variants = [run.uid for run in reversed(lab.runs(kinds=["prompt"]))]
    return {
        "classification": f"/compare?runs={','.join(families)}",
        "regression": "/experiments?experiment=progression",
        "train_sentiment": f"/compare?runs={','.join(variants)}",
        "exploration": f"/tests?experiment=diabetes&test={tested[0].id}",
    }


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
