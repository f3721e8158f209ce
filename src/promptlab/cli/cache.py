"""`promptlab cache`: what is held to be reused, what that saved, and how to forget it."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from promptlab.cli import words
from promptlab.cli.console import complain, output, write
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab
from promptlab.errors import UsageError

app = typer.Typer(name="cache", help="Answers that are reused: stats, clear.")

_AGE = re.compile(r"(\d+)([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command()
def stats(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Answers by base model, how often they were reused, and what that saved."""
    from promptlab.cli.table import plain_table

    with open_lab(db) as lab:
        models = lab.cache()
    if as_json:
        from dataclasses import asdict

        from promptlab.exports import json_text

        write(json_text([asdict(model) for model in models]))
        return
    if not models:
        print("the cache is empty: answers come into it as base models are asked")
        return
    rows = [
        (
            model.model,
            f"{model.answers:,}",
            words.size(model.characters),
            words.cost(model.cost_usd, model=model.model),
            f"{model.reused:,}",
            words.cost(model.saved_usd, model=model.model),
        )
        for model in models
    ]
    titles = ("base model", "answers", "text", "paid", "reused", "saved")
    output().print(plain_table(titles, rows, right=titles[1:]))


@app.command()
def clear(
    *,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="M", help="Only the answers of this base model.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="AGE", help="Only answers older than 30d, 12h or 10m.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Have answers asked for again from now on; runs keep theirs."""
    before = _before(older_than)
    with open_lab(db) as lab:
        held = sum(item.answers for item in lab.cache() if model in (None, item.model))
        if not held:
            print("nothing to clear")
            return
        some = "those" if older_than else "all"
        question = (
            f"{words.plural(held, 'answer')} {'of ' + model if model else 'of every base model'}: ask {some} again?"
        )
        if not yes and sys.stdin.isatty() and not typer.confirm(question):
            complain("nothing was cleared")
            return
        cleared = lab.clear_cache(model=model, before=before)
    print(f"{words.plural(cleared, 'answer')} will be asked for again; the runs that have them keep them")


def _before(age: str | None) -> datetime | None:
    if age is None:
        return None
    found = _AGE.fullmatch(age.strip())
    if found is None:
        raise UsageError(f"--older-than {age!r}: write a number with d, h or m, as in 30d")
    return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
