"""One data set, one lab and what is read back, for every callback."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from promptlab import Lab
from promptlab.store.rows import RunRow


@pytest.fixture
def lab(tmp_path: Path):
    with Lab(workspace=tmp_path) as lab:
        yield lab


@pytest.fixture(scope="session")
def cancer():
    """(X_train, X_test, y_train, y_test) of 569 real tumours, 30 columns as a frame."""
    rows, actual = load_breast_cancer(return_X_y=True, as_frame=True)
    return train_test_split(rows, actual, random_state=0, stratify=actual)


@pytest.fixture
def read(lab: Lab):
    """What a run has, read back from the database."""
    return Read(lab)


class Read:
    def __init__(self, lab: Lab):
        self._lab = lab

    def curve(self, run, name: str) -> dict[int, float]:
        return dict(self._lab.metric_history(run.uid, name))

    def last(self, run) -> dict[str, float]:
        return {name: value.last for name, value in self._lab.run_detail(run.uid).metrics.items()}

    def params(self, run) -> dict[str, str]:
        return dict(self._lab.run_detail(run.uid).params)

    def tags(self, run) -> dict[str, str]:
        return dict(self._lab.run_detail(run.uid).tags)

    def text(self, run, name: str) -> str:
        with self._lab.artifact(run.uid, name) as file:
            return file.read().decode()

    def table(self, run, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.text(run, name))))

    def runs(self) -> dict[str, RunRow]:
        return {run.name: run for run in self._lab.runs()}
