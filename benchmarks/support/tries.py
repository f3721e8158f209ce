"""Tries by streaming, eight side by side, in the workspace of the current folder; one JSON line each.

    python benchmarks/support/tries.py 100 loop:good

Here for `chaos.py` and `canary.py`. heard: the last text that the listener was called with.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from promptlab import Lab

SIDE_BY_SIDE = 8


def main() -> None:
    """Tries questions 1 to n with each of the models."""
    count, models = int(sys.argv[1]), sys.argv[2:]
    asked = [(model, number) for model in models for number in range(1, count + 1)]
    with Lab() as lab, ThreadPoolExecutor(SIDE_BY_SIDE) as threads:

        def ask(one: tuple[str, int]) -> dict[str, object]:
            model, number = one
            heard = [""]
            (trial,) = lab.try_prompt(
                "ask",
                [model],
                {"question": f"question {number}"},
                use_cache=False,
                listener=lambda _model, text: heard.append(text),
            )
            return {
                "number": number,
                "status": trial.status,
                "text": trial.text,
                "error": trial.error,
                "heard": heard[-1][-1000:],
            }

        for line in threads.map(ask, asked):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
