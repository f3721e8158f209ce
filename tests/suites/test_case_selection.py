"""Which cases are taken: several files, columns, labels, tags, filters, samples, limits."""

from __future__ import annotations

import json

import pytest
from case_reading import cases_of, refusal, suite_of

from promptlab.errors import SuiteError
from promptlab.suites.load import choose, load_suite
from promptlab.suites.selection import CaseChoice
from promptlab.types import Case

ROWS = [
    {"id": "a", "inputs": {"text": "good", "n": 1}, "expected": "positive", "metadata": {"level": "easy"}},
    {"id": "b", "inputs": {"text": "bad", "n": 2.0}, "expected": None, "tags": ["short", "hard"]},
    {"id": "c", "inputs": {"text": "so so", "n": "3"}, "expected": ["x", "y"], "metadata": {"level": {"of": 2}}},
    {"id": "d", "inputs": {"text": "fine", "n": True}, "expected": "positive", "metadata": {"tags": "hard; odd"}},
]


def write_jsonl(path, rows=ROWS):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def keys(folder, cases, **choice):
    return "".join(case.key for case in cases_of(folder, cases, **choice))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"id": "b"}, "b"),
        ({"id": ["b", "d", "z"]}, "bd"),
        ({"expected": "positive"}, "ad"),
        ({"expected": None}, "b"),
        ({"expected": "y"}, "c"),
        ({"tags": "hard"}, "bd"),
        ({"tags": ["short", "odd"]}, "bd"),
        ({"metadata.level": "easy"}, "a"),
        ({"metadata.level": None}, "bd"),
        ({"metadata.level": ["easy", None]}, "abd"),
        ({"metadata.level.of": 2}, "c"),
        ({"inputs.n": 2}, "b"),
        ({"inputs.n": ["1", 3]}, "ac"),
        ({"inputs.n": True}, "d"),
        ({"inputs.text": "so so", "metadata.level.of": "2"}, "c"),
        ({"tags": "hard", "expected": "positive"}, "d"),
    ],
)
def test_a_filter_is_on_what_a_case_says_as_it_is_written(tmp_path, where, found):
    write_jsonl(tmp_path / "a.jsonl")
    assert keys(tmp_path, {"file": "a.jsonl", "where": where}) == found
    assert keys(tmp_path, "a.jsonl", where=where) == found
    assert keys(tmp_path, ROWS, where=where) == found


def test_tags_and_ids_choose_too_and_all_of_them_hold_together(tmp_path):
    assert keys(tmp_path, ROWS, tags=("hard",)) == "bd"
    assert keys(tmp_path, ROWS, tags=("short", "odd")) == "bd"
    assert keys(tmp_path, ROWS, keys=("d", "a")) == "ad"
    assert keys(tmp_path, ROWS, tags=("hard",), where={"expected": "positive"}) == "d"
    assert keys(tmp_path, {"rows": ROWS, "where": {"tags": "hard"}}, tags=("odd",)) == "d"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"tags": ("hrad",)}, "no case has tags 'hrad'; did you mean 'hard'? there are: short, hard, odd"),
        (
            {"where": {"metadata.level": "esay"}},
            "no case has metadata.level 'esay'; did you mean 'easy'? there are: easy",
        ),
        (
            {"where": {"metadata.levle": "easy"}},
            "no case has 'levle' in its metadata; did you mean 'level'? there are: level, tags",
        ),
        (
            {"where": {"inputs.words": "good"}},
            "no case has 'words' in its inputs; there are: text, n",
        ),
        (
            {"where": {"level": "easy"}},
            "cases have no field 'level'; fields are id, expected, tags, inputs.NAME, metadata.",
        ),
        ({"where": {"metadata.": "easy"}}, "cases have no field 'metadata.'"),
        ({"where": {"tags": []}}, "`tags` has no values to look for"),
        ({"where": {"tags": {"a": 1}}}, '`tags` is {"a": 1}; it is a value or a list of values'),
        ({"where": {"tags": "hard", "expected": "y"}}, "no case has tags hard and expected y at once"),
        ({"keys": ("a", "e")}, "no case has the id 'e'; there are: a, b, c, d"),
        ({"limit": 0}, "the limit is 0; it is a whole number from 1"),
    ],
)
def test_what_leaves_no_case_says_what_there_is(tmp_path, choice, message):
    assert message in refusal(tmp_path, ROWS, **choice)
    write_jsonl(tmp_path / "a.jsonl")
    assert message in refusal(tmp_path, "a.jsonl", **choice)


