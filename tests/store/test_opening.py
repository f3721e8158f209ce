"""Opening: made, migrated after a backup, or refused in one line."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from promptlab.errors import DatabaseError, NewerDatabaseError
from promptlab.store import migrate, runs
from promptlab.store.database import Database
from promptlab.store.target import parse_target


@pytest.fixture(scope="module")
def current(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A current database with one run, to copy."""
    from datetime import UTC, datetime

    path = tmp_path_factory.mktemp("current") / "lab.db"
    with Database.open(f"sqlite:///{path}") as database:
        database.write(
            lambda connection: runs.create_run(connection, kind="train", name="kept", started_at=datetime.now(UTC))
        ).result()
    return path


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder that everybody may enter, and this process without the powers of root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if os.geteuid() == 0:
            os.seteuid(65534)
            try:
                yield folder
            finally:
                os.seteuid(0)
        else:
            yield folder
            folder.chmod(0o755)


def open_and_close(path: Path, **options: bool) -> None:
    Database.open(f"sqlite:///{path}", **options).close()


def refusal(path: Path, **options: bool) -> str:
    """The one line that opening this gives."""
    with pytest.raises(DatabaseError) as raised:
        open_and_close(path, **options)
    message = str(raised.value)
    assert "\n" not in message
    return message


def copy_of(current: Path, folder: Path) -> Path:
    return Path(shutil.copy(current, folder / "lab.db"))


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)


def test_a_missing_database_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b with space" / "ü?%23.db"
    with Database.open(f"sqlite:///{path}") as database:
        assert database.path == path
        assert database.stats().revision == migrate.HEAD
    assert path.is_file()
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_an_empty_file_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "lab.db").touch()
    open_and_close(tmp_path / "lab.db")


def test_readers_and_the_writer_are_set_up_as_they_should(current: Path, tmp_path: Path) -> None:
    pragmas = ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
    with Database.open(f"sqlite:///{copy_of(current, tmp_path)}") as database:

        def ask(connection: runs.Connection) -> list[object]:
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]

        assert database.write(ask).result() == ["wal", 30_000, 1, 2]
        with database.connect() as connection:
            assert ask(connection) == ["wal", 30_000, 1, 2]


def test_many_who_open_a_missing_database_at_once_all_get_it(tmp_path: Path) -> None:
    script = "import sys; from promptlab.store.database import Database; Database.open(sys.argv[1]).close()"
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    processes = [subprocess.Popen([sys.executable, "-c", script, url], stderr=subprocess.PIPE) for _ in range(8)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 8
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: open_and_close(tmp_path / "threads.db"), range(4)))


def test_opening_a_current_database_imports_no_alembic(current: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from promptlab.store.database import Database; Database.open(sys.argv[1]).close(); "
        "sys.exit(sorted(name for name in sys.modules if name.split('.')[0] in ('alembic', 'mako', 'pandas', 'numpy')))"
    )
    url = f"sqlite:///{copy_of(current, tmp_path)}"
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=False)
    assert done.stderr in ("", "[]\n")


