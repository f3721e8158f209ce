"""Which cases are taken: filters on what they say, a sample that stays the same, the first so many."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import SuiteError
from promptlab.spelling import nearest
from promptlab.suites.cases import tags_of
from promptlab.suites.columns import written
from promptlab.suites.digests import inputs_digest
from promptlab.suites.rows import shown
from promptlab.suites.streams import CaseCopy, CaseStream, Kept
from promptlab.types import Case

FIELDS = ("id", "expected", "tags", "inputs.NAME", "metadata.NAME")
_NULL = written(None)
_MOST_SEEN, _MOST_SAID = 1000, 20
"""How many values of a field are remembered, and named, in the message that none of them was the wanted one."""


_MOST_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Sample:
    """n cases, the same ones for the same seed, whatever else is in the data set later."""

    n: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Selection:
    """Of some cases those that are taken, in their order.

    where: by field the values of which a case has one, as they are written; every field has to hold. Fields are `id`,
    `expected`, `tags`, `inputs.x` and `metadata.x`. keys: ids of cases, all of which have to be there. sample, first:
    of what is left.
    """

    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    sample: Sample | None = None
    first: int | None = None

    def __bool__(self) -> bool:
        return bool(self.where or self.keys or self.sample or self.first)

    @property
    def said(self) -> str:
        """The selection for people: `where metadata.level=hard; first 20`; empty where all are taken."""
        parts = [f"where {name}={'|'.join(values)}" for name, values in self.where.items()]
        parts += [f"id={'|'.join(self.keys)}"] if self.keys else []
        parts += [f"sample of {self.sample.n}, seed {self.sample.seed}"] if self.sample else []
        parts += [f"first {self.first}"] if self.first else []
        text = "; ".join(parts)
        return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


@dataclass(frozen=True, slots=True)
class CaseChoice:
    """Which cases an evaluation takes, beyond what its suite says of them.

    cases: in place of the suite's own: whatever may stand under `cases`, also a data frame or Case values. where: by
    field a value or several. tags: of which a case has one. keys: ids. limit: only the first so many of what is left.
    """

    cases: Any = None
    where: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    limit: int | None = None

    def __bool__(self) -> bool:
        return self.cases is not None or bool(self.where or self.tags or self.keys or self.limit is not None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; of cases that were given only that they were."""
        where = {name: list(values) for name, values in make_where(self.where, place="where").items()}
        return {
            "given": self.cases is not None,
            "where": where,
            "tags": list(self.tags),
            "keys": list(self.keys),
            "limit": self.limit,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CaseChoice:
        """What `to_json` gave; cases that were given are none now."""
        return cls(
            cases=() if content["given"] else None,
            where=content["where"],
            tags=tuple(content["tags"]),
            keys=tuple(content["keys"]),
            limit=content["limit"],
        )

    def selection(self, *, place: str) -> Selection:
        """The choice as a selection; raises SuiteError that begins with `place`."""
        if self.limit is not None and self.limit < 1:
            raise SuiteError(f"{place}: the limit is {self.limit}; it is a whole number from 1")
        where = make_where(self.where, place=place)
        if self.tags:
            where["tags"] = tuple(dict.fromkeys((*where.get("tags", ()), *self.tags)))
        return Selection(where=where, keys=tuple(dict.fromkeys(self.keys)), first=self.limit)


ALL_CASES = CaseChoice()


def make_where(where: Mapping[str, Any], *, place: str) -> dict[str, tuple[str, ...]]:
    """The filters of a mapping from fields to a value or several. Raises SuiteError that begins with `place`."""
    filters: dict[str, tuple[str, ...]] = {}
    for name, wanted in where.items():
        if name not in ("id", "expected", "tags") and not _named(name):
            raise SuiteError(
                f"{place}: cases have no field {name!r}; fields are {', '.join(FIELDS)}, such as `metadata.{name}`"
            )
        values = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
        if not values:
            raise SuiteError(f"{place}: `{name}` has no values to look for; list some, or leave it out")
        if any(isinstance(value, Mapping | list | tuple) for value in values):
            raise SuiteError(f"{place}: `{name}` is {shown(wanted)}; it is a value or a list of values")
        filters[name] = tuple(dict.fromkeys(written(value) for value in values))
    return filters


def select(cases: Sequence[Case], selection: Selection, *, name: str) -> Sequence[Case]:
    """The cases that a selection takes, a tuple of a tuple; never more than those it takes are kept.

    name: how messages call the cases. Raises SuiteError where none is left, and says what there is.
    """
    if not selection:
        return cases
    looking = _Looking(selection, name)
    found = looking.matching(cases)
    chosen: Sequence[Case]
    if selection.sample is not None:
        chosen = _sampled(found, selection.sample, name=name, stream=isinstance(cases, CaseStream))
    elif isinstance(cases, CaseStream):
        chosen = CaseCopy(itertools.islice(found, selection.first), name=name)
    else:
        chosen = tuple(itertools.islice(found, selection.first))
    for _ in found:  # the rest: an id that is wanted may still come
        pass
    looking.check(len(chosen))
    return chosen


class _Looking:
    """A filter at work, with what it has seen, to say what there is where it finds nothing."""

    def __init__(self, selection: Selection, name: str) -> None:
        self._where = {field: frozenset(values) for field, values in selection.where.items()}
        self._missing = dict.fromkeys(selection.keys)
        self._keys = frozenset(selection.keys)
        self._seen: dict[str, dict[str, None]] = {field: {} for field in ("id", *self._where)}
        self._held: set[str] = set()
        self._fields: dict[str, None] = {}
        self._name = name

    def matching(self, cases: Sequence[Case]) -> Iterator[Case]:
        """The cases that match."""
        for case in cases:
            if self._keys:
                self._missing.pop(case.key, None)
                _remember(self._seen["id"], case.key)
            taken = not self._keys or case.key in self._keys
            for name, wanted in self._where.items():
                values = _values(case, name)
                for value in values:
                    _remember(self._seen[name], value)
                if not values:
                    self._note_fields(case)
                holds = _NULL in wanted if not values else not wanted.isdisjoint(values)
                if holds:
                    self._held.add(name)
                taken = taken and holds
            if taken:
                yield case

    def check(self, found: int) -> None:
        """Raises SuiteError where nothing was found, or an id that was wanted was not."""
        if self._missing:
            missing = next(iter(self._missing))
            raise SuiteError(f"{self._name}: no case has the id {missing!r}{_there_is(missing, self._seen['id'])}")
        if found:
            return
        for name, wanted in self._where.items():
            seen = self._seen[name]
            if not seen:
                section, _, rest = name.partition(".")
                names = {field.partition(".")[2]: None for field in self._fields if field.startswith(f"{section}.")}
                there = _there_is(rest, names) if names and rest else ""
                what = f"{rest!r} in its {section}" if rest else name
                raise SuiteError(f"{self._name}: no case has {what}{there}")
            if name not in self._held:
                said = " or ".join(repr(value) for value in sorted(wanted))
                raise SuiteError(f"{self._name}: no case has {name} {said}{_there_is(min(wanted), seen)}")
        filters = " and ".join(f"{name} {'|'.join(sorted(wanted))}" for name, wanted in self._where.items())
        raise SuiteError(f"{self._name}: no case has {filters} at once; ask for less")

    def _note_fields(self, case: Case) -> None:
        if len(self._fields) < _MOST_SEEN:
            self._fields.update(dict.fromkeys(f"inputs.{name}" for name in case.inputs))
            self._fields.update(dict.fromkeys(f"metadata.{name}" for name in case.metadata))


def _sampled(cases: Iterator[Case], sample: Sample, *, name: str, stream: bool) -> Sequence[Case]:
    """The sample, in the order of the cases; those that are in it so far are held, or kept where they are a stream.

    Each case has a number that is as good as random, made of the seed and its inputs; the n smallest are taken. So a
    data set that grows keeps nearly all of its sample.
    """
    kept = Kept() if stream else None
    smallest: list[tuple[int, int, Any]] = []  # a heap with the largest on top: numbers and places are negative
    for place, case in enumerate(cases):
        key = f"{sample.seed}:{inputs_digest(case)}".encode("ascii")
        entry = (-int.from_bytes(hashlib.sha256(key).digest()[:8], "big"), -place)
        if len(smallest) < sample.n:
            heapq.heappush(smallest, (*entry, kept.add(case) if kept else case))
        elif entry > smallest[0][:2]:
            heapq.heapreplace(smallest, (*entry, kept.add(case) if kept else case))
    chosen = [item for _, _, item in sorted(smallest, key=lambda entry: -entry[1])]
    return CaseCopy(kept.read(chosen), name=name) if kept else tuple(chosen)


def _values(case: Case, name: str) -> list[str]:
    """What a case has in a field, as it is written; several where it is a list; none where it has no such field."""
    if name == "tags":
        return list(tags_of(case))
    if name == "id":
        return [case.key]
    value: Any = case.expected
    if name != "expected":
        section, _, rest = name.partition(".")
        value = _inner(case.inputs if section == "inputs" else case.metadata, rest)
        if value is _NOTHING:
            return []
    return [written(value), *(written(item) for item in (value if isinstance(value, list) else ()))]


_NOTHING = object()


def _inner(values: Any, name: str) -> Any:
    if isinstance(values, Mapping):
        if name in values:
            return values[name]
        head, dot, rest = name.partition(".")
        if dot and head in values:
            return _inner(values[head], rest)
    return _NOTHING


def _named(name: str) -> bool:
    section, _, rest = name.partition(".")
    return section in ("inputs", "metadata") and bool(rest)


def _remember(seen: dict[str, None], value: str) -> None:
    if len(seen) < _MOST_SEEN:
        seen[value if len(value) <= 60 else value[:59] + "…"] = None


def _there_is(wanted: str, seen: Mapping[str, None]) -> str:
    """The tail of a message: what there is, some of it where it is much."""
    few: list[str] = []
    for value in itertools.islice(seen, _MOST_SAID):
        few.append(value)
        if sum(map(len, few)) > _MOST_CHARACTERS:
            break
    more = ", ..." if len(seen) > len(few) else ""
    return f"{nearest(wanted, seen) or ';'} there are: {', '.join(few)}{more}"