def test_many_values_are_not_all_named(tmp_path):
    rows = [{"id": f"case {number}", "inputs": {"text": "x" * 100 + str(number)}} for number in range(3000)]
    said = refusal(tmp_path, rows, keys=("case 12345",))
    assert "no case has the id 'case 12345'; did you mean 'case" in said
    assert said.endswith("...")
    assert "no case has inputs.text 'y'; there are: xxx" in refusal(tmp_path, rows, where={"inputs.text": "y"})


def test_the_limit_comes_after_every_filter(tmp_path):
    write_jsonl(tmp_path / "a.jsonl")
    assert keys(tmp_path, "a.jsonl", limit=1, where={"expected": "positive"}) == "a"
    assert keys(tmp_path, {"file": "a.jsonl", "where": {"tags": "hard"}}, limit=1) == "b"
    assert keys(tmp_path, {"file": "a.jsonl", "first": 3}, limit=9) == "abc"
    assert keys(tmp_path, {"file": "a.jsonl", "first": 3}, limit=2) == "ab"


def numbers(count):
    return [{"inputs": {"text": f"w{number}"}} for number in range(count)]


def test_a_sample_is_of_its_size_in_order_and_the_same_for_its_seed(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", numbers(500))
    places = [int(case.key) for case in cases_of(tmp_path, {"file": "a.jsonl", "sample": {"n": 50, "seed": 1}})]
    assert places == sorted(set(places))
    assert len(places) == 50
    assert places != list(range(1, 51))
    assert [
        int(case.key) for case in cases_of(tmp_path, {"rows": numbers(500), "sample": {"n": 50, "seed": 1}})
    ] == places
    other = [int(case.key) for case in cases_of(tmp_path, {"file": "a.jsonl", "sample": {"n": 50, "seed": 2}})]
    assert len(set(other) & set(places)) < 25
    assert keys(tmp_path, {"rows": numbers(3), "sample": 9}) == "123"


def test_a_sample_has_one_of_equal_cases_as_often_as_it_has_room(tmp_path):
    rows = [{"inputs": {"text": "same"}}] * 100
    assert len(cases_of(tmp_path, {"rows": rows, "sample": 7})) == 7


def test_a_data_set_that_grows_keeps_nearly_all_of_its_sample(tmp_path):
    def sample(count):
        cases = cases_of(tmp_path, {"rows": numbers(count), "sample": {"n": 100}})
        return {case.inputs["text"] for case in cases}

    assert len(sample(1000) & sample(1050)) >= 88


def test_a_sample_is_even(tmp_path):
    # 20 of 200 under each of 300 seeds: each half gets 3,000 of 6,000, give or take 5 standard deviations of 39.
    halves = 0
    for seed in range(300):
        chosen = cases_of(tmp_path, {"rows": numbers(200), "sample": {"n": 20, "seed": seed}})
        halves += sum(int(case.key) <= 100 for case in chosen)
    assert abs(halves - 3000) < 195


def test_a_selection_is_told_to_people_and_is_part_of_the_version(tmp_path):
    write_jsonl(tmp_path / "a.jsonl")
    whole = suite_of(tmp_path, "a.jsonl")
    cases = {"file": "a.jsonl", "where": {"tags": ["hard", "odd"]}, "sample": {"n": 1, "seed": 5}}
    chosen = suite_of(tmp_path, cases, where={"inputs.text": ["bad", "fine"]}, limit=1)
    assert chosen.dataset_source == (
        "a.jsonl; where tags=hard|odd; sample of 1, seed 5; where inputs.text=bad|fine; first 1"
    )
    assert (whole.dataset_name, chosen.dataset_name) == ("a", "a")
    assert whole.cases_digest.digest != chosen.cases_digest.digest


def test_a_suite_that_is_loaded_can_still_be_chosen_from(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{**row, "evaluators": ["is_json"]} for row in ROWS])
    (tmp_path / "s.yaml").write_text("cases: a.jsonl\nevaluators: [exact_match]\n")
    suite = load_suite(tmp_path / "s.yaml")
    fewer = choose(suite, CaseChoice(tags=("hard",), limit=1))
    assert [case.key for case in fewer.cases] == ["b"]
    assert set(fewer.case_evaluators) == {"b"}
    assert fewer.dataset_source == "a.jsonl; where tags=hard; first 1"
    assert fewer.digest == load_suite(tmp_path / "s.yaml", choice=CaseChoice(tags=("hard",), limit=1)).digest
    other = choose(suite, CaseChoice(cases=[{"text": "new"}]))
    assert [case.inputs for case in other.cases] == [{"text": "new"}]
    assert ([item.name for item in other.evaluators], other.path, other.name) == (["exact_match"], suite.path, "s")
    assert choose(suite, CaseChoice()) is suite
    with pytest.raises(SuiteError, match="no case has tags 'x'"):
        choose(suite, CaseChoice(tags=("x",)))


