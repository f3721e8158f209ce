"""What is known of an evaluator, for people: its docstring in parts, its options, and its examples to be run.

A docstring has a first paragraph, options one by one, `Source:` and `Example:`. An example is exact: a mapping of
what the context holds and of options, `->`, and the value:

    Example: {output: "kitten", expected: "sitting"} -> 3
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from promptlab.evaluators import entry_points
from promptlab.evaluators.base import Definition
from promptlab.evaluators.groups import COMBINATIONS
from promptlab.evaluators.options import option_types
from promptlab.evaluators.registry import BUILT_IN, known
from promptlab.types import Direction, EvaluatorContext, Message, Usage

_SECTION = re.compile(r"^(Source|Example):", re.MULTILINE)
_CONTEXT_FIELDS = frozenset(field.name for field in fields(EvaluatorContext))

TOPIC_OF: Mapping[str, str] = {
    "text": "the text itself",
    "choices": "choices and lists",
    "numbers": "numbers",
    "overlap": "overlap with the expected text",
    "rouge": "overlap with the expected text",
    "bleu": "overlap with the expected text",
    "chrf": "overlap with the expected text",
    "ter": "overlap with the expected text",
    "meteor": "overlap with the expected text",
    "semantic": "meaning and likelihood",
    "likelihood": "meaning and likelihood",
    "structure": "structure",
    "fields": "structure",
    "formats": "structure",
    "tools": "structure",
    "safety": "safety",
    "measures": "measures",
    "groups": "groups of evaluators",
}
"""By the module of an evaluator, what it is about; in the order in which people read them."""
TOPICS = tuple(dict.fromkeys(TOPIC_OF.values()))


@dataclass(frozen=True, slots=True)
class Option:
    """One option of an evaluator. kind: its type in words; default: None where it has to be given."""

    name: str
    kind: str
    required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: what the context holds, the options, and the value that comes of it.

    value: a number, numbers by name for one that returns a mapping, None where it does not apply.
    """

    context: Mapping[str, Any]
    options: Mapping[str, Any]
    value: float | Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Description:
    """An evaluator as people read it.

    origin: `promptlab`, the name of a package, or of the file that has it. topic: what it is about, or its origin.
    """

    name: str
    summary: str
    details: str
    source: str
    examples: tuple[str, ...]
    options: tuple[Option, ...]
    direction: Direction
    origin: str
    topic: str


def describe_all(
    functions: Mapping[str, Callable[..., Any]] | None = None, *, origin: str = ""
) -> dict[str, Description]:
    """Every evaluator that a suite can name, groups too, by name.

    functions: those of a suite's Python file, and origin, what that is called. Raises EvaluatorError.
    """
    packages = entry_points.names()
    described = {name: describe_group(name) for name in COMBINATIONS}
    for name, definition in known(functions).items():
        own = functions is not None and name in functions
        home = origin if own else "promptlab" if name in BUILT_IN else packages.get(name, "this process")
        described[name] = describe(definition, origin=home)
    return dict(sorted(described.items()))


def describe(definition: Definition, *, origin: str = "promptlab") -> Description:
    """What the docstring and the signature of an evaluator say."""
    options = tuple(
        Option(
            name=parameter.name,
            kind=kind,
            required=parameter.default is inspect.Parameter.empty,
            default=None if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter, kind in option_types(definition.function)
    )
    return _described(definition.name, definition.function, options, definition.direction, origin)


def describe_group(name: str) -> Description:
    """The same of a group."""
    members = Option("evaluators", "a list of entries, as in a suite", required=True)
    return _described(name, COMBINATIONS[name], (members,), "higher", "promptlab")


def _described(
    name: str, function: Callable[..., Any], options: tuple[Option, ...], direction: Direction, origin: str
) -> Description:
    text = inspect.getdoc(function) or ""
    body, sections = _sections(text)
    summary, _, details = body.partition("\n\n")
    return Description(
        name=name,
        summary=" ".join(summary.split()),
        details=details.strip(),
        source=" ".join(" ".join(sections["Source"]).split()),
        examples=tuple(" ".join(example.split()) for example in sections["Example"]),
        options=options,
        direction=direction,
        origin=origin,
        topic=TOPIC_OF.get("groups" if name in COMBINATIONS else BUILT_IN.get(name, ""), origin),
    )


def _sections(text: str) -> tuple[str, dict[str, list[str]]]:
    """What stands before the first section, and the texts of the sections by their name."""
    places = list(_SECTION.finditer(text))
    sections: dict[str, list[str]] = {"Source": [], "Example": []}
    ends = [*(place.start() for place in places), len(text)]
    for place, end in zip(places, ends[1:], strict=True):
        sections[place[1]].append(text[place.end() : end].strip())
    return text[: places[0].start()].strip() if places else text.strip(), sections


def parse_example(text: str) -> Example | None:
    """The example of a text such as `{output: "a", expected: "a"} -> 1`; None for one that is prose."""
    from ruamel.yaml import YAML

    given, arrow, result = text.rpartition("->")
    if not arrow or not given.lstrip().startswith("{"):
        return None
    reader = YAML(typ="safe", pure=True)
    mapping = reader.load(given)
    context = {key: value for key, value in mapping.items() if key in _CONTEXT_FIELDS}
    if "usage" in context:
        context["usage"] = Usage(**context["usage"])
    if "messages" in context:
        context["messages"] = tuple(Message(**message) for message in context["messages"])
    options = {key: value for key, value in mapping.items() if key not in _CONTEXT_FIELDS}
    value = reader.load(result)
    return Example(context, options, None if value == "none" else value)
