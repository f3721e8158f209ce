"""`promptlab db`: bring the database up to date, copy it, see how large it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from promptlab.cli import words
from promptlab.cli.console import output
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab

app = typer.Typer(name="db", help="The database: upgrade, backup, stats.")


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command()
def upgrade(*, db: DatabaseOption = None) -> None:
    """Create the database, or migrate an older one after a backup."""
    with open_lab(db) as lab:
        path = _file(lab.workspace.db_url)
        before = _backups(path)
        stats = lab.stats()
        made = sorted(_backups(path) - before)
    if stats.before is None:
        print(f"{stats.name}: schema {stats.revision}, created")
    elif stats.before == stats.revision:
        print(f"{stats.name}: schema {stats.revision}, up to date")
    else:
        kept = f"; the old one is kept as {made[0]}" if made else ""
        print(f"{stats.name}: migrated from schema {stats.before} to {stats.revision}{kept}")


@app.command()
def backup(
    to: Annotated[str, typer.Argument(metavar="TO", help="A new file, or a folder that gets one.")] = ".",
    *,
    db: DatabaseOption = None,
) -> None:
    """Copy the database, consistent also while others write."""
    with open_lab(db) as lab:
        path = lab.backup(Path(to).expanduser())
    print(f"{path} ({words.size(path.stat().st_size)})")


@app.command()
def stats(*, db: DatabaseOption = None) -> None:
    """Rows a table and bytes."""
    from promptlab.cli.table import plain_table

    with open_lab(db) as lab:
        found = lab.stats()
    print(f"{found.name}: schema {found.revision}, {words.size(found.bytes)}")
    rows = [(name, f"{count:,}") for name, count in found.rows.items() if count]
    if rows:
        output().print(plain_table(("table", "rows"), rows, right=("rows",)))


def _file(db_url: str) -> Path | None:
    return Path(db_url.removeprefix("sqlite:///")) if db_url.startswith("sqlite:///") else None


def _backups(path: Path | None) -> set[Path]:
    # What a migration keeps stands beside the database, under its name.
    return set(path.parent.glob(f"{path.name}.backup-*")) if path is not None and path.parent.is_dir() else set()
