"""The keys of promptlab.toml: what each means and may be, and everything that is wrong with a file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

RESERVED_PROVIDERS = frozenset({"openai", "local", "fake", "python"})
ENDPOINT_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table. kind: what it may be, in words; schema: the same as a JSON Schema, accepts: as a check."""

    meaning: str
    kind: str
    schema: Mapping[str, Any]
    accepts: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    place: the table, and the key where it is one: `("endpoints", "ollama", "base_url")`. title: the table as it is
    written, `[endpoints.ollama]`; empty where it is of no single one.
    """

    place: tuple[str, ...]
    message: str
    title: str = ""


Keys: TypeAlias = Mapping[str, Key]


def _is_number(value: Any) -> bool:
    # TOML also knows inf and nan.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _price(meaning: str) -> Key:
    accepts: Callable[[Any], bool] = lambda value: _is_number(value) and value >= 0  # noqa: E731 - one line of a table
    return Key(
        f"{meaning}, in US dollars for a million tokens.", "a number from 0", {"type": "number", "minimum": 0}, accepts
    )


def _limit(meaning: str) -> Key:
    # Of 0 a minute, or within 0 seconds, no call could ever be made.
    accepts: Callable[[Any], bool] = lambda value: _is_number(value) and value > 0  # noqa: E731 - as above
    return Key(meaning, "a number above 0", {"type": "number", "exclusiveMinimum": 0}, accepts)


def _whole(meaning: str) -> Key:
    return Key(meaning, "a whole number from 1", {"type": "integer", "minimum": 1}, _is_whole)


PRICES: Keys = {
    "input_usd_per_million": _price("What input costs"),
    "output_usd_per_million": _price("What output costs"),
    "cached_input_usd_per_million": _price("What input costs that the provider had cached; default: as all input"),
}
LIMITS: Keys = {
    "requests_per_minute": _limit("The most requests a minute; default: no limit that is known beforehand."),
    "tokens_per_minute": _limit("The most tokens a minute, in and out; default: no limit that is known beforehand."),
    "max_concurrency": _whole("The most calls in flight; default: as many as the server takes."),
    "deadline_seconds": _limit("How long a whole call may take; default: 120."),
}
ENDPOINT: Keys = {
    "base_url": Key(
        "Where the OpenAI-compatible server answers.",
        "needed, and starts with http:// or https://",
        {"type": "string", "pattern": "^https?://"},
        lambda value: isinstance(value, str) and value.startswith(("http://", "https://")),
    ),
    "api_key_env": Key(
        "The name of the environment variable with its key; without it a dummy is sent, never OPENAI_API_KEY.",
        "text",
        {"type": "string"},
        lambda value: isinstance(value, str),
    ),
    **{name: key for name, key in PRICES.items() if name != "cached_input_usd_per_million"},
    **LIMITS,
}
LOCAL: Keys = {"threads": _whole("Threads for local models; default: the number of free cores.")}
TABLES: Mapping[str, str] = {
    "endpoints": "Named OpenAI-compatible servers: with [endpoints.ollama], `ollama:NAME` is a base model.",
    "local": "Models that run on this machine.",
    "openai": "What may be asked of `openai:` models.",
    "prices": 'Your own prices by model name or pattern, such as [prices."openai:gpt-4o-mini"] or [prices."ollama:*"].',
}
"""The tables, and what each is about."""


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the settings of a promptlab.toml, in its order; nothing where all is well."""
    for name in settings:
        if name not in TABLES:
            yield Problem((name,), f"unknown key {name!r}; known: {', '.join(sorted(TABLES))}")
    yield from _local(settings.get("local", {}))
    yield from _endpoints(settings.get("endpoints", {}))
    yield from _prices(settings.get("prices", {}))
    yield from _openai(settings.get("openai", {}))


def _local(table: Any) -> Iterator[Problem]:
    if isinstance(table, dict):
        yield from _table(table, LOCAL, ("local",), "[local]")
    else:
        yield Problem(("local",), "[local] is a table, with `threads`")


def _endpoints(tables: Any) -> Iterator[Problem]:
    if not _are_tables(tables):
        yield Problem(("endpoints",), "endpoints are tables: [endpoints.NAME] with base_url")
        return
    for name, table in tables.items():
        place, title = ("endpoints", name), f"[endpoints.{name}]"
        if name in RESERVED_PROVIDERS:
            yield Problem(place, f"{name!r} is a provider of promptlab; choose another name", title)
        elif not re.fullmatch(ENDPOINT_NAME, name):
            yield Problem(place, "a name has letters, digits, `-`, `_` and `.` only", title)
        else:
            yield from _endpoint(table, place, title)


def _endpoint(table: Mapping[str, Any], place: tuple[str, ...], title: str) -> Iterator[Problem]:
    if "api_key" in table:
        message = "a key never stands in a file; name its environment variable in api_key_env"
        yield Problem((*place, "api_key"), message, title)
    rest = {name: value for name, value in table.items() if name != "api_key"}
    if "base_url" not in table:
        yield Problem(place, f"base_url is None; it is {ENDPOINT['base_url'].kind}", title)
    yield from _table(rest, ENDPOINT, place, title)


def _prices(tables: Any) -> Iterator[Problem]:
    if not _are_tables(tables):
        yield Problem(("prices",), 'prices are tables: [prices."PROVIDER:MODEL"] with input_usd_per_million')
        return
    for name, table in tables.items():
        place, title = ("prices", name), f'[prices."{name}"]'
        provider, _, model = name.partition(":")
        if not provider or not model:
            yield Problem(place, f"the name is {name!r}; it is PROVIDER:MODEL, such as openai:gpt-4o-mini", title)
        elif provider in ("local", "python"):
            message = f"{provider} models run on this machine and cost nothing; remove the table"
            yield Problem(place, message, title)
        else:
            yield from _table(table, PRICES, place, title)
            if not {"input_usd_per_million", "output_usd_per_million"} & set(table):
                yield Problem(place, "input_usd_per_million and output_usd_per_million are missing", title)


def _openai(table: Any) -> Iterator[Problem]:
    if not isinstance(table, dict):
        yield Problem(("openai",), f"[openai] is a table, with any of {', '.join(LIMITS)}")
        return
    if "base_url" in table:
        yield Problem(
            ("openai", "base_url"),
            "base_url is not set here; set OPENAI_BASE_URL, or name the server in [endpoints.NAME]",
            "[openai]",
        )
    rest = {name: value for name, value in table.items() if name != "base_url"}
    yield from _table(rest, LIMITS, ("openai",), "[openai]")


def _table(table: Mapping[str, Any], keys: Keys, place: tuple[str, ...], title: str) -> Iterator[Problem]:
    for name, value in table.items():
        key = keys.get(name)
        if key is None:
            yield Problem((*place, name), f"unknown key {name!r}; known: {', '.join(sorted(keys))}", title)
        elif not key.accepts(value):
            yield Problem((*place, name), f"{name} is {value!r}; it is {key.kind}", title)


def _are_tables(tables: Any) -> bool:
    return isinstance(tables, dict) and all(isinstance(table, dict) for table in tables.values())
