"""Evaluations in a process of their own: begun here, they go on when we end, whoever closes the browser.

A job is `promptlab eval` with its output in a file. What it does is in the database as of every evaluation; the run
carries the job's id in a tag.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from promptlab.config import Workspace
from promptlab.errors import UsageError, WorkspaceError
from promptlab.execute.liveness import process_lives
from promptlab.redact import redact
from promptlab.store.runs import JOB_TAG

VARIABLE = "PROMPTLAB_JOB"
"""Tells the process of a job its id."""
KEPT_LOGS = 50
TAIL_BYTES = 20_000
_ID = re.compile(r"[0-9a-f]{16}")
_CHILDREN: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class Job:
    """A process that was launched. log: what it prints."""

    id: str
    log: Path

    def said(self) -> str:
        """The end of what it has printed so far; keys are masked."""
        try:
            with self.log.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - TAIL_BYTES))
                return redact(file.read().decode("utf-8", "replace"))
        except FileNotFoundError:
            return ""

    @property
    def ended(self) -> bool:
        """Whether its process has ended, well or not."""
        _reap()
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
            begun = datetime.fromtimestamp(self._pid_file.stat().st_mtime, UTC)
        except (FileNotFoundError, ValueError):
            return True
        return not process_lives(pid, since=begun)

    @property
    def _pid_file(self) -> Path:
        return self.log.with_suffix(".pid")


def launch(
    workspace: Workspace,
    *,
    suite: str | Path | None = None,
    resume: str | None = None,
    prompts: Sequence[str] = (),
    models: Sequence[str] = (),
    limit: int | None = None,
    max_cost: float | None = None,
    retry_errors: bool = False,
    use_cache: bool = True,
) -> Job:
    """The job, begun. Raises UsageError where neither or both of suite and resume are given."""
    if (suite is None) == (resume is None):
        raise UsageError("a job is a suite, or a run to go on with: give one of both")
    # Values stand behind `=`, so that none is taken for an option.
    arguments = [] if suite is None else ["--", str(suite)]
    options = [*(f"--prompt={one}" for one in prompts), *(f"--model={one}" for one in models)]
    options += [] if resume is None else [f"--resume={resume}"]
    options += [] if limit is None else [f"--limit={limit}"]
    options += [] if max_cost is None else [f"--max-cost={max_cost}"]
    options += ["--retry-errors"] if retry_errors else []
    options += [] if use_cache else ["--no-cache"]
    folder = _folder(workspace)
    _forget_old(folder)
    name = secrets.token_hex(8)
    job = Job(name, folder / f"{name}.log")
    command = [sys.executable, "-m", "promptlab", "eval", *options, *arguments]
    environment = {
        **os.environ,
        VARIABLE: job.id,
        "PROMPTLAB_HOME": str(workspace.root),
        "PROMPTLAB_DB": workspace.db_url,
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    try:
        with job.log.open("xb") as log:
            process = subprocess.Popen(
                command,
                cwd=workspace.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Of a session of its own: Ctrl-C in our terminal, or its end, is not meant for it.
                start_new_session=True,
            )
        job.log.with_suffix(".pid").write_text(f"{process.pid}\n", encoding="ascii")
    except OSError as error:
        raise WorkspaceError(f"the evaluation could not be started: {error.strerror or error}") from error
    _CHILDREN.append(process)
    return job


def find_job(workspace: Workspace, job_id: str) -> Job:
    """A job of this workspace. Raises UsageError for an id that is none."""
    log = workspace.root / ".promptlab" / "jobs" / f"{job_id}.log"
    if not _ID.fullmatch(job_id) or not log.exists():
        raise UsageError(f"there is no job '{job_id[:20]}' in this workspace")
    return Job(job_id, log)


def job_tags() -> dict[str, str]:
    """The tag that a run of this process gets: the id of its job; none where this process is no job."""
    found = os.environ.get(VARIABLE, "")
    return {JOB_TAG: found} if _ID.fullmatch(found) else {}


def _folder(workspace: Workspace) -> Path:
    folder = workspace.root / ".promptlab" / "jobs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"{folder}: cannot be made: {error.strerror or error}") from error
    return folder


def _forget_old(folder: Path) -> None:
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for log in logs[KEPT_LOGS:]:
        if Job(log.stem, log).ended:
            for path in (log, log.with_suffix(".pid")):
                with suppress(OSError):
                    path.unlink()


def _reap() -> None:
    """Takes note of children of ours that have ended, so that they do not stay as zombies."""
    for process in list(_CHILDREN):
        if process.poll() is not None:
            _CHILDREN.remove(process)
