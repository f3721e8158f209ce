"""Hypothesis tests of runs: made or read, kept for good, and shown with all the others that were made beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, overload

from promptlab.errors import UsageError
from promptlab.hypotheses.family import Adjusted, adjust, summary
from promptlab.hypotheses.foreign import read_result
from promptlab.hypotheses.methods import run_test
from promptlab.hypotheses.result import TestedHypothesis
from promptlab.store import datasets, hypothesis_tests
from promptlab.store.database import Connection, Database
from promptlab.store.rows import HypothesisTestRow
from promptlab.tracking.dataset import Dataset

if TYPE_CHECKING:
    import pandas as pd

    from promptlab.tracking.run import Run


@dataclass(frozen=True, slots=True)
class LoggedTest:
    """A test that a run made. adjusted: its p-value beside those for all tests of the experiment."""

    id: int
    run_uid: str
    run_name: str
    experiment: str
    dataset: str | None
    logged_at: datetime
    test: TestedHypothesis
    adjusted: Adjusted

    @property
    def verdict(self) -> str:
        """Whether the null hypothesis is rejected, and whether that holds among the other tests."""
        if math.isnan(self.adjusted.p_value):
            return "undecided"
        if not self.adjusted.alone:
            return "not rejected"
        if self.adjusted.by_holm:
            return "rejected"
        return "rejected, not by Holm" if self.adjusted.by_bh else "only alone"


class LoggedTests(Sequence[LoggedTest]):
    """Tests, the newest first, each adjusted for all that its experiment's runs made, also those not listed here.

    summary: by experiment what is left of the significant ones, in one sentence; deleted: tests of deleted runs.
    """

    def __init__(self, tests: Sequence[LoggedTest], *, summary: Mapping[str, str], deleted: Mapping[str, int]) -> None:
        self._tests = list(tests)
        self.summary = dict(summary)
        self.deleted = dict(deleted)

    def __repr__(self) -> str:
        return f"LoggedTests({len(self)} tests)"

    def __len__(self) -> int:
        return len(self._tests)

    def __iter__(self) -> Iterator[LoggedTest]:
        return iter(self._tests)

    @overload
    def __getitem__(self, place: int) -> LoggedTest: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[LoggedTest]: ...

    def __getitem__(self, place: int | slice) -> LoggedTest | Sequence[LoggedTest]:
        """The test at a place, or several."""
        return self._tests[place]

    def to_pandas(self) -> pd.DataFrame:
        """One row a test: id, logged_at, experiment, run, dataset, hypothesis, method, statistic, p_value, holm, bh,
        alpha, rejected, rejected_holm, rejected_bh, effect, effect_value, effect_low, effect_high, n, doubts.
        """
        import pandas as pd

        return pd.DataFrame([_flat(one) for one in self._tests], columns=_COLUMNS)


_COLUMNS = (
    *("id", "logged_at", "experiment", "run", "dataset", "hypothesis", "method", "statistic", "p_value", "holm", "bh"),
    *("alpha", "rejected", "rejected_holm", "rejected_bh", "effect", "effect_value", "effect_low", "effect_high"),
    *("n", "doubts"),
)


def log_test(
    run: Run,
    test: Any,
    given: Sequence[Any],
    *,
    hypothesis: str,
    dataset: Dataset | str | None,
    options: dict[str, Any],
) -> TestedHypothesis:
    """Makes a test by name, or reads a result that somebody has, and keeps it with the run."""
    if not isinstance(hypothesis, str):
        raise UsageError(f"hypothesis={hypothesis!r:.60}: a sentence, such as 'customers of the new page stay longer'")
    if isinstance(test, str):
        tested = run_test(test, *given, hypothesis=hypothesis, **options)
    elif given:
        raise UsageError("a result is logged by itself; samples are given with the name of a test, such as 'welch'")
    elif isinstance(test, TestedHypothesis):
        _no_options(options)
        tested = replace(test, hypothesis=hypothesis or test.hypothesis)
    else:
        tested = _read(test, hypothesis, options)

    def store(connection: Connection) -> int:
        known = _dataset_id(connection, dataset)
        if known is not None:
            datasets.link_dataset(connection, run.id, known, context="tested")
        return hypothesis_tests.save_test(
            connection,
            run.id,
            dataset_id=known,
            hypothesis=tested.hypothesis,
            method=tested.method,
            statistic=tested.statistic,
            p_value=tested.p_value,
            alpha=tested.alpha,
            content=tested.to_json(),
            logged_at=datetime.now(UTC),
        )

    run.database.write_now(store)
    return tested


def list_tests(
    database: Database,
    *,
    experiment: str | None = None,
    run_uid: str | None = None,
    number: int | None = None,
    limit: int | None = None,
    before: int | None = None,
) -> LoggedTests:
    """Tests that were logged, adjusted for the others of their experiment."""

    def read(connection: Connection) -> LoggedTests:
        rows = hypothesis_tests.list_tests(
            connection, experiment=experiment, run_uid=run_uid, number=number, limit=limit, before_id=before
        )
        names = list(dict.fromkeys(row.experiment for row in rows))
        if experiment is not None and experiment not in names:
            names.append(experiment)
        families = {name: _family(connection, name) for name in names}
        return LoggedTests(
            [_logged(row, families[row.experiment][row.id]) for row in rows],
            summary={name: summary(list(family.values())) for name, family in families.items() if family},
            deleted={name: gone for name in names if (gone := hypothesis_tests.count_deleted(connection, name))},
        )

    return database.read(read)


def _family(connection: Connection, experiment: str) -> dict[int, Adjusted]:
    tests = hypothesis_tests.p_values(connection, experiment)
    adjusted = adjust([(p_value, alpha) for _, p_value, alpha in tests])
    return {number: one for (number, _, _), one in zip(tests, adjusted, strict=True)}


def _logged(row: HypothesisTestRow, adjusted: Adjusted) -> LoggedTest:
    return LoggedTest(
        id=row.id,
        run_uid=row.run_uid,
        run_name=row.run_name,
        experiment=row.experiment,
        dataset=row.dataset,
        logged_at=row.logged_at,
        test=TestedHypothesis.from_json(row.content),
        adjusted=adjusted,
    )


def _read(result: Any, hypothesis: str, options: dict[str, Any]) -> TestedHypothesis:
    known = ("method", "null", "alpha", "alternative", "n", "effect", "estimate")
    unknown = [name for name in options if name not in known]
    if unknown:
        raise UsageError(f"{unknown[0]}= is of no use beside a result; what it may be given is {', '.join(known)}")
    return read_result(result, hypothesis=hypothesis, **options)


def _no_options(options: Mapping[str, Any]) -> None:
    if options:
        raise UsageError(f"{next(iter(options))}= comes too late: this test has been made already")


def _dataset_id(connection: Connection, dataset: Dataset | str | None) -> int | None:
    if dataset is None:
        return None
    if isinstance(dataset, Dataset):
        return dataset.id
    if isinstance(dataset, str):
        return datasets.get_dataset(connection, dataset).id
    raise UsageError(f"dataset={dataset!r:.60}: `name@2`, or what run.extract and run.log_data give")


def _flat(one: LoggedTest) -> dict[str, Any]:
    test, effect = one.test, one.test.effect
    nan = math.nan
    return {
        "id": one.id,
        "logged_at": one.logged_at,
        "experiment": one.experiment,
        "run": one.run_uid,
        "dataset": one.dataset,
        "hypothesis": test.hypothesis,
        "method": test.method,
        "statistic": test.statistic,
        "p_value": test.p_value,
        "holm": one.adjusted.holm,
        "bh": one.adjusted.bh,
        "alpha": test.alpha,
        "rejected": one.adjusted.alone,
        "rejected_holm": one.adjusted.by_holm,
        "rejected_bh": one.adjusted.by_bh,
        "effect": None if effect is None else effect.name,
        "effect_value": nan if effect is None else effect.value,
        "effect_low": nan if effect is None or effect.low is None else effect.low,
        "effect_high": nan if effect is None or effect.high is None else effect.high,
        "n": sum(test.n.values()) or None,
        "doubts": "; ".join(doubt.what for doubt in test.doubts),
    }
