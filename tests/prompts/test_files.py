"""Prompt files: front matter, roles split by line before anything is rendered, errors with their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.errors import PromptError, PromptNotFoundError
from promptlab.prompts.digest import content_digest
from promptlab.prompts.files import compose_source, load_prompt, message_lines, parse_prompt
from promptlab.types import Message, PromptVersion

LINES = st.sampled_from(
    [
        *("system:", "user:", "assistant: ", "\\user:", "\\\\system:", "User:", "user: hi", " user:", "", "  "),
        *("---", "a", "{{ x }}", "é 🎬", "description: x", "\ufeffa", "# not a comment", "a\u2028b", "\x0c"),
    ]
)
CONTENT = st.lists(LINES, min_size=1, max_size=6).map("\n".join).filter(lambda text: text.split("\n")[0].strip() != "")
CLEAN_CONTENT = CONTENT.filter(lambda text: text.split("\n")[-1].strip() != "")


def parse(source: str) -> PromptVersion:
    return parse_prompt(source, name="x", path="prompts/x.j2")


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        ("Hello {{ name }}", [("user", "Hello {{ name }}")]),
        ("user:\nhi\n", [("user", "hi")]),
        ("system:\nBe kind.\n\nuser:\n{{ q }}\n", [("system", "Be kind."), ("user", "{{ q }}")]),
        (
            "system:\na\nuser:\nb\nassistant:\nc\nuser:\nd",
            [("system", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")],
        ),
        ("\n\nuser:  \n\n  indented\n\n\n", [("user", "  indented")]),
        ("user:\na\n\nb\n", [("user", "a\n\nb")]),
        ("user: hi", [("user", "user: hi")]),
        ("User:\nhi", [("user", "User:\nhi")]),
        (" user:\nhi", [("user", " user:\nhi")]),
        ("user:\nas follows\n\\assistant:\n\\\\system:", [("user", "as follows\nassistant:\n\\system:")]),
        ("ends with spaces:  \n", [("user", "ends with spaces:  ")]),
        ("---\ntags: [a]\n---\n---\nrule", [("user", "---\nrule")]),
        ("\ufeffuser:\r\nhi\r\nthere\r\n", [("user", "hi\nthere")]),
    ],
)
def test_role_lines_split_a_file_into_messages(source: str, messages: list[tuple[str, str]]) -> None:
    assert [(message.role, message.content) for message in parse(source).messages] == messages


def test_all_of_a_file_is_in_its_version() -> None:
    front = "---\ndescription: Greets\ntags: [a]\nsettings: {temperature: 0}\nsamples: {n: 1}\n---\n"
    source = f"{front}Hi {{{{ n }}}}\n".replace("\n", "\r\n")
    version = parse(source)
    assert version == PromptVersion(
        name="x",
        number=0,
        digest=content_digest([Message("user", "Hi {{ n }}")], {"temperature": 0}, None),
        messages=(Message("user", "Hi {{ n }}"),),
        settings={"temperature": 0},
        description="Greets",
        tags=("a",),
        samples={"n": 1},
        source=source,
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "prompts/x.j2: there is no prompt text"),
        ("\n \n", "prompts/x.j2: there is no prompt text"),
        ("---\ntags: [a]\n---\n", "prompts/x.j2: there is no prompt text"),
        ("---\ntags: [a]\n", "prompts/x.j2, line 1: the front matter has no end"),
        ("---\ntags: [a]\nfoo: 1\n---\nhi", "prompts/x.j2, line 3: unknown key 'foo'"),
        ("\nhi\nsystem:\nx", "prompts/x.j2, line 2: text before the first role line `system:`"),
        ("---\n---\nhi\nuser:\nx", "prompts/x.j2, line 3: text before the first role line `user:`"),
        ("system:\n\nuser:\nx", "prompts/x.j2, line 1: the message `system:` is empty"),
        ("---\n---\nsystem:\nx\nuser:\n", "prompts/x.j2, line 5: the message `user:` is empty"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_line(source: str, message: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse(source)
    assert str(caught.value).startswith(message)


def test_without_a_path_errors_say_the_name() -> None:
    with pytest.raises(PromptError, match=r"^prompt 'refund': there is no prompt text"):
        parse_prompt("", name="refund")


def test_each_message_knows_its_first_line() -> None:
    assert message_lines("---\ntags: []\n---\n\nsystem:\na\n\nuser:\n\n\nb\n") == (6, 11)
    assert message_lines("\nhi") == (2,)
    assert message_lines("") == ()


def test_line_ends_trailing_newlines_and_blank_lines_around_do_not_change_the_digest() -> None:
    plain = parse("system:\na\nuser:\nb\nc")
    for source in (
        "system:\r\na\r\nuser:\r\nb\r\nc\r\n",
        "\ufeffsystem:\n\na\n\nuser:\nb\nc\n\n",
        "system:\ra\ruser:\rb\rc",
    ):
        assert parse(source).digest == plain.digest


def test_description_tags_and_samples_are_no_part_of_the_digest_but_settings_and_schema_are() -> None:
    plain = parse("hi").digest
    assert parse("---\ndescription: a\ntags: [b]\nsamples: {c: 1}\n---\nhi").digest == plain
    assert parse("---\nsettings: {temperature: 0}\n---\nhi").digest != plain
    assert parse("---\nresponse_schema: {type: object}\n---\nhi").digest != plain


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), CLEAN_CONTENT), min_size=1, max_size=4),
    st.booleans(),
)
def test_composing_and_parsing_gives_the_same_prompt(parts: list[tuple[str, str]], has_front: bool) -> None:
    messages = tuple(Message(role, content) for role, content in parts)  # type: ignore[arg-type]  # sampled from roles
    sampling = {"temperature": 0.5, "stop": ["\n", "---"]} if has_front else {}
    version = PromptVersion("x", 0, content_digest(messages, sampling, None), messages, settings=sampling)
    again = parse(compose_source(version))
    assert (again.messages, again.settings) == (messages, sampling)
    assert again.digest == version.digest
    assert parse(compose_source(again)) == again


@settings(deadline=None)  # the machine may be busy
@given(st.lists(LINES, max_size=12).map("\n".join))
def test_whatever_parses_composes_to_the_same_digest(source: str) -> None:
    try:
        version = parse(source)
    except PromptError:
        return
    assert parse(compose_source(version)).digest == version.digest


def test_a_file_is_loaded_with_its_exact_text(tmp_path: Path) -> None:
    path = tmp_path / "refund.v2.j2"
    path.write_bytes("user:\r\ngrüß dich\r\n".encode())
    version = load_prompt(path)
    assert (version.name, version.source) == ("refund.v2", "user:\r\ngrüß dich\r\n")
    assert version.messages == (Message("user", "grüß dich"),)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptNotFoundError, match=r"nowhere\.j2: there is no such prompt file"):
        load_prompt(tmp_path / "nowhere.j2")


def test_a_file_that_is_no_utf_8_a_folder_and_a_wrong_name_are_errors(tmp_path: Path) -> None:
    (tmp_path / "latin.j2").write_bytes(b"caf\xe9")
    (tmp_path / "folder.j2").mkdir()
    (tmp_path / "my prompt.j2").write_text("hi")
    for name, message in (
        ("latin", "byte 3 is not UTF-8"),
        ("folder", "cannot be read"),
        ("my prompt", "no prompt name"),
    ):
        with pytest.raises(PromptError, match=message):
            load_prompt(tmp_path / f"{name}.j2")
