"""is_sql, is_python, is_xml: what is right and wrong, and text that is made to crash or hold up what reads it."""

from __future__ import annotations

import asyncio
import http.server
import threading
import time
import warnings

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext


def score(entry, output):
    one = bind(entry, where="suite:1")
    return asyncio.run(one.score(EvaluatorContext(inputs={}, output=output))).get(one.name)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("SELECT 1", None),
        ("select a, count(*) from t join u on t.id = u.id where x > 1 group by 1 order by 2 desc limit 5;", None),
        ("WITH a AS (SELECT 1 AS x) SELECT * FROM a", None),
        ("(SELECT 1) UNION ALL (SELECT 2)", None),
        ("INSERT INTO t (a) VALUES (1), (2)", None),
        ("UPDATE t SET a = 1 WHERE b IS NOT NULL", None),
        ("DELETE FROM t", None),
        ("CREATE TABLE t (a INT PRIMARY KEY, b TEXT NOT NULL)", None),
        ("ALTER TABLE t ADD COLUMN c INT", None),
        ("DROP TABLE t", None),
        ("BEGIN; UPDATE t SET a = 1; COMMIT;", None),
        ("VALUES (1)", None),
        ("-- a remark\nSELECT 1", None),
        ("SELECT * FROM", "not SQL: Expected table name"),
        ("SELECT a b c FROM t", "not SQL: Invalid expression / Unexpected token at line 1 column"),
        ("SELECT 'a", "not SQL: "),
        ("SELECT FROM t", "not SQL: SELECT without anything to select"),
        ("SELECT", "not SQL: SELECT without anything to select"),
        ("SELEC 1", "not SQL"),
        ("", "no SQL statement"),
        (";;", "no SQL statement"),
        ("-- only a remark", "no SQL statement"),
        ("Paris", "no SQL statement"),
        ("1", "no SQL statement"),
        ("hello world", "no SQL statement"),
        ("The answer is 42.", "not SQL"),
        ("Here is the query:\nSELECT 1", "not SQL"),
        ("SELECT 1; and that is all", "not SQL"),
        ("Show me the answer", "a statement that cannot be checked: SHOW"),
        ("```sql\nSELECT 1\n```", "not SQL"),
    ],
)
def test_is_sql(output, reason):
    found = score("is_sql", output)
    assert (found.passed, found.error) == (reason is None, None), found.reason
    assert reason is None or found.reason.startswith(reason)


def test_is_sql_reads_the_dialect_that_is_named(caplog):
    assert not score("is_sql", "SELECT TOP 3 a FROM t").passed
    assert score({"is_sql": {"dialect": "tsql"}}, "SELECT TOP 3 a FROM t").passed
    assert score({"is_sql": {"dialect": "postgres"}}, "SELECT FROM t").passed
    assert score({"is_sql": {"fenced": True}}, "```sql\nSELECT 1;\n```").passed
    with pytest.raises(EvaluatorError, match="suite:1: is_sql: Unknown dialect 'postgress'"):
        bind({"is_sql": {"dialect": "postgress"}}, where="suite:1")
    score("is_sql", "CALL something strange")
    assert not caplog.records


@pytest.mark.parametrize(
    "output",
    [
        "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
        "SELECT * FROM (" * 3_000,
        "SELECT 1 FROM a" + " JOIN b" * 40,
        "SELECT 1 FROM a" + " JOIN b" * 20_000,
        "SELECT " + "CASE WHEN " * 10_000,
        "SELECT " + "a," * 90_000 + "a",
        "SELECT " + "NOT " * 40_000 + "1",
        "SELECT 1;" * 20_000,
        "SELECT '" + "a" * 190_000,
        "SELECT /*" * 20_000,
        "\ud800\0\u202e" * 1000,
        "[" * 100_000,
    ],
    ids=range(12),
)
def test_hostile_sql_ends_soon(output):
    begun = time.perf_counter()
    found = score("is_sql", output)
    assert found.error is None or "too many parts, or too many ways to be read" in found.error
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("x = 1", None),
        ("def f(x: int) -> int:\n    return x\n\n\nprint(f(2))\n", None),
        ("async def f():\n    await g()", None),
        ("'only a text'", None),
        ("x is 1\ny = '\\d'", None),
        ("x: = 1", "not Python: invalid syntax at line 1 column 4"),
        ("def f(:\n  pass", "not Python: invalid syntax at line 1 column 7"),
        ("return 1", "not Python: 'return' outside function at line 1 column 1"),
        ("print 'a'", "not Python: Missing parentheses in call to 'print'"),
        ("if x:\npass", "not Python: expected an indented block"),
        ("", "no Python statement"),
        ("# only a remark\n", "no Python statement"),
        ("```python\nx = 1\n```", "not Python"),
        ("Sure! Here is the code.", "not Python"),
        ("x = 1\0", "not Python"),
        ("x = '\ud800'", "not Python"),
        ("x = '\u202e'", None),
    ],
)
def test_is_python(output, reason):
    found = score("is_python", output)
    assert (found.passed, found.error) == (reason is None, None), found.reason
    assert reason is None or found.reason.startswith(reason)


