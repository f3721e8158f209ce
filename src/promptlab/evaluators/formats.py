"""Evaluators of formats: is_sql, is_python, is_xml. Nothing is run, fetched or expanded, only read."""

from __future__ import annotations

import ast
import logging
import re
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from promptlab.evaluators.base import clip, evaluator, quote
from promptlab.evaluators.json_text import without_fence
from promptlab.types import EvaluatorContext, Score

MOST_CHARACTERS = 1_000_000
MOST_SQL_CHARACTERS = 200_000
MOST_SQL_NODES = 100_000
"""So many parts of statements are read, about 2 s: joins without a condition take time exponential in their number."""

_FILE = "<output of a base model>"
_STATEMENTS = (
    "Query Values DML DDL Drop Alter TruncateTable Transaction Commit Rollback Describe Use Set Pragma Grant Revoke "
    "Copy Analyze Show Comment Cache Uncache Refresh Attach Detach LoadData Kill"
)
"""What sqlglot calls what it reads as statements; other text it reads as expressions, or leaves unread."""

_reading: ContextVar[bool] = ContextVar("_reading", default=False)


def _check_dialect(options: Mapping[str, Any]) -> None:
    if options.get("dialect"):
        from sqlglot import Dialect

        Dialect.get_or_raise(options["dialect"])


@evaluator(heavy=True, check=_check_dialect)
def is_sql(context: EvaluatorContext, *, dialect: str | None = None, fenced: bool = False) -> Score:
    """Whether the output is one or more SQL statements: passed, and 1 or 0; higher is better.

    Read, not run: tables and columns need not exist. dialect: such as sqlite, postgres, mysql, bigquery, snowflake,
    duckdb or tsql; default, what most of them have in common, which is generous. A statement that can only be taken
    as it is, such as EXPLAIN, fails. fenced: also accept SQL in a Markdown code fence that is the whole output.
    Source: the parser of the library sqlglot.
    Example: {output: "SELECT name FROM people WHERE age > 30;"} -> 1
    Example: {output: "SELECT name FROM WHERE age > 30"} -> 0
    Example: {output: "The answer is 42."} -> 0
    Example: {output: "SELECT TOP 3 name FROM people", dialect: tsql} -> 1
    """
    text = _checkable(context, fenced=fenced, most=MOST_SQL_CHARACTERS)
    try:
        problem = _sql_problem(text, dialect)
    except RecursionError:
        problem = "not SQL that can be read: nested too deeply"
    return _verdict(problem, context.output)


@evaluator(inline=True, heavy=True)
def is_python(context: EvaluatorContext, *, fenced: bool = False) -> Score:
    r"""Whether the output is Python code that compiles: passed, and 1 or 0; higher is better.

    Compiled, not run, by the Python that promptlab runs on; names need not exist. An output without a statement fails.
    fenced: also accept code in a Markdown code fence that is the whole output.
    Source: the function compile of Python.
    Example: {output: "def double(x):\n    return 2 * x\n"} -> 1
    Example: {output: "def double(x)\n    return 2 * x\n"} -> 0
    Example: {output: "```python\nprint(1)\n```", fenced: true} -> 1
    """
    text = _checkable(context, fenced=fenced, most=MOST_CHARACTERS)
    return _verdict(_python_problem(text), context.output)


@evaluator(inline=True, heavy=True)
def is_xml(context: EvaluatorContext, *, fenced: bool = False) -> Score:
    """Whether the output is one well-formed XML document: passed, and 1 or 0; higher is better.

    One root element; no schema is checked. An output that declares entities fails, and nothing it names is fetched.
    fenced: also accept XML in a Markdown code fence that is the whole output.
    Source: XML 1.0; the libraries expat and defusedxml.
    Example: {output: "<a><b>1</b></a>"} -> 1
    Example: {output: "<a><b>1</a>"} -> 0
    """
    text = _checkable(context, fenced=fenced, most=MOST_CHARACTERS)
    return _verdict(_xml_problem(text.strip()), context.output)


def _checkable(context: EvaluatorContext, *, fenced: bool, most: int) -> str:
    """The text to be checked. Raises ValueError for one that is too long."""
    if len(context.output) > most:
        raise ValueError(f"the output has {len(context.output):,} characters; up to {most:,} are checked")
    return without_fence(context.output) if fenced else context.output


def _verdict(problem: str | None, output: str) -> Score:
    if problem is None:
        return Score(1.0, passed=True)
    return Score(0.0, passed=False, reason=f"{clip(problem, 110)}: {quote(output)}")


def _sql_problem(text: str, dialect: str | None) -> str | None:
    import sqlglot
    from sqlglot import expressions as kinds
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").addFilter(_unless_reading)
    token = _reading.set(True)
    try:
        found = [item for item in sqlglot.parse(text, read=dialect, max_nodes=MOST_SQL_NODES) if item is not None]
    except SqlglotError as error:
        details: Mapping[str, Any] = next(iter(getattr(error, "errors", ())), {})
        description = str(details.get("description") or error)
        if description.startswith("Maximum number of AST nodes"):
            raise ValueError("the SQL has too many parts, or too many ways to be read, to be checked") from error
        place = f" at line {details['line']} column {details['col']}" if details.get("line") else ""
        return f"not SQL: {description}{place}"
    finally:
        _reading.reset(token)
    if not found:
        return "no SQL statement"
    statements = tuple(getattr(kinds, name) for name in _STATEMENTS.split())
    for item in found:
        if isinstance(item, kinds.Command):
            return f"a statement that cannot be checked: {item.name.upper()}"
        if not isinstance(item, statements):
            return "no SQL statement"
        # PostgreSQL allows it.
        if dialect != "postgres" and any(not select.expressions for select in item.find_all(kinds.Select)):
            return "not SQL: SELECT without anything to select"
    return None


def _unless_reading(_: logging.LogRecord) -> bool:
    """False while an output is read: what sqlglot warns of is no news for whoever runs promptlab."""
    return not _reading.get()


def _python_problem(text: str) -> str | None:
    # By the name of the file, since putting filters back, as catch_warnings does, goes wrong where threads do it.
    warnings.filterwarnings("ignore", module=re.escape(_FILE))
    try:
        tree: Any = compile(text, _FILE, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        compile(text, _FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"not Python: {error.msg} at line {error.lineno or 1} column {error.offset or 1}"
    except (RecursionError, MemoryError):  # the parser says MemoryError where its own stack is full
        return "not Python that can be compiled: nested too deeply"
    except ValueError as error:  # a NUL, a lone surrogate
        return f"not Python: {error}"
    return None if tree.body else "no Python statement"


def _xml_problem(text: str) -> str | None:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    parser = DefusedXMLParser(target=_Nothing())
    try:
        parser.feed(text)
        parser.close()
    except ParseError as error:
        return f"not XML: {error}"
    except DefusedXmlException as error:
        return f"XML that declares entities or names files outside, which is refused: {type(error).__name__}"
    except ValueError as error:  # a lone surrogate
        return f"not XML: {error}"
    return None


class _Nothing:
    """What is built of a document: nothing."""

    def close(self) -> None: ...
