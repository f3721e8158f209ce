"""What a hypothesis test found: one frozen value that says it in numbers, in words and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]


@dataclass(frozen=True, slots=True)
class Effect:
    """How large something is, with its 1 - alpha interval; None where none is known."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that a test takes for granted.

    by: how it was looked at. holds: whether it seems to; None where no figure can tell. p_value: where a test was made.
    """

    what: str
    by: str
    holds: bool | None
    fact: str = ""
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class TestedHypothesis:
    """A hypothesis and what a test said of it.

    hypothesis: in words, as its author wrote it. method: the key of the test, title its standard name. null: what the
    test tries to reject. degrees: of freedom. effect: the standard effect size; estimate: the quantity itself, such as
    a difference of means. n: observations of each sample. missing: rows that were left out for missing values.
    """

    __test__ = False  # its name begins as pytest's classes do

    method: str
    title: str
    null: str
    statistic_name: str
    statistic: float
    p_value: float
    hypothesis: str = ""
    alpha: float = 0.05
    alternative: Alternative = "two-sided"
    degrees: tuple[float, ...] = ()
    effect: Effect | None = None
    estimate: Effect | None = None
    n: Mapping[str, int] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()
    missing: int = 0

    @property
    def rejected(self) -> bool:
        """Whether the null hypothesis is rejected at alpha, before any correction for other tests."""
        return self.p_value <= self.alpha

    @property
    def decision(self) -> str:
        """In words; that a null is not rejected never makes it true."""
        if math.isnan(self.p_value):
            return "undecided: the test gives no p-value for these values"
        compared = f"{p_text(self.p_value)}, alpha {self.alpha:g}"
        return f"{'rejected' if self.rejected else 'not rejected'}: {self.null} ({compared})"

    @property
    def doubts(self) -> tuple[Assumption, ...]:
        """Assumptions that do not seem to hold."""
        return tuple(one for one in self.assumptions if one.holds is False)

    def __str__(self) -> str:
        degrees = f"({', '.join(f'{value:.4g}' for value in self.degrees)})" if self.degrees else ""
        lines = [self.hypothesis] if self.hypothesis else []
        lines.append(f"{self.title}: {self.statistic_name}{degrees} = {self.statistic:.4g}, {self.decision}")
        lines += [effect_text(one) for one in (self.estimate, self.effect) if one is not None]
        if self.n:
            lines.append("n: " + ", ".join(f"{name} {count:,}" for name, count in self.n.items()))
        lines += [f"doubtful: {one.what} ({one.fact or one.by})" for one in self.doubts]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; NaN and the infinities are texts."""
        return {
            "hypothesis": self.hypothesis,
            "method": self.method,
            "title": self.title,
            "null": self.null,
            "statistic_name": self.statistic_name,
            "statistic": _plain(self.statistic),
            "p_value": _plain(self.p_value),
            "alpha": self.alpha,
            "alternative": self.alternative,
            "degrees": [_plain(value) for value in self.degrees],
            "effect": _effect_json(self.effect),
            "estimate": _effect_json(self.estimate),
            "n": dict(self.n),
            "assumptions": [
                {
                    "what": one.what,
                    "by": one.by,
                    "holds": one.holds,
                    "fact": one.fact,
                    "p_value": None if one.p_value is None else _plain(one.p_value),
                }
                for one in self.assumptions
            ],
            "notes": list(self.notes),
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TestedHypothesis:
        """What `to_json` was of."""
        return cls(
            hypothesis=value["hypothesis"],
            method=value["method"],
            title=value["title"],
            null=value["null"],
            statistic_name=value["statistic_name"],
            statistic=_number(value["statistic"]),
            p_value=_number(value["p_value"]),
            alpha=value["alpha"],
            alternative=value["alternative"],
            degrees=tuple(_number(one) for one in value["degrees"]),
            effect=_effect(value["effect"]),
            estimate=_effect(value["estimate"]),
            n=dict(value["n"]),
            assumptions=tuple(
                Assumption(
                    one["what"],
                    one["by"],
                    one["holds"],
                    one["fact"],
                    None if one["p_value"] is None else _number(one["p_value"]),
                )
                for one in value["assumptions"]
            ),
            notes=tuple(value["notes"]),
            missing=value["missing"],
        )


def p_text(p_value: float) -> str:
    """A p-value as it is written: `p = 0.032`, `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def effect_text(effect: Effect, *, digits: int = 4) -> str:
    """`Hedges' g 0.83 [0.12, 1.54]`."""
    value, *ends = (None if one is None else f"{one:.{digits}g}" for one in (effect.value, effect.low, effect.high))
    return f"{effect.name} {value}" if None in ends else f"{effect.name} {value} [{', '.join(map(str, ends))}]"


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _number(value: Any) -> float:
    return float(value)


def _effect_json(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    bounds = {
        name: None if value is None else _plain(value) for name, value in (("low", effect.low), ("high", effect.high))
    }
    return {"name": effect.name, "value": _plain(effect.value), **bounds}


def _effect(value: Mapping[str, Any] | None) -> Effect | None:
    if value is None:
        return None
    low, high = (None if value[name] is None else _number(value[name]) for name in ("low", "high"))
    return Effect(value["name"], _number(value["value"]), low, high)
