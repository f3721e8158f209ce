"""Tests of means: t for one sample, two and pairs, Welch's, analysis of variance."""

from __future__ import annotations

import math
from typing import Any

from promptlab.errors import UsageError
from promptlab.hypotheses.assumptions import equal_variances, independent, normal
from promptlab.hypotheses.noncentral import f_noncentrality, t_noncentrality
from promptlab.hypotheses.result import Alternative, Effect, TestedHypothesis
from promptlab.hypotheses.samples import Numbers, Samples, require


def one_sample_t(samples: Samples, *, alternative: Alternative, alpha: float, mean: float = 0.0) -> TestedHypothesis:
    """Student's t test of one mean against a value. Effect: Hedges' g of the mean less that value, in deviations.

    Source: Student (1908), Biometrika 6:1; Hedges (1981), Journal of Educational Statistics 6:107.
    """
    (values,) = take(samples, 1)
    require(samples, least=2)
    from scipy import stats

    found = stats.ttest_1samp(values, mean, alternative=alternative)
    low, high = found.confidence_interval(1 - alpha)
    estimate = Effect("mean less the value", float(values.mean()) - mean, float(low) - mean, float(high) - mean)
    return TestedHypothesis(
        method="t_one_sample",
        title="one-sample t test",
        null=f"the mean of {samples.names[0]} is {mean:g}",
        statistic_name="t",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        degrees=(float(found.df),),
        effect=_standardised("Hedges' g", found, scale=math.sqrt(len(values)), degrees=len(values) - 1, alpha=alpha),
        estimate=estimate,
        n=samples.n,
        assumptions=(*normal(samples), independent()),
        missing=samples.missing,
    )


def student_t(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Student's t test of two means, which takes their variances for equal. Effect: Hedges' g, by the pooled deviation.

    Source: Student (1908), Biometrika 6:1; Hedges (1981), Journal of Educational Statistics 6:107.
    """
    one, other = take(samples, 2)
    require(samples, least=2)
    from scipy import stats

    found = stats.ttest_ind(one, other, alternative=alternative)
    n, m = len(one), len(other)
    return TestedHypothesis(
        method="t",
        title="Student's t test",
        null=_equal_means(samples),
        statistic_name="t",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        degrees=(float(found.df),),
        effect=_standardised("Hedges' g", found, scale=math.sqrt(n * m / (n + m)), degrees=n + m - 2, alpha=alpha),
        estimate=_difference(found, float(one.mean() - other.mean()), alpha),
        n=samples.n,
        assumptions=(*normal(samples), equal_variances(samples), independent()),
        missing=samples.missing,
    )


def welch(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Welch's t test of two means, whatever their variances. Effect: Hedges' g by the mean of both variances.

    Source: Welch (1947), Biometrika 34:28; Delacre et al. (2021), Collabra 7:1, for the effect and its interval.
    """
    one, other = take(samples, 2)
    require(samples, least=2)
    from scipy import stats

    found = stats.ttest_ind(one, other, equal_var=False, alternative=alternative)
    n, m = len(one), len(other)
    a, b = float(one.var(ddof=1)), float(other.var(ddof=1))
    degrees = (n - 1) * (m - 1) * (a + b) ** 2 / ((m - 1) * a**2 + (n - 1) * b**2)
    scale = math.sqrt(n * m * (a + b) / (2 * (m * a + n * b)))
    return TestedHypothesis(
        method="welch",
        title="Welch's t test",
        null=_equal_means(samples),
        statistic_name="t",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        degrees=(float(found.df),),
        effect=_standardised("Hedges' g", found, scale=scale, degrees=degrees, alpha=alpha),
        estimate=_difference(found, float(one.mean() - other.mean()), alpha),
        n=samples.n,
        assumptions=(*normal(samples), independent()),
        missing=samples.missing,
    )


def paired_t(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Student's t test of the mean difference of pairs. Effect: Hedges' g of the differences, in their deviations.

    Source: Student (1908), Biometrika 6:1, on sleep.
    """
    one, other = take(samples, 2)
    differences = Samples(("the differences",), (one - other,))
    require(differences, least=2)
    from scipy import stats

    found = stats.ttest_rel(one, other, alternative=alternative)
    n = len(one)
    return TestedHypothesis(
        method="t_paired",
        title="paired t test",
        null=f"{samples.names[0]} and {samples.names[1]} differ by 0 on average, pair by pair",
        statistic_name="t",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        degrees=(float(found.df),),
        effect=_standardised("Hedges' g of differences", found, scale=math.sqrt(n), degrees=n - 1, alpha=alpha),
        estimate=_difference(found, float((one - other).mean()), alpha),
        n={"pairs": n},
        assumptions=(*normal(differences), independent(paired=True)),
        missing=samples.missing,
    )


def anova(samples: Samples, *, alpha: float) -> TestedHypothesis:
    """One-way analysis of variance. Effect: eta squared, the share of variance between groups, with Steiger's interval.

    Source: Fisher (1925), Statistical Methods for Research Workers; Steiger (2004), Psychological Methods 9:164.
    """
    if len(samples.values) < 2:
        raise UsageError("an analysis of variance compares two groups or more")
    require(samples, least=2, varied=False)
    if all(float(values.var()) == 0 for values in samples.values):
        raise UsageError("no group has values that differ; the test needs some that do")
    from scipy import stats

    found = stats.f_oneway(*samples.values)
    total, groups = sum(map(len, samples.values)), len(samples.values)
    between, within = groups - 1, total - groups
    # Equal means come out a rounding error below 0, where F has no p-value.
    statistic = max(0.0, float(found.statistic))
    p_value = float(found.pvalue) if found.statistic >= 0 else 1.0
    low, high = f_noncentrality(statistic, between=between, within=within, alpha=alpha)
    eta = statistic * between / (statistic * between + within)
    omega = between * (statistic - 1) / (between * (statistic - 1) + total)
    return TestedHypothesis(
        method="anova",
        title="one-way analysis of variance",
        null=f"the means of {', '.join(samples.names[:6])}{', ...' if groups > 6 else ''} are equal",
        statistic_name="F",
        statistic=statistic,
        p_value=p_value,
        alpha=alpha,
        degrees=(float(between), float(within)),
        effect=Effect("eta squared", eta, low / (low + total), high / (high + total)),
        n=samples.n,
        assumptions=(*normal(samples), equal_variances(samples), independent()),
        notes=(f"omega squared, which is less biased: {max(0.0, omega):.4g}",),
        missing=samples.missing,
    )


def take(samples: Samples, count: int) -> tuple[Numbers, ...]:
    """The values of so many samples. Raises UsageError where there are more or fewer."""
    if len(samples.values) != count:
        raise UsageError(f"this test takes {count} sample{'s' * (count > 1)}, not {len(samples.values)}")
    return samples.values


def _equal_means(samples: Samples) -> str:
    return f"the means of {samples.names[0]} and {samples.names[1]} are equal"


def _difference(found: Any, difference: float, alpha: float) -> Effect:
    low, high = found.confidence_interval(1 - alpha)
    return Effect("difference of means", difference, float(low), float(high))


def _standardised(name: str, found: Any, *, scale: float, degrees: float, alpha: float) -> Effect:
    """A mean in standard deviations, corrected for the bias of small samples, with its two-sided interval."""
    shrink = (
        math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees - 1) / 2)) / math.sqrt(degrees / 2)
        if degrees > 1
        else 1.0
    )
    t = float(found.statistic)
    low, high = t_noncentrality(t, degrees=degrees, alpha=alpha)
    return Effect(name, shrink * t / scale, shrink * low / scale, shrink * high / scale)
