"""A callback for XGBoost: `xgboost.train`, `xgboost.cv` and its scikit-learn estimators."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from promptlab.callbacks.training import Training, Trainings
from promptlab.estimators.curves import Table
from promptlab.estimators.evaluation import csv_text
from promptlab.estimators.importance import ranked
from promptlab.tracking.estimator_batch import Batch
from promptlab.types import Direction

if TYPE_CHECKING:
    from promptlab.tracking.run import Run

_HIGHER = ("auc", "aucpr", "pre", "map", "ndcg")
"""XGBoost's own metrics that are better when high; all its others are errors and losses."""
_ALIASES = ("alpha", "eta", "lambda", "min_split_loss")
"""Params that XGBoost tells twice: those names are kept that LightGBM and scikit-learn have too."""


class XGBoostCallback(xgboost.callback.TrainingCallback):  # type: ignore[misc] # xgboost is not typed for mypy here
    """Logs a training with XGBoost into a run, round by round.

    Params as XGBoost took them, defaults too; a curve a metric and data set (`test_logloss`), with `xgboost.cv` the
    mean of the folds and `test_logloss_std`; at the end the number of rounds, the best one where training stopped
    early, and importances by total gain (the coefficients of a linear booster) in `model/feature_importance.csv`.
    Steps are rounds from 0, as XGBoost prints them.

    directions: `higher` or `lower`, by name, for metrics of one's own.
    """

    def __init__(self, run: Run, *, directions: Mapping[str, Direction] | None = None) -> None:
        super().__init__()
        self._trainings = Trainings(run)
        self._training: Training | None = None
        self._directions = dict(directions or {})

    def before_training(self, model: Any) -> Any:
        """A training starts."""
        self._training = self._trainings.begin(packages=("xgboost", "xgboost-cpu"), params=_params(_boosters(model)[0]))
        return model

    def after_iteration(
        self,
        model: Any,  # noqa: ARG002 - XGBoost's
        epoch: int,
        evals_log: Mapping[str, Mapping[str, list[Any]]],
    ) -> bool:
        """A round is over: its metrics."""
        if self._training is None:
            return False
        values: dict[str, float] = {}
        directions: dict[str, Direction] = {}
        for data, metrics in evals_log.items():
            for metric, history in metrics.items():
                name, score = f"{data}_{metric}", history[-1]
                values[name], *deviation = score if isinstance(score, tuple) else (score,)
                directions[name] = self._directions.get(metric) or self._directions.get(name) or _direction(metric)
                if deviation:
                    values[f"{name}_std"] = deviation[0]
                    directions[f"{name}_std"] = "lower"
        if values:
            self._training.log(values, step=epoch, directions=directions)
        return False

    def after_training(self, model: Any) -> Any:
        """The training is over: rounds and importances."""
        if self._training is not None:
            boosters = _boosters(model)
            batch = Batch(metrics={"rounds": float(boosters[0].num_boosted_rounds())})
            attributes = boosters[0].attributes() if boosters == [model] else {}
            for name in ("best_iteration", "best_score"):
                if name in attributes:
                    batch.metrics[name] = float(attributes[name])
            table = _importances(boosters)
            if table is not None:
                batch.files["model/feature_importance.csv"] = csv_text(table)
            self._training.end(batch)
        self._training = None
        return model


def _boosters(model: Any) -> list[Any]:
    folds = getattr(model, "cvfolds", None)
    return [model] if folds is None else [fold.bst for fold in folds]


def _direction(metric: str) -> Direction:
    return "higher" if metric.partition("@")[0] in _HIGHER else "lower"


def _params(booster: Any) -> dict[str, str]:
    learner = json.loads(booster.save_config())["learner"]
    found: dict[str, str] = {}
    _collect(learner["gradient_booster"], ("tree_train_param", "linear_train_param", "dart_train_param"), found)
    _collect(learner, ("learner_train_param", "reg_loss_param", "softmax_multiclass_param"), found)
    found |= {name: learner["generic_param"][name] for name in ("device", "seed")}
    if learner["metrics"]:
        found["eval_metric"] = json.dumps([metric["name"] for metric in learner["metrics"]])
    return {name: _shortest(value) for name, value in found.items() if name not in _ALIASES}


def _collect(tree: Any, sections: tuple[str, ...], found: dict[str, str]) -> None:
    if not isinstance(tree, Mapping):
        return
    for name, value in tree.items():
        if name in sections:
            found |= value
        else:
            _collect(value, sections, found)


def _shortest(text: str) -> str:
    """0.300000012, which is 0.3 as a 32-bit float, is 0.3."""
    try:
        number = np.float32(text)
    except ValueError:
        return text
    return text if text.lstrip("-").isdigit() else f"{number:g}" if float(f"{number:g}") == number else str(number)


def _importances(boosters: list[Any]) -> Table | None:
    names = boosters[0].feature_names or [f"f{at}" for at in range(boosters[0].num_features())]
    linear = json.loads(boosters[0].save_config())["learner"]["gradient_booster"]["name"] == "gblinear"
    scores = [one.get_score(importance_type="weight" if linear else "total_gain") for one in boosters]
    each = [[np.atleast_1d(np.asarray(score.get(name, 0.0), dtype=float)) for name in names] for score in scores]
    if linear:
        single = all(len(value) == 1 for value in each[0])
        signed = np.mean([[value[0] for value in one] for one in each], axis=0) if single else None
        sizes = np.mean([[np.linalg.norm(value) for value in one] for one in each], axis=0)
        return ranked(names, sizes, signed=signed, kind="coefficients")
    gains = np.asarray([[value.sum() for value in one] for one in each])
    if len(boosters) == 1:
        return ranked(names, gains[0], kind="total gain")
    return ranked(
        names, gains.mean(axis=0), deviations=gains.std(axis=0), kind=f"total gain, mean of {len(boosters)} folds"
    )
