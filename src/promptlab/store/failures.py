"""What a failure of a database means: whether trying again may help, and how it is told in one line."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from promptlab.errors import DatabaseError
from promptlab.store.target import Target

_READ_ONLY, _CANNOT_OPEN, _NO_DATABASE, _CORRUPT, _FULL = 8, 14, 26, 11, 13
_BUSY = (5, 6)

_CONFLICT_STATES = ("40001", "40P01", "55P03")
_LOST_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03")
"""Shut down, crashed, starting; and sessions that the server ended because they idled."""

# A server says these before there is a session, and the driver then gives no code.
_NOT_YET = re.compile("starting up|shutting down|recovery mode|not yet accepting|too many clients|connection slots")
_FATAL = re.compile(r"FATAL:\s+(.*)")
_NO_SUCH_DATABASE = re.compile(r'database "(.*)" does not exist')


def is_busy(error: BaseException) -> bool:
    """Whether another process or transaction was in the way, so that trying again may help."""
    code = _sqlite_code(error)
    if code is not None:
        return code in _BUSY
    return _state(error) in _CONFLICT_STATES


def is_lost(error: BaseException) -> bool:
    """Whether a server's connection is gone or cannot be made, so that connecting again may help."""
    state = _state(error)
    if state is not None:
        return state in _LOST_STATES or state.startswith("08")
    psycopg = sys.modules.get("psycopg")
    return psycopg is not None and isinstance(driver_error(error), psycopg.OperationalError)


def is_starting(error: BaseException) -> bool:
    """Whether a server is there that will take connections soon: it starts, or others have taken all it has."""
    return is_lost(error) and _NOT_YET.search(str(driver_error(error))) is not None


def is_driver_error(error: BaseException) -> bool:
    """Whether the error comes from the database rather than from the code that used it."""
    if isinstance(error, DBAPIError | sqlite3.Error):
        return True
    # Statements that go straight to the driver raise its own errors. Where it is not imported, there are none.
    psycopg = sys.modules.get("psycopg")
    return psycopg is not None and isinstance(error, psycopg.Error)


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error where SQLAlchemy has wrapped it; else the error itself."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def explain(error: BaseException, target: Target) -> DatabaseError:
    """The failure of a database in one line that says what to do."""
    driver = driver_error(error)
    detail = (str(driver).strip() or type(driver).__name__).splitlines()[0]
    said: Callable[[str], DatabaseError] = lambda text: DatabaseError(f"the database {target.name} {text}")  # noqa: E731 - a prefix
    if target.path is None:
        return said(_of_server(error, detail))
    code = _sqlite_code(error)
    if code == _READ_ONLY:
        return said("cannot be written: it is read-only; make the file and its folder writable")
    if code == _CANNOT_OPEN:
        return said("cannot be opened; check that it is there and that you may read it and write its folder")
    if code == _NO_DATABASE:
        return said("is no database: the file holds something else; name another with --db")
    if code == _CORRUPT:
        return said(f"is damaged ({detail}); restore a backup")
    if code == _FULL:
        return said("cannot grow: the disk is full; make room and try again")
    if code in _BUSY:
        return said("is locked by another process; end that one or try again")
    return said(f"failed: {detail}")


def _of_server(error: BaseException, detail: str) -> str:
    state = _state(error)
    missing = _NO_SUCH_DATABASE.search(detail)
    if missing is not None:
        return f"is not on its server; create it: createdb {missing[1]}"
    if state == "42501":
        return f"refuses: {detail}; its user has to own it, or may create and write tables: GRANT ALL ON SCHEMA public"
    if state == "25006":
        return "cannot be written: it is read-only; name the primary server"
    if state == "53100":
        return "cannot grow: the server's disk is full; make room and try again"
    if state in _CONFLICT_STATES:
        return f"is busy: {detail}; try again"
    if not is_lost(error):
        return f"failed: {detail}"
    fatal = _FATAL.search(detail)
    if fatal is not None:
        return f"refuses the connection: {fatal[1]}"
    return f"cannot be reached: {detail}; is the server running?"


def _state(error: BaseException) -> str | None:
    state = getattr(driver_error(error), "sqlstate", None)
    return state if isinstance(state, str) else None


def _sqlite_code(error: BaseException) -> int | None:
    code = getattr(driver_error(error), "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
