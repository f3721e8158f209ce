"""Runs of any kind beside each other: what they were given and what came out, differences first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.store import details, environments, metrics
from promptlab.store.database import Connection, Database
from promptlab.store.metrics import SYSTEM_PREFIX
from promptlab.store.rows import RunDetail, RunRow
from promptlab.tracking.direction import infer_direction, is_judged
from promptlab.types import Direction

OWN_TAGS = "promptlab."


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of each run, in their order; None where a run has none. differs: whether not all are the same."""

    name: str
    each: tuple[str | None, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric's last value in each run. best: the places of the best of them, none where all are the same.

    direction: None for a metric that says nothing of how good a run is.
    """

    name: str
    direction: Direction | None
    each: tuple[float | None, ...]
    best: frozenset[int]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Several runs. Lines of params, tags, facts and packages that differ come first, those
    that most runs have before others; of packages only those that differ.

    curves: metrics that have more than one value in any of them. facts: data, code, command, Python.
    """

    runs: tuple[RunRow, ...]
    params: tuple[Line, ...]
    metrics: tuple[MetricLine, ...]
    tags: tuple[Line, ...]
    facts: tuple[Line, ...]
    packages: tuple[Line, ...]
    curves: tuple[str, ...]


def side_by_side(database: Database, uids: Sequence[str]) -> SideBySide:
    """These runs beside each other. Raises RunNotFoundError."""

    def read(connection: Connection) -> SideBySide:
        found = [details.run_detail(connection, uid) for uid in dict.fromkeys(uids)]
        ran_in = [environments.get_environment(connection, one.run.environment_digest) or {} for one in found]
        names = _names([one.metrics for one in found])
        stored = metrics.directions(connection, names)
        return SideBySide(
            runs=tuple(one.run for one in found),
            params=_lines([one.params for one in found]),
            metrics=tuple(
                _metric(name, found, stored.get(name) or infer_direction(name))
                for name in names
                if not name.startswith(SYSTEM_PREFIX)
            ),
            tags=_lines([_own(one.tags) for one in found]),
            facts=_lines([_facts(one, environment) for one, environment in zip(found, ran_in, strict=True)]),
            packages=tuple(line for line in _lines([one.get("packages", {}) for one in ran_in]) if line.differs),
            curves=tuple(name for name in names if any(_points(one, name) > 1 for one in found)),
        )

    return database.read(read)


def _names(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _lines(mappings: Sequence[Mapping[str, str]]) -> tuple[Line, ...]:
    lines = []
    for name in _names(mappings):
        values = tuple(mapping.get(name) for mapping in mappings)
        lines.append(Line(name, values, differs=len(set(values)) > 1))
    # What many runs have compares them; what one has alone comes with its kind of model.
    return tuple(sorted(lines, key=lambda line: (not line.differs, line.each.count(None))))


def _metric(name: str, found: Sequence[RunDetail], direction: Direction) -> MetricLine:
    values = tuple(one.metrics[name].last if name in one.metrics else None for one in found)
    real = [value for value in values if value is not None and value == value]  # noqa: PLR0124 - NaN differs from itself
    best: frozenset[int] = frozenset()
    if not is_judged(name):
        return MetricLine(name, None, values, best)
    if len(set(real)) > 1:
        top = max(real) if direction == "higher" else min(real)
        best = frozenset(place for place, value in enumerate(values) if value == top)
    return MetricLine(name, direction, values, best)


def _points(detail: RunDetail, name: str) -> int:
    return detail.metrics[name].points if name in detail.metrics else 0


def _own(tags: Mapping[str, str]) -> Mapping[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith(OWN_TAGS)}


def _facts(detail: RunDetail, environment: Mapping[str, Any]) -> dict[str, str]:
    run = detail.run
    settings = run.settings or {}
    facts = {
        "status": run.status,
        "data": ", ".join(f"{data.reference} ({context})" for context, data in detail.datasets),
        "prompt": run.prompt_reference,
        "base model": run.model,
        "settings": ", ".join(f"{key} {value}" for key, value in settings.items()),
        "commit": run.git_sha,
        "command": run.command,
        "python": environment.get("python"),
        "platform": environment.get("platform"),
        "by": run.user,
    }
    return {name: value for name, value in facts.items() if value}
