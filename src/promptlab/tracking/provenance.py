"""Who runs what, where, from which commit."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_GIT_SECONDS = 5.0


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
        git_sha=_git_sha(folder),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return str(os.getuid())


def _git_sha(folder: Path) -> str | None:
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
