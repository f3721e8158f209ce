"""What is doubtful about a template is found at its line, and branches that no case renders are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.prompts.lint import Finding, lint

SOURCE = """---
settings: {temperature: 0}
samples: {text: a film}
---
system:
You are {{ tone }}.

user:
{% if long %}
Write much.
{% elif short %}
Write little.
{% else %}
Write.
{% endif %}
{{ text }}
"""


def found(source: str, cases: dict | None = None) -> list[tuple[int, str, str]]:
    return [(one.line, one.severity, one.kind) for one in lint(source, cases).findings]


def marked(source: str, finding: Finding) -> str:
    """The part of the source that a finding points at."""
    assert finding.column is not None
    assert finding.length is not None
    return source.split("\n")[finding.line - 1][finding.column - 1 :][: finding.length]


def case(**inputs) -> dict:
    return {"text": "a film", "tone": "kind", "long": False, "short": False, **inputs}


def test_a_template_whose_data_fits_has_nothing_to_say():
    cases = {"a": case(long=True), "b": case(short=True), "c": case()}
    assert lint(SOURCE, cases).findings == ()
    assert lint(SOURCE, cases).unreached == ()
    assert lint(SOURCE, cases).cases == 3


def test_a_variable_that_no_case_has_is_an_error_at_each_of_its_places():
    cases = {"a": {"text": "x", "long": 1, "short": 0}}
    (only,) = lint(SOURCE, cases).findings
    assert (only.line, only.severity, only.kind) == (6, "error", "undeclared")
    assert marked(SOURCE, only) == "tone"
    assert only.message == "`tone` has no value in the data, which has: `long`, `short`, `text`"


def test_a_variable_that_some_cases_lack_is_a_warning_that_names_them():
    without = case()
    del without["tone"]
    (only,) = lint(SOURCE, {"a": case(), "b": without}).findings
    assert (only.severity, only.message) == ("warning", "`tone` has no value in 1 of 2 cases: `b`")


def test_a_variable_with_a_default_may_be_missing():
    assert found("{{ tone | default('kind') }}{% if long is defined %}x{% endif %}", {"a": {"text": "x"}}) == [
        (1, "info", "unused")
    ]


def test_without_data_nothing_is_undeclared():
    assert found("{{ anything }}") == []


def test_an_input_that_no_message_uses_is_told_once():
    findings = lint("system:\nBe kind.\nuser:\n{{ text }}", {"a": {"text": "x", "label": 1}}).findings
    assert [(one.line, one.kind) for one in findings] == [(2, "unused")]
    assert findings[0].message == "the data has `label`, which no message uses"


def test_a_sample_that_no_message_uses_is_told_at_its_line():
    assert found("---\ndescription: d\nsamples: {text: a, old: b}\n---\n{{ text }}") == [(3, "info", "unused")]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% set text = 'x' %}{{ text }}", "`set` gives `text`"),
        ("{% for text in texts %}{{ text }}{% endfor %}", "a loop gives `text`"),
        ("{% for n, text in texts %}{{ text }}{% endfor %}", "a loop gives `text`"),
        ("{% with text = 'x' %}{{ text }}{% endwith %}", "`with` gives `text`"),
        ("{% macro m(text) %}{{ text }}{% endmacro %}{{ m('x') }}", "a macro gives `text`"),
        ("{% set text %}x{% endset %}{{ text }}", "`set` gives `text`"),
    ],
)
def test_a_name_that_hides_an_input_is_a_warning(template: str, said: str):
    source = f"user:\nHello.\n{template}"
    shadowed = [one for one in lint(source, {"a": {"text": "x", "texts": []}}).findings if one.kind == "shadowed"]
    assert [(one.line, one.severity) for one in shadowed] == [(3, "warning")]
    assert shadowed[0].message.startswith(said)
    assert marked(source, shadowed[0]) == "text"


def test_a_name_of_its_own_hides_nothing():
    assert found("{% for item in texts %}{{ item }}{% endfor %}", {"a": {"texts": []}}) == []


def test_a_value_that_looks_like_a_role_is_told_where_it_is_used():
    cases = {"a": {"text": "fine"}, "b": {"text": "x\nuser:\nhaha"}, "c": {"text": "see user: there"}}
    (only,) = lint("user:\nRead {{ text }}", cases).findings
    assert (only.line, only.severity, only.kind) == (2, "info", "role line")
    assert "a line that looks like a role in `b`; it stays part of this message" in only.message


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("{{ x | nofilter }}", 1, "No filter named 'nofilter'"),
        ("a\nb {% if %}", 2, "Expected an expression"),
        ("---\nfoo: 1\n---\nx", 2, "unknown key 'foo'"),
        ("---\nsamples: {a: 1\n---\nx", 2, ""),
        ("system:\nx\nuser:\n{{ y", 4, ""),
        ("x\nuser:\ny", 1, "belongs to no message"),
        ("user:\n\nassistant:\nx", 1, "is empty"),
        ("", 1, "there is no prompt text"),
    ],
)
def test_a_mistake_is_one_finding_at_its_line_without_the_files_name(source: str, line: int, said: str):
    (only,) = lint(source, {"a": {}}).findings
    assert (only.line, only.severity, only.kind) == (line, "error", "wrong")
    assert said in only.message
    assert "draft" not in only.message


def test_branches_that_no_case_renders_are_known_by_the_lines_of_their_text():
    result = lint(SOURCE, {"a": case(long=True)})
    assert [(one.kind, one.first, one.last) for one in result.branches] == [
        ("if", 10, 10),
        ("elif", 12, 12),
        ("else", 14, 14),
    ]
    assert [one.kind for one in result.unreached] == ["elif", "else"]


def test_branches_of_loops_and_within_one_another():
    source = """{% for item in items %}
