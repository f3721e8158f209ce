"""Which local models have their weights in memory: one at a time, unless several fit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from promptlab.models.local_memory import free_bytes

_LOOK_SECONDS = 0.1


class Tenant(Protocol):
    """What has weights, or can load them. Its methods are called from threads of other tenants too."""

    def needed_bytes(self) -> int | None:
        """What loading takes, with room to work; None where nobody knows before."""

    def held_bytes(self) -> int:
        """What unloading would free; 0 while nothing is loaded."""

    def load(self) -> None:
        """Load the weights; what it raises goes to who wanted to use them."""

    def unload(self) -> None:
        """Give the weights back. Called only while the tenant is not used."""


def to_unload(needed: int | None, *, free: int, idle: Sequence[int]) -> int | None:
    """How many of the idle tenants have to go, from the front, before `needed` bytes fit; None: not even all do.

    idle: what each would free, the least recently used first. needed: None, which is unknown, takes all of them.
    Example: to_unload(5, free=3, idle=[1, 2, 4]) -> 2
    """
    if needed is None:
        return len(idle)
    for count in range(len(idle) + 1):
        if needed <= free + sum(idle[:count]):
            return count
    return None


class Residency:
    """Decides which tenants are loaded. They are let in in the order they ask.

    free: how many bytes could be allocated now.
    """

    def __init__(self, free: Callable[[], int] = free_bytes) -> None:
        self._free = free
        self._changed = threading.Condition()
        self._asking: list[Tenant] = []
        self._loaded: list[Tenant] = []
        self._used: list[Tenant] = []

    @property
    def contested(self) -> bool:
        """True while somebody waits to be let in: who has been in for long should leave for a moment."""
        return bool(self._asking)

    @contextlib.contextmanager
    def use(self, tenant: Tenant, *, wanted: Callable[[], bool]) -> Iterator[bool]:
        """The tenant loaded, and not unloaded inside. Gives False, and nothing loaded, once it is not wanted any more.

        Where it does not fit beside what is loaded, idle tenants are unloaded, the least recently used first, and used
        ones waited for. One that fits nowhere is loaded alone: the estimate may be too high. Raises what load raises.
        """
        if not self._enter(tenant, wanted):
            yield False
            return
        try:
            yield True
        finally:
            with self._changed:
                self._used.remove(tenant)
                self._changed.notify_all()

    def release(self, tenant: Tenant) -> None:
        """Unload the tenant if it is idle."""
        with self._changed:
            if tenant in self._loaded and tenant not in self._used and tenant not in self._asking:
                self._unload(tenant)

    def _enter(self, tenant: Tenant, wanted: Callable[[], bool]) -> bool:
        with self._changed:
            self._asking.append(tenant)
        try:
            with self._changed:
                while wanted() and not (self._asking[0] is tenant and self._make_room(tenant)):
                    self._changed.wait(_LOOK_SECONDS)
                if not wanted():
                    return False
            # Outside the lock, so that others can leave; none can come in, since this one is still the first to ask.
            if tenant not in self._loaded:
                tenant.load()
            with self._changed:
                # To the end: the order is that of their last use.
                self._loaded = [*(other for other in self._loaded if other is not tenant), tenant]
                self._used.append(tenant)
            return True
        finally:
            with self._changed:
                self._asking.remove(tenant)
                self._changed.notify_all()

    def _make_room(self, tenant: Tenant) -> bool:
        """Whether the tenant may be loaded now; unloads others for it."""
        if tenant in self._loaded:
            return True
        idle = [other for other in self._loaded if other not in self._used]
        held = [other.held_bytes() for other in idle]
        count = to_unload(tenant.needed_bytes(), free=self._free(), idle=held)
        if count is None and self._used:
            return False
        for other in idle[:count]:
            self._unload(other)
        return True

    def _unload(self, tenant: Tenant) -> None:
        self._loaded.remove(tenant)
        tenant.unload()
