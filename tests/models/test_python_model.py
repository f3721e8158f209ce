import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from promptlab import portal
from promptlab.errors import CallError, ModelError
from promptlab.models.python import PythonModel
from promptlab.types import Request, Response


def ask(model: PythonModel, *numbers: int) -> list[Response]:
    async def together() -> list[Response]:
        return await asyncio.gather(*[model.generate(Request((), inputs={"n": number})) for number in numbers])

    return portal.run(together())


def test_calls_that_come_together_are_one_call_of_the_function() -> None:
    sizes: list[int] = []

    def predict(inputs: list[Mapping[str, Any]]) -> list[str]:
        sizes.append(len(inputs))
        return [str(2 * item["n"]) for item in inputs]

    model = PythonModel("double", predict)
    assert [answer.text for answer in ask(model, *range(50))] == [str(2 * number) for number in range(50)]
    assert sizes == [50]
    assert (model.name, model.provider, model.identity) == ("python:double", "python", None)


def returning(value: Any) -> PythonModel:
    return PythonModel("odd", lambda _: value)


@pytest.mark.parametrize(
    ("value", "words"),
    [(["a"], "gave 1 texts for 2 inputs"), ([1, 2], "gave 1, a int"), (None, "TypeError"), ("ab", "")],
)
def test_a_function_that_gives_the_wrong_thing_is_told_so(value: Any, words: str) -> None:
    if value == "ab":
        assert [answer.text for answer in ask(returning(value), 1, 2)] == ["a", "b"]
        return
    with pytest.raises(CallError) as caught:
        ask(returning(value), 1, 2)
    assert caught.value.status == "client"
    assert words in str(caught.value)


def test_a_function_that_raises_is_an_error_of_each_call_and_the_next_works() -> None:
    def predict(inputs: list[Mapping[str, Any]]) -> list[str]:
        return [str(1 // item["n"]) for item in inputs]

    model = PythonModel("inverse", predict)
    with pytest.raises(CallError, match="raised ZeroDivisionError"):
        ask(model, 0)
    assert ask(model, 1)[0].text == "1"


def test_a_name_and_a_function_are_needed() -> None:
    with pytest.raises(ModelError, match="needs a name and a function"):
        PythonModel("python:", lambda _: [])
    with pytest.raises(ModelError, match="needs a name and a function"):
        PythonModel("x", None)  # type: ignore[arg-type]  # the mistake under test
