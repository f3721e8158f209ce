"""Cases of every source through `promptlab eval`, and `promptlab datasets`: the versions that were run."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing

import openpyxl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from promptlab.tracking.dataset import case_json
from promptlab.types import Case

ROWS = [
    {"id": "a", "text": "good", "expected": "Say good", "metadata.level": "easy", "tags": "short"},
    {"id": "b", "text": "bad", "expected": "Say bad", "metadata.level": "hard", "tags": "short,odd"},
    {"id": "c", "text": "0012", "expected": "Say 0012", "metadata.level": "hard", "tags": ""},
]
"""Records whose values are all text, as a CSV has them."""
CASES = [
    case_json(
        Case(
            row["id"],
            {"text": row["text"]},
            row["expected"],
            {"level": row["metadata.level"]} | ({"tags": row["tags"].split(",")} if row["tags"] else {}),
        )
    )
    for row in ROWS
]
SELECT = 'SELECT id, text, expected, level AS "metadata.level", tags FROM rows ORDER BY id'
SOURCES = {
    "csv": "{file: data/d.csv, name: d}",
    "tsv": "{file: data/d.tsv, name: d}",
    "jsonl": "{file: data/d.jsonl, name: d}",
    "json": "{file: data/d.json, name: d}",
    "yaml": "{file: data/d.yaml, name: d}",
    "parquet": "{file: data/d.parquet, name: d}",
    "arrow": "{file: data/d.arrow, name: d}",
    "xlsx": "{file: data/d.xlsx, name: d}",
    "sql": f"{{sql: '{SELECT}', url: 'sqlite:///data/d.db', name: d}}",
    "sql-file": "{sql: data/d.sql, url_env: CASES_URL, name: d}",
    "huggingface": "{huggingface: data/hub, name: d}",
    "rows": f"{{rows: {json.dumps(ROWS)}, name: d}}",
}


@pytest.fixture
def sources(folder, monkeypatch):
    """The same three cases in a file of every kind, and a suite of each."""
    data = folder / "evals" / "data"
    data.mkdir(parents=True)
    for end, delimiter in (("csv", ","), ("tsv", "\t")):
        with (data / f"d.{end}").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ROWS[0], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(ROWS)
    (data / "d.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in CASES))
    (data / "d.json").write_text(json.dumps(CASES))
    (data / "d.yaml").write_text(json.dumps(CASES, indent=2))
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, data / "d.parquet")
    pyarrow.feather.write_feather(table, data / "d.arrow")
    book = openpyxl.Workbook()
    for row in (list(ROWS[0]), *(list(row.values()) for row in ROWS)):
        book.active.append(row)
    book.save(data / "d.xlsx")
    with closing(sqlite3.connect(data / "d.db")) as connection:
        connection.execute("CREATE TABLE rows (id, text, expected, level, tags)")
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", [tuple(row.values()) for row in ROWS])
        connection.commit()
    (data / "d.sql").write_text(SELECT)
    (data / "hub").mkdir()
    (data / "hub" / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    monkeypatch.setenv("CASES_URL", "sqlite:///data/d.db")
    for kind, cases in SOURCES.items():
        write_suite(folder / "evals" / f"{kind}.yaml", cases)
    return data


def write_suite(path, cases):
    path.write_text(f'prompts: [plain]\nmodels: ["fake:echo"]\ncases: {cases}\nevaluators: [exact_match]\n')


def listed(promptlab):
    ended = promptlab("datasets", "list", "--json")
    assert ended.code == 0
    return json.loads(ended.out)


def test_the_same_cases_are_one_version_whatever_they_are_read_from(sources, promptlab):
    for kind in SOURCES:
        ended = promptlab("eval", f"evals/{kind}.yaml", "--json", "-")
        assert (kind, ended.code, ended.err.count("error:")) == (kind, 0, 0)
        result = json.loads(ended.out)
        assert result["variants"][0]["scores"]["exact_match"]["mean"] == 1.0
        assert [cell["case"] for cell in result["cells"]] == ["a", "b", "c"]
    (version,) = listed(promptlab)
    assert {key: version[key] for key in ("reference", "rows", "source")} == {
        "reference": "d@1",
        "rows": 3,
        "source": "data/d.csv",
    }
    assert version["schema"] == [
        {"name": "inputs.text", "types": ["string"], "rows": 3},
        {"name": "expected", "types": ["string"], "rows": 3},
        {"name": "metadata.level", "types": ["string"], "rows": 3},
        {"name": "metadata.tags", "types": ["array"], "rows": 2},
    ]


def test_a_changed_file_is_a_new_version_and_the_old_content_the_old_one_again(sources, promptlab):
    before = (sources / "d.csv").read_text()
    for text in (before, before.replace("Say bad", "Say good"), before):
        (sources / "d.csv").write_text(text)
        assert promptlab("eval", "evals/csv.yaml").code == 0
    assert [version["reference"] for version in listed(promptlab)] == ["d@2", "d@1"]
    shown = json.loads(promptlab("datasets", "show", "d@1", "--cases", "--json").out)
    assert shown["cases"] == CASES
    assert json.loads(promptlab("datasets", "show", "d", "--json").out)["number"] == 2


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (("--tag", "odd"), ["b"]),
        (("--tag", "odd", "--tag", "short"), ["a", "b"]),
        (("--where", "metadata.level=hard"), ["b", "c"]),
        (("--where", "metadata.level=hard", "--where", "inputs.text=0012"), ["c"]),
        (("--where", "expected=Say bad", "--where", "expected=Say good"), ["a", "b"]),
        (("--case", "c", "--case", "a"), ["a", "c"]),
        (("--where", "metadata.level=hard", "--limit", "1"), ["b"]),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx", "sql"])
def test_filters_of_the_command_line_take_some_of_the_cases(sources, promptlab, kind, options, taken):
    ended = promptlab("eval", f"evals/{kind}.yaml", *options, "--json", "-")
    assert ended.code == 0
    assert [cell["case"] for cell in json.loads(ended.out)["cells"]] == taken
    (version,) = listed(promptlab)
    assert version["rows"] == len(taken)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tag", "od"), "no case has tags 'od'; did you mean 'odd'? there are: short, odd"),
        (("--where", "metadata.level=medium"), "no case has metadata.level 'medium'; there are: easy, hard"),
        (
            ("--where", "metadata.levl=hard"),
            "no case has 'levl' in its metadata; did you mean 'level'? there are: level, tags",
        ),
        (("--where", "level=hard"), "cases have no field 'level'"),
        (("--where", "level"), "write field=value, as in --where metadata.level=hard"),
        (("--case", "z"), "no case has the id 'z'; there are: a, b, c"),
        (("--where", "metadata.level=easy", "--tag", "odd"), "no case"),
    ],
)
def test_a_filter_that_takes_nothing_says_what_there_is(sources, promptlab, options, message):
    ended = promptlab("eval", "evals/parquet.yaml", *options)
    assert ended.code == 2
    assert message in " ".join(ended.err.split())
    assert len(ended.err.splitlines()) <= 3
    assert listed(promptlab) == []


def test_the_suite_s_filters_come_first_and_the_source_says_them_all(sources, promptlab, folder):
    cases = """
  file: data/d.parquet
  columns: {inputs: {text: text}, metadata: {how: metadata.level}}
  labels: {Say good: one, Say bad: two, Say 0012: three}
  where: {metadata.how: hard}
  sample: {n: 2, seed: 7}
