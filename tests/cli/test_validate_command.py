"""`promptlab validate`: every mistake in files with its place, before anything runs; and `promptlab schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab import Lab

CASES = "cases: [{inputs: {text: x}}]\n"


@pytest.fixture
def check(promptlab, folder: Path):
    """Writes files and validates the workspace; the lines of what is found."""

    def check(*arguments: str, **files: str) -> list[str]:
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        ended = promptlab("validate", *arguments)
        assert ended.err == ""
        return ended.out.splitlines()

    return check


def test_a_workspace_without_mistakes_is_all_well(promptlab, folder: Path):
    ended = promptlab("validate")
    assert (ended.code, ended.out, ended.err) == (0, "1 suite, 2 prompts, promptlab.toml: all well\n", "")
    assert not (folder / ".promptlab").exists()


def test_every_mistake_of_a_suite_is_named_with_its_line_at_once(check):
    lines = check(
        evals__a_yaml="""\
naem: x
prompts: [plain, plan, plain]
models: ["fake:ecko", 5]
settings: {temperature: hot, foo: 1}
matrix: {top_k: [0]}
repeats: 0
defaults: {input: {}}
evaluators:
  - contains: {wrd: a}
  - word_count
  - contians
  - latency: {weight: -1}
  - word_count
gates:
  word_count: "high"
  nothing: "> 1"
cases:
  - {inputs: {text: a}}
