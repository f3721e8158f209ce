"""What this process runs in: Python, platform, and every installed package with its version."""

from __future__ import annotations

import functools
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.redact import redact

MOST_COMMAND_CHARACTERS = 4000


@functools.cache
def environment() -> Mapping[str, Any]:
    """`python`, `implementation`, `platform`, `machine`, `cpus` and `packages`, each with its version; found once."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "packages": packages(sys.path),
    }


def packages(folders: list[str]) -> dict[str, str]:
    """The version of each installed package, by its name in lower case with `-`; the first folder that has it counts.

    The names of `.dist-info` folders say both. importlib.metadata would open a file a package: a hundred times slower.
    """
    found: dict[str, str] = {}
    for folder in folders:
        path = Path(folder or ".")
        # A path of Python may be a zip file, or not there at all.
        for entry in sorted(path.glob("*.dist-info")) if path.is_dir() else ():
            name, _, version = entry.name.removesuffix(".dist-info").rpartition("-")
            found.setdefault(name.lower().replace("_", "-").replace(".", "-"), version)
    return dict(sorted(found.items()))


@functools.cache
def command() -> str:
    """The command line of this process, keys masked; empty where Python was given none."""
    return redact(shlex.join(sys.argv))[:MOST_COMMAND_CHARACTERS] if any(sys.argv) else ""
