"""Groups: several evaluators as one score, all_of, any_of, weighted_mean; and `overall`, of all that has a weight."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from promptlab.evaluators.base import WHOLE, BoundEvaluator, clip
from promptlab.evaluators.identity import digest_of
from promptlab.types import EvaluatorContext, Score

OVERALL = "overall"
"""What the weighted mean of a suite's entries is called, where any of them has a weight."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one member of a group came to: its own score, or what the parts of its mapping come to together."""

    name: str
    score: Score
    weight: float
    higher: bool


Combination: TypeAlias = Callable[[Sequence[Part]], Score]


def all_of(parts: Sequence[Part]) -> Score:
    """Passed where every member is: 1 or 0; higher is better.

    evaluators: the members, entries as in a suite; each needs a verdict of its own, by a threshold where it has none.
    Members that do not apply are left out. Every member's score stands beside the group's, as `all_of.member`.
    Example: {output: "3 cats", evaluators: [{contains: {word: cat}}, {word_count: {at_most: 1}}]} -> 0
    """
    failed = [part for part in parts if not _verdict(part)]
    return _passed(not failed, failed)


def any_of(parts: Sequence[Part]) -> Score:
    """Passed where one member is: 1 or 0; higher is better.

    evaluators: as for all_of.
    Example: {output: "3 cats", evaluators: [{contains: {word: cat}}, {word_count: {at_most: 1}}]} -> 1
    """
    failed = [part for part in parts if not _verdict(part)]
    return _passed(len(failed) < len(parts), failed)


def weighted_mean(parts: Sequence[Part]) -> Score:
    """The mean of the members, each as heavy as its `weight` (1 where it has none): 0 to 1; higher is better.

    evaluators: the members, entries as in a suite. A member counts by its value where that is from 0 to 1 and higher
    is better, else by its verdict, 1 or 0. Members that do not apply are left out. `threshold` gives a verdict.
    Example: {output: "3 cats", evaluators: [{contains: {word: cat, weight: 3}}, {word_count: {at_most: 1}}]} -> 0.75
    """
    total = math.fsum(part.weight for part in parts)
    if not total:
        return Score(error="every member has the weight 0; give one another")
    shares = [(part, _share(part)) for part in parts if part.weight]
    value = math.fsum(part.weight * share for part, share in shares) / total
    lacking = [f"{part.name} {share:.3g}" for part, share in shares if share < 1.0]
    return Score(value, reason=", ".join(lacking) or None)


COMBINATIONS: Mapping[str, Combination] = {"all_of": all_of, "any_of": any_of, "weighted_mean": weighted_mean}
"""The kinds of groups."""


@dataclass(frozen=True, slots=True)
class Group:
    """Members that are scored together. Called as an evaluator is."""

    combination: Combination
    members: tuple[BoundEvaluator, ...]

    async def score(self, context: EvaluatorContext) -> dict[str, Score] | None:
        """The group's own score under WHOLE, with those of its members by name; None where no member applies."""
        given = await asyncio.gather(*(member.score(context) for member in self.members))
        scores = {name: score for found in given for name, score in found.items()}
        whole = combine(self.combination, self.members, scores)
        return None if whole is None else {WHOLE: whole, **scores}


def combine(combination: Combination, members: Sequence[BoundEvaluator], scores: Mapping[str, Score]) -> Score | None:
    """What the scores of these members come to together; None where none of them applies."""
    parts = []
    for member in members:
        score = _of_member(member, scores)
        if score is None:
            continue
        if score.error is not None:
            return Score(error=clip(f"{member.name}: {score.error}", 500))
        weight = 1.0 if member.weight is None else member.weight
        parts.append(Part(member.name, score, weight, member.direction == "higher"))
    if not parts:
        return None
    try:
        return combination(parts)
    except _NoVerdictError as error:
        return Score(error=str(error))


def overall(evaluators: Sequence[BoundEvaluator]) -> tuple[BoundEvaluator, ...]:
    """The evaluators, followed by `overall` where any of them has a weight: the weighted mean of those that have."""
    members = tuple(evaluator for evaluator in evaluators if evaluator.weight is not None)
    if not members:
        return tuple(evaluators)
    digest = " ".join(f"{member.name}={member.weight}:{member.digest}" for member in members)
    return (
        *evaluators,
        BoundEvaluator(
            name=OVERALL,
            function=lambda _: None,
            options={},
            digest=digest_of(OVERALL, digest),
            kind=OVERALL,
            inline=True,
            combines=lambda scores: combine(weighted_mean, members, scores),
        ),
    )


class _NoVerdictError(Exception):
    """A member has to pass or fail, and does neither."""


def _verdict(part: Part) -> bool:
    if part.score.passed is None:
        raise _NoVerdictError(f"{part.name} neither passes nor fails; give it a `threshold`")
    return part.score.passed


def _share(part: Part) -> float:
    value = part.score.value
    if part.higher and value is not None and 0.0 <= value <= 1.0:
        return value
    if part.score.passed is None:
        better = "higher is better" if part.higher else "lower is better"
        shown = "none" if value is None else f"{value:g}"
        raise _NoVerdictError(
            f"{part.name} is {shown} ({better}), no share from 0 to 1; give it a `threshold`: then its verdict counts"
        )
    return float(part.score.passed)


def _passed(passed: bool, failed: Sequence[Part]) -> Score:
    if passed:
        return Score(1.0, passed=True)
    shown = [f"{part.name} ({part.score.reason})" if part.score.reason else part.name for part in failed]
    return Score(0.0, passed=False, reason=clip(f"failed: {'; '.join(shown)}"))


def _of_member(member: BoundEvaluator, scores: Mapping[str, Score]) -> Score | None:
    if member.name in scores:
        return scores[member.name]
    parts = [score for name, score in scores.items() if name.startswith(f"{member.name}.")]
    if not parts:
        return None
    errors = [score.error for score in parts if score.error is not None]
    if errors:
        return Score(error=errors[0])
    values = [score.value for score in parts if score.value is not None]
    verdicts = [score.passed for score in parts]
    return Score(
        value=math.fsum(values) / len(values) if values else None,
        passed=all(verdicts) if None not in verdicts else None,
    )
