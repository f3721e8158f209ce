"""`promptlab prompts`: files and versions, their differences and aliases."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from promptlab.cli import words
from promptlab.cli.console import output, write
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab, read_text
from promptlab.errors import PromptError, PromptNotFoundError, UsageError
from promptlab.prompts.reference import parse_reference

if TYPE_CHECKING:
    from rich.console import Console

    from promptlab.lab import Lab
    from promptlab.sync import Prompt

app = typer.Typer(name="prompts", help="Prompt files and their versions.")

DataOption = Annotated[
    str | None, typer.Option("--data", metavar="SUITE", help="Also look at the cases of this suite file.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A prompt's name.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command("list")
def list_prompts(*, db: DatabaseOption = None) -> None:
    """List prompts: latest version, aliases, file with or without edits."""
    from promptlab.cli.table import plain_table

    with open_lab(db) as lab:
        rows = _rows(lab)
    if not rows:
        print("no prompts yet: write prompts/NAME.j2, or start with: promptlab init")
        return
    output().print(plain_table(("name", "latest", "aliases", "file", "description"), rows, right=("latest",)))


@app.command()
def show(
    reference: Annotated[str, typer.Argument(metavar="REF", help="name, name@3, name@alias or prompts/name.j2.")],
    *,
    source: Annotated[bool, typer.Option("--source", help="Only the text of its file, as it is.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Show one version: settings, variables and messages."""
    from promptlab.sync import source_of

    with open_lab(db) as lab:
        prompt = lab.prompts.find(reference)
        same = prompt if prompt.number else _saved_as(lab, prompt)
    if source:
        text = source_of(prompt)
        write(words.plain(text) if sys.stdout.isatty() else text)
        return
    _print_prompt(output(), same or prompt)


@app.command()
def save(
    name: NameArgument,
    *,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="F", help="Another file than prompts/NAME.j2; - is stdin.")
    ] = None,
    note: Annotated[str, typer.Option("--note", "-n", metavar="TEXT", help="What changed, for the log.")] = "",
    db: DatabaseOption = None,
) -> None:
    """Save a file as a new version; equal content saves nothing."""
    with open_lab(db) as lab:
        if file is None:
            path = lab.prompts.path(parse_reference(name).name)
            if not path.is_file():
                raise PromptError(f"prompt '{name}': there is no file {path}; write it, or name another with --file")
            saved = lab.prompts.save_file(path, note=note)
        else:
            saved = lab.prompts.save_source(name, read_text(file, what=f"prompt '{name}'"), note=note)
    if saved.created:
        print(f"saved {saved.prompt.reference}")
    else:
        print(f"nothing saved: the content is that of {saved.prompt.reference}")


@app.command()
def log(name: NameArgument, *, db: DatabaseOption = None) -> None:
    """List the versions of a prompt, newest first."""
    from promptlab.cli.table import plain_table

    with open_lab(db) as lab:
        versions = lab.prompts.log(name)
        aliases = lab.prompts.aliases(name)
    rows = [
        (
            str(version.number),
            words.when(version.at),
            version.by,
            ", ".join(alias for alias, number in aliases.items() if number == version.number),
            version.digest[:8],
            version.note,
        )
        for version in versions
    ]
    output().print(plain_table(("version", "saved", "by", "aliases", "digest", "note"), rows, right=("version",)))


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="name, name@3, name@alias or prompts/name.j2.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    *,
    data: DataOption = None,
    db: DatabaseOption = None,
) -> None:
    """Show what differs between two versions: in their files, or with --data in what the cases of a suite are sent."""
    with open_lab(db) as lab:
        if data is not None:
            found = lab.prompts.rendered_diff(a, b, lab.suite(data).cases)
            print(f"{len(found.changed):,} of {len(found.changed) + found.same:,} cases are sent something else")
            for one in found.changed:
                print(f"\ncase {words.excerpt(one.key)}")
                _print_diff(one.diff)
            return
        text = lab.prompts.diff(a, b)
    if not text:
        print(f"no difference between {a} and {b}")
        return
    _print_diff(text)