def test_a_newer_database_is_refused_and_left_alone(current: Path, tmp_path: Path) -> None:
    path = copy_of(current, tmp_path)
    change(path, "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    assert re.search(r"has schema 9999, which this promptlab .* does not know: .* upgrade promptlab", refusal(path))
    with pytest.raises(NewerDatabaseError):
        open_and_close(path, read_only=True)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    change(tmp_path / "lab.db", "CREATE TABLE songs (id INTEGER)")
    assert "belongs to another program: it has tables songs" in refusal(tmp_path / "lab.db")


@pytest.mark.parametrize("content", [b"This is a letter, and no database at all.\n" * 100, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lab.db"
    path.write_bytes(content)
    assert f"the database {path} is no database" in refusal(path)
    assert "is no database" in refusal(path, read_only=True)
    assert path.read_bytes() == content


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "is a folder; a database is a file" in refusal(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert f"the folder {tmp_path / 'file' / 'lab'} cannot be made" in refusal(tmp_path / "file" / "lab" / "lab.db")


def test_a_read_only_folder_is_named(ordinary_user: Path, current: Path) -> None:
    folder = ordinary_user / "fixed"
    os.seteuid(os.getuid())
    folder.mkdir()
    copy_of(current, folder)
    folder.chmod(0o555)
    if os.getuid() == 0:
        os.seteuid(65534)
    assert "its file is read-only" in refusal(folder / "lab.db") or "its folder is read-only" in refusal(
        folder / "lab.db"
    )
    assert "its folder is read-only" in refusal(folder / "new.db")
    with Database.open(f"sqlite:///{folder / 'lab.db'}", read_only=True) as database, database.connect() as connection:
        assert [run.name for run in runs.list_runs(connection)] == ["kept"]
    os.seteuid(os.getuid())
    folder.chmod(0o755)


def test_read_only_makes_migrates_and_writes_nothing(current: Path, tmp_path: Path) -> None:
    assert "there is no database" in refusal(tmp_path / "missing.db", read_only=True)
    path = copy_of(current, tmp_path)
    with Database.open(f"sqlite:///{path}", read_only=True) as database:
        with pytest.raises(DatabaseError, match="opened to read only"):
            database.write(lambda _: None)
        with database.connect() as connection:
            assert len(runs.list_runs(connection)) == 1
        database.flush()
    (tmp_path / "empty.db").touch()
    assert "migrate it first: promptlab db upgrade" in refusal(tmp_path / "empty.db", read_only=True)
    assert (tmp_path / "empty.db").stat().st_size == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("lab.db", "is no database URL"),
        ("mysql://ada:secret@host/db", r"'mysql://ada:\*\*\*@host/db' cannot be used; databases are sqlite:///"),
        ("sqlite://", "cannot be used"),
        ("sqlite:///", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, said: str) -> None:
    with pytest.raises(DatabaseError, match=said):
        Database.open(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:secret@127.0.0.1:1/lab",
        "postgres://ada:secret@127.0.0.1:1/lab",
        "postgresql+psycopg://127.0.0.1:1/lab?user=ada&password=secret",
        "postgresql://ada:secret@127.0.0.1:port/lab",
        "postgresql//ada:secret@127.0.0.1:1/lab",
        "postgresql//127.0.0.1:1/lab?password=secret",
    ],
)
def test_a_server_that_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        Database.open(url)
    message = str(raised.value)
    assert "secret" not in message
    assert "\n" not in message
    assert re.search(r"127\.0\.0\.1", message)
    assert re.search(r"cannot be reached: .*; is the server running\?|is no database URL; write", message)


def test_a_missing_driver_is_named_with_the_command_that_installs_it() -> None:
    script = """
import sys
sys.modules["psycopg"] = None  # which Python takes for a package that is not there
from promptlab.errors import DatabaseError
from promptlab.store.database import Database
try:
    Database.open("postgresql://ada:secret@127.0.0.1:1/lab")
except DatabaseError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "'postgresql://ada:***@127.0.0.1:1/lab' needs a PostgreSQL driver; "
        "install it: pip install 'promptlab-workbench[postgres]'\n"
    )


def later_schema(folder: Path, change: str) -> migrate.Schema:
    """Today's schema with one more revision, as the next release may have it."""
    scripts = Path(shutil.copytree(migrate.SCHEMA.scripts, folder / "migrations"))
    (scripts / "versions" / "9000_next.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f"revision, down_revision = '9000', '{migrate.HEAD}'\n"
        f"def upgrade():\n    {change}\n"
        "def downgrade():\n    raise NotImplementedError\n"
    )
    return migrate.Schema((*migrate.SCHEMA.revisions, "9000"), scripts)


REBUILD_RUN = """with op.batch_alter_table('run', recreate='always') as batch:
        batch.add_column(sa.Column('mood', sa.Text(), nullable=False, server_default='calm'))"""


def test_an_older_database_is_migrated_after_a_backup(current: Path, tmp_path: Path) -> None:
    path = copy_of(current, tmp_path)
    schema = later_schema(tmp_path, REBUILD_RUN)
    done = migrate.upgrade(parse_target(f"sqlite:///{path}"), schema=schema)
    assert (done.before, done.after) == (migrate.HEAD, "9000")
    assert done.backup is not None
    assert re.fullmatch(rf"lab\.db\.backup-{migrate.HEAD}-\d{{8}}T\d{{6}}Z", done.backup.name)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name, mood FROM run").fetchall() == [("kept", "calm")]
    with Database.open(f"sqlite:///{done.backup}") as database, database.connect() as connection:
        assert [run.name for run in runs.list_runs(connection)] == ["kept"]
    assert migrate.upgrade(parse_target(f"sqlite:///{path}"), schema=schema).backup is None
    assert "has schema 9000, which this promptlab" in refusal(path)


@pytest.mark.parametrize(
    "step",
    [
        "op.drop_table('score'); op.execute('nonsense')",
        "op.execute('DELETE FROM experiment')",
    ],
)
def test_a_migration_that_fails_leaves_the_database_as_it_was(current: Path, tmp_path: Path, step: str) -> None:
    path = copy_of(current, tmp_path)
    with pytest.raises(Exception, match=r"nonsense|has rows whose experiment is missing"):
        migrate.upgrade(parse_target(f"sqlite:///{path}"), schema=later_schema(tmp_path, step))
    with Database.open(f"sqlite:///{path}") as database, database.connect() as connection:
        assert [run.experiment for run in runs.list_runs(connection)] == ["Default"]
        assert database.stats().rows["score"] == 0


def test_a_backup_is_whole_while_others_write(current: Path, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    with Database.open(f"sqlite:///{copy_of(current, tmp_path)}") as database:
        for number in range(30):
            database.write(
                lambda connection, number=number: runs.create_run(
                    connection, kind="train", name=str(number), started_at=datetime.now(UTC)
                )
            )
        copy = database.backup(tmp_path / "safe" / "copy.db")
        with pytest.raises(DatabaseError, match="is there already"):
            database.backup(copy)
        in_folder = database.backup(tmp_path / "safe")
    assert in_folder.parent == tmp_path / "safe"
    with Database.open(f"sqlite:///{copy}") as database:
        assert database.stats().rows["run"] == 31


def test_stats_count_rows_and_bytes(current: Path, tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{copy_of(current, tmp_path)}") as database:
        stats = database.stats()
    assert (stats.rows["run"], stats.rows["experiment"], stats.rows["output"]) == (1, 1, 0)
    assert stats.bytes > 50_000
