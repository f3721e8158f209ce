from typing import Any

import pytest

from promptlab.errors import UsageError
from promptlab.models.settings import check_settings


def test_good_settings_come_back_as_plain_values() -> None:
    settings = {"temperature": 0, "stop": ("a", "b"), "logit_bias": {50256: -100}, "extra_body": {"a": (1, 2)}}
    assert check_settings(settings, where="here") == {
        "temperature": 0,
        "stop": ["a", "b"],
        "logit_bias": {"50256": -100},
        "extra_body": {"a": [1, 2]},
    }
    assert check_settings(None, where="here") == {}


def test_tools_are_settings() -> None:
    function = {"name": "look_up", "parameters": {"type": "object", "properties": {"q": {"type": "string"}}}}
    settings = {"tools": [{"type": "function", "function": function}, {"type": "web_search"}], "tool_choice": "auto"}
    assert check_settings(settings, where="here") == settings
    chosen = {"tool_choice": {"type": "function", "function": {"name": "look_up"}}}
    assert check_settings(chosen, where="here") == chosen


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temprature": 0}, "suite.yaml, line 3: unknown setting 'temprature'; did you mean temperature?"),
        ({"zzz": 0}, "known: temperature"),
        ({1: 0}, "unknown setting 1"),
        ({"temperature": "hot"}, "temperature is 'hot'; it is a number from 0"),
        ({"temperature": True}, "temperature is True"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": -1}, "temperature is -1"),
        ({"max_tokens": 0}, "a whole number from 1"),
        ({"max_tokens": 2.5}, "a whole number from 1"),
        ({"top_p": 0}, "above 0 and up to 1"),
        ({"stop": ""}, "none empty"),
        ({"stop": ["a", 1]}, "none empty"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"logit_bias": {"the": 1}}, "token ids"),
        ({"extra_body": [1]}, "a mapping"),
        ({"tools": []}, "tools is []; it is a list of tools, {type: function"),
        ({"tools": {"type": "function"}}, "it is a list of tools"),
        ({"tools": [{"type": "function", "name": "look_up"}]}, "it is a list of tools"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "it is a list of tools"),
        ({"tool_choice": ["auto"]}, "auto, none, required, or {type: function"),
        ([1], "settings are [1]"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(settings: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_settings(settings, where="suite.yaml, line 3")
    assert words in str(caught.value)
