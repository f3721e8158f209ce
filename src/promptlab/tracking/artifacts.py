"""What a run keeps as files: copies of files and folders, texts, JSON, tables, figures.

A name is only a name: it is stored as it was given, and never part of a path here. `/` in it makes folders on a page.
"""

from __future__ import annotations

import io
import json
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.store.artifacts import StoredFile, record_artifact
from promptlab.store.statements import check_name

if TYPE_CHECKING:
    from promptlab.tracking.run import Run

FIGURE_FORMATS = ("png", "svg", "pdf", "html", "json", "jpg", "webp")
_TYPES = {".parquet": "application/vnd.apache.parquet", ".jsonl": "application/jsonl", ".md": "text/markdown"}


def log_file(run: Run, path: Path, *, name: str | None) -> str:
    """Keeps a copy of a file and gives its SHA-256, hex. Raises UsageError for what is no file."""
    kept = check_name(path.name if name is None else name, "artifact")
    if not path.is_file():
        raise UsageError(f"artifact '{path}' is not a file{'; log_artifacts keeps folders' if path.is_dir() else ''}")
    return _record(run, kept, run.artifact_store.put_file(path))


def log_folder(run: Run, folder: Path, *, prefix: str) -> dict[str, str]:
    """Keeps every file below a folder and gives SHA-256 by name. Links that lead out of the folder are refused."""
    if not folder.is_dir():
        raise UsageError(f"artifacts '{folder}' is not a folder; log_artifact keeps a file")
    root = folder.resolve()
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if not path.resolve().is_relative_to(root):
            raise UsageError(f"artifact '{path}' is a link to a file outside of '{folder}'; log it by its own path")
        name = PurePosixPath(prefix, path.relative_to(folder).as_posix()).as_posix()
        found[name] = log_file(run, path, name=name)
    return found


def log_bytes(run: Run, content: bytes, name: str) -> str:
    """Keeps bytes and gives their SHA-256, hex."""
    check_name(name, "artifact")
    return _record(run, name, run.artifact_store.put_bytes(content))


def log_json(run: Run, value: Any, name: str) -> str:
    """Keeps a JSON value, with what JSON has not written as text, and gives its SHA-256, hex."""
    return log_bytes(run, json.dumps(value, ensure_ascii=False, indent=2, default=str).encode("utf-8", "replace"), name)


def log_table(run: Run, table: Any, name: str) -> str:
    """Keeps a table as CSV, JSON (a list of rows) or Parquet, as the end of `name` says."""
    import pandas as pd

    frame = table if isinstance(table, pd.DataFrame) else _frame(table, name)
    suffix = Path(name).suffix.lower()
    buffer = io.BytesIO()
    if suffix == ".csv":
        frame.to_csv(buffer, index=False)
    elif suffix == ".json":
        frame.to_json(buffer, orient="records", force_ascii=False, date_format="iso")
    elif suffix == ".parquet":
        try:
            frame.to_parquet(buffer, index=False)
        except ImportError as error:
            raise UsageError(
                f"table '{name}' needs pyarrow: pip install 'promptlab-workbench[tables]', or end the name in .csv"
            ) from error
    else:
        raise UsageError(f"table '{name}' ends in {suffix or 'nothing'}; end its name in .csv, .json or .parquet")
    return log_bytes(run, buffer.getvalue(), name)


def log_figure(run: Run, figure: Any, name: str) -> str:
    """Keeps a figure in the format that the end of `name` says; what draws it is known by what it can do."""
    suffix = Path(name).suffix.lower().lstrip(".")
    if suffix not in FIGURE_FORMATS:
        raise UsageError(
            f"figure '{name}' ends in {suffix or 'nothing'}; end its name in .{', .'.join(FIGURE_FORMATS)}"
        )
    try:
        content = _drawn(figure, suffix)
    except (ValueError, ImportError, KeyError, AttributeError) as error:
        # Each library says in its own way that it cannot draw this format.
        raise UsageError(f"figure '{name}' cannot be drawn as {suffix}: {_first_line(error)}") from error
    if content is None:
        raise UsageError(
            f"figure '{name}' is a {type(figure).__name__}; give a figure of matplotlib, Plotly, Altair or Pillow"
        )
    return log_bytes(run, content, name)


def _drawn(figure: Any, suffix: str) -> bytes | None:
    buffer = io.BytesIO()
    whole = getattr(figure, "figure", figure)  # the figure of matplotlib's Axes
    if hasattr(whole, "savefig"):
        whole.savefig(buffer, format=suffix, bbox_inches="tight")
        return buffer.getvalue()
    if hasattr(figure, "to_html") and hasattr(figure, "to_json"):  # Plotly and Altair
        if suffix == "json":
            return str(figure.to_json()).encode()
        if suffix == "html":
            return str(figure.to_html()).encode()
        if hasattr(figure, "to_image"):
            return bytes(figure.to_image(format=suffix))
        figure.save(buffer, format=suffix)
        return buffer.getvalue()
    if hasattr(figure, "save") and hasattr(figure, "tobytes"):  # Pillow
        figure.save(buffer, format="jpeg" if suffix == "jpg" else suffix)
        return buffer.getvalue()
    return None


def _frame(table: Mapping[str, Any] | Sequence[Mapping[str, Any]], name: str) -> Any:
    import pandas as pd

    try:
        return pd.DataFrame(table)
    except (TypeError, ValueError) as error:
        raise UsageError(f"table '{name}' is no table: {_first_line(error)}") from error


def _record(run: Run, name: str, stored: StoredFile) -> str:
    media_type = _TYPES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    run.database.write_now(
        lambda connection: record_artifact(connection, run.id, name, stored.digest, stored.bytes, media_type)
    )
    return stored.digest


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
