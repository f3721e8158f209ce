"""Suites made of several files: `include:` read and merged into one document that knows where each part came from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from promptlab.errors import SuiteError
from promptlab.spelling import suggestion
from promptlab.suites.case_sources import rebased_cases
from promptlab.suites.document import Document, Place, parse_yaml, read_text
from promptlab.suites.keys import JOINED, MERGED, check_keys, entry_name
from promptlab.suites.mistakes import Report, refuse, told

DEEPEST = 20
"""How far files may include files that include files."""
MERGED_WITHIN = (("defaults", "inputs"), ("defaults", "metadata"))
"""Mappings within mappings that are merged too."""

NeedsFunctions = Callable[[Document], bool]
"""Whether a document names an evaluator that has to come from a Python file."""


@dataclass(frozen=True, slots=True)
class Included:
    """A document with all that it includes, and the files that it includes, resolved."""

    document: Document
    files: frozenset[Path] = frozenset()


def resolve_includes(
    document: Document,
    *,
    folder: Path,
    path: Path | None,
    needs_functions: NeedsFunctions,
    default_functions: str,
    report: Report = refuse,
) -> Included:
    """The document without `include`, with all that the files named there have; what it says itself wins.

    folder: what its paths are relative to; those of an included file are relative to that one, and are rewritten. An
    included file whose evaluators need Python code and that names none has the file default_functions beside it. A file
    is included once, however often it is named. Reports SuiteError.
    """
    if "include" not in document.value:
        return Included(document)
    chain = () if path is None else (path,)
    reading = _Reading(folder, needs_functions, default_functions, report, set())
    return Included(reading.whole(document, PurePath(), chain), frozenset(reading.read))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What stays the same while files are read. read: those that have been, resolved."""

    folder: Path
    needs_functions: NeedsFunctions
    default_functions: str
    report: Report
    read: set[Path]

    def whole(self, document: Document, place: PurePath, chain: tuple[Path, ...]) -> Document:
        """A document with those that it includes; place: its folder, as seen from the suite's."""
        names = [] if document.value.get("include") is None else document.value["include"]
        names = names if isinstance(names, list) else [names]
        merged = Document({}, document.name)
        for position, name in enumerate(names):
            where = document.where("include", position)
            with told(self.report):
                included = self._included(name, place, chain, where)
                if included is not None:
                    merged = _merge(merged, included)
        own = {key: value for key, value in document.value.items() if key != "include"}
        default = self.default_functions
        # The file beside the suite is found without its name; that of a part, or one among several, is not.
        named = "functions" in own or (place == PurePath() and "functions" not in merged.value)
        if not named and (self.folder / place / default).is_file() and self.needs_functions(document):
            own["functions"] = (place / default).as_posix()
        return _merge(merged, replace(document, value=own))

    def _included(self, name: Any, place: PurePath, chain: tuple[Path, ...], where: str) -> Document | None:
        if not isinstance(name, str) or not name.strip():
            raise SuiteError(f"{where}: `include` is {name!r}; it is the path of a YAML file, or a list of them")
        if "://" in name:
            raise SuiteError(f"{where}: {name!r} is no file here; nothing is fetched: save it beside the suite")
        path = self.folder / place / name
        shown = os.path.normpath(path)
        if not os.path.isfile(path):  # noqa: PTH113 - for a name that no file can have, Path.is_file raises
            raise SuiteError(f"{where}: {_missing(name, path)}")
        resolved = path.resolve()
        above = [item.resolve() for item in chain]
        if resolved in above:
            circle = [*chain[above.index(resolved) :], path]
            raise SuiteError(
                f"{where}: {name!r} includes itself: {' -> '.join(item.name for item in circle)}; take one of these out"
            )
        if resolved in self.read:
            return None
        if len(chain) >= DEEPEST:
            raise SuiteError(f"{where}: {name!r} is included {DEEPEST} files deep; include it directly")
        self.read.add(resolved)
        document = parse_yaml(read_text(path, name=where, what="the included file"), name=shown)
        if document.value is None:
            return None
        check_keys(document, report=self.report)
        if not isinstance(document.value, dict):
            return None
        # A suite is called by its own name, never by that of a part.
        document = replace(document, value={key: value for key, value in document.value.items() if key != "name"})
        inner = place / PurePath(name).parent
        return self.whole(_rebased(document, inner, self.folder), inner, (*chain, path))


def _missing(name: str, path: Path) -> str:
    if os.path.exists(path):  # noqa: PTH110 - as above
        return f"the included file {name!r} is no plain file; name one, such as common.yaml"
    others = [other.name for other in path.parent.glob("*.y*ml")] if os.path.isdir(path.parent) else []  # noqa: PTH112
    shown = name if len(name) <= 200 else f"{name[:200]}…"
    return f"the included file {shown!r} does not exist{suggestion(path.name, others) if others else ''}"


