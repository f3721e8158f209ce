"""How much memory there is, and how much of it weights and batches of a local model take: arithmetic, in bytes."""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptlab.models.prefixes import Shape

BATCH_SHARE = 0.5
"""Of the memory that is free a batch may take so much: the estimate is one, and other programs grow too."""

WORKING_ROOM_BYTES = 512 << 20
"""Beside the weights, what a small batch, a kept prefix and the libraries themselves take."""

SCORE_BYTES = 32 << 20
"""Attention to a shared prefix is computed for so many rows at a time that their scores fit in this."""

_UNKNOWN_FREE_BYTES = 4 << 30
_NO_LIMIT = 1 << 60
_HEADER_LIMIT = 100_000_000


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model's batches are made of.

    token_bytes: keys and values of one token in all layers. activation_bytes: what a new token takes while one layer
    is computed. layers, heads, vocabulary: numbers. item_bytes: of one weight. shares: whether the rows of a batch
    look at one copy of their prefix, or each at its own.
    """

    token_bytes: int
    activation_bytes: int
    layers: int
    heads: int
    vocabulary: int
    item_bytes: int
    shares: bool

    def batch_bytes(self, shape: Shape) -> int:
        """The most that a batch takes at one time, about: keys and values, activations, masks, scores and logits."""
        rows, own, total = shape.rows, shape.own, shape.shared + shape.own + shape.new
        kept = rows * (own + shape.new) if self.shares else rows * total
        # A layer that grows by a token is copied, and its heads are repeated for their queries: two layers more.
        cached = kept * self.token_bytes * (self.layers + 2) // self.layers
        # Two kinds of attention need two masks; each is made from pieces of about its size.
        masks = 4 * rows * own * (shape.shared + own) * self.item_bytes
        scores = rows * self.heads * own * own * self.item_bytes
        if self.shares and shape.shared:
            scores += max(SCORE_BYTES, self.heads * own * shape.shared * self.item_bytes)
        logits = 3 * rows * self.vocabulary * 4
        return cached + rows * own * self.activation_bytes + masks + scores + logits


def footprint_of(config: Any, *, item_bytes: int, shares: bool) -> Footprint:
    """The footprint of a model by its transformers configuration (of the text decoder)."""
    heads: int = config.num_attention_heads
    kv_heads: int = getattr(config, "num_key_value_heads", None) or heads
    head_size: int = getattr(config, "head_dim", None) or config.hidden_size // heads
    inner: int = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    layers: int = config.num_hidden_layers
    return Footprint(
        token_bytes=layers * kv_heads * head_size * 2 * item_bytes,
        activation_bytes=(4 * config.hidden_size + 4 * heads * head_size + 3 * inner) * item_bytes,
        layers=layers,
        heads=heads,
        vocabulary=config.vocab_size,
        item_bytes=item_bytes,
        shares=shares,
    )


def weights_bytes(location: str, *, item_bytes: int) -> int | None:
    """What the safetensors files of a folder take once loaded, each number in item_bytes; None for no such folder.

    Only their headers are read. A header that is broken counts with its file's size: loading will say what is wrong.
    """
    folder = Path(location)
    if not folder.is_dir():
        return None
    return sum(_file_bytes(path, item_bytes) for path in folder.glob("*.safetensors"))


def free_bytes() -> int:
    """What can still be allocated where local models run: on the CUDA device where there is one, else here."""
    # A process that has not imported torch cannot have anything on a device.
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        # What torch has taken and not given out is free to this process.
        return int(free) + int(torch.cuda.memory_reserved() - torch.cuda.memory_allocated())
    return free_host_bytes()


def free_host_bytes(root: Path = Path("/")) -> int:
    """The memory that this machine, or the container around this process, can still give.

    root: where /proc and /sys are, for tests. On systems without them psutil says, where it is installed, else 4 GiB
    are taken for granted.
    """
    free = _meminfo(root)
    if free is None:
        try:
            # By name, since it has no types.
            psutil = importlib.import_module("psutil")
        except ImportError:
            return _UNKNOWN_FREE_BYTES
        free = int(psutil.virtual_memory().available)
    return max(0, min(free, _cgroup(root)))


def is_memory_error(error: BaseException) -> bool:
    """Whether this is how Python or torch says that there is no memory left."""
    # torch's allocator for the CPU raises a plain RuntimeError.
    return isinstance(error, MemoryError) or any(
        words in str(error).lower() for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def give_back() -> None:
    """Return what nobody uses any more to the system: cycles, torch's cache on a device, the C library's."""
    import gc

    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        import ctypes

        # glibc keeps freed blocks of some megabytes, which many weights are. Other C libraries have no such call.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _file_bytes(path: Path, item_bytes: int) -> int:
    size = path.stat().st_size
    try:
        with path.open("rb") as source:
            length = int.from_bytes(source.read(8), "little")
            if length > min(size, _HEADER_LIMIT):
                return size
            header = json.loads(source.read(length))
        return sum(math.prod(entry["shape"]) * item_bytes for name, entry in header.items() if name != "__metadata__")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return size


def _meminfo(root: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _cgroup(root: Path) -> int:
    """What the tightest control group around this process leaves; a very large number without one."""
    free = _NO_LIMIT
    with contextlib.suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                base = root / "sys/fs/cgroup/memory"
            else:
                continue
            # In a container the path is often the host's, of which only the root is to be seen.
            inner = base / path.strip("/")
            for folder in (inner, *inner.parents):
                if folder.is_relative_to(base):
                    free = min(free, _group_free(folder, *names))
    return free


def _group_free(folder: Path, limit_name: str, used_name: str, cached_name: str) -> int:
    try:
        limit = (folder / limit_name).read_text(encoding="ascii").strip()
        if limit == "max" or int(limit) >= _NO_LIMIT:
            return _NO_LIMIT
        used = int((folder / used_name).read_text(encoding="ascii"))
        cached = 0
        for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{cached_name} "):
                cached = int(line.split()[1])
        return max(0, int(limit) - used + cached)
    except (OSError, ValueError):
        return _NO_LIMIT
