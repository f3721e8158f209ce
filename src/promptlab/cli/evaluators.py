"""`promptlab evaluators`: which evaluators a suite can name, and what each does, with an example."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptlab.cli.console import output
from promptlab.cli.session import DatabaseOption, help_without_command, open_lab, program

if TYPE_CHECKING:
    from promptlab.evaluators.documentation import Description, Option

_WHICH_IS_BETTER = re.compile(r"[;,] (?:higher|lower) is better(?=\.$)")

app = typer.Typer(name="evaluators", help="Evaluators: what a suite can score with.")

JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON instead.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    help_without_command(context)


@app.command("list")
def list_evaluators(*, as_json: JsonOption = False, db: DatabaseOption = None) -> None:
    """List evaluators: promptlab's, those of installed packages and of evals/evaluators.py."""
    from rich.text import Text

    from promptlab.cli.table import plain_table
    from promptlab.evaluators.documentation import TOPICS

    with open_lab(db) as lab:
        described = lab.evaluators()
    if as_json:
        print(json.dumps([_json(one) for one in described.values()], indent=2, ensure_ascii=False))
        return
    rows: list[tuple[str | Text, ...]] = []
    found = {one.topic for one in described.values()}
    for topic in (*(topic for topic in TOPICS if topic in found), *sorted(found - {*TOPICS})):
        rows.append((Text(topic, "bold"), "", ""))
        rows += [
            (f"  {one.name}", "↑" if one.direction == "higher" else "↓", _WHICH_IS_BETTER.sub("", one.summary))
            for one in described.values()
            if one.topic == topic
        ]
    output().print(plain_table(("evaluator", "", "about"), rows))
    output().print("↑ higher is better, ↓ lower is better", highlight=False, markup=False)
    output().print(f"options and an example: {program()} evaluators show NAME", highlight=False, markup=False)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An evaluator, such as rouge_l.")],
    *,
    as_json: JsonOption = False,
    db: DatabaseOption = None,
) -> None:
    """Show an evaluator: options, source, a worked example, an entry for a suite."""
    from promptlab.errors import EvaluatorError
    from promptlab.spelling import nearest

    with open_lab(db) as lab:
        described = lab.evaluators()
    if name not in described:
        raise EvaluatorError(
            f"no evaluator {name!r}{nearest(name, described) or ';'} `{program()} evaluators list` names all"
        )
    one = described[name]
    if as_json:
        print(json.dumps(_json(one), indent=2, ensure_ascii=False))
        return
    print(_page(one, width=min(output().width, 100)))


def _page(one: Description, *, width: int) -> str:
    from promptlab.evaluators.entries import KEYS

    origin = "" if one.origin == "promptlab" else f" (from {one.origin})"
    parts = [f"{one.name}{origin}", _wrapped(one.summary, width)]
    if one.details:
        parts += ["", *(_wrapped(paragraph, width) for paragraph in one.details.split("\n\n"))]
    parts += ["", "Options", *(_option_line(option) for option in one.options)]
    if not one.options:
        parts.append("  none of its own")
    parts.append(_wrapped(f"and of every entry: {', '.join(KEYS)}", width))
    if one.source:
        parts += ["", "Source", _wrapped(one.source, width)]
    for example in one.examples:
        parts += ["", "Example", _wrapped(example, width)]
    parts += ["", "In a suite", textwrap.indent(_entry(one), "  ")]
    return "\n".join(parts)


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(" ".join(text.split()), width, initial_indent="  ", subsequent_indent="  ")


def _option_line(option: Option) -> str:
    default = (
        "required" if option.required else f"default {json.dumps(option.default, ensure_ascii=False, default=str)}"
    )
    return f"  {option.name}: {option.kind}; {default}"


def _entry(one: Description) -> str:
    """An entry as a suite has it: with the options of the first example, else those that have to be given."""
    from promptlab.evaluators.documentation import parse_example

    options: dict[str, Any] = {}
    example = parse_example(one.examples[0]) if one.examples else None
    if example is not None:
        options = dict(example.options)
    for option in one.options:
        if option.required:
            options.setdefault(option.name, "...")
    lines = ["evaluators:"]
    if not options:
        return "\n".join([*lines, f"  - {one.name}"])
    written = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in options.items())
    return "\n".join([*lines, f"  - {one.name}: {{{', '.join(written)}}}"])


def _json(one: Description) -> dict[str, Any]:
    return {
        "name": one.name,
        "summary": one.summary,
        "details": one.details,
        "source": one.source,
        "examples": list(one.examples),
        "direction": one.direction,
        "topic": one.topic,
        "from": one.origin,
        "options": [
            {
                "name": option.name,
                "type": option.kind,
                "required": option.required,
                "default": json.loads(json.dumps(option.default, default=str)),
            }
            for option in one.options
        ],
    }
