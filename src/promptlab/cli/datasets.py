"""`promptlab datasets`: the versions of data sets that runs have used."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from promptlab.cli import words
from promptlab.cli.console import output, write
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab, program

if TYPE_CHECKING:
    from rich.console import Console

    from promptlab.tracking.dataset import Dataset
    from promptlab.types import Case

MOST_SHOWN = 50
"""How many cases a terminal shows; JSON has all."""

app = typer.Typer(name="datasets", help="Data sets and their versions: what runs were run on.")


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command("list")
def list_datasets(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """List data sets, every version: rows, digest, where it is from."""
    from promptlab.cli.table import plain_table

    with open_lab(db) as lab:
        found = lab.datasets()
    if as_json:
        from promptlab.exports import json_text

        write(json_text([dataset.to_json() for dataset in found]))
        return
    if not found:
        print("no data sets yet: a suite's cases are stored when it is run, promptlab eval evals/NAME.yaml;")
        print("a script records tables with run.extract, run.load and run.log_data")
        return
    rows = [
        (
            dataset.reference,
            f"{dataset.rows:,}",
            f"{len(dataset.schema):,}",
            dataset.digest[:8],
            words.when(dataset.created_at),
            words.excerpt(dataset.source, 200),
        )
        for dataset in found
    ]
    table = plain_table(("data set", "rows", "fields", "digest", "stored", "source"), rows, right=("rows", "fields"))
    for column in (table.columns[1], table.columns[3], table.columns[4]):
        column.no_wrap = True
    output().print(table)


@app.command()
def show(
    reference: Annotated[str, typer.Argument(metavar="NAME[@N]", help="A data set, the newest version or version N.")],
    *,
    cases: Annotated[bool, typer.Option("--cases", help="Also its cases.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output; with --cases a file of cases.")
    ] = False,
    db: DatabaseOption = None,
) -> None:
    """Show a version: fields with their types, source, digest."""
    with open_lab(db) as lab:
        dataset = lab.dataset(reference)
        if as_json:
            for piece in _json_pieces(dataset, cases=cases):
                write(piece)
            return
        _print(output(), dataset)
        if cases:
            _print_cases(output(), dataset)


@app.command()
def profile(
    source: Annotated[
        str, typer.Argument(metavar="NAME[@N]|FILE", help="A stored data set, or a file: CSV, JSON, Parquet, XLSX.")
    ],
    *,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What is to be predicted: adds hints of what gives it away.")
    ] = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Also write one page that opens offline.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Profile a data set: types, missing, distributions, pairs."""
    from promptlab.cli.export import OutputFile
    from promptlab.exports import json_text

    with open_lab(db) as lab:
        found = lab.profile_data(source, target=target)
    if html is not None:
        with OutputFile(html, option="--html") as file:
            file.write([found.to_html(title=source)])
    if as_json:
        write(json_text(found.to_json()))
        return
    from promptlab.cli.profiles import print_profile

    print_profile(output(), found, title=source)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A version, NAME@N.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Names a row in both; repeatable. Of cases it is `id`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Compare two versions: columns, distributions, rows."""
    with open_lab(db) as lab:
        found = lab.compare_data(before, after, key=key or None)
    if as_json:
        from promptlab.exports import json_text

        write(json_text(found.to_json()))
        return
    from promptlab.cli.profiles import print_differences

    print_differences(output(), found)


def _json_pieces(dataset: Dataset, *, cases: bool) -> Iterator[str]:
    from promptlab.exports import json_text
    from promptlab.tracking.dataset import case_json

    head = json_text(dataset.to_json())
    if not cases:
        yield head
        return
    yield head.rstrip().removesuffix("}").rstrip() + ',\n  "cases": ['
    before = "\n"
    for case in dataset.cases:
        yield f"{before}    {json.dumps(case_json(case), ensure_ascii=False, allow_nan=False)}"
        before = ",\n"
    yield "\n  ]\n}\n"


def _print(console: Console, dataset: Dataset) -> None:
    from rich.text import Text

    from promptlab.cli.table import FAINT, STRONG, pairs_of, plain_table

    heading = Text(words.plain(dataset.reference), STRONG)
    heading.append(f"  {words.plural(dataset.rows, 'row')}, stored {words.when(dataset.created_at)}", FAINT)
    console.print(heading)
    facts = {"source": words.excerpt(dataset.source, 400), "digest": dataset.digest}
    if dataset.kind == "table":
        place = json.dumps(dataset.location, ensure_ascii=False) if dataset.location else "its rows are not kept"
        facts["location"] = words.excerpt(place, 400)
    console.print(pairs_of(facts))
    console.print()
    rows = [(field.name, " or ".join(field.types), f"{field.rows:,}") for field in dataset.schema.values()]
    console.print(plain_table(("field", "type", "rows"), rows, right=("rows",)))


def _print_cases(console: Console, dataset: Dataset) -> None:
    from promptlab.cli.table import plain_table

    rows = [_row(case) for case in itertools.islice(dataset.cases, MOST_SHOWN)]
    console.print()
    console.print(plain_table(("case", "inputs", "expected", "metadata"), rows))
    if dataset.rows > MOST_SHOWN:
        console.print(
            f"{MOST_SHOWN} of {dataset.rows:,} cases; all of them: "
            f"{program()} datasets show {dataset.reference} --cases --json",
            soft_wrap=True,
        )


def _row(case: Case) -> tuple[str, str, str, str]:
    def said(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return words.excerpt(text, 120)

    return (
        words.excerpt(case.key, 40),
        "; ".join(f"{name}: {said(value)}" for name, value in case.inputs.items()),
        words.ABSENT if case.expected is None else said(case.expected),
        "; ".join(f"{name}: {said(value)}" for name, value in case.metadata.items()),
    )
