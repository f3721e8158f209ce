"""What anyone would write with the openai package alone: many calls side by side, their texts kept.

    python benchmarks/support/bare_client.py BASE_URL CASES.jsonl CONCURRENCY

Here for `overhead.py` to be held against; prints how many texts there are.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from openai import AsyncOpenAI, DefaultAioHttpClient


async def ask_all(base_url: str, questions: list[str], concurrency: int) -> list[str | None]:
    """The texts of the answers, in order."""
    slots = asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(base_url=base_url, api_key="none", http_client=DefaultAioHttpClient()) as client:

        async def ask(question: str) -> str | None:
            async with slots:
                answer = await client.chat.completions.create(
                    model="good", messages=[{"role": "user", "content": f"Answer in a few words: {question}"}]
                )
                return answer.choices[0].message.content

        return await asyncio.gather(*map(ask, questions))


def main() -> None:
    """Asks every question of the file."""
    base_url, cases, concurrency = sys.argv[1:]
    lines = Path(cases).read_text(encoding="utf-8").splitlines()
    texts = asyncio.run(ask_all(base_url, [json.loads(line)["inputs"]["question"] for line in lines], int(concurrency)))
    print(len([text for text in texts if text]))


if __name__ == "__main__":
    main()
