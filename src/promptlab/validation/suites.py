"""A suite checked: what loading says, then its prompts, base models, inputs and gates, without asking anything."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.config import Workspace
from promptlab.errors import MissingKeyError, MissingPackageError, ModelError, PromptError, TemplateError, UsageError
from promptlab.models.base import Model, require
from promptlab.prompts import rendering
from promptlab.spelling import few, suggestion
from promptlab.suites.case_sources import MOST_MISTAKES
from promptlab.suites.load import Loaded, Scope, read_suite
from promptlab.suites.matrix import combination_text, combinations
from promptlab.suites.model import Gate, Suite
from promptlab.suites.scoring import RESPONSE_SCHEMA, entry_list, wants_schema_check
from promptlab.types import PromptVersion
from promptlab.validation.findings import Finding, Severity, find
from promptlab.validation.inputs import InputCounts, count_inputs, reads_any_input, unknown_inputs, used_by_entry
from promptlab.validation.prompts import template_finding

_HUB_ID = re.compile(r"local:[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")


@dataclass(frozen=True, slots=True)
class PromptsUnknownError(Exception):
    """The registry cannot be asked, so that nobody knows whether it has a prompt."""

    reason: str


@dataclass(frozen=True, slots=True)
class FoundPrompt:
    """A prompt with its file, None for a version of the registry."""

    version: PromptVersion
    path: Path | None = None


FindPrompt = Callable[[str], FoundPrompt]
"""The prompt of a reference. Raises PromptError where there is none, PromptsUnknownError where that is not known."""


@dataclass(frozen=True, slots=True)
class CheckedSuite:
    """A suite with what was found. loaded: None for a file that is no suite."""

    path: Path
    loaded: Loaded | None
    findings: Sequence[Finding]


def check_suite(path: Path, *, find_prompt: FindPrompt, workspace: Workspace, part: bool = False) -> CheckedSuite:
    """What is wrong with a suite file; part: with one that others include, for what it says itself."""
    problems: list[UsageError] = []
    scope: Scope = "part" if part else "files"
    loaded = None
    try:
        loaded = read_suite(path, scope=scope, report=problems.append)
    except UsageError as error:
        problems.append(error)
    found = [find(problem, file=path) for problem in problems]
    if loaded is not None:
        checks = _Checks(path, loaded, find_prompt, workspace)
        found += [*checks.prompts(), *checks.models(), *checks.asked_models(), *checks.gates()]
        # What is left of a suite with mistakes says little of what it uses.
        found += checks.inputs() if not part and not problems else []
    return CheckedSuite(path, loaded, list(dict.fromkeys(found)))


@dataclass(frozen=True)  # no slots: what is derived is kept
class _Checks:
    path: Path
    loaded: Loaded
    find_prompt: FindPrompt
    workspace: Workspace

    @property
    def suite(self) -> Suite:
        return self.loaded.suite

    def found(self, message: object, *place: str | int, severity: Severity = "error") -> Finding:
        """A finding at a place of the suite."""
        return find(f"{self.loaded.document.where(*place)}: {message}", file=self.path, severity=severity)

    @functools.cached_property
    def counts(self) -> InputCounts:
        return count_inputs(self.suite.cases)

    @functools.cached_property
    def resolved(self) -> tuple[dict[int, FoundPrompt], list[Finding]]:
        """The suite's prompts by their place in it, and what is wrong with the others."""
        prompts: dict[int, FoundPrompt] = {}
        wrong: list[Finding] = []
        for place, reference in self._entries("prompts", self.suite.prompts):
            try:
                prompts[place] = self.find_prompt(reference)
            except PromptsUnknownError as error:
                message = f"prompt {reference!r} cannot be looked up: {error.reason}"
                wrong.append(self.found(message, "prompts", place, severity="warning"))
            except PromptError as error:
                wrong.append(self.found(error, "prompts", place))
        return prompts, wrong

    def prompts(self) -> Iterator[Finding]:
        """Prompts that are not there, or that cannot render the cases."""
        prompts, wrong = self.resolved
        yield from wrong
        for place, prompt in prompts.items() if self.suite.cases else ():
            yield from self._renders(place, prompt)

    def models(self) -> Iterator[Finding]:
        """Base models that are not there, or not yet."""
        for place, name in self._entries("models", self.suite.models):
            try:
                model = _resolve(name, self.workspace)
                if model is not None:
                    require(model, "generate")
            except _NotYetError as error:
                yield self.found(error, "models", place, severity="warning")
            except ModelError as error:
                yield self.found(error, "models", place)

    def asked_models(self) -> Iterator[Finding]:
        """Base models that evaluators ask and that are not there, or not yet, or that cannot do what they are for."""
        places = {_entry_name(entry): place for place, entry in enumerate(entry_list(self.loaded.document))}
        for evaluator in self.suite.all_evaluators:
            # One of a single case has no place of its own here.
            at = ("evaluators", places[evaluator.name]) if evaluator.name in places else ("cases",)
            for asked in evaluator.all_asks:
                for name in self.suite.models if asked.model is None else (asked.model,):
                    try:
                        model = _resolve(name, self.workspace)
                    except _NotYetError as error:
                        # One of the suite's own is a finding of its list of models.
                        if asked.model is not None:
                            yield self.found(f"{evaluator.name}: {error}", *at, severity="warning")
                        continue
                    except ModelError as error:
                        if asked.model is not None:
                            yield self.found(f"{evaluator.name}: {error}", *at)
                        continue
                    if model is None:
                        continue
                    try:
                        require(model, asked.ability, where=evaluator.name)
                    except ModelError as error:
                        yield self.found(error, *at)

    def gates(self) -> Iterator[Finding]:
        """Gates for a variant that the suite does not have, or on a check that is not made."""
        for gate in self.suite.gates:
            if gate.evaluator == RESPONSE_SCHEMA and not self._has_schema_check():
                message = "no prompt of the suite has a response_schema that is checked by itself"
                yield self.found(f"gate {gate.evaluator!r}: {message}", "gates", gate.evaluator)
            unknown = self._unknown_part(gate)
            if unknown is not None:
                message = f"gate {gate.evaluator!r}: the suite has no prompt, base model or setting {unknown}"
                yield self.found(message, "gates", gate.evaluator, severity="warning")

    def _has_schema_check(self) -> bool:
        """Whether a prompt's response_schema is, or may be, scored under its name."""
        prompts, wrong = self.resolved
        if wrong or not prompts or any(one.name == RESPONSE_SCHEMA for one in self.suite.all_evaluators):
            return True
        return any(wants_schema_check(prompt.version, self.suite.evaluators) for prompt in prompts.values())

    def inputs(self) -> Iterator[Finding]:
        """Inputs that a template reads and no case has, and inputs that nothing reads."""
        suite, counts = self.suite, self.counts
        if not counts.cases:
            return
        entries = entry_list(self.loaded.document)
        for place, entry in enumerate(entries):
            for name in unknown_inputs(entry, counts.having):
                message = f"a template reads the input {name!r}, which no case has{suggestion(name, counts.having)}"
                yield self.found(message, "evaluators", place, severity="warning")
        prompts, wrong = self.resolved
        own = [entry for entries in suite.case_evaluators.values() for entry in entries]
        if wrong or not prompts or reads_any_input([*suite.evaluators, *own]):
            return
        uses = [
            used_by_entry(entry) for entry in (*entries, *(entry for case in suite.cases for entry in case.evaluators))
        ]
        if any(use.everything for use in uses):
            return
        try:
            used = {name for prompt in prompts.values() for name in rendering.variables(prompt.version)}
        except TemplateError:
            return  # which is a finding of its own
        used.update(name for use in uses for name in use.names)
        unused = sorted(set(counts.having) - used)
        if len(unused) > MOST_MISTAKES:
            message = f"no prompt and no evaluator uses {len(unused):,} of the inputs: {few(unused)}"
            yield self.found(f"{message}; move them into metadata", "cases", severity="warning")
            return
        for name in unused:
            message = (
                f"the input {few([name])!r} is used by no prompt and no evaluator; use it, or move it into metadata"
            )
            default = ("defaults", "inputs", name)
            at = default if default in self.loaded.document.lines else ("cases",)
            yield self.found(message, *at, severity="warning")

    def _renders(self, place: int, found: FoundPrompt) -> Iterator[Finding]:
        prompt, counts, first = found.version, self.counts, self.counts.first
        if first is None:
            return
        try:
            required = rendering.required_variables(prompt)
        except TemplateError as error:
            path = found.path
            yield self.found(error, "prompts", place) if path is None else template_finding(error, path)
            return
        try:
            missing = sorted(name for name in required if name not in first.inputs)
            for name in missing:
                given = few(first.inputs)
                message = (
                    f"prompt {prompt.name!r} needs `{name}`, which case {first.key!r} has not; its inputs: {given}"
                )
                yield self.found(message, "prompts", place)
            if not missing:
                rendering.render(prompt, first.inputs)
        except TemplateError as error:
            yield self.found(f"case {first.key!r}: {error}", "prompts", place)
            return
        for name in sorted(required - set(missing)):
            if lacking := counts.lacking(name):
                said = f"{lacking:,} of {counts.cases:,} cases have not; they would end in an error"
                message = f"prompt {prompt.name!r} needs `{name}`, which {said}"
                yield self.found(message, "prompts", place, severity="warning")

    def _entries(self, key: str, kept: Sequence[str]) -> Iterator[tuple[int, str]]:
        """The entries of a list that loading has kept, each with its place in the file."""
        values = self.loaded.document.value.get(key)
        for name in kept:
            yield values.index(name), name

    def _unknown_part(self, gate: Gate) -> str | None:
        """What a gate's variant names and the suite has not, in quotes; None where it has all of it."""
        if gate.variant is None or not (self.suite.prompts or self.suite.models):
            return None
        settings = [self.suite.settings, *(prompt.version.settings for prompt in self.resolved[0].values())]
        pairs = [(name, value) for given in settings for name, value in given.items()]
        pairs += [(name, value) for name, values in self.suite.matrix.items() for value in values]
        said = {combination_text({name: value}) for name, value in pairs}
        said.update(combination_text(chosen) for chosen in combinations(self.suite.matrix))
        prompts = {name.partition("@")[0].rpartition("/")[2].removesuffix(".j2") for name in self.suite.prompts}
        for part in gate.variant.split(" · "):
            is_prompt = part.partition("@")[0] in prompts
            if not (is_prompt or part in said or part in self.suite.models or part.startswith("python:")):
                return repr(part)
        return None


