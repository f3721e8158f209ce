"""Entries under `metrics` of a suite: names, options, transforms, what they measure and under which names."""

from __future__ import annotations

import json

import pytest
from measuring import measured, values

from promptlab.errors import EvaluatorError, SuiteError
from promptlab.evaluators.transforms import transform
from promptlab.metrics.base import Answer, ExpectedLabels
from promptlab.metrics.entries import KINDS, bind_metric
from promptlab.metrics.summary import WholeRun, measure, whole_run_from_json
from promptlab.statistics.classification import AVERAGES
from promptlab.types import Score

WHERE = "evals/a.yaml:7"
ROC = {"score": "sure", "positive": "yes"}


def bound(entry, **more):
    return bind_metric(entry, where=WHERE, **more)


# What is wrong with an entry


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("clasification", "unknown metric 'clasification'; did you mean 'classification'?"),
        ("corpus_blue", "unknown metric 'corpus_blue'; did you mean 'corpus_bleu'?"),
        ("", "unknown metric ''"),
        (5, "a metric is a name, or `name: {option: value}`; this is 5"),
        (None, "a metric is a name, or `name: {option: value}`; this is None"),
        ({}, "a metric is a name, or"),
        ({"classification": {}, "corpus_bleu": {}}, "a metric is a name, or"),
        ({1: {}}, "a metric is a name, or"),
        (["classification"], "a metric is a name, or"),
        ({"classification": "labels"}, "classification: its options are a mapping, `classification: {option: value}`"),
        ({"classification": ["yes"]}, "classification: its options are a mapping"),
        ({"classification": {"label": ["a"]}}, "classification: unknown option 'label'; did you mean 'labels'?"),
        ({"classification": {"transfrom": "strip"}}, "unknown option 'transfrom'; did you mean 'transform'?"),
        ({"classification": {"threshold": 0.5}}, "classification: unknown option 'threshold'"),
        ({"corpus_bleu": {"effective_order": True}}, "corpus_bleu: unknown option 'effective_order'"),
        ({"classification": {"labels": "yes"}}, 'classification: option `labels` is "yes"; it is a list or null'),
        ({"classification": {"labels": [["a"]]}}, "classification: option `labels` is "),
        ({"classification": {"labels": [None]}}, "classification: option `labels` is "),
        ({"classification": {"of": 5}}, "classification: option `of` is 5; it is text or null"),
        ({"classification": {"strip": "no"}}, 'classification: option `strip` is "no"; it is true or false'),
        ({"corpus_bleu": {"tokenize": "14a"}}, '`tokenize` is "14a"; it is one of 13a, intl, zh'),
        ({"corpus_bleu": {"smooth_value": 0.5}}, "corpus_bleu: option `smooth_value` is for smooth_method floor and"),
        ({"corpus_bleu": {"smooth_method": "floor", "smooth_value": 0}}, "option `smooth_value` is 0; it is more than"),
        ({"corpus_chrf": {"char_order": 0}}, "corpus_chrf: option `char_order` is 0; it is from 1 to 20"),
        ({"corpus_chrf": {"beta": 10**400}}, "corpus_chrf: option `beta` is "),
        ({"corpus_ter": {"no_punct": 1}}, "corpus_ter: option `no_punct` is 1; it is true or false"),
        ("roc_auc", "roc_auc: option `score` is missing; it is text"),
        ({"roc_auc": {"score": "sure"}}, "roc_auc: option `positive` is missing"),
        ({"roc_auc": {**ROC, "positive": None}}, "roc_auc: option `positive` is null"),
        ({"roc_auc": {**ROC, "transform": "strip"}}, "roc_auc: `transform` is of the output, and roc_auc looks at a"),
        ({"classification": {"as": "a b"}}, "classification: `as` is 'a b'; a name has letters, digits, `_` and `-`"),
        ({"classification": {"as": "a.b"}}, "classification: `as` is 'a.b'"),
        ({"classification": {"as": 5}}, "classification: `as` is 5"),
        ({"classification": {"as": "nul\0"}}, "classification: `as` is 'nul"),
        ({"classification": {"of": "choice", "transform": "strip"}}, "`transform` is of the output, and `of` takes"),
        ({"classification": {"labels": []}}, "classification: option `labels` has 0; it has from 1 to 200"),
        ({"classification": {"labels": list(range(201))}}, "option `labels` has 201; it has from 1 to 200"),
        ({"classification": {"labels": ["a", " "]}}, "option `labels` has ' '; a label is a text other than (other)"),
        ({"classification": {"labels": ["a", "(Other)"]}}, "option `labels` has '(Other)'; a label is a text other"),
        (
            {"classification": {"of": "{{ inputs.x }}"}},
            "an option is a template, and a metric of all cases has no case",
        ),
        ({"classification": {"labels": ["{{ expected }}"]}}, "an option is a template"),
    ],
)
def test_an_entry_that_is_wrong_is_named_with_the_remedy(entry, message):
    with pytest.raises((SuiteError, EvaluatorError)) as caught:
        bound(entry)
    assert str(caught.value).startswith(f"{WHERE}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "more", "message"),
    [
        (["Yes", "yes"], {}, "has 'Yes' and 'yes', which are compared as one; write `ignore_case: false`"),
        (["yes", " yes"], {}, "has 'yes' and ' yes', which are compared as one"),
        (["a", "b", "a"], {"ignore_case": False}, "has 'a' and 'a', which are compared as one"),
        ([True, "true"], {}, "has 'true' and 'true', which are compared as one"),
        (["straße", "STRASSE"], {}, "has 'straße' and 'STRASSE', which are compared as one"),
    ],
)
def test_labels_that_are_compared_as_one_are_named(labels, more, message):
    with pytest.raises(SuiteError) as caught:
        bound({"classification": {"labels": labels, **more}})
    assert message in str(caught.value)


