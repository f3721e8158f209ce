"""Evaluators that a worker process can import, good ones and bad ones; the output says how long or where."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from promptlab.types import EvaluatorContext


def length(context: EvaluatorContext) -> int:
    """How many characters the output has."""
    return len(context.output)


def process(context: EvaluatorContext) -> int:
    """The process that this runs in."""
    return os.getpid()


def sleep(context: EvaluatorContext) -> int:
    """Sleeps for as many seconds as the output begins with."""
    time.sleep(float(context.output.split()[0]))
    return 1


def spin(context: EvaluatorContext) -> int:
    """Never ends, and never waits either."""
    while True:
        pass


def hold(context: EvaluatorContext) -> int:
    """Is for hours in a library that lets no other thread of its process run."""
    return Levenshtein.distance("abcdefg" * 1_000_000, "gfedcba" * 1_000_000)


def die(context: EvaluatorContext) -> int:
    """Kills the process that it runs in, unless that is the one which `expected` spares."""
    if os.getpid() == context.expected["spared"]:
        return -1
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def die_once(context: EvaluatorContext) -> int:
    """As `die`, but not where the file is there already which it leaves behind."""
    marker = Path(context.expected["file"])
    if marker.exists():
        return 1
    marker.touch()
    return die(context)


def leave(context: EvaluatorContext) -> int:
    """Ends the interpreter, as a library might."""
    raise SystemExit(3)


def shout(context: EvaluatorContext) -> int:
    """Prints to where a worker's messages go."""
    print("x" * 100_000, flush=True)
    os.write(1, b"y" * 1000)
    os.write(2, b"z" * 1000)
    return 1
