"""The handle of a run: where it comes from, runs within it, continued elsewhere, ended with its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import UsageError
from promptlab.tracking.environment import packages


@pytest.fixture
def lab(tmp_path: Path):
    with Lab(workspace=tmp_path) as lab:
        yield lab


def script(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "fit.py").write_text(text)
    return subprocess.run(
        [sys.executable, "fit.py", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_run_says_what_it_ran_in_and_how_it_was_called_with_keys_masked(tmp_path: Path) -> None:
    done = script(
        tmp_path,
        "from promptlab import Lab\nwith Lab() as lab, lab.run('a'): pass\n",
        "--depth",
        "3",
        "--token=Bearer abcdefgh12345678",
    )
    assert done.returncode == 0, done.stderr
    with Lab(workspace=tmp_path) as lab:
        row = lab.runs()[0]
        environment = lab.environment(row.uid)
    assert row.command is not None
    assert row.command.startswith("fit.py --depth 3")
    assert "abcdefgh" not in row.command
    assert environment is not None
    assert environment["python"] == ".".join(str(part) for part in sys.version_info[:3])
    assert environment["packages"]["sqlmodel"] == __import__("sqlmodel").__version__
    assert environment["packages"]["google-re2"]


def test_packages_are_known_by_the_folder_that_comes_first(tmp_path: Path) -> None:
    for folder, name in (
        ("a", "Some_Thing.x-1.0.dist-info"),
        ("b", "some_thing.x-2.0.dist-info"),
        ("b", "b-3.dist-info"),
    ):
        (tmp_path / folder / name).mkdir(parents=True)
    found = packages([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "missing"), ""])
    assert (found["some-thing-x"], found["b"]) == ("1.0", "3")


def test_a_script_that_dies_marks_its_run_failed_and_keeps_what_was_logged(tmp_path: Path) -> None:
    done = script(
        tmp_path,
        "from promptlab import Lab\n"
        "run = Lab().run('dies')\n"
        "inner = run.run('part')\n"
        "for step in range(1000): run.log_metrics(loss=1 / (step + 1), step=step)\n"
        "raise RuntimeError('no more data')\n",
    )
    assert done.returncode == 1
    assert "RuntimeError: no more data" in done.stderr
    with Lab(workspace=tmp_path) as lab:
        rows = {row.name: row for row in lab.runs()}
        assert {row.status for row in rows.values()} == {"failed"}
        assert rows["dies"].error == "RuntimeError: no more data"
        assert len(lab.metric_history(rows["dies"].uid, "loss")) == 1000


def test_a_script_that_forgets_to_end_its_run_has_it_ended(tmp_path: Path) -> None:
    done = script(tmp_path, "from promptlab import Lab\nLab().run('forgets').log_metrics(loss=1.0)\n")
    assert (done.returncode, done.stderr) == (0, "")
    with Lab(workspace=tmp_path) as lab:
        assert [(row.status, row.error) for row in lab.runs()] == [("finished", None)]
        assert lab.summaries([1]) == {1: {"loss": 1.0}}


@pytest.mark.parametrize(("code", "status"), [("0", "finished"), ("3", "failed"), ("'bad data'", "failed")])
def test_a_run_ends_as_its_script_exits(tmp_path: Path, code: str, status: str) -> None:
    script(tmp_path, f"import sys\nfrom promptlab import Lab\nwith Lab() as lab, lab.run('x'): sys.exit({code})\n")
    with Lab(workspace=tmp_path) as lab:
        assert lab.runs()[0].status == status


def test_what_a_killed_script_logged_is_kept(tmp_path: Path) -> None:
    done = script(
        tmp_path,
        "import os, signal, time\n"
        "from promptlab import Lab\n"
        "run = Lab().run('killed')\n"
        "for step in range(500): run.log_metrics(loss=1.0, step=step)\n"
        "time.sleep(0.5)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    assert done.returncode == -9
    with Lab(workspace=tmp_path) as lab:
        assert len(lab.metric_history(lab.runs()[0].uid, "loss")) == 500


def test_runs_stand_within_runs_and_inherit_experiment_and_kind(lab: Lab) -> None:
    with lab.run("search", kind="sweep", experiment="churn") as outer:
        for depth in (1, 2):
            with outer.run(f"depth {depth}", kind="train", params={"depth": depth}) as inner:
                inner.log_metrics(loss=1 / depth)
                with inner.run("fold") as fold:
                    pass
    detail = lab.run_detail(outer.uid)
    assert [child.name for child in detail.children] == ["depth 1", "depth 2"]
    assert {child.experiment for child in detail.children} == {"churn"}
    found = lab.find_run(fold.uid)
    assert (found.kind, found.parent_uid, found.experiment) == ("train", inner.uid, "churn")
    assert [row.name for row in lab.runs(top_level=True)] == ["search"]


def test_a_stored_run_is_logged_into_from_elsewhere_and_not_ended_by_that(lab: Lab, tmp_path: Path) -> None:
    with lab.run("shared") as run:
        done = script(
            tmp_path,
            "import sys\nfrom promptlab import Lab\n"
            "with Lab() as lab, lab.reopen(sys.argv[1]) as run: run.log_metrics(loss=2.0, step=1)\n",
            run.uid,
        )
        assert done.returncode == 0, done.stderr
        assert lab.find_run(run.uid).status == "running"
        run.log_metrics(loss=1.0, step=2)
    assert lab.metric_history(run.uid, "loss") == [(1, 2.0), (2, 1.0)]
    lab.reopen(run.uid).rename("another name")
    lab.reopen(run.uid).set_note("look at step 2")
    row = lab.find_run(run.uid)
    assert (row.name, row.note, row.status) == ("another name", "look at step 2", "finished")


def test_a_forked_child_leaves_its_parents_runs_alone(lab: Lab) -> None:
    with lab.run("parent") as run:
        child = os.fork()
        if child == 0:
            try:
                __import__("promptlab.tracking.open_runs", fromlist=["OPEN_RUNS"]).OPEN_RUNS.end_all()
                run.log_metrics(loss=1.0)
            except Exception as error:  # the child must not return into pytest
                os._exit(0 if "forked" in str(error) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert lab.find_run(run.uid).status == "running"


def test_threads_log_into_one_run_and_lose_nothing(lab: Lab) -> None:
    with lab.run("threads") as run:

        def work(number: int) -> None:
            for step in range(500):
                run.log_metrics({f"m{number}": float(step), "shared": 1.0}, step=step)
            run.log_params({f"p{number}": number})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    detail = lab.run_detail(run.uid)
    assert detail.metrics["shared"].points == 4000
    assert [value for _, value in lab.metric_history(run.uid, "m3")] == [float(step) for step in range(500)]
    assert len(detail.params) == 8


def test_times_are_kept_as_given_and_naive_ones_are_refused(lab: Lab) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with lab.run("times") as run:
        run.log_metrics(loss=1.0, at=at)
        with pytest.raises(UsageError, match="no time zone"):
            run.log_metrics(loss=1.0, at=at.replace(tzinfo=None))
    assert [point.place for point in lab.curve(run.uid, "loss", axis="time").points] == [int(at.timestamp() * 1000)]


def test_curves_have_one_step_a_value(lab: Lab) -> None:
    with lab.run("curve") as run:
        run.log_curve("loss", (1, 2, 3), steps=[0, 10, 20])
        with pytest.raises(UsageError, match="3 values at 2 steps"):
            run.log_curve("loss", (1, 2, 3), steps=[0, 10])
        with pytest.raises(UsageError, match="beyond the range"):
            run.log_metrics(loss=10**400)
    assert lab.metric_history(run.uid, "loss") == [(0, 1.0), (10, 2.0), (20, 3.0)]


def test_the_machine_is_measured_while_a_run_is_open(lab: Lab) -> None:
    with lab.run("measured") as run:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not lab.run_detail(run.uid).metrics:
            time.sleep(0.3)
    metrics = lab.run_detail(run.uid).metrics
    assert {"system/cpu_percent", "system/memory_percent", "system/process_memory_mb"} <= set(metrics)
    assert metrics["system/process_memory_mb"].last > 20
    assert 0 < metrics["system/memory_percent"].last <= 100
    assert lab.overviews([lab.find_run(run.uid)])[1].metrics == {}


def test_a_failed_write_comes_up_at_the_end_and_the_run_has_ended_all_the_same(lab: Lab) -> None:
    run = lab.run("fails")
    run.database.write(lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.end()
    assert lab.find_run(run.uid).status == "finished"


def test_tables_json_and_figures_are_kept_in_the_format_of_their_name(lab: Lab) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from PIL import Image

    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    with lab.run("files") as run:
        run.log_json({"a": [1, 2], "when": datetime(2026, 1, 1, tzinfo=UTC)}, "facts.json")
        run.log_table({"x": [1, 2], "y": ["a", "b,c"]}, "table.csv")
        run.log_table([{"x": 1}, {"x": 2}], "table.json")
        run.log_table({"x": [1, 2]}, "table.parquet")
        run.log_figure(figure, "plots/loss.png")
        run.log_figure(axes, "plots/loss.svg")
        run.log_figure(Image.new("RGB", (2, 2)), "pixel.png")
        for bad, name, message in (
            ({"x": [1]}, "table.xyz", "end its name in .csv"),
            ({"x": [1], "y": [1, 2]}, "table.csv", "is no table"),
        ):
            with pytest.raises(UsageError, match=message):
                run.log_table(bad, name)
        with pytest.raises(UsageError, match="is a dict; give a figure"):
            run.log_figure({}, "x.png")
        with pytest.raises(UsageError, match=r"end its name in \.png"):
            run.log_figure(figure, "x")
        with pytest.raises(UsageError, match="cannot be drawn as html"):
            run.log_figure(figure, "x.html")
    plt.close(figure)
    kept = {item.name: item.media_type for item in lab.run_detail(run.uid).artifacts}
    assert kept["plots/loss.png"] == "image/png"
    assert set(kept) == {
        "facts.json",
        "table.csv",
        "table.json",
        "table.parquet",
        "plots/loss.png",
        "plots/loss.svg",
        "pixel.png",
    }
    with lab.artifact(run.uid, "facts.json") as stream:
        assert json.load(stream) == {"a": [1, 2], "when": "2026-01-01 00:00:00+00:00"}
    with lab.artifact(run.uid, "table.csv") as stream:
        assert stream.read() == b'x,y\n1,a\n2,"b,c"\n'
    with lab.artifact(run.uid, "plots/loss.png") as stream:
        assert stream.read(8) == b"\x89PNG\r\n\x1a\n"


def test_a_folder_is_kept_by_relative_names_and_links_out_of_it_are_refused(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "plots").mkdir(parents=True)
    (folder / "model.txt").write_text("m")
    (folder / "plots" / "roc.csv").write_text("r")
    with lab.run("folder") as run:
        assert set(run.log_artifacts(folder, prefix="run1")) == {"run1/model.txt", "run1/plots/roc.csv"}
        (folder / "passwd").symlink_to("/etc/passwd")
        with pytest.raises(UsageError, match="is a link to a file outside"):
            run.log_artifacts(folder)
        with pytest.raises(UsageError, match="log_artifacts keeps folders"):
            run.log_artifact(folder)
        with pytest.raises(UsageError, match="is not a folder"):
            run.log_artifacts(folder / "model.txt")