def _rebased(document: Document, place: PurePath, folder: Path) -> Document:
    """The document of a file in `place`, with its paths as seen from the suite's folder."""
    value = dict(document.value)
    if "cases" in value:
        value["cases"] = rebased_cases(value["cases"], place, folder=folder)
    functions = value.get("functions")
    if isinstance(functions, list):
        value["functions"] = [_rebased_path(path, place) for path in functions]
    elif functions is not None:
        value["functions"] = _rebased_path(functions, place)
    return replace(document, value=value)


def _rebased_path(path: Any, place: PurePath) -> Any:
    return (place / path).as_posix() if isinstance(path, str) and path.strip() else path


@dataclass(slots=True)
class _Merging:
    """A merged value as it grows. moves: for each of both documents, where places that it keeps stand from now on."""

    value: dict[str, Any] = field(default_factory=dict)
    moves: tuple[dict[Place, Place], dict[Place, Place]] = field(default_factory=lambda: ({}, {}))


def _merge(below: Document, above: Document) -> Document:
    """Two documents as one; what the second says wins."""
    merging = _Merging()
    for key in dict.fromkeys((*below.value, *above.value)):
        _merge_key(merging, key, below.value.get(key), above.value.get(key))
    lines: dict[Place, int] = {}
    files: dict[Place, str] = {}
    for document, moves in zip((below, above), merging.moves, strict=True):
        for place, line in document.lines.items():
            moved = _moved(place, moves)
            if moved is None:
                continue
            name = document.files.get(place, document.name)
            lines[moved] = line
            if name != above.name:
                files[moved] = name
            else:
                files.pop(moved, None)
    if () in above.lines:
        lines[()] = above.lines[()]
    return Document(merging.value, above.name, lines, files)


def _merge_key(merging: _Merging, key: str, below: Any, above: Any) -> None:
    from_below, from_above = merging.moves
    if below is None or above is None:
        source = from_above if below is None else from_below
        source[key,] = (key,)
        merging.value[key] = above if below is None else below
    elif key == "functions":
        merging.value[key] = _join_functions(below, above, from_below, from_above)
    elif key in JOINED and (key != "cases" or (isinstance(below, list) and isinstance(above, list))):
        _join(merging, key, below, above)
    elif key in MERGED:
        merging.value[key] = _merge_mappings((key,), below, above, from_below, from_above)
    else:
        from_above[key,] = (key,)
        merging.value[key] = above


def _join(merging: _Merging, key: str, below: Any, above: Any) -> None:
    """Both lists after each other. What is no list stands alone, so that the message about it names its place."""
    for value, moves in zip((below, above), merging.moves, strict=True):
        if not isinstance(value, list):
            moves[key,] = (key,)
            merging.value[key] = value
            return
    from_below, from_above = merging.moves
    joined = list(below)
    at = {name: place for place, item in enumerate(below) if (name := entry_name(key, item)) is not None}
    from_below.update({(key, place): (key, place) for place in range(len(below))})
    for position, item in enumerate(above):
        # Taken out: within one file a name that stands twice is a mistake, and stays one.
        place = at.pop(entry_name(key, item) or "", len(joined))
        joined[place : place + 1] = [item]
        from_below.pop((key, place), None)
        from_above[key, position] = (key, place)
    merging.value[key] = joined


def _merge_mappings(
    place: Place, below: Any, above: Any, from_below: dict[Place, Place], from_above: dict[Place, Place]
) -> Any:
    for value, moves in ((below, from_below), (above, from_above)):
        if not isinstance(value, Mapping):
            moves[place] = place
            return value
    merged: dict[str, Any] = {}
    for key in dict.fromkeys((*below, *above)):
        inner = (*place, key)
        if key in below and key in above and inner in MERGED_WITHIN:
            merged[key] = _merge_mappings(inner, below[key], above[key], from_below, from_above)
        elif key in above:
            from_above[inner] = inner
            merged[key] = above[key]
        else:
            from_below[inner] = inner
            merged[key] = below[key]
    return merged


def _join_functions(
    below: Any, above: Any, from_below: dict[Place, Place], from_above: dict[Place, Place]
) -> list[Any]:
    """The files of both, those of the second first: an evaluator is looked up in their order."""
    joined: list[Any] = []
    for value, moves in ((above, from_above), (below, from_below)):
        given: Sequence[Any] = value if isinstance(value, list) else [value]
        for position, item in enumerate(given):
            if item in joined:
                continue
            moves[("functions", position) if isinstance(value, list) else ("functions",)] = ("functions", len(joined))
            joined.append(item)
    return joined


def _moved(place: Place, moves: Mapping[Place, Place]) -> Place | None:
    for length in range(min(len(place), 3), 0, -1):
        new = moves.get(place[:length])
        if new is not None:
            return (*new, *place[length:])
    return None
