"""Evaluators of numbers: equals_number, numeric_diff."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from promptlab.evaluators.base import evaluator, quote
from promptlab.evaluators.number_reading import (
    EXACT,
    NumberFormat,
    Percent,
    Which,
    choose,
    expected_numbers,
    numbers_in,
    shown_number,
)
from promptlab.types import EvaluatorContext, Score


def _check_tolerances(options: Mapping[str, Any]) -> None:
    for name in ("tolerance", "relative_tolerance", "at_most", "missing"):
        value = options.get(name)
        if value is not None and not value >= 0:
            raise ValueError(f"option `{name}` is {value}; a difference is 0 or more")


@evaluator(inline=True, check=_check_tolerances)
def equals_number(
    context: EvaluatorContext,
    *,
    tolerance: float = 0.0,
    relative_tolerance: float = 0.0,
    which: Which = "last",
    percent: Percent = "number",
    decimal_comma: bool = False,
) -> Score | None:
    """Whether the number in the output is the expected one: passed, and 1 or 0; higher is better.

    Read are signs, thousands separators (1,234), currency signs, per cent, 1e-3 and 1.5 x 10^3; no words. Compared
    are exact decimals: 0.1 is 0.1. `expected` is a number, a text with one, read the same way, or a list of which any
    counts. Does not apply to a case without `expected`. tolerance: how far off it may be; relative_tolerance: the
    same as a share of the expected number; the wider of both holds. which: the last number of the output, the first,
    or only, which fails where it has several. percent: what 12% is: number, 12, or fraction, 0.12. decimal_comma:
    1.234,5 is 1234.5.
    Source: the answer of GSM8K (Cobbe et al., 2021) is the last number; arithmetic is Python's decimal.
    Example: {output: "5 * 250 makes $1,250.00.", expected: 1250} -> 1
    Example: {output: "about 3.14", expected: 3.14159, tolerance: 0.01} -> 1
    Example: {output: "between 3 and 4", expected: 4, which: only} -> 0
    """
    _check_tolerances({"tolerance": tolerance, "relative_tolerance": relative_tolerance})
    form = NumberFormat(decimal_comma, percent)
    accepted = expected_numbers(context.expected, which, form)
    if not accepted:
        return None
    wanted = " or ".join(map(shown_number, accepted[:3]))
    try:
        found = choose(numbers_in(context.output, form), which)
    except ValueError as error:
        return Score(0.0, passed=False, reason=f"expected {wanted}, found {error} in {quote(context.output)}")
    for number in accepted:
        allowed = max(_decimal(tolerance), EXACT.multiply(_decimal(relative_tolerance), number.copy_abs()))
        if _difference(found, number) <= allowed:
            return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"expected {wanted}, found {shown_number(found)}")


@evaluator(direction="lower", inline=True, check=_check_tolerances)
def numeric_diff(
    context: EvaluatorContext,
    *,
    relative: bool = False,
    at_most: float | None = None,
    missing: float | None = None,
    which: Which = "last",
    percent: Percent = "number",
    decimal_comma: bool = False,
) -> Score | None:
    """How far the number in the output is from the expected one; 0 is equal, lower is better.

    Of a list of expected numbers, the nearest counts. Does not apply to a case without `expected`. relative: divided
    by the expected number, without its sign; does not apply where that is 0. at_most: passed up to this value.
    missing: what counts where the output has no number; without it such an output is left out, so let equals_number
    stand beside it. which, percent, decimal_comma: as for equals_number.
    Source: absolute and relative error.
    Example: {output: "It is 12.5 km.", expected: 10} -> 2.5
    Example: {output: "It is 12.5 km.", expected: 10, relative: true} -> 0.25
    Example: {output: "No idea.", expected: 10} -> none
    """
    _check_tolerances({"at_most": at_most, "missing": missing})
    form = NumberFormat(decimal_comma, percent)
    accepted = expected_numbers(context.expected, which, form)
    if relative:
        accepted = [number for number in accepted if not number.is_zero()]
    if not accepted:
        return None
    try:
        found = choose(numbers_in(context.output, form), which)
    except ValueError as error:
        return None if missing is None else _scored(missing, at_most, f"{error} in {quote(context.output)}")
    values = [
        EXACT.divide(_difference(found, number), number.copy_abs()) if relative else _difference(found, number)
        for number in accepted
    ]
    nearest = min(range(len(values)), key=values.__getitem__)
    # A difference beyond the range of floats counts as the largest there is.
    value = min(float(values[nearest]), sys.float_info.max)
    return _scored(value, at_most, f"expected {shown_number(accepted[nearest])}, found {shown_number(found)}")


def _scored(value: float, at_most: float | None, reason: str) -> Score:
    return Score(value, passed=None if at_most is None else value <= at_most, reason=reason if value else None)


def _difference(one: Decimal, other: Decimal) -> Decimal:
    return EXACT.subtract(one, other).copy_abs()


def _decimal(number: float) -> Decimal:
    """The number as it is written, so that a tolerance of 0.1 is a tenth."""
    return Decimal(repr(number))
