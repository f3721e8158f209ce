"""Four families of classifiers on one split of real data, and which of them are truly better.

569 breast tumours (bundled with scikit-learn), 30 measurements each. Each family is one run with its params, metrics
on both parts, confusion matrix, ROC and precision-recall curves, importances; its predictions on the test part are
cases, so that a paired test says whether a difference is more than luck. About ten seconds, no GPU:

    python examples/classification.py
    promptlab experiments list
    promptlab runs list --filter "experiment = 'breast-cancer' and metrics.test_roc_auc > 0.99"
    promptlab ui        # Experiments > breast-cancer, then choose the runs and compare them
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from promptlab import Lab

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENT = "breast-cancer"

FAMILIES = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "support vectors": make_pipeline(StandardScaler(), SVC()),
    "random forest": RandomForestClassifier(n_estimators=200, random_state=0),
    "boosted trees": HistGradientBoostingClassifier(random_state=0),
}


def main() -> None:
    lab = Lab(workspace=ROOT)
    lab.experiments.create(EXPERIMENT, goal="test_accuracy")
    data = load_breast_cancer(as_frame=True)
    tumours = data.target.map(dict(enumerate(data.target_names)))
    X_train, X_test, y_train, y_test = train_test_split(
        data.data, tumours, test_size=0.4, random_state=0, stratify=tumours
    )

    runs = {}
    for name, model in FAMILIES.items():
        with lab.run(name, experiment=EXPERIMENT) as run:
            model.fit(X_train, y_train)
            run.log_estimator(model, X_train, y_train, X_test, y_test)
        runs[name] = run.uid

    print(f"{len(X_train)} tumours to learn from, {len(X_test)} to be tested on")
    for name, uid in runs.items():
        metrics = lab.run_detail(uid).metrics
        print(
            f"  {name:20} test accuracy {metrics['test_accuracy'].last:.3f}, train {metrics['train_accuracy'].last:.3f}"
        )
    comparison = lab.compare(*runs.values())
    print(f"\nHeld against {comparison.baseline.name}, on the same tumours:")
    for pair in comparison.pairs:
        print(f"  {pair.measures[0].verdict.sentence}")
    lab.close()


if __name__ == "__main__":
    main()
