"""Classification and ROC AUC are what scikit-learn says: on real labels, with repeats, on hostile labels."""

from __future__ import annotations

import json
import random
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import real_pairs
from measuring import EXACT, measured, values
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    matthews_corrcoef,
    precision_recall_fscore_support,
    roc_auc_score,
)

from promptlab.metrics.base import Answer
from promptlab.metrics.classification import confusion_lines
from promptlab.metrics.summary import WholeRun, whole_run_from_json
from promptlab.types import Score

DATA = Path(__file__).parents[2] / "evals" / "data"
NONE = "(other)"


def by_sklearn(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """What scikit-learn says; a prediction that is none of the labels is one more class that was never expected."""
    given = {"labels": list(labels), "zero_division": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # balanced accuracy warns of classes that were never expected
        found = {
            "accuracy": accuracy_score(truth, predicted),
            "balanced_accuracy": balanced_accuracy_score(truth, predicted),
            "matthews_corrcoef": matthews_corrcoef(truth, predicted),
        }
    for average in ("macro", "micro", "weighted"):
        scores = precision_recall_fscore_support(truth, predicted, average=average, **given)
        found |= {
            f"{name}_{average}": score for name, score in zip(("precision", "recall", "f1"), scores, strict=False)
        }
    scores = precision_recall_fscore_support(truth, predicted, average=None, **given)
    for name, of_labels in zip(("precision", "recall", "f1"), scores, strict=False):
        found |= {f"{name}.{label}": score for label, score in zip(labels, of_labels, strict=True)}
    return found


def assert_is_sklearns(found: WholeRun, truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> None:
    """Every value to 1e-9, and every count."""
    assert values(found) == pytest.approx(by_sklearn(truth, predicted, labels), **EXACT)
    (confusion,) = found.confusions
    assert list(confusion.labels) == list(labels)
    assert confusion.rows == confusion_matrix(truth, predicted, labels=[*labels, NONE]).tolist()[:-1]


def rows(name: str, folder: Path = DATA) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Task:
    """Real expected labels, and how a model errs: how often it says another label, and how often none."""

    name: str
    expected: Sequence[str]
    wrong: float = 0.25
    none: float = 0.0
    never: Sequence[str] = ()
    labels: Sequence[str] = ()

    def __str__(self) -> str:
        return self.name

    def said(self) -> list[str]:
        """With a fixed seed what the model says."""
        source = random.Random(20_261_201)
        every = sorted({*self.expected, *self.labels})
        said = []
        for label in self.expected:
            chance = source.random()
            word = label if chance > self.wrong + self.none else source.choice(every)
            said.append("I do not know." if chance < self.none or word in self.never else word)
        return said


SST2 = [row["expected"] for row in rows("sst2.jsonl")]
LETTERS = [row["expected"] for row in rows("commonsense-qa.jsonl")]
LANGUAGES = [row["language"] for row in rows("sentences.jsonl", real_pairs.DATA)]
TASKS = [
    Task("sst2", SST2),
    Task("sst2 all right", SST2, wrong=0.0),
    Task("sst2 all wrong", SST2, wrong=0.0, none=1.0),
    Task("sst2 and outputs that are no label", SST2, none=0.3),
    Task("sst2 and a label that is never predicted", SST2, never=["positive"]),
    Task("letters", LETTERS, wrong=0.5, none=0.1),
    Task("letters and labels that are never predicted", LETTERS, wrong=0.8, never=["A", "C"]),
    Task("languages, one much rarer", LANGUAGES, wrong=0.4),
    Task("one class only", ["positive"] * 30, none=0.2),
    Task("one class only, all right", ["positive"] * 30, wrong=0.0),
    Task("a label that is never expected", SST2, labels=["positive", "negative", "neutral"], wrong=0.6),
    Task("labels in an order of their own", SST2, labels=["positive", "negative"]),
    Task("one case", ["positive"]),
    Task("two cases", ["positive", "negative"]),
]  # fmt: skip
EACH_TASK = pytest.mark.parametrize("task", TASKS, ids=str)


@EACH_TASK
def test_classification_is_scikit_learns(task: Task):
    said = task.said()
    labels = list(task.labels) or sorted({*task.expected})
    entry = {"classification": {"labels": labels}} if task.labels else "classification"
    found = measured(entry, [Answer(n, *pair) for n, pair in enumerate(zip(task.expected, said, strict=True))])
    assert_is_sklearns(found, task.expected, [word if word in labels else NONE for word in said], labels)
    assert found.notes == []


@EACH_TASK
def test_every_value_lies_in_its_interval(task: Task):
    entry = {"classification": {"labels": task.labels}} if task.labels else "classification"
    found = measured(entry, [Answer(n, *pair) for n, pair in enumerate(zip(task.expected, task.said(), strict=True))])
    for name, interval in found.intervals.items():
        assert interval.n == len(task.expected)
        if interval.low is not None:
            least = -1.0 if name == "matthews_corrcoef" else 0.0
            assert least <= interval.low <= interval.mean <= interval.high <= 1.0, name
            assert interval.low < interval.high, name


def test_every_repeat_of_a_case_counts_but_the_interval_is_over_cases():
    truth = SST2 * 3
    source = random.Random(4)
    said = [label if source.random() < 0.7 else "negative" for label in truth]
    answers = [Answer(n % 64, *pair) for n, pair in enumerate(zip(truth, said, strict=True))]
    found = measured("classification", answers)
    assert_is_sklearns(found, truth, said, ["negative", "positive"])
    assert {interval.n for interval in found.intervals.values()} == {64}
    source.shuffle(answers)
    again = measured("classification", answers)
    assert again.intervals == pytest.approx(found.intervals)
    assert again.confusions == found.confusions


def test_of_several_expected_labels_the_predicted_one_counts_else_the_first():
    source = random.Random(5)
    labels = ["A", "B", "C", "D"]
    expected = [source.sample(labels, k=source.randint(1, 3)) for _ in range(200)]
    said = [source.choice([*labels, "E"]) for _ in expected]
    found = measured("classification", [Answer(n, *pair) for n, pair in enumerate(zip(expected, said, strict=True))])
    truth = [word if word in accepted else accepted[0] for accepted, word in zip(expected, said, strict=True)]
    assert_is_sklearns(found, truth, [word if word in labels else NONE for word in said], labels)


def test_expected_texts_that_are_no_label_are_passed_over():
    answers = [Answer(1, ["unsure", "yes"], "no"), Answer(2, ["unsure"], "no"), Answer(3, "no", "no")]
    found = measured({"classification": {"labels": ["yes", "no"]}}, answers)
    assert_is_sklearns(found, ["yes", "no"], ["no", "no"], ["yes", "no"])
    assert found.notes == ["classification: 1 answer left out: `expected` is none of the labels"]


def test_case_and_white_space_around_a_label_do_not_count():
    said = ["Yes", " no\n", "NO", "maybe", "y e s"]
    expected = ["yes", "no", "yes ", "No", "YES"]
    found = measured("classification", [Answer(n, *pair) for n, pair in enumerate(zip(expected, said, strict=True))])
    # Of labels that are compared as one, the first in alphabetical order is shown.
    assert_is_sklearns(
        found, ["YES", "No", "YES", "No", "YES"], ["YES", "No", "No", NONE, NONE], ["No", "YES"]
    )  # fmt: skip


def test_case_and_white_space_count_where_the_suite_says_so():
    said = ["Yes", "yes", " yes", "yes"]
    expected = ["yes", "yes", "yes", "Yes"]
    answers = [Answer(n, *pair) for n, pair in enumerate(zip(expected, said, strict=True))]
    found = measured({"classification": {"ignore_case": False}}, answers)
    assert_is_sklearns(found, expected, ["Yes", "yes", "yes", "yes"], ["Yes", "yes"])
    found = measured({"classification": {"strip": False}}, answers)
    assert_is_sklearns(found, ["Yes"] * 4, ["Yes", "Yes", NONE, "Yes"], ["Yes"])


def test_labels_that_are_no_text_are_compared_as_json_writes_them():
    expected = [True, False, 3, 3, 0.5, 0.5]
    said = ["true", "true", "3", "three", "0.5", "False"]
    truth = ["true", "false", "3", "3", "0.5", "0.5"]
    answers = [Answer(n, *pair) for n, pair in enumerate(zip(expected, said, strict=True))]
    predicted = ["true", "true", "3", NONE, "0.5", "false"]
    assert_is_sklearns(measured("classification", answers), truth, predicted, ["0.5", "3", "false", "true"])
    found = measured({"classification": {"labels": [True, False, 3, 0.5]}}, answers)
    assert_is_sklearns(found, truth, predicted, ["true", "false", "3", "0.5"])


HOSTILE = [
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "nul\x00inside",
    "=1+1",
    "x" * 300,
    "a lone \ud800",
    "\udfff",
    "\u202eright to left",
    "<b>bold</b>",
    "a.b",
    "f1",
    '"quoted", with, commas',
    "two\nlines",
    "other",
]  # fmt: skip


def test_hostile_labels_are_labels_as_any():
    labels = sorted(HOSTILE)
    source = random.Random(6)
    truth = labels * 3
    said = [label if source.random() < 0.6 else source.choice([*labels, "(OTHER)", ""]) for label in truth]
    found = measured("classification", [Answer(n, *pair) for n, pair in enumerate(zip(truth, said, strict=True))])
    predicted = [word if word in labels else NONE for word in said]
    # numpy drops NUL at the end of a text and refuses some surrogates, so the reference gets numbers as labels.
    number = {label: str(1000 + place) for place, label in enumerate(labels)} | {NONE: NONE}
    reference = by_sklearn(
        [number[label] for label in truth], [number[label] for label in predicted], [number[label] for label in labels]
    )
    label_of = {place: label for label, place in number.items()}
    expected = {}
    for name, value in reference.items():
        measure_name, dot, place = name.partition(".")
        expected[f"{measure_name}{dot}{label_of.get(place, '')}"] = value
    assert values(found) == pytest.approx(expected, **EXACT)
    assert confusion_lines(found.confusions[0])[0] == ["expected \\ predicted", *labels, NONE]


def test_hostile_labels_survive_json():
    found = measured("classification", [Answer(n, label, label) for n, label in enumerate(HOSTILE)])
    assert whole_run_from_json(json.loads(json.dumps(found.to_json()))) == found


def test_more_than_200_labels_are_no_classification_and_the_note_says_what_to_do():
    found = measured("classification", [Answer(n, f"text {n}", "text 1") for n in range(201)])
    assert found.intervals == {}
    assert found.confusions == []
    assert found.notes == [
        "classification: the data set expects more than 200 different texts; name those that are `labels:`"
    ]
    found = measured(
        {"classification": {"labels": ["text 1", "text 2"]}}, [Answer(n, f"text {n}", "text 1") for n in range(201)]
    )
    assert_is_sklearns(found, ["text 1", "text 2"], ["text 1", "text 1"], ["text 1", "text 2"])
    assert found.notes == ["classification: 199 answers left out: `expected` is none of the labels"]


def test_two_hundred_labels_are_measured_in_seconds():
    labels = [f"text {n:03}" for n in range(200)]
    source = random.Random(7)
    truth = [source.choice(labels) for _ in range(5_000)]
    said = [label if source.random() < 0.5 else source.choice(labels) for label in truth]
    answers = [Answer(n, *pair) for n, pair in enumerate(zip(truth, said, strict=True))]
    began = time.process_time()
    found = measured("classification", answers)
    assert time.process_time() - began < 20
    assert_is_sklearns(found, truth, said, labels)


def test_a_note_says_how_many_answers_were_left_out_and_why():
    answers = [Answer(1, "yes", "yes"), Answer(2, None, "yes"), Answer(3, [], "no"), Answer(4, [None], "no")]
    found = measured("classification", answers)
    assert found.notes == ["classification: 3 answers left out: no `expected`"]
    assert found.intervals["accuracy"].n == 1
    named = measured({"classification": {"as": "letters"}}, answers[:2])
    assert named.notes == ["letters: 1 answer left out: no `expected`"]


def test_the_label_of_a_score_is_measured_in_place_of_the_output():
    labelled = [
        Score(1.0, label="yes"),
        Score(0.0, label="no"),
        Score(0.0, label=None),
        Score(error="ValueError: broken"),
    ]
    answers = [Answer(n, "yes", "I say so", {"choice": score}) for n, score in enumerate(labelled)]
    found = measured({"classification": {"of": "choice", "labels": ["yes", "no"]}}, [*answers, Answer(9, "yes", "yes")])
    assert_is_sklearns(found, ["yes"] * 3, ["yes", "no", NONE], ["yes", "no"])
    assert found.notes == [
        "classification: 1 answer left out: choice failed",
        "classification: 1 answer left out: no score of choice",
    ]


# ROC AUC


def ranked(scores: Sequence[float], truth: Sequence[str], *, cases: Sequence[int] | None = None) -> WholeRun:
    entry = {"roc_auc": {"score": "sure", "positive": "positive"}}
    places = range(len(scores)) if cases is None else cases
    answers = [
        Answer(case, label, "", {"sure": Score(score)})
        for case, label, score in zip(places, truth, scores, strict=True)
    ]
    return measured(entry, answers)


@pytest.mark.parametrize("digits", [0, 1, 2, 16])
@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.3, 1.5])
def test_roc_auc_is_scikit_learns_with_ties(digits: int, shift: float):
    source = random.Random(8)
    scores = [round(source.gauss(shift if label == "positive" else 0.0, 0.5), digits) for label in SST2]
    interval = ranked(scores, SST2).intervals["roc_auc"]
    assert interval.mean == pytest.approx(roc_auc_score(np.array(SST2) == "positive", scores), **EXACT)
    assert interval.low <= interval.mean <= interval.high
    assert interval.n == 64


def test_roc_auc_counts_every_repeat_and_takes_infinite_scores():
    source = random.Random(9)
    truth = SST2 * 3
    scores = [round(source.random() + (label == "positive") / 4, 1) for label in truth]
    found = ranked(scores, truth, cases=[n % 64 for n in range(len(truth))])
    assert found.intervals["roc_auc"].mean == pytest.approx(
        roc_auc_score(np.array(truth) == "positive", scores), **EXACT
    )
    assert found.intervals["roc_auc"].n == 64
    assert (
        ranked([float("inf"), 1.0, float("-inf")], ["positive", "negative", "negative"]).intervals["roc_auc"].mean == 1
    )


def test_the_positive_class_is_found_without_case_and_white_space_and_among_several():
    entry = {"roc_auc": {"score": "sure", "positive": True}}
    expected = [True, "TRUE ", ["maybe", "true"], False, "no"]
    scores = [0.9, 0.4, 0.3, 0.35, 0.4]
    answers = [
        Answer(n, label, "", {"sure": Score(score)})
        for n, (label, score) in enumerate(zip(expected, scores, strict=True))
    ]
    found = measured(entry, answers).intervals["roc_auc"].mean
    assert found == pytest.approx(roc_auc_score([True, True, True, False, False], scores), **EXACT)


def test_roc_auc_of_one_class_is_no_number_and_the_note_says_so():
    for truth, what in ((["positive"] * 3, "every answer is"), (["negative"] * 3, "no answer is")):
        found = ranked([0.1, 0.2, 0.3], truth)
        assert found.intervals["roc_auc"].mean is None
        assert found.notes == [f"roc_auc: {what} of the positive class"]


def test_answers_without_a_score_are_left_out_and_named():
    scores = [Score(0.9), Score(0.1), Score(None), Score(float("nan")), Score(error="ValueError: broken")]
    answers = [Answer(n, "positive" if n == 0 else "negative", "", {"sure": score}) for n, score in enumerate(scores)]
    found = measured({"roc_auc": {"score": "sure", "positive": "positive"}}, [*answers, Answer(9, "positive", "")])
    assert found.intervals["roc_auc"].mean == 1.0
    assert found.notes == [
        "roc_auc: 2 answers left out: sure is no number",
        "roc_auc: 1 answer left out: sure failed",
        "roc_auc: 1 answer left out: no score of sure",
    ]
