"""`promptlab runs`: prompt and classic runs in one list, one opened, several held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from promptlab.cli import words
from promptlab.cli.console import complain, output, write
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab, program
from promptlab.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from promptlab.compare import Comparison, MeasureComparison
    from promptlab.overviews import Overview
    from promptlab.reports import Report
    from promptlab.store.rows import CellRow, FeatureRow, RunDetail, RunRow
    from promptlab.tracking.found_runs import FoundRuns
    from promptlab.tracking.hypothesis_tests import LoggedTests

_WIDE = 110
"""From so many characters on, a list shows three metrics of a run; below it, the first."""

_STATUS_STYLES = {
    "failed": "red",
    "interrupted": "yellow",
    "stopped": "yellow",
    "cancelled": "yellow",
    "running": "cyan",
}

# As the store has it; said again here because importing the store for `--help` would be slow.
RunStatus = Literal["running", "finished", "stopped", "failed", "interrupted", "cancelled"]

app = typer.Typer(name="runs", help="Prompt and classic runs: list, open, compare.")

UidArgument = Annotated[str, typer.Argument(metavar="UID", help="A run's id, or the first 4 digits or more of it.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command("list")
def list_runs(
    *,
    where: Annotated[
        str,
        typer.Option(
            "--filter", "-f", metavar="FILTER", help='Such as "metrics.accuracy > 0.9 and params.C in (1, 2)".'
        ),
    ] = "",
    order_by: Annotated[
        str, typer.Option("--order-by", "-o", metavar="ORDER", help='Such as "metrics.accuracy desc, started_at".')
    ] = "",
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="eval, prompt (one variant), train, try, ...; repeatable."),
    ] = None,
    experiment: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this experiment.")] = None,
    status: Annotated[
        RunStatus | None,
        typer.Option(metavar="STATUS", help="running, finished, stopped, failed, interrupted or cancelled."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Only where the name contains this.")] = None,
    tries: Annotated[bool, typer.Option("--tries", help="Also single tries.")] = False,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were deleted.")] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The first N.")] = 20,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="All params, metrics and tags as CSV; - for here.")
    ] = None,
    db: DatabaseOption = None,
) -> None:
    """List runs, newest first, or those that fit a filter; with a filter, the runs within runs too.

    A filter compares metrics.NAME, params.NAME, tags.NAME, datasets.name, and what every run has (name, status, kind,
    experiment, user, model, prompt, started_at, seconds, ...) by =, !=, <, <=, >, >=, IN, LIKE, BETWEEN, IS NULL,
    with AND, OR, NOT and parentheses:

    promptlab runs list -f "status = 'finished' and (metrics.loss < 0.3 or tags.team like 'a%')" -o "metrics.loss"
    """
    from promptlab.cli.table import plain_table

    narrowed = bool(where or kind or experiment or status or name or deleted)
    with open_lab(db) as lab:
        found = lab.search(
            where,
            order_by=order_by,
            kinds=kind or None,
            experiment=experiment,
            status=status,
            name_contains=name,
            include_tries=tries or "try" in (kind or ()),
            top_level=not kind and not where and not order_by,
            deleted=deleted,
            limit=limit,
        )
        if csv is not None:
            _write_csv(found, csv)
            return
        overviews = lab.overviews(found)
        values = lab.summaries([row.id for row in found]) if found.metrics else {}
    if not found:
        print("no such runs" if narrowed else "no runs yet: promptlab eval evals/NAME.yaml")
        return
    console = output()
    metrics = 3 if console.width >= _WIDE else 1
    table = plain_table(
        ("run", "kind", "name", "status", "started", "took", "metrics"),
        [
            _row(
                row,
                overviews[row.id],
                asked={name: values[row.id].get(name) for name in found.metrics},
                metrics=metrics,
            )
            for row in found
        ],
        right=("took",),
    )
    for column in (table.columns[0], table.columns[4], table.columns[5]):
        column.no_wrap = True
    console.print(table)
    if found.next:
        complain(f"the first {len(found):,}; --limit shows more")


def _write_csv(found: FoundRuns, path: Path) -> None:
    """A row a run; no spreadsheet takes what somebody logged for a formula."""
    from promptlab.spreadsheets import csv_line

    frame = found.to_pandas()
    plain = frame.astype(object).where(frame.notna(), None)
    lines = [csv_line(list(frame.columns)), *(csv_line(list(row)) for row in plain.itertuples(index=False, name=None))]
    if str(path) == "-":
        write("".join(lines).rstrip("\r\n"))
        return
    try:
        path.write_text("".join(lines), encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    complain(f"{words.plural(len(frame), 'run')} in {path}")


@app.command()
def show(
    uid: UidArgument,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    cells: Annotated[
        Literal["failed", "all"] | None, typer.Option(help="Also list cells: all, or those that failed.")
    ] = None,
    db: DatabaseOption = None,
) -> None:
    """Show a run: variants and verdicts, or params and metrics."""
    from promptlab.cli.report import print_report, run_link

    with open_lab(db) as lab:
        detail = lab.run_detail(uid)
        report = lab.report(detail.run.uid)
        if as_json:
            from promptlab.exports import json_text

            write(json_text(_document(detail, report)))
            return
        console = output()
        if report.cells or detail.run.kind in ("eval", "prompt", "try"):
            print_report(console, lab, report, main_measure_only=False)
        if detail.run.kind not in ("eval", "prompt", "try"):
            _print_classic(console, detail, heading=not report.cells)
            _print_tests(console, lab.tests(run=detail.run.uid, limit=100))
        for line in _data(detail):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        if cells is not None:
            _print_cells(console, report, only_failed=cells == "failed")
        console.print(run_link(detail.run.uid, program=program()), soft_wrap=True)


@app.command()
def compare(
    uids: Annotated[list[str], typer.Argument(metavar="UID", help="Runs; an evaluation stands for its variants.")],
    *,
    baseline: Annotated[str | None, typer.Option(metavar="UID", help="The variant to hold the others against.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Hold runs against each other case by case, with verdicts."""
    from promptlab.cli.report import print_comparison

    with open_lab(db) as lab:
        if baseline is not None:
            baseline = lab.find_run(baseline).uid
        comparison = lab.compare(*uids, baseline=baseline)
    if as_json:
        from promptlab.exports import json_text

        write(json_text(_comparison_document(comparison)))
        return
    print_comparison(output(), comparison)


