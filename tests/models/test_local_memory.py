"""Memory of local models: what is free, what weights and batches take, and batches that become smaller for it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promptlab.models.local_cores import Turns, free_cores
from promptlab.models.local_engine import CONCURRENCY, Engine
from promptlab.models.local_jobs import AnswerJob
from promptlab.models.local_loading import load_weights
from promptlab.models.local_memory import (
    Footprint,
    footprint_of,
    free_host_bytes,
    is_memory_error,
    weights_bytes,
)
from promptlab.models.local_residency import Residency
from promptlab.models.local_rows import Row
from promptlab.models.local_weights import BATCH_SIZE, LocalWeights
from promptlab.models.prefixes import Shape
from promptlab.models.sampling import Generation
from promptlab.types import Message, Request

MIB = 1 << 20
TINY = Footprint(token_bytes=1000, activation_bytes=0, layers=10, heads=1, vocabulary=0, item_bytes=0, shares=False)


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable: 4096 kB\n"}


def test_without_a_limit_the_available_memory_is_free(tmp_path: Path) -> None:
    assert free_host_bytes(machine(tmp_path, MEMINFO)) == 4 * MIB


@pytest.mark.parametrize(
    ("path", "folder"), [("/", "."), ("/a/b", "a/b"), ("/a/b", "a"), ("/seen/only/by/the/host", ".")]
)
def test_the_tightest_control_group_counts_its_file_cache_left_out(tmp_path: Path, path: str, folder: str) -> None:
    group = f"sys/fs/cgroup/{folder}"
    files = {
        "proc/self/cgroup": f"0::{path}\n",
        f"{group}/memory.max": str(3 * MIB),
        f"{group}/memory.current": str(2 * MIB),
        f"{group}/memory.stat": f"anon 5\ninactive_file {MIB}\n",
    }
    assert free_host_bytes(machine(tmp_path, MEMINFO | files)) == 2 * MIB


@pytest.mark.parametrize("limit", ["max", "nonsense"])
def test_a_control_group_without_a_limit_changes_nothing(tmp_path: Path, limit: str) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": limit}
    assert free_host_bytes(machine(tmp_path, MEMINFO | files)) == 4 * MIB


def test_control_groups_of_the_first_version_count_too(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/memory/box"
    files = {
        "proc/self/cgroup": "5:cpu:/box\n4:memory:/box\n",
        f"{group}/memory.limit_in_bytes": str(3 * MIB),
        f"{group}/memory.usage_in_bytes": str(3 * MIB),
        f"{group}/memory.stat": f"total_inactive_file {MIB}\n",
    }
    assert free_host_bytes(machine(tmp_path, MEMINFO | files)) == MIB


def test_a_system_without_proc_still_says_something(tmp_path: Path) -> None:
    assert free_host_bytes(tmp_path) > 0


def test_weights_are_counted_from_the_headers_in_the_type_they_are_loaded_in(tmp_path: Path) -> None:
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "a": {"dtype": "BF16", "shape": [10, 20], "data_offsets": [0, 400]},
            "b": {"dtype": "F32", "shape": [], "data_offsets": [400, 404]},
        }
    ).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(404))
    assert weights_bytes(str(tmp_path), item_bytes=4) == 201 * 4
    assert weights_bytes(str(tmp_path), item_bytes=2) == 201 * 2
    (tmp_path / "other.safetensors").write_bytes(b"no weights")
    assert weights_bytes(str(tmp_path), item_bytes=4) == 201 * 4 + 10
    assert weights_bytes("owner/name", item_bytes=4) is None


def test_keys_and_values_of_a_batch_are_counted_with_two_layers_of_copies() -> None:
    assert TINY.batch_bytes(Shape(rows=2, shared=30, own=10, new=10)) == 2 * 50 * 1200
    shared = replace(TINY, shares=True, token_bytes=1000)
    assert shared.batch_bytes(Shape(rows=2, shared=0, own=10, new=10)) == 2 * 20 * 1200


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("no"), False),
    ],
)
def test_a_want_of_memory_is_told_from_other_errors(error: Exception, memory: bool) -> None:
    assert is_memory_error(error) is memory


@pytest.fixture(scope="module")
def weights(smollm2_folder: Path) -> LocalWeights:
    return load_weights(str(smollm2_folder), revision=None, threads=free_cores())


def rows(weights: LocalWeights, count: int, **settings: Any) -> list[Row]:
    generation = Generation(**{"max_tokens": 2, **settings})
    return [Row(weights.encoder.encode([Message("user", f"Say {number}")]), generation) for number in range(count)]


def sizes(weights: LocalWeights, asked: list[Row]) -> list[int]:
    return [len(done) for done in weights.run(asked, turn=Turns())]


@pytest.mark.model
def test_the_footprint_is_that_of_the_real_cache(weights: LocalWeights) -> None:
    from transformers import DynamicCache

    cache = DynamicCache()
    weights.forward([[5, 6, 7]], cache, *weights.plainly(3))
    real = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert footprint_of(weights.model.config, item_bytes=4, shares=True).token_bytes * 3 == real


@pytest.mark.model
def test_a_batch_is_as_large_as_memory_allows(weights: LocalWeights) -> None:
    asked = rows(weights, BATCH_SIZE)
    own = max(len(row.prompt) for row in asked)
    wide = replace(weights, free=lambda: 1 << 40)
    assert sizes(wide, asked) == [BATCH_SIZE]
    # A batch may take half of what is free.
    tight = replace(weights, free=lambda: 2 * weights.footprint.batch_bytes(Shape(5, 0, own, 2)))
    done = sizes(tight, rows(weights, 12))
    assert sum(done) == 12
    assert max(done) in (5, 6)


class RoomForFour:
    """A model that has memory for four rows, and counts how often it was asked for more."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, tokens: Any, **arguments: Any) -> Any:
        if tokens.shape[0] > 4:
            self.refused += 1
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return self._model(tokens, **arguments)


