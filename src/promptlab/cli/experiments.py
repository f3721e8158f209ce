"""`promptlab experiments`: the drawers that runs are in: list, make, rename, set a goal, delete, restore."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from promptlab.cli import words
from promptlab.cli.console import output, write
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab

app = typer.Typer(name="experiments", help="Experiments, which runs are in: list, create, rename, delete, restore.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="An experiment.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command("list")
def list_experiments(
    *,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were deleted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """List experiments, the one with the newest run first."""
    from promptlab.cli.table import plain_table

    with open_lab(db) as lab:
        rows = lab.experiments.list(deleted=deleted)
    if as_json:
        from promptlab.exports import json_text

        write(json_text([{**asdict(row), "goal": row.goal} for row in rows]))
        return
    if not rows:
        print("no deleted experiments" if deleted else "no experiments yet")
        return
    lines = [
        (row.name, f"{row.runs:,}", words.when(row.active_at) if row.active_at else "", row.goal or "", row.description)
        for row in rows
    ]
    table = plain_table(("experiment", "runs", "newest run", "goal", "description"), lines, right=("runs",))
    output().print(table)


@app.command()
def create(
    name: NameArgument,
    *,
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is about.")] = "",
    goal: Annotated[str | None, typer.Option(metavar="METRIC", help="What its runs are compared by.")] = None,
    db: DatabaseOption = None,
) -> None:
    """Make an experiment, or describe one that is there; a run that names a new one makes it too."""
    with open_lab(db) as lab:
        row = lab.experiments.create(name, description=description, goal=goal)
    print(f"experiment {words.plain(row.name)}: {words.plural(row.runs, 'run')}")


@app.command()
def rename(
    name: NameArgument,
    to: Annotated[str, typer.Argument(metavar="TO", help="Its new name.")],
    *,
    db: DatabaseOption = None,
) -> None:
    """Give an experiment another name; its runs stay in it."""
    with open_lab(db) as lab:
        lab.experiments.rename(name, to)
    print(f"experiment {words.plain(name)} is now {words.plain(to)}")


@app.command()
def goal(
    name: NameArgument,
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="The metric that its runs are compared by.")],
    *,
    direction: Annotated[
        Literal["higher", "lower"] | None, typer.Option(metavar="WAY", help="higher or lower is better.")
    ] = None,
    db: DatabaseOption = None,
) -> None:
    """Say by which metric the runs of an experiment are compared."""
    with open_lab(db) as lab:
        lab.experiments.set_goal(name, metric, direction=direction)
        way = lab.direction(metric)
    print(f"experiment {words.plain(name)} is after a {way} {words.plain(metric)}")


@app.command()
def delete(name: NameArgument, *, db: DatabaseOption = None) -> None:
    """Hide an experiment with its runs; nothing is lost, `restore` brings it back."""
    with open_lab(db) as lab:
        lab.experiments.delete(name)
    shown = words.plain(name)
    print(f"experiment {shown} is deleted; back with: promptlab experiments restore {shlex.quote(shown)}")


@app.command()
def restore(name: NameArgument, *, db: DatabaseOption = None) -> None:
    """Bring a deleted experiment back."""
    with open_lab(db) as lab:
        lab.experiments.restore(name)
    print(f"experiment {words.plain(name)} is back")
