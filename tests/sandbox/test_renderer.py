"""What the sandbox renders, and how everything else ends: as one clear line, never as a hang or a crash."""

from __future__ import annotations

import time
from typing import Any

import pytest

from promptlab.errors import TemplateError, TemplateLimitError, UndefinedVariableError
from promptlab.sandbox import RenderJob, find_variables, inspect_templates, render_many

LOOP_BOMB = "a\n{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def render(source: str, **variables: Any) -> str:
    (result,) = render_many([RenderJob((source,), variables, name="refund")])
    if isinstance(result, TemplateError):
        raise result
    return result[0]


@pytest.mark.parametrize(
    ("source", "variables", "text"),
    [
        ("plain", {}, "plain"),
        ("Hello {{ name }}!", {"name": "Ada"}, "Hello Ada!"),
        ("{{ a }}\n", {"a": 1}, "1\n"),
        ("{% for x in xs %}{{ loop.index }}{{ x }}{% endfor %}", {"xs": ["a", "b"]}, "1a2b"),
        ("{{ order.items[0] }}", {"order": {"items": ["book"]}}, "book"),
        ("{% for k, v in order.items() %}{{ k }}={{ v }}{% endfor %}", {"order": {"a": 1}}, "a=1"),
        ("{{ note|default('none') }}", {}, "none"),
        ("{% if note is defined %}x{% else %}y{% endif %}", {}, "y"),
        ("{{ html }}", {"html": "<b> & \"q\" 'q'"}, "<b> & \"q\" 'q'"),
        ("{{ value|tojson }}", {"value": {"é<": [1.5, None, True]}}, '{"é<": [1.5, null, true]}'),
        ("{{ value|tojson(indent=1) }}", {"value": [1]}, "[\n 1\n]"),
        ("{{ pair }}", {"pair": (1, 2)}, "[1, 2]"),
        ("{{ 'ab' * 3 }} {{ 2 ** 10 }} {{ 1.5 * 2 }}", {}, "ababab 1024 3.0"),
        ("{{ nothing }} {{ yes }}", {"nothing": None, "yes": True}, "None True"),
    ],
)
def test_a_template_renders_as_jinja2_says(source: str, variables: dict[str, Any], text: str) -> None:
    assert render(source, **variables) == text


def test_no_value_is_changed_on_its_way() -> None:
    value = "\x00 \ud800 \r\n \u2028 {{ other }} {% raw %} 🎬\n"
    assert render("{{ value }}", value=value) == value


