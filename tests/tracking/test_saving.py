"""Artifacts written as files: whatever they are called, nothing is written outside of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import UsageError

HOSTILE = [
    "../up",
    "../../etc/passwd",
    "a/../../up",
    "a/../b",
    "..",
    ".",
    "./a",
    "/etc/passwd",
    "//server/share",
    "a//b",
    "a/",
    "C:\\Windows\\win.ini",
    "C:relative",
    "c:/x",
    "\\\\server\\share",
    "..\\up",
    "a\\..\\..\\up",
    "nul\x00.txt",
    "a\nb",
    "a\r",
    "tab\there",
    "\x1b[31mred",
    "\x7f",
    "lone\ud800",
    "file:///etc/passwd",
    "http://127.0.0.1/x",
    "a:stream",
    "é" * 150,
    "/",
    "~/../..",
]
PORTABLE = [
    "%2e%2e%2fup",
    "%2e%2e",
    "...",
    "..a",
    "a..",
    " ",
    "~",
    "$HOME",
    "`id`",
    "; rm -rf x",
    "-rf",
    "\u202egnp.exe",
    "<script>alert(1)",
    "CON",
    "plots/roc.csv",
]


@pytest.fixture
def lab(tmp_path: Path):
    with Lab(workspace=tmp_path / "home") as lab:
        yield lab


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_stored_as_it_is_and_never_becomes_a_path(lab: Lab, tmp_path: Path, name: str) -> None:
    with lab.run("r") as run:
        run.log_text("kept", name)
    outside = files_below(tmp_path)
    assert [item.name for item in lab.run_detail(run.uid).artifacts] == [name]
    with lab.artifact(run.uid, name) as stream:
        assert stream.read() == b"kept"
    with pytest.raises(UsageError, match="artifact"):
        lab.save_artifacts(run.uid, tmp_path / "to")
    assert files_below(tmp_path) == outside


@pytest.mark.parametrize("name", PORTABLE)
def test_a_name_that_only_looks_odd_is_written_below_the_folder(lab: Lab, tmp_path: Path, name: str) -> None:
    with lab.run("r") as run:
        run.log_text("kept", name)
    assert lab.save_artifacts(run.uid, tmp_path / "to") == [tmp_path / "to" / name]
    assert files_below(tmp_path / "to") == {name}


def test_unicode_equal_names_are_two_artifacts_and_are_not_written_over_each_other(lab: Lab, tmp_path: Path) -> None:
    with lab.run("r") as run:
        run.log_text("one", "e\u0301.txt")
        run.log_text("two", "\u00e9.txt")
    with pytest.raises(UsageError, match="differ in no way"):
        lab.save_artifacts(run.uid, tmp_path / "to")
    lab.save_artifacts(run.uid, tmp_path / "to", names=["\u00e9.txt"])
    assert (tmp_path / "to" / "\u00e9.txt").read_text() == "two"


def test_links_in_the_folder_lead_nowhere_and_files_that_are_there_stay(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "to" / "plots").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "to" / "there.txt").write_text("mine")
    (tmp_path / "to" / "link.txt").symlink_to(tmp_path / "elsewhere" / "new.txt")
    with lab.run("r") as run:
        for name in ("plots/roc.csv", "there.txt", "link.txt", "file", "file/below"):
            run.log_text("x", name)
    for names, message in (
        (["plots/roc.csv"], "through a link"),
        (["there.txt"], "is there already"),
        (["link.txt"], "is there already"),
        (["file", "file/below"], "needs a folder where a file is"),
        (["missing"], "has no artifact 'missing'; it has: "),
    ):
        with pytest.raises(UsageError, match=message):
            lab.save_artifacts(run.uid, tmp_path / "to", names=names)
    assert (tmp_path / "to" / "there.txt").read_text() == "mine"
    assert list((tmp_path / "elsewhere").iterdir()) == []
