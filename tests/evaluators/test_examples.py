"""The worked examples in the docstrings of evaluators, run: what the documentation says is what they do."""

from __future__ import annotations

import asyncio

import pytest

from promptlab.evaluators.documentation import describe_all, parse_example
from promptlab.evaluators.groups import COMBINATIONS
from promptlab.evaluators.registry import BUILT_IN, bind
from promptlab.types import EvaluatorContext

DESCRIBED = {name: one for name, one in describe_all().items() if name in BUILT_IN or name in COMBINATIONS}
ASKING = {name for name, module in BUILT_IN.items() if module in ("semantic", "likelihood")}
"""Those that ask a base model: their own tests hold their examples."""

EXAMPLES = [
    pytest.param(name, text, id=f"{name}-{number}")
    for name, one in DESCRIBED.items()
    if name not in ASKING
    for number, text in enumerate(one.examples)
]


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_the_example_of_an_evaluator_is_true(name, text):
    example = parse_example(text)
    assert example is not None, f"{text} is no example that can be run"
    one = bind({name: dict(example.options)}, where="here")
    context = EvaluatorContext(**{"inputs": {}, "output": "", **example.context})
    found = asyncio.run(one.score(context))
    assert not [score.error for score in found.values() if score.error]
    if example.value is None:
        assert found == {}
    elif isinstance(example.value, dict):
        named = {f"{one.name}.{key}" if key else one.name: value for key, value in example.value.items()}
        assert {key: found[key].value for key in named} == pytest.approx(named, abs=5e-5)
    else:
        assert found[one.name].value == pytest.approx(example.value, abs=5e-4)


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_every_evaluator_is_documented(name):
    one = DESCRIBED[name]
    assert one.summary.endswith(".")
    assert one.examples
    said = f"{one.summary} {one.details}"
    unexplained = [option.name for option in one.options if option.name not in said]
    assert not unexplained or "as for" in said
