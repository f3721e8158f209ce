"""The JSON Schemas of promptlab.toml, of a prompt's front matter and of settings say what their readers say."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from promptlab.config import Endpoint, Limits, PriceOverride, find_workspace
from promptlab.config_keys import ENDPOINT, LIMITS, PRICES, problems
from promptlab.errors import PromptError
from promptlab.models.settings import SETTINGS
from promptlab.prompts.files import parse_prompt
from promptlab.prompts.frontmatter import KEYS
from promptlab.schemas.published import schema_text
from promptlab.suites.document import parse_yaml

ROOT = Path(__file__).parents[1]
SERVER = '[endpoints.x]\nbase_url = "http://localhost:1/v1"\n'


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_text(name)))


def test_the_keys_of_the_tables_are_the_fields_of_what_they_become() -> None:
    assert set(ENDPOINT) == {field.name for field in fields(Endpoint)} - {"name"}
    assert set(LIMITS) == {field.name for field in fields(Limits)}
    assert set(PRICES) == {field.name for field in fields(PriceOverride)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        SERVER,
        f'{SERVER}api_key_env = "KEY"\ninput_usd_per_million = 0\nmax_concurrency = 4\ndeadline_seconds = 0.5',
        "[openai]\nrequests_per_minute = 500",
        "[local]\nthreads = 2",
        '[prices."openai:gpt-4o-mini"]\ninput_usd_per_million = 0.1\n[prices."ollama:*"]\noutput_usd_per_million = 0',
        (ROOT / "promptlab.toml").read_text(encoding="utf-8"),
    ],
)
def test_a_configuration_that_is_read_follows_the_schema(tmp_path: Path, text: str) -> None:
    (tmp_path / "promptlab.toml").write_text(text, encoding="utf-8")
    find_workspace(tmp_path)
    assert list(validator("config").iter_errors(tomllib.loads(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "[price]",
        "prices = 3",
        '[prices]\n"openai:x" = 3',
        '[prices."gpt-4o"]\ninput_usd_per_million = 1',
        '[prices."openai:"]\ninput_usd_per_million = 1',
        '[prices."local:smollm2-135m"]\ninput_usd_per_million = 1',
        '[prices."openai:x"]\ninput = 1',
        '[prices."openai:x"]',
        '[prices."openai:x"]\ncached_input_usd_per_million = 1',
        '[prices."openai:x"]\ninput_usd_per_million = -1',
        '[prices."openai:x"]\ninput_usd_per_million = true',
        "openai = 3",
        '[openai]\nbase_url = "http://x"',
        "[openai]\nthreads = 1",
        "[openai]\nrequests_per_minute = 0",
        SERVER + "max_concurrency = 0",
        SERVER + "max_concurrency = 2.5",
        SERVER + 'requests_per_minute = "9"',
        SERVER + "api_key_env = 3",
        SERVER + 'api_key = "sk"',
        "[endpoints.x]",
        '[endpoints.x]\nbase_url = "localhost"',
        '[endpoints.openai]\nbase_url = "http://x"',
        "[local]\nthreads = 0",
    ],
)
def test_a_configuration_that_is_refused_does_not(text: str) -> None:
    settings = tomllib.loads(text)
    assert list(problems(settings))
    assert list(validator("config").iter_errors(settings))


@pytest.mark.parametrize("path", sorted((ROOT / "prompts").glob("*.j2")), ids=lambda path: path.name)
def test_the_front_matter_of_every_shipped_prompt_follows_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    front = text.split("---\n", 2)[1] if text.startswith("---\n") else ""
    assert list(validator("prompt").iter_errors(parse_yaml(front, name=path.name).value)) == []


def test_front_matter_has_the_keys_of_its_reader() -> None:
    assert list(json.loads(schema_text("prompt"))["properties"]) == list(KEYS)


@pytest.mark.parametrize(
    "front",
    ["description: 5", "tags: a", "tags: [1]", "settings: 3", "samples: [a]", "setings: {}", "response_schema: 3"],
)
def test_front_matter_that_is_refused_does_not_follow_the_schema(front: str) -> None:
    with pytest.raises(PromptError):
        parse_prompt(f"---\n{front}\n---\nx", name="a")
    assert list(validator("prompt").iter_errors(parse_yaml(front, name="a").value))


VALUES = [
    None,
    True,
    0,
    1,
    -1,
    0.5,
    1.5,
    3,
    -2.5,
    101,
    "",
    "low",
    "\n",
    [],
    ["a"],
    [""],
    [1],
    {},
    {"1": 5},
    {"a": 5},
    {"1": 101},
]


@pytest.mark.parametrize("name", SETTINGS)
def test_the_schema_of_a_setting_takes_what_its_check_takes(name: str) -> None:
    schema = Draft202012Validator(dict(SETTINGS[name].schema))
    differing = [value for value in VALUES if SETTINGS[name].accepts(value) != schema.is_valid(value)]
    assert differing == []
