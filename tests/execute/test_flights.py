"""Identical calls in flight become one."""

from __future__ import annotations

import asyncio
import threading

from promptlab import Lab
from promptlab.execute.flights import Flights, Landing


def test_cells_that_ask_the_same_share_one_call(lab: Lab, workspace):
    (workspace / "prompts" / "twin.j2").write_text("{{ text }}\n")
    (workspace / "twins.yaml").write_text(
        'name: twins\nprompts: [plain, twin]\nmodels: ["fake:echo?seconds=0.1"]\nevaluators: [exact_match]\ncases:\n'
        + "".join(f"  - {{inputs: {{text: w{n % 5}, n: {n}}}, expected: w{n % 5}}}\n" for n in range(20))
    )
    result = lab.evaluate(workspace / "twins.yaml")
    assert (result.calls.made, result.calls.cached) == (5, 35)
    assert len(result.cells) == 40
    assert sum(cell.cached for cell in result.cells) == 35
    assert [variant.scores["exact_match"].mean for variant in result.variants] == [1.0, 1.0]


def test_more_cells_may_wait_than_may_be_under_way(lab: Lab, workspace):
    # 100 equal cases, 60 repeats: 60 cells ask, and the 5,940 that wait must not take their places.
    (workspace / "many.yaml").write_text(
        'name: many\nprompts: [plain]\nmodels: ["fake:echo?seconds=0.01"]\nrepeats: 60\ncases:\n'
        + "".join(f"  - {{inputs: {{text: same, n: {n}}}}}\n" for n in range(100))
    )
    result = lab.evaluate(workspace / "many.yaml")
    assert (result.calls.made, result.calls.cached, result.report.ended) == (60, 5940, 6000)


def test_two_evaluations_at_once_share_their_calls(lab: Lab, write_suite):
    path = write_suite(model="fake:echo?seconds=0.2&concurrency=10", cases=20)
    results = []
    threads = [threading.Thread(target=lambda: results.append(lab.evaluate(path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.calls.made for result in results) == 20
    assert sum(result.calls.cached for result in results) == 40


def test_tries_at_once_share_their_call(lab: Lab):
    lab.prompts.save("plain", "{{ text }}")
    trials, heard = [], []

    def ask() -> None:
        trials.extend(
            lab.try_prompt(
                "plain", ["fake:echo?seconds=0.3"], {"text": "a b"}, listener=lambda _, text: heard.append(text)
            )
        )

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [trial.text for trial in trials] == ["a b"] * 3
    assert sorted(trial.cached for trial in trials) == [False, True, True]
    assert heard.count("a b") == 3


def test_without_the_cache_every_cell_asks_for_itself(lab: Lab, workspace):
    (workspace / "same.yaml").write_text(
        'name: same\nprompts: [plain]\nmodels: ["fake:echo"]\ncases:\n'
        + "".join(f"  - {{inputs: {{text: same, n: {n}}}}}\n" for n in range(4))
    )
    assert lab.evaluate(workspace / "same.yaml", use_cache=False).calls.made == 4


def test_an_error_of_the_one_that_asks_is_everybodys(lab: Lab, workspace):
    (workspace / "same.yaml").write_text(
        'name: same\nprompts: [plain]\nmodels: ["fake:fail?status=client&seconds=0.1"]\ncases:\n'
        + "".join(f"  - {{inputs: {{text: same, n: {n}}}}}\n" for n in range(4))
    )
    result = lab.evaluate(workspace / "same.yaml")
    assert [cell.status for cell in result.cells] == ["client"] * 4
    assert result.calls.made == 1


def test_a_call_that_landed_stays_known_while_somebody_is_looking():
    async def scene() -> None:
        flights = Flights()
        flight = flights.start("key")
        with flights.looking():
            flights.end("key", flight, Landing("ok", 1))
            found = flights.find("key")
            assert found is flight
            assert await found.landing == Landing("ok", 1)
        assert flights.find("key") is None

    asyncio.run(scene())


def test_a_call_that_was_given_up_is_free_at_once_and_a_late_word_changes_nothing():
    async def scene() -> None:
        flights = Flights()
        flight = flights.start("key")
        with flights.looking():
            flights.end("key", flight, None)
            assert flights.find("key") is None
            other = flights.start("key")
            flights.end("key", flight, Landing("ok", 1))
            assert flights.find("key") is other
            assert not other.landing.done()

    asyncio.run(scene())
