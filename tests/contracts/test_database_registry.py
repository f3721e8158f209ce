"""Prompts, versions, aliases: one contract for every database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from promptlab.errors import PromptNotFoundError
from promptlab.store import registry
from promptlab.store.database import Database
from promptlab.types import Message, PromptVersion

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def prompt(text: str = "Hello {{ name }}", **values: Any) -> PromptVersion:
    values = {"name": "refund", "number": 0, "digest": f"digest of {text}", "source": f"{text}\n", **values}
    return PromptVersion(messages=(Message("system", "be kind"), Message("user", text)), **values)


def save(database: Database, version: PromptVersion, **options: Any) -> tuple[PromptVersion, bool]:
    options = {"note": "", "by": "ada", "at": NOW, **options}
    return database.write(lambda connection: registry.save_version(connection, version, **options)).result()


def write(database: Database, function: Any, *arguments: Any) -> Any:
    return database.write(lambda connection: function(connection, *arguments)).result()


def read(database: Database, function: Any, *arguments: Any) -> Any:
    with database.connect() as connection:
        return function(connection, *arguments)


def test_a_version_comes_back_whole(database: Database) -> None:
    given = prompt(
        settings={"temperature": 0.5, "stop": ["\n"]},
        response_schema={"type": "object"},
        description="answers kindly",
        tags=("support",),
        samples={"name": "Ada"},
    )
    saved, created = save(database, given, note="first")
    assert created
    assert (saved.number, saved.reference, saved.note, saved.by, saved.at) == (
        1,
        "refund@1",
        "first",
        "ada",
        "2026-05-04T12:00:00+00:00",
    )
    for field in ("messages", "settings", "response_schema", "description", "tags", "samples", "source", "digest"):
        assert getattr(saved, field) == getattr(given, field)
    assert read(database, registry.get_version, "refund", 1) == saved


def test_equal_content_gives_the_newest_version_back_and_updates_what_is_beside_it(database: Database) -> None:
    save(database, prompt())
    again, created = save(database, prompt(description="now described", tags=("a",), source="other"), note="ignored")
    assert (again.number, created, again.description, again.tags) == (1, False, "now described", ("a",))
    assert (again.note, again.source) == ("", "Hello {{ name }}\n")


def test_older_content_saved_again_is_a_new_version(database: Database) -> None:
    for text in ("one", "two", "one"):
        save(database, prompt(text))
    assert [version.number for version in read(database, registry.versions, "refund")] == [3, 2, 1]
    assert read(database, registry.get_version, "refund").messages[1].content == "one"


def test_many_who_save_at_once_get_numbers_of_their_own(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda number: save(database, prompt(f"text {number}"))[0].number, range(24)))
    assert sorted(saved) == list(range(1, 25))


def test_an_alias_moves_and_is_taken_away(database: Database) -> None:
    for text in ("one", "two"):
        save(database, prompt(text))
    write(database, registry.set_alias, "refund", "production", 1)
    write(database, registry.set_alias, "refund", "production", 2)
    write(database, registry.set_alias, "refund", "staging", 1)
    assert read(database, registry.resolve_alias, "refund", "production") == 2
    (row,) = read(database, registry.list_prompts)
    assert (row.name, row.latest, row.versions, row.aliases) == ("refund", 2, 2, {"production": 2, "staging": 1})
    with pytest.raises(PromptNotFoundError, match="prompt 'refund' has no alias 'prod'; it has: production, staging"):
        read(database, registry.resolve_alias, "refund", "prod")
    write(database, registry.delete_alias, "refund", "staging")
    with pytest.raises(PromptNotFoundError, match="no alias 'staging'; it has: production"):
        write(database, registry.delete_alias, "refund", "staging")


def test_what_is_not_there_is_named_with_what_is(database: Database) -> None:
    with pytest.raises(PromptNotFoundError, match="no prompt 'refund' in the registry; there are: none"):
        read(database, registry.get_version, "refund")
    save(database, prompt())
    save(database, prompt("two"))
    save(database, prompt(name="greeting"))
    with pytest.raises(PromptNotFoundError, match="prompt 'refund' has no version 9; it has: 1-2"):
        read(database, registry.get_version, "refund", 9)
    with pytest.raises(PromptNotFoundError, match="prompt 'greeting' has no version 2; it has: 1"):
        write(database, registry.set_alias, "greeting", "production", 2)
    with pytest.raises(PromptNotFoundError, match="no prompt 'refnd' in the registry; there are: greeting, refund"):
        read(database, registry.versions, "refnd")
    with pytest.raises(PromptNotFoundError, match="no prompt 'refnd'"):
        read(database, registry.aliases, "refnd")


def test_prompts_are_listed_by_name(database: Database) -> None:
    for name in ("zebra", "apple"):
        save(database, prompt(name=name, description=f"the {name}", tags=("fruit",)), at="2026-05-04T12:00:00+02:00")
    rows = read(database, registry.list_prompts)
    assert [(row.name, row.description, row.tags) for row in rows] == [
        ("apple", "the apple", ("fruit",)),
        ("zebra", "the zebra", ("fruit",)),
    ]
    assert rows[0].updated_at == datetime(2026, 5, 4, 10, tzinfo=UTC)