"""
    )
    found = [line.removeprefix("evals/a.yaml:").partition(": ")[0] for line in lines[:-1]]
    assert found == ["1", "2", "2", "3", "3", "4", "4", "5", "6", "7", "9", "11", "12", "13", "15", "16"]
    for line, words in {
        0: "unknown key 'naem'; did you mean 'name'?",
        2: "no prompt 'plan': there is no prompts/plan.j2, and no database yet; did you mean 'plain'?",
        4: "base model 'fake:ecko'",
        10: "unknown option 'wrd'; did you mean 'word'?",
        13: "two evaluators score under 'word_count'",
    }.items():
        assert words in lines[line]
    assert lines[-1] == "2 suites, 2 prompts, promptlab.toml: 16 errors"


MISTAKES = {
    "a variable that the first case has not": (
        {"evals__a_yaml": f"prompts: [other]\n{CASES}", "prompts__other_j2": "{{ word }} {{ text }}"},
        "evals/a.yaml:1: prompt 'other' needs `word`, which case '1' has not; its inputs: text",
    ),
    "a template that does not compile": (
        {"prompts__bad_j2": "---\ntags: [a]\n---\none\n{% if %}"},
        "prompts/bad.j2:5: Expected an expression, got 'end of statement block'",
    ),
    "a template bomb": (
        {"evals__a_yaml": f"prompts: [bomb]\n{CASES}", "prompts__bomb_j2": "{{ text }}{{ 'a' * (10 ** 9) }}"},
        "evals/a.yaml:1: case '1': prompt 'bomb', line 1: would make something 1,000,000,000 long; make it smaller",
    ),
    "an unknown key of front matter": (
        {"prompts__bad_j2": "---\nsetings: {}\n---\nx"},
        "prompts/bad.j2:2: unknown key 'setings'; did you mean 'settings'?",
    ),
    "a wrong setting of a prompt": (
        {"prompts__bad_j2": "---\ntags: [a]\nsettings: {top_k: 0}\n---\nx"},
        "prompts/bad.j2:3: settings: top_k is 0; it is a whole number from 1",
    ),
    "a sample that is missing": (
        {"prompts__bad_j2": "---\nsamples: {a: 1}\n---\n{{ a }} {{ b }} {{ c | default(1) }}"},
        "prompts/bad.j2:2: warning: `samples` has no value for 'b', which the template needs; add one",
    ),
    "a sample too many": (
        {"prompts__bad_j2": "---\nsamples:\n  a: 1\n  b: 2\n---\n{{ a }}"},
        "prompts/bad.j2:4: warning: 'b' of `samples` is no variable of the template; take it out, or use it",
    ),
    "a model whose key is not here": (
        {
            "evals__a_yaml": f'models:\n- "fake:echo"\n- "x:y"\n{CASES}',
            "promptlab_toml": ('[endpoints.x]\nbase_url = "http://localhost:1/v1"\napi_key_env = "NO_SUCH_KEY_HERE"\n'),
        },
        "evals/a.yaml:3: warning: base model 'x:y' needs a key; set NO_SUCH_KEY_HERE, which [endpoints.x] names",
    ),
    "a provider that is not there": (
        {"evals__a_yaml": f'models: ["fke:echo"]\n{CASES}'},
        "evals/a.yaml:1: base model 'fke:echo' has an unknown provider 'fke'; did you mean fake:NAME?",
    ),
    "a version without a database": (
        {"evals__a_yaml": f"prompts: [plain@3]\n{CASES}"},
        "evals/a.yaml:1: warning: prompt 'plain@3' cannot be looked up: there is no database",
    ),
    "a variable that some cases have not": (
        {"evals__a_yaml": "prompts: [plain]\ncases: [{inputs: {text: a}}, {inputs: {}}, {inputs: {text: b}}]\n"},
        "evals/a.yaml:1: warning: prompt 'plain' needs `text`, which 1 of 3 cases have not; they would end in an error",
    ),
    "an input that nothing uses": (
        {"evals__a_yaml": "prompts: [plain]\nevaluators: [exact_match]\ncases: [{inputs: {text: a, more: b}}]\n"},
        "evals/a.yaml:3: warning: the input 'more' is used by no prompt and no evaluator; use it, or move it into",
    ),
    "an input of the defaults that nothing uses": (
        {
            "evals__a_yaml": "prompts: [plain]\nevaluators: [exact_match]\n"
            "defaults:\n  inputs:\n    tone: kind\ncases: [{inputs: {text: a}}]\n"
        },
        "evals/a.yaml:5: warning: the input 'tone' is used by no prompt and no evaluator; use it, or move it into",
    ),
    "very many inputs that nothing uses": (
        {
            "evals__a_yaml": "prompts: [plain]\nevaluators: [exact_match]\ncases: rows.csv\n",
            "evals__rows_csv": ",".join(["text", *(f"c{number}" for number in range(5000))]) + "\n" + "1," * 5000 + "1",
        },
        "evals/a.yaml:3: warning: no prompt and no evaluator uses 5,000 of the inputs: c0, c1, c10, c100, c1000, c1001",
    ),
    "very many inputs, and not the one that is needed": (
        {
            "evals__a_yaml": "prompts: [plain]\n"
            "evaluators: [contains: {word: '{{ inputs | tojson }}'}]\ncases: rows.csv\n",
            "evals__rows_csv": ",".join(f"c{number}" for number in range(5000)) + "\n" + "1," * 4999 + "1",
        },
        "evals/a.yaml:1: prompt 'plain' needs `text`, which case '1' has not; its inputs: c0, c1, c10, c100, c1000",
    ),
    "an evaluator of a case in a file": (
        {
            "evals__rows_jsonl": '{"inputs": {"text": "a"}}\n{"inputs": {"text": "b"}, "evaluators": ["contans"]}\n',
            "evals__a_yaml": "prompts: [plain]\ncases: rows.jsonl\n",
        },
        "evals/rows.jsonl:2: case '2': unknown evaluator 'contans'; did you mean 'contains'?",
    ),
    "a template that reads an input of no case": (
        {"evals__a_yaml": "evaluators:\n- contains: {word: '{{ inputs.txt | upper }}'}\n" + CASES},
        "evals/a.yaml:2: warning: a template reads the input 'txt', which no case has; did you mean 'text'?",
    ),
    "a gate for a variant that is none": (
        {
            "evals__a_yaml": "prompts: [plain]\nevaluators: [latency]\nmatrix: {top_k: [1, 2]}\n"
            f"gates:\n  latency: {{rule: '< 1', variant: plain · top_k=3}}\n{CASES}"
        },
        "evals/a.yaml:5: warning: gate 'latency': the suite has no prompt, base model or setting 'top_k=3'",
    ),
    "a line of a file of cases": (
        {"evals__rows_jsonl": '{"inputs": {"text": "a"}}\n{"inputs"\n', "evals__a_yaml": "cases: rows.jsonl\n"},
        "evals/rows.jsonl:2: not valid JSON",
    ),
    "a broken Python file, once": (
        {"evals__evaluators_py": "x = 1\nboom\n", "evals__a_yaml": f"evaluators: [mine, other]\n{CASES}"},
        "evals/evaluators.py:2: cannot be run: NameError: name 'boom' is not defined",
    ),
    "a wrong key of promptlab.toml": (
        {"promptlab_toml": "[openai]\n\nmax_concurrency = 0\n"},
        "promptlab.toml:3: [openai]: max_concurrency is 0; it is a whole number from 1",
    ),
    "a table without its key": (
        {"promptlab_toml": '[local]\nthreads = 1\n[endpoints."a"]\n'},
        "promptlab.toml:3: [endpoints.a]: base_url is None; it is needed, and starts with http:// or https://",
    ),
    "broken TOML": ({"promptlab_toml": "[local]\nthreads\n"}, "promptlab.toml:2: not valid TOML: Expected '='"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(check, name: str):
    files, line = MISTAKES[name]
    lines = check(**files)
    assert len(lines) == 2, lines
    assert lines[0].startswith(line)
    assert lines[1].endswith(": 1 warning" if ": warning: " in line else ": 1 error")


def test_several_wrong_keys_of_promptlab_toml_are_named_at_once(check):
    lines = check(promptlab_toml='[endpoints.a]\nbase_url = "x"\nthreads = 1\n[price]\n[local]\nthreads = 0\n')
    assert [line.partition(": ")[0] for line in lines[:-1]] == [f"promptlab.toml:{line}" for line in (2, 3, 4, 6)]


def test_warnings_alone_end_with_0_and_errors_with_2(promptlab, folder: Path):
    (folder / "evals").mkdir()
    (folder / "evals" / "a.yaml").write_text(f"prompts: [plain@3]\n{CASES}")
    assert promptlab("validate").code == 0
    (folder / "evals" / "b.yaml").write_text("cases: 3\n")
    assert promptlab("validate").code == 2


GOOD = {
    "an own evaluator that may read any input": {
        "evals__evaluators_py": "from promptlab import evaluator\n@evaluator\ndef mine(context): return 1\n",
        "evals__a_yaml": "prompts: [plain]\nevaluators: [mine]\ncases: [{inputs: {text: a, more: b}}]\n",
    },
    "an input that an evaluator's template reads": {
        "evals__a_yaml": "prompts: [plain]\nevaluators: [{contains: {word: '{{ inputs[\"more\"] | upper }}'}}]\n"
        "cases: [{inputs: {text: a, more: b}}]\n"
    },
    "a template over all inputs": {
        "evals__a_yaml": "prompts: [plain]\nevaluators: [{contains: {word: '{{ inputs | tojson }}'}}]\n"
        "cases: [{inputs: {text: a, more: b}}]\n"
    },
    "gates for parts of a variant's name": {
        "evals__a_yaml": "prompts: [plain]\nmodels: ['fake:echo']\nevaluators: [latency]\nmatrix: {top_k: [1, 2]}\n"
        "gates: {latency: [{rule: '< 9', variant: plain}, {rule: '< 9', variant: 'plain@1 · fake:echo · top_k=2'}, "
        f"{{rule: '< 9', variant: top_k=1}}]}}\n{CASES}"
    },
    "cases that a hub or a database has": {
        "evals__a_yaml": "prompts: [plain]\ncases: {huggingface: no/such, split: test}\n",
        "evals__b_yaml": "cases: {sql: select 1, url: 'postgresql://nobody@127.0.0.1:1/none'}\n",
    },
    "a model that only a hub can know": {"evals__a_yaml": f"models: ['local:nobody/nothing']\n{CASES}"},
    "a part that is included": {
        "evals__part_yaml": "evaluators: [is_json]\ngates: {latency: '< 1'}\n",
        "evals__a_yaml": f"include: part.yaml\nevaluators: [latency]\n{CASES}",
    },
    "a list of cases beside the suites": {"evals__rows_yaml": "# data\n- inputs: {text: a}\n"},
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_well_is_not_complained_about(check, name: str):
    lines = check(**GOOD[name])
    assert len(lines) == 1, lines
    assert lines[0].endswith("promptlab.toml: all well")


def test_a_mistake_in_a_part_is_named_once_in_its_own_file(check):
    files = {f"evals__{name}_yaml": f"include: part.yaml\n{CASES}" for name in "ab"}
    lines = check(evals__part_yaml="evaluators:\n- is_jsn\n", **files)
    assert [line.partition(": ")[0] for line in lines] == ["evals/part.yaml:2", "4 suites, 2 prompts, promptlab.toml"]
    assert check("evals/part.yaml")[0].startswith("evals/part.yaml:2: unknown evaluator")
    assert len(check("evals/part.yaml")) == 2


def test_versions_are_looked_up_where_there_is_a_database_and_nothing_is_written(promptlab, folder: Path):
    with Lab() as lab:
        lab.prompts.save("plain", "Say {{ word }}")
    before = (folder / ".promptlab" / "lab.db").read_bytes()
    (folder / "evals").mkdir()
    (folder / "evals" / "a.yaml").write_text(f"prompts: [plain@1, plain@7]\n{CASES}")
    lines = promptlab("validate", "evals").out.splitlines()
    assert "'plain' has no version 7" in lines[0]
    assert "prompt 'plain' needs `word`" in lines[1]
    assert (folder / ".promptlab" / "lab.db").read_bytes() == before


def test_files_and_folders_can_be_named(promptlab, folder: Path):
    assert promptlab("validate", "words.yaml").out == "1 suite: all well\n"
    assert promptlab("validate", "prompts").out == "2 prompts: all well\n"
    assert promptlab("validate", "prompts", "prompts/plain.j2", ".").out.startswith(
        "1 suite, 2 prompts, promptlab.toml"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.yaml"], "nowhere.yaml does not exist; name a suite"),
        (["empty"], "empty holds no evals/*.yaml, no prompts/*.j2 and no promptlab.toml"),
        (["rows.csv"], "rows.csv is no suite (.yaml), prompt (.j2) or promptlab.toml"),
    ],
)
def test_what_cannot_be_checked_is_a_usage_error(promptlab, folder: Path, arguments, words):
    (folder / "empty").mkdir()
    (folder / "rows.csv").write_text("a\n")
    ended = promptlab("validate", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_json_has_every_finding_for_editors(promptlab, folder: Path):
    (folder / "words.yaml").write_text(f"promts: [a]\nprompts: [plain@9]\n{CASES}")
    ended = promptlab("validate", "words.yaml", "--json")
    document = json.loads(ended.out)
    assert (ended.code, document["errors"], document["warnings"], document["files"]) == (2, 1, 1, ["words.yaml"])
    assert [set(finding) for finding in document["findings"]] == [{"file", "line", "severity", "message"}] * 2
    assert [(finding["line"], finding["severity"]) for finding in document["findings"]] == [
        (1, "error"),
        (2, "warning"),
    ]


def test_what_files_say_cannot_act_on_the_terminal(check):
    lines = check(evals__a_yaml='"\\e[31mred\\a": 1\n' + CASES)
    assert "\x1b" not in "".join(lines)


def test_hostile_files_are_one_line_each(check):
    lines = check(
        evals__a_yaml="a: " + "[" * 3000,
        evals__b_yaml="a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(3)) + "c: \x00\n",
        prompts__c_j2="{{ " + "(" * 5000,
        promptlab_toml="a = " + "[" * 50000,
    )
    assert len(lines) == 5, lines
    assert all(len(line) < 600 for line in lines)


def test_a_schema_is_printed_or_written(promptlab, folder: Path):
    ended = promptlab("schema", "config")
    assert (ended.code, json.loads(ended.out)["title"]) == (0, "promptlab.toml")
    assert promptlab("schema", "--write", "made/schemas").code == 0
    names = sorted(path.name for path in (folder / "made" / "schemas").iterdir())
    assert names == [f"{name}.schema.json" for name in ("config", "part", "prompt", "suite")]
    assert (folder / "made" / "schemas" / "config.schema.json").read_text() == ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no KIND is named; it is one of suite"),
        (("suit",), "suit"),
        (("suite", "--write", "words.yaml/x"), "words.yaml"),
    ],
)
def test_a_schema_that_cannot_be_given_is_a_usage_error(promptlab, arguments, words):
    ended = promptlab("schema", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
