"""Tests of counts: chi-squared, Fisher's exact test, McNemar's, two proportions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from promptlab.errors import UsageError
from promptlab.hypotheses.assumptions import independent, large_counts
from promptlab.hypotheses.noncentral import chi_squared_noncentrality
from promptlab.hypotheses.result import Alternative, Effect, TestedHypothesis
from promptlab.hypotheses.samples import Numbers, read_table


def chi_squared(
    given: Any, *, alpha: float, correction: bool = True, expected: Sequence[float] | None = None
) -> TestedHypothesis:
    """Pearson's chi-squared test: of independence for a table, of fit for one row of counts.

    correction: Yates's, for two by two. expected: counts or shares of a row; default: all alike. Effect: Cramer's V of
    a table, Cohen's w of a row, with an interval by the noncentral distribution.
    Source: Pearson (1900), Philosophical Magazine 50:157; Cramer (1946); Steiger (2004), Psychological Methods 9:164.
    """
    if np.ndim(given) == 1 and not hasattr(given, "columns"):
        return _fit(given, alpha=alpha, expected=expected)
    from scipy import stats

    table, rows, columns = read_table(given)
    found = stats.chi2_contingency(table, correction=correction)
    total, degrees = float(table.sum()), float(found.dof)
    # The effect is of the plain statistic: the correction is for the p-value of small tables.
    plain = float(stats.chi2_contingency(table, correction=False).statistic)
    low, high = chi_squared_noncentrality(plain, degrees=degrees, alpha=alpha)
    least = min(table.shape) - 1
    value, bottom, top = (math.sqrt(one / (total * least)) for one in (plain, low, high))
    notes = ("with Yates's correction for two by two",) if correction and table.shape == (2, 2) else ()
    return TestedHypothesis(
        method="chi_squared",
        title="chi-squared test of independence",
        null="rows and columns have nothing to do with each other",
        statistic_name="chi squared",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        degrees=(degrees,),
        effect=Effect("Cramér's V", value, bottom, min(1.0, top)),
        n={"counts": int(total), "rows": len(rows), "columns": len(columns)},
        assumptions=(large_counts(found.expected_freq), independent()),
        notes=notes,
    )


def fisher(given: Any, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Fisher's exact test of a table of two by two. Effect: the conditional odds ratio with its exact interval.

    Source: Fisher (1935), The Design of Experiments, on a lady tasting tea.
    """
    from scipy import stats

    table, _, _ = read_table(given)
    if table.shape != (2, 2):
        raise UsageError(
            f"Fisher's test here takes a table of two by two; this one is {table.shape[0]} by {table.shape[1]}"
        )
    found = stats.fisher_exact(table, alternative=alternative)
    odds = stats.contingency.odds_ratio(table.astype(int), kind="conditional")
    interval = odds.confidence_interval(1 - alpha)
    return TestedHypothesis(
        method="fisher",
        title="Fisher's exact test",
        null="the odds ratio is 1: rows and columns have nothing to do with each other",
        statistic_name="odds ratio",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        effect=Effect("conditional odds ratio", float(odds.statistic), float(interval.low), float(interval.high)),
        n={"counts": int(table.sum())},
        assumptions=(independent(),),
        notes=("the statistic is the sample's odds ratio; the effect is the conditional estimate",),
    )


def mcnemar(given: Any, *, alpha: float, exact: bool = True) -> TestedHypothesis:
    """McNemar's test of pairs of yes and no, of the table of both answers. Effect: the odds of one way to the other.

    exact: by the binomial distribution, else by chi-squared with the correction for continuity.
    Source: McNemar (1947), Psychometrika 12:153; the interval is Clopper and Pearson's (1934) of the discordant pairs.
    """
    from scipy import stats

    table, rows, columns = read_table(given) if _counts(given) else _cross(given)
    if table.shape != (2, 2):
        raise UsageError(
            "McNemar's test takes a table of two by two, or two samples of yes and no that belong together"
        )
    b, c = int(table[0, 1]), int(table[1, 0])
    if b + c == 0:
        raise UsageError("no pair differs; there is nothing to test")
    binomial = stats.binomtest(min(b, c), b + c)
    statistic = float(min(b, c)) if exact else (abs(b - c) - 1) ** 2 / (b + c)
    p_value = float(binomial.pvalue) if exact else float(stats.chi2.sf(statistic, 1))
    share = stats.binomtest(b, b + c).proportion_ci(1 - alpha, method="exact")
    low, high = (one / (1 - one) if one < 1 else math.inf for one in (share.low, share.high))
    return TestedHypothesis(
        method="mcnemar",
        title="exact McNemar test" if exact else "McNemar test with continuity correction",
        null="a pair that differs is as often of one way as of the other",
        statistic_name="fewer discordant pairs" if exact else "chi squared",
        statistic=statistic,
        p_value=p_value,
        alpha=alpha,
        degrees=() if exact else (1.0,),
        effect=Effect("odds ratio of discordant pairs", b / c if c else math.inf, low, high),
        estimate=Effect("difference of the shares", (b - c) / float(table.sum())),
        n={"pairs": int(table.sum()), f"{rows[0]}, {columns[1]}": b, f"{rows[1]}, {columns[0]}": c},
        assumptions=(independent(paired=True),),
    )