def test_labels_that_differ_by_what_counts_are_two():
    assert bound({"classification": {"labels": ["Yes", "yes"], "ignore_case": False}}).kind == "classification"
    assert bound({"classification": {"labels": ["yes", " yes"], "strip": False}}).kind == "classification"
    assert bound({"classification": {"labels": [1, 1.5, "2", True]}}).kind == "classification"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("stripp", "transform: unknown step 'stripp'; did you mean 'strip'?"),
        ({"regex": "("}, "transform: regex: "),
        ({"function": "shorten"}, "transform: unknown function 'shorten'"),
    ],
)
def test_a_step_that_is_wrong_is_named_as_in_an_evaluator(step, message):
    with pytest.raises(EvaluatorError) as caught:
        bound({"classification": {"transform": [step]}})
    assert str(caught.value).startswith(f"{WHERE}: classification: ")
    assert message in str(caught.value)


# What an entry may leave out


@pytest.mark.parametrize("kind", ["classification", "corpus_bleu", "corpus_chrf", "corpus_ter"])
def test_a_name_alone_and_one_without_options_are_the_same(kind):
    assert bound(kind) == bound({kind: None}) == bound({kind: {}})
    assert bound(kind).identity == [kind, "", {}, None]


def test_no_steps_are_no_transform():
    assert (
        bound({"corpus_bleu": {"transform": []}}) == bound({"corpus_bleu": {"transform": None}}) == bound("corpus_bleu")
    )
    assert bound({"roc_auc": {**ROC, "transform": []}}) == bound({"roc_auc": ROC})
    assert bound({"corpus_bleu": {"as": None}}) == bound("corpus_bleu")


def test_the_identity_changes_with_options_names_and_steps():
    entries = [
        "classification",
        "corpus_bleu",
        {"classification": {"as": "letters"}},
        {"classification": {"labels": ["a", "b"]}},
        {"classification": {"labels": ["b", "a"]}},
        {"classification": {"transform": "strip"}},
        {"classification": {"transform": ["strip", "lower"]}},
        {"classification": {"transform": {"regex": "[A-E]"}}},
    ]
    identities = [json.dumps(bound(entry).identity, sort_keys=True) for entry in entries]
    assert len({*identities}) == len(entries)
    assert identities == [json.dumps(bound(entry).identity, sort_keys=True) for entry in entries]


# Names


def test_a_classification_measures_under_the_names_of_its_averages():
    assert bound("classification").names == AVERAGES
    assert bound({"classification": {"as": "letters"}}).names == tuple(f"letters.{name}" for name in AVERAGES)
    for kind in ("corpus_bleu", "corpus_chrf", "corpus_ter"):
        assert bound(kind).names == (kind,)
        assert bound({kind: {"as": "overlap"}}).names == ("overlap",)
    assert bound({"roc_auc": ROC}).names == ("roc_auc",)


