"""Embeddings in what a server sent back: only whole, finite and in the order of the texts."""

from __future__ import annotations

import base64
import json
from array import array
from typing import Any

import pytest

from promptlab.errors import CallError
from promptlab.models.openai_embeddings import read_embeddings


def read(body: Any, *, count: int) -> list[list[float]]:
    found = read_embeddings(json.dumps(body).encode(), count=count, seconds=0.5)
    return [list(vector) for vector in found.vectors]


def body(*vectors: Any, **rest: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    return {"object": "list", "data": data, **rest}


def test_embeddings_come_in_the_order_of_the_texts_whatever_order_the_server_has():
    sent = body([1.0, 2], [3.0, 4.0])
    sent["data"].reverse()
    assert read(sent, count=2) == [[1.0, 2.0], [3.0, 4.0]]


def test_a_server_that_numbers_nothing_has_them_in_order():
    assert read({"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]}, count=2) == [[1.0], [2.0]]


def test_float32_in_base64_is_read_though_it_was_not_asked_for():
    packed = base64.b64encode(array("f", [0.5, -2.0]).tobytes()).decode()
    assert read(body(packed), count=1) == [[0.5, -2.0]]


def test_tokens_are_counted_as_input_alone():
    content = json.dumps(body([1.0], usage={"prompt_tokens": 9, "total_tokens": 9})).encode()
    usage = read_embeddings(content, count=1, seconds=0.5).usage
    assert (usage.input_tokens, usage.output_tokens) == (9, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b"[]", "without embeddings"),
        (b"{}", "without embeddings"),
        (b'{"data": [1, 2]}', "without embeddings"),
        (json.dumps(body([1.0])).encode(), "1 embeddings for 2 texts"),
        (json.dumps(body([1.0], [1.0, 2.0])).encode(), "different lengths"),
        (json.dumps(body([1.0], [])).encode(), "list of finite numbers"),
        (json.dumps(body([1.0], None)).encode(), "list of finite numbers"),
        (json.dumps(body([1.0], ["1"])).encode(), "list of finite numbers"),
        (json.dumps(body([1.0], [True])).encode(), "list of finite numbers"),
        (json.dumps(body([1.0], [float("nan")])).encode(), "list of finite numbers"),
        (json.dumps(body([1.0], [10**400])).encode(), "list of finite numbers"),
        (json.dumps(body([1.0], [1e300])).encode(), "list of finite numbers"),
        (json.dumps(body([1.0], "AAA")).encode(), "no base64"),
        (json.dumps({"data": [{"index": 0, "embedding": [1.0]}] * 2}).encode(), "index is missing or comes twice"),
        (json.dumps({"data": [{"index": n, "embedding": [1.0]} for n in ("0", 1)]}).encode(), "index is missing"),
    ],
)
def test_anything_else_is_malformed(content: bytes, said: str):
    with pytest.raises(CallError, match=said) as error:
        read_embeddings(content, count=2, seconds=0.5)
    assert error.value.status == "malformed"


def test_json_nested_without_end_is_malformed():
    with pytest.raises(CallError) as error:
        read_embeddings(b'{"data": ' + b"[" * 200_000, count=1, seconds=0.5)
    assert error.value.status == "malformed"
