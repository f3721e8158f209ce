"""The schema's revisions: which one a database has, upgrades after a backup, and the check that models agree.

Alembic is imported only to migrate or to check, never to open a database that is current.
`python -m promptlab.store.migrate check` exits 1 where models and migrations differ.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import DatabaseError, NewerDatabaseError
from promptlab.store import engines, locks, marks, tables
from promptlab.store.target import Target, parse_target

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class Schema:
    """A line of revisions, oldest first, and the folder of the scripts that make them."""

    revisions: tuple[str, ...]
    scripts: Path

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]


SCHEMA = Schema(("0001", "0002", "0003", "0004"), Path(__file__).parent / "migrations")
"""What this code needs. The revisions stand here, so that opening a current database asks no script."""

HEAD = SCHEMA.head


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did. before: None for a new database. backup: None where there was nothing to lose."""

    before: str | None
    after: str
    backup: Path | None


def current_revision(connection: Connection, target: Target, *, schema: Schema = SCHEMA) -> str | None:
    """The revision of a database, None for an empty one.

    Raises DatabaseError for another program's database and NewerDatabaseError for an unknown revision.
    """
    names = sa.inspect(connection).get_table_names()
    if _VERSION_TABLE not in names:
        if names:
            raise DatabaseError(
                f"the database {target.name} belongs to another program: it has tables {', '.join(sorted(names)[:3])} "
                "and no promptlab schema; name another with --db"
            )
        return None
    revisions = list(connection.execute(sa.text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalars())  # noqa: S608 - a constant
    if not revisions:
        return None
    unknown = [revision for revision in revisions if revision not in schema.revisions]
    if unknown or len(revisions) > 1:
        raise NewerDatabaseError(
            f"the database {target.name} has schema {', '.join(revisions)}, which this promptlab ({schema.head}) "
            "does not know: a newer one has migrated it; upgrade promptlab: pip install --upgrade promptlab-workbench"
        )
    return str(revisions[0])


def upgrade(target: Target, *, schema: Schema = SCHEMA) -> Upgrade:
    """Brings a database to the schema of this code in one transaction, after a backup where it holds anything.

    Processes that come at the same time wait for the first and then find nothing to do. Raises DatabaseError.
    """
    engine = engines.open_engine(target, writes=True, foreign_keys=False)
    try:
        with engine.begin() as connection:
            locks.lock_schema(connection)
            before = current_revision(connection, target, schema=schema)
            if before == schema.head:
                return Upgrade(before, schema.head, None)
            backup = _backup(target, before) if before is not None else None
            _run_scripts(connection, schema)
            marks.create_marks(connection)
            _check_foreign_keys(connection, target)
            return Upgrade(before, schema.head, backup)
    finally:
        engine.dispose()


def _backup(target: Target, revision: str) -> Path | None:
    if target.path is None:
        return None  # a server's database is backed up by those who run the server
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    to = target.path.with_name(f"{target.path.name}.backup-{revision}-{stamp}")
    engines.backup_file(target.path, to)
    return to


def _config(schema: Schema, connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _run_scripts(connection: Connection, schema: Schema) -> None:
    from alembic import command

    command.upgrade(_config(schema, connection), "head")


def _check_foreign_keys(connection: Connection, target: Target) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise DatabaseError(
            f"the database {target.name} was not migrated: table {broken[0]} has rows whose {broken[2]} is missing"
        )


def differences() -> list[str]:
    """What differs between the models and what the migrations make, one line each; empty where they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config(SCHEMA))
    found = [script.revision for script in scripts.walk_revisions()][::-1]
    listed = list(SCHEMA.revisions)
    lines = [] if found == listed else [f"SCHEMA lists the revisions {listed}, the scripts are {found}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.db"
        target = parse_target(f"sqlite:///{path}")
        engines.prepare_file(path)
        upgrade(target)
        engine = engines.open_engine(target, writes=False)
        try:
            with engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
                lines += [str(item) for item in compare_metadata(context, tables.METADATA)]
        finally:
            engine.dispose()
    return lines


def main(arguments: list[str] | None = None) -> int:
    """The exit code of `python -m promptlab.store.migrate check`: 0 where models and migrations agree."""
    given = sys.argv[1:] if arguments is None else arguments
    if given != ["check"]:
        print("usage: python -m promptlab.store.migrate check", file=sys.stderr)
        return 2
    lines = differences()
    for line in lines:
        print(f"models and migrations differ: {line}", file=sys.stderr)
    if not lines:
        print(f"models and migrations agree at schema {HEAD}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
