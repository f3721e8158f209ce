"""What `promptlab eval` does once its options are read: run suites, go on with a run, or say what it would take."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.cli import words
from promptlab.cli.console import complain, errors, output, write
from promptlab.cli.progress import ProgressView, progress_view
from promptlab.cli.session import INTERRUPTED, OK, USAGE, program, this_command, worst
from promptlab.errors import UsageError

if TYPE_CHECKING:
    from promptlab.cli.export import OutputFile
    from promptlab.execute.budget import Budget
    from promptlab.execute.error_limit import ErrorLimit
    from promptlab.execute.progress import Progress
    from promptlab.execute.result import Evaluation
    from promptlab.execute.resume import Resumable
    from promptlab.lab import Lab


MOST_FILES = 8192


@dataclass(frozen=True, slots=True)
class Request:
    """The options of one `promptlab eval`."""

    suites: Sequence[str]
    prompts: Sequence[str] | None
    models: Sequence[str] | None
    settings: Mapping[str, Any]
    tags: Sequence[str]
    where: Mapping[str, Sequence[str]]
    keys: Sequence[str]
    limit: int | None
    repeats: int | None
    concurrency: int | None
    use_cache: bool
    max_cost: float | None
    max_errors: str | None
    json_file: str | None

    @property
    def choice(self) -> dict[str, Any]:
        """What is chosen in place of the suite's own."""
        return {
            "prompts": self.prompts,
            "models": self.models,
            "settings": self.settings,
            "repeats": self.repeats,
        }

    @property
    def cases(self) -> dict[str, Any]:
        """Which of the suite's cases are taken."""
        return {"tags": self.tags, "where": self.where, "keys": self.keys, "limit": self.limit}

    def limits(self) -> dict[str, Any]:
        """What the whole command may do; one budget for all of its suites. Raises UsageError."""
        from promptlab.execute.budget import Budget
        from promptlab.execute.error_limit import ErrorLimit

        budget: Budget | None = None if self.max_cost is None else Budget(self.max_cost)
        limit: ErrorLimit | None = None if self.max_errors is None else ErrorLimit.parse(self.max_errors)
        return {"concurrency": self.concurrency, "max_cost": budget, "max_errors": limit}


@dataclass(frozen=True, slots=True)
class Evaluating:
    """A command at work: its Lab, its options and the files it writes."""

    lab: Lab
    request: Request
    to_json: OutputFile | None
    to_csv: OutputFile | None


def evaluate_all(evaluating: Evaluating) -> int:
    """The exit code of running every suite; a mistake in a later one is found before the first call of an earlier."""
    lab, request = evaluating.lab, evaluating.request
    limits = request.limits()
    loaded = [lab.suite(suite, **request.cases) for suite in request.suites]
    for suite in loaded if len(loaded) > 1 else ():
        lab.check(suite, **request.choice)
    codes: list[int] = []
    for suite in loaded:
        if codes and request.json_file != "-":
            output().print()

        def run(view: ProgressView, suite: Any = suite) -> Evaluation:
            return lab.evaluate(suite, watcher=view.watch, use_cache=request.use_cache, **request.choice, **limits)

        codes.append(_run(evaluating, suite.name, run))
        if codes[-1] == INTERRUPTED:
            break
    return worst(codes)


def resume_one(evaluating: Evaluating, uid: str | None, *, retry_errors: bool) -> int:
    """The exit code of going on with a run; without uid with the newest run of the suite."""
    lab, request = evaluating.lab, evaluating.request
    if any((request.prompts, request.models, request.settings, request.repeats, *request.cases.values())):
        raise UsageError(
            "a run goes on as it was begun: --prompt, --model, --setting, --tag, --where, --case, --limit and "
            "--repeats are its own"
        )
    suite = lab.suite(request.suites[0]) if request.suites and uid is None else None
    if uid is None and suite is not None:
        uid = _newest_run(lab, suite.name)
    found = lab.resumable(uid or "", retry_errors=retry_errors, **request.limits())
    if request.suites and suite is None:
        _say_edited(lab, request.suites[0], found)
    if found.changed:
        complain(f"changed since the run began, so every answer is scored again: {', '.join(found.changed)}")
    return _run(evaluating, found.parent.name, lambda view: lab.resume(found, watcher=view.watch))


def _newest_run(lab: Lab, name: str) -> str:
    for row in lab.runs(kinds=["eval"], name_contains=name, limit=200):
        if row.name == name:
            return row.uid
    raise UsageError(f"the suite {name!r} has no run yet whose errors could be asked for again")


