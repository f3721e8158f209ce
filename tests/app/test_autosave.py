"""Drafts on disk: the newest of each prompt, whole or not at all, whatever the file holds."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

import autosave


def test_the_newest_draft_of_each_prompt_is_kept(tmp_path: Path):
    autosave.keep(tmp_path, "a", "first")
    autosave.keep(tmp_path, "a", "second ⏎ 日本")
    autosave.keep(tmp_path, "", "of a new prompt")
    assert autosave.kept(tmp_path, "a") == "second ⏎ 日本"
    assert autosave.kept(tmp_path, "") == "of a new prompt"
    autosave.forget(tmp_path, "a")
    assert autosave.kept(tmp_path, "a") is None
    assert [path.name for path in (tmp_path / ".promptlab").iterdir()] == ["drafts.json"]


def test_the_oldest_of_many_goes(tmp_path: Path):
    for number in range(25):
        autosave.keep(tmp_path, f"p{number}", "x")
    autosave.keep(tmp_path, "p5", "again")
    assert autosave.kept(tmp_path, "p4") is None
    assert autosave.kept(tmp_path, "p5") == "again"
    assert len(json.loads((tmp_path / ".promptlab" / "drafts.json").read_text())) == autosave.MOST_DRAFTS


@pytest.mark.parametrize("content", ["", "[", "[]", "null", '{"a": 1}', '{"a": {"source": 7}}', '{"a": {}}'])
def test_a_file_that_is_none_is_like_no_file(content: str, tmp_path: Path):
    (tmp_path / ".promptlab").mkdir()
    (tmp_path / ".promptlab" / "drafts.json").write_text(content)
    assert autosave.kept(tmp_path, "a") is None
    autosave.keep(tmp_path, "a", "new")
    assert autosave.kept(tmp_path, "a") == "new"


def test_a_name_is_no_path(tmp_path: Path):
    autosave.keep(tmp_path, "../../evil", "x")
    assert autosave.kept(tmp_path, "../../evil") == "x"
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".promptlab", "drafts.json"]


def test_several_sessions_at_once_lose_none(tmp_path: Path):
    threads = [threading.Thread(target=autosave.keep, args=(tmp_path, f"p{n}", "x")) for n in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(autosave.kept(tmp_path, f"p{n}") == "x" for n in range(15))