def test_is_python_warns_of_nothing_and_leaves_other_warnings_alone():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert score("is_python", "x is 1\ny = '\\d'\nassert (x, 'y')").passed
        warnings.warn("another", UserWarning, stacklevel=1)
    assert [str(one.message) for one in caught] == ["another"]


def test_is_python_runs_nothing(tmp_path):
    path = tmp_path / "made"
    assert score({"is_python": {"fenced": True}}, f"```python\nopen({str(path)!r}, 'w')\n```").passed
    assert not path.exists()


UNITS = ["(", "[", "{", "-", "not ", "a.", "a(", "1+", "1**", "lambda:", "1 if 1 else ", "a=", "if 1:\n ", "'", '"""']
UNITS += [
    "f'{",
    "\\\n",
    "\t",
    "1",
    "*",
    "await ",
    "x:",
    "del ",
    "\ud800",
    "elif 1:\n pass\n",
    "(a:=",
    "[a for a in ",
    "@",
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("count", [90, 900, 300_000])
def test_hostile_python_neither_crashes_nor_lasts(unit, count):
    begun = time.perf_counter()
    for ending in ("", "1"):
        found = score("is_python", unit * min(count, 1_000_000 // len(unit) - 1) + ending)
        assert found.error is None
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("<a/>", None),
        ('<?xml version="1.0" encoding="UTF-16"?>\n<a b="1">é &amp; &#65;</a>\n', None),
        ("<!DOCTYPE html><html/>", None),
        ('<x:a xmlns:x="y"/>', None),
        ("<a><![CDATA[<b>]]></a>", None),
        ("", "not XML: no element found"),
        ("<a><b></a>", "not XML: mismatched tag"),
        ("<a/><b/>", "not XML: junk after document element"),
        ("Here: <a/>", "not XML: syntax error"),
        ("<a b=1/>", "not XML: not well-formed"),
        ('<a b="1" b="2"/>', "not XML: duplicate attribute"),
        ("<x:a/>", "not XML: unbound prefix"),
        ("<a>&nope;</a>", "not XML: undefined entity"),
        ("<a>\0</a>", "not XML: not well-formed"),
        ("<a>\ud800</a>", "not XML"),
        ("```xml\n<a/>\n```", "not XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "XML that declares entities"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "XML that declares entities"),
    ],
)
def test_is_xml(output, reason):
    found = score("is_xml", output)
    assert (found.passed, found.error) == (reason is None, None), found.reason
    assert reason is None or found.reason.startswith(reason)
    if output.startswith("```"):
        assert score({"is_xml": {"fenced": True}}, output).passed


def test_xml_fetches_nothing():
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/x"
            score("is_xml", f'<!DOCTYPE a SYSTEM "{url}"><a/>')
            score("is_xml", f'<!DOCTYPE a [<!ENTITY x SYSTEM "{url}">]><a>&x;</a>')
            score("is_xml", f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{url}"> %x;]><a/>')
            score("is_xml", f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{url}"/></a>')
        finally:
            server.shutdown()
            thread.join()
    assert asked == []


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "output",
    [
        f'<!DOCTYPE l [<!ENTITY l0 "ha">{LAUGHS}]><l>&l9;</l>',
        "<a>" * 300_000,
        "<a>" * 120_000 + "</a>" * 120_000,
        "<a " + " ".join(f'b{n}="1"' for n in range(80_000)) + "/>",
        "<a>" + "x" * 900_000 + "</a>",
        "<!--" * 200_000,
        '<a b="' + "&#65;" * 150_000 + '"/>',
        "<!DOCTYPE a [" + "<!ELEMENT a (" + "(" * 300_000,
    ],
    ids=range(8),
)
def test_hostile_xml_ends_soon(output):
    begun = time.perf_counter()
    assert score("is_xml", output).error is None
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize(("name", "most"), [("is_sql", 200_000), ("is_python", 1_000_000), ("is_xml", 1_000_000)])
def test_what_is_too_long_to_be_checked_is_an_error_that_says_so(name, most):
    assert score(name, " " * most).error is None
    assert score(name, " " * (most + 1)).error == (
        f"ValueError: the output has {most + 1:,} characters; up to {most:,} are checked"
    )
