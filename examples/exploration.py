"""A hypothesis-driven exploration of real data: extract, profile, features, and three hypotheses that are tested.

442 patients with diabetes (bundled with scikit-learn): ten measurements and how far the disease went in a year. Every
hypothesis is written down before it is tested, and all of them are kept with the data version that they were tested
on, so that the experiment's page shows them adjusted for each other. About ten seconds, no GPU:

    python examples/exploration.py
    promptlab tests list --experiment diabetes
    promptlab datasets profile diabetes --target progression
    promptlab ui        # Data sets > diabetes, Experiments > diabetes
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor

from promptlab import Lab

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".promptlab" / "examples"


def write_raw() -> Path:
    """The measurements in their own units, as a CSV that somebody might have sent."""
    data = load_diabetes(as_frame=True, scaled=False)
    frame = data.frame.rename(columns={"target": "progression", "bp": "blood_pressure", "s5": "log_triglycerides"})
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "diabetes.csv"
    frame.assign(sex=frame["sex"].map({1: "a", 2: "b"})).to_csv(path, index=False)
    return path


def obese(frame: pd.DataFrame) -> pd.Series:
    return (frame["bmi"] >= 30).map({True: "obese", False: "not obese"})


def age_group(frame: pd.DataFrame) -> pd.Series:
    return pd.cut(frame["age"], [0, 40, 55, 120], labels=["to 40", "41 to 55", "over 55"]).astype(str)


def bmi_by_pressure(frame: pd.DataFrame) -> pd.Series:
    return frame["bmi"] * frame["blood_pressure"] / 100


FEATURES = {"obese": obese, "age_group": age_group, "bmi_by_pressure": bmi_by_pressure}


def main() -> None:
    lab = Lab(workspace=ROOT)
    with lab.run("explore", kind="pipeline", experiment="diabetes", note="What goes with a fast progression?") as run:
        raw = run.extract(write_raw(), name="diabetes-raw")
        frame = raw.assign(**{name: make(raw) for name, make in FEATURES.items()})
        prepared = run.load(
            frame, FOLDER / "diabetes.parquet", name="diabetes", mode="replace", profile=True, target="progression"
        )

        numbers = frame.select_dtypes("number").drop(columns="progression")
        forest = RandomForestRegressor(n_estimators=200, random_state=0).fit(numbers, frame["progression"])
        known = dict(zip(numbers.columns, forest.feature_importances_, strict=True))
        run.log_features(FEATURES, importances={name: known[name] for name in FEATURES if name in known})

        tests = [
            run.log_test(
                "welch",
                data=frame,
                x="progression",
                by="obese",
                hypothesis="The disease goes further in patients with a body mass index of 30 or more",
                dataset=prepared,
            ),
            run.log_test(
                "pearson",
                frame["log_triglycerides"],
                frame["progression"],
                hypothesis="Triglycerides in the blood go with the progression",
                dataset=prepared,
            ),
            run.log_test(
                "chi_squared",
                pd.crosstab(frame["sex"], frame["obese"]),
                hypothesis="Obesity is as frequent in both sexes",
                dataset=prepared,
            ),
        ]

    profile = lab.dataset("diabetes").profile
    print(f"run {run.uid}: {prepared.reference}, {prepared.rows} rows, {len(profile.columns)} columns")
    for pair in [pair for pair in profile.associations if "progression" in (pair.a, pair.b)][:3]:
        print(f"  {pair.a} and {pair.b}: {pair.value:+.2f} ({pair.method})")
    print("  " + ("; ".join(hint.words for hint in profile.hints) or "no column gives the target away by itself"))
    for test in tests:
        print(f"\n{test}")
    lab.close()


if __name__ == "__main__":
    main()
