"""Which files are checked: those named, those of a folder, or those of the workspace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab.config import CONFIG_NAME, Workspace
from promptlab.errors import UsageError

SUITE_SUFFIXES = (".yaml", ".yml")
PROMPT_SUFFIX = ".j2"
FOLDERS = ("evals", "prompts")
_LIST = re.compile(r"\s*(?:(?:#[^\n]*|---)\s*\n\s*)*(?:-\s|\[)")


@dataclass(frozen=True, slots=True)
class Files:
    """Files by what they are, each once."""

    suites: Sequence[Path] = ()
    prompts: Sequence[Path] = ()
    configs: Sequence[Path] = ()

    @property
    def all(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.configs, *self.prompts, *self.suites)


def collect(paths: Iterable[Path], *, workspace: Workspace) -> Files:
    """The files that paths name; of a folder the suites, prompts and promptlab.toml in it, in its evals/ and prompts/.

    No path: the workspace's. YAML that is a list, in a folder, is taken for data. Raises UsageError for a path that is
    not there or is no such file, and where there is nothing to check.
    """
    given = list(paths) or [workspace.root]
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            found += [file for folder in (path, *(path / name for name in FOLDERS)) for file in _of_folder(folder)]
        elif not path.is_file():
            raise UsageError(f"{path} does not exist; name a suite, a prompt file, promptlab.toml or a folder of them")
        elif path.suffix in (*SUITE_SUFFIXES, PROMPT_SUFFIX) or path.name == CONFIG_NAME:
            found.append(path)
        else:
            raise UsageError(
                f"{path} is no suite (.yaml), prompt (.j2) or {CONFIG_NAME}; data is checked with the suite that has it"
            )
    found = list({path.resolve(): path for path in reversed(found)}.values())[::-1]
    if not found:
        where = ", ".join(str(path) for path in given)
        raise UsageError(f"{where} holds no evals/*.yaml, no prompts/*.j2 and no {CONFIG_NAME}; name what to check")
    return Files(
        suites=[path for path in found if path.suffix in SUITE_SUFFIXES],
        prompts=[path for path in found if path.suffix == PROMPT_SUFFIX],
        configs=[path for path in found if path.name == CONFIG_NAME],
    )


def including(path: Path, *, workspace: Workspace) -> bool:
    """Whether a suite beside a file, or in the workspace's evals/, seems to include it."""
    folders = dict.fromkeys((path.parent, workspace.root / "evals", workspace.root))
    others = (other for folder in folders for other in _of_folder(folder) if other.suffix in SUITE_SUFFIXES)
    name = re.compile(rf"(?:^|[\s\[\"',/]){re.escape(path.name)}(?:$|[\s\]\"',])", re.MULTILINE)
    for other in others:
        if other.resolve() == path.resolve():
            continue
        text = other.read_bytes().decode("utf-8", "replace")
        if re.search(r"^include\s*:", text, re.MULTILINE) and name.search(text):
            return True
    return False


def _of_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    wanted = (*SUITE_SUFFIXES, PROMPT_SUFFIX)
    files = sorted(path for path in folder.iterdir() if path.suffix in wanted or path.name == CONFIG_NAME)
    return [path for path in files if path.is_file() and not _is_data(path)]


def _is_data(path: Path) -> bool:
    if path.suffix not in SUITE_SUFFIXES:
        return False
    with path.open("rb") as file:
        return _LIST.match(file.read(20_000).decode("utf-8", "replace")) is not None