@pytest.mark.parametrize(
    ("source", "variables", "variable"),
    [
        ("{{ question }}", {}, "question"),
        ("{{ question|upper }}", {}, "question"),
        ("{{ question|tojson }}", {}, "question"),
        ("{% for x in question %}{% endfor %}", {}, "question"),
        ("{{ customer.name }}", {"customer": {}}, "customer.name"),
        ("{{ customer['name'] }}", {"customer": {}}, "customer.name"),
        ("{{ customer.name }}", {}, "customer"),
        ("{{ a.name }} {{ b.name }}", {"a": {"name": 1}, "b": {}}, "b.name"),
        ("{{ [question] }}", {}, "question"),
        ("{{ xs|map(attribute='label')|list }}", {"xs": [{}]}, "label"),
        ("{{ a.b.c }}", {"a": {"b": {}}}, "a.b.c"),
        ("{{ xs[2] }}", {"xs": [1]}, "xs[2]"),
        ("{% for x in xs %}{{ x.label }}{% endfor %}", {"xs": [{}]}, "x.label"),
        ("{{ lipsum() }}", {}, "lipsum"),
    ],
)
def test_an_undefined_variable_is_named_in_full(source: str, variables: dict[str, Any], variable: str) -> None:
    with pytest.raises(UndefinedVariableError, match=r"^prompt 'refund', line 1: `") as caught:
        render(source, **variables)
    assert caught.value.variable == variable
    assert f"`{variable}` has no value" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n{{ x", "line 2: unexpected end of template"),
        ("a\n\n{% endfor %}", "line 3: Encountered unknown tag 'endfor'"),
        ("{{ 'a'|shout }}", "line 1: No filter named 'shout'"),
        ("{{ [1, 2]|random }}", "line 1: No filter named 'random'"),
        ("a\n{{ 1 / 0 }}", "line 2: ZeroDivisionError"),
        ("{{ 'a' + 1 }}", "line 1: TypeError"),
        ("{{ 'a'.upper }}", "line 1: `upper` is a function, not a text; call it with ()"),
        ("{% include 'b' %}", "line 1: `include` reads another file"),
        ("{% import 'b' as b %}", "line 1: `import` reads another file"),
        ("{% from 'b' import c %}", "line 1: `from` reads another file"),
        ("{% extends 'b' %}", "line 1: `extends` reads another file"),
    ],
)
def test_a_wrong_template_is_an_error_with_its_line(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert str(caught.value).startswith(f"prompt 'refund', {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{x.__class__}'.format_map({'x': 1}) }}",
        "{{ ('{0.__class__}'|string).format(range) }}",
        "{{ (1).__class__ }}",
        "{{ xs.append(1) }}",
        "{{ mapping.update({'a': 1}) }}",
        "{{ ['x']|map(attribute='__class__')|list }}",
        "{{ ['x']|map('attr', '__class__')|join }}",
    ],
)
def test_a_way_out_of_the_sandbox_is_closed(source: str) -> None:
    with pytest.raises(TemplateError, match=r"^prompt 'refund', line 1: not allowed in a template"):
        render(source, xs=[], mapping={})


@pytest.mark.parametrize(
    "source",
    [
        "a\n{{ 'a' * 200000000 }}",
        "a\n{{ 200000000 * [1] }}",
        "a\n{{ 9 ** 9999999 }}",
        "a\n{{ 'a'|center(2000000000) }}",
        "a\n{{ '%999999999d'|format(1) }}",
        "a\n{% for i in range(10 ** 9) %}{% endfor %}",
        "a\n{% for i in range(99999) %}0123456789abcdef{% endfor %}",
        "{% macro f() %}\n{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_bomb_is_stopped_and_its_line_named(source: str) -> None:
    begin = time.monotonic()
    with pytest.raises(TemplateLimitError, match=r"^prompt 'refund', line 2: "):
        render(source)
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("source", ["{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{{ " + "-" * 3000 + "1 }}"])
def test_a_bomb_that_is_paid_while_compiling_is_stopped(source: str) -> None:
    with pytest.raises(TemplateLimitError, match=r"^prompt 'refund': nested too deeply"):
        render(source)


def test_only_the_guilty_job_of_a_message_fails() -> None:
    jobs = [RenderJob(("{{ n }}",), {"n": n}) for n in range(120)]
    jobs[7] = RenderJob((LOOP_BOMB,), {}, name="slow")
    jobs[110] = RenderJob(("{{ missing }}",), {}, name="wrong")
    results = render_many(jobs)
    assert isinstance(results[7], TemplateLimitError)
    assert str(results[7]).startswith("prompt 'slow', line 2: took more than 2 s")
    assert isinstance(results[110], UndefinedVariableError)
    assert all(result == (str(n),) for n, result in enumerate(results) if n not in {7, 110})


def test_the_limit_of_characters_counts_all_messages_of_a_prompt() -> None:
    half = "{{ 'a' * 600000 }}"
    (one,) = render_many([RenderJob((half,), {})])
    (two,) = render_many([RenderJob((half, half), {}, name="long")])
    assert one == ("a" * 600_000,)
    assert isinstance(two, TemplateLimitError)
    assert str(two).startswith("prompt 'long', message 2, line 1: renders to more than 1,000,000 characters")


def test_errors_name_lines_of_the_file_where_these_are_known() -> None:
    job = RenderJob(("a", "b\n{{ c }}"), {}, name="refund", first_lines=(5, 10))
    (result,) = render_many([job])
    assert str(result) == "prompt 'refund', line 11: `c` has no value; no inputs were given"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"a": object()}, "input `a` has the type object"),
        ({"a": [{"b": {1, 2}}]}, "input `a[0].b` has the type set"),
        ({"a": b"x"}, "input `a` has the type bytes"),
        ({"a": float("nan")}, "input `a` is nan"),
        ({"a": {"b": {1: 2}}}, "input `a.b` has the key 1"),
        ({1: 2}, "the inputs have the key 1"),
        ({"a": 10**5000}, "the inputs cannot be written as JSON"),
    ],
)
def test_only_what_json_can_say_goes_in(variables: dict[Any, Any], message: str) -> None:
    (result,) = render_many([RenderJob(("{{ a }}",), variables, name="refund")])
    assert isinstance(result, TemplateError)
    assert str(result).startswith(f"prompt 'refund': {message}")


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    (result,) = render_many([RenderJob(("",), {"a": loop}, name="refund")])
    assert isinstance(result, TemplateError)
    assert "hold themselves" in str(result)


