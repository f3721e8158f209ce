"""The openai client against a real server: `transformers serve` on the weights of SmolLM2."""

from __future__ import annotations

import pytest

from promptlab import portal
from promptlab.config import Endpoint
from promptlab.models.openai import endpoint_model
from promptlab.types import Chunk, Message, Request, Response
from servers import ModelServer


@pytest.mark.model
def test_a_real_server_answers_and_streams(smollm2_server: ModelServer) -> None:
    model = endpoint_model(f"served:{smollm2_server.model}", Endpoint("served", smollm2_server.base_url))
    request = Request(
        (Message("user", "What is the capital of France? Answer in one word."),), {"temperature": 0, "max_tokens": 12}
    )

    async def work() -> tuple[Response, list[Chunk]]:
        try:
            return await model.generate(request), [chunk async for chunk in model.stream(request)]
        finally:
            await model.close()

    answer, chunks = portal.run(work())
    assert "Paris" in answer.text
    assert answer.usage.input_tokens
    assert answer.usage.output_tokens
    assert chunks[-1].response is not None
    assert "".join(chunk.text for chunk in chunks) == chunks[-1].response.text
    assert chunks[-1].response.text == answer.text
