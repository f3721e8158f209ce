"""The matrix: settings that vary, every combination of them a variant."""

from __future__ import annotations

import pytest

from promptlab.errors import SuiteError
from promptlab.suites.load import load_suite
from promptlab.suites.matrix import combination_text, combinations

CASES = "cases: [{inputs: {}}]\n"


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "suite.yaml"
        path.write_text(text + CASES, encoding="utf-8")
        return load_suite(path)

    return load


def test_every_combination_is_made_the_last_setting_varying_fastest():
    matrix = {"temperature": (0, 0.7), "max_tokens": (4, 16)}
    assert combinations(matrix) == [
        {"temperature": 0, "max_tokens": 4},
        {"temperature": 0, "max_tokens": 16},
        {"temperature": 0.7, "max_tokens": 4},
        {"temperature": 0.7, "max_tokens": 16},
    ]
    assert combinations(matrix, without={"temperature": 1}) == [{"max_tokens": 4}, {"max_tokens": 16}]
    assert combinations({}) == [{}]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"temperature": 0.7, "max_tokens": 4}, "temperature=0.7, max_tokens=4"),
        ({"reasoning_effort": "low"}, "reasoning_effort=low"),
        ({"stop": ["\n", "b c"]}, 'stop=["\\n", "b c"]'),
        ({"stop": "a · b"}, 'stop="a · b"'),
    ],
)
def test_a_combination_reads_on_one_line(settings, text):
    assert combination_text(settings) == text


def test_long_values_are_cut_and_stay_different():
    one, two = ({"stop": ["x" * 200 + end]} for end in "ab")
    assert combination_text(one) != combination_text(two)
    assert len(combination_text(one)) < 60


def test_the_matrix_of_a_suite_is_read_and_is_part_of_its_digest(load):
    suite = load("matrix: {temperature: [0, 0.7], stop: [a, [b, c]]}\n")
    assert suite.matrix == {"temperature": (0, 0.7), "stop": ("a", ["b", "c"])}
    assert len({load(text).digest for text in ("", "matrix: {top_k: [1]}\n", "matrix: {top_k: [1, 2]}\n")}) == 3


MISTAKES = {
    "a list": ("matrix: [a]\n", 1, "`matrix` is ['a']; it is a mapping such as `temperature: [0, 0.7]`"),
    "a value alone": ("matrix:\n  temperature: 0\n", 2, "is 0; it is a list, `temperature: [0]`"),
    "no values": ("matrix: {temperature: []}\n", 1, "`temperature` of the matrix has no values"),
    "an unknown setting": ("matrix:\n  temprature: [0]\n", 2, "unknown setting 'temprature'; did you mean temperature"),
    "a wrong value": ("matrix:\n  top_k:\n  - 1\n  - many\n", 4, "top_k is 'many'; it is a whole number from 1"),
    "a value twice": ("matrix:\n  temperature: [0, 1, 0.0]\n", 2, "0.0 stands twice under `temperature`"),
    "too many combinations": (
        "matrix:\n" + "".join(f"  {name}: {list(range(1, 12))}\n" for name in ("top_k", "seed", "max_tokens")),
        1,
        "`matrix` makes 1,331 combinations; 1,000 are allowed",
    ),
}


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_matrix_is_named_with_its_line(load, text, line, message):
    with pytest.raises(SuiteError) as caught:
        load(text)
    assert f"suite.yaml:{line}: " in str(caught.value)
    assert message in str(caught.value)
