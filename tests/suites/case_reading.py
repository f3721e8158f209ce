"""What tests of cases share: cases of a `cases:` value, and the one line that a mistake gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import UsageError
from promptlab.suites.load import suite_from_mapping
from promptlab.suites.model import Suite
from promptlab.suites.selection import CaseChoice
from promptlab.types import Case


def suite_of(folder: Path, cases: Any, /, **choice: Any) -> Suite:
    """A suite of these cases, as if it stood in a folder."""
    return suite_from_mapping({"cases": cases}, folder=folder, name="the-suite", choice=CaseChoice(**choice))


def cases_of(folder: Path, cases: Any, /, **choice: Any) -> list[Case]:
    """Its cases; gone through twice, they are the same."""
    found = suite_of(folder, cases, **choice).cases
    assert list(found) == list(found)
    assert len(found) == len(list(found))
    return list(found)


def refusal(folder: Path, cases: Any, /, **choice: Any) -> str:
    """The one line that these cases are refused with."""
    with pytest.raises(UsageError) as caught:
        suite_of(folder, cases, **choice)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    return message
