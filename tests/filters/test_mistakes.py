"""Mistakes in filters and orders: what is said, and where the mark stands."""

from __future__ import annotations

import time

import pytest

from promptlab.errors import FilterError
from promptlab.filters.nodes import And, Comparison, Field, fields_of
from promptlab.filters.order import Order, parse_order
from promptlab.filters.parse import parse_filter

MISTAKES = [
    ("metrics.acc > 'x'", "this is a number, and is compared with one, without quotes", 14),
    ("metrics.acc >> 1", "the filter cannot be read here; expected a number or a text in quotes", 13),
    ("metrcs.acc > 1", "'metrcs' is none of metrics, params, tags, datasets and attributes; did you mean metrics?", 0),
    ("statu = 'x'", "runs have no 'statu'; did you mean status?", 0),
    ("name = 'x' and colour = 'y'", "runs have no 'colour'; they have id, name, kind", 15),
    ("(name = 'x'", "expected a closing parenthesis", 11),
    ("name = 'x')", "a parenthesis closes here that was not opened", 10),
    ("name = 'abc", "the filter has a quote that does not end", 7),
    ("params.x in (1, 'a')", "a list has either numbers or texts, not both", 16),
    ("params.x in ()", "expected a number or a text in quotes", 13),
    ("name", "expected a comparison", 4),
    ("name =", "expected a number or a text in quotes", 6),
    ("name = 'a' name = 'b'", "expected AND or OR or its end", 11),
    ("tags.x > 3", "this is a text, and is compared with one in quotes: 'x'", 9),
    ("metrics.x like 'a'", "LIKE compares texts, and this is a number", 10),
    ("started_at > 'yesterday'", "write '2026-11-26' or '2026-11-26T14:30', in UTC", 13),
    ("started_at > nan", "a time is a date in quotes, or milliseconds since 1970", 13),
    ("started_at > ago('soon')", "write a number with s, m, h, d or w: ago('7d')", 17),
    ("started_at > ago('999999w')", "that is before all times", 17),
    ("metrics.x > ago('7d')", "only started_at and ended_at are compared with one", 16),
    ("max(params.x) > 1", "max() is of a metric: max(metrics.loss)", 4),
    ("params.x is nan", "only a metric or `seconds` can be NaN", 12),
    ("datasets.colour = 'x'", "data sets have name, digest, context, reference, not 'colour'", 0),
    ('params."" = 1', "params needs a name behind the dot", 0),
    ("a\x00b = 1", "the filter cannot be read here", 1),
    ("\ud800 = 1", "the filter cannot be read here", 0),
]


@pytest.mark.parametrize(
    ("text", "said", "place"), MISTAKES, ids=[text.encode("unicode_escape") for text, *_ in MISTAKES]
)
def test_a_mistake_is_told_with_its_place(text: str, said: str, place: int) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    lines = str(caught.value).splitlines()
    assert said in lines[0]
    assert len(lines) == 3
    assert lines[2] == " " * (place + 2) + "^"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("metrics.x dsc", "write metrics.NAME desc, started_at"),
        ("metrics.x,", "the order ends in a comma"),
        ("colour", "runs have no 'colour'"),
        ("datasets.name", "a run may have several data sets"),
        ("min(params.x)", "min() is of a metric"),
        (", ".join(["name"] * 9), "at most 8 terms"),
        ("x" * 20_000, "more than 10,000 characters"),
    ],
)
def test_a_mistake_in_an_order_is_told_with_its_place(order: str, said: str) -> None:
    with pytest.raises(FilterError, match="(?s)" + said.replace("(", r"\(").replace(")", r"\)")):
        parse_order(order)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(" * 100_000, "cannot be read here"),
        ("(" * 90_000 + "name='x'", "cannot be read here"),
        ("not " * 20_000 + "name = 'x'", "nested more than 50 deep"),
        ("(not " * 60 + "name = 'x'" + ")" * 60, "nested more than 50 deep"),
        (" or ".join(["name='x'"] * 2_000), "more than 500 conditions"),
        (f"name in ({','.join(['1'] * 10)})", "compared with one in quotes"),
        (f"params.x in ({','.join(['1'] * 6_000)})", "more than 5,000 values"),
        ("name = '" + "x" * 1_000_000 + "'", "has 1,000,009 characters; at most 100,000 are read"),
        ("name like '" + "%a" * 1_000 + "'", "a pattern has at most 1,000 characters"),
        ("\u202e" * 50_000, "cannot be read here"),
        ("'" * 99_999, "cannot be read here"),
    ],
    ids=range(11),
)
def test_a_filter_of_hostile_size_is_refused_in_short_and_at_once(text: str, said: str) -> None:
    begin = time.monotonic()
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert time.monotonic() - begin < 5
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_filter_of_the_largest_size_is_answered() -> None:
    text = " or ".join(f"(params.x = {number} and name != 'y')" for number in range(250))
    node = parse_filter(text)
    assert fields_of(node) == (Field("param", "x"), Field("attribute", "name"))
    assert parse_filter("(" * 10_000 + "name = 'x'" + ")" * 10_000) == Comparison(Field("attribute", "name"), "=", "x")


def test_words_of_mlflow_mean_the_same() -> None:
    assert parse_filter(
        "attributes.run_name = 'x' AND metric.`a b` >= 1 and param.x='1' and run.start_time > 5"
    ) == And(
        (
            Comparison(Field("attribute", "name"), "=", "x"),
            Comparison(Field("metric", "a b"), ">=", 1.0),
            Comparison(Field("param", "x"), "=", "1"),
            Comparison(Field("attribute", "started_at"), ">", 5.0),
        )
    )


def test_an_order_is_read_from_a_text_or_a_list() -> None:
    wanted = (Order(Field("metric", "a b", "max"), descending=True), Order(Field("attribute", "name")))
    assert parse_order('max(metrics."a b") DESC, name') == wanted
    assert parse_order(['max(metrics."a b") desc', "name asc"]) == wanted
    assert parse_order("  ") == ()
