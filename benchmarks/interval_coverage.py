"""How often the intervals hold the truth, and how often the tests of pass/fail reject: what the choices rest on.

    python benchmarks/interval_coverage.py            # about half a minute
    python benchmarks/interval_coverage.py --quick    # smaller n and fewer draws: 8 seconds

Pass/fail is not simulated but enumerated: every outcome of n cases with its probability, so these figures have no
error. Coverage of numbers is simulated with a fixed seed; its standard error is printed. The methods that promptlab
does not use are written out here, to stand beside those it does. `design/statistics.md` draws the conclusions.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from promptlab.statistics.distributions import binomial_tail, normal_quantile
from promptlab.statistics.intervals import mean_interval, wilson
from promptlab.statistics.paired import mcnemar, paired_difference, tango

Z = normal_quantile(0.975)


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval to measure."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Table:
    """n paired cases: how many were fixed and regressed, and passed or failed on both sides."""

    fixed: int
    regressed: int
    both_pass: int
    both_fail: int

    @property
    def n(self) -> int:
        """All cases."""
        return self.fixed + self.regressed + self.both_pass + self.both_fail


# One proportion.


def wilson_bounds(successes: int, n: int) -> Bounds:
    """Wilson's score interval: what promptlab shows."""
    interval = wilson(successes, n)
    return Bounds(interval.low or 0.0, interval.high or 0.0)


def wald_bounds(successes: int, n: int) -> Bounds:
    """The textbook normal interval."""
    share = successes / n
    half = Z * math.sqrt(share * (1 - share) / n)
    return Bounds(share - half, share + half)


def student_bounds(successes: int, n: int) -> Bounds:
    """The t interval of the zeros and ones."""
    interval = mean_interval([1.0] * successes + [0.0] * (n - successes), passfail=False)
    return Bounds(interval.low or 0.0, interval.high or 0.0)


def clopper_pearson_bounds(successes: int, n: int) -> Bounds:
    """The exact interval of Clopper and Pearson (1934)."""
    low = _solve(lambda p: binomial_tail(successes, n, probability=p) - 0.025) if successes else 0.0
    high = _solve(lambda p: binomial_tail(successes + 1, n, probability=p) - 0.975) if successes < n else 1.0
    return Bounds(low, high)


# A paired difference.


def shown_bounds(table: Table) -> Bounds:
    """What promptlab shows: Tango's interval, reaching 0 where the exact test does not reject."""
    bounds = tango_bounds(table)
    if mcnemar(table.fixed, table.regressed) <= 0.05:
        return bounds
    return Bounds(min(0.0, bounds.low), max(0.0, bounds.high))


def tango_bounds(table: Table) -> Bounds:
    """Tango's score interval (1998)."""
    return _tango(table.fixed, table.regressed, table.n)


@cache
def _tango(fixed: int, regressed: int, n: int) -> Bounds:
    interval = tango(fixed, regressed, n)
    return Bounds(interval.low or 0.0, interval.high or 0.0)


def paired_wald_bounds(table: Table) -> Bounds:
    """The textbook normal interval of a paired difference."""
    return _normal(table.fixed / table.n, table.regressed / table.n, table.n)


def bonett_price_bounds(table: Table) -> Bounds:
    """The normal interval of (count + 1) / (n + 2): Bonett and Price (2012)."""
    n = table.n + 2
    return _normal((table.fixed + 1) / n, (table.regressed + 1) / n, n)


def newcombe_bounds(table: Table) -> Bounds:
    """Newcombe's method 10 (1998): two Wilson intervals, joined with the correlation of the pairs."""
    n, first, second = table.n, table.fixed + table.both_pass, table.regressed + table.both_pass
    one, other = wilson_bounds(first, n), wilson_bounds(second, n)
    margins = first * second * (n - first) * (n - second)
    cross = float(table.both_pass * table.both_fail - table.fixed * table.regressed)
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    phi = cross / math.sqrt(margins) if margins else 0.0
    up, down = one.high - first / n, first / n - one.low
    other_up, other_down = other.high - second / n, second / n - other.low
    difference = (first - second) / n
    return Bounds(
        difference - math.sqrt(max(0.0, down**2 - 2 * phi * down * other_up + other_up**2)),
        difference + math.sqrt(max(0.0, up**2 - 2 * phi * up * other_down + other_down**2)),
    )


def paired_student_bounds(table: Table) -> Bounds:
    """The t interval of the differences."""
    changes = [1.0] * table.fixed + [-1.0] * table.regressed + [0.0] * (table.both_pass + table.both_fail)
    interval = mean_interval(changes, passfail=False)
    return Bounds(interval.low or 0.0, interval.high or 0.0)


