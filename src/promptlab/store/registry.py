"""Prompts, their immutable versions and their aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import PromptNotFoundError
from promptlab.store.rows import PromptRow
from promptlab.store.statements import Prepared, check_name, upsert
from promptlab.store.tables import PROMPT, PROMPT_ALIAS, PROMPT_VERSION
from promptlab.types import Message, PromptVersion

_ADD_PROMPT = Prepared(
    lambda dialect: upsert(dialect, PROMPT, keys=["name"]), ("name", "description", "tags", "samples", "updated_at")
)
_SET_ALIAS = Prepared(
    lambda dialect: upsert(dialect, PROMPT_ALIAS, keys=["prompt_id", "alias"], update=["number"]),
    ("prompt_id", "alias", "number"),
)
_SELECT = sa.select(PROMPT_VERSION, PROMPT.c.name, PROMPT.c.description, PROMPT.c.tags, PROMPT.c.samples).join(
    PROMPT, PROMPT.c.id == PROMPT_VERSION.c.prompt_id
)


def save_version(
    connection: Connection,
    version: PromptVersion,
    *,
    note: str = "",
    by: str = "",
    at: datetime | str | None = None,
) -> tuple[PromptVersion, bool]:
    """The stored version, and whether it is new: content equal to the newest version's gives that one back.

    Its digest is the content; description, tags and samples belong to the prompt and are updated either way. at: a
    moment, or ISO 8601 text with a time zone; default: now.
    """
    moment = _moment(at)
    about = {
        "description": version.description,
        "tags": list(version.tags),
        "samples": dict(version.samples),
        "updated_at": moment,
    }
    name = check_name(version.name, "prompt")
    _ADD_PROMPT.one(connection, {"name": name, **about})
    # The row is locked until the end, so that two who save at once get two numbers. Not FOR UPDATE: an alias that
    # refers to the prompt may be set meanwhile.
    find = sa.select(PROMPT.c.id, PROMPT.c.description, PROMPT.c.tags, PROMPT.c.samples).where(PROMPT.c.name == name)
    prompt = connection.execute(find.with_for_update(key_share=True)).one()
    newest = connection.execute(
        sa.select(PROMPT_VERSION.c.number, PROMPT_VERSION.c.digest)
        .where(PROMPT_VERSION.c.prompt_id == prompt.id)
        .order_by(PROMPT_VERSION.c.number.desc())
        .limit(1)
    ).first()
    created = newest is None or newest.digest != version.digest
    number = newest.number if newest is not None else 0
    if created:
        number += 1
        connection.execute(
            sa.insert(PROMPT_VERSION),
            {
                "prompt_id": prompt.id,
                "number": number,
                "digest": version.digest,
                "messages": [[message.role, message.content] for message in version.messages],
                "settings": dict(version.settings),
                "response_schema": None if version.response_schema is None else dict(version.response_schema),
                "source": version.source,
                "note": note,
                "saved_by": by,
                "saved_at": moment,
            },
        )
    changed = any(getattr(prompt, field) != about[field] for field in ("description", "tags", "samples"))
    if created or changed:
        connection.execute(sa.update(PROMPT).where(PROMPT.c.id == prompt.id).values(**about))
    return get_version(connection, name, number), created


def get_version(connection: Connection, name: str, number: int | None = None) -> PromptVersion:
    """A version of a prompt; the newest where number is None. Raises PromptNotFoundError that says what there is."""
    query = _SELECT.where(PROMPT.c.name == name).order_by(PROMPT_VERSION.c.number.desc()).limit(1)
    if number is not None:
        query = query.where(PROMPT_VERSION.c.number == number)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise _no_version(connection, name, number)
    return _version(row)


def versions(connection: Connection, name: str) -> list[PromptVersion]:
    """Every version of a prompt, newest first. Raises PromptNotFoundError."""
    query = _SELECT.where(PROMPT.c.name == name).order_by(PROMPT_VERSION.c.number.desc())
    found = [_version(row) for row in connection.execute(query).mappings()]
    if not found:
        raise _no_version(connection, name, None)
    return found


def version_id(connection: Connection, name: str, number: int) -> int:
    """The id of a version's row, as runs keep it. Raises PromptNotFoundError."""
    query = _SELECT.with_only_columns(PROMPT_VERSION.c.id).where(
        PROMPT.c.name == name, PROMPT_VERSION.c.number == number
    )
    found = connection.execute(query).scalar()
    if found is None:
        raise _no_version(connection, name, number)
    return int(found)


