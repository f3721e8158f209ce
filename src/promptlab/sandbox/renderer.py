"""Templates in, texts out: jobs are sent to the worker about a hundred a message, and failures become errors.

There is one worker a process, started when first needed. Only the guilty job of a message fails: the worker is
replaced and the others are rendered again.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import TemplateError, TemplateLimitError, UndefinedVariableError
from promptlab.sandbox.process import WorkerDiedError, WorkerProcess, WorkerTimeoutError
from promptlab.sandbox.values import plain_variables

RENDER_SECONDS = 2.0
KILL_SECONDS = 2.5
"""The worker stops a job by itself after RENDER_SECONDS, and is killed where it cannot."""
OUTPUT_CHARACTERS = 1_000_000
MEMORY_BYTES = 512 * 1024 * 1024
JOBS_A_MESSAGE = 100
BYTES_A_MESSAGE = 4_000_000
BYTES_A_JOB = 16_000_000
"""The most that one job's templates and variables may take as ASCII JSON."""

NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class RenderJob:
    """Templates to render with the same variables: the messages of one prompt.

    name: the prompt's, for error messages. first_lines: the line of the file on which each template begins, from 1,
    so that errors name lines of the file; where it is empty they name the message and the line within it.
    """

    templates: tuple[str, ...]
    variables: Mapping[str, Any]
    name: str = ""
    first_lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BranchLines:
    """A part of a template that not every rendering reaches: `if`, `elif`, `else`, `for`, `for else`; lines from 1."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Outline:
    """A template without running it, by its lines from 1.

    used: where each variable from outside is used. assigned: (name, line, how) of what the template sets itself: `set`,
    `for`, `with`, `macro`, `call`.
    """

    used: Mapping[str, tuple[int, ...]]
    assigned: tuple[tuple[str, int, str], ...]
    branches: tuple[BranchLines, ...]


@dataclass(frozen=True, slots=True)
class TemplateVariables:
    """The variables that templates take from outside.

    required: those that the templates neither test with `is defined` nor give a `default`. outlines: one a template.
    """

    all: frozenset[str]
    required: frozenset[str]
    outlines: tuple[Outline, ...] = ()


@dataclass(slots=True)
class _Slot:
    """The worker of this process; None until it is needed."""

    worker: WorkerProcess | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_slot = _Slot()


def render_many(jobs: Sequence[RenderJob]) -> list[tuple[str, ...] | TemplateError]:
    """For each job its texts, one a template, or the TemplateError that says in one line why there are none.

    Blocks; may be called from any thread. A job has 2 s, 512 MB, and 1,000,000 characters of output in all.
    Raises PromptlabError where the worker cannot start.
    """
    return [
        found if isinstance(found, TemplateError) else tuple(map(str, found["texts"]))
        for found in _run("render", jobs, "texts")
    ]


def _run(action: str, jobs: Sequence[RenderJob], wanted: str) -> list[Mapping[str, Any] | TemplateError]:
    """Each job's answer where it has `wanted`, one item a template, else its error."""
    results: list[Mapping[str, Any] | TemplateError | None] = [None] * len(jobs)
    encoded: dict[int, str] = {}
    for index, job in enumerate(jobs):
        try:
            encoded[index] = _encode(job)
        except TemplateError as error:
            results[index] = error
    for batch in _batches(jobs, encoded):
        templates = list(dict.fromkeys(jobs[index].templates for index in batch))
        places = {sources: place for place, sources in enumerate(templates)}
        messages = {index: f"[{places[jobs[index].templates]},{encoded[index]}]" for index in batch}
        head = f'{{"action":"{action}","templates":{json.dumps(templates)},"jobs":['
        for index, answer in _exchange(head, messages).items():
            job = jobs[index]
            found = answer.get(wanted)
            whole = isinstance(found, list) and len(found) == len(job.templates)
            results[index] = answer if whole else _error(answer, job)
    return [result for result in results if result is not None]


def find_variables(
    templates: tuple[str, ...], *, name: str = "", first_lines: tuple[int, ...] = ()
) -> TemplateVariables:
    """The variables that the templates take from outside.

    Raises TemplateError, with the line, where one does not compile.
    """
    job = RenderJob(templates, {}, name=name, first_lines=first_lines)
    sources = json.dumps(templates)
    if len(sources) > BYTES_A_JOB:
        raise TemplateLimitError(f"{_name(job)}: the template has {len(sources):,} bytes; {BYTES_A_JOB:,} are allowed")
    answer = _exchange('{"action":"inspect","templates":[', {0: sources})[0]
    if "failure" in answer:
        raise _error(answer, job)
    outlines = tuple(_outline(one) for one in answer["outlines"])
    return TemplateVariables(frozenset(answer["variables"]), frozenset(answer["required"]), outlines)


def find_reached(jobs: Sequence[RenderJob]) -> list[tuple[frozenset[int], ...] | TemplateError]:
    """For each job, by template, the numbers of the branches that its rendering reaches, in the order of its outline.

    Also where the rendering fails later on. Limits and errors are those of `render_many`.
    """
    return [
        found if isinstance(found, TemplateError) else tuple(frozenset(numbers) for numbers in found["reached"])
        for found in _run("reach", jobs, "reached")
    ]


def inspect_templates(templates: tuple[str, ...], *, name: str = "") -> frozenset[str]:
    """The names of all variables that the templates take from outside.

    Raises TemplateError, with the line, where one does not compile.
    """
    return find_variables(templates, name=name).all