def test_tags_are_a_list_or_a_text_and_stand_in_the_metadata(tmp_path):
    (tmp_path / "a.csv").write_text('text,tags\na,"hard, numbers"\nb,hard;;odd;hard\nc,\n')
    assert [case.metadata for case in cases_of(tmp_path, "a.csv")] == [
        {"tags": ["hard", "numbers"]},
        {"tags": ["hard", "odd"]},
        {},
    ]
    rows = [{"inputs": {}, "tags": "a, b"}, {"inputs": {}, "tags": [" a "]}, {"inputs": {}, "tags": []}]
    assert [case.metadata for case in cases_of(tmp_path, rows)] == [{"tags": ["a", "b"]}, {"tags": ["a"]}, {}]
    assert "`tags` is [5]; it is a list of texts" in refusal(tmp_path, [{"inputs": {}, "tags": [5]}])
    assert '`tags` is {"a": 1}; it is a list of texts' in refusal(tmp_path, [{"inputs": {}, "tags": {"a": 1}}])
    assert '`tags` is [""]; it is a list of texts' in refusal(tmp_path, [{"inputs": {}, "tags": [""]}])


def test_several_files_follow_each_other_and_rows_are_numbered_over_all(tmp_path):
    (tmp_path / "a.csv").write_text("text\none\ntwo\n")
    write_jsonl(tmp_path / "b.jsonl", [{"text": "three"}, {"id": "x", "text": "four"}])
    for cases in (["a.csv", "b.jsonl"], {"file": ["a.csv", "b.jsonl"]}):
        suite = suite_of(tmp_path, cases)
        found = [(case.key, case.inputs["text"]) for case in suite.cases]
        assert found == [("1", "one"), ("2", "two"), ("3", "three"), ("x", "four")]
        assert (suite.dataset_name, suite.dataset_source) == ("a+b", "a.csv, b.jsonl")
    write_jsonl(tmp_path / "c.jsonl", [{"text": "y"}, {"id": "2", "text": "x"}])
    assert "c.jsonl:2: the id '2' is taken; it stands first at" in refusal(tmp_path, ["a.csv", "c.jsonl"])
    (tmp_path / "none.csv").write_text("text\n")
    assert "none.csv: has no cases" in refusal(tmp_path, ["a.csv", "none.csv"])
    assert "the file of cases 'x.csv' does not exist" in refusal(tmp_path, ["a.csv", "x.csv"])


def test_a_list_may_mix_files_sources_and_cases(tmp_path):
    (tmp_path / "a.csv").write_text("sentence,label\none,1\n")
    entry = {"file": "a.csv", "columns": {"inputs": {"text": "sentence"}, "expected": "label"}}
    suite = suite_of(tmp_path, [{"inputs": {"text": "zero"}}, entry, {"inputs": {"text": "two"}}, "a.csv"])
    assert list(suite.cases) == [
        Case("1", {"text": "zero"}),
        Case("2", {"text": "one"}, "1"),
        Case("3", {"text": "two"}),
        Case("4", {"sentence": "one", "label": "1"}),
    ]
    assert (suite.dataset_name, suite.dataset_source) == ("the-suite", "inline, a.csv")
    said = refusal(tmp_path, ["a.csv", {**entry, "where": {"id": 1}}])
    assert "`where` is of all cases together; write `cases` as one mapping" in said


