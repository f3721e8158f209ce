"""What runs ran in: Python, platform, packages; stored once for all runs that ran in the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.statements import Prepared, upsert
from promptlab.store.tables import ENVIRONMENT

_ADD = Prepared(lambda dialect: upsert(dialect, ENVIRONMENT, keys=["digest"]), ("digest", "content"))


def environment_digest(content: Mapping[str, Any]) -> str:
    """SHA-256, hex, of an environment, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def add_environment(connection: Connection, content: Mapping[str, Any], *, digest: str) -> None:
    """Keeps an environment; one that is there stays. digest: `environment_digest(content)`."""
    _ADD.one(connection, {"digest": digest, "content": content})


def get_environment(connection: Connection, digest: str | None) -> Mapping[str, Any] | None:
    """The environment with this digest; None where nobody noted one."""
    if digest is None:
        return None
    found = connection.execute(sa.select(ENVIRONMENT.c.content).where(ENVIRONMENT.c.digest == digest)).scalar()
    return None if found is None else dict(found)