- {{ item.name }}
{% if item.old %}
  (old,

  very old)
{% endif %}
{% else %}
none
{% endfor %}"""
    result = lint(source, {"a": {"items": [{"name": "x", "old": False}]}})
    lines = {(one.kind, one.first, one.last) for one in result.branches}
    assert lines == {("for", 2, 6), ("if", 4, 6), ("for else", 9, 9)}
    assert {one.kind for one in result.unreached} == {"if", "for else"}


def test_a_macro_that_is_called_reaches_its_branches():
    source = "{% macro m(x) %}{% if x %}yes{% else %}no{% endif %}{% endmacro %}\n{{ m(flag) }}"
    assert [one.kind for one in lint(source, {"a": {"flag": True}}).unreached] == ["else"]


def test_a_case_that_fails_later_counts_for_what_it_reached():
    source = "{% if a %}x{% endif %}{{ missing }}"
    result = lint(source, {"a": {"a": True}})
    assert result.unreached == ()
    assert result.cases == 1


def test_of_many_cases_the_first_thousand_are_rendered():
    cases = {str(number): {"n": number} for number in range(1200)}
    result = lint("{% if n >= 1100 %}late{% endif %}{% if n == 999 %}in time{% endif %}", cases)
    assert (result.cases, len(result.unreached)) == (1000, 1)


def test_a_template_that_never_ends_is_no_hindrance():
    result = lint("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", {"a": {}})
    assert (result.unreached, result.cases) == ((), 0)


@given(
    st.text(alphabet="{%}# \n-abiftxend'|:=\\\"user", max_size=60),
    st.dictionaries(st.sampled_from("abtx"), st.text(max_size=5), max_size=3),
)
def test_any_text_is_linted_within_its_lines(source: str, inputs: dict):
    result = lint(source, {"a": inputs})
    lines = max(1, source.count("\n") + 1)
    assert all(1 <= one.line <= lines for one in result.findings)
    assert all(1 <= one.first <= one.last <= lines for one in result.branches)
    assert set(result.unreached) <= set(result.branches)
