"""Small workspaces for the app's tests and screenshots, made through the public Lab with fake models only."""

from __future__ import annotations

import json
import math
import random
import shutil
from pathlib import Path
from urllib.parse import quote

from promptlab.lab import Lab

PLAIN = """---
description: Is a sentence praise or panning?
tags: [sentiment]
settings: {temperature: 0, max_tokens: 4}
samples: {text: "it 's slow , boring , and dull ."}
---
system:
You judge film reviews.
user:
{{ text }}
Answer with one word: positive or negative.
"""

SUITE = """
name: sentiment
prompts: [plain, strict]
models: ["fake:script?file=good.jsonl", "fake:script?file=poor.jsonl"]
cases:
  - {id: a, inputs: {text: a joy}, expected: positive}
  - {id: b, inputs: {text: a bore}, expected: negative}
  - {id: c, inputs: {text: a mess}, expected: negative}
  - {id: d, inputs: {text: a gem}, expected: positive}
evaluators: [exact_match, {contains: {word: "{{ expected }}", as: mentions}}]
gates: {exact_match: ">= 0.75"}
"""

GOOD = {"a joy": "positive", "a bore": "negative", "a mess": "negative", "a gem": "positive"}
POOR = {"a joy": "positive\n", "a bore": "positive", "a mess": "negative"}


def small(folder: Path) -> None:
    """A workspace of two prompts and one suite of four cases, one of which `poor` cannot answer."""
    (folder / "promptlab.toml").write_text("")
    (folder / "prompts").mkdir()
    (folder / "prompts" / "plain.j2").write_text(PLAIN)
    (folder / "prompts" / "strict.j2").write_text(PLAIN.replace("one word:", "exactly one word:"))
    (folder / "sentiment.yaml").write_text(SUITE)
    _script(folder / "good.jsonl", GOOD)
    _script(folder / "poor.jsonl", POOR, last={"output": "", "status": "quota"})


def train(lab: Lab, *, name: str = "tfidf", accuracy: float = 0.84) -> str:
    """A classic run with params, a curve, tags and an artifact; its uid."""
    with lab.run(name, params={"C": 1.0, "ngrams": "1-2"}, tags={"data": "sst2"}) as run:
        for step in range(20):
            run.log_metrics(loss=0.7 * math.exp(-step / 6) + 0.2, step=step)
        run.log_metrics(accuracy=accuracy, exact_match=accuracy)
        run.log_text("precision recall", "report.txt")
        return run.uid


