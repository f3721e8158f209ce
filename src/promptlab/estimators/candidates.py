"""What a search over params tried: each candidate with its params and the scores of its folds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.estimators.curves import Table
from promptlab.estimators.params import param_text

_FOLD = re.compile(r"split(\d+)_(test|train)_(.+)")
_SUMMARY = re.compile(r"(mean|std|rank)_(test|train)_(.+)")
_TIMES = {"mean_fit_time": "mean_fit_seconds", "mean_score_time": "mean_score_seconds"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One set of params. place: in the search's own order, from 0. rank: from 1, by its first scorer.

    metrics: by scikit-learn's names, such as `mean_test_score`. folds: by `split_test_score` the score of each fold.
    """

    place: int
    rank: int | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    folds: Mapping[str, Sequence[float]]


def candidates(search: Any) -> list[Candidate]:
    """What a fitted search tried, the best first; empty where it is no search."""
    results = getattr(search, "cv_results_", None)
    if not isinstance(results, Mapping) or not results.get("params"):
        return []
    found = [_candidate(results, place, params) for place, params in enumerate(results["params"])]
    return sorted(found, key=lambda one: (one.rank is None, one.rank, one.place))


def candidate_table(search: Any) -> Table | None:
    """All of `cv_results_` but the params in one piece; times in seconds. None where it is no search."""
    results = getattr(search, "cv_results_", None)
    if not isinstance(results, Mapping) or not results.get("params"):
        return None
    names = [name for name in results if name != "params"]
    columns = [[_cell(value) for value in results[name]] for name in names]
    return Table(tuple(names), list(zip(*columns, strict=True)))


def _candidate(results: Mapping[str, Any], place: int, params: Mapping[str, Any]) -> Candidate:
    metrics: dict[str, float] = {}
    folds: dict[str, dict[int, float]] = {}
    ranks: list[int] = []
    for name, values in results.items():
        if name in _TIMES:
            metrics[_TIMES[name]] = float(values[place])
        elif match := _FOLD.fullmatch(name):
            number, part, scorer = match.groups()
            folds.setdefault(f"split_{part}_{scorer}", {})[int(number)] = float(values[place])
        elif _SUMMARY.fullmatch(name):
            metrics[name] = float(values[place])
            if name.startswith("rank_"):
                ranks.append(int(values[place]))
    said = {str(name): param_text(value) for name, value in params.items()}
    said |= {name: param_text(_cell(results[name][place])) for name in ("iter", "n_resources") if name in results}
    return Candidate(
        place,
        ranks[0] if ranks else None,
        said,
        metrics,
        {name: [scores[number] for number in sorted(scores)] for name, scores in folds.items()},
    )


def _cell(value: Any) -> Any:
    if str(value) == "--":  # a param that this candidate has not
        return None
    plain = value.tolist() if hasattr(value, "tolist") and hasattr(value, "dtype") else value
    return plain if isinstance(plain, bool | int | float | str) else param_text(plain)
