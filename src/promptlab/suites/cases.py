"""Cases of rows: every row checked, and named in the message about it where it is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import SuiteError
from promptlab.spelling import suggestion
from promptlab.suites.defaults import NO_DEFAULTS, Defaults
from promptlab.suites.rows import Row, Source, shown
from promptlab.types import Case

KEYS = ("id", "inputs", "expected", "metadata", "tags", "evaluators")
TAGS = "tags"
"""Where the tags of a case are: within its metadata."""
MAX_KEY = 250
"""How long an id may be: what every database can keep in an index."""

_TAG_ENDS = re.compile("[,;]")


@dataclass(frozen=True, slots=True)
class Reading:
    """Cases as they are read: from several sources one after the other, with what the suite says of them all.

    name: how messages call all of it. places: by its key where a case stands that has evaluators of its own, once it
    has been read.
    """

    name: str
    sources: Sequence[Source]
    defaults: Defaults = NO_DEFAULTS
    places: dict[str, str] = field(default_factory=dict)

    @property
    def again(self) -> bool:
        """Whether reading again is cheap and gives the same."""
        return all(source.again for source in self.sources)

    def cases(self, *, unique: bool = True) -> Iterator[Case]:
        """The cases, one at a time. Raises the first mistake, SuiteError.

        unique: checked for keys that stand twice and for sources without cases, which needs to remember all keys.
        """
        for case in self.checked(unique=unique):
            if isinstance(case, SuiteError):
                raise case
            yield case

    def checked(self, *, unique: bool = True) -> Iterator[Case | SuiteError]:
        """The cases, and in place of each that is none the mistake; of a source that cannot be read on, the last one.

        A row without id gets its number, counted over all sources, from 1.
        """
        first: dict[str, str] = {}
        number = 0
        for source in self.sources:
            before = number
            rows = source.read()
            while True:
                try:
                    row = next(rows, None)
                except SuiteError as error:
                    yield error
                    break
                if row is None:
                    if unique and number == before:
                        yield SuiteError(
                            f"{source.name}: has no cases; write one a row: {{inputs: {{...}}, expected: ...}}"
                        )
                    break
                number += 1
                try:
                    case = self.defaults.of_case(_case(row, number))
                except SuiteError as error:
                    yield error
                    continue
                if unique and case.key in first:
                    yield SuiteError(f"{row.where}: the id {case.key!r} is taken; it stands first at {first[case.key]}")
                    continue
                if unique:
                    first[case.key] = row.where
                if case.evaluators:
                    self.places[case.key] = row.where
                yield case


def tags_of(case: Case) -> tuple[str, ...]:
    """The tags of a case; a text is split at commas and semicolons."""
    return tags_in(case.metadata)


def tags_in(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags in a case's metadata."""
    given = metadata.get(TAGS)
    if isinstance(given, str):
        return tuple(split_tags(given))
    return tuple(str(tag) for tag in given) if isinstance(given, list | tuple) else ()


def split_tags(text: str) -> list[str]:
    """The tags of a text, `hard, numbers` or `hard;numbers`, each once."""
    return list(dict.fromkeys(tag.strip() for tag in _TAG_ENDS.split(text) if tag.strip()))


def _case(row: Row, number: int) -> Case:
    if row.problem is not None:
        raise row.problem
    value, where = row.value, row.where
    if not isinstance(value, Mapping):
        raise SuiteError(f"{where}: a case is a mapping with `inputs`, not {shown(value)}")
    if "inputs" not in value:
        given = ", ".join(value) or "nothing"
        raise SuiteError(
            f"{where}: the case has no `inputs`, only {given}; put what fills the template under it: "
            f'{{"inputs": {{...}}, "expected": ...}}'
        )
    for key in value:
        if key not in KEYS:
            raise SuiteError(
                f"{where}: unknown key {key!r}{suggestion(key, KEYS)}; values of a template go into inputs"
            )
    for key in ("inputs", "metadata"):
        if not isinstance(value.get(key, {}), Mapping) and not (key == "metadata" and value[key] is None):
            raise SuiteError(f"{where}: `{key}` is {shown(value[key])}; it is a mapping")
    own = value.get("evaluators")
    if own is not None and not isinstance(own, list):
        raise SuiteError(f"{where}: `evaluators` is {shown(own)}; it is a list")
    return Case(
        key=_key(value.get("id"), number, where),
        inputs=value["inputs"],
        expected=value.get("expected"),
        metadata=_metadata(value, where),
        evaluators=tuple(own or ()),
    )


def _metadata(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    metadata = value.get("metadata") or {}
    given = value.get(TAGS)
    if given is None:
        return metadata
    if TAGS in metadata:
        raise SuiteError(f"{where}: tags stand twice, as `tags` and in `metadata`; keep one")
    if isinstance(given, str):
        given = split_tags(given)
    if not isinstance(given, list) or not all(isinstance(tag, str) and tag.strip() for tag in given):
        raise SuiteError(f"{where}: `tags` is {shown(given)}; it is a list of texts, such as [hard, numbers]")
    return {**metadata, TAGS: list(dict.fromkeys(tag.strip() for tag in given))} if given else metadata


def _key(identifier: Any, number: int, where: str) -> str:
    if identifier is None:
        return str(number)
    if isinstance(identifier, float) and identifier.is_integer():
        identifier = int(identifier)
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    if isinstance(identifier, str) and identifier.strip():
        if len(identifier) > MAX_KEY:
            raise SuiteError(f"{where}: the id has {len(identifier):,} characters; use {MAX_KEY} at most")
        return identifier
    raise SuiteError(f"{where}: `id` is {shown(identifier)}; it is a text or a whole number")
