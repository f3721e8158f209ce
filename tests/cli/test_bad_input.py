"""Mistakes of a user: exit code 2, at most three lines that name the thing and the remedy, no traceback."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from promptlab import Lab

CASES = "cases: [{inputs: {text: x}}]"
EVAL = ("eval", "bad.yaml")

TABLE = {
    "an undefined template variable": ({"prompts/bad.j2": "Say {{ word }}"}, None, ["word", "inputs: text"]),
    "a template bomb at render time": ({"prompts/bad.j2": "{{ 'a' * (10 ** 9) }}"}, None, ["bad"]),
    "a template bomb at compile time": ({"prompts/bad.j2": "{{ 'a' * 200000000 }}"}, None, ["bad"]),
    "a template that never ends": (
        {"prompts/bad.j2": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"},
        None,
        ["bad"],
    ),
    "a sandbox escape": ({"prompts/bad.j2": "{{ ''.__class__.__mro__ }}"}, None, ["bad"]),
    "a template that does not parse": ({"prompts/bad.j2": "one\n{% if %}"}, None, ["bad", "line 2"]),
    "an unknown key of front matter": ({"prompts/bad.j2": "---\nsetings: {}\n---\nx"}, None, ["setings", "bad.j2"]),
    "an unknown key of a suite": ({}, f"promts: [plain]\n{CASES}", ["bad.yaml:1", "promts", "prompts"]),
    "broken YAML": ({}, "name: [", ["bad.yaml"]),
    "a duplicate key": ({}, f"name: a\nname: b\n{CASES}", ["bad.yaml:2", "name"]),
    "an unknown evaluator": ({}, f"{CASES}\nevaluators: [exact_mach]", ["bad.yaml:2", "exact_mach", "exact_match"]),
    "an unknown option": (
        {},
        f"{CASES}\nevaluators: [exact_match: {{ignorecase: true}}]",
        ["bad.yaml:2", "ignorecase", "ignore_case"],
    ),
    "a missing column": (
        {"data.csv": "text,expected\nx,y\n"},
        'cases: data.csv\nevaluators: [contains: {word: "{{ inputs.wrod }}"}]',
        ["wrod", "text"],
    ),
    "a broken line of JSONL": (
        {"data.jsonl": '{"inputs": {"text": 1}}\n{"inputs"\n'},
        "cases: data.jsonl",
        ["jsonl:2"],
    ),
    "a missing data file": ({}, "cases: nowhere.jsonl", ["nowhere.jsonl"]),
    "no cases": ({}, "cases: []", ["cases"]),
    "an unknown setting": ({}, f"{CASES}\nsettings: {{temprature: 0}}", ["temprature", "temperature"]),
    "a bad gate": (
        {},
        f'{CASES}\nevaluators: [exact_match]\ngates: {{exact_match: "about 3"}}',
        ["bad.yaml:3", "about 3"],
    ),
    "a model that is not there": ({}, f'{CASES}\nmodels: ["fake:ecko"]', ["fake:ecko", "fake:echo"]),
    "a provider that is not there": ({}, f'{CASES}\nmodels: ["opnai:x"]', ["opnai"]),
    "a missing key": ({}, f'{CASES}\nmodels: ["openai:gpt-4o-mini"]', ["OPENAI_API_KEY"]),
    "a prompt that is not there": ({}, f"{CASES}\nprompts: [plan]", ["plan", "plain"]),
    "a version that is not there": ({}, f"{CASES}\nprompts: [plain@7]", ["plain"]),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_mistake_in_files_is_one_clear_line_and_stores_nothing(promptlab, folder: Path, name: str):
    files, suite, words = TABLE[name]
    for path, text in files.items():
        (folder / path).write_text(text)
    lines = [suite or CASES]
    if "prompts:" not in lines[0]:
        lines.append(f"prompts: [{'bad' if 'prompts/bad.j2' in files else 'plain'}]")
    if "models:" not in lines[0]:
        lines.append('models: ["fake:echo"]')
    (folder / "bad.yaml").write_text("\n".join(lines) + "\n")
    ended = promptlab(*EVAL)
    assert_clear(ended, *words)
    with Lab() as lab:
        assert list(lab.runs()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("evl",), ["evl", "eval"]),
        (("eval",), ["SUITE", "promptlab eval --help"]),
        (("eval", "words.yaml", "--limit", "0"), ["--limit"]),
        (("eval", "words.yaml", "--nothing"), ["--nothing"]),
        (("eval", "words.yaml", "--setting", "temperature"), ["temperature", "name=value"]),
        (("eval", "words.yaml", "--setting", "temprature=1"), ["temprature", "temperature"]),
        (("eval", "nowhere.yaml"), ["nowhere.yaml"]),
        (("try", "plain", "-m", "fake:echo"), ["text", "-v text="]),
        (("try", "plain", "-m", "fake:echo", "-v", "text"), ["text", "name=text"]),
        (("try", "plain", "-m", "fake:echo", "-v", "text=@nowhere"), ["nowhere"]),
        (("try", "plain", "-m", "fake:echo", "-v", "text:={"), ["JSON"]),
        (("try", "../plain", "-m", "fake:echo"), ["../plain"]),
        (("prompts", "show", "nothing"), ["nothing", "plain"]),
        (("prompts", "save", "nothing"), ["nothing.j2", "--file"]),
        (("prompts", "save", "../evil"), ["../evil"]),
        (("prompts", "alias", "plain", "production"), ["production", "--delete"]),
        (("runs", "show", "abcdef"), ["abcdef"]),
        (("runs", "list", "--status", "odd"), ["odd"]),
        (("models", "pull", "nothing"), ["nothing", "smollm2-135m"]),
        (("models", "try", "fake:ecko"), ["ecko", "echo"]),
        (("ui", "--port", "0"), ["--port"]),
        (("--db", "/proc/nothing/lab.db", "runs", "list"), ["/proc/nothing"]),
        (("--db", "odd://x", "runs", "list"), ["odd://x"]),
        (("--db", ".", "runs", "list"), ["is a folder"]),
        (("--db", "promptlab.toml", "runs", "list"), ["promptlab.toml"]),
    ],
)
def test_a_mistake_on_the_command_line_is_one_clear_line(promptlab, folder: Path, arguments, words):
    (folder / "promptlab.toml").write_text("# not a database, and more than one page of it\n" * 200)
    assert_clear(promptlab(*arguments), *words)


def test_a_database_from_a_newer_version_is_left_as_it_is(promptlab, folder: Path):
    promptlab("db", "upgrade")
    path = folder / ".promptlab" / "lab.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert_clear(promptlab("eval", "words.yaml"), "9999", "upgrade")


def test_a_broken_configuration_is_named(promptlab, folder: Path):
    (folder / "promptlab.toml").write_text("[endpoint.x]\n")
    assert_clear(promptlab("runs", "list"), "promptlab.toml", "endpoint")


def test_a_process_of_its_own_says_the_same(process):
    assert_clear(process("eval", "words.yaml", "-m", "fake:ecko"), "ecko")


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [("openai", ["models", "try", "openai:gpt-4o-mini"], "openai"), ("streamlit", ["ui", "--no-browser"], "app")],
)
def test_a_missing_package_comes_with_its_install_command(folder: Path, module: str, arguments: list[str], extra: str):
    # None in sys.modules is Python's own way to say that a module cannot be imported.
    code = f"import sys; sys.modules[{module!r}] = None\nfrom promptlab.cli.main import main\n"
    code += f"sys.exit(main({arguments!r}))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"pip install 'promptlab-workbench[{extra}]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def assert_clear(ended, *words: str):
    assert ended.code == 2, ended
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert 1 <= len(lines) <= 3, ended.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.err
