"""Results of scipy and statsmodels, read: what they say is kept, what they do not say is left open and said so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from promptlab.errors import UsageError
from promptlab.hypotheses.noncentral import chi_squared_noncentrality
from promptlab.hypotheses.result import Alternative, Effect, TestedHypothesis

_CLASSES: Mapping[str, tuple[str, str, str]] = {
    # class: method, title, what its statistic is called
    "TtestResult": ("t", "t test", "t"),
    "MannwhitneyuResult": ("mann_whitney", "Mann-Whitney U test", "U"),
    "WilcoxonResult": ("wilcoxon", "Wilcoxon signed-rank test", "W"),
    "PearsonRResult": ("pearson", "Pearson correlation", "r"),
    "KruskalResult": ("kruskal", "Kruskal-Wallis test", "H"),
    "F_onewayResult": ("anova", "one-way analysis of variance", "F"),
    "AnovaResult": ("anova", "one-way analysis of variance", "F"),
    "Chi2ContingencyResult": ("chi_squared", "chi-squared test of independence", "chi squared"),
    "Power_divergenceResult": ("chi_squared", "chi-squared test of fit", "chi squared"),
    "ShapiroResult": ("shapiro", "Shapiro-Wilk test", "W"),
    "LeveneResult": ("levene", "Levene's test", "W"),
    "KstestResult": ("ks", "Kolmogorov-Smirnov test", "D"),
    "BinomTestResult": ("binomial", "exact binomial test", "share"),
    "LinregressResult": ("linear_regression", "test of a slope", "slope"),
    "Proportions2indepTestResult": ("two_proportions", "test of two proportions", "z"),
}
_METHODS: Mapping[str, tuple[str, str]] = {
    **{method: (title, name) for method, title, name in _CLASSES.values()},
    "welch": ("Welch's t test", "t"),
    "t_paired": ("paired t test", "t"),
    "t_one_sample": ("one-sample t test", "t"),
    "spearman": ("Spearman rank correlation", "rho"),
    "kendall": ("Kendall rank correlation", "tau"),
    "fisher": ("Fisher's exact test", "odds ratio"),
    "mcnemar": ("McNemar test", "statistic"),
    "two_proportions": ("z test of two proportions", "z"),
}
_EFFECTS: Mapping[str, str] = {
    "pearson": "Pearson's r",
    "spearman": "Spearman's rho",
    "kendall": "Kendall's tau b",
    "fisher": "odds ratio",
    "ks": "largest distance of the distributions",
}
"""Tests whose statistic is an effect size itself."""


def read_result(
    result: Any,
    *,
    method: str | None = None,
    hypothesis: str = "",
    null: str = "",
    alpha: float = 0.05,
    alternative: Alternative | None = None,
    n: int | Sequence[int] | Mapping[str, int] | None = None,
    effect: Effect | tuple[Any, ...] | None = None,
    estimate: Effect | tuple[Any, ...] | None = None,
) -> TestedHypothesis:
    """A result object of scipy or statsmodels, or a tuple of statistic and p-value, as a tested hypothesis.

    method: which test it is of, where the object does not tell: one of promptlab's names or any other. n, effect,
    estimate: what such objects do not say; an effect as (name, value) or (name, value, low, high). Raises UsageError
    for what is no result of one test.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha={alpha}: a level between 0 and 1, such as 0.05")
    if alternative is not None and alternative not in get_args(Alternative):
        raise UsageError(f"alternative={alternative!r}: say 'two-sided', 'less' or 'greater'")
    kind = type(result).__name__
    method, title, statistic_name = _named(result, method)
    statistic, p_value, degrees = _numbers(result)
    sizes = _sizes(n, result)
    stated = _effect(effect, "effect") or _own_effect(result, method, statistic, alpha=alpha, degrees=degrees)
    value = _effect(estimate, "estimate") or _own_estimate(result, alpha)
    silent = [name for name, known in (("effect size", stated or value), ("n", sizes)) if not known]
    return TestedHypothesis(
        hypothesis=hypothesis,
        method=method,
        title=title,
        null=null or f"the null hypothesis of the {title}",
        statistic_name=statistic_name,
        statistic=statistic,
        p_value=p_value,
        alpha=alpha,
        alternative=alternative or _alternative(result),
        degrees=degrees,
        effect=stated,
        estimate=value,
        n=sizes,
        notes=(f"read from a {kind}; not in it: {', '.join([*silent, 'assumptions'])}",),
    )


def _named(result: Any, method: str | None) -> tuple[str, str, str]:
    kind = type(result).__name__
    if method is not None:
        if not isinstance(method, str) or not method.strip():
            raise UsageError(f"method={method!r:.60}: the name of the test, such as 'mcnemar'")
        known = _CLASSES.get(kind)
        if known is not None and known[0] == method:
            return known
        title, name = _METHODS.get(method, (method, "statistic"))
        return method, title, name
    if kind in _CLASSES:
        return _CLASSES[kind]
    if kind in {"tuple", "_Bunch", "Bunch", "SignificanceResult", "HolderTuple", "ContrastResults"}:
        raise UsageError(
            f"a {kind} does not say which test it is of; name it, such as method='spearman', 'fisher' or 'mcnemar'"
        )
    name = kind.removesuffix("Result")
    return name, name, "statistic"


