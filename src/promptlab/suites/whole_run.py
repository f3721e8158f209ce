"""The whole-run metrics of a suite, bound: entries under `metrics` to BoundMetrics, each under names of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from promptlab.errors import SuiteError
from promptlab.evaluators.transforms import function_names
from promptlab.metrics.base import is_known
from promptlab.metrics.entries import BoundMetric, bind_metric
from promptlab.spelling import suggestion
from promptlab.suites.document import Document
from promptlab.suites.mistakes import Report, told


def metric_list(document: Document) -> list[Any]:
    """The entries under `metrics`; none where that is no list."""
    entries = document.value.get("metrics")
    return entries if isinstance(entries, list) else []


def metric_functions(document: Document) -> list[str]:
    """The names of the functions that transforms of metrics use, whether they exist or not."""
    return [name for entry in metric_list(document) for name in _functions(entry)]


def suite_metrics(
    document: Document,
    *,
    functions: Mapping[str, Callable[..., Any]],
    broken: bool,
    evaluators: Collection[str] | None,
    report: Report,
) -> tuple[BoundMetric, ...]:
    """The metrics under the key `metrics` of a suite, in order.

    functions: transforms of its Python files; broken: one of these could not be used. evaluators: the names that the
    suite scores under, None: any. Reports SuiteError, also for a metric that measures under a name that is taken, or
    that looks at a score which no evaluator gives.
    """
    entries = document.value.get("metrics")
    if entries is not None and not isinstance(entries, list):
        report(SuiteError(f"{document.where('metrics')}: metrics are a list; each starts with `- `"))
        return ()
    bound: list[BoundMetric] = []
    for position, entry in enumerate(entries or ()):
        where = document.where("metrics", position)
        with told(report):
            # One that a broken file was to define is not the mistake.
            if broken and not {*_functions(entry)} <= {*functions}:
                continue
            metric = bind_metric(entry, where=where, functions=functions)
            _check_names(metric, bound, evaluators or (), where=where)
            if evaluators is not None:
                _check_scores(metric, evaluators, where=where)
            bound.append(metric)
    return tuple(bound)


def _functions(entry: Any) -> list[str]:
    options = next(iter(entry.values())) if isinstance(entry, Mapping) and len(entry) == 1 else None
    return function_names(options.get("transform")) if isinstance(options, Mapping) else []


def _check_names(
    metric: BoundMetric, others: Collection[BoundMetric], evaluators: Collection[str], *, where: str
) -> None:
    remedy = "give this one a name of its own with `as: ...`"
    for name in metric.names:
        if any(name in other.names for other in others):
            raise SuiteError(f"{where}: {metric.kind}: two metrics measure {name!r}; {remedy}")
        if is_known(name, evaluators):
            taken = name if name in evaluators else name.split(".", 1)[0]
            raise SuiteError(
                f"{where}: {metric.kind}: measures {name!r}, and an evaluator scores under {taken!r}; {remedy}"
            )


def _check_scores(metric: BoundMetric, evaluators: Collection[str], *, where: str) -> None:
    for option in ("of", "score"):
        name = metric.options.get(option)
        if name is not None and not is_known(name, evaluators):
            raise SuiteError(
                f"{where}: {metric.kind}: `{option}` is {name!r}, and no evaluator scores under that name"
                f"{suggestion(name, evaluators)}"
            )
