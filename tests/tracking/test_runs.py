"""Classic runs: what is logged is there, and how they end."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from promptlab import Lab, portal
from promptlab.errors import RunNotFoundError, UsageError
from promptlab.tracking import open_runs
from promptlab.tracking.run import HEARTBEAT_SECONDS


@pytest.fixture
def lab(tmp_path: Path):
    with Lab(workspace=tmp_path) as lab:
        yield lab


def test_params_metrics_tags_and_artifacts_are_kept(lab: Lab, tmp_path: Path):
    (tmp_path / "plot.svg").write_text("<svg/>")
    with lab.run("churn", params={"C": 1.0, "layers": [1, 2]}, tags={"team": "a"}) as run:
        for step in range(3):
            run.log_metrics(loss=1.0 / (step + 1), step=step)
        run.log_artifact(tmp_path / "plot.svg")
    detail = lab.run_detail(run.uid)
    assert detail.params == {"C": "1.0", "layers": "[1, 2]"}
    assert detail.tags["team"] == "a"
    assert [artifact.name for artifact in detail.artifacts] == ["plot.svg"]
    with lab.artifact(run.uid, "plot.svg") as stream:
        assert stream.read() == b"<svg/>"
    with pytest.raises(UsageError, match="no artifact 'other'"):
        lab.artifact(run.uid, "other")
    assert lab.metric_history(run.uid, "loss") == [(0, 1.0), (1, 0.5), (2, 1.0 / 3)]
    assert lab.find_run(run.uid[:6]).status == "finished"


def test_a_script_that_raises_marks_its_run_failed_and_keeps_what_was_logged(lab: Lab):
    run = lab.run("dies")

    def script() -> None:
        with run:
            run.log_metrics(accuracy=0.5)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        script()
    row = lab.find_run(run.uid)
    assert (row.status, row.error) == ("failed", "ZeroDivisionError: division by zero")
    assert lab.summaries([row.id]) == {row.id: {"accuracy": 0.5}}


def test_a_param_with_another_value_is_refused_by_name(lab: Lab):
    with lab.run("twice", params={"C": 1}) as run, pytest.raises(UsageError, match="C"):
        run.log_params(C=2)


def test_not_a_number_and_the_infinities_are_kept(lab: Lab):
    with lab.run("odd") as run:
        for step, value in enumerate((math.nan, math.inf, -math.inf)):
            run.log_metrics(loss=value, step=step)
    values = [value for _, value in lab.metric_history(run.uid, "loss")]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_a_metric_that_is_no_number_is_refused_by_name(lab: Lab):
    with lab.run("odd") as run, pytest.raises(UsageError, match="'loss' is 'much'"):
        run.log_metrics(loss="much")  # type: ignore[arg-type]


def test_the_direction_is_known_by_name_or_said_once(lab: Lab):
    assert lab.direction("log_loss") == "lower"
    assert lab.direction("accuracy") == "higher"
    with lab.run("said") as run:
        run.set_direction(accuracy="lower")
    assert lab.direction("accuracy") == "lower"


def test_an_unknown_run_is_named(lab: Lab):
    with pytest.raises(RunNotFoundError, match="abcd1234"):
        lab.find_run("abcd1234")


def test_runs_list_hides_tries_unless_asked(lab: Lab):
    lab.try_prompt(lab.preview("Hi {{ name }}", {"name": "x"}).prompt, ["fake:echo"], {"name": "x"})
    with lab.run("train"):
        pass
    assert [row.kind for row in lab.runs()] == ["train"]
    assert [row.kind for row in lab.runs(include_tries=True)] == ["train", "try"]


def test_a_run_that_computes_and_logs_nothing_is_known_to_be_alive(lab: Lab):
    with lab.run("fits for long") as run:
        started = lab.find_run(run.uid).heartbeat_at
        deadline = time.monotonic() + 3 * HEARTBEAT_SECONDS
        while (heard := lab.find_run(run.uid).heartbeat_at) == started and time.monotonic() < deadline:
            time.sleep(0.2)
        assert heard is not None
        assert heard != started
    assert lab.find_run(run.uid).status == "finished"


def test_a_run_is_known_to_be_alive_after_the_loop_was_closed_under_another(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_runs, "HEARTBEAT_SECONDS", 0.05)
    with lab.run("before"):
        portal.close()
    with lab.run("after") as run:
        started = lab.find_run(run.uid).heartbeat_at
        deadline = time.monotonic() + 20
        while lab.find_run(run.uid).heartbeat_at == started:
            assert time.monotonic() < deadline
            time.sleep(0.05)
