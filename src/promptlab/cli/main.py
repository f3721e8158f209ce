"""The command `promptlab`: its commands, and how it ends.

Exit codes: 0 all well; 1 a gate failed; 2 a mistake in usage or configuration; 3 some cell or evaluator ended in an
error, a limit of the user's stopped the run, or promptlab itself failed; 130 interrupted. PROMPTLAB_DEBUG=1 shows
the traceback of a failure.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import promptlab
from promptlab.cli import (
    cache,
    database,
    datasets,
    evaluate,
    evaluators,
    experiments,
    files,
    models,
    prompts,
    run_changes,
    runs,
    tests,
    workspace,
)
from promptlab.cli.console import complain, finish_streams, prepare_streams
from promptlab.cli.session import CELL_FAILED, INTERRUPTED, OK, USAGE, DatabaseOption, help_without_command
from promptlab.errors import UsageError

_ORDER = (
    *("init", "doctor", "prompts", "models", "try", "validate", "eval", "evaluators"),
    *("datasets", "experiments", "runs", "tests", "ui", "db", "cache", "schema"),
)

# The parser's own errors live in click or in typer, as typer's version has it; BadParameter is public in both.
_ParserError: type[Exception] = typer.BadParameter.__mro__[1]


class _Ordered(TyperGroup):
    """The commands in the order of a day's work; typer by itself lists groups last."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer hands it in
        """Names of the commands, as help lists them."""
        return [name for name in _ORDER if name in self.commands]


app = typer.Typer(
    name="promptlab",
    cls=_Ordered,
    help="A workbench for prompt experiments: versioned prompts, base models side by side, honest scores.",
    epilog="Exit codes: 0 all well, 1 a gate failed, 2 usage, 3 an error in a cell or a limit, 130 interrupted.",
    add_completion=False,
    # Plain help: rich help would cost twice the time of everything else that --help does.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"promptlab {promptlab.__version__}")
        raise typer.Exit(OK)


@app.callback(invoke_without_command=True)
def _global(
    context: typer.Context,
    *,
    db: DatabaseOption = None,  # noqa: ARG001 - its callback hands it to the commands
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    help_without_command(context)


for commands in (workspace, evaluate, files):
    commands.register(app)
run_changes.register(runs.app)
for group in (
    *(prompts.app, models.app, evaluators.app, datasets.app, experiments.app, runs.app, tests.app),
    *(database.app, cache.app),
):
    app.add_typer(group)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line; default: the process's own arguments."""
    prepare_streams()
    # What commands import makes many objects and hardly any garbage: looking for it took a tenth of their CPU.
    gc.set_threshold(20_000, 20, 50)
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    finally:
        finish_streams()


def _run(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="promptlab", standalone_mode=False)
    except UsageError as error:
        return _fail(f"error: {error}", USAGE)
    except _ParserError as error:
        return _fail(_parser_message(error), USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door: nothing that fails here may show a bare traceback
        return _fail(_internal_message(error), CELL_FAILED)
    return code if isinstance(code, int) else OK


def _fail(message: str, code: int) -> int:
    if os.environ.get("PROMPTLAB_DEBUG") and sys.exc_info()[1] is not None:
        traceback.print_exc()
    complain(message)
    return code


def _parser_message(error: Exception) -> str:
    said = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "promptlab"
    return f"error: {' '.join(said.split())}\nsee: {path} --help"


def _internal_message(error: Exception) -> str:
    from promptlab.redact import redact

    said = redact(f"{type(error).__name__}: {error}").replace("\n", " ")[:500]
    return f"error: promptlab itself failed: {said}\nPROMPTLAB_DEBUG=1 shows where; what was answered is stored"


if __name__ == "__main__":
    sys.exit(main())