@pytest.mark.parametrize(
    ("entry", "given", "others"),
    [
        (
            "classification",
            ["accuracy", "f1_macro", "f1.yes", "precision.a.b", "recall. "],
            ["f1", "f1.", "accuracy.yes", "f2.yes", "letters.accuracy", "corpus_bleu", "", "support.yes"],
        ),
        (
            {"classification": {"labels": ["yes", True, 3, 0.5, "ü"]}},
            ["f1.yes", "f1.true", "recall.3", "precision.0.5", "f1.ü"],
            ["f1.no", "f1.True", "f1.", "f1", "f1.Yes"],
        ),
        (
            {"classification": {"as": "letters"}},
            ["letters.accuracy", "letters.f1.yes"],
            ["accuracy", "f1.yes", "letters", "letters.", "letters.f1", "letters.letters.accuracy"],
        ),
        ("corpus_bleu", ["corpus_bleu"], ["corpus_bleu.f1.yes", "f1.yes", "bleu"]),
        ({"corpus_bleu": {"as": "short"}}, ["short"], ["corpus_bleu", "short.f1.yes"]),
        ({"roc_auc": ROC}, ["roc_auc"], ["sure", "f1.yes"]),
    ],
)
def test_a_gate_may_be_on_what_a_metric_gives_and_on_nothing_else(entry, given, others):
    metric = bound(entry)
    assert [name for name in given if not metric.gives(name)] == []
    assert [name for name in others if metric.gives(name)] == []


def test_everything_that_is_measured_is_given():
    answers = [Answer(n, label, label, {"sure": Score(0.5)}) for n, label in enumerate(["yes", "no", "a.b", "=1+1"])]
    for entry in ("classification", {"classification": {"as": "x", "labels": ["yes", "no"]}}, {"roc_auc": ROC}):
        metric = bound(entry)
        found = measured(entry, answers)
        assert [name for name in found.intervals if not metric.gives(name)] == []
        assert {*metric.names} <= {*found.intervals}
        assert [*found.averages] == [*metric.names]


def test_the_scores_that_a_metric_looks_at_are_named():
    assert bound({"roc_auc": ROC}).scores == ("sure",)
    assert bound({"classification": {"of": "choice"}}).scores == ("choice",)
    assert bound("classification").scores == ()
    assert bound("corpus_bleu").scores == ()


def test_only_a_classification_without_labels_takes_them_from_the_data_set():
    assert bound("classification").wants_labels
    assert bound({"classification": {"labels": None}}).wants_labels
    assert not bound({"classification": {"labels": ["yes"]}}).wants_labels
    assert not bound("corpus_bleu").wants_labels


def test_only_of_ter_less_is_better():
    options = {"roc_auc": ROC}
    lower = [kind for kind in KINDS if bound({kind: options.get(kind)}).direction == "lower"]
    assert lower == ["corpus_ter"]


# Transforms


def test_the_output_is_transformed_before_it_is_measured():
    answers = [Answer(1, "A", "I think so.\nAnswer: a."), Answer(2, "B", "Answer: C"), Answer(3, "C", "B or C")]
    entry = {"classification": {"transform": ["last_line", {"regex": "(?i)answer: ([A-C])"}]}}
    found = measured(entry, answers)
    assert found.intervals["accuracy"].mean == pytest.approx(1 / 3)
    assert found.confusions[0].rows == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert measured("classification", answers).intervals["accuracy"].mean == 0.0


def test_a_transform_changes_what_a_corpus_metric_compares():
    answers = [Answer(1, "the cat sat on the mat", "Sure! <think>a dog</think> the cat sat on the mat")]
    plain = values(measured("corpus_bleu", answers))["corpus_bleu"]
    assert plain < 60
    entry = {"corpus_bleu": {"transform": ["without_thinking", {"after": "Sure!"}]}}
    assert values(measured(entry, answers))["corpus_bleu"] == pytest.approx(100.0)


@transform
def last_word(text):
    return text.split()[-1]


def plain_function(text):
    return text


def test_a_function_of_the_suite_transforms_and_what_it_cannot_do_is_left_out_and_named():
    metric = bound({"classification": {"labels": ["yes", "no"], "transform": {"function": "last_word"}}},
                   functions={"last_word": last_word})  # fmt: skip
    answers = [Answer(1, "yes", "well, yes"), Answer(2, "no", "no"), Answer(3, "no", " ")]
    found = measure([metric], answers, seen=ExpectedLabels())
    assert found.intervals["accuracy"].mean == 1.0
    assert found.notes == [
        "classification: 1 answer left out: transform last_word: IndexError: list index out of range"
    ]


