"""What tests take for granted, looked at: normal samples, equal variances, counts that are large enough."""

from __future__ import annotations

from promptlab.hypotheses.result import Assumption
from promptlab.hypotheses.samples import Numbers, Samples

LEVEL = 0.05
MOST_SHAPIRO = 5000
"""Above it scipy's p-value of Shapiro's test is not exact, and any deviation is found."""
ENOUGH = 30
"""From so many values on, means are close to normal whatever their samples are, unless these are far from it."""


def independent(*, paired: bool = False) -> Assumption:
    """That observations do not depend on each other, which no figure can tell."""
    what = "pairs are independent of each other" if paired else "observations are independent of each other"
    return Assumption(what, "how the data was collected", None, "cannot be seen in the values")


def normal(samples: Samples) -> tuple[Assumption, ...]:
    """That each sample is of a normal distribution, by Shapiro's test; 5 < n <= 5000 alone say something."""
    return tuple(_normal(name, values) for name, values in zip(samples.names, samples.values, strict=True))


def _normal(name: str, values: Numbers) -> Assumption:
    from scipy import stats

    what, n = f"normal distribution of {name}", len(values)
    if n < 5 or float(values.min()) == float(values.max()):
        return Assumption(what, "Shapiro-Wilk", None, f"{n} values are too few to tell")
    if n > MOST_SHAPIRO:
        return Assumption(what, "size", True, f"{n:,} values: the mean is close to normal whatever the sample is")
    p_value = float(stats.shapiro(values).pvalue)
    holds = p_value > LEVEL
    fact = f"p = {p_value:.3g}" + ("" if holds or n < ENOUGH else f"; {n} values make the mean less sensitive to it")
    return Assumption(what, "Shapiro-Wilk", holds, fact, p_value)


def equal_variances(samples: Samples) -> Assumption:
    """That all samples vary alike, by the test of Brown and Forsythe (Levene's about medians)."""
    from scipy import stats

    p_value = float(stats.levene(*samples.values, center="median").pvalue)
    return Assumption("equal variances", "Brown-Forsythe", p_value > LEVEL, f"p = {p_value:.3g}", p_value)


def large_counts(expected: Numbers) -> Assumption:
    """That expected counts are 5 or more in at least 80% of cells and nowhere below 1 (Cochran, 1954)."""
    small = float((expected < 5).mean())
    holds = small <= 0.2 and float(expected.min()) >= 1
    fact = f"{small:.0%} of cells expect fewer than 5, the least {float(expected.min()):.3g}"
    return Assumption("expected counts large enough", "Cochran's rule", holds, fact)


def few_ties(values: Numbers, what: str = "values are rarely the same") -> Assumption:
    """That few values are tied: their ranks are corrected for it, the p-value is not exact."""
    import numpy as np

    share = 1 - len(np.unique(values)) / len(values)
    return Assumption(what, "share of ties", share < 0.2, f"{share:.0%} of values repeat another")