NESTED = {
    "idx": 7,
    "id": "own",
    "question": {"text": "why?", "a.b": 1},
    "answers": {"text": ["x", "y"]},
    "level": "hard",
    "kind": "a,b",
    "metadata.source": "me",
}


@pytest.mark.parametrize(
    ("columns", "case"),
    [
        (
            {"id": "idx", "expected": "answers.text", "inputs": {"q": "question.text", "n": "question.a.b"}},
            Case("7", {"q": "why?", "n": 1}, ["x", "y"], {"source": "me"}),
        ),
        (
            {"inputs": ["level"], "metadata": ["kind"], "tags": "kind"},
            Case("own", {"level": "hard"}, None, {"kind": "a,b", "tags": ["a", "b"]}),
        ),
        (
            {"id": "idx", "metadata": {"at": "level"}, "inputs": ["question"]},
            Case("7", {"question": {"text": "why?", "a.b": 1}}, None, {"at": "hard"}),
        ),
        (
            {"id": "idx", "tags": "level"},
            Case(
                "7",
                {"id": "own", "question": {"text": "why?", "a.b": 1}, "answers": {"text": ["x", "y"]}, "kind": "a,b"},
                None,
                {"source": "me", "tags": ["hard"]},
            ),
        ),
    ],
)
def test_columns_are_named_also_within_nested_values(tmp_path, columns, case):
    write_jsonl(tmp_path / "a.jsonl", [NESTED])
    assert cases_of(tmp_path, {"file": "a.jsonl", "columns": columns}) == [case]


def test_a_column_may_be_missing_in_some_rows_and_not_in_all(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}, {"text": "b", "more": 1, "label": "x"}])
    columns = {"inputs": ["text", "more"], "expected": "label"}
    read = [Case("1", {"text": "a"}), Case("2", {"text": "b", "more": 1}, "x")]
    assert cases_of(tmp_path, {"file": "a.jsonl", "columns": columns}) == read
    said = refusal(tmp_path, {"file": "a.jsonl", "columns": {**columns, "expected": "lable"}})
    assert "a.jsonl: no row has the column 'lable'; did you mean 'label'?" in said


@pytest.mark.parametrize(
    ("labels", "values", "expected"),
    [
        ("[negative, positive]", [0, 1, "1", 1.0, None], ["negative", "positive", "positive", "positive", None]),
        ("{0: negative, 1: positive}", [0, "1"], ["negative", "positive"]),
        ('{true: "yes", false: "no"}', [True, "false", False], ["yes", "no", "no"]),
        ("{a: 1, b: null}", ["a", "b"], [1, None]),
        ("{a: A, b: B}", [["a", "b"], []], [["A", "B"], []]),
    ],
)
def test_labels_replace_what_is_expected(tmp_path, labels, values, expected):
    write_jsonl(tmp_path / "a.jsonl", [{"inputs": {}, "expected": value} for value in values])
    (tmp_path / "s.yaml").write_text(f"cases:\n  file: a.jsonl\n  labels: {labels}\n")
    assert [case.expected for case in load_suite(tmp_path / "s.yaml").cases] == expected


def lines(*wanted):
    return "\n".join(("cases:", *wanted)) + "\n"


