"""Data sets: all of them, or one version with its profile, schema, differences and runs. `?dataset=NAME@2`.

With `&against=NAME@1` it opens on what changed since that version. No page reads the rows of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from formats import KINDS, NOTHING, excerpt, label, plural, shown, value_text, when
from parts import data_differences, data_profile
from shared import DATA, RUN, guarded, lab, parameter, plain, selected_row, set_parameters

if TYPE_CHECKING:
    from promptlab.tracking.dataset import Dataset

TABS = ("Profile", "Fields", "Differences", "Versions", "Runs")


@guarded
def show() -> None:
    """Draws the version that the address names, else the list of all data sets."""
    name = parameter("dataset")
    if name:
        _one(lab().dataset(name))
    else:
        _all()


def _all() -> None:
    st.subheader("Data sets", anchor=False)
    newest: dict[str, Dataset] = {}
    for dataset in lab().datasets():
        newest.setdefault(dataset.name, dataset)
    if not newest:
        st.caption("None yet. The cases of a suite are stored when it is run; a script records tables:")
        _code()
        return
    rows = sorted(newest.values(), key=lambda dataset: dataset.created_at, reverse=True)
    _open_clicked("data:list", rows)
    uses = lab().dataset_uses(rows)
    lines = [
        {
            "data set": excerpt(dataset.name, limit=60),
            "versions": dataset.number,
            "rows": dataset.rows,
            "fields": len(dataset.schema),
            "kind": dataset.kind,
            "runs": uses.get(dataset.id, 0),
            "stored": when(dataset.created_at),
            "source": excerpt(dataset.source, limit=120),
        }
        for dataset in rows
    ]
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="data:list",
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
    )
    st.caption("The newest version of each; click a row to open it. A script records more:")
    _code()


def _code() -> None:
    st.code(
        'with lab.run("prepare", kind="pipeline") as run:\n'
        '    raw = run.extract("data/raw.csv", name="churn-raw", profile=True, target="churn")\n'
        '    run.load(raw.drop_duplicates(), "data/clean.parquet", name="churn", profile=True)',
        language="python",
    )


def _one(dataset: Dataset) -> None:
    versions = list(lab().datasets(dataset.name))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(DATA, label="Data sets", icon=":material/arrow_back:")
        st.subheader(label(dataset.reference), anchor=False, width="content")
        newest = "" if dataset.number == versions[0].number else f" · newest is @{versions[0].number}"
        what = f"{plural(dataset.rows, 'row')} · {plural(len(dataset.schema), 'field')} · {dataset.kind}"
        st.caption(f"{what}{newest}", width="content")
    st.text(shown(excerpt(dataset.source, limit=300)))
    first = TABS[2] if parameter("against") else TABS[0]
    profiled, fields, differences, listed, used = st.tabs(TABS, key="data:tab", default=first, on_change="rerun")
    if profiled.open:
        with profiled:
            data_profile.draw(dataset)
    if fields.open:
        with fields:
            _fields(dataset)
    if differences.open:
        with differences:
            data_differences.draw(dataset, versions)
    if listed.open:
        with listed:
            _versions(dataset, versions)
    if used.open:
        with used:
            _runs(dataset)


def _fields(dataset: Dataset) -> None:
    lines = [
        {
            "field": excerpt(field.name),
            "type": " or ".join(field.types),
            "rows with a value" if dataset.kind == "table" else "rows": field.rows,
        }
        for field in dataset.schema.values()
    ]
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="data:fields", row_height=30)
    st.caption("Digest of its content")
    plain(dataset.digest)
    if dataset.kind == "table":
        place = "its rows are not kept" if dataset.location is None else value_text(dict(dataset.location))
        st.caption("Where its rows are; `run.extract` takes it")
        plain(place)


def _versions(dataset: Dataset, versions: Sequence[Dataset]) -> None:
    _open_clicked("data:versions", versions)
    uses = lab().dataset_uses(versions)
    lines = [
        {
            "": "●" if version.number == dataset.number else "",
            "version": version.reference if len(version.reference) <= 60 else f"@{version.number}",
            "rows": version.rows,
            "fields": len(version.schema),
            "runs": uses.get(version.id, 0),
            "stored": when(version.created_at),
            "digest": version.digest[:8],
            "source": excerpt(version.source, limit=120),
        }
        for version in versions
    ]
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="data:versions",
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
    )
    st.caption("A version is its content: the same rows again are the same version. Click one to open it.")


def _open_clicked(key: str, rows: Sequence[Dataset]) -> None:
    row = selected_row(key)
    if row is not None and row < len(rows):
        st.session_state.pop(key, None)
        set_parameters(dataset=rows[row].reference, against=None)
        st.rerun()


def _runs(dataset: Dataset) -> None:
    used = dataset.runs
    if not used:
        st.caption("No run used this version.")
        return
    row = selected_row("data:runs")
    if row is not None and row < len(used):
        st.session_state.pop("data:runs", None)
        st.switch_page(RUN, query_params={"run": used[row][1].uid})
    lines = [
        {
            "used for": excerpt(context, limit=40),
            "run": excerpt(run.name, limit=60),
            "kind": KINDS.get(run.kind, run.kind),
            "experiment": excerpt(run.experiment, limit=40) or NOTHING,
            "status": run.status,
            "started": when(run.started_at),
            "id": run.uid[:8],
        }
        for context, run in used
    ]
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        key="data:runs",
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
    )
    st.caption("Which run read it (input), made it (output) or used it, the newest first. Click one to open it.")


if __name__ == "__main__":
    show()
