"""Prompts as files and versions at once, through the façade."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import PromptError, PromptNotFoundError, UndefinedVariableError


@pytest.fixture
def lab(tmp_path: Path):
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    with Lab(workspace=tmp_path) as lab:
        yield lab


def test_saving_numbers_versions_and_equal_content_is_the_same_version(lab: Lab):
    first = lab.prompts.save("refund", "Answer kindly: {{ question }}", note="first")
    again = lab.prompts.save_source("refund", "Answer kindly: {{ question }}", note="again")
    second = lab.prompts.save("refund", "Answer shortly: {{ question }}", note="shorter")
    assert (first.number, again.prompt.number, again.created, second.number) == (1, 1, False, 2)
    assert [version.note for version in lab.prompts.log("refund")] == ["shorter", "first"]


def test_an_alias_moves_and_names_a_version(lab: Lab):
    version = lab.prompts.save("refund", "Answer: {{ question }}")
    lab.prompts.alias("refund", production=version.number)
    assert lab.prompts.get("refund@production").render(question="Where?")[0].content == "Answer: Where?"
    lab.prompts.save("refund", "Reply: {{ question }}")
    lab.prompts.alias("refund", production=2)
    assert lab.prompts.get("refund@production").number == 2
    lab.prompts.alias("refund", production=None)
    with pytest.raises(PromptNotFoundError, match="production"):
        lab.prompts.get("refund@production")


def test_a_file_is_saved_as_a_version_when_used(lab: Lab):
    lab.prompts.path("plain").write_text("Say {{ text }}")
    assert lab.prompts.find("plain").number == 0
    prompt, _ = lab.prompts.use("plain")
    assert (prompt.number, prompt.source) == (1, "Say {{ text }}")
    lab.prompts.path("plain").write_text("Shout {{ text }}")
    assert lab.prompts.edited("plain")
    assert lab.prompts.use("prompts/plain.j2")[0].number == 2
    assert not lab.prompts.edited("plain")
    assert lab.prompts.get("plain@1").messages[0].content == "Say {{ text }}"


def test_without_a_file_a_bare_name_is_the_latest_version(lab: Lab):
    lab.prompts.save("plain", "One {{ text }}")
    lab.prompts.save("plain", "Two {{ text }}")
    assert lab.prompts.find("plain").number == 2


def test_saving_carries_along_a_file_without_unsaved_edits_and_spares_an_edited_one(lab: Lab):
    path = lab.prompts.path("plain")
    path.write_text("One {{ text }}")
    lab.prompts.use("plain")
    saved = lab.prompts.save_source("plain", "Two {{ text }}")
    assert (saved.file, path.read_text()) == (path, "Two {{ text }}")
    path.write_text("Mine {{ text }}")
    assert lab.prompts.save_source("plain", "Three {{ text }}").file is None
    assert path.read_text() == "Mine {{ text }}"


def test_saving_with_a_file_writes_one_where_there_is_none(lab: Lab):
    saved = lab.prompts.save_source("fresh", "Say {{ text }}", file=True)
    assert saved.file == lab.prompts.path("fresh")
    assert saved.file.read_text() == "Say {{ text }}"
    assert not lab.prompts.edited("fresh")
    assert lab.prompts.save_source("plain", "Say {{ text }}").file is None


def test_names_are_never_paths(lab: Lab, tmp_path: Path):
    for name in ("../evil", "/etc/passwd", "a/b", "..", "", "a\x00b"):
        with pytest.raises(PromptError):
            lab.prompts.save(name, "x", file=True)
    assert not (tmp_path.parent / "evil.j2").exists()


def test_an_unknown_prompt_names_what_there_is(lab: Lab):
    lab.prompts.save("refund", "x")
    with pytest.raises(PromptNotFoundError, match="refund"):
        lab.prompts.find("refnd")


def test_a_diff_shows_what_changed(lab: Lab):
    lab.prompts.save("plain", "One {{ text }}")
    lab.prompts.save("plain", "Two {{ text }}")
    diff = lab.prompts.diff("plain@1", "plain@2")
    assert "-One {{ text }}" in diff
    assert "+Two {{ text }}" in diff


def test_a_preview_names_missing_values_and_renders_without_saving(lab: Lab):
    preview = lab.preview("Say {{ text }} to {{ name }}", {"text": "hi"})
    assert (preview.missing, preview.messages) == (frozenset({"name"}), None)
    full = lab.preview("system:\nBe brief.\nuser:\nSay {{ text }}", {"text": "system:\nevil"})
    assert [message.role for message in full.messages or ()] == ["system", "user"]
    assert list(lab.prompts.list()) == []


def test_trying_a_draft_answers_side_by_side(lab: Lab):
    draft = lab.preview("Say {{ text }}", {"text": "hi"}).prompt
    heard: dict[str, str] = {}
    trials = lab.try_prompt(draft, ["fake:echo", "fake:fail?status=client"], {"text": "hi"}, listener=heard.__setitem__)
    assert [(trial.text, trial.status) for trial in trials] == [("Say hi", "ok"), ("", "client")]
    assert heard == {"fake:echo": "Say hi"}
    assert lab.try_prompt(draft, ["fake:echo"], {"text": "hi"})[0].cached


def test_trying_with_a_missing_value_is_refused_by_name(lab: Lab):
    with pytest.raises(UndefinedVariableError, match="text"):
        lab.try_prompt(lab.preview("Say {{ text }}", {}).prompt, ["fake:echo"], {})
