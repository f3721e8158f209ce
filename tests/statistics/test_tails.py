"""Upper tails against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from promptlab.statistics.tails import chi_squared_tail, kolmogorov_tail


@given(st.floats(0, 3000), st.integers(1, 500))
def test_the_chi_squared_tail_is_that_of_scipy(statistic: float, degrees: int) -> None:
    expected = scipy.stats.chi2.sf(statistic, degrees)
    assert chi_squared_tail(statistic, degrees=degrees) == pytest.approx(expected, rel=1e-9, abs=1e-14)


def test_known_values_and_limits_of_the_chi_squared_tail() -> None:
    assert chi_squared_tail(3.841458820694124, degrees=1) == pytest.approx(0.05, abs=1e-12)
    assert chi_squared_tail(18.307038053275146, degrees=10) == pytest.approx(0.05, abs=1e-12)
    assert [chi_squared_tail(value, degrees=3) for value in (0.0, -1.0, 1e6, float("inf"))] == [1.0, 1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="degrees of freedom are 1 or more"):
        chi_squared_tail(1.0, degrees=0)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (30, 500), (500, 500)])
def test_the_kolmogorov_tail_is_near_the_exact_p_value(n: int, m: int) -> None:
    random = np.random.default_rng(0)
    for shift in (0.0, 0.2, 0.5, 1.0):
        found = scipy.stats.ks_2samp(random.normal(size=n), random.normal(shift, size=m), method="exact")
        assert kolmogorov_tail(found.statistic, n=n, m=m) == pytest.approx(found.pvalue, abs=0.03, rel=0.35)
    assert (kolmogorov_tail(0.0, n=n, m=m), kolmogorov_tail(1.0, n=n, m=m) < 1e-6) == (1.0, True)
    with pytest.raises(ValueError, match="one value or more"):
        kolmogorov_tail(0.5, n=0, m=m)