def test_too_much_input_is_refused() -> None:
    (result,) = render_many([RenderJob(("{{ a }}",), {"a": "x" * 17_000_000}, name="refund")])
    assert isinstance(result, TemplateLimitError)
    assert "16,000,000 are allowed" in str(result)


def test_variables_are_those_that_come_from_outside() -> None:
    templates = (
        "{% set own = 1 %}{{ own }}{{ range(3) }}{% for x in xs %}{{ x.y }}{% endfor %}",
        "{{ name.first }}{{ tone|default('kind') }}{% if note is defined %}{{ note }}{% endif %}",
    )
    assert inspect_templates(templates) == {"xs", "name", "tone", "note"}
    assert find_variables(templates).required == {"xs", "name"}


def test_variables_of_a_template_that_does_not_compile_are_an_error_with_the_line() -> None:
    with pytest.raises(TemplateError, match=r"^prompt 'refund', message 2, line 2: "):
        inspect_templates(("a", "b\n{{ c"), name="refund")


def test_no_jobs_give_no_results() -> None:
    assert render_many([]) == []


ARGUMENTS = {
    "attr": "('x')|default('', true)",
    "batch": "(2)|list",
    "dictsort": "|list",
    "groupby": "('k')|list",
    "map": "(attribute='k')|list",
    "replace": "('a', 'b')",
    "slice": "(2)|list",
    "round": "(1)",
    "format": "(1)",
    "join": "(', ')",
    "xmlattr": "|list",
}
VALUES = {
    **dict.fromkeys(("abs", "float", "int", "round", "filesizeformat"), "1"),
    **dict.fromkeys(("dictsort", "items", "xmlattr"), "{'a': 1}"),
    **dict.fromkeys(
        [
            *("batch", "first", "join", "last", "length", "count", "list", "max", "min"),
            *("reject", "reverse", "select", "slice", "sort", "sum", "unique"),
        ],
        "[1]",
    ),
    **dict.fromkeys(("groupby", "map", "rejectattr", "selectattr"), "[{'k': 1}]"),
}


def test_every_filter_of_jinja2_works_though_the_worker_can_open_no_file() -> None:
    from jinja2.defaults import DEFAULT_FILTERS

    names = sorted(set(DEFAULT_FILTERS) - {"random"})
    arguments = ARGUMENTS | {"rejectattr": "('k')", "selectattr": "('k')"}
    sources = [f"{{{{ {VALUES.get(name, repr('a<b>&amp; %s'))}|{name}{arguments.get(name, '')} }}}}" for name in names]
    results = render_many([RenderJob((source,), {}) for source in sources])
    failed = {name: str(result) for name, result in zip(names, results, strict=True) if not isinstance(result, tuple)}
    assert failed == {}
