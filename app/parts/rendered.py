"""A model's Markdown as people would read it, with nothing in it that leads or loads from anywhere.

Headings, emphasis, lists, tables, quotes and code are drawn; of a link its text stays, of an image its description;
HTML stays text. What is drawn has no address in it at all.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import streamlit as st

from formats import clean

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MOST_CHARACTERS = 50_000


def draw(text: str) -> None:
    """Draws a text that may be Markdown."""
    drawn = markup(text)
    if not drawn.strip():
        st.caption("There is nothing to draw: the output is empty.")
        return
    st.html(drawn)
    more = f" The first {MOST_CHARACTERS:,} characters." if len(text) > MOST_CHARACTERS else ""
    st.caption(f"As Markdown; links, images and HTML are left out.{more}")


def markup(text: str) -> str:
    """The text as HTML whose tags have no attributes: `[a](http://b) *c*` becomes `<p>a <em>c</em></p>`."""
    return str(_markdown().render(clean(text[:MOST_CHARACTERS])))


@functools.cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from markdown_it.common.utils import escapeHtml

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["html_block", "html_inline"])

    def nothing(*_: Any) -> str:
        return ""

    def description(_: Any, tokens: Any, place: int, *__: Any) -> str:
        return f"[{escapeHtml(tokens[place].content)}]"

    def bare(_: Any, tokens: Any, place: int, *__: Any) -> str:
        token = tokens[place]
        return f"<{'/' if token.nesting < 0 else ''}{token.tag}>"

    def code(_: Any, tokens: Any, place: int, *__: Any) -> str:
        return f"<pre><code>{escapeHtml(tokens[place].content)}</code></pre>\n"

    for name in ("link_open", "link_close"):
        markdown.add_render_rule(name, nothing)
    markdown.add_render_rule("image", description)
    for name in ("th_open", "td_open", "ordered_list_open"):
        markdown.add_render_rule(name, bare)
    markdown.add_render_rule("fence", code)
    return markdown
