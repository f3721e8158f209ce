"""Who runs what, where, from which commit."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_GIT_SECONDS = 5.0
KNOWN_SECONDS = 60.0
"""How long a commit is taken for the current one: asking git costs more than logging a small run."""

_known: dict[Path, tuple[float, str | None]] = {}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a run came from.

    git_sha: 40 hex digits, with `-dirty` where files differ from that commit; None outside a repository.
    """

    user: str
    host: str
    pid: int
    source: str
    git_sha: str | None


def provenance(folder: Path, *, source: str | None = None) -> Provenance:
    """Where this process's runs come from; `folder` decides which git repository is asked."""
    return Provenance(
        user=_user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        source=source or Path(sys.argv[0]).name or "python",
        git_sha=_known_git_sha(folder),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return str(os.getuid())


def _known_git_sha(folder: Path) -> str | None:
    asked_at, sha = _known.get(folder, (-KNOWN_SECONDS, None))
    now = time.monotonic()
    if now - asked_at >= KNOWN_SECONDS:
        sha = _git_sha(folder)
        _known[folder] = (now, sha)
    return sha


def _git_sha(folder: Path) -> str | None:
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