def test_a_function_that_ends_the_process_ends_nothing_and_is_named():
    @transform
    def leave(text: str) -> str:
        raise SystemExit(3)

    metric = bound({"corpus_bleu": {"transform": {"function": "leave"}}}, functions={"leave": leave})
    found = measure([metric], [Answer(1, "a", "a")], seen=ExpectedLabels())
    assert found.notes == ["corpus_bleu: 1 answer left out: the transform ended: SystemExit: 3"]


def test_a_function_that_is_not_marked_is_no_transform():
    with pytest.raises(EvaluatorError, match="unknown function 'plain_function'"):
        bound({"corpus_bleu": {"transform": {"function": "plain_function"}}},
              functions={"plain_function": plain_function})  # fmt: skip


def test_of_many_reasons_only_five_are_told_apart():
    @transform
    def broken(text):
        raise ValueError(text)

    metric = bound({"corpus_bleu": {"transform": {"function": "broken"}}}, functions={"broken": broken})
    answers = [Answer(n, "a", f"reason {n} " + "x" * 1000) for n in range(20)]
    found = measure([metric], answers, seen=ExpectedLabels())
    assert len(found.notes) == 6
    assert found.notes[-1] == "corpus_bleu: 15 answers left out: other reasons"
    assert max(map(len, found.notes)) < 300


# Several metrics side by side, and runs without anything

SIDE_BY_SIDE = [
    "classification",
    {"classification": {"as": "binary", "labels": ["yes", "no"]}},
    {"roc_auc": ROC},
    "corpus_ter",
]
EACH_KIND = pytest.mark.parametrize(
    "entry", ["classification", {"classification": {"labels": ["yes", "no"]}}, {"roc_auc": ROC}, "corpus_bleu",
              "corpus_chrf", "corpus_ter"], ids=str
)  # fmt: skip


@EACH_KIND
def test_an_empty_run_has_neither_values_nor_intervals(entry):
    found = measured(entry, [])
    assert found.intervals
    for interval in found.intervals.values():
        assert (interval.mean, interval.low, interval.high, interval.n) == (None, None, None, 0)


@EACH_KIND
def test_answers_without_expected_are_left_out_by_every_kind(entry):
    score = {"sure": Score(0.5)}
    answers = [Answer(1, None, "yes", score), Answer(2, "yes", "yes", score), Answer(3, None, "no", score)]
    found = measured(entry, answers)
    assert any(note.endswith(": 2 answers left out: no `expected`") for note in found.notes)
    assert {interval.n for interval in found.intervals.values()} == {1}


def measured_together(answers) -> WholeRun:
    seen = ExpectedLabels(answer.expected for answer in answers)
    return measure([bound(entry) for entry in SIDE_BY_SIDE], answers, seen=seen)


def test_metrics_side_by_side_are_what_each_is_alone_and_survive_json():
    said = ["yes", "no", "maybe", "yes", "", "no"]
    expected = ["yes", "no", "no", None, "maybe", "yes"]
    answers = [
        Answer(n, label, word, {"sure": Score(n / 10)})
        for n, (label, word) in enumerate(zip(expected, said, strict=True))
    ]
    alone = [measured(entry, answers) for entry in SIDE_BY_SIDE]
    together = measured_together(answers)
    assert together.intervals == {name: found for one in alone for name, found in one.intervals.items()}
    assert together.notes == [note for one in alone for note in one.notes]
    assert [confusion.prefix for confusion in together.confusions] == ["", "binary."]
    assert [*together.main] == [
        *("accuracy", "f1_macro", "matthews_corrcoef"),
        *("binary.accuracy", "binary.f1_macro", "binary.matthews_corrcoef"),
        *("roc_auc", "corpus_ter"),
    ]
    assert whole_run_from_json(json.loads(json.dumps(together.to_json()))) == together


def test_percent_fits_shares_only():
    answers = [Answer(n, "yes", "yes", {"sure": Score(0.5)}) for n in range(3)]
    shares = measured_together(answers).shares
    assert {"accuracy", "binary.f1_macro", "f1.yes", "binary.recall.no"} <= shares
    assert not {"matthews_corrcoef", "binary.matthews_corrcoef", "roc_auc", "corpus_ter"} & shares
