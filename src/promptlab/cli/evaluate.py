"""`promptlab eval` and `promptlab try`: the two commands that ask base models."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.cli.console import complain, errors, output, write
from promptlab.cli.progress import ProgressView, progress_view
from promptlab.cli.session import (
    CELL_FAILED,
    INTERRUPTED,
    OK,
    USAGE,
    DatabaseOption,
    open_lab,
    parse_settings,
    parse_values,
    program,
    this_command,
    worst,
)
from promptlab.errors import UndefinedVariableError, UsageError

if TYPE_CHECKING:
    from promptlab.cli.export import OutputFile
    from promptlab.execute.result import Evaluation
    from promptlab.lab import Lab
    from promptlab.suites.model import Suite

SettingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--setting", metavar="NAME=VALUE", help="A sampling setting, over the suite's and the prompt's; repeatable."
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Ask again, also what has an answer; still stored.")]

# After \b the help keeps the lines as they are.
_EVAL_EXAMPLES = """\b
Examples:
  promptlab eval evals/sentiment.yaml
  promptlab eval evals/sentiment.yaml --model openai:gpt-4o-mini --limit 20
  promptlab eval evals/sentiment.yaml --prompt sentiment-plain --prompt sentiment-plain@1
  promptlab eval evals/sentiment.yaml --json - > result.json

Exit codes: 0 all well, 1 a gate failed, 2 usage, 3 a cell ended in an error, 130 interrupted."""

_TRY_EXAMPLES = """\b
Examples:
  promptlab try sentiment-plain --model local:smollm2-135m -v text="a quiet triumph"
  promptlab try summarise --model local:smollm2-135m --model openai:gpt-4o-mini -v text=@article.txt

-v name=text is text, -v name=@file a file's text, -v name:=JSON any JSON, as in -v 'items:=[1, 2]'."""


def register(app: typer.Typer) -> None:
    """Adds both commands to the app."""
    app.command("try", epilog=_TRY_EXAMPLES)(try_prompt)
    app.command("eval", epilog=_EVAL_EXAMPLES)(evaluate)


def evaluate(
    suites: Annotated[list[str], typer.Argument(metavar="SUITE", help="Suite files, such as evals/hello.yaml.")],
    *,
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", "-p", metavar="P", help="A prompt in place of the suite's; repeatable."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", metavar="M", help="A base model in place of the suite's; repeatable."),
    ] = None,
    setting: SettingOption = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="The first N cases only.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, metavar="N", help="Samples of each cell.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most N calls of a base model in flight.")
    ] = None,
    no_cache: NoCacheOption = False,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output.")
    ] = None,
    csv_file: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write one row a cell as CSV.")] = None,
    db: DatabaseOption = None,
) -> None:
    """Run suites: case x prompt x base model, scored and compared."""
    if len(suites) > 1 and (json_file or csv_file):
        raise UsageError(f"--json and --csv take one suite a call, not {len(suites)}; call once for each")
    options: dict[str, Any] = {
        "prompts": prompt or None,
        "models": model or None,
        "settings": parse_settings(setting or ()),
        "repeats": repeats,
        "concurrency": concurrency,
        "use_cache": not no_cache,
    }
    with ExitStack() as stack:
        # Opened before the first call, so that no answer is paid for whose file could not be written.
        to_json = _open_file(stack, json_file if json_file != "-" else None, option="--json")
        to_csv = _open_file(stack, csv_file, option="--csv")
        lab = stack.enter_context(open_lab(db))
        loaded = [lab.suite(suite, limit=limit) for suite in suites]
        for suite in loaded if len(loaded) > 1 else ():
            # A mistake in a later suite is found before the first call of the earlier ones.
            lab.check(suite, **{name: options[name] for name in ("prompts", "models", "settings", "repeats")})
        codes = []
        for position, suite in enumerate(loaded):
            if position and json_file != "-":
                output().print()
            code, result = _evaluate_one(lab, suite, options, json_file=json_file)
            codes.append(code)
            if result is not None:
                _export(result, to_json, to_csv)
            if code == INTERRUPTED:
                break
    raise typer.Exit(worst(codes))


def _evaluate_one(
    lab: Lab, suite: Suite, options: dict[str, Any], *, json_file: str | None
) -> tuple[int, Evaluation | None]:
    """The exit code of one suite and its result; None where it did not come to one."""
    view = progress_view(suite.name)
    try:
        with view:
            result = lab.evaluate(suite, watcher=view.watch, **options)
    except UsageError as error:
        complain(f"error: {error}")
        return USAGE, None
    except KeyboardInterrupt:
        _say_interrupted(view, use_cache=options["use_cache"])
        return INTERRUPTED, None
    _print(lab, result, json_file=json_file)
    return result.exit_code, result


def _print(lab: Lab, result: Evaluation, *, json_file: str | None) -> None:
    from promptlab.cli.export import json_text
    from promptlab.cli.report import print_report, run_link

    console = errors() if json_file == "-" else output()
    print_report(console, lab, result.report)
    # Soft-wrapped: a link that is broken by hand cannot be clicked.
    console.print(run_link(result.run, program=program()), soft_wrap=True)
    if json_file == "-":
        write(json_text(result.to_json()))


def _export(result: Evaluation, to_json: OutputFile | None, to_csv: OutputFile | None) -> None:
    from promptlab.cli.export import csv_text, json_text

    if to_json is not None:
        to_json.write(json_text(result.to_json()))
    if to_csv is not None:
        to_csv.write(csv_text(result.report))


def _open_file(stack: ExitStack, path: str | None, *, option: str) -> OutputFile | None:
    from promptlab.cli.export import OutputFile

    return stack.enter_context(OutputFile(path, option=option)) if path is not None else None


def _say_interrupted(view: ProgressView, *, use_cache: bool) -> None:
    progress = view.latest
    if progress is None:
        complain(f"interrupted before the first call\nrun again: {this_command()}")
        return
    reused = "answers that are there are reused" if use_cache else "without --no-cache what is there is reused"
    complain(
        f"interrupted: {progress.done} of {progress.total} cells are stored, run {progress.run[:8]}\n"
        f"run again, {reused}: {this_command()}"
    )


def try_prompt(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="name, name@3, name@alias or prompts/name.j2.")],
    *,
    model: Annotated[
        list[str], typer.Option("--model", "-m", metavar="M", help="A base model; repeat it for several side by side.")
    ],
    value: Annotated[
        list[str] | None, typer.Option("--value", "-v", metavar="NAME=VALUE", help="A template variable; repeatable.")
    ] = None,
    setting: SettingOption = None,
    no_cache: NoCacheOption = False,
    db: DatabaseOption = None,
) -> None:
    """Ask base models one thing, side by side."""
    from promptlab.cli.answers import ask

    inputs = parse_values(value or ())
    settings = parse_settings(setting or ())
    with open_lab(db) as lab:
        try:
            trials = ask(lab, prompt, list(dict.fromkeys(model)), inputs, settings=settings, use_cache=not no_cache)
        except UndefinedVariableError as error:
            name = error.variable or "NAME"
            raise UsageError(f"{error}\ngive it a value: -v {name}=text, or -v {name}=@file") from error
    raise typer.Exit(CELL_FAILED if any(trial.error for trial in trials) else OK)