def close() -> None:
    """End the worker, if there is one; the next job starts another."""
    with _slot.lock:
        worker, _slot.worker = _slot.worker, None
        if worker is not None:
            worker.close()


def worker_id() -> int | None:
    """The worker's process id, None where none runs."""
    worker = _slot.worker
    return None if worker is None else worker.process_id


def _encode(job: RenderJob) -> str:
    where = _name(job)
    variables = plain_variables(job.variables, where=where)
    try:
        text = json.dumps(variables, allow_nan=False)
    except ValueError as error:  # a whole number beyond Python's limit of digits
        raise TemplateError(f"{where}: the inputs cannot be written as JSON: {error}") from None
    size = len(text) + sum(map(len, job.templates))
    if size > BYTES_A_JOB:
        raise TemplateLimitError(f"{where}: template and inputs have {size:,} bytes; {BYTES_A_JOB:,} are allowed")
    return text


def _batches(jobs: Sequence[RenderJob], encoded: Mapping[int, str]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    sources: tuple[str, ...] = ()
    for index, text in encoded.items():
        # Jobs in a row share their templates more often than not; a message holds those once.
        new = 0 if jobs[index].templates == sources else sum(map(len, jobs[index].templates))
        if batch and (len(batch) == JOBS_A_MESSAGE or size + len(text) + new > BYTES_A_MESSAGE):
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += len(text) + new
        sources = jobs[index].templates
    if batch:
        yield batch


def _exchange(head: str, messages: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """The answer to each of the messages' jobs; `head` begins the JSON that they end."""
    answers: dict[int, dict[str, Any]] = {}
    waiting = list(messages)
    died_at: int | None = None
    with _slot.lock:
        while waiting:
            try:
                worker = _worker()
                worker.send(f"{head}{','.join(messages[index] for index in waiting)}]}}")
                while waiting:
                    answers[waiting[0]] = worker.receive(KILL_SECONDS)
                    waiting.pop(0)
            except WorkerTimeoutError:
                _drop()
                answers[waiting.pop(0)] = {"failure": "time"}
            except WorkerDiedError:
                _drop()
                # Somebody may have killed the worker: a job is guilty when it ends two of them.
                if died_at == waiting[0]:
                    answers[waiting.pop(0)] = {"failure": "memory"}
                    died_at = None
                else:
                    died_at = waiting[0]
            except BaseException:
                # Interrupted in the middle: the answers still to come would be taken for those of the next message.
                _drop()
                raise
    return answers


def _worker() -> WorkerProcess:
    if _slot.worker is None:
        _slot.worker = WorkerProcess(
            {"characters": OUTPUT_CHARACTERS, "seconds": RENDER_SECONDS, "memory_bytes": MEMORY_BYTES}
        )
    return _slot.worker


def _drop() -> None:
    worker, _slot.worker = _slot.worker, None
    if worker is not None:
        worker.kill()


def _outline(answer: Mapping[str, Any]) -> Outline:
    return Outline(
        used={name: tuple(lines) for name, lines in answer["used"].items()},
        assigned=tuple((name, line, how) for name, line, how in answer["set"]),
        branches=tuple(BranchLines(kind, first, last) for kind, first, last in answer["branches"]),
    )


def _error(answer: Mapping[str, Any], job: RenderJob) -> TemplateError:
    where, line = _place(answer, job)
    message = str(answer.get("message", ""))
    failure = answer.get("failure")

    def error(kind: type[TemplateError], problem: str, **more: str) -> TemplateError:
        return kind(f"{where}: {problem}", line=line, problem=problem, **more)

    if failure == "undefined":
        variable = str(answer.get("variable", ""))
        return error(UndefinedVariableError, f"`{variable}` has no value; {_given(job)}", variable=variable)
    if failure == "syntax":
        return error(TemplateError, message)
    if failure == "unsafe":
        return error(TemplateError, f"not allowed in a template: {message}")
    if failure == "time":
        return error(TemplateLimitError, f"took more than {RENDER_SECONDS:g} s; make its loops smaller")
    if failure == "memory":
        size = f"took more than {MEMORY_BYTES // 1024**2} MB of memory, or ended the worker"
        return error(TemplateLimitError, f"{size}; make it smaller")
    if failure == "recursion":
        return error(TemplateLimitError, "nested too deeply (a macro that calls itself?)")
    if failure == "limit":
        return error(TemplateLimitError, f"{message}; make it smaller")
    return error(TemplateError, message or "the worker gave no answer")


def _name(job: RenderJob) -> str:
    return f"prompt {job.name!r}" if job.name else "the template"


def _place(answer: Mapping[str, Any], job: RenderJob) -> tuple[str, int | None]:
    """What a message calls the place, and the line of the file where that is known."""
    line = answer.get("line")
    index = answer.get("template")
    place = _name(job)
    if not isinstance(line, int) or not isinstance(index, int):
        return place, None
    if index < len(job.first_lines):
        in_file = job.first_lines[index] + line - 1
        return f"{place}, line {in_file}", in_file
    if len(job.templates) > 1:
        place += f", message {index + 1}"
    return f"{place}, line {line}", None


def _given(job: RenderJob) -> str:
    names = list(job.variables)
    if not names:
        return "no inputs were given"
    more = ", ..." if len(names) > NAMES_SHOWN else ""
    return f"the inputs are: {', '.join(names[:NAMES_SHOWN])}{more}"


def _forget_in_child() -> None:
    """A forked child has our parent's pipes but none of its threads: it starts its own worker when it needs one."""
    worker, _slot.worker = _slot.worker, None
    _slot.lock = threading.Lock()
    if worker is not None:
        worker.abandon()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
