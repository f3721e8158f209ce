"""What LightGBM itself says of a training is in the run, to the digit."""

from __future__ import annotations

import copy
import pickle

import lightgbm
import pytest
from sklearn.model_selection import GridSearchCV

from promptlab.callbacks import LightGBMCallback
from promptlab.callbacks.training import CallbackWarning

PARAMS = {
    "objective": "binary",
    "metric": ["auc", "binary_logloss"],
    "num_leaves": 5,
    "learning_rate": 0.2,
    "verbosity": -1,
}


@pytest.fixture
def sets(cancer):
    rows, test_rows, actual, test_actual = cancer
    columns = [name.replace(" ", "_") for name in rows.columns]
    train = lightgbm.Dataset(rows.set_axis(columns, axis=1), actual, free_raw_data=False)
    return train, lightgbm.Dataset(test_rows.set_axis(columns, axis=1), test_actual, reference=train)


def test_curves_params_and_importances_are_what_lightgbm_has(lab, read, sets):
    train, test = sets
    history: dict = {}
    with lab.run("boosted", kind="train") as run:
        booster = lightgbm.train(
            PARAMS,
            train,
            num_boost_round=8,
            valid_sets=[train, test],
            valid_names=["train", "test"],
            callbacks=[LightGBMCallback(run), lightgbm.record_evaluation(history)],
        )
    for data in ("train", "test"):
        for metric in ("auc", "binary_logloss"):
            assert list(read.curve(run, f"{data}_{metric}").values()) == history[data][metric]
    assert list(read.curve(run, "test_auc")) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (lab.direction("test_auc"), lab.direction("test_binary_logloss")) == ("higher", "lower")
    assert read.params(run) == {
        "learning_rate": "0.2",
        "metric": '["auc", "binary_logloss"]',
        "num_iterations": "8",
        "num_leaves": "5",
        "objective": "binary",
        "verbosity": "-1",
    }
    assert read.last(run)["rounds"] == 8
    assert read.tags(run)["version.lightgbm"] == lightgbm.__version__
    table = read.table(run, "model/feature_importance.csv")
    gains = dict(zip(booster.feature_name(), booster.feature_importance("gain").tolist(), strict=True))
    assert {row["feature"]: float(row["importance"]) for row in table} == gains
    assert float(table[0]["importance"]) == max(gains.values())


def test_early_stopping_leaves_its_best_round(lab, read, sets):
    train, test = sets
    with lab.run("boosted", kind="train") as run:
        booster = lightgbm.train(
            {**PARAMS, "metric": "binary_logloss", "learning_rate": 0.5},
            train,
            num_boost_round=300,
            valid_sets=[test],
            valid_names=["test"],
            callbacks=[lightgbm.early_stopping(3, verbose=False), LightGBMCallback(run)],
        )
    curve = read.curve(run, "test_binary_logloss")
    assert read.last(run)["best_iteration"] == booster.best_iteration == min(curve, key=curve.__getitem__)
    # LightGBM keeps the trees up to the best round.
    assert read.last(run)["rounds"] == booster.current_iteration() == len(curve) - 3 < 300
    table = {row["feature"]: float(row["importance"]) for row in read.table(run, "model/feature_importance.csv")}
    assert table == dict(zip(booster.feature_name(), booster.feature_importance("gain").tolist(), strict=True))


def test_cross_validation_has_the_mean_and_the_deviation_of_its_folds(lab, read, sets):
    train, _ = sets
    with lab.run("folds", kind="train") as run:
        found = lightgbm.cv(PARAMS, train, num_boost_round=4, nfold=3, seed=1, callbacks=[LightGBMCallback(run)])
    assert list(read.curve(run, "valid_auc").values()) == [float(value) for value in found["valid auc-mean"]]
    assert list(read.curve(run, "valid_auc_std").values()) == [float(value) for value in found["valid auc-stdv"]]
    assert lab.direction("valid_auc_std") == "lower"
    table = read.table(run, "model/feature_importance.csv")
    assert {row["kind"] for row in table} == {"total gain, mean of 3 folds"}


