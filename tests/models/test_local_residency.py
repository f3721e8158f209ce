"""Which local models stay in memory: invented tenants, and both real models on an invented budget."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from local_tiny import tiny_weights

from promptlab.errors import CallError
from promptlab.models.local_cores import free_cores
from promptlab.models.local_engine import ROUND_SIZE, Engine
from promptlab.models.local_jobs import AnswerJob
from promptlab.models.local_loading import load_weights
from promptlab.models.local_memory import weights_bytes
from promptlab.models.local_residency import Residency, to_unload
from promptlab.models.packaged import PACKAGED, find_pulled
from promptlab.types import Message, Request, Response


@pytest.mark.parametrize(
    ("needed", "free", "idle", "count"),
    [
        (5, 5, [], 0),
        (5, 9, [1, 2], 0),
        (5, 3, [1, 2, 4], 2),
        (5, 4, [1, 9], 1),
        (5, 0, [5], 1),
        (9, 3, [1, 2], None),
        (9, 3, [], None),
        (None, 100, [1, 2], 2),
    ],
)
def test_as_few_give_way_as_make_room_the_least_recently_used_first(
    needed: int | None, free: int, idle: list[int], count: int | None
) -> None:
    assert to_unload(needed, free=free, idle=idle) == count


@dataclass(eq=False)
class Invented:
    """A tenant of so many bytes in a machine of ten."""

    machine: list[Invented]
    size: int
    events: list[str] = field(default_factory=list)

    def needed_bytes(self) -> int:
        return self.size

    def held_bytes(self) -> int:
        return self.size

    def load(self) -> None:
        self.machine.append(self)
        self.events.append("load")

    def unload(self) -> None:
        self.machine.remove(self)
        self.events.append("unload")


@pytest.fixture
def machine() -> list[Invented]:
    return []


@pytest.fixture
def residency(machine: list[Invented]) -> Residency:
    return Residency(free=lambda: 10 - sum(tenant.size for tenant in machine))


def use(residency: Residency, tenant: Any) -> None:
    with residency.use(tenant, wanted=lambda: True) as granted:
        assert granted


def test_two_that_fit_both_stay(residency: Residency, machine: list[Invented]) -> None:
    a, b = Invented(machine, 4), Invented(machine, 6)
    for tenant in (a, b, a, b):
        use(residency, tenant)
    assert (a.events, b.events) == (["load"], ["load"])


def test_the_least_recently_used_gives_way(residency: Residency, machine: list[Invented]) -> None:
    a, b, c = Invented(machine, 4), Invented(machine, 4), Invented(machine, 4)
    for tenant in (a, b, a, c):
        use(residency, tenant)
    assert machine == [a, c]
    assert b.events == ["load", "unload"]


def test_one_in_use_is_waited_for(residency: Residency, machine: list[Invented]) -> None:
    a, b = Invented(machine, 7), Invented(machine, 7)
    with residency.use(a, wanted=lambda: True):
        thread = threading.Thread(target=use, args=(residency, b))
        thread.start()
        while not residency.contested:
            pass
        thread.join(0.3)
        assert thread.is_alive()
        residency.release(a)
        assert machine == [a]
    thread.join(5)
    assert machine == [b]


def test_one_that_fits_nowhere_is_tried_alone(residency: Residency, machine: list[Invented]) -> None:
    a, b = Invented(machine, 3), Invented(machine, 12)
    use(residency, a)
    use(residency, b)
    assert machine == [b]


def test_who_stops_waiting_is_let_go_and_loads_nothing(residency: Residency, machine: list[Invented]) -> None:
    a, b = Invented(machine, 7), Invented(machine, 7)
    granted = []

    def give_up() -> None:
        with residency.use(b, wanted=lambda: not stopped.is_set()) as it:
            granted.append(it)

    stopped = threading.Event()
    with residency.use(a, wanted=lambda: True):
        thread = threading.Thread(target=give_up)
        thread.start()
        stopped.set()
        thread.join(5)
    assert granted == [False]
    assert machine == [a]


def test_an_error_of_loading_leaves_the_way_free(residency: Residency, machine: list[Invented]) -> None:
    class Broken(Invented):
        def load(self) -> None:
            raise CallError("client", "broken")

    with pytest.raises(CallError, match="broken"):
        use(residency, Broken(machine, 3))
    use(residency, Invented(machine, 3))
    assert not residency.contested


def ask(engine: Engine, text: str) -> str:
    done: list[Response | CallError] = []
    came = threading.Event()

    def deliver(result: Response | CallError) -> None:
        done.append(result)
        came.set()

    engine.submit(AnswerJob(Request((Message("user", text),), {"max_tokens": 3}), deliver))
    assert came.wait(120)
    (result,) = done
    assert isinstance(result, Response)
    return result.text


def test_a_model_that_is_asked_without_end_makes_room_and_goes_on_later(machine: list[Invented]) -> None:
    alive: list[weakref.ref[Any]] = []

    def load() -> Any:
        loaded = tiny_weights("llama")
        alive.append(weakref.ref(loaded.model))
        return loaded

    engine: Engine
    residency = Residency(free=lambda: 10 - 6 * engine.loaded - sum(tenant.size for tenant in machine))
    engine = Engine("tiny", load=load, needs=lambda: 6, residency=residency)
    texts: list[str] = []
    came = threading.Semaphore(0)

    def deliver(result: Response | CallError) -> None:
        assert isinstance(result, Response)
        texts.append(result.text)
        came.release()

    count = 3 * ROUND_SIZE
    for number in range(count):
        engine.submit(AnswerJob(Request((Message("user", f"Question {number:04} " * 8),), {"max_tokens": 1}), deliver))
    came.acquire()
    other = Invented(machine, 6)
    with residency.use(other, wanted=lambda: True) as granted:
        assert granted
        assert not engine.loaded
        assert ROUND_SIZE <= len(texts) < count
        gc.collect()
        # Not even by the requests that wait for it.
        assert alive[0]() is None
    for _ in range(count - 1):
        assert came.acquire(timeout=60)
    engine.stop()
    assert len(alive) == 2
    assert other.events == ["load", "unload"]


@dataclass
class Both:
    """Engines of both packaged models, in a machine of so many bytes; `weights` sees what was loaded."""

    engines: list[Engine]
    weights: list[weakref.ref[Any]]
    needs: list[int]


def both(room_for: float) -> Iterator[Both]:
    folders = []
    for name in ("smollm2-135m", "gemma-3-270m"):
        pulled = find_pulled(PACKAGED[name])
        if pulled is None:
            pytest.skip(f"promptlab models pull {name}")
        folders.append(str(pulled.path))
    needs = [weights_bytes(folder, item_bytes=4) or 0 for folder in folders]
    found = Both([], [], needs)
    budget = int(room_for * sum(needs))
    residency = Residency(free=lambda: budget - sum(engine.held_bytes() for engine in found.engines))

    def engine(folder: str, need: int) -> Engine:
        def load() -> Any:
            loaded = load_weights(folder, revision=None, threads=free_cores())
            found.weights.append(weakref.ref(loaded.model))
            return loaded

        return Engine(folder, load=load, needs=lambda: need, residency=residency)

    found.engines += [engine(folder, need) for folder, need in zip(folders, needs, strict=True)]
    yield found
    for item in found.engines:
        item.stop()


@pytest.fixture
def cramped() -> Iterator[Both]:
    yield from both(room_for=0.8)


@pytest.fixture
def roomy() -> Iterator[Both]:
    yield from both(room_for=1.1)


@pytest.mark.model
def test_of_two_real_models_that_do_not_fit_together_one_is_in_memory(cramped: Both) -> None:
    first, second = cramped.engines
    answer = ask(first, "Say hello")
    assert first.loaded
    assert abs(first.held_bytes() - cramped.needs[0]) < 0.02 * cramped.needs[0]
    ask(second, "The sun is")
    assert (first.loaded, second.loaded) == (False, True)
    gc.collect()
    # Nothing of it is held any more, by its thread or by anyone.
    assert cramped.weights[0]() is None
    assert ask(first, "Say hello") == answer
    assert (first.loaded, second.loaded) == (True, False)


@pytest.mark.model
def test_two_real_models_that_fit_stay_both(roomy: Both) -> None:
    for engine in (*roomy.engines, *roomy.engines):
        ask(engine, "One, two,")
    assert [engine.loaded for engine in roomy.engines] == [True, True]
    assert len(roomy.weights) == 2
    roomy.engines[0].release()
    gc.collect()
    assert [engine.loaded for engine in roomy.engines] == [False, True]
    assert roomy.weights[0]() is None


@pytest.mark.model
def test_both_asked_at_once_where_one_fits_both_answer(cramped: Both) -> None:
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda engine=engine: results.append(ask(engine, "A word:")))
        for engine in cramped.engines
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(results) == 4
