"""Cases from Parquet, Arrow and XLSX: types as they are, what JSON cannot say refused by row and column."""

from __future__ import annotations

import tracemalloc
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pytest
from case_reading import cases_of, refusal, suite_of
from pyarrow import parquet

from promptlab.types import Case

WHEN = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


def write_parquet(path, columns, **options):
    parquet.write_table(pa.table(columns), path, **options)


def write_sheet(path, *rows, more=None):
    book = openpyxl.Workbook()
    book.active.title = "First"
    for row in rows:
        book.active.append(row)
    for name, others in (more or {}).items():
        sheet = book.create_sheet(name)
        for row in others:
            sheet.append(row)
    book.save(path)


def test_parquet_keeps_types_and_says_times_and_decimals_as_json_can(tmp_path):
    nested = pa.array([{"a": [1, 2]}, None], pa.struct([("a", pa.list_(pa.int64()))]))
    write_parquet(
        tmp_path / "a.parquet",
        {
            "id": ["x", None],
            "text": ["good \U0001f600\x00", ""],
            "whole": pa.array([2**60, None], pa.int64()),
            "number": [1.5, float("nan")],
            "yes": [True, None],
            "when": pa.array([WHEN, None], pa.timestamp("us", tz="UTC")),
            "day": [date(2026, 11, 25), None],
            "at": [time(12, 30), None],
            "span": [timedelta(hours=1.5), None],
            "price": [Decimal("12.50"), None],
            "exact": [Decimal("0.1234567890123456789012345"), Decimal(0)],
            "bytes": [b"text", None],
            "nested": nested,
            "by_name": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "expected": [3, 4],
            "tags": [["hard"], []],
        },
    )
    first, second = cases_of(tmp_path, "a.parquet")
    assert first == Case(
        "x",
        {
            "text": "good \U0001f600\x00",
            "whole": 2**60,
            "number": 1.5,
            "yes": True,
            "when": "2026-11-25T12:30:00+00:00",
            "day": "2026-11-25",
            "at": "12:30:00",
            "span": 5400.0,
            "price": 12.5,
            "exact": "0.1234567890123456789012345",
            "bytes": "text",
            "nested": {"a": [1, 2]},
            "by_name": {"k": 1},
            "kind": "a",
        },
        3,
        {"tags": ["hard"]},
    )
    assert (second.key, second.expected, second.metadata) == ("2", 4, {})
    nulls = ("whole", "number", "yes", "when", "day", "at", "span", "price", "bytes", "nested")
    assert [second.inputs[name] for name in nulls] == [None] * len(nulls)
    assert type(first.inputs["yes"]) is bool


def test_a_table_with_inputs_as_a_structure_holds_whole_cases(tmp_path):
    write_parquet(
        tmp_path / "a.parquet",
        {
            "id": ["x"],
            "inputs": [{"text": "good"}],
            "expected": ["positive"],
            "metadata": [{"level": "hard"}],
            "evaluators": [["is_json"]],
        },
    )
    case = Case("x", {"text": "good"}, "positive", {"level": "hard"}, ("is_json",))
    assert cases_of(tmp_path, "a.parquet") == [case]


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_files_of_both_formats(tmp_path, kind):
    table = pa.table({"text": ["a", "b", "c"], "expected": [1, 2, 3]})
    opened = {"file": pa.ipc.new_file, "stream": pa.ipc.new_stream}[kind]
    with opened(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    assert [(case.key, case.inputs["text"]) for case in cases_of(tmp_path, "a.arrow")] == [
        ("1", "a"),
        ("2", "b"),
        ("3", "c"),
    ]


def test_only_the_columns_that_are_named_are_read(tmp_path):
    write_parquet(
        tmp_path / "a.parquet",
        {"sentence": ["a"], "label": [1], "picture": [b"\xff\xd8"], "metadata.level": ["hard"], "answers.text": ["x"]},
    )
    columns = {"inputs": {"text": "sentence"}, "expected": "label"}
    cases = {"file": "a.parquet", "columns": columns}
    assert cases_of(tmp_path, cases) == [Case("1", {"text": "a"}, 1, {"level": "hard"})]
    said = refusal(tmp_path, "a.parquet")
    assert "row 1: column 'picture' has 2 bytes that are no UTF-8 text; leave the column out with `columns:" in said
    said = refusal(tmp_path, {"file": "a.parquet", "columns": {**columns, "expected": "lable"}})
    assert "there is no column 'lable'; did you mean 'label'?" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no Parquet file that can be read"),
        (b"PAR1" + b"\xff" * 100 + b"PAR1", "no Parquet file that can be read"),
        (b"text,expected\na,b\n", "no Parquet file that can be read"),
    ],
)
def test_a_broken_parquet_file_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "a.parquet").write_bytes(content)
    assert message in refusal(tmp_path, "a.parquet")
    (tmp_path / "a.arrow").write_bytes(content)
    assert "no Arrow file that can be read" in refusal(tmp_path, "a.arrow")


