"""Front matter: YAML 1.2, strict, with the line of every mistake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptlab.errors import PromptError
from promptlab.prompts.frontmatter import FrontMatter, read_front_matter, write_front_matter

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(text: str) -> FrontMatter:
    return read_front_matter(text, where="prompts/x.j2", first_line=2)


def test_all_keys_are_read() -> None:
    assert read(
        "description: Says hello\n"
        "tags: [greeting, english, greeting]\n"
        "settings: {temperature: 0.5, stop: [END]}\n"
        "response_schema: {type: object}\n"
        "samples:\n  name: Ada\n"
    ) == FrontMatter(
        description="Says hello",
        tags=("greeting", "english"),
        settings={"temperature": 0.5, "stop": ["END"]},
        response_schema={"type": "object"},
        samples={"name": "Ada"},
    )


@pytest.mark.parametrize("text", ["", "# a comment\n", "description:\ntags:\nsettings:\nsamples:\nresponse_schema:\n"])
def test_an_empty_front_matter_is_the_default(text: str) -> None:
    assert read(text) == FrontMatter()


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("12:30", "12:30"), ("2024-01-02", "2024-01-02"), ("on", "on"), ("true", True), ("0o10", 8)],
)
def test_values_are_those_of_yaml_1_2_and_dates_stay_text(written: str, value: Any) -> None:
    assert read(f"samples: {{a: {written}}}").samples == {"a": value}


def test_token_ids_of_a_logit_bias_become_text() -> None:
    assert read("settings: {logit_bias: {50256: -100}}").settings == {"logit_bias": {"50256": -100}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tags: []\ndescripton: x", "line 3: unknown key 'descripton'; did you mean 'description'?"),
        ("temperature: 0", "line 2: unknown key 'temperature'; known: description, tags, settings"),
        ("description: [a]", "line 2: description is ['a']; it is text"),
        ("tags: a", "line 2: tags is 'a'; it is a list of texts"),
        ("tags: [1]", "line 2: tags is [1]; it is a list of texts"),
        ("\nsettings: 3", "line 3: settings is 3; it is a mapping"),
        ("samples: [{a: 1}]", "line 2: samples is [{'a': 1}]; it is one mapping"),
        ("samples: {1: 2}", "line 2: in samples, the value has the key 1; keys are text"),
        ("settings: {temperature: .nan}", "line 2: in settings, temperature is nan"),
        ("samples: {a: !!binary aGk=}", "line 2: in samples, a is a bytes"),
        ("response_schema: {type: objekt}", "line 2: response_schema.type is no JSON Schema: 'objekt'"),
        ("tags: [a]\ntags: [b]", 'line 3: found duplicate key "tags"'),
        ("tags: [a", "line 2: expected ',' or ']'"),
        ("a: 1\n...\nb: 2", "line 4: expected a single document"),
        ("settings: &a {b: *a}", "line 2: aliases (*name) are not allowed here"),
        ("settings: !!python/object:os.system x", "line 2: could not determine a constructor"),
        ("just text", "line 2: the front matter is not `key: value` lines"),
        ("- a", "line 2: the front matter is not `key: value` lines"),
        ("description: \x07", "line 2: the front matter is no YAML"),
        ("samples: " + "[" * 3000 + "]" * 3000, "line 2: nested more than 50 deep"),
        ("description: " + "a" * 200_000, ": the front matter has 200,013 characters; 200,000 are allowed"),
    ],
)
def test_a_mistake_is_one_line_with_the_file_and_the_line(text: str, message: str) -> None:
    with pytest.raises(PromptError) as caught:
        read(text)
    assert str(caught.value).startswith(f"prompts/x.j2{message if message.startswith(':') else f', {message}'}")
    assert "\n" not in str(caught.value)


@given(
    st.builds(
        FrontMatter,
        description=st.text().map(str.strip),
        tags=st.lists(st.text(min_size=1).map(str.strip).filter(bool), unique=True, max_size=3).map(tuple),
        settings=st.dictionaries(st.text(), VALUE, max_size=3),
        response_schema=st.none() | st.just({}) | st.just({"type": "object", "title": "no"}),
        samples=st.dictionaries(st.text(), VALUE, max_size=3),
    )
)
@settings(deadline=None)
@example(FrontMatter(samples={"a\x85": "b\u2028", "c": "\xa0d\x85\u2029", "e": "f\r\n  g \n"}))
def test_what_is_written_reads_back_the_same(front: FrontMatter) -> None:
    assert read(write_front_matter(front)) == front
