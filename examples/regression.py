"""A regression followed by itself: after `lab.autolog()` every estimator that is fitted is a run.

442 patients with diabetes (bundled with scikit-learn): how far does the disease go in a year? Four families on one
split, then the best one retrained as more patients come in, so that its history shows whether the data helped. About
fifteen seconds, no GPU:

    python examples/regression.py
    promptlab runs list --filter "experiment = 'progression'" --order-by "metrics.test_mae"
    promptlab ui        # Experiments > progression: residuals, importances, history
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from promptlab import Lab

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENT = "progression"

FAMILIES = [
    DummyRegressor(),
    make_pipeline(StandardScaler(), RidgeCV()),
    make_pipeline(StandardScaler(), SVR(C=100)),
    RandomForestRegressor(n_estimators=200, min_samples_leaf=5, random_state=0),
]


def main() -> None:
    lab = Lab(workspace=ROOT)
    lab.experiments.create(EXPERIMENT, goal="test_mae")
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)

    with lab.autolog(experiment=EXPERIMENT):
        for model in FAMILIES:
            model.fit(X_train, y_train).score(X_test, y_test)
    families = list(reversed(lab.runs(experiment=EXPERIMENT, limit=len(FAMILIES))))
    for row in families:
        metrics = lab.run_detail(row.uid).metrics
        print(f"  {row.name:36} off by {metrics['test_mae'].last:5.1f} on average, R2 {metrics['test_r2'].last:6.3f}")
    comparison = lab.compare(*(row.uid for row in families))
    print(f"\nHeld against {comparison.baseline.name}, on the same patients:")
    for pair in comparison.pairs:
        print(f"  {pair.measures[0].verdict.sentence}")

    # Retrained as patients come in: the same test patients each time.
    for share in (0.1, 0.3, 1.0):
        rows = int(len(X_train) * share)
        with lab.run("ridge retrained", experiment=EXPERIMENT, params={"patients": rows}) as run:
            model = make_pipeline(StandardScaler(), RidgeCV()).fit(X_train[:rows], y_train[:rows])
            run.log_estimator(model, X_train[:rows], y_train[:rows], X_test, y_test)
    retrained = lab.runs(experiment=EXPERIMENT, limit=3)
    patients = lab.params([row.id for row in retrained])
    print("\nRetrained with more patients:")
    for moment in lab.history("test_mae", retrained).moments:
        change = moment.verdict.phrase if moment.verdict else "the first one"
        print(f"  {patients[moment.run.id]['patients']:>3} patients: off by {moment.value:.1f}; {change}")
    lab.close()


if __name__ == "__main__":
    main()
