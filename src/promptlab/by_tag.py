"""A run's scores by the tags of its cases: where a variant is strong, and where it fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from promptlab.reports import Report
from promptlab.statistics.intervals import mean_interval
from promptlab.suites.cases import tags_in
from promptlab.types import Interval


@dataclass(frozen=True, slots=True)
class TagScores:
    """The cases with one tag. scores: by the id of a variant its mean over them, with a 95% interval."""

    tag: str
    cases: int
    scores: Mapping[str, Interval]


def by_tag(report: Report, measure: str) -> list[TagScores]:
    """The means of a measure by tag, the most frequent tag first; a case counts once, with the mean of its repeats.

    A case with several tags counts for each. Intervals are not corrected for how many tags there are.
    """
    cases: dict[str, set[str]] = defaultdict(set)
    values: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    verdicts: dict[str, bool] = defaultdict(lambda: True)
    for cell in report.cells:
        score = cell.scores.get(measure)
        value = None if score is None else score.value if score.passed is None else float(score.passed)
        for tag in tags_in(cell.metadata):
            cases[tag].add(cell.key)
            if score is not None and score.error is None and value is not None:
                values[tag][cell.run_uid][cell.key].append(value)
                verdicts[cell.run_uid] &= score.passed is not None
    return [
        TagScores(
            tag,
            len(keys),
            {
                uid: mean_interval([sum(of_case) / len(of_case) for of_case in each.values()], passfail=verdicts[uid])
                for uid, each in values[tag].items()
            },
        )
        for tag, keys in sorted(cases.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
