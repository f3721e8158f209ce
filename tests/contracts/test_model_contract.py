"""What every Model promises, held against every Model: fake, a function, a server, real weights."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loopback import running_loopback
from promptlab import portal
from promptlab.config import Endpoint, Workspace
from promptlab.errors import CallError
from promptlab.models.base import Model
from promptlab.models.python import PythonModel
from promptlab.models.resolve import resolve_model
from promptlab.types import ANSWER_STATUSES, Chunk, Message, Request, Response


@dataclass(frozen=True)
class Subject:
    """A model under test; `failing` fails a long request, `slow` takes long with long_settings."""

    model: Model
    failing: Model
    slow: Model
    long_settings: Mapping[str, Any]
    truncates: bool = True
    reusable: bool = True


def ask(text: str, **settings: Any) -> Request:
    return Request((Message("user", text),), settings, inputs={"text": text})


def failing_predict(_inputs: list[Mapping[str, Any]]) -> list[str]:
    raise RuntimeError("this function fails")


def slow_predict(inputs: list[Mapping[str, Any]]) -> list[str]:
    import time

    time.sleep(0.3)
    return ["late"] * len(inputs)


def fake_subject(workspace: Workspace) -> Iterator[Subject]:
    def model(name: str) -> Model:
        return resolve_model(name, workspace=workspace)

    yield Subject(model("fake:echo"), model("fake:fail?status=server"), model("fake:echo?seconds=30"), {})


def python_subject(_workspace: Workspace) -> Iterator[Subject]:
    yield Subject(
        PythonModel("upper", lambda inputs: [str(item["text"]).upper() for item in inputs]),
        PythonModel("failing", failing_predict),
        PythonModel("slow", slow_predict),
        {},
        truncates=False,
        reusable=False,
    )


def openai_subject(workspace: Workspace) -> Iterator[Subject]:
    with running_loopback() as server:
        named = Workspace(
            root=workspace.root,
            db_url=workspace.db_url,
            artifacts=workspace.artifacts,
            endpoints={"loop": Endpoint("loop", server.base_url)},
        )
        models = [resolve_model(f"loop:{name}", workspace=named) for name in ("echo", "broken", "hang")]
        yield Subject(models[0], models[1], models[2], {})
        for model in models:
            portal.run(close(model))


def local_subject(workspace: Workspace) -> Iterator[Subject]:
    model = resolve_model("local:smollm2-135m", workspace=workspace)
    # The context of SmolLM2 is 8,192 tokens: a longer prompt is its way to fail.
    yield Subject(model, model, model, {"max_tokens": 2000})


SUBJECTS: Mapping[str, Callable[[Workspace], Iterator[Subject]]] = {
    "fake": fake_subject,
    "python": python_subject,
    "openai": openai_subject,
    "local": local_subject,
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.model if name == "local" else ()) for name in SUBJECTS],
)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    root = tmp_path_factory.mktemp("workspace")
    if request.param == "local":
        request.getfixturevalue("smollm2_folder")
    workspace = Workspace(root=root, db_url="sqlite://", artifacts=Path(root))
    yield from SUBJECTS[request.param](workspace)


async def close(model: Model) -> None:
    await model.close()


def generate(model: Model, request: Request) -> Response:
    return portal.run(_generate(model, request))


async def _generate(model: Model, request: Request) -> Response:
    return await model.generate(request)


def test_it_is_a_model_with_a_name_and_a_pace(subject: Subject) -> None:
    assert isinstance(subject.model, Model)
    assert subject.model.name.startswith(f"{subject.model.provider}:")
    assert subject.model.concurrency >= 1
    assert (subject.model.identity is not None) is subject.reusable


def test_it_answers_a_request(subject: Subject) -> None:
    answer = generate(subject.model, ask("Say hello.", max_tokens=5))
    assert answer.status in ANSWER_STATUSES
    assert answer.text
    assert answer.seconds >= 0


def test_it_counts_tokens(subject: Subject) -> None:
    usage = generate(subject.model, ask("Say hello.", max_tokens=5)).usage
    assert usage.input_tokens is not None
    assert usage.output_tokens is not None
    assert usage.output_tokens <= 5


def test_an_answer_that_max_tokens_cuts_is_truncated(subject: Subject) -> None:
    if not subject.truncates:
        pytest.skip("a function has no tokens")
    answer = generate(subject.model, ask("Tell me a story of a very long road", max_tokens=2))
    assert answer.status == "truncated"
    assert answer.finish_reason == "length"


def test_a_stream_joined_is_the_answer(subject: Subject) -> None:
    async def read() -> list[Chunk]:
        return [chunk async for chunk in subject.model.stream(ask("Count to five, please.", max_tokens=8))]

    chunks = portal.run(read())
    *pieces, last = chunks
    assert last.text == ""
    assert last.response is not None
    assert all(piece.response is None and piece.text for piece in pieces)
    assert "".join(piece.text for piece in pieces) == last.response.text
    assert last.response.text == generate(subject.model, ask("Count to five, please.", max_tokens=8)).text


def test_calls_at_once_get_each_their_own_answer(subject: Subject) -> None:
    texts = [f"The number is {number}. " * (1 + number % 3) for number in range(12)]

    async def together() -> list[Response]:
        return await asyncio.gather(*[subject.model.generate(ask(text, max_tokens=4)) for text in texts])

    answers = [answer.text for answer in portal.run(together())]
    alone = [generate(subject.model, ask(text, max_tokens=4)).text for text in texts]
    assert answers == alone


def test_a_failure_is_one_classed_error(subject: Subject) -> None:
    async def stream() -> None:
        async for _ in subject.failing.stream(bad):
            pass

    bad = ask("word " * 10_000, max_tokens=4)
    for coroutine in (_generate(subject.failing, bad), stream()):
        with pytest.raises(CallError) as caught:
            portal.run(coroutine)
        assert caught.value.status not in ANSWER_STATUSES
        assert str(caught.value)


def test_a_cancelled_call_ends_at_once_and_the_model_goes_on(subject: Subject) -> None:
    async def cancelled() -> float:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(subject.slow.generate(ask("Write a long story.", **subject.long_settings)))
        await asyncio.sleep(0.1)
        task.cancel()
        started = loop.time()
        with pytest.raises(asyncio.CancelledError):
            await task
        return loop.time() - started

    assert portal.run(cancelled()) < 1
    assert generate(subject.model, ask("And again?", max_tokens=3)).text


def test_an_abandoned_stream_leaves_the_model_usable(subject: Subject) -> None:
    async def abandon() -> None:
        stream = subject.model.stream(ask("one two three four five six", max_tokens=200))
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # every stream here is an async generator

    portal.run(abandon())
    assert generate(subject.model, ask("Still there?", max_tokens=3)).text


def test_it_may_be_used_again_after_close(subject: Subject) -> None:
    portal.run(close(subject.model))
    assert generate(subject.model, ask("Again.", max_tokens=3)).text
