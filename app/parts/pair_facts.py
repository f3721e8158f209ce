"""What stands beside a verdict: whether all else was the same, what to do next, how the templates differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from formats import label, plural
from parts import move_alias, word_diff
from promptlab.errors import PromptError
from shared import lab, plain

if TYPE_CHECKING:
    from promptlab.compare import Comparison, Pair
    from promptlab.sameness import Sameness

SAME, OTHER = ":green[:material/check:]", ":orange[:material/warning:]"


def draw(comparison: Comparison, pair: Pair) -> None:
    """Draws it for one pair."""
    same = lab().sameness(pair.baseline.id, pair.other.id)
    with st.container(gap="xsmall"):
        st.markdown(facts(pair, same))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(":blue[:material/arrow_forward:]", width="content")
            st.text(lab().next_step(pair), width="content")
            if pair.other.prompt is not None:
                main = next((item.verdict for item in pair.measures if item.measure == comparison.measures[0]), None)
                move_alias.draw(pair.other.prompt, verdict=main)
    if pair.baseline.prompt is not None and pair.other.prompt is not None and not same.prompt:
        _template(pair.baseline.prompt, pair.other.prompt, same)


def facts(pair: Pair, same: Sameness) -> str:
    """The line of what is the same, as Markdown with every name escaped."""
    said = [
        f"{SAME} same data"
        if not same.other_expected
        else f"{OTHER} other data: {plural(same.other_expected, 'case')} of {same.shared:,} expect another thing",
        f"{SAME} same evaluators" if not same.evaluators else f"{OTHER} changed evaluators: {_names(same.evaluators)}",
        f"{SAME} same settings" if not same.settings else f"{OTHER} other settings: {_names(same.settings)}",
    ]
    said.append("same base model" if same.model else "other base model")
    if pair.baseline.prompt is not None and pair.other.prompt is not None:
        said.append("same prompt" if same.prompt else "other prompt")
    return " · ".join(said)


def _names(names: tuple[str, ...]) -> str:
    return label(", ".join(names), limit=120)


def _template(before: str, after: str, same: Sameness) -> None:
    with st.expander("Template differences", key="pair:template", on_change="rerun") as panel:
        if not panel.open:
            return
        if same.other_prompts is not None:
            st.caption(f"What was sent differs in {same.other_prompts:,} of {plural(same.shared, 'case')}.")
        try:
            old, new = (lab().prompts.get(reference) for reference in (before, after))
        except PromptError as error:
            st.text(str(error))
            return
        words, lines = st.tabs(["Word by word", "Line by line"])
        with words:
            word_diff.draw(old.source, new.source)
        with lines:
            plain(lab().prompts.diff(old, new) or "no difference in the text", language="diff")
