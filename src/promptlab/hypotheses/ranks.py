"""Tests of ranks: Mann and Whitney's, Wilcoxon's of pairs, Kruskal and Wallis's. They ask nothing of a distribution."""

from __future__ import annotations

import math

import numpy as np

from promptlab.errors import UsageError
from promptlab.hypotheses.assumptions import few_ties, independent
from promptlab.hypotheses.means import take
from promptlab.hypotheses.result import Alternative, Assumption, Effect, TestedHypothesis
from promptlab.hypotheses.samples import Samples, require


def mann_whitney(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Mann and Whitney's test whether values of one sample tend to be larger. Effect: rank-biserial correlation.

    The effect is 2 A - 1, where A is the chance that a value of the first sample is above one of the second.
    Source: Mann and Whitney (1947), Annals of Mathematical Statistics 18:50; Newcombe (2006), Statistics in Medicine
    25:559, method 5, for the interval of A.
    """
    one, other = take(samples, 2)
    require(samples, least=1, varied=False)
    both = np.concatenate([one, other])
    if float(both.min()) == float(both.max()):
        raise UsageError("all values of both samples are the same; there is nothing to rank")
    from scipy import stats

    found = stats.mannwhitneyu(one, other, alternative=alternative)
    n, m = len(one), len(other)
    area = float(found.statistic) / (n * m)
    low, high = _area_interval(area, n, m, alpha)
    return TestedHypothesis(
        method="mann_whitney",
        title="Mann-Whitney U test",
        null=f"a value of {samples.names[0]} is as often above one of {samples.names[1]} as below it",
        statistic_name="U",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        effect=Effect("rank-biserial r", 2 * area - 1, 2 * low - 1, 2 * high - 1),
        estimate=Effect(f"chance that {samples.names[0]} is above {samples.names[1]}", area, low, high),
        n=samples.n,
        assumptions=(few_ties(both), independent()),
        missing=samples.missing,
    )


def wilcoxon(samples: Samples, *, alternative: Alternative, alpha: float) -> TestedHypothesis:
    """Wilcoxon's signed-rank test of pairs, or of one sample of differences. Effect: matched rank-biserial correlation.

    Pairs without a difference are left out, as Wilcoxon did.
    Source: Wilcoxon (1945), Biometrics Bulletin 1:80; Kerby (2014), Comprehensive Psychology 3:1, for the effect; its
    interval by Fisher's z with the standard deviation of the rank sum.
    """
    if len(samples.values) not in (1, 2):
        raise UsageError(f"this test takes two samples that belong together, not {len(samples.values)}")
    differences = samples.values[0] - samples.values[1] if len(samples.values) == 2 else samples.values[0]
    counted = differences[differences != 0]
    if not len(counted):
        raise UsageError("no pair differs; there is nothing to rank")
    from scipy import stats

    found = stats.wilcoxon(differences, alternative=alternative, zero_method="wilcox")
    ranks = stats.rankdata(np.abs(counted))
    positive, n = float(ranks[counted > 0].sum()), len(counted)
    whole = n * (n + 1) / 2
    effect = 2 * positive / whole - 1
    deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 6) / whole
    names = " and ".join(samples.names)
    return TestedHypothesis(
        method="wilcoxon",
        title="Wilcoxon signed-rank test",
        null=f"differences between {names} lie as much above 0 as below it",
        statistic_name="W",
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        alpha=alpha,
        alternative=alternative,
        effect=fisher_interval("matched rank-biserial r", effect, deviation, alpha),
        estimate=Effect("median difference", float(np.median(differences))),
        n={"pairs": len(differences), "pairs that differ": n},
        assumptions=(
            few_ties(np.abs(counted), "differences are rarely the same"),
            Assumption("differences lie evenly about their middle", "a look at them", None, "not tested"),
            independent(paired=True),
        ),
        missing=samples.missing,
    )


def kruskal(samples: Samples, *, alpha: float) -> TestedHypothesis:
    """Kruskal and Wallis's test whether values of some group tend to be larger. Effect: epsilon squared, from 0 to 1.

    Source: Kruskal and Wallis (1952), Journal of the American Statistical Association 47:583; Tomczak and Tomczak
    (2014) for the effect. It has no interval of a simple form, and none is given.
    """
    if len(samples.values) < 2:
        raise UsageError("this test compares two groups or more")
    require(samples, least=1, varied=False)
    whole = np.concatenate(samples.values)
    if float(whole.min()) == float(whole.max()):
        raise UsageError("all values of all groups are the same; there is nothing to rank")
    from scipy import stats

    found = stats.kruskal(*samples.values)
    statistic = float(found.statistic)
    small = min(map(len, samples.values))
    return TestedHypothesis(
        method="kruskal",
        title="Kruskal-Wallis test",
        null="no group tends to have larger values than another",
        statistic_name="H",
        statistic=statistic,
        p_value=float(found.pvalue),
        alpha=alpha,
        degrees=(float(len(samples.values) - 1),),
        effect=Effect("epsilon squared", statistic / (len(whole) - 1)),
        n=samples.n,
        assumptions=(
            Assumption("groups have 5 values or more", "size", small >= 5, f"the smallest has {small}"),
            few_ties(whole),
            independent(),
        ),
        missing=samples.missing,
    )


def _area_interval(area: float, n: int, m: int, alpha: float) -> tuple[float, float]:
    """Newcombe's method 5: where the variance at the bound itself puts what was seen at the tail."""
    from scipy import optimize, stats

    z = float(stats.norm.ppf(1 - alpha / 2))
    middle = (n + m) / 2 - 1

    def beyond(theta: float) -> float:
        spread = 1 + middle * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (area - theta) ** 2 - z**2 * theta * (1 - theta) * spread / (n * m)

    low = 0.0 if area == 0 else float(optimize.brentq(beyond, 1e-12, area))
    high = 1.0 if area == 1 else float(optimize.brentq(beyond, area, 1 - 1e-12))
    return low, high


def fisher_interval(name: str, value: float, deviation: float, alpha: float) -> Effect:
    """A correlation with its interval by Fisher's z, whose standard deviation is given; none at -1 and 1."""
    from scipy import stats

    if abs(value) >= 1:
        return Effect(name, value)
    z = float(stats.norm.ppf(1 - alpha / 2)) * deviation
    return Effect(name, value, math.tanh(math.atanh(value) - z), math.tanh(math.atanh(value) + z))
