"""`promptlab experiments`, and what `promptlab runs` finds, shows and changes of classic runs."""

from __future__ import annotations

import csv
import io
import json

import pytest

from promptlab import Lab


@pytest.fixture
def trained(folder) -> list[str]:
    """Ids of three runs of an experiment, the oldest first."""
    uids = []
    with Lab() as lab:
        for depth in (9, 10, 11):
            with lab.run(
                f"gbm {depth}", experiment="churn", params={"depth": depth}, note="look", system_metrics=False
            ) as run:
                run.log_metrics(loss=depth / 10)
                run.log_text("=1+1", "report.txt")
            uids.append(run.uid)
    return uids


def test_experiments_are_made_listed_changed_deleted_and_restored(promptlab, trained):
    assert "churn" in promptlab("experiments", "list").out
    assert promptlab("experiments", "create", "churn", "--description", "who leaves").code == 0
    assert promptlab("experiments", "goal", "churn", "loss").out == "experiment churn is after a lower loss\n"
    assert promptlab("experiments", "rename", "churn", "leavers").code == 0
    (row,) = [one for one in json.loads(promptlab("experiments", "list", "--json").out) if one["name"] == "leavers"]
    assert (row["runs"], row["goal"], row["description"]) == (3, "loss", "who leaves")
    assert "promptlab experiments restore leavers" in promptlab("experiments", "delete", "leavers").out
    assert "leavers" not in promptlab("experiments", "list").out
    assert "leavers" in promptlab("experiments", "list", "--deleted").out
    assert promptlab("runs", "list").out.startswith("no runs yet")
    assert promptlab("experiments", "restore", "leavers").code == 0
    assert "gbm 9" in promptlab("runs", "list").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("delete", "chrun"), "there is no experiment 'chrun'"),
        (("delete", "Default"), "cannot be deleted"),
        (("rename", "churn", "Default"), "there is an experiment 'Default' already"),
        (("create", ""), "experiment is empty; give it one"),
    ],
)
def test_a_mistake_with_an_experiment_is_one_line(promptlab, trained, arguments, said):
    ended = promptlab("experiments", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_a_filter_and_an_order_find_runs_and_the_metric_they_look_at_is_shown(promptlab, trained):
    found = promptlab(
        "runs", "list", "--filter", "params.depth > 9 and metrics.loss < 1.05", "--order-by", "metrics.loss"
    )
    assert found.code == 0
    assert "gbm 10" in found.out
    assert "loss 1" in found.out
    assert "gbm 9" not in found.out
    ordered = promptlab("runs", "list", "-o", "metrics.loss desc").out
    assert ordered.index("gbm 11") < ordered.index("gbm 10") < ordered.index("gbm 9")
    assert promptlab("runs", "list", "-f", "params.depth > 99").out == "no such runs\n"


def test_a_mistake_in_a_filter_shows_its_place(promptlab, trained):
    ended = promptlab("runs", "list", "--filter", "metrics.loss >> 1")
    assert ended.code == 2
    lines = ended.err.splitlines()
    assert len(lines) == 3
    assert lines[2].index("^") == lines[1].index(">>") + 1


def test_runs_are_written_as_csv(promptlab, trained, folder):
    rows = list(csv.DictReader(io.StringIO(promptlab("runs", "list", "--csv", "-").out)))
    assert [(row["name"], row["params.depth"], row["metrics.loss"]) for row in rows] == [
        ("gbm 11", "11.0", "1.1"),
        ("gbm 10", "10.0", "1.0"),
        ("gbm 9", "9.0", "0.9"),
    ]
    assert promptlab("runs", "list", "--csv", "runs.csv").err == "3 runs in runs.csv\n"
    assert len((folder / "runs.csv").read_text().splitlines()) == 4
    assert promptlab("runs", "list", "--csv", "missing/runs.csv").code == 2


def test_a_run_shows_its_note_its_parts_and_its_code(promptlab, trained):
    with Lab() as lab, lab.run("whole", note="two lines\nof it") as run, run.run("fold"):
        pass
    shown = promptlab("runs", "show", run.uid).out
    assert "two lines\nof it" in shown
    assert "fold" in shown
    assert "command" in shown
    assert json.loads(promptlab("runs", "show", run.uid, "--json").out)["note"] == "two lines\nof it"


def test_a_run_is_renamed_noted_tagged_deleted_and_restored(promptlab, trained):
    uid = trained[0]
    assert promptlab("runs", "rename", uid[:8], "best").code == 0
    assert promptlab("runs", "note", uid[:8], "keep this").code == 0
    assert promptlab("runs", "tag", uid[:8], "team=a", "stage=draft").code == 0
    assert promptlab("runs", "tag", uid[:8], "stage=").code == 0
    with Lab() as lab:
        detail = lab.run_detail(uid)
    assert (detail.run.name, detail.run.note, detail.tags) == ("best", "keep this", {"team": "a"})
    assert promptlab("runs", "delete", *trained[:2]).code == 0
    assert "best" not in promptlab("runs", "list").out
    assert "best" in promptlab("runs", "list", "--deleted").out
    assert promptlab("runs", "restore", uid[:8]).code == 0
    assert "best" in promptlab("runs", "list").out
    for arguments in (("tag", uid, "team"), ("tag", uid, "missing="), ("delete", "ffffffff"), ("rename", uid, "")):
        assert promptlab("runs", *arguments).code == 2


def test_artifacts_are_written_below_a_folder_and_nothing_is_replaced(promptlab, trained, folder):
    ended = promptlab("runs", "download", trained[0], "--to", "out")
    assert ended.code == 0
    assert (folder / "out" / "report.txt").read_text() == "=1+1"
    again = promptlab("runs", "download", trained[0], "--to", "out")
    assert (again.code, "is there already" in again.err) == (2, True)
    assert promptlab("runs", "download", trained[0], "missing", "--to", "out").code == 2