def _row(row: RunRow, overview: Overview, *, asked: Mapping[str, float | None], metrics: int) -> Sequence[str | Text]:
    """asked: the metrics that a search looked at, which come first."""
    first = {name: value for name, value in asked.items() if value is not None}
    return (
        row.uid[:8],
        row.kind,
        row.name,
        _status(row, overview),
        words.when(row.started_at)[2:],
        words.latency(row.seconds),
        ", ".join(f"{name} {value:.4g}" for name, value in list({**first, **overview.metrics}.items())[:metrics]),
    )


def _status(row: RunRow, overview: Overview) -> Text:
    from rich.text import Text

    text = Text(row.status, _STATUS_STYLES.get(row.status, ""))
    if overview.partial:
        text.append(f", {overview.ended or 0} of {overview.planned}", "yellow")
    if overview.errors:
        text.append(f", {words.plural(overview.errors, 'error')}", "red")
    return text


def _data(detail: RunDetail) -> list[str]:
    """A line a data set: `data: sst2@1, 64 rows, digest 1a2b3c4d, from data/sst2.jsonl`."""
    return [
        words.excerpt(
            f"data{'' if context == 'evaluation' else f' ({context})'}: {data.reference}, "
            f"{words.plural(data.rows, 'row')}, digest {data.digest[:8]}, from {data.source}",
            300,
        )
        for context, data in detail.datasets
    ]


def _print_classic(console: Console, detail: RunDetail, *, heading: bool) -> None:
    from rich.text import Text

    from promptlab.cli.table import FAINT, STRONG, pairs_of, plain_table

    run = detail.run
    if heading:
        title = Text(words.plain(run.name), STRONG)
        title.append(f"  {run.uid[:8]}  {run.kind}, {run.status}", FAINT)
        console.print(title)
        console.print()
    if run.error:
        console.print(Text(words.plain(run.error), "red"))
    if run.note:
        console.print(Text(words.plain(run.note)))
        console.print()
    own = {name: value for name, value in detail.metrics.items() if not name.startswith("system/")}
    if own:
        rows = [
            (name, f"{value.last:.6g}", f"{value.min:.6g}", f"{value.max:.6g}", str(value.step))
            for name, value in own.items()
        ]
        numbers = ("last", "min", "max", "step")
        console.print(plain_table(("metric", *numbers), rows, right=numbers))
        console.print()
    if detail.children and run.kind != "eval":
        lines = [(child.uid[:8], child.name, child.status, words.latency(child.seconds)) for child in detail.children]
        console.print(plain_table(("runs within it", "name", "status", "took"), lines, right=("took",)))
        console.print()
    code = {"commit": run.git_sha, "command": run.command}
    for title_text, values in (
        ("params", dict(detail.params)),
        ("tags", {name: value for name, value in detail.tags.items() if not name.startswith("promptlab.")}),
        ("artifacts", {item.name: f"{words.size(item.bytes)}, {item.media_type}" for item in detail.artifacts}),
        ("code", {name: value for name, value in code.items() if value}),
    ):
        if values:
            console.print(Text(title_text, STRONG))
            console.print(pairs_of({name: words.excerpt(value, 200) for name, value in values.items()}))
            console.print()
    if detail.features:
        features = [
            (item.name, words.ABSENT if item.importance is None else f"{item.importance:.4g}", _made_by(item))
            for item in detail.features
        ]
        console.print(plain_table(("feature", "importance", "made by"), features, right=("importance",)))
        console.print()


