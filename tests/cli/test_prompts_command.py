"""`promptlab prompts`: what each verb prints and changes."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_a_list_tells_saved_files_from_edited_ones_and_from_versions_without_a_file(promptlab, folder: Path):
    promptlab("prompts", "save", "plain")
    promptlab("prompts", "save", "gone", "--file", "prompts/loud.j2")
    (folder / "prompts" / "plain.j2").write_text("Tell {{ text }}")
    (folder / "prompts" / "broken.j2").write_text("---\nsetings: {}\n---\nx")
    promptlab("prompts", "alias", "plain", "production=1")
    lines = {line.split()[0]: line for line in promptlab("prompts", "list").out.splitlines() if line.strip()}
    assert "edited" in lines["plain"]
    assert "production=1" in lines["plain"]
    assert "none" in lines["gone"]
    assert "not saved" in lines["loud"]
    assert "broken" in lines["broken"]
    assert "setings" in lines["broken"]


def test_saving_numbers_versions_and_equal_content_saves_nothing(promptlab, folder: Path):
    assert promptlab("prompts", "save", "plain", "--note", "first").out == "saved plain@1\n"
    assert promptlab("prompts", "save", "plain").out == "nothing saved: the content is that of plain@1\n"
    (folder / "prompts" / "plain.j2").write_text("Tell {{ text }}")
    assert promptlab("prompts", "save", "plain", "-n", "second").out == "saved plain@2\n"
    log = promptlab("prompts", "log", "plain").out
    assert log.index("second") < log.index("first")


def test_a_version_can_come_from_standard_input(process):
    assert process("prompts", "save", "piped", "--file", "-", stdin="Say {{ text }}").out == "saved piped@1\n"
    assert process("prompts", "show", "piped@1", "--source").out == "Say {{ text }}"


def test_a_version_is_shown_with_its_messages_and_variables(promptlab, folder: Path):
    (folder / "prompts" / "chat.j2").write_text(
        "---\ndescription: A chat\nsettings: {temperature: 0}\n---\n"
        "system:\nBe [bold]brief[/bold].\nuser:\n{{ text }}\n"
    )
    unsaved = promptlab("prompts", "show", "chat").out
    assert "not saved" in unsaved
    assert "A chat" in unsaved
    assert "temperature=0" in unsaved
    assert "system:\nBe [bold]brief[/bold].\n\nuser:\n{{ text }}" in unsaved
    promptlab("prompts", "save", "chat")
    assert promptlab("prompts", "show", "chat").out.startswith("chat@1  ")


def test_the_source_of_a_version_is_its_file_to_the_byte(promptlab, folder: Path):
    text = "---\n# a comment\ntags: [x]\n---\nSay {{ text }}\n\n"
    (folder / "prompts" / "exact.j2").write_text(text)
    promptlab("prompts", "save", "exact")
    assert promptlab("prompts", "show", "exact@1", "--source").out == text


def test_a_difference_shows_both_sides_and_none_is_said(promptlab):
    out = promptlab("prompts", "diff", "plain", "loud").out
    assert "-Say {{ text }}\n+Say {{ text }}!" in out
    assert promptlab("prompts", "diff", "plain", "plain").out == "no difference between plain and plain\n"


@pytest.mark.parametrize("arguments", [["production=1"], ["production", "1"]])
def test_an_alias_is_set_moved_and_taken_away(promptlab, arguments: list[str]):
    promptlab("prompts", "save", "plain")
    assert promptlab("prompts", "alias", "plain", *arguments).out == "plain@production is plain@1\n"
    assert promptlab("prompts", "show", "plain@production").code == 0
    assert promptlab("prompts", "alias", "plain", "production", "--delete").code == 0
    missing = promptlab("prompts", "show", "plain@production")
    assert (missing.code, missing.out) == (2, "")
    assert "production" in missing.err


def test_an_empty_workspace_says_what_to_do_next(promptlab, folder: Path):
    for path in (folder / "prompts").iterdir():
        path.unlink()
    assert "promptlab init" in promptlab("prompts", "list").out


def test_a_group_alone_prints_its_help(promptlab):
    for group in ("prompts", "models", "runs", "db"):
        ended = promptlab(group)
        assert ended.code == 0
        assert "Usage: promptlab" in ended.out


def suite_of(folder: Path, *cases: str) -> None:
    (folder / "evals").mkdir(exist_ok=True)
    lines = "\n".join(f"  - {{id: {key}, inputs: {inputs}}}" for key, inputs in zip("abc", cases, strict=False))
    (folder / "evals" / "some.yaml").write_text(f"name: some\ncases:\n{lines}\nevaluators: [word_count]\n")


def test_a_prompt_without_doubts_says_so(promptlab):
    assert promptlab("prompts", "lint", "plain").out == "plain: nothing doubtful\n"


def test_what_is_doubtful_is_told_by_line_and_column_and_errors_are_exit_code_1(promptlab, folder: Path):
    (folder / "prompts" / "doubtful.j2").write_text(
        "{% set text = 'x' %}{{ text }}\n{% if old %}\n{{ tone }}\n{% endif %}\n"
    )
    suite_of(folder, "{text: x, old: false, tone: kind}", "{text: y, old: false}")
    done = promptlab("prompts", "lint", "doubtful", "--data", "evals/some.yaml")
    assert done.out.splitlines() == [
        "doubtful:1: info: the data has `text`, which no message uses",
        "doubtful:1:8: warning: `set` gives `text` another value here, which hides the input of that name",
        "doubtful:3:4: warning: `tone` has no value in 1 of 2 cases: `b`",
        "doubtful:3: info: none of 2 cases renders this branch (if)",
    ]
    assert done.code == 0
    (folder / "prompts" / "wrong.j2").write_text("Hello\n{{ x | nofilter }}\n")
    done = promptlab("prompts", "lint", "wrong")
    assert (done.out, done.code) == ("wrong:2: error: No filter named 'nofilter'\n", 1)


def test_a_difference_of_what_is_sent_names_the_cases(promptlab, folder: Path):
    (folder / "prompts" / "before.j2").write_text("Say {{ text }}")
    (folder / "prompts" / "after.j2").write_text("Say {{ text }}{% if text == 'x' %}!{% endif %}")
    suite_of(folder, "{text: x}", "{text: y}")
    out = promptlab("prompts", "diff", "before", "after", "--data", "evals/some.yaml").out
    assert out.startswith("1 of 2 cases are sent something else\n\ncase a\n")
    assert "-Say x\n+Say x!\n" in out
