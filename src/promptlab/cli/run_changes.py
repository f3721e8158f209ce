"""`promptlab runs rename|note|tag|stop|rescore|retry|delete|restore|download`: what is done with stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from promptlab.cli import words
from promptlab.cli.session import DatabaseOption, open_lab
from promptlab.errors import UsageError

UidArgument = Annotated[str, typer.Argument(metavar="UID", help="A run's id, or the first 4 digits or more of it.")]
UidsArgument = Annotated[list[str], typer.Argument(metavar="UID...", help="Runs.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `promptlab runs`."""
    for command in (rename, note, tag, stop, rescore, retry, delete, restore, download):
        app.command()(command)


def rename(
    uid: UidArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
    *,
    db: DatabaseOption = None,
) -> None:
    """Give a run another name; its id stays."""
    with open_lab(db) as lab:
        lab.reopen(uid).rename(name)
        print(f"run {lab.find_run(uid).uid[:8]} is now {words.plain(name)}")


def note(
    uid: UidArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note; an empty one takes it away.")],
    *,
    db: DatabaseOption = None,
) -> None:
    """Write a note on a run, in place of the one it has."""
    with open_lab(db) as lab:
        lab.reopen(uid).set_note(text)
        print(f"noted on run {lab.find_run(uid).uid[:8]}")


def tag(
    uid: UidArgument,
    pairs: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="Tags; KEY= takes one away.")],
    *,
    db: DatabaseOption = None,
) -> None:
    """Set tags of a run, or take them away."""
    values = dict(_pair(pair) for pair in pairs)
    with open_lab(db) as lab:
        run = lab.reopen(uid)
        for key in (key for key, value in values.items() if not value):
            run.delete_tag(key)
        kept = {key: value for key, value in values.items() if value}
        if kept:
            run.set_tags(kept)
        print(f"run {run.uid[:8]} has {words.plural(len(lab.run_detail(uid).tags), 'tag')}")


def stop(uid: UidArgument, *, db: DatabaseOption = None) -> None:
    """Ask a running evaluation, in whatever process, to stop: no new call, those in flight may end."""
    with open_lab(db) as lab:
        run = lab.stop(uid)
        print(f"run {run.uid[:8]} was asked to stop; go on with it: promptlab eval --resume {run.uid[:8]}")


def rescore(
    uid: UidArgument,
    *,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CASE=VALUE", help="What is expected of a case from now on; JSON where it was no text before."
        ),
    ] = None,
    db: DatabaseOption = None,
) -> None:
    """Score a run's answers again, in place, by its evaluators as they are now; no base model is asked."""
    values = dict(_pair(pair, "write CASE=VALUE, as in case-7=negative") for pair in expect or [])
    with open_lab(db) as lab:
        before = {cell.key: cell.expected for cell in lab.report(uid).cells} if values else {}
        ended = lab.rescore(
            uid, expected={key: lab.read_expected(value, before.get(key)) for key, value in values.items()}
        )
        for variant in ended.report.variants:
            scores = ", ".join(
                f"{words.plain(name)} {interval.mean:.3g}"
                for name, interval in variant.scores.items()
                if interval.mean is not None
            )
            print(f"{words.plain(variant.name)}: {scores or 'no scores'}")
        print(f"run {ended.run[:8]} is scored again, without a call")


def retry(
    uid: Annotated[str, typer.Argument(metavar="UID", help="A variant's id, or the first 4 digits or more of it.")],
    case: Annotated[str, typer.Argument(metavar="CASE", help="The id of a case.")],
    *,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Which repeat, from 1.")] = 1,
    db: DatabaseOption = None,
) -> None:
    """Ask one case of a variant again, past the cache; the answer that it has stays if the call fails."""
    with open_lab(db) as lab:
        again = lab.ask_again(uid, case, repeat=repeat - 1)
    if again.error is not None:
        raise UsageError(f"case '{case}' has no new answer: {again.error}")
    print(words.plain(again.cell.cell.output or "(empty)"))


def delete(uids: UidsArgument, *, db: DatabaseOption = None) -> None:
    """Hide runs and all below them; nothing is lost, `restore` brings them back."""
    with open_lab(db) as lab:
        for uid in [lab.find_run(uid).uid for uid in uids]:
            lab.delete_run(uid)
            print(f"run {uid[:8]} is deleted; back with: promptlab runs restore {uid[:8]}")


def restore(uids: UidsArgument, *, db: DatabaseOption = None) -> None:
    """Bring deleted runs back, with what was deleted with them."""
    with open_lab(db) as lab:
        for uid in [lab.find_run(uid).uid for uid in uids]:
            lab.restore_run(uid)
            print(f"run {uid[:8]} is back")


def download(
    uid: UidArgument,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Artifacts; default: all.")] = None,
    *,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where they are written; nothing is replaced.")] = Path(),
    db: DatabaseOption = None,
) -> None:
    """Write the artifacts of a run as files below a folder."""
    with open_lab(db) as lab:
        paths = lab.save_artifacts(uid, to, names=names or None)
    for path in paths:
        print(words.plain(str(path)))
    if not paths:
        print("this run has no artifacts")


def _pair(text: str, remedy: str = "write KEY=VALUE, as in team=search; KEY= takes a tag away") -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"{text!r}: {remedy}")
    return key, value