def _print_tests(console: Console, found: LoggedTests) -> None:
    if not found:
        return
    from promptlab.cli.tests import said, tests_table

    console.print(tests_table(found))
    for line in said(found):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print()


def _made_by(item: FeatureRow) -> str:
    code = (item.code.strip().splitlines() or [""])[0]
    return words.excerpt(" - ".join(text for text in (item.note, code) if text), 120)


def _print_cells(console: Console, report: Report, *, only_failed: bool) -> None:
    from promptlab.cli.report import failed_cells
    from promptlab.cli.table import plain_table

    chosen = failed_cells(report) if only_failed else list(report.cells)
    if not chosen:
        console.print("no failed cells" if only_failed else "no cells")
        return
    for variant in report.variants:
        rows = [_cell_row(cell) for cell in chosen if cell.run_uid == variant.id]
        if rows:
            console.print(words.plain(variant.name), style="bold")
            console.print(plain_table(("case", "expected", "output", "scores"), rows))
            console.print()


def _cell_row(cell: CellRow) -> tuple[str, str, str, str]:
    marks = [
        name + (" ✓" if item.passed else " ✗" if item.passed is False else f" {item.value:.4g}")
        for name, item in cell.scores.items()
        if item.value is not None
    ]
    marks += [f"{name} error: {words.excerpt(item.error)}" for name, item in cell.scores.items() if item.error]
    return (
        f"{cell.key}/{cell.repeat}" if cell.repeat else cell.key,
        words.excerpt(str(cell.expected)) if cell.expected is not None else words.ABSENT,
        words.excerpt(cell.output if cell.output is not None else f"{cell.status}: {cell.error}", 200),
        ", ".join(marks),
    )


def _document(detail: RunDetail, report: Report) -> dict[str, Any]:
    from promptlab.reports import to_json

    run = detail.run
    return {
        **to_json(report),
        "name": run.name,
        "kind": run.kind,
        "experiment": run.experiment,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "note": run.note,
        "commit": run.git_sha,
        "command": run.command,
        "params": dict(detail.params),
        "tags": dict(detail.tags),
        "metrics": {name: value.last for name, value in detail.metrics.items()},
        "datasets": [
            {
                "context": context,
                "name": data.name,
                "number": data.number,
                "rows": data.rows,
                "digest": data.digest,
                "source": data.source,
            }
            for context, data in detail.datasets
        ],
        "features": [asdict(item) for item in detail.features],
        "artifacts": [
            {"name": item.name, "sha256": item.digest, "bytes": item.bytes, "media_type": item.media_type}
            for item in detail.artifacts
        ],
    }


def _comparison_document(comparison: Comparison) -> dict[str, Any]:
    return {
        "baseline": comparison.baseline.id,
        "measures": list(comparison.measures),
        "directions": dict(comparison.directions),
        "variants": [asdict(variant) for variant in comparison.variants],
        "pairs": [
            {
                "baseline": pair.baseline.id,
                "other": pair.other.id,
                "shared": pair.shared,
                "unpaired": pair.unpaired,
                "measures": {item.measure: _measure_document(item) for item in pair.measures},
            }
            for pair in comparison.pairs
        ],
    }


def _measure_document(item: MeasureComparison) -> Mapping[str, Any]:
    difference = item.difference
    return {
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "n": difference.n,
        "p_value": difference.p_value,
        "adjusted_p": item.adjusted_p,
        "method": difference.method,
        "verdict": item.verdict.word,
        "sentence": item.verdict.sentence,
    }
