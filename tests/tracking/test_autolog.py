"""What a script fits is logged as it goes: which calls are runs, what is in them, and that all is put back."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, fbeta_score, log_loss, mean_squared_error  # as scripts do, before autolog
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from estimator_families import CLASSIFIERS, PAIRS, REGRESSORS, make, split
from promptlab import Lab
from promptlab.store.rows import RunRow
from promptlab.tracking.autolog import AutologWarning
from promptlab.tracking.autolog_watch import METHODS


@pytest.fixture
def lab(tmp_path: Path):
    with Lab(workspace=tmp_path) as lab:
        yield lab


def values(lab: Lab, run: RunRow) -> dict[str, float]:
    return {name: value.last for name, value in lab.run_detail(run.uid).metrics.items()}


def names(lab: Lab) -> list[str]:
    return [run.name for run in lab.runs()]


class Constant(ClassifierMixin, BaseEstimator):
    """A classifier that somebody wrote."""

    def __init__(self, answer: Any = 0, *, breaks: bool = False):
        self.answer = answer
        self.breaks = breaks

    def fit(self, X, y):  # noqa: N803 - scikit-learn's name
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):  # noqa: N803
        if self.breaks:
            raise RuntimeError("no answer today")
        return np.full(len(X), self.answer)


# -- to scikit-learn's digit


@pytest.mark.parametrize(("data", "family"), PAIRS)
def test_metrics_of_a_classifier_are_scikit_learns(lab: Lab, data: str, family: str):
    known = split(data)
    with lab.autolog(experiment=data):
        model = make(family).fit(known.train, known.train_y)
        score = model.score(known.test, known.test_y)
    (run,) = lab.runs()
    assert (run.experiment, run.status, run.kind) == (data, "finished", "train")
    found = values(lab, run)
    for part, rows, actual in (("train", known.train, known.train_y), ("test", known.test, known.test_y)):
        answers = model.predict(rows)
        expected = {
            "accuracy": metrics.accuracy_score(actual, answers),
            "balanced_accuracy": metrics.balanced_accuracy_score(actual, answers),
            "f1_macro": metrics.f1_score(actual, answers, average="macro"),
            "f1_weighted": metrics.f1_score(actual, answers, average="weighted"),
            "matthews_corrcoef": metrics.matthews_corrcoef(actual, answers),
        }
        if hasattr(model, "predict_proba"):
            chances = model.predict_proba(rows)
            expected["log_loss"] = metrics.log_loss(actual, chances)
            binary = chances.shape[1] == 2
            expected["roc_auc"] = (
                metrics.roc_auc_score(actual, chances[:, 1])
                if binary
                else metrics.roc_auc_score(actual, chances, multi_class="ovr")
            )
        for name, value in expected.items():
            assert found[f"{part}_{name}"] == value, (part, name)
    assert found["test_accuracy"] == score
    assert "test_score" not in found
    assert dict(lab.run_detail(run.uid).params)["memory" if "Pipeline" in run.name else "random_state"] in {"None", "0"}


@pytest.mark.parametrize("family", REGRESSORS)
def test_metrics_of_a_regressor_are_scikit_learns(lab: Lab, family: str):
    known = split("diabetes")
    with lab.autolog():
        model = make(family).fit(known.train, known.train_y)
        answers = model.predict(known.test)
        measured = metrics.mean_absolute_error(known.test_y, answers)
    (run,) = lab.runs()
    found = values(lab, run)
    assert found["test_mae"] == measured
    assert found["test_r2"] == metrics.r2_score(known.test_y, answers)
    assert found["test_rmse"] == metrics.root_mean_squared_error(known.test_y, answers)
    assert found["train_r2"] == model.score(known.train, known.train_y)
    assert "evaluation/test/residuals.csv" in {file.name for file in lab.run_detail(run.uid).artifacts}


def test_model_families_on_one_split_are_compared_case_by_case(lab: Lab):
    known = split("breast_cancer")
    with lab.autolog(experiment="families"):
        for family in CLASSIFIERS:
            make(family).fit(known.train, known.train_y).score(known.test, known.test_y)
    runs = lab.runs(experiment="families")
    assert len(runs) == len(CLASSIFIERS)
    first, second = runs[:2]
    comparison = lab.compare(first.uid, second.uid)
    assert {pair.shared for pair in comparison.pairs} == {len(known.test)}


# -- what is a run


def test_only_what_the_script_itself_fits_is_a_run(lab: Lab):
    known = split("iris")
    with lab.autolog():
        search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, cv=3)
        search.fit(known.train, known.train_y)
        cross_val_score(LogisticRegression(max_iter=500), known.train, known.train_y, cv=3)
        VotingClassifier([("a", LogisticRegression(max_iter=500)), ("b", RandomForestClassifier(5))]).fit(
            known.train, known.train_y
        )
        StandardScaler().fit(known.train)
        PCA(2).fit_transform(known.train)
    assert sorted(run.name for run in lab.runs(top_level=True)) == [
        "GridSearchCV(LogisticRegression)",
        "VotingClassifier",
    ]
    candidates = [run for run in lab.runs() if run.name.startswith("candidate")]
    assert {lab.params([run.id])[run.id]["C"] for run in candidates} == {"0.1", "1.0"}


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_of_a_search_log_nothing_of_their_own(lab: Lab, backend: str):
    import joblib

    known = split("iris")
    with lab.autolog(), joblib.parallel_backend(backend, n_jobs=2):
        search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 2]})
        search.fit(known.train, known.train_y)
    assert len(lab.runs(top_level=True)) == 1
    assert search.best_score_ == values(lab, lab.runs(top_level=True)[0])["best_cv_score"]


def test_clusterers_are_runs_by_fit_and_by_fit_predict(lab: Lab):
    known = split("iris")
    with lab.autolog():
        KMeans(3, n_init=2, random_state=0).fit(known.train)
        KMeans(4, n_init=2, random_state=0).fit_predict(known.train)
    later, earlier = lab.runs()
    assert values(lab, earlier)["clusters"] == 3
    assert values(lab, later)["clusters"] == 4


def test_within_a_run_the_first_estimator_is_its_own_and_later_ones_are_runs_within(lab: Lab):
    known = split("iris")
    with lab.autolog(experiment="elsewhere"), lab.run("mine", experiment="here", params={"C": "said by me"}) as run:
        LogisticRegression(max_iter=500).fit(known.train, known.train_y).score(known.test, known.test_y)
        Constant(1).fit(known.train, known.train_y)
    detail = lab.run_detail(run.uid)
    assert detail.params["C"] == "said by me"
    assert detail.tags["estimator"].endswith("LogisticRegression")
    assert detail.metrics["test_accuracy"].last > 0.9
    assert [(child.name, child.experiment) for child in detail.children] == [("Constant", "here")]


def test_within_a_run_of_another_kind_each_fit_is_a_run_within(lab: Lab):
    known = split("iris")
    with lab.autolog(), lab.run("study", kind="analysis") as run:
        Constant(1).fit(known.train, known.train_y)
    (child,) = lab.run_detail(run.uid).children
    assert (child.kind, child.name) == ("train", "Constant")
    assert "estimator" not in lab.run_detail(run.uid).tags


def test_a_fit_that_fails_is_a_failed_run_and_the_error_is_the_scripts(lab: Lab):
    known = split("iris")
    with lab.autolog(), pytest.raises(ValueError, match="'C' parameter"):
        LogisticRegression(C=-1).fit(known.train, known.train_y)
    (run,) = lab.runs()
    assert run.status == "failed"
    assert "InvalidParameterError" in str(run.error)
    assert lab.params([run.id])[run.id]["C"] == "-1"
    with lab.autolog(), pytest.raises(TypeError):
        LogisticRegression().fit()


# -- the test part


def test_metric_functions_of_predictions_tell_the_test_part(lab: Lab):
    known = split("breast_cancer")
    with lab.autolog():
        model = make("logreg").fit(known.train, known.train_y)
        answers = model.predict(known.test.copy())  # rows that nobody else holds
        accuracy = accuracy_score(known.test_y, answers)
        beta = fbeta_score(y_true=known.test_y, y_pred=answers, beta=2)
        loss = log_loss(known.test_y, model.predict_proba(known.test))
        auc = metrics.roc_auc_score(known.test_y, model.decision_function(known.test))
        macro = metrics.f1_score(known.test_y, answers, average="macro")
    (run,) = lab.runs()
    found = values(lab, run)
    assert [found[f"test_{name}"] for name in ("accuracy", "log_loss", "roc_auc", "f1_macro")] == [
        accuracy,
        loss,
        auc,
        macro,
    ]
    assert found["test_fbeta_score_beta_2"] == beta
    assert not [name for name in found if name.startswith("test_") and name.endswith("_score") and "brier" not in name]
    assert {row.name for row in lab.datasets()} == {"Default train", "Default test"}


def test_a_metric_of_the_training_rows_is_one_of_the_training_part(lab: Lab):
    known = split("diabetes")
    with lab.autolog():
        model = LinearRegression().fit(known.train, known.train_y)
        error = mean_squared_error(known.train_y, model.predict(known.train))
    found = values(lab, lab.runs()[0])
    assert found["train_mean_squared_error"] == error
    assert lab.direction("train_mean_squared_error") == "lower"
    assert not [name for name in found if name.startswith("test")]


def test_another_part_of_the_data_has_a_name_of_its_own(lab: Lab):
    known = split("iris")
    with lab.autolog():
        model = LogisticRegression(max_iter=500).fit(known.train, known.train_y)
        first = model.score(known.test, known.test_y)
        model.score(known.test, known.test_y)
        second = model.score(known.test[:7], known.test_y[:7])
        model.score(known.train, known.train_y)
    found = values(lab, lab.runs()[0])
    assert (found["test_accuracy"], found["test_2_accuracy"]) == (first, second)
    assert "test_3_accuracy" not in found


def test_a_search_scored_by_a_metric_of_its_own_keeps_that_score(lab: Lab):
    known = split("breast_cancer")
    with lab.autolog():
        search = GridSearchCV(make("logreg"), {"logisticregression__C": [1.0]}, scoring="f1", cv=3)
        score = search.fit(known.train, known.train_y).score(known.test, known.test_y)
    assert values(lab, lab.runs(top_level=True)[0])["test_score"] == score


def test_predictions_of_unknown_origin_tell_nothing(lab: Lab):
    known = split("iris")
    model = LogisticRegression(max_iter=500).fit(known.train, known.train_y)
    with lab.autolog():
        accuracy_score(known.test_y, model.predict(known.test))
        accuracy_score(known.test_y, list(known.test_y))
        model.score(known.test, known.test_y)
        fitted = clone(model).fit(known.train, known.train_y)
        accuracy_score(known.test_y[:10], fitted.predict(known.test)[:10])
    (run,) = lab.runs()
    assert not [name for name in values(lab, run) if name.startswith("test")]


def test_predictions_are_forgotten_with_their_arrays(lab: Lab):
    known = split("iris")
    with lab.autolog() as autolog:
        model = LogisticRegression(max_iter=500).fit(known.train, known.train_y)
        kept = [model.predict(known.test) for _ in range(20)]
        assert len(autolog._answers) == 20
        kept.clear()
        assert len(autolog._answers) == 0


# -- what it leaves behind


def watched() -> dict[str, Any]:
    """Every method and metric function that is watched, as it stands."""

    def below(base: type):
        yield base
        for sub in base.__subclasses__():
            yield from below(sub)

    found: dict[str, Any] = {}
    for cls in below(BaseEstimator):
        for home in cls.__mro__:
            for name in METHODS:
                if name in home.__dict__:
                    value = home.__dict__[name]
                    found[f"{home.__module__}.{home.__qualname__}.{name}"] = getattr(value, "fn", value)
    found |= {name: getattr(metrics, name) for name in metrics.__all__}
    found["validated"] = [cell.cell_contents for cell in accuracy_score.__closure__ or ()]
    found["subclasses"] = BaseEstimator.__dict__.get("__init_subclass__")
    return found


def test_with_its_end_everything_is_as_it_was(lab: Lab, tmp_path: Path):
    before = watched()
    autolog = lab.autolog()
    assert watched() != before
    with Lab(workspace=tmp_path / "other") as other:
        other.autolog()
        autolog.stop()
        known = split("iris")
        Constant(0).fit(known.train, known.train_y)
        assert (len(lab.runs()), len(other.runs())) == (0, 1)
    assert watched() == before
    autolog.stop()
    lab.autolog()
    lab.autolog()
    Constant(0).fit(known.train, known.train_y)
    assert len(lab.runs()) == 1
    lab.close()
    assert watched() == before


def test_classes_defined_later_are_seen_too(lab: Lab):
    known = split("iris")
    with lab.autolog():

        class Later(Constant):
            def fit(self, X, y):  # noqa: N803
                return super().fit(X, y)

        Later(0).fit(known.train, known.train_y).score(known.test, known.test_y)
    (run,) = lab.runs()
    assert run.name == "Later"
    assert "test_accuracy" in values(lab, run)


def test_what_cannot_be_logged_spares_the_script_and_the_rest(lab: Lab):
    known = split("iris")
    with (
        lab.autolog(),
        pytest.warns(AutologWarning, match="did not log training metrics of an estimator: RuntimeError"),
    ):
        Constant(0, breaks=True).fit(known.train, known.train_y)
    (run,) = lab.runs()
    assert run.status == "finished"
    detail = lab.run_detail(run.uid)
    assert "no answer today" in detail.tags["left_out"]
    assert detail.params == {"answer": "0", "breaks": "True"}
    assert "model/signature.json" in {file.name for file in detail.artifacts}


def test_fits_of_several_threads_are_runs_of_their_own(lab: Lab):
    known = split("iris")
    models = [LogisticRegression(C=float(at + 1), max_iter=500) for at in range(6)]

    def work(model: Any) -> None:
        model.fit(known.train, known.train_y).score(known.test, known.test_y)

    with lab.autolog():
        threads = [threading.Thread(target=work, args=(model,)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    runs = lab.runs()
    by_c = {lab.params([run.id])[run.id]["C"]: values(lab, run)["test_accuracy"] for run in runs}
    assert by_c == {str(model.C): model.score(known.test, known.test_y) for model in models}


def test_answers_are_the_same_and_nothing_warns(lab: Lab):
    known = split("digits")
    alone = make("forest").fit(known.train, known.train_y).predict(known.test)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with lab.autolog():
            model = make("forest").fit(known.train, known.train_y)
            assert (model.predict(known.test) == alone).all()


def test_an_estimator_of_the_script_itself_goes_to_worker_processes(tmp_path: Path):
    script = tmp_path / "study.py"
    script.write_text(
        "import numpy as np\n"
        "from sklearn.base import BaseEstimator, ClassifierMixin\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.model_selection import GridSearchCV\n"
        "from promptlab import Lab\n"
        "class Mine(ClassifierMixin, BaseEstimator):\n"
        "    def __init__(self, answer=0):\n"
        "        self.answer = answer\n"
        "    def fit(self, X, y):\n"
        "        self.classes_ = np.unique(y)\n"
        "        return self\n"
        "    def predict(self, X):\n"
        "        return np.full(len(X), self.answer)\n"
        "with Lab() as lab:\n"
        "    lab.autolog()\n"
        "    GridSearchCV(Mine(), {'answer': [0, 1]}, n_jobs=2).fit(*load_iris(return_X_y=True))\n"
        "    print([run.name for run in lab.runs(top_level=True)])\n"
    )
    (tmp_path / "promptlab.toml").touch()
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['GridSearchCV(Mine)']"
    assert "Warning" not in done.stderr
