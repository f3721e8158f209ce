"""HTTP APIs as data frames: JSON, JSONL or CSV, page by page; within limits of time and size, from one host only."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from promptlab.errors import UsageError
from promptlab.redact import redact
from promptlab.sources.fetching import Fetched, Limits, fetch
from promptlab.sources.files import frame_of, read_delimited
from promptlab.sources.options import Options
from promptlab.spelling import few
from promptlab.suites.readers.jsonl import DECODER, check_depth
from promptlab.suites.rows import shown

if TYPE_CHECKING:
    import pandas as pd

SECONDS = 30.0
MOST_BYTES = 200_000_000
MOST_PAGES = 1000
FORMATS = ("json", "jsonl", "csv")

_SECRET = (
    "key",
    "apikey",
    "api_key",
    "token",
    "access_token",
    "secret",
    "password",
    "passwd",
    "sig",
    "signature",
    "auth",
)


def read_url(options: Options) -> pd.DataFrame:
    """The rows that an API gives, all of its pages. Raises UsageError that says what was answered instead."""
    url = check_url(options.main, options.where)
    kind = options.checked("format", lambda value: value in FORMATS, "json, jsonl or csv")
    limits = Limits(
        options.number("seconds", SECONDS, most=3600),
        int(options.number("most_bytes", MOST_BYTES, most=2_000_000_000)),
    )
    headers = _headers(options)
    secret = options.names("params_env")
    values: list[dict[str, Any]] = []
    left = limits.most_bytes
    most_pages = int(options.number("most_pages", MOST_PAGES, most=100_000))
    for number, page in enumerate(_pages(url, options, secret, headers, limits), start=1):
        form = kind or _format(page)
        if form == "csv":
            if options.text("next") or options.text("page"):
                raise UsageError(f"{options.where}: pages are of JSON; leave out `next` and `page`")
            return _csv(page, options.where)
        found = _lines(page, options.where) if form == "jsonl" else _json(page, options)
        values += found
        left -= len(page.content)
        if left < 0:
            raise UsageError(f"{options.where}: the pages have more than {limits.most_bytes:,} bytes; set `most_bytes`")
        if not found or not (options.text("next") or options.text("page")):
            break
        if number >= most_pages:
            raise UsageError(f"{options.where}: has more than {most_pages:,} pages; set `most_pages`")
    return frame_of(values, options.where)


def check_url(url: str, where: str) -> str:
    """The URL itself; raises UsageError for what is not http or https, and for one with a key in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{where}: {url[:80]!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{where}: {url[:80]!r} is no http or https URL")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{where}: the URL has a name or password in it; use headers_env: {{Authorization: VARIABLE}}")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name.lower().replace("-", "_") in _SECRET:
            raise UsageError(
                f"{where}: the URL has a key in it, {name!r}; put it into an environment variable and name that: "
                f"params_env: {{{name}: VARIABLE}}"
            )
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise UsageError(f"{where}: the URL {url[:80]!r} has blanks in it; write %20")
    return url


def _headers(options: Options) -> dict[str, str]:
    headers = options.names("headers_env")
    for name, value in headers.items():
        if any(ord(character) < 32 for character in name + value) or not name.isascii() or not value.isascii():
            raise UsageError(f"{options.where}: the header {name!r} has characters that no header can have")
        if name.lower() == "authorization" and " " not in value:
            headers[name] = f"Bearer {value}"
    return headers


def _pages(
    url: str, options: Options, secret: Mapping[str, str], headers: Mapping[str, str], limits: Limits
) -> Iterator[Fetched]:
    """The answers, one after the other; whoever takes them stops at one without rows."""
    parameter, link = options.text("page"), options.text("next")
    if parameter and link:
        raise UsageError(f"{options.where}: has `next` and `page`; keep one")
    seen: set[str] = set()
    number = _first_page(url, parameter)
    while True:
        asked = _with(url, {**secret, **({parameter: str(number)} if parameter else {})})
        if asked in seen:
            raise UsageError(f"{options.where}: the next page leads back to one that was read")
        seen.add(asked)
        page = fetch(asked, headers=headers, limits=limits, where=options.where, secrets=list(secret.values()))
        yield page
        number += 1
        if link is not None:
            following = _at(_parsed(page, options.where), link)
            if following in (None, "", False):
                return
            if not isinstance(following, str):
                raise UsageError(f"{options.where}: `next: {link}` is {shown(following)}; it is the next page's URL")
            url = _same_host(urljoin(asked, following), url, options.where)


def _first_page(url: str, parameter: str | None) -> int:
    given = dict(parse_qsl(urlsplit(url).query)).get(parameter or "", "1")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 1


def _same_host(url: str, before: str, where: str) -> str:
    one, other = urlsplit(url), urlsplit(before)
    if (one.scheme, one.netloc) != (other.scheme, other.netloc):
        raise UsageError(f"{where}: the next page is on another host, {one.scheme}://{one.netloc[:80]}; not followed")
    return url


def _with(url: str, values: Mapping[str, str]) -> str:
    if not values:
        return url
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in values]
    return urlunsplit(parts._replace(query=urlencode([*kept, *values.items()])))


def _format(page: Fetched) -> str:
    path = urlsplit(page.url).path.lower()
    if "csv" in page.media_type or (path.endswith(".csv") and "json" not in page.media_type):
        return "csv"
    if "ndjson" in page.media_type or "jsonl" in page.media_type or path.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    return "json"


def _csv(page: Fetched, where: str) -> pd.DataFrame:
    _no_html(page, where)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(page.content)
        return read_delimited(path, where, ",")


def _lines(page: Fetched, where: str) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(io.StringIO(_text(page, where)), start=1):
        if line.strip():
            found.append(_record(_decoded(line, f"{where} line {number}"), where))
    return found


def _json(page: Fetched, options: Options) -> list[dict[str, Any]]:
    value = _parsed(page, options.where)
    rows = options.text("rows")
    if rows is not None:
        found = _at(value, rows)
        if found is None and isinstance(value, dict):
            raise UsageError(f"{options.where}: `rows: {rows}` is not in the answer, which has: {few(value)}")
        value = found
    if isinstance(value, dict):
        lists = [key for key, item in value.items() if isinstance(item, list)]
        raise UsageError(
            f"{options.where}: the answer is an object with {few(value)}; say which of them has the rows: "
            f"`rows: {lists[0] if lists else 'data.items'}`"
        )
    if not isinstance(value, list):
        raise UsageError(f"{options.where}: the rows are {shown(value)}; they are a list of objects")
    return [_record(item, options.where) for item in value]


def _record(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where}: a row is {shown(value)}; it is an object, {{column: value}}")
    return value


def _at(value: Any, path: str) -> Any:
    """What stands at a path such as `data.items`; None where nothing does."""
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _parsed(page: Fetched, where: str) -> Any:
    return _decoded(_text(page, where), where)


def _decoded(text: str, where: str) -> Any:
    try:
        return check_depth(DECODER.decode(text), text.count("[") + text.count("{"))
    except json.JSONDecodeError as error:
        raise UsageError(f"{where}: answered with no valid JSON: {error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else redact(str(error))[:200]
        raise UsageError(f"{where}: answered with no valid JSON: {said}") from error


def _text(page: Fetched, where: str) -> str:
    _no_html(page, where)
    try:
        return page.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: answered with what is not UTF-8 at byte {error.start}") from error


def _no_html(page: Fetched, where: str) -> None:
    if page.media_type == "text/html" or page.content[:200].lstrip()[:1] == b"<":
        raise UsageError(f"{where}: answered with a page (HTML), not with data; is the URL right, is a login needed?")
