"""`promptlab try` and `promptlab models try`: answers side by side."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_answers_stand_side_by_side_on_a_wide_terminal(promptlab):
    out = promptlab("try", "plain", "-m", "fake:echo", "-m", "fake:say?text=no", "-v", "text=[bold]hi").out
    first, second, third = out.splitlines()
    assert "fake:echo" in first
    assert "fake:say?text=no" in first
    assert "Say [bold]hi" in second
    assert "no" in second
    assert third.count("free") == 2


def test_answers_stand_one_under_the_other_on_a_narrow_one(promptlab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "60")
    out = promptlab("try", "plain", "-m", "fake:echo", "-m", "fake:say?text=no", "-v", "text=hi").out
    lines = [line.strip() for line in out.splitlines()]
    assert lines[:2] == ["fake:echo", "Say hi"]
    assert lines[4:6] == ["fake:say?text=no", "no"]


def test_a_failed_answer_is_3_and_the_others_are_shown(promptlab):
    ended = promptlab(
        "try", "plain", "-m", "fake:echo", "-m", "fake:fail?status=client&message=no+luck", "-v", "text=hi"
    )
    assert ended.code == 3
    assert "Say hi" in ended.out
    assert "no luck" in ended.out


def test_values_are_text_files_and_json(promptlab, folder: Path):
    (folder / "prompts" / "list.j2").write_text("{{ text }}{% for item in items %}/{{ item }}{% endfor %}")
    (folder / "long.txt").write_text("from a file")
    out = promptlab("try", "list", "-m", "fake:echo", "-v", "text=@long.txt", "-v", "items:=[1, 2]").out
    assert "from a file/1/2" in out


def test_the_second_time_is_cached_and_marked_unless_told_not_to(promptlab):
    arguments = ("try", "plain", "-m", "fake:echo", "-v", "text=hi")
    assert "cached" not in promptlab(*arguments).out
    assert "cached" in promptlab(*arguments).out
    assert "cached" not in promptlab(*arguments, "--no-cache").out


def test_settings_are_sent(promptlab):
    out = promptlab("try", "plain", "-m", "fake:echo", "-v", "text=a b c", "--setting", "max_tokens=2").out
    assert "Say a\n" in out.replace("  ", "")
    assert "truncated" in out


def test_terminal_codes_of_an_answer_are_not_obeyed(promptlab):
    out = promptlab("try", "plain", "-m", "fake:echo", "-v", "text=\x1b[2Jx\x07").out
    assert "Say x" in out
    assert "\x1b" not in out


def test_a_base_model_is_asked_a_question_that_is_never_a_template(promptlab):
    ended = promptlab("models", "try", "fake:echo", "what is {{ 1 + 1 }}?")
    assert ended.code == 0
    assert "what is {{ 1 + 1 }}?" in ended.out
    assert promptlab("models", "try", "fake:fail?status=client").code == 3


def test_base_models_are_listed_with_state_and_licence(promptlab):
    out = promptlab("models", "list").out
    assert "local:smollm2-135m" in out
    assert "Apache-2.0" in out
    assert "OPENAI_API_KEY" in out
