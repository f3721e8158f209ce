"""Two texts word by word: what went is struck out in red, what came is green; white space that counts is shown."""

from __future__ import annotations

import html
import re

import streamlit as st
from rapidfuzz.distance import Indel

from formats import clean, shown

MOST_CHARACTERS = 20_000
"""Longer texts are cut: comparing takes time that grows with the square of their length."""
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_CSS = (
    "white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,monospace;font-size:0.875rem;"
    "border:1px solid var(--st-border-color, #8884);border-radius:4px;padding:0.6rem;margin:0"
)
_GONE = "background:rgba(220,53,69,0.22);text-decoration:line-through"
_NEW = "background:rgba(25,135,84,0.25);text-decoration:none"


def draw(before: str, after: str) -> None:
    """Draws the difference as text: nothing in either is read as HTML."""
    st.html(f'<pre style="{_CSS}">{markup(before, after)}</pre>')
    if max(len(before), len(after)) > MOST_CHARACTERS:
        st.caption(f"The first {MOST_CHARACTERS:,} characters of each.")


def markup(before: str, after: str) -> str:
    """The difference as HTML, every character of both texts escaped."""
    old, new = (_WORDS.findall(clean(text[:MOST_CHARACTERS])) for text in (before, after))
    parts: list[str] = []
    for step in Indel.opcodes(old, new):
        gone, came = old[step.src_start : step.src_end], new[step.dest_start : step.dest_end]
        if step.tag == "equal":
            parts.append(html.escape("".join(gone)))
            continue
        if gone:
            parts.append(f'<del style="{_GONE}">{_seen(gone)}</del>')
        if came:
            parts.append(f'<ins style="{_NEW}">{_seen(came)}</ins>')
    return "".join(parts)


def _seen(words: list[str]) -> str:
    """Changed words, escaped; white space among them as marks, since it decides."""
    return html.escape(shown("".join(words)).replace("\t", "⇥"))