def test_a_parquet_file_that_was_cut_or_damaged_is_refused(tmp_path):
    write_parquet(tmp_path / "a.parquet", {"text": ["good"] * 5000}, compression="gzip", use_dictionary=False)
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 2])
    assert "no Parquet file that can be read" in refusal(tmp_path, "a.parquet")
    (tmp_path / "a.parquet").write_bytes(whole[:30] + b"\x00" * 20 + whole[50:])
    assert "no Parquet file that can be read" in refusal(tmp_path, "a.parquet")


def test_values_that_json_cannot_say_are_named_by_row_and_column(tmp_path):
    write_parquet(tmp_path / "a.parquet", {"text": ["a", "b"], "n": [1.0, float("inf")]})
    assert "a.parquet row 2: column 'n' is inf, which JSON cannot say" in refusal(tmp_path, "a.parquet")
    write_parquet(tmp_path / "a.parquet", {"id": [1, 2, 1], "text": ["a", "b", "c"]})
    assert "a.parquet row 3: the id '1' is taken; it stands first at" in refusal(tmp_path, "a.parquet")
    write_parquet(tmp_path / "a.parquet", {"id": [1.0, 2.5], "text": ["a", "b"]})
    assert "a.parquet row 2: `id` is 2.5; it is a text or a whole number" in refusal(tmp_path, "a.parquet")
    columns = [pa.array(["a"]), pa.array(["b"])]
    parquet.write_table(pa.Table.from_arrays(columns, names=["text", "text"]), tmp_path / "a.parquet")
    assert "the column 'text' stands twice" in refusal(tmp_path, "a.parquet")
    write_parquet(tmp_path / "a.parquet", {"text": pa.array([], pa.string())})
    assert "a.parquet: has no cases" in refusal(tmp_path, "a.parquet")


def test_a_parquet_file_is_never_held_whole(tmp_path):
    rows = 60_000
    write_parquet(
        tmp_path / "a.parquet",
        {"text": [f"{number:05} " + "x" * 200 for number in range(rows)], "expected": ["y"] * rows},
        row_group_size=10_000,
    )
    suite_of(tmp_path, "a.parquet")
    tracemalloc.start()
    suite = suite_of(tmp_path, "a.parquet")
    assert suite.cases_digest.rows == rows
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    assert sum(len(case.inputs["text"]) for case in suite.cases) == rows * 206
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4_000_000
    assert peak - before < 10_000_000  # all of them take 30 MB


def test_a_sheet_keeps_numbers_booleans_and_says_dates_as_iso_8601(tmp_path):
    day = datetime(2026, 11, 25)  # noqa: DTZ001 - a sheet knows no zones
    write_sheet(
        tmp_path / "a.xlsx",
        ("id", "text", "n", "yes", "day", "when", "at", "expected", "metadata.level", "tags"),
        (7, "good \U0001f600", 1.5, True, day.date(), day.replace(hour=9), time(9, 30), 3, "hard", "a; b"),
        (None, "007", 2, False, None, None, None, "none", None, None),
        (),
        ("z", None, None, None, None, None, None, None, None, None),
    )
    assert cases_of(tmp_path, "a.xlsx") == [
        Case(
            "7",
            {
                "text": "good \U0001f600",
                "n": 1.5,
                "yes": True,
                "day": "2026-11-25",
                "when": "2026-11-25T09:00:00",
                "at": "09:30:00",
            },
            3,
            {"level": "hard", "tags": ["a", "b"]},
        ),
        Case(
            "2", {"text": "007", "n": 2, "yes": False, "day": None, "when": None, "at": None}, "none", {"level": None}
        ),
        Case("z", dict.fromkeys(("text", "n", "yes", "day", "when", "at")), None, {"level": None}),
    ]


