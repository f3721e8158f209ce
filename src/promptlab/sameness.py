"""What two runs that are compared have in common besides their cases: what was expected, who scored, settings.

A verdict is about one thing only where all else is the same; what is not is said beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.prompts.digest import canonical_json
from promptlab.store import pairing, runs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import RunRow


@dataclass(frozen=True, slots=True)
class Sameness:
    """Two runs on the cases that both have outputs for.

    shared: how many. other_expected: of these, the ones of which another thing was expected. other_prompts: of these,
    the ones for which other messages were sent; None where one of the runs has no prompt. evaluators: names of
    evaluators that scored in both and are not the same code and parameters. settings: names of sampling settings that
    differ. prompt, model: whether both have the same prompt version, the same base model.
    """

    shared: int
    other_expected: int
    other_prompts: int | None
    evaluators: tuple[str, ...]
    settings: tuple[str, ...]
    prompt: bool
    model: bool

    @property
    def fair(self) -> bool:
        """Whether both were measured in the same way: the same expectations, by the same evaluators."""
        return not self.other_expected and not self.evaluators


def sameness(database: Database, a: str, b: str) -> Sameness:
    """What the runs with these uids have in common. Raises RunNotFoundError."""

    def read(connection: Connection) -> Sameness:
        first, second = runs.get_run(connection, a), runs.get_run(connection, b)
        cases = pairing.shared_cases(connection, first.id, second.id)
        digests = pairing.evaluator_digests(connection, [first.id, second.id])
        ours, theirs = digests[first.id], digests[second.id]
        both_prompted = first.prompt_version_id is not None and second.prompt_version_id is not None
        return Sameness(
            shared=cases.shared,
            other_expected=cases.other_expected,
            other_prompts=cases.other_rendered if both_prompted else None,
            evaluators=tuple(sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name])),
            settings=_differing(first, second),
            prompt=first.prompt_version_id == second.prompt_version_id,
            model=first.model == second.model,
        )

    return database.read(read)


def _differing(first: RunRow, second: RunRow) -> tuple[str, ...]:
    ours: Mapping[str, Any] = first.settings or {}
    theirs: Mapping[str, Any] = second.settings or {}
    return tuple(
        name for name in sorted({*ours, *theirs}) if canonical_json(ours.get(name)) != canonical_json(theirs.get(name))
    )
