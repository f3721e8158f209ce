"""Tests of correlation: Pearson's, Spearman's, Kendall's."""

from __future__ import annotations

import math

from promptlab.hypotheses.assumptions import few_ties, independent, normal
from promptlab.hypotheses.means import take
from promptlab.hypotheses.ranks import fisher_interval
from promptlab.hypotheses.result import Alternative, Assumption, Effect, TestedHypothesis
from promptlab.hypotheses.samples import Samples, require


def pearson(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Pearson's correlation of two samples that belong together. Effect: r with Fisher's interval.

    Source: Pearson (1895); Fisher (1921), Metron 1:3.
    """
    one, other = take(samples, 2)
    require(samples, least=3)
    from scipy import stats

    found = stats.pearsonr(one, other, alternative=alternative)
    r, n = float(found.statistic), len(one)
    return TestedHypothesis(
        method="pearson",
        title="Pearson correlation",
        null=f"{samples.names[0]} and {samples.names[1]} are not correlated",
        statistic_name="r",
        statistic=r,
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        degrees=(float(n - 2),),
        effect=fisher_interval("Pearson's r", r, 1 / math.sqrt(n - 3), alpha) if n > 3 else Effect("Pearson's r", r),
        n={"pairs": n},
        assumptions=(*normal(samples), _straight(samples), independent(paired=True)),
        missing=samples.missing,
    )


def spearman(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Spearman's correlation of ranks. Effect: rho, its interval by Bonett and Wright.

    Source: Spearman (1904), American Journal of Psychology 15:72; Bonett and Wright (2000), Psychometrika 65:23.
    """
    one, other = take(samples, 2)
    require(samples, least=3)
    from scipy import stats

    found = stats.spearmanr(one, other, alternative=alternative)
    rho, n = float(found.statistic), len(one)
    deviation = math.sqrt((1 + rho**2 / 2) / (n - 3)) if n > 3 else math.inf
    return TestedHypothesis(
        method="spearman",
        title="Spearman rank correlation",
        null=f"the ranks of {samples.names[0]} and {samples.names[1]} are not correlated",
        statistic_name="rho",
        statistic=rho,
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        effect=fisher_interval("Spearman's rho", rho, deviation, alpha) if n > 3 else Effect("Spearman's rho", rho),
        n={"pairs": n},
        assumptions=(few_ties(one, f"values of {samples.names[0]} are rarely the same"), independent(paired=True)),
        missing=samples.missing,
    )


def kendall(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Kendall's correlation of orders, tau b. Effect: tau, its interval by Bonett and Wright (from 8 pairs on).

    Source: Kendall (1938), Biometrika 30:81; Bonett and Wright (2000), Psychometrika 65:23.
    """
    one, other = take(samples, 2)
    require(samples, least=3)
    from scipy import stats

    found = stats.kendalltau(one, other, alternative=alternative)
    tau, n = float(found.statistic), len(one)
    plain = Effect("Kendall's tau b", tau)
    return TestedHypothesis(
        method="kendall",
        title="Kendall rank correlation",
        null=f"{samples.names[0]} and {samples.names[1]} are in no common order",
        statistic_name="tau",
        statistic=tau,
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        effect=fisher_interval("Kendall's tau b", tau, math.sqrt(0.437 / (n - 4)), alpha) if n >= 8 else plain,
        n={"pairs": n},
        assumptions=(few_ties(one, f"values of {samples.names[0]} are rarely the same"), independent(paired=True)),
        missing=samples.missing,
    )


def _straight(samples: Samples) -> Assumption:
    """That a straight line fits: ranks would correlate much more where a curve did."""
    from scipy import stats

    one, other = samples.values
    plain, ranked = float(stats.pearsonr(one, other).statistic), float(stats.spearmanr(one, other).statistic)
    holds = abs(ranked) - abs(plain) < 0.1
    return Assumption("a straight line fits", "ranks beside values", holds, f"r {plain:.2f}, rho {ranked:.2f}")
