"""Evaluators that installed packages offer, by the entry point `promptlab.evaluators`.

In the package's pyproject.toml, `mentions` being what a suite writes:

    [project.entry-points."promptlab.evaluators"]
    mentions = "acme_evaluators:mentions"
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from promptlab.errors import EvaluatorError
from promptlab.evaluators.base import Definition, definition_of

GROUP = "promptlab.evaluators"


@functools.cache
def names() -> Mapping[str, str]:
    """What each package that is installed offers: the name of an evaluator, and of its package. Loads none of them."""
    return {name: _package(point) for name, point in _points().items()}


@functools.cache
def load(name: str) -> Definition:
    """The evaluator of this name; imports its package. Raises EvaluatorError that names the package."""
    point = _points()[name]
    where = f"evaluator {name!r} of the package {_package(point)}"
    try:
        function = point.load()
    except Exception as error:  # whatever its code does wrong, it is the answer to this name
        raise EvaluatorError(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(function):
        raise EvaluatorError(f"{where}: {point.value} is no function")
    try:
        return replace(definition_of(function, name=name), name=name)
    except EvaluatorError as error:
        raise EvaluatorError(f"{where}: {error}") from error


@functools.cache
def _points() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in reversed(entry_points(group=GROUP))}


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.module