def test_the_estimator_takes_it_and_can_be_logged_into_the_same_run(lab, read, cancer):
    rows, test_rows, actual, test_actual = (part.to_numpy() for part in cancer)
    with lab.run("estimator", kind="train") as run:
        model = lightgbm.LGBMClassifier(n_estimators=5, num_leaves=4, verbosity=-1)
        model.fit(rows, actual, eval_X=test_rows, eval_y=test_actual, callbacks=[LightGBMCallback(run)])
        run.log_estimator(model, rows, actual, test_rows, test_actual)
    kept = model.evals_result_["valid_0"]["binary_logloss"]
    assert list(read.curve(run, "valid_0_binary_logloss").values()) == kept
    assert read.last(run)["test_accuracy"] == model.score(test_rows, test_actual)


def test_trainings_after_the_first_are_runs_within_the_run(lab, read, sets):
    train, test = sets
    with lab.run("boosted", kind="train") as run:
        callback = LightGBMCallback(run)
        for leaves in (3, 5, 7):
            lightgbm.train(
                {**PARAMS, "num_leaves": leaves}, train, num_boost_round=leaves, valid_sets=[test], callbacks=[callback]
            )
    runs = read.runs()
    assert set(runs) == {"boosted", "training 2", "training 3"}
    for run_name, leaves in (("boosted", 3), ("training 2", 5), ("training 3", 7)):
        row = runs[run_name]
        assert row.status == "finished"
        assert read.params(row)["num_leaves"] == str(leaves)
        assert read.last(row)["rounds"] == leaves == len(read.curve(row, "valid_0_auc"))
        assert read.table(row, "model/feature_importance.csv")


def test_a_training_without_validation_has_its_params_and_importances(lab, read, sets):
    train, _ = sets
    with lab.run("plain", kind="train") as run:
        lightgbm.train(PARAMS, train, num_boost_round=2, callbacks=[LightGBMCallback(run)])
    assert read.last(run) == {"rounds": 2}
    assert read.params(run)["num_leaves"] == "5"


def test_a_callback_that_never_trained_leaves_nothing(lab, read):
    with lab.run("idle", kind="train") as run:
        LightGBMCallback(run)
    assert read.last(run) == {}


def test_a_run_that_fails_keeps_curves_and_importances(lab, read, sets):
    train, test = sets

    def breaks(env: lightgbm.callback.CallbackEnv) -> None:
        if env.iteration == 2:
            raise RuntimeError("the power went")

    breaks.order = 30

    def train_in_a_run() -> None:
        with lab.run("broken", kind="train") as run:
            lightgbm.train(PARAMS, train, valid_sets=[test], callbacks=[LightGBMCallback(run), breaks])

    with pytest.raises(RuntimeError, match="the power went"):
        train_in_a_run()
    broken = read.runs()["broken"]
    assert broken.status == "failed"
    assert sorted(read.curve(broken, "valid_0_auc")) == [1, 2, 3]
    assert read.table(broken, "model/feature_importance.csv")


def test_copies_share_the_run_and_pickles_have_none(lab, read, sets):
    train, _ = sets
    with lab.run("copied", kind="train") as run:
        callback = LightGBMCallback(run)
        lightgbm.train(PARAMS, train, num_boost_round=1, callbacks=[callback])
        lightgbm.train(PARAMS, train, num_boost_round=1, callbacks=[copy.deepcopy(callback)])
        with pytest.warns(CallbackWarning, match="logs nothing"):
            lightgbm.train(PARAMS, train, num_boost_round=1, callbacks=[pickle.loads(pickle.dumps(callback))])
    assert set(read.runs()) == {"copied", "training 2"}
    assert read.table(read.runs()["training 2"], "model/feature_importance.csv")


def test_a_search_over_the_estimator_is_logged_fit_by_fit(lab, read, cancer):
    rows, _, actual, _ = (part.to_numpy() for part in cancer)
    with lab.run("search", kind="train") as run:
        search = GridSearchCV(lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1), {"num_leaves": [2, 3]}, cv=2)
        search.fit(rows, actual, callbacks=[LightGBMCallback(run)])
    assert set(read.runs()) == {"search", "training 2", "training 3", "training 4", "training 5"}
