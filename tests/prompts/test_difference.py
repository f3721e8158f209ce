"""The difference of two prompt versions, as a unified diff."""

from __future__ import annotations

from dataclasses import replace

from promptlab.prompts.difference import diff
from promptlab.prompts.files import parse_prompt

FIRST = replace(parse_prompt("---\ntags: [a]\n---\nHello {{ name }}\nBye\n", name="greet"), number=1)


def test_a_diff_shows_the_changed_lines_and_both_references() -> None:
    second = replace(parse_prompt("---\ntags: [a]\n---\nHi {{ name }}\nBye", name="greet"), number=2)
    assert diff(FIRST, second).splitlines() == [
        "--- greet@1",
        "+++ greet@2",
        "@@ -1,5 +1,5 @@",
        " ---",
        " tags: [a]",
        " ---",
        "-Hello {{ name }}",
        "+Hi {{ name }}",
        " Bye",
    ]


def test_line_ends_are_no_difference() -> None:
    same = parse_prompt(FIRST.source.replace("\n", "\r\n") + "\r\n", name="greet")
    assert diff(FIRST, same) == ""


def test_a_version_without_a_source_is_compared_as_it_would_be_written() -> None:
    assert "-Hello" in diff(replace(FIRST, source=""), replace(FIRST, source="Hi\n"))
