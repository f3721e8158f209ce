"""A leaderboard of everything that answered the same cases, prompt variants and classic models alike.

Each is held against the leader on the cases that both have, and the p-values are corrected for how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from promptlab.statistics.intervals import mean_interval
from promptlab.statistics.multiple import holm
from promptlab.statistics.paired import PairedDifference, paired_difference
from promptlab.statistics.verdict import Verdict, verdict
from promptlab.store import cells, metrics, pairing
from promptlab.store.database import Connection, Database
from promptlab.store.rows import RunRow, ScoreValue
from promptlab.tracking.direction import infer_direction
from promptlab.types import Direction, Interval

LEAST_SHARE = 0.5
"""Who answered fewer of the cases than this share of what the fullest run answered is listed, but not ranked."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A run's place. interval: its mean over its cases, 95%. shared: cases that it has in common with the leader.

    verdict: on it against the leader, after Holm; None for the leader, and where they share no case. ranked: whether it
    answered enough of the cases to be compared by its mean.
    """

    run: RunRow
    interval: Interval
    shared: int
    verdict: Verdict | None
    ranked: bool


@dataclass(frozen=True, slots=True)
class SharedBoard:
    """The standings, best first, those that are not ranked last. cases: of the fullest run."""

    measure: str
    direction: Direction
    cases: int
    standings: Sequence[Standing]


def shared_board(database: Database, dataset: str, measure: str, *, limit: int = 50) -> SharedBoard:
    """The newest runs on the cases of a data set, by name, ranked by a measure; the rest as in the module's words."""

    def read(connection: Connection) -> tuple[Direction, list[RunRow], dict[int, dict[str, list[ScoreValue]]]]:
        direction = metrics.directions(connection, [measure]).get(measure) or infer_direction(measure)
        found = pairing.runs_on(connection, dataset, limit=limit)
        return direction, found, cells.scores_table(connection, [run.id for run in found], measure)

    direction, found, table = database.read(read)
    scored = [run for run in found if table.get(run.id)]
    if not scored:
        return SharedBoard(measure, direction, 0, ())
    most = max(len(table[run.id]) for run in scored)
    means = {run.id: {key: fmean(one.value for one in given) for key, given in table[run.id].items()} for run in scored}
    verdicts = {run.id: _verdicts(table[run.id]) for run in scored}
    sign = -1.0 if direction == "higher" else 1.0
    ranked = [run for run in scored if len(table[run.id]) >= LEAST_SHARE * most]
    ranked.sort(key=lambda run: (sign * fmean(means[run.id].values()), -run.id))
    rest = [run for run in scored if run not in ranked]
    leader = ranked[0]
    differences = {
        run.id: _difference(means[leader.id], means[run.id], passfail=verdicts[leader.id] and verdicts[run.id])
        for run in (*ranked[1:], *rest)
    }
    adjusted = _adjusted(differences)
    return SharedBoard(
        measure,
        direction,
        most,
        [
            Standing(
                run,
                mean_interval(list(means[run.id].values()), passfail=_judged(table[run.id])),
                shared=len(means[run.id].keys() & means[leader.id].keys()),
                verdict=None
                if run is leader or not differences[run.id].n
                else verdict(
                    differences[run.id],
                    measure=measure,
                    direction=direction,
                    names=(leader.name, run.name),
                    adjusted_p=adjusted.get(run.id),
                ),
                ranked=run in ranked,
            )
            for run in (*ranked, *rest)
        ],
    )


def _judged(given: Mapping[str, Sequence[ScoreValue]]) -> bool:
    """Whether every score is a verdict."""
    return all(score.passed is not None for scores in given.values() for score in scores)


def _verdicts(given: Mapping[str, Sequence[ScoreValue]]) -> bool:
    """Whether every case has one verdict and nothing else."""
    return all(len(scores) == 1 and scores[0].passed is not None for scores in given.values())


def _difference(leader: Mapping[str, float], other: Mapping[str, float], *, passfail: bool) -> PairedDifference:
    shared = sorted(leader.keys() & other.keys())
    return paired_difference([leader[key] for key in shared], [other[key] for key in shared], passfail=passfail)


def _adjusted(differences: Mapping[int, PairedDifference]) -> dict[int, float]:
    tested = {run_id: found.p_value for run_id, found in differences.items() if found.p_value is not None}
    return dict(zip(tested, holm(list(tested.values())), strict=True))
