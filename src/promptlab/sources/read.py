"""A source in any of its forms, read as a table: a path, a URL, a mapping with options, a data frame."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import UsageError
from promptlab.sources.options import Options, read_options
from promptlab.sources.table import Table, as_frame, make_table

WHERE = "the source"


def read_table(source: Any, *, folder: Path) -> Table:
    """The rows of a source, with a digest of their values.

    source: a path or {"file": path, "sheet": ..., "separator": ...}; {"sql": query or file, "url": ... or "url_env":
    ...}; {"table": name, "url": ...}; an http URL or {"url": ..., "rows": "data.items", "next": "links.next"};
    {"mongodb": collection, "database": ..., "url": ...}; a data frame. folder: what paths are relative to that are not
    there from the current folder; locations are as seen from it. Raises UsageError.
    """
    if isinstance(source, Table):
        return source
    if not isinstance(source, str | os.PathLike) and not names_source(source):
        return make_table(as_frame(source, what=WHERE), source="a data frame in Python")
    options = source_options(source)
    if options.form == "file":
        return _file(options, folder)
    if options.form in ("sql", "table"):
        from promptlab.sources import sql

        base = database_folder(options, folder)
        frame = sql.read_query(options, folder=base) if options.form == "sql" else sql.read_whole(options, folder=base)
        return make_table(frame, source=sql.said(options, folder=base), location=located(options, folder))
    if options.form == "mongodb":
        from promptlab.sources import mongodb

        return make_table(mongodb.read_collection(options), source=mongodb.said(options), location=options.said())
    return _url(options)


def names_source(value: Any) -> bool:
    """Whether a mapping is a source with its options; another one is columns by name."""
    if not isinstance(value, Mapping):
        return False
    texts = [key for key in ("file", "sql", "table", "mongodb", "url") if isinstance(value.get(key), str | os.PathLike)]
    return bool(texts)


def source_options(source: Any) -> Options:
    """The options of a source that is a path, a URL or a mapping. Raises UsageError."""
    if isinstance(source, Mapping):
        return read_options(source, where=WHERE)
    text = os.fspath(source)
    if not isinstance(text, str) or not text.strip() or "\x00" in text:
        raise UsageError(f"{WHERE} is {text!r:.80}; name a file, a URL or a mapping such as {{'sql': ..., 'url': ...}}")
    if text.lower().startswith(("http://", "https://")):
        return read_options({"url": text}, where=WHERE)
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme.startswith("mongodb"):
        raise UsageError(f"{WHERE}: write {{'mongodb': 'COLLECTION', 'url': {text[:60]!r}}}")
    if scheme:
        raise UsageError(
            f"{WHERE}: write {{'table': 'NAME', 'url': {text[:60]!r}}} or {{'sql': 'SELECT ...', 'url': ...}}"
        )
    return read_options({"file": text}, where=WHERE)


def found_file(text: str, folder: Path) -> Path:
    """The file that a path means: from the current folder, else from `folder`."""
    path = Path(text).expanduser()
    return path if path.is_absolute() or path.exists() else folder / path


def seen_from(path: Path, folder: Path) -> str:
    """A path as its location says it: relative to the folder where it is in it."""
    whole, root = path.resolve(), folder.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)


def database_folder(options: Options, folder: Path) -> Path:
    """What the path of an SQLite file is relative to: the current folder, where it is in there, else `folder`."""
    url = options.text("url") or ""
    file = url.removeprefix("sqlite:///")
    return Path.cwd() if file != url and Path(file).exists() else folder


def located(options: Options, folder: Path) -> dict[str, Any]:
    """Where a query or a table can be read again, its SQLite file as seen from the folder."""
    location = options.said()
    url = options.text("url") or ""
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        path = database_folder(options, folder) / url.removeprefix("sqlite:///")
        seen = seen_from(path, folder)
        location["url"] = f"sqlite:///{seen}"
    return location


def _file(options: Options, folder: Path) -> Table:
    from promptlab.sources.files import read_file

    path = found_file(options.main, folder)
    name = seen_from(path, folder)
    frame = read_file(path, name=name, sheet=options.given.get("sheet"), separator=options.text("separator"))
    sheet = options.given.get("sheet")
    return make_table(
        frame, source=f"{name}[{sheet}]" if sheet is not None else name, location={**options.said(), "file": name}
    )


def _url(options: Options) -> Table:
    from urllib.parse import urlsplit

    from promptlab.sources.web import check_url, read_url

    url = check_url(options.main, WHERE)
    named = Options(options.form, options.given, f"{urlsplit(url).scheme}://{urlsplit(url).netloc}{urlsplit(url).path}")
    return make_table(read_url(named), source=url, location=options.said())
