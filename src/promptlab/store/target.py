"""Where a database is: what a URL means, and what messages call it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from promptlab.errors import DatabaseError

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")
_SECRETS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a database is. path: its file, None for a server. name: how messages call it, without a password."""

    url: URL
    path: Path | None
    name: str


def parse_target(url: str) -> Target:
    """The target of a database URL; raises DatabaseError for one that promptlab cannot use."""
    if url.startswith(_SQLITE):
        # All of the rest is the path, as it is: a folder may have `?` or `%` in its name.
        file = url.removeprefix(_SQLITE)
        if not file or file == ":memory:" or file.startswith("file:"):
            raise DatabaseError(f"'{url}' is a database in memory, which threads cannot share; name a file")
        return Target(URL.create("sqlite", database=file), Path(file), file)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        shown = _without_secrets(url)
        raise DatabaseError(
            f"'{shown}' is no database URL; write sqlite:///path/to/lab.db or postgresql://user@host:5432/name"
        ) from error
    hidden = parsed.set(query={key: "***" if key in _SECRETS else value for key, value in parsed.query.items()})
    name = hidden.render_as_string(hide_password=True)
    if parsed.drivername in _POSTGRESQL:
        return Target(parsed.set(drivername="postgresql+psycopg"), None, name)
    raise DatabaseError(f"'{name}' cannot be used; databases are sqlite:///path/to/lab.db or postgresql://...")


def _without_secrets(url: str) -> str:
    """Text that was meant as a URL: nobody can say where its password stands, so all that may be one is left out."""
    before, at, after = url.rpartition("@")
    shown = f"{before.partition('//')[0]}//***@{after}" if at and "//" in before else f"***@{after}" if at else url
    return re.sub(r"(password=)[^&]*", r"\1***", shown)
