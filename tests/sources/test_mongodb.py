"""Documents of MongoDB as tables: pymongo itself, over a socket, against a small server that speaks its protocol.

Set PROMPTLAB_TEST_MONGODB to the URL of a real server, on which a database of its own is made and dropped, to run the
last test as well.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Iterator
from decimal import Decimal
from uuid import uuid4

import bson
import pandas as pd
import pytest
from document_server import DocumentServer, running_documents

from promptlab.errors import UsageError
from promptlab.sources.read import read_table

DOCUMENTS = [
    {
        "_id": bson.ObjectId(f"{at:024x}"),
        "n": at,
        "price": bson.Decimal128(Decimal(f"{at}.50")),
        "paid": at % 2 == 0,
        "when": dt.datetime(2024, 1, 1 + at, tzinfo=dt.UTC),
        "items": [{"sku": bson.ObjectId(f"{at:024x}"), "count": bson.Int64(2)}],
        **({"note": f"n{at}"} if at > 3 else {}),
    }
    for at in range(8)
]


@pytest.fixture
def server() -> Iterator[DocumentServer]:
    with running_documents({"shop.orders": DOCUMENTS, "shop.empty": []}) as running:
        yield running


def check_rows(frame: pd.DataFrame) -> None:
    assert list(frame.columns) == ["_id", "n", "price", "paid", "when", "items", "note"]
    assert frame["_id"].tolist() == [f"{at:024x}" for at in range(8)]
    assert frame["price"].tolist() == [at + 0.5 for at in range(8)]
    assert str(frame["when"].dtype).startswith("datetime64[")
    assert frame["when"][3] == pd.Timestamp("2024-01-04", tz="UTC")
    assert frame["items"][2] == [{"sku": f"{2:024x}", "count": 2}]
    assert (frame["note"].isna().sum(), frame["note"][7]) == (4, "n7")


def test_documents_are_rows_in_the_order_of_their_ids(server, tmp_path):
    source = {"mongodb": "orders", "database": "shop", "url": server.url}
    table = read_table(source, folder=tmp_path)
    check_rows(table.frame)
    assert (table.source, table.location) == (f"{server.url}: collection shop.orders", source)
    assert server.asked[:3] == ["find", "getMore", "getMore"]
    server.collections["shop.orders"] = DOCUMENTS[::-1]
    assert read_table(source, folder=tmp_path).digest == table.digest


def test_filters_fields_order_and_limits_are_the_servers(server, tmp_path):
    def read(**options):
        return read_table(
            {"mongodb": "orders", "database": "shop", "url": server.url, **options}, folder=tmp_path
        ).frame

    assert read(filter={"paid": True}, fields=["n", "note"]).to_dict("list")["n"] == [0, 2, 4, 6]
    assert read(fields=["n"], sort="-n", most_rows=2).to_dict("list") == {"n": [7, 6]}
    assert list(read(fields=["_id", "n"]).columns) == ["_id", "n"]
    nothing = read_table({"mongodb": "empty", "database": "shop", "url": server.url}, folder=tmp_path)
    assert (nothing.rows, nothing.schema) == (0, ())


def test_a_url_with_a_password_is_in_an_environment_variable_and_never_told(server, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_URL", f"{server.url}/shop")
    table = read_table({"mongodb": "orders", "url_env": "SHOP_URL"}, folder=tmp_path)
    assert (table.rows, table.source) == (8, "$SHOP_URL: collection orders")
    monkeypatch.setenv("SHOP_URL", "mongodb://ann:hunter22@127.0.0.1:1/shop?serverSelectionTimeoutMS=100")
    with pytest.raises(UsageError) as caught:
        read_table({"mongodb": "orders", "url_env": "SHOP_URL"}, folder=tmp_path)
    assert "hunter22" not in str(caught.value)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "mongodb://ann:hunter22@host/x"}, "the URL has a password in it"),
        ({"url": "http://host/x"}, "begins with mongodb://"),
        ({"url_env": "NO_SUCH_VARIABLE"}, "NO_SUCH_VARIABLE is not set"),
        ({"filter": "paid"}, '`filter` is "paid"; it is a mapping'),
        ({"fields": "n"}, "it is a list of names"),
        ({"sort": 1}, "it is a name, or -name"),
        ({"most_rows": -1}, "a number above 0"),
        ({"filter": {"$bad": 1}}, "unknown top level operator: \\$bad"),
        ({"database": "a b$"}, "database names cannot contain|Database name"),
        ({"colour": 1}, "`colour` does not go with `mongodb`"),
    ],
    ids=str,
)
def test_a_mistake_is_told_in_one_line(options, said, server, tmp_path):
    with pytest.raises(UsageError, match=said) as caught:
        read_table({"mongodb": "orders", "database": "shop", "url": server.url, **options}, folder=tmp_path)
    assert "\n" not in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_a_server_that_is_away_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_URL", f"mongodb://127.0.0.1:{free_port()}/shop")
    with pytest.raises(UsageError, match=r"refused|timed out|Connection"):
        read_table({"mongodb": "orders", "url_env": "SHOP_URL", "seconds": 0.3}, folder=tmp_path)


@pytest.mark.skipif("PROMPTLAB_TEST_MONGODB" not in os.environ, reason="no MongoDB server: PROMPTLAB_TEST_MONGODB=URL")
def test_a_real_server_gives_the_same_rows(tmp_path):
    import pymongo

    url, name = os.environ["PROMPTLAB_TEST_MONGODB"], f"promptlab_test_{uuid4().hex}"
    with pymongo.MongoClient(url) as client:
        client[name]["orders"].insert_many(DOCUMENTS)
        try:
            check_rows(read_table({"mongodb": "orders", "database": name, "url": url}, folder=tmp_path).frame)
        finally:
            client.drop_database(name)