@pytest.mark.model
def test_after_memory_ran_out_the_following_batches_are_smaller(weights: LocalWeights) -> None:
    model = RoomForFour(weights.model)
    small = replace(weights, model=model, free=lambda: 1 << 40)
    first, second = rows(weights, 12), rows(weights, 12)
    expected = [row.generated for row in first if list(weights.run([row], turn=Turns()))]
    for row in first:
        row.restart()
    assert max(sizes(small, first)) <= 4
    assert [row.generated for row in first] == expected
    refused = model.refused
    assert 1 <= refused <= 2
    assert max(sizes(small, second)) <= 4
    assert model.refused == refused
    assert all(row.error is None for row in (*first, *second))


class Watched(LocalWeights):
    """Weights that note the size of each batch."""

    sizes: list[int]

    def run_batch(self, rows: Any, *arguments: Any, **named: Any) -> Any:
        self.sizes.append(len(rows))
        return LocalWeights.run_batch(self, rows, *arguments, **named)


@pytest.mark.model
def test_hundreds_of_calls_run_in_full_batches_while_callers_come_back_one_by_one(weights: LocalWeights) -> None:
    watched = Watched(weights.model, weights.tokenizer, weights.encoder, weights.end_tokens, 8192, weights.footprint)
    watched.batches, watched.shares, watched.sizes = True, weights.shares, []
    engine = Engine("watched", load=lambda: watched, needs=lambda: 0, residency=Residency())
    left, lock, ended = iter(range(300)), threading.Lock(), threading.Semaphore(0)

    def ask_next(_: Any = None) -> None:
        # As the engine of an evaluation does: who has an answer asks the next question a moment later.
        with lock:
            number = next(left, None)
        if number is None:
            ended.release()
            return
        asked = Request((Message("user", f"Say {number:03}"),), {"max_tokens": 1})
        engine.submit(AnswerJob(asked, lambda _: threading.Timer(0.005, ask_next).start()))

    for _ in range(CONCURRENCY):
        ask_next()
    for _ in range(CONCURRENCY):
        assert ended.acquire(timeout=120)
    engine.stop()
    assert sum(watched.sizes) == 300
    # 300 is nine full batches and one of twelve; the callers' pauses may cost two more.
    assert len(watched.sizes) <= 12
