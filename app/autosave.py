"""Drafts as they were last typed, on disk: a closed browser or a dead server loses nothing.

One file in the workspace's `.promptlab`, by prompt; who saves a draft or undoes his edits takes it away.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MOST_DRAFTS = 20
MOST_CHARACTERS = 1_000_000
NEW = ""
"""Under what a prompt without a name is kept."""
_lock = threading.Lock()


def keep(root: Path, name: str, source: str) -> None:
    """Keeps an edited draft of a prompt, in place of the one before; the oldest of more than twenty goes."""
    if len(source) > MOST_CHARACTERS:
        return
    with _lock:
        drafts = _read(root)
        if drafts.get(name, {}).get("source") == source:
            return
        drafts.pop(name, None)
        drafts[name] = {"source": source, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        while len(drafts) > MOST_DRAFTS:
            del drafts[next(iter(drafts))]
        _write(root, drafts)


def forget(root: Path, name: str) -> None:
    """The draft of this prompt is saved, or as it was: it is kept no longer."""
    with _lock:
        drafts = _read(root)
        if drafts.pop(name, None) is not None:
            _write(root, drafts)


def kept(root: Path, name: str) -> str | None:
    """The draft that is kept of this prompt; None where there is none."""
    with _lock:
        found = _read(root).get(name)
    source = found.get("source") if isinstance(found, Mapping) else None
    return source if isinstance(source, str) else None


def _path(root: Path) -> Path:
    return root / ".promptlab" / "drafts.json"


def _read(root: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(_path(root).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return (
        {str(name): draft for name, draft in found.items() if isinstance(draft, dict)}
        if isinstance(found, dict)
        else {}
    )


def _write(root: Path, drafts: Mapping[str, Any]) -> None:
    path = _path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it first: a crash leaves the old file or the new one.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".drafts-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(drafts, file, ensure_ascii=False)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
