"""Sampling settings by their OpenAI names: which there are, and what each may be."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what it may be, in words, the check that says so, and the same as a JSON Schema."""

    meaning: str
    accepts: Callable[[Any], bool]
    schema: Mapping[str, Any]


def _number(low: float, high: float = math.inf, *, open_low: bool = False) -> Callable[[Any], bool]:
    def accepts(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return (value > low if open_low else value >= low) and value <= high

    return accepts


def _whole(low: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def _is_stop(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value)


def _is_bias(value: Any) -> bool:
    accepts = _number(-100, 100)
    return isinstance(value, Mapping) and all(
        str(token).isdecimal() and accepts(number) for token, number in value.items()
    )


def _is_tools(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_tool, value))


def _is_tool(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str) or not value["type"]:
        return False
    function = value.get("function")
    if value["type"] == "function":
        return isinstance(function, Mapping) and isinstance(function.get("name"), str) and bool(function["name"])
    return True


def _is_tool_choice(value: Any) -> bool:
    return (isinstance(value, str) and bool(value)) or _is_tool(value)


_PENALTY: Mapping[str, Any] = {"type": "number", "minimum": -2, "maximum": 2}

SETTINGS: Mapping[str, Setting] = {
    "temperature": Setting("a number from 0", _number(0), {"type": "number", "minimum": 0}),
    "max_tokens": Setting("a whole number from 1", _whole(1), {"type": "integer", "minimum": 1}),
    "top_p": Setting(
        "a number above 0 and up to 1",
        _number(0, 1, open_low=True),
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    ),
    "top_k": Setting("a whole number from 1", _whole(1), {"type": "integer", "minimum": 1}),
    "min_p": Setting("a number from 0 to 1", _number(0, 1), {"type": "number", "minimum": 0, "maximum": 1}),
    "seed": Setting("a whole number", _whole(-math.inf), {"type": "integer"}),
    "stop": Setting(
        "a text or a list of texts, none empty",
        _is_stop,
        {"type": ["string", "array"], "minLength": 1, "items": {"type": "string", "minLength": 1}},
    ),
    "frequency_penalty": Setting("a number from -2 to 2", _number(-2, 2), _PENALTY),
    "presence_penalty": Setting("a number from -2 to 2", _number(-2, 2), _PENALTY),
    "repetition_penalty": Setting(
        "a number above 0", _number(0, open_low=True), {"type": "number", "exclusiveMinimum": 0}
    ),
    "logit_bias": Setting(
        "a mapping of token ids to numbers from -100 to 100",
        _is_bias,
        {
            "type": "object",
            "propertyNames": {"pattern": "^[0-9]+$"},
            "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100},
        },
    ),
    "reasoning_effort": Setting(
        "a text such as low", lambda value: isinstance(value, str) and bool(value), {"type": "string", "minLength": 1}
    ),
    "tools": Setting(
        "a list of tools, {type: function, function: {name: ..., description: ..., parameters: ...}} each",
        _is_tools,
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type"],
                "properties": {
                    "type": {"type": "string", "minLength": 1},
                    "function": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "minLength": 1},
                            "description": {"type": "string"},
                            "parameters": {"type": "object"},
                        },
                    },
                },
            },
        },
    ),
    "tool_choice": Setting(
        "auto, none, required, or {type: function, function: {name: ...}}",
        _is_tool_choice,
        {"type": ["string", "object"], "minLength": 1, "required": ["type"]},
    ),
    "extra_body": Setting("a mapping", lambda value: isinstance(value, Mapping), {"type": "object"}),
}
"""Every setting a prompt, a suite or the command line may name."""

OF_ENDPOINTS = ("tools", "tool_choice")
"""Settings that change what is asked, and that a model in this process does not have."""


def check_settings(settings: Any, *, where: str) -> dict[str, Any]:
    """The settings as a plain dict, each known and of its kind.

    where: what they belong to, for the message: `evals/sentiment.yaml, line 5`. Raises UsageError that names the
    setting, its value and what it may be.
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise UsageError(f"{where}: settings are {settings!r}; they are a mapping such as temperature: 0")
    checked: dict[str, Any] = {}
    for key, value in settings.items():
        setting = SETTINGS.get(key) if isinstance(key, str) else None
        if setting is None:
            raise UsageError(f"{where}: unknown setting {key!r}{_suggestion(str(key))}")
        if not setting.accepts(value):
            raise UsageError(f"{where}: {key} is {value!r}; it is {setting.meaning}")
        checked[str(key)] = _plain(value)
    return checked


def _suggestion(key: str) -> str:
    close = difflib.get_close_matches(key.lower(), SETTINGS, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(SETTINGS)}"


def _plain(value: Any) -> Any:
    """The value in plain dicts and lists, so that it is JSON whatever parser it came from."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
