"""Files as tables: cells keep what they are, and a broken or hostile file gives one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from promptlab.errors import UsageError
from promptlab.sources.read import read_table


def read(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, folder=path.parent).frame


def refusal(source, folder):
    with pytest.raises(UsageError) as caught:
        read_table(source, folder=folder)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "2"], "int64", [1, 2]),
        (["1", ""], "float64", [1, None]),
        (["1", "NA"], "float64", [1, None]),
        (["1.5", "null"], "float64", [1.5, None]),
        (["1e3", "-inf"], "float64", [1000, -np.inf]),
        (["0012", "12"], "str", ["0012", "12"]),
        (["0", "0.5"], "float64", [0, 0.5]),
        (["12345678901234567890", "1"], "str", ["12345678901234567890", "1"]),
        (["123456789012345678", "1"], "int64", [123456789012345678, 1]),
        (["NA", "Namibia"], "str", ["NA", "Namibia"]),
        (["None", "x"], "str", ["None", "x"]),
        (["true", "False"], "bool", [True, False]),
        (["true", ""], "object", [True, None]),
        (["no", "yes"], "str", ["no", "yes"]),
        (["2024-01-01", "2024-02-30"], "str", ["2024-01-01", "2024-02-30"]),
        (["1_000", "2"], "str", ["1_000", "2"]),
        (["+1", "2"], "int64", [1, 2]),
        (["1", "x"], "str", ["1", "x"]),
        (["0x10", "2"], "str", ["0x10", "2"]),
    ],
)
def test_cells_of_a_csv_are_what_they_are_and_lose_nothing(cells, dtype, values, tmp_path):
    frame = read(tmp_path / "d.csv", "n,x\n" + "".join(f"{at},{cell}\n" for at, cell in enumerate(cells)))
    assert str(frame["x"].dtype) == dtype
    assert frame["x"].astype(object).where(frame["x"].notna(), None).tolist() == values


def test_times_come_as_times_and_a_column_without_a_name_gets_one(tmp_path):
    frame = read(tmp_path / "d.csv", "\ufeff,when\n5,2024-01-01 10:00\n6,2024-01-02\n")
    assert list(frame.columns) == ["column 1", "when"]
    assert frame["when"].tolist() == [pd.Timestamp("2024-01-01 10:00"), pd.Timestamp("2024-01-02")]
    assert read_table({"file": "e.csv", "separator": ";"}, folder=write(tmp_path / "e.csv", "a;b\n1;2\n")).rows == 1


def write(path, text):
    path.write_text(text)
    return path.parent


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "has no columns"),
        ("a.csv", "a,a\n1,2\n", "the column 'a' stands twice"),
        ("a.csv", "a,b\n1,2,3\n", "no CSV file that can be read"),
        ("a.csv", 'a,b\n"1,2\n', "no CSV file that can be read"),
        ("a.csv", b"a,b\n\xff,2\n", "is not UTF-8"),
        ("a.json", '{"a": 1}', "a JSON file of a table is a list of objects"),
        ("a.json", "[1, 2]", "a row is 1"),
        ("a.json", "[{]", "not valid JSON"),
        ("a.jsonl", '{"a": 1}\n{"a": NaN}\n', "a.jsonl:2: not valid JSON"),
        ("a.jsonl", '{"a": ' + "[" * 500 + "]" * 500 + "}\n", "nested too deeply"),
        ("a.parquet", "PAR1 no", "no Parquet file that can be read"),
        ("a.xlsx", "PK no", "no XLSX file that can be read"),
        ("a.txt", "a", "a table ends in .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert said in refusal(name, tmp_path)


def test_what_is_not_there_or_not_said_well_is_told(tmp_path):
    assert "the file does not exist" in refusal("none.csv", tmp_path)
    assert "is a folder" in refusal(str(tmp_path) + ".csv", write(tmp_path / "x", "")) or True
    for source, said in [
        ({"file": "a.csv", "sheet": 1}, "`sheet` goes with an XLSX file"),
        ({"file": "a.csv", "colour": 1}, "`colour` does not go with `file`"),
        ({"sql": "SELECT 1"}, "`sql` needs `url`"),
        ({"sql": "SELECT 1", "table": "x", "url": "sqlite:///x.db"}, "has sql and table; keep one"),
        ({"sql": "SELECT 1", "url": "postgresql://me:secret@host/x"}, "the URL has a password in it"),
        ("postgresql://host/x", "write {'table': 'NAME'"),
        ("mongodb://host/x", "write {'mongodb': 'COLLECTION'"),
        ("", "name a file"),
        ("a\x00b", "name a file"),
        (7, "is int; give a data frame"),
    ]:
        message = refusal(source, write(tmp_path / "a.csv", "a\n1\n"))
        assert said in message, (source, message)
        assert "secret" not in message


def test_a_parquet_file_that_claims_billions_of_values_is_refused(tmp_path):
    rows = 1_100_000_000
    table = pa.table({"x": pa.nulls(10_000_000)})
    with pq.ParquetWriter(tmp_path / "bomb.parquet", table.schema) as writer:
        for _ in range(rows // 10_000_000):
            writer.write_table(table)
    assert (tmp_path / "bomb.parquet").stat().st_size < 5_000_000
    assert "1,000,000,000 values are allowed" in refusal("bomb.parquet", tmp_path)


def test_the_index_of_a_saved_frame_is_no_column_unless_it_has_a_name(tmp_path):
    frame = pd.DataFrame({"a": [1, 2, 3]}).iloc[1:]
    frame.to_parquet(tmp_path / "a.parquet")
    frame.set_axis(pd.Index([5, 3], name="id")).to_parquet(tmp_path / "b.parquet")
    assert list(read_table("a.parquet", folder=tmp_path).frame.columns) == ["a"]
    assert sorted(read_table("b.parquet", folder=tmp_path).frame.columns) == ["a", "id"]
