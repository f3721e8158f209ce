"""A PostgreSQL of one's own, for tests and benchmarks: a private cluster in a temporary folder, or one that is named.

    with running_server() as server, server.database() as url:
        ...

`PROMPTLAB_TEST_POSTGRES` names a server whose user may create databases; it is used as it is and never restarted.
Otherwise the binaries on PATH or of Debian's packages start a cluster on a free port of this machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from promptlab.store.database import Database

VARIABLE = "PROMPTLAB_TEST_POSTGRES"
MISSING = (
    "no PostgreSQL here: install the package postgresql (apt-get install postgresql), or name a server whose user "
    f"may create databases: {VARIABLE}=postgresql://user@host/postgres"
)
START_SECONDS = 60
START_ATTEMPTS = 3

# No fsync: these clusters have to survive the end of their processes, never that of the machine. And no writing of
# the log in between commits, so that a restart loses all that a crash may lose.
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
wal_writer_delay = 10s
full_page_writes = off
max_connections = 200
log_min_messages = warning
"""


class NoServerError(Exception):
    """No PostgreSQL can be had; the message says what to install."""


@dataclass(slots=True)
class PostgresServer:
    """A server that runs. url: of a database that is there, to create others from.

    cluster: the folder of a private cluster and its programs; None for a server of somebody else.
    """

    url: sa.URL
    cluster: Cluster | None
    _template: str = ""
    _databases: list[str] = field(default_factory=list)

    def restart(self) -> None:
        """Ends the server as a crash does (every connection is lost, nothing is flushed) and starts it again."""
        if self.cluster is None:
            raise NoServerError(f"the server of {VARIABLE} is not ours to restart")
        self.cluster.control("restart", "-m", "immediate")

    def stop(self) -> None:
        """Ends the server as a crash does, until `start`."""
        if self.cluster is None:
            raise NoServerError(f"the server of {VARIABLE} is not ours to stop")
        self.cluster.control("stop", "-m", "immediate")

    def start(self) -> None:
        """Starts it again, on the same port."""
        if self.cluster is not None:
            self.cluster.control("start")

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a fresh database, dropped in the end; empty where it is not migrated."""
        if migrated and not self._template:
            template = self._create()
            Database.open(self._url_of(template)).close()
            self._template = template
        name = self._create(self._template if migrated else "")
        try:
            yield self._url_of(name)
        finally:
            self._drop(name)

    def drop_databases(self) -> None:
        """Drops what was made here and is still there."""
        for name in list(self._databases):
            self._drop(name)

    def _url_of(self, name: str) -> str:
        return self.url.set(database=name).render_as_string(hide_password=False)

    def _create(self, template: str = "") -> str:
        name = f"promptlab_test_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        self._databases.append(name)
        return name

    def _drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._databases.remove(name)

    def _execute(self, sql: str) -> None:
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(sql))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A private cluster: its programs, its folder and the user that it runs as (None: this one)."""

    programs: Path
    folder: Path
    user: pwd.struct_passwd | None

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs to its end; raises NoServerError with what it said."""
        owner: dict[str, object] = {}
        if self.user is not None:
            owner = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        # Into a file: the server keeps what it inherits open, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                [str(self.programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.folder,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
                **owner,  # type: ignore[call-overload]
            )
            if done.returncode:
                said.seek(0)
                raise NoServerError(f"PostgreSQL's {program} failed here: {said.read().strip()[-500:]}")

    def control(self, what: str, *options: str) -> None:
        """Starts, stops or restarts the server, and waits until it is done."""
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self.run("pg_ctl", what, "-w", "-t", str(START_SECONDS), "-D", data, "-l", log, *options)


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server to test against, ended (or left as it was found) in the end; NoServerError where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        url = sa.make_url(named).set(drivername="postgresql+psycopg")
        server = PostgresServer(url, None)
        try:
            yield server
        finally:
            server.drop_databases()
        return
    programs = find_programs()
    if programs is None:
        raise NoServerError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="promptlab-postgresql-"))
    try:
        cluster = Cluster(programs, folder, _unprivileged())
        if cluster.user is not None:
            os.chown(folder, cluster.user.pw_uid, cluster.user.pw_gid)
        port = _start_new(cluster)
        try:
            yield PostgresServer(sa.make_url(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"), cluster)
        finally:
            cluster.control("stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path | None:
    """The folder of initdb and pg_ctl: on PATH, else the newest of Debian's; None where there is none."""
    for found in (shutil.which("initdb"), shutil.which("pg_ctl")):
        if found is not None and (Path(found).resolve().parent / "initdb").exists():
            return Path(found).resolve().parent
    versions = sorted(
        (folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()),
        key=lambda folder: [int(part) for part in folder.parent.name.split(".") if part.isdecimal()],
    )
    return versions[-1] if versions else None


def _start_new(cluster: Cluster) -> int:
    """The port of a new cluster that runs."""
    locale = ["--locale=C.UTF-8"] if os.path.exists("/usr/lib/locale/C.utf8") else ["--no-locale"]  # noqa: PTH110 - one line
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", *locale]
    cluster.run("initdb", "--pgdata", str(cluster.folder / "data"), *options)
    settings = cluster.folder / "data" / "postgresql.conf"
    for attempt in range(START_ATTEMPTS):
        port = _free_port()
        with settings.open("a") as file:
            file.write(SETTINGS.format(port=port, folder=cluster.folder))
        try:
            cluster.control("start")
            return port
        except NoServerError:
            # Somebody else may have taken the port in between.
            if attempt == START_ATTEMPTS - 1:
                raise
    raise AssertionError


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged(names: Sequence[str] = ("postgres", "nobody")) -> pwd.struct_passwd | None:
    """The user that a server runs as where this process is root's, which PostgreSQL refuses; else None."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServerError(f"PostgreSQL does not run as root, and there is no user {' or '.join(names)}")
