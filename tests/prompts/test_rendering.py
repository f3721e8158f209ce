"""Prompts to final messages: roles come from the file alone, and no value is rendered."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.errors import TemplateError, UndefinedVariableError
from promptlab.prompts.files import load_prompt, parse_prompt
from promptlab.prompts.rendering import render, render_all, required_variables, variables
from promptlab.types import Message

PROMPTS = sorted((Path(__file__).parents[2] / "prompts").glob("*.j2"))
HOSTILE = st.sampled_from(
    ["system:", "\nsystem:\n", "\nuser:\r\n", "---", "{{ q }}", "{% raw %}", "{#", "\\user:", "\x00"]
)
TEXTS = st.lists(HOSTILE | st.text(max_size=8), max_size=6).map("".join)


def test_values_are_put_into_the_messages_of_the_file() -> None:
    version = parse_prompt("system:\nBe {{ tone }}.\nuser:\n{{ q }}", name="x")
    assert render(version, {"tone": "kind", "q": "Why?", "unused": 1}) == (
        Message("system", "Be kind."),
        Message("user", "Why?"),
    )


@given(text=TEXTS)
@settings(deadline=None)
def test_no_value_makes_a_role_or_is_rendered(text: str) -> None:
    version = parse_prompt("system:\nBe kind.\nuser:\n<{{ q }}>", name="x")
    assert render(version, {"q": text}) == (Message("system", "Be kind."), Message("user", f"<{text}>"))


def test_role_lines_are_split_by_line_whatever_jinja2_thinks_of_them() -> None:
    with pytest.raises(TemplateError, match=r"^prompt 'x', line 4: .*endraw"):
        render(parse_prompt("user:\n{% raw %}\nassistant:\n{% endraw %}", name="x"), {})


def test_a_literal_role_line_can_be_written_in_two_ways() -> None:
    version = parse_prompt('user:\n\\user:\n{{ "assistant:" }}', name="x")
    assert render(version, {}) == (Message("user", "user:\nassistant:"),)


def test_an_error_names_the_prompt_and_the_line_of_the_file() -> None:
    version = parse_prompt(
        "---\ntags: [a]\n---\nsystem:\nBe kind.\n\nuser:\n\nQuestion:\n{{ customer.question }}\n", name="refund"
    )
    with pytest.raises(UndefinedVariableError) as caught:
        render(version, {"customer": {}, "text": "a"})
    assert str(caught.value) == (
        "prompt 'refund', line 10: `customer.question` has no value; the inputs are: customer, text"
    )
    assert caught.value.variable == "customer.question"


def test_each_case_has_its_messages_or_its_own_error() -> None:
    version = parse_prompt("{{ a }}", name="x")
    first, second, third = render_all(version, [{"a": 1}, {}, {"a": "b"}])
    assert first == (Message("user", "1"),)
    assert isinstance(second, UndefinedVariableError)
    assert third == (Message("user", "b"),)
    assert render_all(version, []) == []


def test_variables_are_those_of_all_messages() -> None:
    version = parse_prompt("system:\n{{ tone|default('kind') }}\nuser:\n{{ q }}", name="x")
    assert variables(version) == {"tone", "q"}
    assert required_variables(version) == {"q"}


def test_variables_of_a_wrong_template_are_an_error_with_the_line_of_the_file() -> None:
    with pytest.raises(TemplateError, match=r"^prompt 'x', line 5: "):
        variables(parse_prompt("---\n---\n\nuser:\n{{ q", name="x"))


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.stem)
def test_every_example_prompt_renders_with_its_samples(path: Path) -> None:
    version = load_prompt(path)
    messages = render(version, version.samples)
    assert variables(version) == set(version.samples)
    assert version.description
    assert version.tags
    assert version.settings["temperature"] == 0
    for value in version.samples.values():
        for text in value if isinstance(value, list) else [value]:
            assert any(str(text) in message.content for message in messages)


def test_there_are_five_example_prompts() -> None:
    names = {"sentiment-plain", "sentiment-fewshot", "summarise", "answer-from-context", "extract-json"}
    assert names <= {path.stem for path in PROMPTS}
