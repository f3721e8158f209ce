"""Files of cases are gone through again and again and never held whole."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from promptlab.errors import SuiteError, UsageError
from promptlab.store import datasets
from promptlab.store.database import Database
from promptlab.suites.case_sources import load_cases
from promptlab.suites.digests import digest_cases
from promptlab.suites.load import load_suite
from promptlab.suites.streams import CaseFile


def write(path: Path, rows: int, **more: object) -> Path:
    with path.open("w") as file:
        for number in range(rows):
            file.write(json.dumps({"inputs": {"text": f"w{number}"}, "expected": "x" * 40, **more}) + "\n")
    return path


def test_a_file_is_a_sequence_of_its_cases(tmp_path: Path):
    cases = load_cases(write(tmp_path / "a.jsonl", 7), name="a.jsonl")
    assert isinstance(cases, CaseFile)
    assert len(cases) == 7
    assert [case.key for case in cases] == [case.key for case in cases] == ["1", "2", "3", "4", "5", "6", "7"]
    assert (cases[0].key, cases[6].key, cases[-1].key) == ("1", "7", "7")
    assert [case.key for case in cases[2:5]] == ["3", "4", "5"]
    assert [case.key for case in cases[::-3]] == ["7", "4", "1"]
    with pytest.raises(IndexError, match=r"no case 7 of 7"):
        cases[7]


def test_a_limit_takes_the_first_and_still_checks_the_rest(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", 5)
    cases = load_cases(path, name="a.jsonl", limit=2)
    assert [case.key for case in cases] == ["1", "2"]
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(SuiteError, match=r"a\.jsonl:6: not valid JSON"):
        load_cases(path, name="a.jsonl", limit=2)


def test_a_file_that_got_shorter_or_wrong_is_noticed(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", 3)
    cases = load_cases(path, name="a.jsonl")
    write(path, 2)
    with pytest.raises(SuiteError, match="had 3 cases and has 2 now"):
        list(cases)
    path.write_text("nonsense\n")
    with pytest.raises(SuiteError, match="not valid JSON"):
        list(cases)


def test_cases_that_change_while_they_are_stored_are_refused(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", 3)
    cases = load_cases(path, name="a.jsonl")
    digests = digest_cases(cases)
    write(path, 3, metadata={"other": 1})
    with Database.open(f"sqlite:///{tmp_path / 'lab.db'}") as database:
        write_it = database.write(
            lambda connection: datasets.store_dataset(
                connection, name="a", source="a.jsonl", cases=cases, digests=digests
            )
        )
        with pytest.raises(UsageError, match="changed while they were read"):
            write_it.result()
        assert database.stats().rows["dataset"] == 0


def test_a_stored_data_set_is_read_page_by_page_and_has_the_digest_of_its_cases(tmp_path: Path):
    cases = load_cases(write(tmp_path / "a.jsonl", 2500), name="a.jsonl")
    with Database.open(f"sqlite:///{tmp_path / 'lab.db'}") as database:
        row = database.write(
            lambda connection: datasets.store_dataset(connection, name="a", source="", cases=cases)
        ).result()
        assert (row.rows, row.digest) == (2500, digest_cases(list(cases)).digest)
        seen, after = [], -1
        while page := database.read(
            lambda connection: datasets.dataset_page(connection, row.id, after=after, limit=999)  # noqa: B023
        ):
            seen += [placed.case for placed in page]
            after = page[-1].place
        assert seen == list(cases)


def test_a_suite_of_many_cases_takes_little_memory(tmp_path: Path):
    write(tmp_path / "many.jsonl", 20_000)
    (tmp_path / "many.yaml").write_text("cases: many.jsonl\nevaluators: [exact_match]\n")
    load_suite(tmp_path / "many.yaml")
    tracemalloc.start()
    suite = load_suite(tmp_path / "many.yaml")
    assert suite.cases_digest.rows == 20_000
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 32 bytes a digest and little else; as objects the cases took 20 MB.
    assert kept < 2_000_000


def write_table(folder: Path, end: str, rows: Iterator[dict[str, str]]) -> Path:
    path = folder / f"a.{end}"
    if end == "parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=2000)
        return path
    with path.open("w", newline="") as file:
        if end == "jsonl":
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
        elif end == "json":
            file.write(f"[{','.join(json.dumps(row) for row in rows)}]")
        else:
            writer = csv.DictWriter(file, ["text", "expected"], delimiter="\t" if end == "tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("end", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_a_long_file_is_never_held_whole(tmp_path: Path, end: str):
    rows = 10_000
    path = write_table(tmp_path, end, ({"text": f"w{n} {'x' * 2000}", "expected": "y"} for n in range(rows)))
    next(iter(load_cases(path, name="warm")))
    tracemalloc.start()
    cases = load_cases(path, name=path.name)
    kept, peak = tracemalloc.get_traced_memory()
    assert sum(len(case.inputs["text"]) for case in cases) > 20_000_000
    _, again = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
    # The text takes 20 MB; what is held is the ids, to find one that stands twice, and a batch of rows.
    assert max(peak, again) < 13_000_000


def test_bytes_that_are_no_utf8_are_named_by_their_place_in_the_file(tmp_path: Path):
    good = b'{"inputs": {"text": "a"}}\n'
    (tmp_path / "a.jsonl").write_bytes(good * 3 + b'{"inputs": {"text": "\xff"}}\n')
    with pytest.raises(SuiteError, match=f"not UTF-8 at byte {3 * len(good) + 21}"):
        load_cases(tmp_path / "a.jsonl", name="a.jsonl")
    (tmp_path / "a.csv").write_bytes(b"text,expected\n" + b"a,b\n" * 9000 + b"\xff,b\n")
    with pytest.raises(SuiteError, match=f"not UTF-8 at byte {14 + 4 * 9000}"):
        load_cases(tmp_path / "a.csv", name="a.csv")


def test_a_table_may_end_its_lines_as_old_macs_did(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b'text,expected\ra,b\r"c\rd",e\r')
    cases = load_cases(tmp_path / "a.csv", name="a.csv")
    assert [(case.inputs["text"], case.expected) for case in cases] == [("a", "b"), ("c\rd", "e")]
