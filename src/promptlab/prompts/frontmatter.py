"""The YAML at the top of a prompt file, read strictly: YAML 1.2, known keys only, every error with its line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

from promptlab.errors import PromptError, UsageError
from promptlab.prompts.digest import canonical_json

if TYPE_CHECKING:
    from ruamel.yaml import YAML

KEYS = ("description", "tags", "settings", "response_schema", "samples")
MOST_CHARACTERS = 200_000
DEEPEST = 50
_UNUSUAL_BREAKS = frozenset("\r\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a prompt file says about its prompt.

    samples: one value a variable, for previews and forms. response_schema: a JSON Schema that answers follow.
    """

    description: str = ""
    tags: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    response_schema: Mapping[str, Any] | None = None
    samples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entries:
    """The keys of the front matter with their values and lines, and how to say where one is."""

    values: Mapping[str, Any]
    lines: Mapping[str, int]
    where: str

    def wrong(self, key: str, expected: str) -> PromptError:
        value = repr(self.values[key])
        shown = value if len(value) <= 80 else value[:77] + "..."
        return PromptError.at(self.where, self.lines[key], f"{key} is {shown}; it is {expected}")


def read_front_matter(text: str, *, where: str, first_line: int) -> FrontMatter:
    """The front matter that the YAML `text` writes; an empty text gives an empty one.

    where and first_line say for messages which file it stands in, and on which line it begins. Raises PromptError.
    """
    entries = _entries(text, where, first_line)
    values = entries.values
    description = values.get("description") or ""
    if not isinstance(description, str):
        raise entries.wrong("description", "text: put it in quotes")
    return FrontMatter(
        description=description.strip(),
        tags=_tags(entries),
        settings=_mapping(entries, "settings", "a mapping such as {temperature: 0}") or {},
        response_schema=_schema(entries),
        samples=_mapping(entries, "samples", "one mapping of variables to values, such as {text: A fine film.}") or {},
    )


def write_front_matter(front: FrontMatter) -> str:
    """YAML that `read_front_matter` reads back as the same; empty where there is nothing to say."""
    values: dict[str, Any] = {
        "description": front.description,
        "tags": list(front.tags),
        "settings": front.settings,
        "response_schema": front.response_schema,
        "samples": front.samples,
    }
    kept = {key: _plain(value) for key, value in values.items() if value or (key == "response_schema" and value == {})}
    if not kept:
        return ""
    stream = StringIO()
    _yaml().dump(kept, stream)
    return stream.getvalue()


def _entries(text: str, where: str, first_line: int) -> _Entries:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
    from ruamel.yaml.nodes import MappingNode

    if len(text) > MOST_CHARACTERS:
        raise PromptError(f"{where}: the front matter has {len(text):,} characters; {MOST_CHARACTERS:,} are allowed")
    try:
        depth = 0
        for event in _yaml().parse(text):
            line = first_line + event.start_mark.line
            if isinstance(event, AliasEvent):
                # A few lines of aliases can stand for gigabytes.
                raise PromptError.at(where, line, "aliases (*name) are not allowed here; write the value out")
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > DEEPEST:
                # The reader's time grows with the square of the depth, and more.
                raise PromptError.at(where, line, f"nested more than {DEEPEST} deep; make it flatter")
        node = _yaml().compose(text)
        if node is None:
            return _Entries({}, {}, where)
        if not isinstance(node, MappingNode):
            raise PromptError.at(where, first_line, "the front matter is not `key: value` lines")
        lines = {str(key.value): first_line + key.start_mark.line for key, _ in node.value}
        for key, line in lines.items():
            if key not in KEYS:
                raise PromptError.at(where, line, f"unknown key {key!r}{_suggestion(key)}")
        values = _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        raise PromptError.at(where, line, _problem(error.context, error.problem)) from error
    except (YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise PromptError.at(where, first_line, f"the front matter is no YAML: {problem[:200]}") from error
    return _Entries(values, lines, where)


def _problem(context: str | None, problem: str | None) -> str:
    """The YAML reader's complaint in one line, without the advice it has for its own callers."""
    text = problem or context or "wrong YAML"
    if context and text.startswith("but "):
        text = f"{context}, {text}"
    return " ".join(text.partition(" with value ")[0].split())[:200]


def _suggestion(key: str) -> str:
    close = difflib.get_close_matches(key, KEYS, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(KEYS)}"


def _tags(entries: _Entries) -> tuple[str, ...]:
    tags = entries.values.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
        raise entries.wrong("tags", "a list of texts such as [sentiment, english]")
    return tuple(dict.fromkeys(tag.strip() for tag in tags))


def _mapping(entries: _Entries, key: str, expected: str) -> dict[str, Any] | None:
    value = entries.values.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise entries.wrong(key, expected)
    # Token ids in logit_bias are numbers in YAML and texts in JSON.
    value = _text_keys(value) if key == "settings" else value
    try:
        canonical_json(value)
    except UsageError as error:
        raise PromptError.at(entries.where, entries.lines[key], f"in {key}, {error}") from error
    return value


def _schema(entries: _Entries) -> dict[str, Any] | None:
    schema = _mapping(entries, "response_schema", "a JSON Schema such as {type: object, properties: ...}")
    if schema is None:
        return None
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for

    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        place = "".join(f".{part}" for part in error.absolute_path)
        raise PromptError.at(
            entries.where,
            entries.lines["response_schema"],
            f"response_schema{place} is no JSON Schema: {' '.join(error.message.split())[:200]}",
        ) from error
    return schema


def _text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        whole = {key: str(key) for key in value if isinstance(key, int) and not isinstance(key, bool)}
        return {whole.get(key, key): _text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text_keys(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _yaml() -> YAML:
    """A fresh YAML 1.2 reader and writer; dates stay the text they were written as."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.representer import SafeRepresenter

    class Constructor(SafeConstructor):
        """JSON has no dates."""

    class Representer(SafeRepresenter):
        """Texts with unusual line breaks are quoted, with escapes: ruamel.yaml 0.19 would write them as spaces."""

        def represent_str(self, data: str) -> ScalarNode:
            style = '"' if _UNUSUAL_BREAKS.intersection(data) else None
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Representer.add_representer(str, Representer.represent_str)
    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    yaml.Representer = Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its default None decides the type
    yaml.width = 1_000_000  # a folded line would be a needless difference
    return yaml
