"""Rows of a Hugging Face data set, of the hub or of a local folder; code that comes with one is never run."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.errors import MissingPackageError, SuiteError
from promptlab.redact import redact
from promptlab.spelling import suggestion
from promptlab.suites.readers.arrow import Wanted, batch_rows
from promptlab.suites.rows import Row

ROWS_AT_ONCE = 500
_SAVED = ("dataset_info.json", "dataset_dict.json")
"""Files by which a folder is known that `save_to_disk` has made."""


@dataclass(frozen=True, slots=True)
class HubData:
    """Which data set. name: its name on the hub; folder: where it is on this machine, None for one of the hub."""

    name: str
    folder: Path | None
    config: str | None = None
    split: str | None = None
    revision: str | None = None


def read_huggingface(data: HubData, name: str, *, wanted: Wanted, raw: str | None = None) -> Iterator[Row]:
    """The rows of a data set; class numbers come as the names of their classes, but for the column `raw`.

    A class number of -1 says that there is none: null. Raises SuiteError, and MissingPackageError without datasets.
    """
    with _explained(name), _quiet():
        found = _load(data, name)
        features = dict(found.features or {})
        columns = list(found.column_names or features)
        chosen = wanted(columns, name) or columns
        for column in chosen:
            # Pictures and sounds: reading them takes packages of their own, and no template can use them.
            if hasattr(features.get(column), "decode_example"):
                kind = type(features[column]).__name__
                raise SuiteError(
                    f"{name}: column {column!r} is of type {kind}, which JSON cannot say; leave it out with "
                    "`columns: {inputs: [...]}`"
                )
        namers = {column: _namer(features.get(column), named=column != raw) for column in chosen}
        batches = found.select_columns(chosen).with_format("arrow").iter(batch_size=ROWS_AT_ONCE)
        for row in batch_rows(batches, name):
            for column, namer in namers.items():
                if namer is not None:
                    row.value[column] = namer(row.value[column])
            yield row


def _load(data: HubData, name: str) -> Any:
    import datasets

    if data.folder is not None and any((data.folder / file).is_file() for file in _SAVED):
        saved = datasets.load_from_disk(str(data.folder))
        if not hasattr(saved, "keys"):
            return saved
        return saved[_split(data, list(saved.keys()), name)]
    place = data.name if data.folder is None else str(data.folder)
    options = {} if data.revision is None else {"revision": data.revision}
    split = data.split
    if split is None:
        split = _split(data, datasets.get_dataset_split_names(place, data.config, **options), name)
    # What is on this machine is read where it is; what is fetched is kept by the package, for the next time.
    return datasets.load_dataset(place, data.config, split=split, streaming=data.folder is not None, **options)


def _split(data: HubData, splits: Sequence[str], name: str) -> str:
    if data.split is not None:
        if data.split not in splits:
            raise SuiteError(f"{name}: has no split {data.split!r}{suggestion(data.split, splits)}")
        return data.split
    if len(splits) != 1:
        raise SuiteError(f"{name}: has the splits {', '.join(splits)}; choose one with `split: {splits[-1]}`")
    return splits[0]


def _namer(feature: Any, *, named: bool) -> Callable[[Any], Any] | None:
    """What makes class numbers of a column names, or at least null of those that are none; None for other columns."""
    names = getattr(feature, "names", None)
    if type(feature).__name__ == "ClassLabel" and names:
        known = dict(enumerate(names if named else range(len(names))))
        return known.get
    inner = getattr(feature, "feature", None)
    namer = _namer(inner, named=named) if inner is not None and not isinstance(inner, dict) else None
    if namer is None:
        return None
    return lambda values: None if values is None else [namer(value) for value in values]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and lines about every retry."""
    import datasets

    bars = datasets.are_progress_bars_disabled()
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    datasets.disable_progress_bars()
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        import datasets  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingPackageError(
            f"{name}: needs datasets; install it: pip install 'promptlab-workbench[datasets]'"
        ) from error
    try:
        yield
    except (SuiteError, MissingPackageError):
        raise
    except Exception as error:
        # The package raises errors of its own, those of files and those of the network.
        said = redact(" ".join(str(error).split())[:300]) or type(error).__name__
        raise SuiteError(f"{name}: cannot be read: {said}") from error
