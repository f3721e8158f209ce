"""Prompts as files in git and as versions in the registry at once."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.config import Workspace
from promptlab.errors import PromptError, PromptNotFoundError, WorkspaceError
from promptlab.prompts import difference, rendering
from promptlab.prompts.files import compose_source, load_prompt, parse_prompt
from promptlab.prompts.reference import PromptReference, parse_reference
from promptlab.store import registry
from promptlab.store.database import Connection, Database
from promptlab.store.rows import PromptRow
from promptlab.types import Case, Message, PromptVersion

if TYPE_CHECKING:
    from promptlab.prompts.rendered_difference import RenderedDifference

SUFFIX = ".j2"


@dataclass(frozen=True)
class Prompt(PromptVersion):
    """A prompt version that renders itself."""

    def render(self, **inputs: Any) -> tuple[Message, ...]:
        """The chat messages for these inputs; raises TemplateError, naming an undefined variable."""
        return rendering.render(self, inputs)

    def variables(self) -> frozenset[str]:
        """The names that the template needs."""
        return rendering.variables(self)


@dataclass(frozen=True, slots=True)
class Saved:
    """What saving did: the version, whether it is new, and the file that now has it, if any."""

    prompt: Prompt
    created: bool
    file: Path | None


class Prompts:
    """The prompts of a workspace: `prompts/*.j2` and the registry."""

    def __init__(self, database: Database, workspace: Workspace) -> None:
        self._database = database
        self._workspace = workspace

    def save(self, name: str, source: str, *, note: str = "", by: str | None = None, file: bool = False) -> Prompt:
        """The version that holds this source; the newest one, where its content is the same.

        source: a prompt file's text (front matter and roles as in the contract). A file `prompts/NAME.j2` without
        unsaved edits follows along; with file=True it is written also where there is none. Raises PromptError.
        """
        return self.save_source(name, source, note=note, by=by, file=file).prompt

    def save_source(
        self, name: str, source: str, *, note: str = "", by: str | None = None, file: bool = False
    ) -> Saved:
        """The same as `save`, and whether a version was made and which file was written."""
        _check_name(name)
        version = parse_prompt(source, name=name, path=name)
        path = self.path(name)
        clean = path.is_file() and self._registered(name, path)
        saved = self._store(version, note=note, by=by)
        written = None
        if clean or (file and not path.is_file()):
            _write(path, source)
            written = path
        return Saved(saved[0], saved[1], written)

    def save_file(self, path: Path, *, note: str = "", by: str | None = None) -> Saved:
        """The version that holds this file's content, under the file's name."""
        version = load_prompt(path)
        prompt, created = self._store(version, note=note, by=by)
        return Saved(prompt, created, path)

    def use(self, reference: str) -> tuple[Prompt, int]:
        """The version that a suite or command means, with its id; a file's content is saved as a version first.

        A bare name is `prompts/NAME.j2`, where there is none the registry's latest; `name@N` and `name@alias` are
        the registry's only; a path ending in `.j2` is that file, relative to the workspace.
        """
        prompt = self.find(reference)
        if not prompt.number:
            prompt, _ = self._store(prompt, note="", by=None)
        return prompt, self._database.read(
            lambda connection: registry.version_id(connection, prompt.name, prompt.number)
        )

    def find(self, reference: str) -> Prompt:
        """The same prompt as `use` would give, without saving anything (number 0 where it is unsaved)."""
        path = prompt_file(reference, self._workspace)
        if path is not None:
            return _prompt(load_prompt(path))
        wanted = parse_reference(reference)
        path = self.path(wanted.name)
        try:
            return self.get(reference)
        except PromptNotFoundError as error:
            if "@" not in reference and not any(row.name == wanted.name for row in self.list()):
                names = sorted({*(row.name for row in self.list()), *(path.stem for path in self.files())})
                raise PromptNotFoundError(
                    f"no prompt '{wanted.name}': neither {self._relative(path)} nor a version in the registry; "
                    f"there are: {', '.join(names) or 'none'}"
                ) from error
            raise

    def get(self, reference: str) -> Prompt:
        """A version from the registry: `name` (latest), `name@3` or `name@alias`. Raises PromptNotFoundError."""
        wanted = parse_reference(reference)
        return self._database.read(
            lambda connection: _prompt(registry.get_version(connection, wanted.name, self._number(connection, wanted)))
        )

    def list(self) -> Sequence[PromptRow]:
        """The registry's prompts, by name."""
        return self._database.read(registry.list_prompts)

    def files(self) -> Sequence[Path]:
        """The workspace's prompt files, by name."""
        return sorted(self._workspace.prompts.glob(f"*{SUFFIX}"))

    def log(self, name: str) -> Sequence[Prompt]:
        """Every version of a prompt, newest first."""
        return self._database.read(
            lambda connection: [_prompt(version) for version in registry.versions(connection, name)]
        )

    def aliases(self, name: str) -> Mapping[str, int]:
        """The aliases of a prompt: name -> version number."""
        return next((row.aliases for row in self.list() if row.name == name), {})

    def alias(self, name: str, /, **aliases: int | None) -> None:
        """Points aliases at version numbers; None takes an alias away: `alias("refund", production=3)`."""

        def move(connection: Connection) -> None:
            for alias, number in aliases.items():
                if number is None:
                    registry.delete_alias(connection, name, alias)
                else:
                    registry.set_alias(connection, name, alias, number)

        self._database.write(move).result()

    def diff(self, a: str | PromptVersion, b: str | PromptVersion) -> str:
        """The unified diff of two prompts' sources; each a version, or a reference as in `find`."""
        return difference.diff(*(self.find(each) if isinstance(each, str) else each for each in (a, b)))

    def rendered_diff(
        self, a: str | PromptVersion, b: str | PromptVersion, cases: Iterable[Case]
    ) -> RenderedDifference:
        """The cases that two prompts render to other messages; each a version, or a reference as in `find`."""
        from promptlab.prompts.rendered_difference import rendered_difference

        before, after = (self.find(each) if isinstance(each, str) else each for each in (a, b))
        return rendered_difference(before, after, {case.key: case.inputs for case in cases})

    def path(self, name: str) -> Path:
        """Where a prompt's file is, or would be."""
        return self._workspace.prompts / f"{name}{SUFFIX}"

    def edited(self, name: str) -> bool:
        """Whether the prompt's file holds what no version has yet."""
        path = self.path(name)
        return path.is_file() and not self._registered(name, path)

    def _registered(self, name: str, path: Path) -> bool:
        try:
            digest = load_prompt(path).digest
        except PromptError:
            return False
        with self._database.connect() as connection:
            try:
                return any(version.digest == digest for version in registry.versions(connection, name))
            except PromptNotFoundError:
                return False

    def _store(self, version: PromptVersion, *, note: str, by: str | None) -> tuple[Prompt, bool]:
        who = by if by is not None else getpass.getuser()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        saved, created = self._database.write(
            lambda connection: registry.save_version(connection, version, note=note, by=who, at=now)
        ).result()
        return _prompt(saved), created

    def _number(self, connection: Connection, wanted: PromptReference) -> int | None:
        if wanted.alias is not None:
            return registry.resolve_alias(connection, wanted.name, wanted.alias)
        return wanted.number

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._workspace.root)) if path.is_relative_to(self._workspace.root) else str(path)


def prompt_file(reference: str, workspace: Workspace) -> Path | None:
    """The file that a reference means; None where it is the registry's. Raises PromptError."""
    if reference.endswith(SUFFIX):
        path = workspace.root / reference
        if not path.is_file():
            raise PromptNotFoundError(f"prompt file '{reference}' is not in {workspace.root}")
        return path
    wanted = parse_reference(reference)
    path = workspace.prompts / f"{wanted.name}{SUFFIX}"
    return path if wanted.number is None and wanted.alias is None and path.is_file() else None


def source_of(version: PromptVersion) -> str:
    """The file text of a version: its exact source where it came from one, else composed."""
    return version.source or compose_source(version)


def _prompt(version: PromptVersion) -> Prompt:
    return Prompt(**{item.name: getattr(version, item.name) for item in fields(PromptVersion)})


def _check_name(name: str) -> None:
    wanted = parse_reference(name)
    if wanted.number is not None or wanted.alias is not None:
        raise PromptError(f"'{name}' is a reference to a version; save under the bare name '{wanted.name}'")


def _write(path: Path, source: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be written: {error.strerror}; the version is saved") from error