def resolve_alias(connection: Connection, name: str, alias: str) -> int:
    """The version number that an alias points at. Raises PromptNotFoundError that lists the aliases there are."""
    known = aliases(connection, name)
    if alias not in known:
        raise PromptNotFoundError(f"prompt '{name}' has no alias '{alias}'; it has: {', '.join(known) or 'none'}")
    return known[alias]


def aliases(connection: Connection, name: str) -> dict[str, int]:
    """The aliases of a prompt and the numbers they point at, by name. Raises PromptNotFoundError."""
    prompt_id = _prompt_id(connection, name)
    query = sa.select(PROMPT_ALIAS.c.alias, PROMPT_ALIAS.c.number).where(PROMPT_ALIAS.c.prompt_id == prompt_id)
    return {alias: number for alias, number in connection.execute(query.order_by(PROMPT_ALIAS.c.alias))}  # noqa: C416 - mypy cannot see a pair in a Row


def set_alias(connection: Connection, name: str, alias: str, number: int) -> None:
    """Points an alias at a version; one that is there moves. Raises PromptNotFoundError."""
    version_id(connection, name, number)
    values = {"prompt_id": _prompt_id(connection, name), "alias": check_name(alias, "alias"), "number": number}
    _SET_ALIAS.one(connection, values)


def delete_alias(connection: Connection, name: str, alias: str) -> None:
    """Takes an alias away. Raises PromptNotFoundError where the prompt has none of this name."""
    resolve_alias(connection, name, alias)
    prompt_id = _prompt_id(connection, name)
    connection.execute(
        sa.delete(PROMPT_ALIAS).where(PROMPT_ALIAS.c.prompt_id == prompt_id, PROMPT_ALIAS.c.alias == alias)
    )


def list_prompts(connection: Connection) -> list[PromptRow]:
    """Every prompt with its newest number and its aliases, by name."""
    pointing: dict[int, dict[str, int]] = {}
    for row in connection.execute(sa.select(PROMPT_ALIAS).order_by(PROMPT_ALIAS.c.alias)):
        pointing.setdefault(row.prompt_id, {})[row.alias] = row.number
    query = (
        sa.select(
            PROMPT,
            sa.func.max(PROMPT_VERSION.c.number).label("latest"),
            sa.func.count(PROMPT_VERSION.c.id).label("versions"),
        )
        .join(PROMPT_VERSION, PROMPT_VERSION.c.prompt_id == PROMPT.c.id)
        .group_by(*PROMPT.c)
        .order_by(PROMPT.c.name)
    )
    return [
        PromptRow(
            name=row.name,
            description=row.description,
            tags=tuple(row.tags),
            latest=row.latest,
            versions=row.versions,
            aliases=pointing.get(row.id, {}),
            updated_at=row.updated_at,
        )
        for row in connection.execute(query)
    ]


def _version(row: Mapping[Any, Any]) -> PromptVersion:
    return PromptVersion(
        name=row["name"],
        number=row["number"],
        digest=row["digest"],
        messages=tuple(Message(role, content) for role, content in row["messages"]),
        settings=row["settings"],
        response_schema=row["response_schema"],
        description=row["description"],
        tags=tuple(row["tags"]),
        samples=row["samples"],
        source=row["source"],
        note=row["note"],
        by=row["saved_by"],
        at=row["saved_at"].isoformat(timespec="seconds"),
    )


def _moment(at: datetime | str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def _prompt_id(connection: Connection, name: str) -> int:
    found = connection.execute(sa.select(PROMPT.c.id).where(PROMPT.c.name == name)).scalar()
    if found is None:
        raise _no_version(connection, name, None)
    return int(found)


def _no_version(connection: Connection, name: str, number: int | None) -> PromptNotFoundError:
    query = _SELECT.with_only_columns(PROMPT_VERSION.c.number).where(PROMPT.c.name == name)
    numbers = list(connection.execute(query.order_by(PROMPT_VERSION.c.number)).scalars())
    if numbers:
        return PromptNotFoundError(f"prompt '{name}' has no version {number}; it has: {_spans(numbers)}")
    names = list(connection.execute(sa.select(PROMPT.c.name).order_by(PROMPT.c.name).limit(20)).scalars())
    return PromptNotFoundError(f"no prompt '{name}' in the registry; there are: {', '.join(names) or 'none'}")


def _spans(numbers: Sequence[int]) -> str:
    """Numbers as people write them: 1-7 for a run without gaps, which versions always are."""
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
