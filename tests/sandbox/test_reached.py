"""Which branches a rendering reaches, and the outline of a template; both from the worker."""

from __future__ import annotations

import pytest

from promptlab.errors import TemplateError, TemplateLimitError
from promptlab.sandbox import BranchLines, RenderJob, find_reached, find_variables, render_many


def test_branches_are_numbered_as_in_the_outline_of_each_template():
    templates = ("{% if a %}1{% else %}2{% endif %}", "no branch", "{% for x in xs %}{{ x }}{% else %}-{% endfor %}")
    outlines = find_variables(templates).outlines
    assert [[branch.kind for branch in one.branches] for one in outlines] == [["if", "else"], [], ["for", "for else"]]
    jobs = [RenderJob(templates, {"a": 1, "xs": []}), RenderJob(templates, {"a": 0, "xs": [1]})]
    first, second = find_reached(jobs)
    assert first == (frozenset({0}), frozenset(), frozenset({1}))
    assert second == (frozenset({1}), frozenset(), frozenset({0}))


def test_watching_changes_nothing_of_what_is_rendered():
    templates = ("{%- if a -%}\n yes {%- endif -%}\n{% for x in [1, 2] -%} {{ loop.index }}{{ x }} {%- endfor %}",)
    before = render_many([RenderJob(templates, {"a": 1})])
    find_reached([RenderJob(templates, {"a": 1})])
    assert render_many([RenderJob(templates, {"a": 1})]) == before == [("yes1122",)]


def test_a_template_of_one_job_that_does_not_compile_spares_the_others():
    wrong, right = find_reached([RenderJob(("{% if %}",), {}), RenderJob(("{% if 1 %}x{% endif %}",), {})])
    assert isinstance(wrong, TemplateError)
    assert right == (frozenset({0}),)


def test_a_rendering_that_lasts_too_long_is_refused_by_name():
    (endless,) = find_reached([RenderJob(("{% for a in range(99999) %}" * 2 + "{% endfor %}" * 2,), {})])
    assert isinstance(endless, TemplateLimitError)


def test_a_template_cannot_reach_what_notes_its_branches():
    source = "{% if 1 %}{{ promptlab_reached__(99) }}{% endif %}{{ promptlab_reached__.pop }}"
    (found,) = find_reached([RenderJob((source,), {})])
    assert not isinstance(found, TemplateError)
    assert found[0] <= {0, 99}
    (rendered,) = render_many([RenderJob((source,), {})])
    assert isinstance(rendered, TemplateError)  # in a rendering that counts there is no such name


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("{% if a %}x{% endif %}", (1, 1)),
        ("{% if a %}\nx\n{% endif %}", (2, 2)),
        ("{% if a %}\n\n{{ x }}\n\ny\n{% endif %}", (3, 5)),
        ("{% if a %}{% endif %}", (1, 1)),
        ("\n{% if a %}\n\n{% endif %}", (2, 2)),
        ("{% if a %}\n{% set b = 1 %}\n{% endif %}", (2, 2)),
    ],
)
def test_a_branch_has_the_lines_of_what_it_holds(source: str, lines: tuple[int, int]):
    assert find_variables((source,)).outlines[0].branches == (BranchLines("if", *lines),)


def test_the_outline_knows_what_is_used_and_what_is_set():
    source = "{{ a }}\n{% set b = a %}\n{% for c, d in e %}{{ c }}{% endfor %}\n{% macro f(g) %}{{ g }}{% endmacro %}"
    outline = find_variables((source,)).outlines[0]
    assert outline.used == {"a": (1, 2), "e": (3,)}
    assert outline.assigned == (("b", 2, "set"), ("c", 3, "for"), ("d", 3, "for"), ("f", 4, "macro"), ("g", 4, "macro"))
