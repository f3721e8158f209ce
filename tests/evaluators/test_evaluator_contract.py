"""What an evaluator may return, what becomes an error, and how long it may take."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.base import BoundEvaluator, clip, definition_of, evaluator
from promptlab.evaluators.registry import bind, load_functions
from promptlab.types import EvaluatorContext, Score

CONTEXT = EvaluatorContext(inputs={"text": "x"}, output="hello", expected="hello", key="1")


def score(function, context=CONTEXT, **options):
    bound = bind({"custom": options}, where="suite:1", functions={"custom": function})
    return asyncio.run(bound.score(context))


@pytest.mark.parametrize(
    ("returned", "scores"),
    [
        (True, {"custom": Score(1.0, passed=True)}),
        (False, {"custom": Score(0.0, passed=False)}),
        (3, {"custom": Score(3.0)}),
        (0.25, {"custom": Score(0.25)}),
        (None, {}),
        (Score(0.5, reason="half"), {"custom": Score(0.5, reason="half")}),
        (Score(passed=True), {"custom": Score(1.0, passed=True)}),
        (Score(error="broken"), {"custom": Score(error="broken")}),
        (
            {"a": True, "b": 2, "c": None, "d": Score(0.1)},
            {"custom.a": Score(1.0, passed=True), "custom.b": Score(2.0), "custom.d": Score(0.1)},
        ),
        ({}, {}),
    ],
)
def test_a_returned_value_becomes_scores(returned, scores):
    assert score(lambda context: returned) == scores


def test_numpy_scalars_are_numbers_and_booleans():
    numpy = pytest.importorskip("numpy")
    assert score(lambda context: numpy.bool_(True)) == {"custom": Score(1.0, passed=True)}
    assert score(lambda context: numpy.int64(4)) == {"custom": Score(4.0)}
    assert score(lambda context: numpy.float32(0.5)) == {"custom": Score(0.5)}


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "finite"),
        (Score(float("nan")), "NaN"),
        ("yes", "returned str 'yes'"),
        ([1], "returned list"),
        ({"a": float("nan")}, "under 'a' NaN"),
        ({"a": {"b": 1}}, "under 'a' dict"),
        ({1: True}, "the key 1"),
        (Score(), "without value"),
    ],
)
def test_a_value_that_is_no_score_is_an_error(returned, words):
    scores = score(lambda context: returned)
    assert list(scores) == ["custom"]
    assert words in scores["custom"].error
    assert scores["custom"].value is None
    assert scores["custom"].passed is None


def raising(error):
    def fails(context):
        raise error

    return fails


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (KeyError("x"), "KeyError: 'x'"),
        (SystemExit(3), "RuntimeError: SystemExit: 3"),
        (StopIteration(), "RuntimeError: StopIteration"),
        (ValueError("two\nlines"), "ValueError: two⏎lines"),
    ],
)
def test_an_evaluator_that_raises_is_its_scores_error(error, message):
    assert score(raising(error)) == {"custom": Score(error=message)}


def test_an_asynchronous_evaluator_is_awaited():
    async def slow(context, *, word: str):
        await asyncio.sleep(0)
        return word in context.output

    assert score(slow, word="ell") == {"custom": Score(1.0, passed=True)}


def test_a_custom_function_runs_beside_the_event_loop_in_a_daemon_thread():
    seen = {}

    def where(context):
        thread = threading.current_thread()
        seen["daemon"], seen["main"] = thread.daemon, thread is threading.main_thread()
        return True

    score(where)
    assert seen == {"daemon": True, "main": False}


def test_an_evaluator_that_takes_too_long_is_an_error_and_holds_nobody_up():
    release = threading.Event()

    async def run():
        stuck = BoundEvaluator("stuck", lambda context: release.wait(30), {}, "", seconds=0.1)
        quick = BoundEvaluator("quick", lambda context: True, {}, "")
        begun = time.perf_counter()
        results = await asyncio.gather(*(stuck.score(CONTEXT) for _ in range(20)), quick.score(CONTEXT))
        return results, time.perf_counter() - begun

    results, seconds = asyncio.run(run())
    release.set()
    assert results[0] == {"stuck": Score(error="took longer than 0.1 s")}
    assert results[-1] == {"quick": Score(1.0, passed=True)}
    assert seconds < 5


def test_an_asynchronous_evaluator_has_the_same_deadline():
    async def stuck(context):
        await asyncio.sleep(30)

    bound = BoundEvaluator("stuck", stuck, {}, "", seconds=0.05)
    assert asyncio.run(bound.score(CONTEXT)) == {"stuck": Score(error="took longer than 0.05 s")}


ASYNCHRONOUS = """
import asyncio

from promptlab import EvaluatorContext, evaluator


@evaluator
async def patient(context: EvaluatorContext, *, seconds: float = 0.0):
    await asyncio.sleep(seconds)
    return {"long": len(context.output) > 3, "": 0.5}
"""


def test_an_asynchronous_function_of_a_project_file_has_options_parts_and_the_deadline(tmp_path):
    path = tmp_path / "evaluators.py"
    path.write_text(ASYNCHRONOUS)
    functions = load_functions(path)
    quick = bind("patient", where="suite:1", functions=functions)
    assert asyncio.run(quick.score(CONTEXT)) == {"patient.long": Score(1.0, passed=True), "patient": Score(0.5)}
    slow = replace(bind({"patient": {"seconds": 30.0}}, where="suite:1", functions=functions), seconds=0.05)
    assert asyncio.run(slow.score(CONTEXT)) == {"patient": Score(error="took longer than 0.05 s")}


def test_cancelling_a_score_is_no_error_of_the_evaluator():
    async def stuck(context):
        await asyncio.sleep(30)

    async def run():
        task = asyncio.create_task(BoundEvaluator("stuck", stuck, {}, "").score(CONTEXT))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_a_decorated_function_can_still_be_called_plainly():
    @evaluator(name="test-mentions", direction="lower")
    def mentions(context, *, word: str) -> bool:
        return word in context.output

    assert mentions(CONTEXT, word="ell")
    assert definition_of(mentions).name == "test-mentions"
    bound = bind({"test-mentions": {"word": "z"}}, where="here")
    assert (bound.direction, asyncio.run(bound.score(CONTEXT))) == (
        "lower",
        {"test-mentions": Score(0.0, passed=False)},
    )


def test_a_positional_option_is_refused_where_it_is_defined():
    with pytest.raises(EvaluatorError, match=r"option `word` is positional; write `def f\(context, \*, word"):

        @evaluator
        def f(context, word):
            return True


def test_a_function_without_context_is_refused():
    with pytest.raises(EvaluatorError, match="takes no context"):

        @evaluator
        def f(*, word):
            return True


def test_a_bad_name_or_direction_is_refused():
    with pytest.raises(EvaluatorError, match="a name has letters"):
        evaluator(name="a.b")(lambda context: True)
    with pytest.raises(EvaluatorError, match="'higher' or 'lower'"):
        evaluator(name="ab", direction="up")(lambda context: True)


@pytest.mark.parametrize(
    ("text", "clipped"),
    [("a\nb", "a⏎b"), ("a\r\nb", "a⏎b"), ("abcdef", "abcd…"), ("abcde", "abcde"), ("", "")],
)
def test_a_reason_is_one_short_line(text, clipped):
    assert clip(text, 5) == clipped
