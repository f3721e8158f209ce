"""Markdown of a model is drawn without anything that leads or loads from anywhere."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.rendered import markup

TAGS = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br", "table", "thead", "tbody"}
TAGS |= {"tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6"}


def only_bare_tags(html: str) -> bool:
    return all(found in TAGS for found in re.findall(r"</?([^>]*?)\s?/?>", html))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**yes**, *no*", "<p><strong>yes</strong>, <em>no</em></p>\n"),
        ("[a](http://b.example) c", "<p>a c</p>\n"),
        ("![a cat](http://b.example/x.png)", "<p>[a cat]</p>\n"),
        ("<http://b.example>", "<p>http://b.example</p>\n"),
        (
            "<img src=http://b.example/x onerror=alert(1)>",
            "<p>&lt;img src=http://b.example/x onerror=alert(1)&gt;</p>\n",
        ),
        ("[y](javascript:alert(1))", "<p>[y](javascript:alert(1))</p>\n"),
        ("```js onload=x\na < b\n```", "<pre><code>a &lt; b\n</code></pre>\n"),
        ("3. c", "<ol><li>c</li>\n</ol>\n"),
        ("| a |\n|:-:|\n| b |", None),
        ("[a][r]\n\n[r]: http://b.example", "<p>a</p>\n"),
        ("<style>p{background:url(http://b.example)}</style>", None),
    ],
)
def test_what_is_drawn_has_bare_tags_only(text: str, html: str | None):
    found = markup(text)
    assert only_bare_tags(found), found
    if html is not None:
        assert found == html


@given(st.text(alphabet="[]()!<>:/*_`\\#|-a1 \n\"'=&;", max_size=80))
def test_no_text_makes_a_tag_with_an_attribute(text: str):
    assert only_bare_tags(markup(text))


def test_a_long_text_is_cut():
    assert len(markup("a " * 60_000)) < 60_000
