"""Cases of Hugging Face data sets that lie in a folder: saved ones, and files; their code is never run."""

from __future__ import annotations

import pytest
from case_reading import cases_of, refusal, suite_of

from promptlab.types import Case

datasets = pytest.importorskip("datasets")

CHOICE = {"columns": {"id": "idx", "expected": "label", "inputs": {"text": "sentence", "all": "answers.text"}}}
READ = [
    Case("5", {"text": "a quiet triumph", "all": ["p"]}, "positive"),
    Case("6", {"text": "a dull film", "all": []}, "negative"),
    Case("7", {"text": "unlabelled", "all": ["q", "r"]}, None),
]


@pytest.fixture(scope="module")
def data():
    features = datasets.Features(
        {
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["negative", "positive"]),
            "idx": datasets.Value("int32"),
            "answers": {"text": [datasets.Value("string")]},
            "topics": [datasets.ClassLabel(names=["film", "music"])],
        }
    )
    columns = {
        "sentence": ["a quiet triumph", "a dull film", "unlabelled"],
        "label": [1, 0, -1],
        "idx": [5, 6, 7],
        "answers": [{"text": ["p"]}, {"text": []}, {"text": ["q", "r"]}],
        "topics": [[0], [1, 0], []],
    }
    return datasets.Dataset.from_dict(columns, features=features)


def test_a_saved_data_set_is_read_with_the_names_of_its_classes(tmp_path, data):
    data.save_to_disk(tmp_path / "saved")
    suite = suite_of(tmp_path, {"huggingface": "saved", **CHOICE})
    assert list(suite.cases) == list(suite.cases) == READ
    assert (suite.dataset_name, suite.dataset_source) == ("saved", "huggingface:saved")
    whole = cases_of(tmp_path, {"huggingface": "saved", "columns": {"expected": "label"}})
    assert whole[1].inputs["topics"] == ["music", "film"]


def test_class_numbers_are_told_by_labels_where_there_are_some(tmp_path, data):
    data.save_to_disk(tmp_path / "saved")
    expected = [
        case.expected for case in cases_of(tmp_path, {"huggingface": "saved", **CHOICE, "labels": ["no", "yes"]})
    ]
    assert expected == ["yes", "no", None]
    said = refusal(tmp_path, {"huggingface": "saved", **CHOICE, "labels": {"1": "yes"}})
    assert "saved row 2: expected is 0, which `labels` does not name; it names '1'" in said


def test_of_several_splits_one_is_chosen(tmp_path, data):
    datasets.DatasetDict({"train": data.select([0]), "test": data}).save_to_disk(tmp_path / "both")
    assert cases_of(tmp_path, {"huggingface": "both", "split": "test", **CHOICE}) == READ
    suite = suite_of(tmp_path, {"huggingface": "both", "split": "train", "name": "reviews", **CHOICE})
    assert (len(suite.cases), suite.dataset_name, suite.dataset_source) == (1, "reviews", "huggingface:both train")
    assert "has the splits train, test; choose one with `split: test`" in refusal(tmp_path, {"huggingface": "both"})
    said = refusal(tmp_path, {"huggingface": "both", "split": "tset"})
    assert "has no split 'tset'; did you mean 'test'?" in said


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_a_folder_of_files_is_read_where_it_is(tmp_path, data, kind):
    (tmp_path / "files").mkdir()
    getattr(data, f"to_{kind}")(tmp_path / "files" / f"test.{kind}")
    read = cases_of(tmp_path, {"huggingface": "files", **CHOICE})
    numbers = {"positive": 1, "negative": 0, None: -1}
    expected = READ if kind == "parquet" else [Case(case.key, case.inputs, numbers[case.expected]) for case in READ]
    assert read == expected


def test_code_that_comes_with_a_data_set_is_not_run(tmp_path):
    (tmp_path / "evil").mkdir()
    ran = tmp_path / "ran"
    (tmp_path / "evil" / "evil.py").write_text(f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n")
    (tmp_path / "evil" / "test.jsonl").write_text('{"text": "a"}\n')
    refusal(tmp_path, {"huggingface": "evil"})
    refusal(tmp_path, {"huggingface": "evil", "split": "test"})
    assert not ran.exists()


def test_pictures_are_refused_by_name_and_can_be_left_out(tmp_path):
    features = datasets.Features({"text": datasets.Value("string"), "picture": datasets.Image()})
    rows = {"text": ["a"], "picture": [{"bytes": b"\xff\xd8", "path": None}]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "saved")
    said = refusal(tmp_path, {"huggingface": "saved"})
    assert "column 'picture' is of type Image, which JSON cannot say; leave it out" in said
    read = cases_of(tmp_path, {"huggingface": "saved", "columns": {"inputs": ["text"]}})
    assert read == [Case("1", {"text": "a"})]


@pytest.mark.parametrize(
    ("name", "message"),
    [("no-such-data-set-here", "cannot be read: "), ("empty", "cannot be read: "), ("../", "cannot be read: ")],
)
def test_what_is_not_there_is_refused_in_one_line(tmp_path, name, message):
    (tmp_path / "folder" / "empty").mkdir(parents=True)
    assert message in refusal(tmp_path / "folder", {"huggingface": name})


def test_a_column_that_is_not_there_is_named(tmp_path, data):
    data.save_to_disk(tmp_path / "saved")
    said = refusal(tmp_path, {"huggingface": "saved", "columns": {"inputs": ["sentense"]}})
    assert "saved: there is no column 'sentense'; did you mean 'sentence'?" in said
