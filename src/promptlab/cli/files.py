"""`promptlab validate` and `schema`: files checked before anything runs, and what editors need to check them too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from promptlab.cli.console import write
from promptlab.cli.session import OK, USAGE, DatabaseOption
from promptlab.errors import UsageError, WorkspaceError

if TYPE_CHECKING:
    from promptlab.lab import Lab
    from promptlab.validation.validate import Validation

Kind = Literal["suite", "part", "config", "prompt"]

_VALIDATE_EXAMPLES = """\b
Examples:
  promptlab validate
  promptlab validate evals/sentiment.yaml prompts/
  promptlab validate --json

Exit codes: 0 nothing but warnings, 2 an error in a file."""

_SCHEMA_EXAMPLES = """\b
Examples:
  promptlab schema suite > suite.schema.json
  promptlab schema --write schemas

The first line of a suite then points an editor to it:
  # yaml-language-server: $schema=../schemas/suite.schema.json"""


def register(app: typer.Typer) -> None:
    """Adds both commands to the app."""
    app.command(epilog=_VALIDATE_EXAMPLES)(validate)
    app.command(epilog=_SCHEMA_EXAMPLES)(schema)


def validate(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Suites, prompt files, promptlab.toml or folders; default: all here."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Check suites, prompts and promptlab.toml; ask no model."""
    with _lab(db) as lab:
        found = lab.validate(*(Path(file).expanduser() for file in files or ()))
    if as_json:
        from promptlab.exports import json_text

        write(json_text(found.to_json()))
    else:
        from promptlab.cli.words import plain

        lines = [plain(str(finding)) for finding in found.findings]
        write("".join(f"{line}\n" for line in [*lines, _summary(found)]))
    raise typer.Exit(USAGE if found.errors else OK)


def schema(
    kind: Annotated[
        Kind | None, typer.Argument(metavar="KIND", help="suite, part (what a suite includes), config or prompt.")
    ] = None,
    *,
    folder: Annotated[
        str | None, typer.Option("--write", metavar="DIR", help="Write it to DIR/KIND.schema.json; without KIND all.")
    ] = None,
) -> None:
    """Print the JSON Schema of a file, for editors."""
    from promptlab.schemas.published import SCHEMAS, schema_text

    if kind is None and folder is None:
        raise UsageError(f"no KIND is named; it is one of {', '.join(SCHEMAS)}\nsee: promptlab schema --help")
    if folder is None:
        write(schema_text(kind or ""))
        return
    for name in SCHEMAS if kind is None else (kind,):
        path = Path(folder).expanduser() / f"{name}.schema.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(schema_text(name), encoding="utf-8", newline="\n")
        except OSError as error:
            raise WorkspaceError(f"{path}: cannot be written: {error.strerror}; name another folder") from error
        write(f"written  {path}\n")


def _lab(db: str | None) -> Lab:
    """The Lab of the workspace, also where its promptlab.toml is wrong, which is then a finding."""
    from promptlab.config import find_workspace
    from promptlab.lab import Lab

    try:
        return Lab(db)
    except WorkspaceError:
        return Lab(workspace=find_workspace(db=db, configured=False))


def _summary(found: Validation) -> str:
    from promptlab.cli.words import plural

    files = found.files
    parts = [plural(len(some), noun) for some, noun in ((files.suites, "suite"), (files.prompts, "prompt")) if some]
    parts += ["promptlab.toml"] if files.configs else []
    said = [plural(count, noun) for count, noun in ((found.errors, "error"), (found.warnings, "warning")) if count]
    return f"{', '.join(parts)}: {', '.join(said) or 'all well'}"