def _numbers(result: Any) -> tuple[float, float, tuple[float, ...]]:
    """Statistic, p-value and degrees of freedom."""
    kind = type(result).__name__
    p_value = _first(result, "pvalue", "p_value")
    statistic = _first(result, "statistic", "tvalue", "fvalue", "slope")
    degrees = [_first(result, name) for name in ("df_num", "df_denom")]
    if all(one is None for one in degrees) or (len(degrees) == 2 and degrees[0] is None):
        degrees = [next((one for one in (_first(result, "df", "dof"), degrees[1]) if one is not None), None)]
    if p_value is None and isinstance(result, tuple) and len(result) in (2, 3):
        statistic, p_value, degrees = result[0], result[1], [result[2] if len(result) == 3 else None]
    if p_value is None:
        raise UsageError(f"a {kind} is no result of a test: it has no p-value; give a result of scipy or statsmodels")
    freedom = tuple(_scalar(one, "degrees of freedom", kind) for one in degrees if one is not None)
    return (
        math.nan if statistic is None else _scalar(statistic, "statistic", kind),
        _probability(_scalar(p_value, "p-value", kind), kind),
        freedom,
    )


def _first(result: Any, *names: str) -> Any:
    return next((value for name in names if (value := getattr(result, name, None)) is not None), None)


def _scalar(value: Any, what: str, kind: str) -> float:
    import numpy as np

    try:
        numbers = np.asarray(value, dtype=float).ravel()
    except (TypeError, ValueError) as error:
        raise UsageError(f"the {what} of this {kind} is no number: {value!r:.60}") from error
    if len(numbers) != 1:
        raise UsageError(f"this {kind} has {len(numbers)} values as its {what}; log one test at a time")
    return float(numbers[0])


def _probability(value: float, kind: str) -> float:
    if not math.isnan(value) and not 0 <= value <= 1:
        raise UsageError(
            f"the p-value of this {kind} is {value:g}; it is between 0 and 1 (a tuple is statistic, p-value)"
        )
    return value


def _sizes(n: Any, result: Any) -> dict[str, int]:
    if n is None:
        expected = getattr(result, "expected_freq", None)
        if expected is not None:
            return {"counts": round(float(expected.sum()))}
        own = getattr(result, "n", None)
        return {"observations": own} if isinstance(own, int) and not isinstance(result, tuple) else {}
    try:
        if isinstance(n, Mapping):
            return {str(name): int(size) for name, size in n.items()}
        if isinstance(n, Sequence):
            return {f"sample {place + 1}": int(size) for place, size in enumerate(n)}
        return {"observations": int(n)}
    except (TypeError, ValueError) as error:
        raise UsageError(f"n={n!r:.60}: how many observations, or how many by sample") from error


def _effect(given: Any, what: str) -> Effect | None:
    if given is None or isinstance(given, Effect):
        return given
    if isinstance(given, tuple) and len(given) in (2, 4) and isinstance(given[0], str):
        try:
            return Effect(given[0], *(float(number) for number in given[1:]))
        except (TypeError, ValueError) as error:
            raise UsageError(f"{what}={given!r:.80}: its values are numbers") from error
    raise UsageError(f"{what}={given!r:.80}: give (name, value) or (name, value, low, high)")


def _own_effect(
    result: Any, method: str, statistic: float, *, alpha: float, degrees: tuple[float, ...]
) -> Effect | None:
    expected = getattr(result, "expected_freq", None)
    if expected is not None and degrees:
        scale = float(expected.sum()) * (min(expected.shape) - 1)
        ends = chi_squared_noncentrality(statistic, degrees=degrees[0], alpha=alpha)
        value, low, high = (math.sqrt(one / scale) for one in (statistic, *ends))
        return Effect("Cramér's V", value, low, min(1.0, high))
    name = _EFFECTS.get(method)
    if name is None:
        return None
    if method == "pearson" and hasattr(result, "confidence_interval"):
        interval = result.confidence_interval(1 - alpha)
        return Effect(name, statistic, float(interval.low), float(interval.high))
    return Effect(name, statistic)


def _own_estimate(result: Any, alpha: float) -> Effect | None:
    """What a t test, a binomial test or a contrast of a model estimates, with its interval."""
    kind = type(result).__name__
    if kind == "TtestResult":
        low, high = (float(end) for end in result.confidence_interval(1 - alpha))
        # The middle of a two-sided interval of t is the estimate itself; a one-sided one has no middle.
        return Effect("difference of means", (low + high) / 2, low, high) if math.isfinite(low + high) else None
    if kind == "BinomTestResult":
        interval = result.proportion_ci(1 - alpha)
        return Effect("proportion", float(result.statistic), float(interval.low), float(interval.high))
    if kind == "ContrastResults" and _first(result, "tvalue") is not None:
        low, high = (float(end) for end in result.conf_int(alpha).ravel())
        return Effect("contrast", _scalar(result.effect, "effect", kind), low, high)
    return None


def _alternative(result: Any) -> Alternative:
    stated = getattr(result, "alternative", None)
    if stated in {"larger", "greater"}:
        return "greater"
    if stated in {"smaller", "less"}:
        return "less"
    return "two-sided"
