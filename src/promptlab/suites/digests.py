"""Digests of cases: what they say, one by one and together, in one pass that holds one of them at a time."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from promptlab.prompts.digest import canonical_json
from promptlab.suites.schema import Field, SchemaReader
from promptlab.types import Case

_BYTES = 32


def inputs_digest(case: Case) -> str:
    """SHA-256, hex, of a case's inputs: what cases pair and resume by."""
    return _digest(case.inputs)


def case_digest(case: Case) -> str:
    """SHA-256, hex, of a case's inputs, expected and metadata; its key and its place are the data set's."""
    return _digest({"inputs": case.inputs, "expected": case.expected, "metadata": case.metadata})


@dataclass(frozen=True, slots=True)
class CasesDigest:
    """digest: SHA-256, hex, of cases with their keys and evaluators, in their order. rows: how many there are.

    schema: the fields that they have, with their types.
    """

    digest: str
    rows: int
    _cases: array[int]
    schema: tuple[Field, ...] = ()

    def case(self, place: int) -> str:
        """The digest of the case at a place, from 0."""
        return self._cases[place * _BYTES : (place + 1) * _BYTES].tobytes().hex()


def digest_cases(cases: Iterable[Case]) -> CasesDigest:
    """The digests of all cases; what is hashed is the canonical JSON of the whole list, piece by piece."""
    schema = SchemaReader()
    whole = hashlib.sha256(b"[")
    digests = array("B")
    rows = 0
    for rows, case in enumerate(cases, start=1):
        digest = case_digest(case)
        schema.read(case)
        digests.frombytes(bytes.fromhex(digest))
        entry = canonical_json([case.key, digest, list(case.evaluators)])
        whole.update((entry if rows == 1 else f",{entry}").encode("ascii"))
    whole.update(b"]")
    return CasesDigest(whole.hexdigest(), rows, digests, schema.fields())


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()
