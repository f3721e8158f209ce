"""Tests of distributions: Shapiro and Wilk's of normality, Levene's of variances, Kolmogorov and Smirnov's."""

from __future__ import annotations

from typing import Literal

from promptlab.errors import UsageError
from promptlab.hypotheses.assumptions import MOST_SHAPIRO, independent
from promptlab.hypotheses.means import take
from promptlab.hypotheses.result import Alternative, Assumption, Effect, TestedHypothesis
from promptlab.hypotheses.samples import Samples, require


def shapiro(samples: Samples, *, alpha: float) -> TestedHypothesis:
    """Shapiro and Wilk's test whether a sample is of a normal distribution.

    Source: Shapiro and Wilk (1965), Biometrika 52:591; Royston (1995), Applied Statistics 44:547.
    """
    (values,) = take(samples, 1)
    require(samples, least=3)
    from scipy import stats

    found = stats.shapiro(values[: 10 * MOST_SHAPIRO])
    notes = () if len(values) <= MOST_SHAPIRO else (f"above {MOST_SHAPIRO:,} values the p-value is not exact",)
    return TestedHypothesis(
        method="shapiro",
        title="Shapiro-Wilk test",
        null=f"{samples.names[0]} is normally distributed",
        statistic_name="W",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        n=samples.n,
        assumptions=(independent(),),
        notes=notes,
        missing=samples.missing,
    )


def levene(
    samples: Samples, *, alpha: float, center: Literal["median", "mean", "trimmed"] = "median"
) -> TestedHypothesis:
    """Levene's test whether samples vary alike; about medians it is Brown and Forsythe's. Effect: ratio of variances.

    Source: Levene (1960); Brown and Forsythe (1974), Journal of the American Statistical Association 69:364.
    """
    if len(samples.values) < 2:
        raise UsageError("this test compares two samples or more")
    require(samples, least=2, varied=False)
    if all(float(values.var()) == 0 for values in samples.values):
        raise UsageError("no sample has values that differ; there is nothing to compare")
    from scipy import stats

    found = stats.levene(*samples.values, center=center)
    variances = [float(values.var(ddof=1)) for values in samples.values]
    total = sum(map(len, samples.values))
    smallest = min(variances)
    return TestedHypothesis(
        method="levene",
        title="Brown-Forsythe test" if center == "median" else f"Levene's test about the {center}",
        null="the variances are equal",
        statistic_name="W",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        degrees=(float(len(variances) - 1), float(total - len(variances))),
        effect=Effect("largest variance to the smallest", max(variances) / smallest) if smallest > 0 else None,
        n=samples.n,
        assumptions=(independent(),),
        missing=samples.missing,
    )


def ks(samples: Samples, *, alternative: Alternative, alpha: float, distribution: str = "norm") -> TestedHypothesis:
    """Kolmogorov and Smirnov's test: of two samples, or of one against a distribution of scipy by name.

    The statistic is the effect itself: the largest distance of the distribution functions.
    Source: Kolmogorov (1933); Smirnov (1948), Annals of Mathematical Statistics 19:279.
    """
    from scipy import stats

    require(samples, least=1, varied=False)
    if len(samples.values) == 2:
        found = stats.ks_2samp(*samples.values, alternative=alternative)
        null = f"{samples.names[0]} and {samples.names[1]} are of one distribution"
        extra: tuple[Assumption, ...] = ()
    else:
        (values,) = take(samples, 1)
        if not isinstance(getattr(stats, distribution, None), stats.rv_continuous):
            raise UsageError(f"scipy has no distribution '{distribution}'; norm, expon and uniform are some")
        found = stats.kstest(values, distribution, alternative=alternative)
        null = f"{samples.names[0]} is of the distribution {distribution}"
        extra = (
            Assumption(
                "the distribution was not fitted to the sample", "how it was chosen", None, "else p is too large"
            ),
        )
    return TestedHypothesis(
        method="ks",
        title="Kolmogorov-Smirnov test",
        null=null,
        statistic_name="D",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        effect=Effect("largest distance of the distributions", float(found.statistic)),
        n=samples.n,
        assumptions=(*extra, independent()),
        missing=samples.missing,
    )
