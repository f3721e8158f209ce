"""Profiles of data that a run has: made, stored with the version of the data set, kept as files of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.profiles.make import make_profile
from promptlab.profiles.profile import Profile
from promptlab.sources.table import as_frame, make_table, with_target
from promptlab.store import profiles
from promptlab.tracking import artifacts
from promptlab.tracking.data import record, target_name

if TYPE_CHECKING:
    import pandas as pd

    from promptlab.tracking.dataset import Dataset
    from promptlab.tracking.run import Run


def log_profile(run: Run, data: Any, *, name: str, target: Any, context: str) -> Profile:
    """Records a frame in hand as a version of a data set, with its profile, which is given."""
    whole = with_target(as_frame(data), target)
    table = make_table(whole, source="a data frame in Python")
    dataset = record(run, table, name=name, context=context, profile=False)
    return store_profile(run, whole, dataset, target=target_name(target))


def profile_data(source: Any, *, target: str | None, dataset: Callable[[str], Dataset], folder: Path) -> Profile:
    """The profile of a stored version, or of a source that is read. A name that is both is the file's."""
    from promptlab.sources.read import found_file, read_table
    from promptlab.sources.table import target_column
    from promptlab.tracking.data_differences import profile_of

    if isinstance(source, str) and not _is_source(source) and not found_file(source, folder).exists():
        return profile_of(dataset(source), target=target)
    frame = read_table(source, folder=folder).frame
    if target is not None:
        target_column(frame, target)
    return make_profile(frame, target=target)


def _is_source(text: str) -> bool:
    from promptlab.sources.files import ENDS

    return "://" in text or text.lower().endswith(ENDS)


def store_profile(run: Run, frame: pd.DataFrame, dataset: Dataset, *, target: str | None) -> Profile:
    """The profile of a version, stored with it and kept as `profiles/NAME@N.json` and `.html` of the run."""
    profile = make_profile(frame, target=target)
    content = profile.to_json()
    run.database.write_now(lambda connection: profiles.save_profile(connection, dataset.id, content))
    artifacts.log_json(run, content, f"profiles/{dataset.reference}.json")
    page = profile.to_html(title=dataset.reference)
    artifacts.log_bytes(run, page.encode("utf-8", "replace"), f"profiles/{dataset.reference}.html")
    return profile
