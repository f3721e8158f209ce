"""Artifacts written as files: here a name becomes a path, so here it is checked."""

from __future__ import annotations

import shutil
import unicodedata
import uuid
from collections.abc import Sequence
from pathlib import Path

from promptlab.errors import UsageError, WorkspaceError
from promptlab.store.artifacts import ArtifactStore
from promptlab.store.rows import ArtifactRow, RunDetail

MOST_PART_BYTES = 255
"""The longest name of a file on every common file system."""


def save_artifacts(detail: RunDetail, store: ArtifactStore, folder: Path, *, names: Sequence[str] | None) -> list[Path]:
    """The paths of a run's artifacts, or of those named, once all are written below `folder`.

    Raises UsageError, before anything is written, for a name that is no path within a folder, for one that the run has
    not, and for a file that is there already.
    """
    items = _chosen(detail, names)
    root = folder.resolve()
    places = {item.name: root.joinpath(*parts_of(item.name)) for item in items}
    seen: dict[str, str] = {}
    for name, place in places.items():
        same = seen.setdefault(unicodedata.normalize("NFC", str(place)), name)
        if same != name:
            raise UsageError(f"the artifacts {same!r} and {name!r} differ in no way that every file system sees")
        if not place.parent.resolve().is_relative_to(root):
            raise UsageError(f"the artifact {name!r} would be written through a link out of '{folder}'")
        if place.exists() or place.is_symlink():
            raise UsageError(f"'{place}' is there already; choose another folder")
    try:
        for item in items:
            _write(store, item, places[item.name], root)
    except OSError as error:
        raise WorkspaceError(f"'{folder}' cannot be written: {error.strerror}") from error
    return list(places.values())


def parts_of(name: str) -> list[str]:
    """The parts of an artifact's name as a path within a folder: `plots/roc.csv` -> `plots`, `roc.csv`.

    Raises UsageError where the name is absolute, climbs, is not portable, or has a part that no file can be called.
    """
    parts = name.split("/")
    for part in parts:
        hidden = any(unicodedata.category(character) in ("Cc", "Cs") for character in part)
        if part in ("", ".", "..") or hidden or "\\" in part or ":" in part:
            raise UsageError(
                f"the artifact {name!r:.120} has no name that can be a path within a folder; read it by "
                "lab.artifact(run, name) instead"
            )
        if len(part.encode("utf-8", "surrogatepass")) > MOST_PART_BYTES:
            raise UsageError(f"the artifact {name!r:.60} has a name too long for a file; read it by lab.artifact")
    return parts


def _chosen(detail: RunDetail, names: Sequence[str] | None) -> list[ArtifactRow]:
    by_name = {item.name: item for item in detail.artifacts}
    for name in names or ():
        if name not in by_name:
            raise UsageError(f"run '{detail.run.uid[:8]}' has no artifact '{name}'; it has: {_few(by_name)}")
    return list(detail.artifacts) if names is None else [by_name[name] for name in names]


def _few(names: Sequence[str] | dict[str, ArtifactRow]) -> str:
    some = list(names)[:5]
    return ", ".join(some) + (", ..." if len(names) > len(some) else "") or "none"


def _write(store: ArtifactStore, item: ArtifactRow, place: Path, root: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"the artifact {item.name!r} needs a folder where a file is; save it by itself") from error
    if not place.parent.resolve().is_relative_to(root):
        raise UsageError(f"the artifact {item.name!r} would be written through a link")
    half = place.parent / f".half-{uuid.uuid4().hex}"
    try:
        with store.open(item.digest) as source, half.open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        half.replace(place)
    finally:
        half.unlink(missing_ok=True)
