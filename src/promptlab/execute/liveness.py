"""Whether the process of a run is still at work on it."""

from __future__ import annotations

import contextlib
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from promptlab.store.rows import RunRow

_SLACK = timedelta(seconds=2)
"""Clocks of the kernel and of the database may differ by so much."""


def is_alive(run: RunRow) -> bool:
    """True while a run's process beats; on this machine the process is looked at, so a killed one is seen at once.

    A run that says `running` without a recent heartbeat was given another status when it was read.
    """
    if run.status != "running":
        return False
    if run.host != socket.gethostname() or run.pid is None or os.name == "nt":
        return True
    return process_lives(run.pid, since=run.heartbeat_at or run.started_at)


def process_lives(pid: int, *, since: datetime) -> bool:
    """Whether the process with this number lives, and did when it was last heard of: numbers are given again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError, ValueError, IndexError):
        # After the name in brackets, which may hold anything: state is field 3, start in clock ticks field 22.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        if fields[0] in "ZX":
            return False
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        age = timedelta(seconds=uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
        return datetime.now(UTC) - age <= since + _SLACK
    return True
