"""A callback for LightGBM: `lightgbm.train`, `lightgbm.cv` and its scikit-learn estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np

from promptlab.callbacks.training import Training, Trainings
from promptlab.estimators.curves import Table
from promptlab.estimators.evaluation import csv_text
from promptlab.estimators.importance import ranked
from promptlab.tracking.estimator_batch import Batch
from promptlab.types import Direction

if TYPE_CHECKING:
    from promptlab.tracking.run import Run


class LightGBMCallback:
    """Logs a training with LightGBM into a run, round by round.

    Params as they were given; a curve a metric and data set (`valid_0_auc`, better as LightGBM says), with
    `lightgbm.cv` the mean of the folds and `valid_auc_std`; at the end of the run (LightGBM does not say when a
    training stops early) the number of rounds, the best one, and importances by gain in
    `model/feature_importance.csv`. Steps are rounds from 1, as LightGBM prints them.
    """

    order = 20
    """Before early stopping, which is at 30 and ends the round."""

    def __init__(self, run: Run) -> None:
        self._trainings = Trainings(run)
        self._training: Training | None = None
        self._model: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # Models are copied and pickled with their callbacks; a training that goes on stays here.
        return {**self.__dict__, "_training": None, "_model": None}

    def __call__(self, env: lightgbm.callback.CallbackEnv) -> None:
        """A round is over: its metrics, and before the first one the params."""
        if env.iteration == env.begin_iteration:
            self._finish()
            self._training = self._trainings.begin(packages=("lightgbm",), params=env.params)
            self._model = env.model
            if self._training is not None:
                self._trainings.before_end(self._finish)
        if self._training is None:
            return
        values: dict[str, float] = {}
        directions: dict[str, Direction] = {}
        for data, metric, value, higher, *deviation in env.evaluation_result_list or ():
            name = f"{data}_{metric}"
            values[name], directions[name] = value, "higher" if higher else "lower"
            if deviation and deviation[0] is not None:
                values[f"{name}_std"], directions[f"{name}_std"] = deviation[0], "lower"
        if values:
            self._training.log(values, step=env.iteration + 1, directions=directions)

    def _finish(self) -> None:
        training, model = self._training, self._model
        self._training = self._model = None
        if training is None:
            return
        boosters = getattr(model, "boosters", None) or [model]
        batch = Batch(metrics={"rounds": float(boosters[0].current_iteration())})
        if model.best_iteration > 0:
            batch.metrics["best_iteration"] = float(model.best_iteration)
        batch.files["model/feature_importance.csv"] = csv_text(_importances(boosters))
        training.end(batch)


def _importances(boosters: list[Any]) -> Table:
    gains = np.asarray([one.feature_importance(importance_type="gain") for one in boosters], dtype=float)
    names = boosters[0].feature_name()
    if len(boosters) == 1:
        return ranked(names, gains[0], kind="total gain")
    return ranked(
        names, gains.mean(axis=0), deviations=gains.std(axis=0), kind=f"total gain, mean of {len(boosters)} folds"
    )
