"""Defaults of a suite: what its cases and evaluators have where they say nothing themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from promptlab.errors import SuiteError
from promptlab.spelling import suggestion
from promptlab.suites.document import Document
from promptlab.suites.mistakes import Report, refuse
from promptlab.types import Case

KEYS = ("inputs", "expected", "metadata", "transform")


@dataclass(frozen=True, slots=True)
class Defaults:
    """inputs, metadata: by name; expected: of a case without one; transform: of an evaluator without one."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    transform: Any = None

    def of_case(self, case: Case) -> Case:
        """The case with what it does not say itself."""
        if not self.inputs and not self.metadata and self.expected is None:
            return case
        return replace(
            case,
            inputs={**self.inputs, **case.inputs},
            expected=self.expected if case.expected is None else case.expected,
            metadata={**self.metadata, **case.metadata},
        )


NO_DEFAULTS = Defaults()


def read_defaults(document: Document, *, report: Report = refuse) -> Defaults:
    """The defaults under the key `defaults` of a suite. Reports SuiteError."""
    given = document.value.get("defaults")
    if given is None:
        return NO_DEFAULTS
    if not isinstance(given, Mapping):
        report(
            SuiteError(
                f"{document.where('defaults')}: `defaults` is {given!r}; it is a mapping with any of {', '.join(KEYS)}"
            )
        )
        return NO_DEFAULTS
    for key in given:
        if key not in KEYS:
            where = document.where("defaults", key)
            report(SuiteError(f"{where}: unknown key {key!r} of `defaults`{suggestion(key, KEYS)}"))
    for key in ("inputs", "metadata"):
        if not isinstance(given.get(key), Mapping | None):
            where = document.where("defaults", key)
            report(SuiteError(f"{where}: `{key}` is {given[key]!r}; it is a mapping of names to values"))
    return Defaults(
        inputs=_mapping(given.get("inputs")),
        expected=given.get("expected"),
        metadata=_mapping(given.get("metadata")),
        transform=given.get("transform"),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