# Tests of pass/fail, each a function of the changed cases.


def midp(fixed: int, regressed: int) -> float:
    """The mid-p McNemar test: the exact one less half the probability of what was seen."""
    n, most = fixed + regressed, max(fixed, regressed)
    point = binomial_tail(most, n) - binomial_tail(most + 1, n)
    return min(1.0, 2 * binomial_tail(most, n) - point) if fixed != regressed else 1.0


def score(fixed: int, regressed: int) -> float:
    """The McNemar test without continuity correction."""
    n = fixed + regressed
    return math.erfc(abs(fixed - regressed) / math.sqrt(2 * n)) if n else 1.0


# Enumeration and simulation.


def coverage_of_a_proportion(bounds: Callable[[int, int], Bounds], n: int) -> Sequence[float]:
    """Coverage at 199 true proportions from 0.005 to 0.995."""
    intervals = [bounds(successes, n) for successes in range(n + 1)]
    shares = [k / 200 for k in range(1, 200)]
    return [
        sum(
            math.comb(n, successes) * share**successes * (1 - share) ** (n - successes)
            for successes, interval in enumerate(intervals)
            if interval.low <= share <= interval.high
        )
        for share in shares
    ]


def tables(n: int) -> Iterator[Table]:
    """All outcomes of n pairs."""
    for fixed in range(n + 1):
        for regressed in range(n + 1 - fixed):
            for both_pass in range(n + 1 - fixed - regressed):
                yield Table(fixed, regressed, both_pass, n - fixed - regressed - both_pass)


def truths() -> Iterator[tuple[float, float, float]]:
    """True shares of fixed, regressed and passing on both sides: from few changes to many, 0 to 30 points apart."""
    for changed in (0.05, 0.1, 0.2, 0.4):
        for difference in (0.0, 0.02, 0.05, 0.1, 0.2, 0.3):
            if difference <= changed:
                yield (changed + difference) / 2, (changed - difference) / 2, (1 - changed) * 0.6


def coverage_of_a_difference(bounds: Callable[[Table], Bounds], n: int) -> tuple[Sequence[float], float]:
    """Coverage at each of the truths, and the mean width of the interval over them."""
    cells = [(table, bounds(table), math.lgamma(n + 1) - _log_factorials(table)) for table in tables(n)]
    coverages, widths = [], []
    for fixed, regressed, both_pass in truths():
        logs = [_log(share) for share in (fixed, regressed, both_pass, 1 - fixed - regressed - both_pass)]
        covered = width = 0.0
        for table, interval, ways in cells:
            counts = (table.fixed, table.regressed, table.both_pass, table.both_fail)
            chance = math.exp(ways + sum(count * log for count, log in zip(counts, logs, strict=True) if count))
            width += chance * (interval.high - interval.low)
            if interval.low - 1e-12 <= fixed - regressed <= interval.high + 1e-12:
                covered += chance
        coverages.append(covered)
        widths.append(width)
    return coverages, sum(widths) / len(widths)


def rejections(test: Callable[[int, int], float], n: int, *, changed: float, difference: float, alpha: float) -> float:
    """How often the test rejects, with this share of changed cases and this true difference."""
    up, down, same = _log((changed + difference) / 2), _log((changed - difference) / 2), _log(1 - changed)
    total = 0.0
    for fixed in range(n + 1):
        for regressed in range(n + 1 - fixed):
            if test(fixed, regressed) <= alpha:
                rest = n - fixed - regressed
                ways = math.lgamma(n + 1) - _log_factorials(Table(fixed, regressed, 0, rest))
                counts = ((fixed, up), (regressed, down), (rest, same))
                total += math.exp(ways + sum(count * log for count, log in counts if count))
    return total


def coverage_of_numbers(draw: Callable[[random.Random], float], truth: float, n: int, *, draws: int) -> float:
    """Simulated coverage of the t interval over n cases."""
    source = random.Random(20_261_123)  # noqa: S311 - a simulation, no secret
    hits = 0
    for _ in range(draws):
        interval = mean_interval([draw(source) for _ in range(n)], passfail=False)
        hits += (interval.low or 0.0) <= truth <= (interval.high or 0.0)
    return hits / draws


