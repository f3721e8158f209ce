"""What XGBoost itself says of a training is in the run, to the digit."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from promptlab.callbacks import XGBoostCallback
from promptlab.callbacks.training import CallbackWarning

PARAMS = {"objective": "binary:logistic", "max_depth": 3, "learning_rate": 0.3, "eval_metric": ["auc", "logloss"]}


@pytest.fixture
def matrices(cancer):
    rows, test_rows, actual, test_actual = cancer
    return xgboost.DMatrix(rows, actual), xgboost.DMatrix(test_rows, test_actual)


def test_curves_params_and_importances_are_what_xgboost_has(lab, read, matrices):
    train, test = matrices
    history: dict = {}
    with lab.run("boosted", kind="train") as run:
        booster = xgboost.train(
            PARAMS,
            train,
            num_boost_round=8,
            evals=[(train, "train"), (test, "test")],
            evals_result=history,
            verbose_eval=False,
            callbacks=[XGBoostCallback(run)],
        )
    for data in ("train", "test"):
        for metric in ("auc", "logloss"):
            assert read.curve(run, f"{data}_{metric}") == dict(enumerate(history[data][metric]))
    params = read.params(run)
    assert {name: params[name] for name in ("max_depth", "learning_rate", "objective", "booster", "reg_lambda")} == {
        "max_depth": "3",
        "learning_rate": "0.3",
        "objective": "binary:logistic",
        "booster": "gbtree",
        "reg_lambda": "1",
    }
    assert params["eval_metric"] == '["auc", "logloss"]'
    assert not {"eta", "lambda", "alpha"} & set(params)
    assert read.last(run)["rounds"] == 8
    assert read.tags(run)["version.xgboost"] == xgboost.__version__
    gains = booster.get_score(importance_type="total_gain")
    table = read.table(run, "model/feature_importance.csv")
    assert {row["feature"]: float(row["importance"]) for row in table} == {
        name: gains.get(name, 0.0) for name in booster.feature_names
    }
    assert float(table[0]["importance"]) == max(gains.values())


def test_metrics_are_better_in_the_direction_that_xgboost_knows(lab, matrices):
    train, test = matrices
    metrics = ["auc", "aucpr", "map", "ndcg@5", "logloss", "error", "rmse", "mape"]
    with lab.run("boosted", kind="train") as run:
        xgboost.train(
            {**PARAMS, "eval_metric": metrics},
            train,
            num_boost_round=2,
            evals=[(test, "test")],
            verbose_eval=False,
            callbacks=[XGBoostCallback(run)],
        )
    higher = [name for name in metrics if lab.direction(f"test_{name}") == "higher"]
    assert higher == ["auc", "aucpr", "map", "ndcg@5"]


def test_a_metric_of_ones_own_has_the_direction_that_is_said(lab, read, matrices):
    train, test = matrices

    def misses(predicted: np.ndarray, data: xgboost.DMatrix) -> tuple[str, float]:
        return "off", float(np.sum((predicted > 0.5) != data.get_label()))

    with lab.run("boosted", kind="train") as run:
        xgboost.train(
            {**PARAMS, "disable_default_eval_metric": True, "eval_metric": []},
            train,
            num_boost_round=3,
            evals=[(test, "test")],
            custom_metric=misses,
            verbose_eval=False,
            callbacks=[XGBoostCallback(run, directions={"off": "higher"})],
        )
    assert len(read.curve(run, "test_off")) == 3
    assert lab.direction("test_off") == "higher"


def test_early_stopping_leaves_its_best_round(lab, read, matrices):
    train, test = matrices
    with lab.run("boosted", kind="train") as run:
        booster = xgboost.train(
            {**PARAMS, "eval_metric": "logloss", "learning_rate": 1.0},
            train,
            num_boost_round=200,
            evals=[(test, "test")],
            early_stopping_rounds=3,
            verbose_eval=False,
            callbacks=[XGBoostCallback(run)],
        )
    metrics = read.last(run)
    assert metrics["best_iteration"] == booster.best_iteration
    assert metrics["best_score"] == booster.best_score
    assert metrics["rounds"] == booster.num_boosted_rounds() < 200
    curve = read.curve(run, "test_logloss")
    assert min(curve, key=curve.__getitem__) == booster.best_iteration


def test_cross_validation_has_the_mean_and_the_deviation_of_its_folds(lab, read, matrices):
    train, _ = matrices
    with lab.run("folds", kind="train") as run:
        found = xgboost.cv(
            PARAMS, train, num_boost_round=4, nfold=3, seed=1, as_pandas=True, callbacks=[XGBoostCallback(run)]
        )
    assert list(read.curve(run, "test_auc").values()) == found["test-auc-mean"].tolist()
    assert list(read.curve(run, "test_auc_std").values()) == found["test-auc-std"].tolist()
    assert lab.direction("test_auc_std") == "lower"
    table = read.table(run, "model/feature_importance.csv")
    assert {row["kind"] for row in table} == {"total gain, mean of 3 folds"}
    assert float(table[0]["deviation"]) > 0


@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softprob"])
def test_a_linear_booster_has_its_coefficients(lab, read, objective):
    rows, actual = load_digits(return_X_y=True, n_class=2 if objective.startswith("binary") else 4)
    params = {"booster": "gblinear", "objective": objective, "updater": "coord_descent"}
    if objective.startswith("multi"):
        params["num_class"] = 4
    with lab.run("linear", kind="train") as run:
        booster = xgboost.train(
            params, xgboost.DMatrix(rows, actual), num_boost_round=3, callbacks=[XGBoostCallback(run)]
        )
    weights = booster.get_score(importance_type="weight")
    table = {row["feature"]: row for row in read.table(run, "model/feature_importance.csv")}
    assert {row["kind"] for row in table.values()} == {"coefficients"}
    for name, weight in weights.items():
        assert float(table[name]["importance"]) == pytest.approx(np.linalg.norm(np.atleast_1d(weight)), rel=1e-12)
        assert table[name]["signed"] == ("" if isinstance(weight, list) else str(weight))


def test_the_estimator_takes_it_and_can_be_logged_into_the_same_run(lab, read, cancer):
    rows, test_rows, actual, test_actual = cancer
    with lab.run("estimator", kind="train") as run:
        model = xgboost.XGBClassifier(
            n_estimators=5, max_depth=2, learning_rate=0.1, eval_metric="logloss", callbacks=[XGBoostCallback(run)]
        )
        model.fit(rows, actual, eval_set=[(test_rows, test_actual)], verbose=False)
        run.log_estimator(model, rows, actual, test_rows, test_actual)
    assert list(read.curve(run, "validation_0_logloss").values()) == model.evals_result()["validation_0"]["logloss"]
    assert read.last(run)["test_accuracy"] == model.score(test_rows, test_actual)
    assert read.params(run)["learning_rate"] == "0.1"


def test_a_second_training_is_a_run_within_the_run(lab, read, matrices):
    train, test = matrices
    callback = None
    with lab.run("boosted", kind="train") as run:
        callback = XGBoostCallback(run)
        for depth in (2, 4):
            xgboost.train(
                {**PARAMS, "max_depth": depth},
                train,
                num_boost_round=depth,
                evals=[(test, "test")],
                verbose_eval=False,
                callbacks=[callback],
            )
    second = read.runs()["training 2"]
    assert second.status == "finished"
    assert [child.uid for child in lab.run_detail(run.uid).children] == [second.uid]
    assert (read.params(run)["max_depth"], read.params(second)["max_depth"]) == ("2", "4")
    assert (len(read.curve(run, "test_auc")), len(read.curve(second, "test_auc"))) == (2, 4)


def test_a_search_clones_it_and_every_fit_is_logged(lab, read, cancer):
    rows, _, actual, _ = cancer
    with lab.run("search", kind="train") as run:
        model = xgboost.XGBClassifier(n_estimators=2, callbacks=[XGBoostCallback(run)])
        GridSearchCV(model, {"max_depth": [1, 2]}, cv=2).fit(rows, actual)
    # Two candidates of two folds, and the best one once more.
    assert set(read.runs()) == {"search", "training 2", "training 3", "training 4", "training 5"}
    assert [read.params(one)["max_depth"] for name, one in sorted(read.runs().items())][:3] == ["1", "1", "2"]


def test_a_pickled_model_takes_no_run_along(lab, cancer):
    rows, _, actual, _ = cancer
    with lab.run("pickled", kind="train") as run:
        model = xgboost.XGBClassifier(n_estimators=2, callbacks=[XGBoostCallback(run)]).fit(rows, actual)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(rows) == model.predict(rows)).all()
    with pytest.warns(CallbackWarning, match="logs nothing"):
        again.fit(rows, actual)


def test_a_training_that_fails_keeps_what_was_logged(lab, read, matrices):
    train, test = matrices

    class Breaks(xgboost.callback.TrainingCallback):
        def after_iteration(self, model, epoch, evals_log):
            if epoch == 2:
                raise RuntimeError("the power went")
            return False

    def train_in_a_run() -> None:
        with lab.run("broken", kind="train") as run:
            callbacks = [XGBoostCallback(run), Breaks()]
            xgboost.train(PARAMS, train, evals=[(test, "test")], verbose_eval=False, callbacks=callbacks)

    with pytest.raises(RuntimeError, match="the power went"):
        train_in_a_run()
    broken = read.runs()["broken"]
    assert broken.status == "failed"
    assert sorted(read.curve(broken, "test_logloss")) == [0, 1, 2]


def test_a_copy_shares_the_run_and_not_the_training(lab):
    with lab.run("copied", kind="train") as run:
        callback = XGBoostCallback(run, directions={"off": "lower"})
        assert copy.deepcopy(callback)._trainings is callback._trainings