def test_a_sheet_is_named_or_numbered_and_the_first_is_the_default(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text",), ("one",), more={"Two": [("text",), ("two",)]})

    def text(**options):
        return cases_of(tmp_path, {"file": "a.xlsx", **options})[0].inputs["text"]

    assert (text(), text(sheet="Two"), text(sheet=2), text(sheet=1)) == ("one", "two", "two", "one")
    assert suite_of(tmp_path, {"file": "a.xlsx", "sheet": "Two"}).dataset_source == "a.xlsx[Two]"
    said = refusal(tmp_path, {"file": "a.xlsx", "sheet": "two"})
    assert "has no sheet 'two'; did you mean 'Two'? known: First, Two" in said
    assert "has no sheet 3; there are 2: First, Two" in refusal(tmp_path, {"file": "a.xlsx", "sheet": 3})
    assert "`sheet` is 0; it is a name or a number from 1" in refusal(tmp_path, {"file": "a.xlsx", "sheet": 0})


def test_formulas_are_what_they_were_last_computed_to(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text", "n"), ("a", "=1+1"))
    edit_part(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml", b"<f>1+1</f>", b"<f>1+1</f><v>2</v>")
    assert cases_of(tmp_path, "a.xlsx")[0].inputs == {"text": "a", "n": 2}


def edit_part(path, part, old, new):
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    assert old in parts[part], parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no cases"),
        ([("text",)], "has no cases"),
        ([("text", None, "n"), ("a", "b", "c")], "[First] row 1: column 2 has no name"),
        ([("text", "text"), ("a", "b")], "[First] row 1: the column 'text' stands twice"),
        ([("text",), ("a", "b")], "[First] row 2: 2 cells for 1 columns; name each column in the first row"),
        ([("id", "text"), (1, "a"), ("1", "b")], "[First] row 3: the id '1' is taken; it stands first at"),
        ([("text",), ("a",), ("#DIV/0!",)], "[First] row 3: cell A3 is the error #DIV/0!; mend it in the sheet"),
    ],
)
def test_a_wrong_sheet_is_named_by_its_row(tmp_path, rows, message):
    write_sheet(tmp_path / "a.xlsx", *rows)
    assert message in refusal(tmp_path, "a.xlsx")


def test_what_is_not_available_in_a_sheet_is_missing(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text", "n"), ("a", "#N/A"))
    assert cases_of(tmp_path, "a.xlsx")[0].inputs == {"text": "a", "n": None}


@pytest.mark.parametrize("content", [b"", b"text\na\n", b"PK\x03\x04" + b"\x00" * 200], ids=["empty", "a CSV", "cut"])
def test_what_is_no_xlsx_file_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "a.xlsx").write_bytes(content)
    assert "a.xlsx: no XLSX file that can be read" in refusal(tmp_path, "a.xlsx")


def test_a_zip_that_holds_no_workbook_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as book:
        book.writestr("readme.txt", "nothing")
    assert "no XLSX file that can be read" in refusal(tmp_path, "a.xlsx")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text",), ("a",))
    bomb = b" " * 1_000_000
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a", zipfile.ZIP_DEFLATED) as book, book.open("xl/media/x", "w") as part:
        for _ in range(250):
            part.write(bomb)
    assert (tmp_path / "a.xlsx").stat().st_size < 1_000_000
    assert "unpacks to 250 MB; 200 MB are allowed: save it as CSV or Parquet" in refusal(tmp_path, "a.xlsx")


def test_entities_are_refused_and_fetch_nothing(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text",), ("a",))
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b SYSTEM "file:///etc/passwd">]><worksheet'
    edit_part(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml", b"<worksheet", laughs)
    assert "no XLSX file that can be read" in refusal(tmp_path, "a.xlsx")


def test_a_row_that_claims_a_number_beyond_the_format_does_not_make_up_all_before_it(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text",), ("a",))
    edit_part(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml", b'<row r="2">', b'<row r="99999999999">')
    assert "a sheet has at most 1,048,576 rows" in refusal(tmp_path, "a.xlsx")


def test_a_date_that_no_calendar_has_is_an_error_in_its_cell(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text", "day"), ("a", date(2026, 1, 1)))
    edit_part(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml", b"<v>46023</v>", b"<v>99999999999</v>")
    assert "row 2: cell B2 is the error #VALUE!" in refusal(tmp_path, "a.xlsx")


def test_a_sheet_is_read_once_and_kept_on_disk(tmp_path):
    write_sheet(tmp_path / "a.xlsx", ("text", "expected"), *((f"{n:05} " + "x" * 100, n) for n in range(5000)))
    suite_of(tmp_path, "a.xlsx")
    tracemalloc.start()
    suite = suite_of(tmp_path, "a.xlsx")
    (tmp_path / "a.xlsx").unlink()
    assert suite.cases_digest.rows == 5000
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (suite.cases[4999].expected, suite.cases[-1].key) == (4999, "5000")
    assert kept < 1_000_000
