"""What is doubtful about the Playground's template, below it: line by line, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from formats import plural
from shared import problem

if TYPE_CHECKING:
    from promptlab.prompts.lint import Lint

SHOWN = 3
SPANS = 6
_ICONS = {"error": ":red[:material/error:]", "warning": ":orange[:material/warning:]", "info": ":gray[:material/info:]"}
_RANK = {"error": 0, "warning": 1, "info": 2}


def draw(lint: Lint) -> None:
    """Draws the findings, and how many branches no case renders."""
    # A template that is wrong is said where it would be rendered.
    places: dict[tuple[str, str], list[int]] = {}
    for one in lint.findings:
        if one.kind != "wrong":
            places.setdefault((one.severity, one.message), []).append(one.line)
    found = sorted(places.items(), key=lambda item: (_RANK[item[0][0]], item[1]))
    said = [(_ICONS[severity], f"{_lines(lines)}: {message}") for (severity, message), lines in found]
    with st.container(gap="xxsmall"):
        for icon, text in said[:SHOWN]:
            with st.container(horizontal=True, gap="small", wrap=False, vertical_alignment="center"):
                st.markdown(icon, width="content")
                st.text(text, width="stretch")
    if len(said) > SHOWN:
        with st.expander(f"{len(said) - SHOWN} more"):
            for icon, text in said[SHOWN:]:
                problem(text, icon=icon)
    if lint.unreached:
        missed = [line for one in lint.unreached for line in range(one.first, one.last + 1)]
        st.caption(
            f":orange[:material/alt_route:] {plural(len(lint.unreached), 'branch', 'branches')} of "
            f"{len(lint.branches)} that none of {plural(lint.cases, 'case')} renders: {_lines(missed)}"
        )


def _lines(numbers: Sequence[int]) -> str:
    """`line 3`, `lines 3, 7 to 9`; cut where there are many."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    said = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in spans[:SPANS])
    return f"line{'s' if len(set(numbers)) > 1 else ''} {said}{', ...' if len(spans) > SPANS else ''}"
