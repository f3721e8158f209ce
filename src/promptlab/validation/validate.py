"""Files checked before anything runs, as one Validation; no base model is asked and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from promptlab.config import Workspace
from promptlab.errors import DatabaseError, PromptNotFoundError
from promptlab.prompts.files import load_prompt
from promptlab.spelling import suggestion
from promptlab.store.database import Database
from promptlab.store.target import parse_target
from promptlab.sync import Prompts, prompt_file
from promptlab.validation.config import check_config
from promptlab.validation.files import Files, collect, including
from promptlab.validation.findings import Finding, shown
from promptlab.validation.prompts import check_prompt
from promptlab.validation.suites import CheckedSuite, FoundPrompt, PromptsUnknownError, check_suite


@dataclass(frozen=True, slots=True)
class Validation:
    """What was looked at, and what was found, by file and line."""

    files: Files
    findings: Sequence[Finding]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """How many are warnings."""
        return len(self.findings) - self.errors

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: what `validate --json` writes."""
        return {
            "files": [shown(path) for path in self.files.all],
            "errors": self.errors,
            "warnings": self.warnings,
            "findings": [finding.to_json() for finding in self.findings],
        }


def validate(paths: Sequence[Path], *, workspace: Workspace) -> Validation:
    """Every mistake in these files; see `collect` for what paths are. Raises UsageError where there is nothing."""
    files = collect(paths, workspace=workspace)
    named = {path.resolve() for path in paths if path.is_file()}
    found = [finding for path in files.configs for finding in check_config(path)]
    found += [finding for path in files.prompts for finding in check_prompt(path)]
    registry = _Registry(workspace)
    check = partial(check_suite, find_prompt=registry.find, workspace=workspace)
    try:
        suites = [check(path) for path in files.suites]
        parts = {path for suite in suites if suite.loaded for path in suite.loaded.included}
        for suite in suites:
            is_part = _is_part(suite, parts, named, workspace)
            found += check(suite.path, part=True).findings if is_part else suite.findings
    finally:
        registry.close()
    found = sorted(dict.fromkeys(found), key=lambda finding: (finding.file, finding.line or 0))
    return Validation(files, found)


def _is_part(suite: CheckedSuite, parts: set[Path], named: set[Path], workspace: Workspace) -> bool:
    """Whether a file without cases is one that others include."""
    if suite.loaded is None or "cases" in suite.loaded.document.value:
        return False
    path = suite.path.resolve()
    return path in parts or (path in named and including(suite.path, workspace=workspace))


@dataclass(slots=True)
class _Registry:
    """Prompts by their references: files, else versions of the database, opened for reading when first needed."""

    workspace: Workspace
    _database: Database | None = field(default=None)
    _problem: str = ""
    _missing: bool = False

    def find(self, reference: str) -> FoundPrompt:
        """The prompt. Raises PromptError, and PromptsUnknownError where the database cannot be read."""
        path = prompt_file(reference, self.workspace)
        if path is not None:
            return FoundPrompt(load_prompt(path), path)
        if self._database is None and not self._problem:
            self._open()
        if self._database is not None:
            return FoundPrompt(Prompts(self._database, self.workspace).find(reference))
        if self._missing and "@" not in reference:
            names = [other.stem for other in self.workspace.prompts.glob("*.j2")]
            problem = f"no prompt {reference!r}: there is no prompts/{reference}.j2, and no database yet"
            raise PromptNotFoundError(problem + suggestion(reference, names))
        raise PromptsUnknownError(self._problem)

    def _open(self) -> None:
        try:
            target = parse_target(self.workspace.db_url)
            self._missing = target.path is not None and not target.path.is_file()
            if self._missing:
                self._problem = f"there is no database {target.name} yet"
            else:
                self._database = Database.open(self.workspace.db_url, read_only=True)
        except DatabaseError as error:
            self._problem = str(error)

    def close(self) -> None:
        """Closes the database, if it was opened."""
        if self._database is not None:
            self._database.close()