OPTION_MISTAKES = [
    (lines("  file: a.jsonl", "  wher: {tags: a}"), 3, "unknown key 'wher' of `cases`; did you mean 'where'?"),
    (lines("  where: {tags: a}"), 1, "`cases` names no source; write `file: ...`"),
    (lines("  file: a.jsonl", "  sql: select 1"), 1, "`cases` has file and sql; keep one"),
    (lines("  file: 5"), 2, "a file of cases is 5; it is a path"),
    (lines("  file: [a.jsonl, 5]"), 2, "a file of cases is 5; it is a path"),
    (lines("  file: none.jsonl"), 2, "the file of cases 'none.jsonl' does not exist"),
    (lines("  file: a.jsonl", "  sheet: One"), None, "`sheet` goes with an XLSX file; this is 'a.jsonl'"),
    (lines("  file: a.jsonl", "  split: test"), 3, "`split` goes with `huggingface`, not with `file`"),
    (lines("  file: a.jsonl", "  name: [a]"), 3, '`name` is ["a"]; it is text'),
    (lines("  file: a.jsonl", f"  name: {'x' * 300}"), 3, "`name` has 300 characters; use 200 at most"),
    (lines("  file: a.jsonl", "  columns: text"), 3, '`columns` is "text"; it is a mapping'),
    (
        lines("  file: a.jsonl", "  columns:", "    label: x"),
        4,
        "unknown key 'label' of `columns`; known: expected",
    ),
    (
        lines("  file: a.jsonl", "  columns:", "    inputs: text"),
        4,
        '`inputs` of `columns` is "text"; it is a list',
    ),
    (lines("  file: a.jsonl", "  columns:", "    id: 5"), 4, "`id` is 5; it is text"),
    (lines("  file: a.jsonl", "  labels: a"), 3, '`labels` is "a"; it is a list of names'),
    (lines("  file: a.jsonl", "  labels: [[a]]"), 3, '`labels` is [["a"]]'),
    (
        lines("  file: a.jsonl", "  labels: {x: y}"),
        None,
        'a.jsonl:1: expected is "positive", which `labels` does not name',
    ),
    (lines("  file: a.jsonl", "  where: hard"), 3, '`where` is "hard"; it is a mapping such as {tags: [short]}'),
    (lines("  file: a.jsonl", "  where:", "    level: hard"), 4, "cases have no field 'level'"),
    (lines("  file: a.jsonl", "  sample: 0"), 3, "`sample` is 0; it is {n: 200, seed: 1} or a whole number from 1"),
    (lines("  file: a.jsonl", "  sample: {n: 5, sead: 1}"), 3, '`sample` is {"n": 5, "sead": 1}'),
    (lines("  file: a.jsonl", "  sample: {seed: 1}"), 3, '`sample` is {"seed": 1}'),
    (lines("  file: a.jsonl", "  first: many"), 3, '`first` is "many"; it is a whole number from 1'),
    (lines("  file: a.jsonl", "  sample: 5", "  first: 2"), 4, "`first` and `sample` do not go together"),
    (lines("  file: a.jsonl", "  where: {tags: []}"), 3, "`tags` has no values to look for"),
    (lines("  file: a.jsonl", "  where: {tags: [[a]]}"), 3, '`tags` is [["a"]]; it is a value or a list of'),
    (lines("  sql: select 1"), 2, "`sql` needs `url`"),
    (lines("  - sql: select 1", "    url: sqlite:///a.db", "    first: 3"), 4, "`first` is of all cases together"),
    (lines("  rows: [5]"), None, "s.yaml:2 row 1: a case is a mapping with `inputs`, not 5"),
    (lines("  rows: 5"), 2, "`rows` is 5; it is a list of mappings"),
    (lines("  rows: []"), 2, "has no cases"),
    (lines("  sql: [select]"), 2, '`sql` is ["select"]; it is text'),
    (lines("  huggingface:"), 2, "`huggingface` is null; it is text"),
    (lines("  - file: a.jsonl", "    name: x"), 3, "`name` is of all cases together"),
    (lines("  - {0: a}"), 2, "a key is text, not '0'"),
]
"""Options of `cases` that are wrong: the suite, the line and what is said."""


@pytest.mark.parametrize(("text", "line", "message"), OPTION_MISTAKES)
def test_a_wrong_option_is_named_with_its_line(tmp_path, text, line, message):
    write_jsonl(tmp_path / "a.jsonl")
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SuiteError) as caught:
        load_suite(tmp_path / "s.yaml")
    said = str(caught.value)
    assert message in said
    assert "\n" not in said
    assert line is None or f"s.yaml:{line}: " in said