def _say_edited(lab: Lab, suite: str, found: Resumable) -> None:
    """A run goes on as it was begun; who names its suite beside it may have edited that and should know."""
    from promptlab.suites.load import choose

    try:
        given = lab.suite(suite)
        for choice in found.suite.choices:
            given = given if choice.cases is not None else choose(given, choice)
    except UsageError as error:
        complain(f"note: the run goes on as it was begun; its suite cannot be read now: {error}")
        return
    if given.name != found.suite.name:
        raise UsageError(f"the run is of the suite {found.suite.name!r}, not of {given.name!r}; leave the suite out")
    handed_in = any(choice.cases is not None for choice in found.suite.choices)
    edited = not handed_in and given.cases_digest.digest != found.dataset.digest
    if edited or given.document != found.suite.document:
        complain("note: the suite has been edited since; the run goes on as it was begun")


def dry_run_all(evaluating: Evaluating) -> int:
    """Says of every suite what it would take."""
    from promptlab.cli.forecast import print_forecast
    from promptlab.exports import json_text

    request = evaluating.request
    to_output = request.json_file == "-"
    for suite in request.suites:
        chosen = evaluating.lab.suite(suite, **request.cases)
        forecast = evaluating.lab.forecast(chosen, use_cache=request.use_cache, **request.choice)
        print_forecast(errors() if to_output else output(), forecast, max_cost=request.max_cost)
        if to_output:
            write(json_text(forecast.to_json()))
        elif evaluating.to_json is not None:
            evaluating.to_json.write([json_text(forecast.to_json())])
    return OK


def _run(evaluating: Evaluating, name: str, run: Callable[[ProgressView], Evaluation]) -> int:
    """The exit code of one evaluation; what there is of it is shown and written also where it was interrupted."""
    from promptlab.execute.result import EvaluationInterrupted

    _prepare_process()
    view = progress_view(name)
    try:
        with view:
            result = run(view)
    except UsageError as error:
        complain(f"error: {error}")
        return USAGE
    except EvaluationInterrupted as interrupt:
        result = interrupt.evaluation
        if result.stopped is not None and result.stopped.kind == "taken over":
            complain(f"stopped: {result.stopped.message}, {result.run[:8]}")
            return INTERRUPTED
        _export(evaluating, result)
        _say_interrupted(view.latest)
        return INTERRUPTED
    except KeyboardInterrupt:
        # The second one: at once, whatever is still under way. What was answered is committed.
        _say_interrupted(view.latest)
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    _print(evaluating, result)
    _export(evaluating, result)
    return result.exit_code


def _prepare_process() -> None:
    """Makes the process fit for thousands of calls: `kill` ends it like Ctrl-C, and it opens as many files as it may.

    What is imported by now stays for good, so the garbage collector need not look at it again and again.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.freeze()
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _print(evaluating: Evaluating, result: Evaluation) -> None:
    from promptlab.cli.report import print_report, run_link

    request = evaluating.request
    console = errors() if request.json_file == "-" else output()
    print_report(console, evaluating.lab, result.report, calls=result.calls)
    for gate in result.unheld:
        complain(f"note: the gate {gate.evaluator} {gate.rule} is for {gate.variant!r}, which this run has not")
    if result.report.partial or result.report.run.status == "stopped":
        console.print(f"go on: {_resuming(result.run)}", soft_wrap=True)
    elif any(group.evaluator is None and group.status != "template" for group in result.report.error_groups):
        console.print(f"ask again for what failed: {_resuming(result.run, '--retry-errors')}", soft_wrap=True)
    # Soft-wrapped: a link that is broken by hand cannot be clicked.
    console.print(run_link(result.run, program=program()), soft_wrap=True)


def _export(evaluating: Evaluating, result: Evaluation) -> None:
    from promptlab.exports import csv_pieces, json_pieces
    from promptlab.reports import cell_json, document_head

    def pieces() -> Any:
        head = document_head(result.report, result.calls)
        return json_pieces(head, (cell_json(cell) for cell in result.iterate_cells()))

    if evaluating.request.json_file == "-":
        for piece in pieces():
            write(piece)
    if evaluating.to_json is not None:
        evaluating.to_json.write(pieces())
    if evaluating.to_csv is not None:
        evaluating.to_csv.write(csv_pieces(result.report, result.iterate_cells))


def _say_interrupted(progress: Progress | None) -> None:
    if progress is None:
        complain(f"interrupted before the first call\nrun again: {this_command()}")
        return
    complain(
        f"interrupted: {progress.done} of {words.plural(progress.total, 'cell')} are stored, run {progress.run[:8]}\n"
        f"go on: {_resuming(progress.run)}"
    )


def _resuming(run: str, *options: str) -> str:
    """The command that goes on with a run, in the same database."""
    return " ".join([program(), "eval", "--resume", run[:8], *options]) + database_option()


def database_option() -> str:
    """` --db ...` as it was given to this command, else nothing."""
    import shlex

    arguments = sys.argv[1:]
    for position, argument in enumerate(arguments):
        if argument == "--db" and position + 1 < len(arguments):
            return f" --db {shlex.quote(arguments[position + 1])}"
        if argument.startswith("--db="):
            return f" {shlex.quote(argument)}"
    return ""