@app.command()
def lint(
    references: Annotated[
        list[str], typer.Argument(metavar="REF...", help="name, name@3, name@alias or prompts/name.j2.")
    ],
    *,
    data: DataOption = None,
    db: DatabaseOption = None,
) -> None:
    """Say what is doubtful about prompts: shadowed and unused names; with --data also what a suite's cases lack.

    With --data, branches of the template that none of the first 1,000 cases renders are named too. Exit code 1 where
    something is wrong, 0 with warnings alone.
    """
    from promptlab.prompts.lint import MOST_CASES
    from promptlab.sync import source_of

    wrong = 0
    with open_lab(db) as lab:
        cases = lab.suite(data, limit=MOST_CASES).cases if data is not None else ()
        for reference in references:
            found = lab.lint(source_of(lab.prompts.find(reference)), cases, name=reference)
            wrong += sum(one.severity == "error" for one in found.findings)
            for one in found.findings:
                place = f"{one.line}:{one.column}" if one.column else f"{one.line}"
                print(f"{reference}:{place}: {one.severity}: {words.plain(one.message)}")
            for branch in found.unreached:
                lines = f"{branch.first}" if branch.first == branch.last else f"{branch.first}-{branch.last}"
                print(f"{reference}:{lines}: info: none of {found.cases:,} cases renders this branch ({branch.kind})")
            if not found.findings and not found.unreached:
                print(f"{reference}: nothing doubtful")
    if wrong:
        raise typer.Exit(1)


@app.command()
def alias(
    name: NameArgument,
    alias_name: Annotated[str, typer.Argument(metavar="ALIAS", help="The alias, or alias and version: production=3.")],
    number: Annotated[int | None, typer.Argument(metavar="N", help="The version's number.")] = None,
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Take the alias away.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Point an alias at a version: alias refund production=3."""
    label, equals, after = alias_name.partition("=")
    if equals and number is None and after.isdecimal():
        number = int(after)
    elif equals:
        raise UsageError(f"'{alias_name}': write ALIAS=NUMBER, as in production=3")
    if (number is None) != delete:
        raise UsageError(f"alias '{label}' of prompt '{name}': give a version, as in {label}=3, or --delete")
    with open_lab(db) as lab:
        lab.prompts.alias(name, **{label: number})
    print(f"{name}@{label} is gone" if number is None else f"{name}@{label} is {name}@{number}")


def _rows(lab: Lab) -> list[tuple[str, str, str, str, str]]:
    registered = {row.name: row for row in lab.prompts.list()}
    files = {path.stem for path in lab.prompts.files()}
    rows = []
    for name in sorted({*registered, *files}):
        row = registered.get(name)
        if row is None:
            rows.append((name, words.ABSENT, "", *_unsaved(lab, name)))
            continue
        state = "none" if name not in files else "edited" if lab.prompts.edited(name) else "saved"
        aliases = ", ".join(f"{alias}={number}" for alias, number in sorted(row.aliases.items()))
        rows.append((name, str(row.latest), aliases, state, row.description))
    return rows


def _unsaved(lab: Lab, name: str) -> tuple[str, str]:
    try:
        return "not saved", lab.prompts.find(name).description
    except PromptError as error:
        return "broken", words.excerpt(str(error).replace(f"{lab.workspace.root}/", ""), 200)


def _saved_as(lab: Lab, prompt: Prompt) -> Prompt | None:
    """The newest version with a file's content; None where there is none."""
    try:
        versions = lab.prompts.log(prompt.name)
    except PromptNotFoundError:
        return None
    return next((version for version in versions if version.digest == prompt.digest), None)


def _print_prompt(console: Console, prompt: Prompt) -> None:
    from rich.text import Text

    from promptlab.cli.table import FAINT, STRONG, pairs_of

    heading = Text(prompt.reference, STRONG)
    heading.append("  its file, not saved" if not prompt.number else f"  {words.when(prompt.at)} by {prompt.by}", FAINT)
    console.print(heading)
    facts = {
        "description": prompt.description,
        "tags": ", ".join(prompt.tags),
        "note": prompt.note,
        "variables": ", ".join(sorted(prompt.variables())),
        "settings": ", ".join(f"{name}={value!r}" for name, value in prompt.settings.items()),
        "response_schema": "yes" if prompt.response_schema else "",
        "digest": prompt.digest[:12],
    }
    console.print(pairs_of({name: value for name, value in facts.items() if value}))
    for message in prompt.messages:
        console.print()
        console.print(Text(f"{message.role}:", FAINT))
        console.print(Text(words.plain(message.content)), soft_wrap=True)


def _print_diff(text: str) -> None:
    from rich.text import Text

    console = output()
    for line in words.plain(text).splitlines():
        console.print(Text(line, _diff_style(line)), soft_wrap=True)


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "bold"
    if line.startswith("@@"):
        return "dim"
    return {"+": "green", "-": "red"}.get(line[:1], "")
