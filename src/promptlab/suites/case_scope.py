"""What of cases is read when a suite is only checked: not those of a database or a hub, and none that a part lacks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.suites import case_options
from promptlab.suites.case_parts import parts_of
from promptlab.suites.document import Document
from promptlab.suites.mistakes import Report, told

_ELSEWHERE = ("sql", "huggingface")
"""Sources that are asked over a network, or that may take long."""


def leave_out_cases(document: Document, *, folder: Path, part: bool, report: Report) -> bool:
    """Whether the cases of a suite are left out; where they are from is checked all the same.

    part: of a file that others include, which needs none. Reports SuiteError.
    """
    value = document.value.get("cases")
    if value is None:
        return part
    entries = value if isinstance(value, list) else [value]
    if not any(_is_elsewhere(entry) for entry in entries):
        return False
    if isinstance(value, Mapping):
        case_options.selection(document, ("cases",), report=report)
        with told(report):
            case_options.text(document, ("cases",), "name")
    # A database that only another environment names is no mistake of the suite.
    if not any(_is_unset(entry) for entry in entries):
        with told(report):
            parts_of(document, folder, report)
    return True


def _is_elsewhere(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "inputs" not in entry and any(key in entry for key in _ELSEWHERE)


def _is_unset(entry: Any) -> bool:
    name = entry.get("url_env") if isinstance(entry, Mapping) else None
    return isinstance(name, str) and not os.environ.get(name)
