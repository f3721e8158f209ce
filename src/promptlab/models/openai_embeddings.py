"""The embeddings in what an OpenAI-compatible server sent back; nothing of it is trusted."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from promptlab.errors import CallError
from promptlab.models.base import Embeddings
from promptlab.models.openai_answers import read_usage

_LARGEST = 3e38
"""Embeddings are kept as float32, which ends a little above."""


def read_embeddings(content: bytes, *, count: int, seconds: float) -> Embeddings:
    """The embeddings of `count` texts in the body of an HTTP 200, in the order of the texts.

    Raises CallError of status malformed where there are not so many, or they are no lists of finite numbers, all of
    one length.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CallError("malformed", "HTTP 200 with embeddings that are no JSON") from error
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise CallError("malformed", "HTTP 200 without embeddings")
    if len(data) != count:
        raise CallError("malformed", f"HTTP 200 with {len(data)} embeddings for {count} texts")
    places = [item.get("index", place) for place, item in enumerate(data)]
    if sorted(places, key=repr) != sorted(range(count), key=repr):
        raise CallError("malformed", "HTTP 200 with embeddings whose index is missing or comes twice")
    ordered = sorted(zip(places, data, strict=True), key=lambda pair: int(pair[0]))
    vectors = [_vector(item.get("embedding")) for _, item in ordered]
    if len({len(vector) for vector in vectors}) > 1:
        raise CallError("malformed", "HTTP 200 with embeddings of different lengths")
    # Nothing is written, so there is nothing that could be billed as output.
    return Embeddings(vectors, replace(read_usage(body.get("usage")), output_tokens=0), seconds)


def _vector(value: Any) -> Sequence[float]:
    if isinstance(value, str):
        # Some servers send float32 in base64, whatever was asked for.
        numbers = array("f")
        try:
            numbers.frombytes(base64.b64decode(value, validate=True))
        except (ValueError, binascii.Error) as error:
            raise CallError("malformed", "HTTP 200 with an embedding that is no base64 of float32") from error
        if sys.byteorder == "big":
            numbers.byteswap()
        value = numbers.tolist()
    if not isinstance(value, list) or not value or not all(_is_finite(number) for number in value):
        raise CallError("malformed", "HTTP 200 with an embedding that is no list of finite numbers")
    return [float(number) for number in value]


def _is_finite(number: Any) -> bool:
    # Compared, since a whole number may be too large to become a float; NaN is in no range.
    return isinstance(number, int | float) and not isinstance(number, bool) and -_LARGEST < number < _LARGEST
