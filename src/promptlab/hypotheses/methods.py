"""Every test by its name, and one door to them all."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from promptlab.errors import MissingPackageError, UsageError
from promptlab.hypotheses.result import Alternative, TestedHypothesis
from promptlab.spelling import suggestion

_SAMPLES: Mapping[str, tuple[str, str, bool]] = {
    # name: module, function, whether samples belong together
    "t": ("means", "student_t", False),
    "t_one_sample": ("means", "one_sample_t", False),
    "t_paired": ("means", "paired_t", True),
    "welch": ("means", "welch", False),
    "anova": ("means", "anova", False),
    "mann_whitney": ("ranks", "mann_whitney", False),
    "wilcoxon": ("ranks", "wilcoxon", True),
    "kruskal": ("ranks", "kruskal", False),
    "shapiro": ("shapes", "shapiro", False),
    "levene": ("shapes", "levene", False),
    "ks": ("shapes", "ks", False),
    "pearson": ("correlations", "pearson", True),
    "spearman": ("correlations", "spearman", True),
    "kendall": ("correlations", "kendall", True),
}
_COUNTS = ("chi_squared", "fisher", "mcnemar", "two_proportions")
_UNDIRECTED = ("anova", "kruskal", "shapiro", "levene", "chi_squared", "mcnemar")
METHODS: tuple[str, ...] = (*_SAMPLES, *_COUNTS)
"""The names of all tests."""


def run_test(
    method: str,
    *given: Any,
    hypothesis: str = "",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    data: Any = None,
    x: str | Sequence[str] | None = None,
    by: str | None = None,
    names: Sequence[str] | None = None,
    missing: str = "refuse",
    **options: Any,
) -> TestedHypothesis:
    """What a test says of samples or counts.

    given: samples of numbers; for counts a table, a row, or two counts with of=. data, x, by: columns of a data frame
    in their place; by splits x into groups. missing: `refuse` or `drop`. options: of the test, such as mean= of
    t_one_sample, exact= of mcnemar, expected= of chi_squared, center= of levene. Raises UsageError that names what is
    wrong, MissingPackageError without scipy.
    """
    if method not in METHODS:
        raise UsageError(f"there is no test '{method}'{suggestion(method, METHODS)}")
    if alternative not in get_args(Alternative):
        raise UsageError(f"alternative={alternative!r}: say 'two-sided', 'less' or 'greater'")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha={alpha}: a level between 0 and 1, such as 0.05")
    if method in _UNDIRECTED and alternative != "two-sided":
        raise UsageError(f"the test '{method}' has no direction; leave alternative= out")
    _require_scipy()
    directed = {} if method in _UNDIRECTED else {"alternative": alternative}
    call = (
        _counts_call(method, given, data=data, x=x, by=by)
        if method in _COUNTS
        else _samples_call(method, given, data=data, x=x, by=by, names=names, missing=missing)
    )
    _check_options(method, call, {*directed, "alpha"}, options)
    # What scipy warns of belongs to the result: it is read long after the warning has scrolled away.
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = call(alpha=alpha, **directed, **options)
        except (ValueError, ArithmeticError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UsageError(f"the test '{method}' cannot be made of these values: {reason[:200]}") from error
    said = dict.fromkeys((str(one.message).splitlines() or [""])[0][:200] for one in warned)
    return replace(found, hypothesis=hypothesis, notes=(*found.notes, *(f"in computing it: {text}" for text in said)))


def _check_options(
    method: str, call: Callable[..., TestedHypothesis], own: set[str], options: Mapping[str, Any]
) -> None:
    known = {name: one for name, one in inspect.signature(call).parameters.items() if name not in own}
    for name in options:
        if name not in known:
            raise UsageError(f"the test '{method}' has no option '{name}'")
    for name, one in known.items():
        if one.default is inspect.Parameter.empty and name not in options:
            raise UsageError(f"the test '{method}' takes {name}= too")


def _samples_call(method: str, given: Sequence[Any], **reading: Any) -> Callable[..., TestedHypothesis]:
    from functools import partial
    from importlib import import_module

    from promptlab.hypotheses.samples import read_samples

    module, function, paired = _SAMPLES[method]
    samples = read_samples(given, paired=paired, **reading)
    return partial(getattr(import_module(f"promptlab.hypotheses.{module}"), function), samples)


def _counts_call(
    method: str, given: Sequence[Any], *, data: Any, x: Any, by: str | None
) -> Callable[..., TestedHypothesis]:
    from functools import partial

    from promptlab.hypotheses import counts

    function: Callable[..., TestedHypothesis] = getattr(counts, method)
    if data is not None:
        if not isinstance(x, str) or by is None or x not in data or by not in data:
            raise UsageError(f"the test '{method}' of data= takes x= and by=, the names of two columns")
        import pandas as pd

        return partial(function, pd.crosstab(data[x], data[by]))
    if len(given) == 2 and method == "mcnemar":
        return partial(function, (given[0], given[1]))
    if len(given) != 1:
        wanted = "two counts, and of= how many" if method == "two_proportions" else "one table of counts"
        raise UsageError(f"the test '{method}' takes {wanted}")
    return partial(function, given[0])


def _require_scipy() -> None:
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise MissingPackageError("hypothesis tests need scipy: pip install 'promptlab-workbench[science]'") from error