def demo(folder: Path, repository: Path) -> None:
    """A database like that of `make demo`, answered by scripts instead of base models."""
    (folder / "promptlab.toml").write_text('[endpoints.ollama]\nbase_url = "http://localhost:11434/v1"\n')
    (folder / "prompts").mkdir(exist_ok=True)
    for path in sorted((repository / "prompts").glob("*.j2")):
        (folder / "prompts" / path.name).write_text(path.read_text())
    shutil.copytree(repository / "evals", folder / "evals", dirs_exist_ok=True)
    cases = [json.loads(line) for line in (repository / "evals" / "data" / "sst2.jsonl").read_text().splitlines()]
    chance = random.Random(7)
    for model, right in (("smollm2", 0.66), ("gemma", 0.86)):
        answers = {}
        for case in cases:
            expected = case["expected"]
            other = "negative" if expected == "positive" else "positive"
            answer = expected if chance.random() < right else chance.choice([other, f"{other}\n", "The sentence is"])
            answers[case["inputs"]["text"]] = answer
        _script(folder / f"{model}.jsonl", answers)
    (folder / "sst2.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    models = [f"fake:script?file={model}.jsonl&seconds=0.01" for model in ("smollm2", "gemma")]
    (folder / "sentiment.yaml").write_text(
        "name: sentiment\nprompts: [sentiment-plain, sentiment-fewshot]\n"
        f"models: {json.dumps(models)}\nsettings: {{temperature: 0, max_tokens: 4}}\ncases: sst2.jsonl\n"
        'evaluators: [exact_match, {contains: {word: "{{ expected }}", as: mentions}}, latency]\n'
    )
    with Lab(workspace=folder) as lab:
        train(lab, name="tfidf-logreg")
        lab.evaluate(folder / "sentiment.yaml", limit=12, models=["fake:fail?status=connection&retry_after=0"])
        lab.evaluate(folder / "sentiment.yaml")
        latest = lab.prompts.get("sentiment-plain")
        lab.prompts.alias("sentiment-plain", production=latest.number)
        lab.prompts.save("sentiment-plain", latest.source + "\nOne word only.\n", note="say how long the answer is")


def hostile(folder: Path, port: int) -> str:
    """A workspace in which every text that a user, a file or a model can write tries to reach the port; its text."""
    bait = (
        f"![x](http://127.0.0.1:{port}/leak) <img src='http://127.0.0.1:{port}/leak'> [y](javascript:alert(1)) "
        f"<script src='http://127.0.0.1:{port}/leak'></script> :red[x] $x$ \x1b[31m\x1b]8;;http://127.0.0.1:{port}/leak\x07z"
    )
    (folder / "promptlab.toml").write_text("")
    (folder / "prompts").mkdir()
    head = json.dumps({"description": bait, "tags": [bait], "samples": {"text": bait}})
    (folder / "prompts" / "trap.j2").write_text(f"---\n{head}\n---\n{{{{ text }}}}\n")
    key = bait.replace("\x1b", "").replace("\x07", "")
    suite = {
        "name": "trap",
        "prompts": ["trap"],
        "models": ["fake:echo", f"fake:say?text={quote(bait)}", f"fake:fail?status=client&message={quote(bait)}"],
        "cases": [{"id": key, "inputs": {"text": bait}, "expected": bait, "metadata": {bait: bait}}],
        "evaluators": ["exact_match"],
    }
    (folder / "trap.yaml").write_text(json.dumps(suite))
    with Lab(workspace=folder) as lab:
        lab.evaluate(folder / "trap.yaml")
        lab.prompts.save("trap", f"{bait} {{{{ text }}}}", note=bait, by=bait)
        with lab.run(bait, params={bait: bait}, tags={bait: bait}) as run:
            run.log_metrics({bait: 1.0}, step=1)
            run.log_metrics({bait: 2.0}, step=2)
            run.log_text(bait, bait)
    return bait


def hostile_outputs(port: int) -> dict[str, str]:
    """Ten outputs that try to reach a port of this machine, or to break the page, by what they try."""
    away = f"http://127.0.0.1:{port}"
    return {
        "image": f"![x]({away}/markdown) <img src='{away}/img'><svg><image href='{away}/svg'/></svg>",
        "html": f"<iframe src='{away}/frame'></iframe><script src='{away}/s'></script><body onload=fetch('{away}/on')>",
        "javascript": "[click](javascript:alert(1)) <a href='javascript:alert(1)'>x</a>",
        "css": f"<style>*{{background:url({away}/css)}}</style><p style='background:url({away}/inline)'>x</p>",
        "huge": "long " * 60_000,
        "right-to-left": "\u202egnp.exe\u202c \u2066evil\u2069 שלום",
        "terminal": f"\x1b[31mred\x1b]8;;{away}/osc\x07link\x1b]8;;\x07\x00\x07",
        "formula": f'=HYPERLINK("{away}/formula","x")',
        "streamlit": f':red[x] :material/home: $\\href{{{away}/tex}}{{x}}$ :link[{away}] [y]({away}/link "t")',
        "refresh": f"<meta http-equiv=refresh content='0;url={away}/refresh'><link rel=stylesheet href='{away}/sheet'>",
    }


def hostile_runs(folder: Path, port: int) -> None:
    """Adds a suite of ten cases to a workspace, whose outputs are all hostile, and runs it twice."""
    outputs = hostile_outputs(port)
    _script(folder / "hostile.jsonl", {f"<{name}>": output for name, output in outputs.items()})
    cases = [
        {"id": name, "inputs": {"text": f"<{name}>"}, "expected": output[:500], "metadata": {"tags": [output[:80]]}}
        for name, output in outputs.items()
    ]
    models = ["fake:script?file=hostile.jsonl", "fake:echo"]
    suite = {"name": "ten", "prompts": ["trap"], "models": models, "cases": cases}
    (folder / "evals").mkdir(exist_ok=True)
    (folder / "hostile.jsonl").replace(folder / "evals" / "hostile.jsonl")
    models[0] = "fake:script?file=evals/hostile.jsonl"
    suite["evaluators"] = ["exact_match", {"contains": {"word": "{{ expected }}", "as": "mentions"}}]
    (folder / "evals" / "ten.yaml").write_text(json.dumps(suite))
    with Lab(workspace=folder) as lab:
        lab.evaluate(folder / "evals" / "ten.yaml")
        lab.evaluate(folder / "evals" / "ten.yaml", repeats=2)


def _script(path: Path, answers: dict[str, str], last: dict[str, str] | None = None) -> None:
    lines: list[dict[str, str]] = [{"input": text, "output": answer} for text, answer in answers.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *([last] if last else [])]))
