"""Documents of a MongoDB collection as a data frame, one column a top-level key; read only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from promptlab.errors import MissingPackageError, UsageError
from promptlab.redact import redact
from promptlab.sources.dtypes import frame_from, plain
from promptlab.sources.files import MOST_COLUMNS
from promptlab.sources.options import Options

if TYPE_CHECKING:
    import pandas as pd

CONNECT_SECONDS = 10
QUERY_SECONDS = 600
_DEFAULT = "mongodb://localhost:27017"


def read_collection(options: Options) -> pd.DataFrame:
    """The documents of a collection that a filter takes, ordered by `_id` or as `sort` says. Raises UsageError.

    Ids are text, times are in UTC, nested documents stay mappings. `seconds`: how long a server is waited for.
    """
    try:
        import pymongo
        from pymongo.errors import PyMongoError
    except ImportError as error:
        raise MissingPackageError(
            f"{options.where}: needs pymongo; install it: pip install 'promptlab-workbench[mongodb]'"
        ) from error
    url = _url(options)
    wanted = options.checked("filter", lambda value: isinstance(value, Mapping), "a mapping: {status: paid}") or {}
    fields = options.checked("fields", _is_names, "a list of names")
    sort = options.checked("sort", lambda value: isinstance(value, str) and value != "", "a name, or -name") or "_id"
    patience = int(options.number("seconds", CONNECT_SECONDS, most=600) * 1000)
    most = int(options.number("most_rows", 0.5, most=10**9))
    try:
        client: Any = pymongo.MongoClient(
            url,
            serverSelectionTimeoutMS=patience,
            connectTimeoutMS=patience,
            tz_aware=True,
            appname="promptlab",
        )
        with client:
            name = options.text("database")
            database = client[name] if name else client.get_default_database()
            cursor = database[options.main].find(
                dict(wanted),
                _projection(fields),
                sort=[(sort.removeprefix("-"), -1 if sort.startswith("-") else 1)],
                limit=most,
                max_time_ms=QUERY_SECONDS * 1000,
            )
            documents = [{key: _value(item) for key, item in document.items()} for document in cursor]
    except (PyMongoError, ValueError, TypeError, OverflowError) as error:
        said = redact(" ".join(str(error).split())[:300], secrets=_secrets(url))
        raise UsageError(f"{options.where}: {said}") from error
    return _frame(documents, fields, options.where)


def said(options: Options) -> str:
    """A collection in words, without a password."""
    database = options.text("database")
    place = options.text("url") or f"${options.text('url_env')}" if options.text("url_env") else _DEFAULT
    return f"{options.text('url') or place}: collection {database + '.' if database else ''}{options.main}"


def _url(options: Options) -> str:
    variable = options.text("url_env")
    if variable is not None:
        held = os.environ.get(variable)
        if not held:
            raise UsageError(f"{options.where}: the environment variable {variable} is not set; it holds the URL")
        return held
    url = options.text("url") or _DEFAULT
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        raise UsageError(f"{options.where}: the URL begins with mongodb:// or mongodb+srv://")
    if "@" in url:
        raise UsageError(
            f"{options.where}: the URL has a password in it; put it into an environment variable and name that: "
            "`url_env: MONGODB_URL`"
        )
    return url


def _secrets(url: str) -> list[str]:
    from urllib.parse import unquote

    user = url.partition("://")[2].partition("@")[0] if "@" in url else ""
    password = user.partition(":")[2]
    return [text for text in (password, unquote(password)) if text]


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(name, str) for name in value)


def _projection(fields: Any) -> dict[str, bool] | None:
    if fields is None:
        return None
    return {**dict.fromkeys(fields, True), **({} if "_id" in fields else {"_id": False})}


def _value(value: Any) -> Any:
    """A value of BSON as Python and pandas have it."""
    from bson import Binary, Decimal128, Int64, ObjectId

    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, Binary):
        return bytes(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return value


def _frame(documents: list[dict[str, Any]], fields: Any, where: str) -> pd.DataFrame:
    columns = list(dict.fromkeys(key for document in documents for key in document)) or list(fields or ())
    if len(columns) > MOST_COLUMNS:
        raise UsageError(f"{where}: the documents have {len(columns):,} keys; {MOST_COLUMNS:,} are allowed")
    data = {column: [document.get(column) for document in documents] for column in columns}
    return plain(frame_from(data, rows=len(documents)))
