"""What every command shares: the `--db` option, the open Lab, values given as `name=value`, how commands end."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.errors import UsageError

if TYPE_CHECKING:
    from promptlab.lab import Lab

OK = 0
GATE_FAILED = 1
USAGE = 2
CELL_FAILED = 3
INTERRUPTED = 130

_PRECEDENCE = (INTERRUPTED, USAGE, GATE_FAILED, CELL_FAILED, OK)


def worst(codes: Sequence[int]) -> int:
    """The exit code that stands for several: 130 before 2 before 1 before 3 before 0."""
    return next((code for code in _PRECEDENCE if code in codes), OK)


def _database(context: typer.Context, value: str | None) -> str | None:
    # `--db` may stand before the command or after it; the context hands it down, and the later one wins.
    if value is None:
        return context.obj if isinstance(context.obj, str) else None
    context.obj = value
    return value


DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        callback=_database,
        help="Database URL or file; else PROMPTLAB_DB, else .promptlab/lab.db in the workspace.",
        show_default=False,
    ),
]


@contextmanager
def open_lab(db: str | None) -> Iterator[Lab]:
    """The Lab of the current workspace; what was written is committed when the block ends."""
    from promptlab.lab import Lab

    with Lab(db) as lab:
        yield lab


def help_without_command(context: typer.Context) -> None:
    """Prints a group's help and ends well, where no command of it was named."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(OK)


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Settings of `name=value` texts; a value that is JSON is that, any other is text. Raises UsageError."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--setting {pair!r}: write name=value, as in --setting temperature=0.2")
        settings[name.strip()] = _json_or_text(value)
    return settings


def parse_where(pairs: Sequence[str]) -> dict[str, list[str]]:
    """Filters of `field=value` texts, by field its values. Raises UsageError."""
    where: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--where {pair!r}: write field=value, as in --where metadata.level=hard")
        where.setdefault(name.strip(), []).append(value.strip())
    return where


def parse_values(pairs: Sequence[str]) -> dict[str, Any]:
    """Template inputs of `name=text`, `name=@file` and `name:=JSON` texts. Raises UsageError."""
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip(": "):
            raise UsageError(f"-v {pair!r}: write name=text, name=@file or name:=JSON")
        if name.endswith(":"):
            values[name[:-1].strip()] = _json(value, pair)
        elif value.startswith("@"):
            values[name.strip()] = read_text(value[1:], what=f"-v {pair!r}")
        else:
            values[name.strip()] = value
    return values


def read_text(path: str, *, what: str) -> str:
    """A file's text, of standard input for `-`; raises UsageError that begins with `what`."""
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{what}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{what}: {path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def program() -> str:
    """How this program is called here: `promptlab`, or its path where the shell would not find it by that name."""
    started = Path(sys.argv[0])
    found = shutil.which("promptlab")
    if started.name != "promptlab" or (found and Path(found).resolve() == started.resolve()):
        return "promptlab"
    try:
        return str(started.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(started)


def this_command() -> str:
    """The command line that runs now, to be typed again."""
    return shlex.join([program(), *sys.argv[1:]])


def _json(value: str, pair: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(f"-v {pair!r}: what follows := is not JSON ({error}); for text write name=text") from error


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
