"""`promptlab tests`: hypothesis tests that runs made, each adjusted for all others of its experiment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.cli import words
from promptlab.cli.console import output, write
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab

if TYPE_CHECKING:
    from rich.table import Table

    from promptlab.tracking.hypothesis_tests import LoggedTest, LoggedTests

app = typer.Typer(name="tests", help="Hypothesis tests that runs made: list them, adjusted for each other; show one.")


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command("list")
def list_tests(
    *,
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME", help="Only of an experiment.")
    ] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Only of a run.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The newest N.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """List hypothesis tests, the newest first, and what is left of the significant ones once all are counted."""
    with open_lab(db) as lab:
        found = lab.tests(experiment, run=run, limit=limit)
    if as_json:
        from promptlab.exports import json_text

        write(json_text([as_plain(one) for one in found]))
        return
    if not found:
        print("no hypothesis tests yet; run.log_test('welch', a, b, hypothesis='...') keeps one")
        return
    output().print(tests_table(found))
    for line in said(found):
        print(line)


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="A test, as the list numbers it.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Show all that a hypothesis test found: statistic, effect, assumptions, decision."""
    with open_lab(db) as lab:
        one = lab.test(number)
        whole = lab.tests(one.experiment, limit=1).summary
    if as_json:
        from promptlab.exports import json_text

        write(json_text(as_plain(one)))
        return
    for line in str(one.test).splitlines():
        print(words.plain(line))
    for assumption in one.test.assumptions:
        if assumption.holds is not False:
            mark = "holds" if assumption.holds else "open"
            fact = f" ({words.plain(assumption.fact or assumption.by)})"
            print(f"{mark}: {words.plain(assumption.what)}{fact}")
    for note in one.test.notes:
        print(f"note: {words.plain(note)}")
    if one.test.missing:
        print(f"left out for missing values: {one.test.missing:,}")
    adjusted = one.adjusted
    if not math.isnan(adjusted.holm):
        print(
            f"among all tests of its experiment: Holm p = {adjusted.holm:.3g}, Benjamini-Hochberg p = {adjusted.bh:.3g}"
        )
    where = f"run {one.run_uid[:8]} {words.plain(one.run_name)}, experiment {words.plain(one.experiment)}"
    print(f"{where}, {words.plain(one.dataset)}" if one.dataset else where)
    print(words.plain(whole.get(one.experiment, "")))


def tests_table(found: LoggedTests) -> Table:
    """One line a test."""
    from promptlab.cli.table import plain_table

    lines = [
        (
            str(one.id),
            words.excerpt(one.test.hypothesis or one.test.null, 60),
            _effect(one),
            _p(one.adjusted.p_value),
            _p(one.adjusted.holm),
            _p(one.adjusted.bh),
            one.verdict,
        )
        for one in found
    ]
    columns = ("no", "hypothesis", "effect", "p", "Holm", "BH", "decision")
    return plain_table(columns, lines, right=("no", "p", "Holm", "BH"))


def said(found: LoggedTests) -> list[str]:
    """What is left of the significant tests, a line an experiment, with how many tests were deleted."""
    lines = []
    for name, sentence in found.summary.items():
        gone = found.deleted.get(name, 0)
        deleted = f" ({words.plural(gone, 'more test')} in deleted runs)" if gone else ""
        lines.append(f"{words.plain(name)}: {sentence}{deleted}")
    return lines


def as_plain(one: LoggedTest) -> dict[str, Any]:
    """A test as JSON has it."""
    return {
        "id": one.id,
        "run": one.run_uid,
        "experiment": one.experiment,
        "dataset": one.dataset,
        "logged_at": one.logged_at,
        **one.test.to_json(),
        "decision": one.test.decision,
        "holm": one.adjusted.holm,
        "bh": one.adjusted.bh,
        "rejected": one.adjusted.alone,
        "rejected_holm": one.adjusted.by_holm,
        "rejected_bh": one.adjusted.by_bh,
    }


def _effect(one: LoggedTest) -> str:
    from promptlab.hypotheses.result import effect_text

    effect = one.test.effect or one.test.estimate
    return words.ABSENT if effect is None else words.excerpt(effect_text(effect, digits=2), 60)


def _p(value: float) -> str:
    if math.isnan(value):
        return words.ABSENT
    return "<0.001" if value < 0.001 else f"{value:.3f}"
