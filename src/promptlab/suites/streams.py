"""Cases that are gone through again and again and never all held: from their file, or from a copy that was kept."""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
import threading
import weakref
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, overload

from promptlab.errors import SuiteError
from promptlab.suites.cases import Reading
from promptlab.types import Case


class CaseStream(Sequence[Case]):
    """Cases in their order, read whenever they are gone through.

    input_names: of all cases together. with_evaluators: the cases that have evaluators of their own.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.input_names: tuple[str, ...] = ()
        self.with_evaluators: tuple[Case, ...] = ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __iter__(self) -> Iterator[Case]: ...

    @overload
    def __getitem__(self, place: int) -> Case: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Case]: ...

    def __getitem__(self, place: int | slice) -> Case | Sequence[Case]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            if step > 0:
                return tuple(itertools.islice(self, start, stop, step))
            return tuple(self)[place]
        index = place + len(self) if place < 0 else place
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name}: no case {place} of {len(self)}")
        return next(itertools.islice(self, index, None))

    def _note(self, cases: Iterable[Case]) -> Iterator[Case]:
        """The cases as they are, noting what there is to know of all of them on the way."""
        names: dict[str, None] = {}
        own: list[Case] = []
        for case in cases:
            names.update(dict.fromkeys(case.inputs))
            if case.evaluators:
                own.append(case)
            yield case
        self.input_names, self.with_evaluators = tuple(names), tuple(own)


class CaseFile(CaseStream):
    """The cases of files that have been checked, read again from them; raises SuiteError where these have changed."""

    def __init__(self, reading: Reading, *, limit: int | None = None) -> None:
        """limit: only the first so many, though all are checked."""
        super().__init__(reading.name)
        self._reading = reading
        self._rows = 0
        cases = reading.cases()
        for _ in self._note(itertools.islice(cases, limit)):
            self._rows += 1
        for _ in cases:
            pass

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Case]:
        found = 0
        for case in itertools.islice(self._reading.cases(unique=False), self._rows):
            found += 1
            yield case
        if found < self._rows:
            raise SuiteError(f"{self.name}: had {self._rows} cases and has {found} now; start again")


class CaseCopy(CaseStream):
    """Cases kept in a temporary file that goes away with the object: of what gives other ones the next time, or few."""

    def __init__(self, cases: Iterable[Case], *, name: str) -> None:
        super().__init__(name)
        self._kept = Kept()
        self._places = array("q", (self._kept.add(case) for case in self._note(cases)))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Case]:
        yield from self._kept.read(self._places)

    @overload
    def __getitem__(self, place: int) -> Case: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Case]: ...

    def __getitem__(self, place: int | slice) -> Case | Sequence[Case]:
        if isinstance(place, int) and -len(self) <= place < len(self):
            return next(self._kept.read([self._places[place]]))
        return super().__getitem__(place)


class Kept:
    """Cases in a temporary file without a name, each found again by its place in it. Safe to share between threads."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="promptlab-cases-")  # noqa: SIM115 - as long as this lives
        weakref.finalize(self, self._file.close)
        self._end = 0
        self._at_end = True
        self._lock = threading.Lock()

    def add(self, case: Case) -> int:
        """The place where the case is now. Raises SuiteError where the disk has no room for it."""
        row = [case.key, case.inputs, case.expected, case.metadata, case.evaluators]
        line = json.dumps(row).encode("ascii") + b"\n"
        with self._lock, _on_disk():
            place = self._end
            if not self._at_end:
                self._file.seek(place)
            self._file.write(line)
            self._at_end = True
            self._end += len(line)
        return place

    def read(self, places: Iterable[int]) -> Iterator[Case]:
        """The cases at these places."""
        for place in places:
            with self._lock, _on_disk():
                self._at_end = False
                self._file.seek(place)
                line = self._file.readline()
            key, inputs, expected, metadata, evaluators = json.loads(line)
            yield Case(key, inputs, expected, metadata, tuple(evaluators))


@contextlib.contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        folder = tempfile.gettempdir()
        raise SuiteError(
            f"the cases cannot be kept in {folder}: {error.strerror}; name another folder with TMPDIR"
        ) from error
