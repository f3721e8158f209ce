"""HTTP APIs as tables, against a real server: pages, keys, limits, and everything that a bad server does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from api_server import ROWS, SECRET, Api, running_api

from promptlab.errors import UsageError
from promptlab.sources.read import read_table


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with running_api() as url:
        yield url


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("TEST_API_KEY", SECRET)
    Api.seen.clear()


def rows_of(source, folder):
    frame = read_table(source, folder=folder).frame
    return [{**record, "day": str(record["day"])[:10]} for record in frame.to_dict("records")]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/list", {}),
        ("/nested", {"rows": "data.items"}),
        ("/rows.csv", {}),
        ("/rows.csv", {"format": "csv"}),
        ("/lines", {}),
        ("/gzipped", {}),
        ("/redirect", {}),
        ("/busy", {}),
        ("/links", {"rows": "items", "next": "links.next"}),
        ("/pages", {"rows": "items", "page": "page"}),
        ("/private", {"headers_env": {"Authorization": "TEST_API_KEY"}}),
        ("/private", {"params_env": {"api_key": "TEST_API_KEY"}}),
    ],
    ids=str,
)
def test_rows_come_from_lists_objects_lines_csv_and_pages(path, options, api, tmp_path):
    source = {"url": api + path, **options}
    assert rows_of(source, tmp_path) == ROWS
    table = read_table(source, folder=tmp_path)
    assert table.source == api + path
    assert SECRET not in str((table.source, table.location, table.schema))
    assert table.digest == read_table(api + "/list", folder=tmp_path).digest


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("/away", {}, "redirects to http://127.0.0.1:"),
        ("/file", {}, "cannot be read|redirects to|answered 302"),
        ("/circle", {}, "answered 302"),
        ("/next-away", {"rows": "items", "next": "next"}, "the next page is on another host"),
        ("/next-again", {"rows": "items", "next": "next"}, "leads back to one that was read"),
        ("/next-forever", {"rows": "items", "next": "next", "most_pages": 3}, "has more than 3 pages"),
        ("/next-forever", {"rows": "items", "next": "next", "most_bytes": 2000}, "more than 2,000 bytes"),
        ("/endless", {"most_bytes": 100_000}, "more than 100,000 bytes"),
        ("/bomb", {"most_bytes": 1_000_000}, "more than 1,000,000 bytes"),
        ("/strange", {}, "the encoding 'br'"),
        ("/html", {}, r"a page \(HTML\)"),
        ("/html-as-json", {}, r"a page \(HTML\)"),
        ("/broken", {}, "no valid JSON"),
        ("/short", {}, "ended after 1 of 1,000 bytes|cannot be read"),
        ("/nan", {}, "NaN is no JSON number"),
        ("/deep", {}, "nested too deeply"),
        ("/numbers", {}, "a row is 1; it is an object"),
        ("/bytes", {}, "is not UTF-8"),
        ("/error", {}, "answered 500 Internal Server Error"),
        ("/reset", {}, "cannot be read"),
        ("/nested", {}, "the answer is an object with data, meta; say which"),
        ("/nested", {"rows": "data.itmes"}, "is not in the answer, which has: data, meta"),
        ("/list", {"next": "a", "page": "b"}, "has `next` and `page`; keep one"),
        ("/list", {"format": "xml"}, "it is json, jsonl or csv"),
        ("/list", {"seconds": 0}, "a number above 0"),
        ("/list", {"headers_env": {"Authorization": "TEST_NO_KEY"}}, "TEST_NO_KEY is not set"),
        ("/list", {"headers_env": "TEST_API_KEY"}, "it is a mapping"),
        ("/list?api_key=abc", {}, "the URL has a key in it, 'api_key'"),
        ("/private", {}, "answered 401 Unauthorized"),
    ],
    ids=str,
)
def test_a_bad_answer_is_told_in_one_line_that_holds_no_key(path, options, said, api, tmp_path):
    with pytest.raises(UsageError, match=said) as caught:
        read_table({"url": api + path, **options}, folder=tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert len(message) < 500
    elsewhere = [request for request in Api.seen if request["Host"] in Api.other]
    assert not elsewhere


@pytest.mark.parametrize("path", ["/drip", "/drip-headers"])
def test_a_server_that_drips_is_left_when_the_time_is_over(path, api, tmp_path):
    began = time.monotonic()
    with pytest.raises(UsageError, match="was not answered whole within 1 s"):
        read_table({"url": api + path, "seconds": 1}, folder=tmp_path)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://user:secret@127.0.0.1/x", "a name or password in it"),
        ("http://127.0.0.1:99999/x", "is no URL"),
        ("http:///x", "is no http or https URL"),
        ("http://127.0.0.1/a b", "has blanks in it"),
        ("http://127.0.0.1:1/x", "cannot be read"),
        ("http://[::1/x", "is no URL"),
    ],
)
def test_a_url_that_cannot_be_asked_is_told(url, said, tmp_path):
    with pytest.raises(UsageError, match=said) as caught:
        read_table(url, folder=tmp_path)
    assert "secret" not in str(caught.value)


def test_a_key_with_a_line_break_is_no_header(api, tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_API_KEY", "abcdefgh\r\nX-Evil: 1")
    with pytest.raises(UsageError, match="characters that no header can have"):
        read_table({"url": f"{api}/list", "headers_env": {"Authorization": "TEST_API_KEY"}}, folder=tmp_path)
