"""Params and tags of runs: text by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import UsageError
from promptlab.store.locks import lock_run
from promptlab.store.statements import Prepared, check_name, in_chunks, upsert
from promptlab.store.tables import INDEXED_CHARACTERS, PARAM, TAG

LONGEST_NUMBER = 60
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_ADD_PARAM = Prepared(
    lambda dialect: upsert(dialect, PARAM, keys=["run_id", "key"]), ("run_id", "key", "value", "whole_value", "number")
)
_SET_TAG = Prepared(
    lambda dialect: upsert(dialect, TAG, keys=["run_id", "key"], update=["value"]), ("run_id", "key", "value")
)


def set_params(connection: Connection, run_id: int, values: Mapping[str, Any]) -> None:
    """Keeps params of a run, whole however long; text as it is, other values as text.

    Raises UsageError, and keeps none of them, where one has another value already: a param is set once.
    """
    wanted = {check_name(key, "param"): as_text(value) for key, value in values.items()}
    lock_run(connection, run_id)
    added = _ADD_PARAM.many(
        connection,
        (
            {
                "run_id": run_id,
                "key": key,
                "value": value[:INDEXED_CHARACTERS],
                "whole_value": value if len(value) > INDEXED_CHARACTERS else None,
                "number": as_number(value),
            }
            for key, value in wanted.items()
        ),
    )
    if added == len(wanted):
        return
    stored = params(connection, run_id)
    for key, value in wanted.items():
        if stored[key] != value:
            raise UsageError(
                f"param '{key}' of this run is {_short(stored[key])} already and cannot become {_short(value)}; "
                "a param is set once: log what changes as a metric or a tag"
            )


def as_number(text: str) -> float | None:
    """The number that a text says in plain decimal notation, which is what searches compare; None for any other text.

    Example: as_number("1e-3") -> 0.001; as_number("True"), as_number("nan"), as_number(" 1") -> None
    """
    return float(text) if len(text) <= LONGEST_NUMBER and _NUMBER.fullmatch(text) else None


def params(connection: Connection, run_id: int) -> dict[str, str]:
    """The params of a run, by name in alphabetical order."""
    query = sa.select(PARAM.c.key, PARAM.c.value, PARAM.c.whole_value)
    rows = connection.execute(query.where(PARAM.c.run_id == run_id).order_by(PARAM.c.key))
    return {key: value if whole is None else whole for key, value, whole in rows}


def params_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The params of several runs, by run id."""
    found: dict[int, dict[str, str]] = {run_id: {} for run_id in run_ids}
    for chunk in in_chunks(run_ids):
        query = sa.select(PARAM.c.run_id, PARAM.c.key, PARAM.c.value, PARAM.c.whole_value)
        for run_id, key, value, whole in connection.execute(
            query.where(PARAM.c.run_id.in_(chunk)).order_by(PARAM.c.key)
        ):
            found[run_id][key] = value if whole is None else whole
    return found


def set_tags(connection: Connection, run_id: int, values: Mapping[str, Any]) -> None:
    """Sets tags of a run; a new value replaces the old one."""
    rows = [{"run_id": run_id, "key": check_name(key, "tag"), "value": as_text(value)} for key, value in values.items()]
    lock_run(connection, run_id)
    _SET_TAG.many(connection, rows)


def tags(connection: Connection, run_id: int) -> dict[str, str]:
    """The tags of a run, by name in alphabetical order."""
    query = sa.select(TAG.c.key, TAG.c.value).where(TAG.c.run_id == run_id).order_by(TAG.c.key)
    return {key: value for key, value in connection.execute(query)}  # noqa: C416 - mypy cannot see a pair in a Row


def delete_tag(connection: Connection, run_id: int, key: str) -> None:
    """Takes a tag away; raises UsageError that names the tags there are where it is not one of them."""
    deleted = connection.execute(sa.delete(TAG).where(TAG.c.run_id == run_id, TAG.c.key == key))
    if not deleted.rowcount:
        raise UsageError(f"this run has no tag '{key}'; it has: {', '.join(tags(connection, run_id)) or 'none'}")


def as_text(value: Any) -> str:
    """Text as it is; mappings and lists as JSON where they can be; anything else as Python writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | Sequence):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):
            return str(value)
    return str(value)


def _short(value: str) -> str:
    return repr(value if len(value) <= 60 else f"{value[:57]}...")
