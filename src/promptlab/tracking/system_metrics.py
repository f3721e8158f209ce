"""What a machine and this process are busy with, measured now and then while runs are open.

CPU is in percent of one core for the process with its children, of the whole machine otherwise; memory in percent of
the machine's, and in megabytes (10^6 bytes) of resident memory for the process. GPUs need `nvidia-ml-py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from promptlab.store.metrics import SYSTEM_PREFIX


class SystemSampler:
    """Measures in turn; CPU figures are of the time since the last measurement. Owned by one thread."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        self._known: dict[int, Any] = {}
        self._gpus = _Gpus()
        psutil.cpu_percent(None)
        self._process.cpu_percent(None)

    def measure(self) -> dict[str, float]:
        """The value of each measure by its name, such as `system/cpu_percent`."""
        psutil = self._psutil
        memory = psutil.virtual_memory()
        cpu_percent, resident = self._tree()
        return {
            f"{SYSTEM_PREFIX}cpu_percent": psutil.cpu_percent(None),
            f"{SYSTEM_PREFIX}memory_percent": memory.percent,
            f"{SYSTEM_PREFIX}process_cpu_percent": cpu_percent,
            f"{SYSTEM_PREFIX}process_memory_mb": resident / 1e6,
            **self._gpus.measure(),
        }

    def _tree(self) -> tuple[float, int]:
        """CPU in percent of a core and resident bytes of this process and its children."""
        psutil = self._psutil
        known: dict[int, Any] = {}
        cpu_percent, resident = 0.0, 0
        for process in (self._process, *self._process.children(recursive=True)):
            same = self._known.get(process.pid, process)
            # A child may be gone by now, or belong to somebody else.
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                cpu_percent += same.cpu_percent(None)
                resident += same.memory_info().rss
                known[process.pid] = same
        self._known = known
        return cpu_percent, resident


class _Gpus:
    """NVIDIA's GPUs, where there are any and their library is installed."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._nvml: Any = None
        try:
            import pynvml
        except ImportError:
            return
        # Without a driver the library loads and then says so: there is nothing to measure.
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
            self._nvml = pynvml

    def measure(self) -> dict[str, float]:
        return dict(self._values()) if self._handles else {}

    def _values(self) -> Iterator[tuple[str, float]]:
        for index, handle in enumerate(self._handles):
            # A GPU may not tell one of them (MIG, old drivers); the others still count.
            with contextlib.suppress(self._nvml.NVMLError):
                yield f"{SYSTEM_PREFIX}gpu_{index}_percent", float(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
            with contextlib.suppress(self._nvml.NVMLError):
                yield f"{SYSTEM_PREFIX}gpu_{index}_memory_mb", self._nvml.nvmlDeviceGetMemoryInfo(handle).used / 1e6