def two_proportions(
    successes: Sequence[int], of: Sequence[int], *, alternative: Alternative, alpha: float
) -> TestedHypothesis:
    """The z test of two proportions with the pooled variance. Effect: their difference with Newcombe's interval.

    successes, of: two counts and of how many each. Source: Newcombe (1998), Statistics in Medicine 17:873, method 10.
    """
    from scipy import stats

    a, b, n, m = _shares(successes, of)
    pooled = (a + b) / (n + m)
    if pooled in (0, 1):
        raise UsageError("both proportions are 0, or both are 1; there is nothing to test")
    difference = a / n - b / m
    z = difference / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    p_value = {
        "two-sided": 2 * float(stats.norm.sf(abs(z))),
        "greater": float(stats.norm.sf(z)),
        "less": float(stats.norm.cdf(z)),
    }[alternative]
    first, second = (
        stats.binomtest(hits, total).proportion_ci(1 - alpha, method="wilson") for hits, total in ((a, n), (b, m))
    )
    low = difference - math.hypot(a / n - first.low, second.high - b / m)
    high = difference + math.hypot(first.high - a / n, b / m - second.low)
    expected = np.array([[n * pooled, n * (1 - pooled)], [m * pooled, m * (1 - pooled)]])
    h = 2 * (math.asin(math.sqrt(a / n)) - math.asin(math.sqrt(b / m)))
    return TestedHypothesis(
        method="two_proportions",
        title="z test of two proportions",
        null="both proportions are equal",
        statistic_name="z",
        statistic=z,
        p_value=p_value,
        alpha=alpha,
        alternative=alternative,
        effect=Effect("Cohen's h", h),
        estimate=Effect("difference of proportions", difference, low, high),
        n={f"{a:,} of": n, f"{b:,} of": m} if (a, n) != (b, m) else {"each": n},
        assumptions=(large_counts(expected), independent()),
    )


def _fit(given: Any, *, alpha: float, expected: Sequence[float] | None) -> TestedHypothesis:
    from scipy import stats

    observed = _row(given, "counts")
    total = float(observed.sum())
    shares = np.full(len(observed), 1 / len(observed)) if expected is None else _row(expected, "expected", whole=False)
    if len(shares) != len(observed):
        raise UsageError(f"{len(observed)} counts and {len(shares)} expected ones; give one each")
    if (shares <= 0).any():
        raise UsageError("what is expected is above 0 everywhere")
    wanted = total * shares / shares.sum()
    found = stats.chisquare(observed, wanted)
    degrees = len(observed) - 1
    low, high = chi_squared_noncentrality(float(found.statistic), degrees=degrees, alpha=alpha)
    return TestedHypothesis(
        method="chi_squared",
        title="chi-squared test of fit",
        null="the counts are as expected" if expected is not None else "all counts are as likely",
        statistic_name="chi squared",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        degrees=(float(degrees),),
        effect=Effect(
            "Cohen's w", math.sqrt(float(found.statistic) / total), math.sqrt(low / total), math.sqrt(high / total)
        ),
        n={"counts": int(total), "classes": len(observed)},
        assumptions=(large_counts(wanted), independent()),
    )


def _row(given: Any, what: str, *, whole: bool = True) -> Numbers:
    try:
        row = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} hold what is no number") from error
    if len(row) < 2 or not np.isfinite(row).all() or (row < 0).any() or (whole and (row != np.round(row)).any()):
        raise UsageError(f"{what} are two or more {'whole ' if whole else ''}numbers from 0 up")
    if row.sum() == 0:
        raise UsageError(f"{what} are all 0")
    return row


def _counts(given: Any) -> bool:
    """Whether this is a table of counts, and not two samples."""
    return np.shape(given) == (2, 2) and not isinstance(given, tuple)


def _cross(given: Any) -> tuple[Numbers, tuple[str, ...], tuple[str, ...]]:
    try:
        one, other = (np.asarray(values) for values in given)
    except (TypeError, ValueError) as error:
        raise UsageError("McNemar's test takes a table of two by two, or two samples that belong together") from error
    if one.ndim != 1 or other.ndim != 1:
        raise UsageError("McNemar's test takes a table of two by two, or two samples that belong together")
    if len(one) != len(other):
        raise UsageError(
            f"samples that belong together have as many values each; these have {len(one)} and {len(other)}"
        )
    if not {*one.tolist(), *other.tolist()} <= {0, 1}:
        raise UsageError("the samples of McNemar's test hold yes and no: true and false, or 1 and 0")
    yes, also = one.astype(bool), other.astype(bool)
    table = np.array(
        [[(yes & also).sum(), (yes & ~also).sum()], [(~yes & also).sum(), (~yes & ~also).sum()]], dtype=float
    )
    return table, ("first yes", "first no"), ("second yes", "second no")


def _shares(successes: Sequence[int], of: Sequence[int]) -> tuple[int, int, int, int]:
    counts = [*successes, *of]
    if len(successes) != 2 or len(of) != 2 or any(int(one) != one or one < 0 for one in counts):
        raise UsageError("two proportions are two counts and of how many each: [45, 30], of=[100, 100]")
    a, b, n, m = (int(one) for one in counts)
    if not (n and m and a <= n and b <= m):
        raise UsageError(f"{a} of {n} and {b} of {m} are no proportions")
    return a, b, n, m
