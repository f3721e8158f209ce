"""The artifacts of a run: a list, and one of them opened as what it is: a picture, a table, JSON, text."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import bytes_text, excerpt, file_name
from shared import guarded, lab, plain, selected_row

if TYPE_CHECKING:
    from promptlab.store.rows import ArtifactRow, RunDetail

PREVIEW_BYTES = 4_000
TABLE_ROWS = 200
PICTURES = {"image/png", "image/jpeg", "image/webp", "image/gif"}
"""Pictures that hold pixels only; SVG may hold links and scripts, and is shown as text."""
PICTURE_BYTES = 20_000_000
DOWNLOAD_BYTES = 50_000_000


def draw(detail: RunDetail) -> None:
    """Draws the list, and beside it the artifact that was clicked."""
    if not detail.artifacts:
        return
    st.markdown("##### Artifacts")
    listed, opened = st.columns([2, 3])
    with listed:
        lines = [
            {"name": excerpt(item.name), "size": bytes_text(item.bytes), "type": excerpt(item.media_type, limit=40)}
            for item in detail.artifacts
        ]
        st.dataframe(
            pd.DataFrame(lines),
            hide_index=True,
            key="artifacts",
            on_select="rerun",
            selection_mode="single-row",
            row_height=30,
            height=min(420, 30 * (len(lines) + 1) + 4),
        )
    row = selected_row("artifacts")
    with opened:
        if row is None or row >= len(detail.artifacts):
            st.caption("Tick an artifact to look at it. All of them as files:")
            plain(f"promptlab runs download {detail.run.uid[:8]} --to FOLDER", language="shell")
        else:
            _open(detail.run.uid, detail.artifacts[row])


@guarded
def _open(uid: str, item: ArtifactRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(excerpt(item.name), width="content")
        st.caption(f"SHA-256 {item.digest[:12]}", width="content")
        whole = _read(uid, item.name, DOWNLOAD_BYTES) if item.bytes <= DOWNLOAD_BYTES else None
        if whole is not None:
            name = file_name(item.name)
            st.download_button(
                ":material/download: Download",
                whole,
                file_name=name,
                mime="application/octet-stream",
                key=f"download:{item.digest}",
                type="tertiary",
            )
    if whole is None:
        st.caption(f"Too large for a page: `promptlab runs download {uid[:8]}` writes it to a file.")
    content = whole if whole is not None else _read(uid, item.name, PREVIEW_BYTES)
    if item.media_type in PICTURES and whole is not None and item.bytes <= PICTURE_BYTES:
        _picture(whole)
    elif item.media_type == "text/csv" or item.name.endswith(".parquet"):
        _table(item, content)
    elif item.media_type == "application/json" and whole is not None:
        _json(whole)
    else:
        _text(content, item.bytes)


def _read(uid: str, name: str, most: int) -> bytes:
    with lab().artifact(uid, name) as stream:
        return stream.read(most)


def _picture(content: bytes) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        # Opened here first: what is no picture, or one of absurd size, never reaches the browser.
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            st.image(picture)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        st.caption("Its bytes are no picture of its kind.")
        plain(str(error))


def _table(item: ArtifactRow, content: bytes) -> None:
    try:
        if item.name.endswith(".parquet"):
            frame = pd.read_parquet(io.BytesIO(content))
        else:
            frame = pd.read_csv(io.BytesIO(content), nrows=TABLE_ROWS + 1, dtype=object, keep_default_na=False)
    except (ValueError, OSError, ImportError) as error:
        st.caption("It cannot be read as a table.")
        plain(str(error).partition("\n")[0])
        return
    st.dataframe(frame.head(TABLE_ROWS), hide_index=True, key=f"table:{item.digest}", row_height=30)
    if len(frame) > TABLE_ROWS:
        st.caption(f"The first {TABLE_ROWS} rows.")


def _json(content: bytes) -> None:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        _text(content, len(content))
        return
    plain(json.dumps(value, ensure_ascii=False, indent=2)[:PREVIEW_BYTES], language="json")
    if len(content) > PREVIEW_BYTES:
        st.caption(f"The first {bytes_text(PREVIEW_BYTES)} of {bytes_text(len(content))}.")


def _text(content: bytes, size: int) -> None:
    beginning = content[:PREVIEW_BYTES]
    if b"\0" in beginning:
        st.caption("Not text.")
        return
    plain(beginning.decode("utf-8", "replace"))
    if size > PREVIEW_BYTES:
        st.caption(f"The first {bytes_text(PREVIEW_BYTES)} of {bytes_text(size)}.")
