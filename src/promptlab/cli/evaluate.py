"""`promptlab eval` and `promptlab try`: the two commands that ask base models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from promptlab.cli.session import (
    CELL_FAILED,
    OK,
    DatabaseOption,
    open_lab,
    parse_settings,
    parse_values,
    parse_where,
)
from promptlab.errors import UndefinedVariableError, UsageError

if TYPE_CHECKING:
    from promptlab.cli.export import OutputFile

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
  promptlab eval evals/sentiment.yaml --tag hard --where metadata.source=me --where metadata.source=you
  promptlab eval evals/sentiment.yaml --model openai:gpt-4o-mini --dry-run
  promptlab eval evals/sentiment.yaml --model openai:gpt-4o-mini --max-cost 0.50 --max-errors 0.1
  promptlab eval --resume 1a2b3c4d
  promptlab eval evals/sentiment.yaml --json - > result.json

Exit codes: 0 all well, 1 a gate failed, 2 usage, 3 an error in a cell or a limit, 130 interrupted."""

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
    suites: Annotated[
        list[str] | None, typer.Argument(metavar="SUITE", help="Suite files, such as evals/hello.yaml.")
    ] = None,
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
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only cases with this tag, or another one named.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="FIELD=VALUE", help="Only such cases: metadata.x, inputs.x, expected; repeatable."
        ),
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", metavar="KEY", help="Only the case with this id; repeatable.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="The first N of these cases only.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, metavar="N", help="Samples of each cell.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most N calls in flight to any endpoint.")
    ] = None,
    no_cache: NoCacheOption = False,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run that ended early; needs no suite.")
    ] = None,
    retry_errors: Annotated[
        bool,
        typer.Option(
            "--retry-errors", help="Only what ended in an error: of --resume RUN, or of the suite's last run."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many calls, tokens and dollars it would take; send nothing.")
    ] = False,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", min=0.0, metavar="USD", help="Spend at most so much, all suites together."),
    ] = None,
    max_errors: Annotated[
        str | None,
        typer.Option("--max-errors", metavar="N|F", help="Stop after more than N errors, or a share F of the cells."),
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output.")
    ] = None,
    csv_file: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write one row a cell as CSV.")] = None,
    db: DatabaseOption = None,
) -> None:
    """Run suites: case x prompt x base model, scored and compared."""
    suites = suites or []
    _check_usage(suites, resume, retry_errors=retry_errors, dry_run=dry_run, files=(json_file, csv_file))
    from promptlab.cli.evaluation import Evaluating, Request, dry_run_all, evaluate_all, resume_one

    request = Request(
        suites=suites,
        prompts=prompt or None,
        models=model or None,
        settings=parse_settings(setting or ()),
        tags=tag or (),
        where=parse_where(where or ()),
        keys=case or (),
        limit=limit,
        repeats=repeats,
        concurrency=concurrency,
        use_cache=not no_cache,
        max_cost=max_cost,
        max_errors=max_errors,
        json_file=json_file,
    )
    with ExitStack() as stack:
        # Opened before the first call, so that no answer is paid for whose file could not be written.
        to_json = _open_file(stack, json_file if json_file != "-" else None, option="--json")
        to_csv = _open_file(stack, csv_file, option="--csv")
        evaluating = Evaluating(stack.enter_context(open_lab(db)), request, to_json, to_csv)
        if dry_run:
            code = dry_run_all(evaluating)
        elif resume or retry_errors:
            code = resume_one(evaluating, resume, retry_errors=retry_errors)
        else:
            code = evaluate_all(evaluating)
    raise typer.Exit(code)


def _check_usage(
    suites: Sequence[str],
    resume: str | None,
    *,
    retry_errors: bool,
    dry_run: bool,
    files: tuple[str | None, str | None],
) -> None:
    if not suites and resume is None:
        raise UsageError(
            "no SUITE is named; name one such as evals/hello.yaml, or a run with --resume RUN\n"
            "see: promptlab eval --help"
        )
    if len(suites) > 1 and any(files):
        raise UsageError(f"--json and --csv take one suite a call, not {len(suites)}; call once for each")
    if len(suites) > 1 and (resume or retry_errors):
        raise UsageError("--resume and --retry-errors go on with one run; name one suite at most")
    if dry_run and (resume or retry_errors):
        raise UsageError("--dry-run looks at suites; it does not go with --resume or --retry-errors")


def _open_file(stack: ExitStack, path: str | None, *, option: str) -> OutputFile | None:
    from promptlab.cli.export import OutputFile

    return stack.enter_context(OutputFile(path, option=option)) if path is not None else None


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