def coverage_of_paired_numbers(n: int, *, draws: int) -> float:
    """Simulated coverage of the paired interval for latencies: log-normal, the second 10% slower with noise."""
    source = random.Random(20_261_124)  # noqa: S311 - a simulation, no secret
    truth = 0.1 * math.exp(0.5 * 0.6**2)
    hits = 0
    for _ in range(draws):
        before = [source.lognormvariate(0.0, 0.6) for _ in range(n)]
        after = [1.1 * value + source.expovariate(4.0) - 0.25 for value in before]
        found = paired_difference(before, after, passfail=False)
        hits += (found.low or 0.0) <= truth <= (found.high or 0.0)
    return hits / draws


def _solve(function: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return low


def _normal(fixed: float, regressed: float, n: int) -> Bounds:
    difference = fixed - regressed
    half = Z * math.sqrt(max(0.0, fixed + regressed - difference**2) / n)
    return Bounds(difference - half, difference + half)


def _log(share: float) -> float:
    return math.log(share) if share > 1e-12 else -math.inf


def _log_factorials(table: Table) -> float:
    return sum(math.lgamma(k + 1) for k in (table.fixed, table.regressed, table.both_pass, table.both_fail))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller n and fewer draws")
    quick = parser.parse_args().quick

    print("Coverage of a nominal 95% interval of one proportion, over true proportions 0.005 to 0.995 (exact)")
    print(f"{'method':24}{'n':>5}{'mean':>8}{'least':>8}")
    for n in (10, 20, 60):
        for name, single in {
            "Wilson (used)": wilson_bounds,
            "Clopper-Pearson": clopper_pearson_bounds,
            "Wald": wald_bounds,
            "t": student_bounds,
        }.items():
            found = coverage_of_a_proportion(single, n)
            print(f"{name:24}{n:5}{sum(found) / len(found):8.3f}{min(found):8.3f}")

    known = len(list(truths()))
    print(f"\nCoverage of a nominal 95% interval of a paired difference of pass rates, over {known} truths (exact)")
    print(f"{'method':24}{'n':>5}{'mean':>8}{'least':>8}{'width':>8}")
    for n in (10, 20) if quick else (10, 20, 50):
        for name, paired in {
            "Tango, to 0 (used)": shown_bounds,
            "Tango": tango_bounds,
            "Newcombe 10": newcombe_bounds,
            "Bonett-Price": bonett_price_bounds,
            "Wald": paired_wald_bounds,
            "paired t": paired_student_bounds,
        }.items():
            found, width = coverage_of_a_difference(paired, n)
            print(f"{name:24}{n:5}{sum(found) / len(found):8.3f}{min(found):8.3f}{width:8.3f}")

    tests = {"exact (used)": mcnemar, "mid-p": midp, "score": score}
    print("\nHow often a test of two equal variants rejects, at its worst over 5% to 60% changed cases (exact)")
    print(f"{'n':>5}{'alpha':>8}" + "".join(f"{name:>14}" for name in tests))
    for n in (20, 60):
        for alpha in (0.05, 0.05 / 20):
            worst = [
                max(
                    rejections(test, n, changed=changed / 100, difference=0.0, alpha=alpha)
                    for changed in range(5, 61, 5)
                )
                for test in tests.values()
            ]
            print(f"{n:5}{alpha:8.4f}" + "".join(f"{value:14.4f}" for value in worst))

    print("\nHow often it finds a true difference, 20% of the cases changing (exact)")
    print(f"{'n':>5}{'points':>8}" + "".join(f"{name:>14}" for name in tests))
    for n in (60, 120):
        for difference in (0.05, 0.1, 0.15):
            power = [rejections(test, n, changed=0.2, difference=difference, alpha=0.05) for test in tests.values()]
            print(f"{n:5}{100 * difference:8.0f}" + "".join(f"{value:14.3f}" for value in power))

    draws = 1_000 if quick else 4_000
    error = math.sqrt(0.95 * 0.05 / draws)
    print(f"\nCoverage of the t interval of numbers (simulated, {draws:,} draws, standard error {error:.4f})")
    print(f"{'numbers':32}{'n':>5}{'mean':>8}")
    for n in (6, 20, 60):
        numbers = {
            "normal": (lambda source: source.gauss(0, 1), 0.0),
            "beta(2, 3), as overlap scores": (lambda source: source.betavariate(2, 3), 0.4),
            "log-normal(0, 0.6), as latency": (lambda source: source.lognormvariate(0, 0.6), math.exp(0.18)),
        }
        for name, (draw, truth) in numbers.items():
            print(f"{name:32}{n:5}{coverage_of_numbers(draw, truth, n, draws=draws):8.3f}")
        print(f"{'paired latencies':32}{n:5}{coverage_of_paired_numbers(n, draws=draws):8.3f}")


if __name__ == "__main__":
    main()