class _NotYetError(Exception):
    """A base model that can be had: its key, its package or its weights are not here."""


def _entry_name(entry: Any) -> str | None:
    """What an entry scores under, where it says so; None for what is no entry."""
    if isinstance(entry, Mapping) and entry:
        kind, options = next(iter(entry.items()))
        name = options.get("as", kind) if isinstance(options, Mapping) else kind
        return name if isinstance(name, str) else None
    return entry if isinstance(entry, str) else None


def _resolve(name: str, workspace: Workspace) -> Model | None:
    """The base model of a name, None where only the hub knows it.

    Raises ModelError for a name that no base model can have, _NotYetError for one that is not ready here.
    """
    from promptlab.models.packaged import PACKAGED, find_pulled
    from promptlab.models.resolve import resolve_model

    packaged = PACKAGED.get(name.removeprefix("local:")) if name.startswith("local:") else None
    if packaged is not None and find_pulled(packaged) is None:
        raise _NotYetError(f"base model {name!r} is not on this machine; run: promptlab models pull {packaged.name}")
    if _HUB_ID.fullmatch(name) and not (workspace.root / name.removeprefix("local:")).is_dir():
        return None  # which is not asked
    try:
        return resolve_model(name, workspace=workspace)
    except (MissingKeyError, MissingPackageError) as error:
        raise _NotYetError(str(error)) from error