"""
    write_suite(folder / "evals" / "some.yaml", cases)
    ended = promptlab("eval", "evals/some.yaml", "--tag", "odd", "--json", "-")
    (cell,) = json.loads(ended.out)["cells"]
    assert (cell["case"], cell["inputs"], cell["expected"]) == ("b", {"text": "bad"}, "two")
    (version,) = listed(promptlab)
    assert version["source"] == "data/d.parquet; where metadata.how=hard; sample of 2, seed 7; where tags=odd"
    assert [field["name"] for field in version["schema"]] == [
        "inputs.text",
        "expected",
        "metadata.how",
        "metadata.tags",
    ]


def test_the_workspace_s_own_database_is_a_source_too(sources, promptlab, folder):
    assert promptlab("eval", "evals/csv.yaml").code == 0
    query = "SELECT o.key AS id, a.text AS text FROM output o JOIN answer a ON a.id = o.answer_id ORDER BY o.key"
    write_suite(folder / "evals" / "own.yaml", f"{{sql: {query!r}, url: 'sqlite:///../.promptlab/lab.db'}}")
    ended = promptlab("eval", "evals/own.yaml", "--json", "-")
    assert ended.code == 0
    assert [cell["output"] for cell in json.loads(ended.out)["cells"]] == [
        "Say Say good",
        "Say Say bad",
        "Say Say 0012",
    ]


@pytest.mark.parametrize(
    ("kind", "package", "message"),
    [
        (
            "parquet",
            "pyarrow",
            "evals/data/d.parquet: needs pyarrow; install it: pip install 'promptlab-workbench[tables]'",
        ),
        (
            "arrow",
            "pyarrow",
            "evals/data/d.arrow: needs pyarrow; install it: pip install 'promptlab-workbench[tables]'",
        ),
        (
            "xlsx",
            "openpyxl",
            "evals/data/d.xlsx: needs openpyxl; install it: pip install 'promptlab-workbench[tables]'",
        ),
        ("huggingface", "datasets", "needs datasets; install it: pip install 'promptlab-workbench[datasets]'"),
    ],
)
@pytest.mark.usefixtures("sources")
def test_a_missing_extra_is_one_line_with_its_remedy(process, folder, kind, package, message):
    absent = folder / "absent"
    absent.mkdir()
    (absent / f"{package}.py").write_text(f"raise ModuleNotFoundError('No module', name={package!r})\n")
    ended = process("eval", f"evals/{kind}.yaml", PYTHONPATH=str(absent))
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert message in ended.err
    # What a database or the hub holds is not read by a check of files.
    ended = process("validate", f"evals/{kind}.yaml", PYTHONPATH=str(absent))
    assert (ended.code, message in ended.out) == ((0, False) if kind == "huggingface" else (2, True))


def test_data_sets_are_listed_and_shown(sources, promptlab):
    ended = promptlab("datasets", "list")
    assert (ended.code, ended.out.startswith("no data sets yet")) == (0, True)
    assert promptlab("eval", "evals/xlsx.yaml").code == 0
    ended = promptlab("datasets", "list")
    assert ended.out.split()[:6] == ["data", "set", "rows", "fields", "digest", "stored"]
    assert "d@1" in ended.out
    ended = promptlab("datasets", "show", "d@1", "--cases")
    assert ended.code == 0
    for said in (
        "d@1",
        "3 rows",
        "data/d.xlsx",
        "inputs.text",
        "metadata.tags",
        "text: 0012",
        'tags: ["short", "odd"]',
    ):
        assert said in ended.out
    assert "Say bad" not in promptlab("datasets", "show", "d@1").out


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("e", "there is no data set 'e'"),
        ("d@2", "the data set 'd' has no version 2; its newest is d@1"),
        ("d@newest", "there is no data set 'd@newest'"),
        ("d@" + "9" * 5000, "there is no data set 'd@999"),
        ("../../etc/passwd", "there is no data set '../../etc/passwd'"),
        ("", "there is no data set ''"),
    ],
)
def test_a_version_that_is_not_there_is_refused_in_one_line(sources, promptlab, reference, message):
    assert promptlab("eval", "evals/csv.yaml").code == 0
    ended = promptlab("datasets", "show", reference)
    assert (ended.code, ended.out) == (2, "")
    assert message in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", ["../../out", "/etc/passwd", "a\\b", "x.csv/../y", "${HOME}", "con", "名前", "[red]x"])
def test_a_name_of_a_data_set_is_never_a_path_or_markup(sources, promptlab, folder, name):
    write_suite(folder / "evals" / "named.yaml", json.dumps({"file": "data/d.csv", "name": name}))
    before = sorted(path for path in folder.rglob("*") if ".promptlab" not in path.parts)
    assert promptlab("eval", "evals/named.yaml").code == 0
    (version,) = listed(promptlab)
    assert version["name"] == name
    assert name in promptlab("datasets", "list").out
    assert name in promptlab("datasets", "show", name).out
    assert sorted(path for path in folder.rglob("*") if ".promptlab" not in path.parts) == before


def test_what_a_data_set_says_cannot_act_on_the_terminal(sources, promptlab, folder):
    rows = [{"id": "\x1b[31mred", "text": "\x1b]0;title\x07", "expected": "[bold]b[/bold]\u202e"}]
    write_suite(folder / "evals" / "bad.yaml", json.dumps({"rows": rows, "name": "bad\x1b[2J"}))
    ended = promptlab("eval", "evals/bad.yaml")
    assert "\x1b" not in ended.out + ended.err
    for version in listed(promptlab):
        shown = promptlab("datasets", "show", version["reference"], "--cases")
        assert "\x1b" not in shown.out
        assert "\u202e" not in shown.out
        assert "[bold]b[/bold]" in shown.out
    assert "\x1b" not in promptlab("datasets", "list").out
