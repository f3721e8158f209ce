"""Every error that promptlab raises on purpose.

    PromptlabError
    ├── UsageError                the user's mistake: one clear line, exit code 2
    │   ├── WorkspaceError        a folder or promptlab.toml that cannot be used
    │   ├── PromptError           a prompt file or reference
    │   │   ├── PromptNotFoundError
    │   │   └── TemplateError     a template that does not compile or render
    │   │       ├── UndefinedVariableError
    │   │       └── TemplateLimitError     too much time, memory or text
    │   ├── SuiteError            a suite file or its cases
    │   ├── EvaluatorError        an unknown evaluator or option
    │   ├── ModelError            a base model that is not there or cannot be used
    │   │   ├── MissingKeyError
    │   │   └── MissingPackageError
    │   ├── DatabaseError         a database that cannot be opened
    │   │   └── NewerDatabaseError
    │   ├── RunNotFoundError
    │   ├── FilterError           a search of runs that cannot be read; shows the place
    │   └── ComparisonError       runs that cannot be compared
    └── CallError                 one call to a base model failed: a stored row, never a crashed run

A message names the thing, the value and the remedy. No key, no traceback.
"""

from __future__ import annotations

from typing import Self

from promptlab.types import ErrorStatus


class PromptlabError(Exception):
    """The root: catch it to catch all that promptlab raises on purpose."""


class UsageError(PromptlabError):
    """A mistake that the user can mend; found before anything is lost."""


class WorkspaceError(UsageError):
    """A folder that cannot be read or written, or a promptlab.toml that is wrong."""


class PromptError(UsageError):
    """A prompt file or a prompt reference that is wrong.

    line: of the prompt file, from 1; None where it is about no line. problem: the message without file and line.
    """

    def __init__(self, message: str, *, line: int | None = None, problem: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.problem = problem or message

    @classmethod
    def at(cls, where: str, line: int, problem: str) -> Self:
        """The error about one line: `WHERE, line N: PROBLEM`."""
        return cls(f"{where}, line {line}: {problem}", line=line, problem=problem)


class PromptNotFoundError(PromptError):
    """No such prompt, version or alias."""


class TemplateError(PromptError):
    """A template that does not compile or render."""


class UndefinedVariableError(TemplateError):
    """A template uses a variable that has no value."""

    def __init__(self, message: str, *, variable: str = "", line: int | None = None, problem: str = "") -> None:
        super().__init__(message, line=line, problem=problem)
        self.variable = variable


class TemplateLimitError(TemplateError):
    """A template that took too much time, memory or text."""


class SuiteError(UsageError):
    """A suite file or its cases are wrong; the message names file and line."""


class EvaluatorError(UsageError):
    """An evaluator or an option of one that does not exist."""


class ModelError(UsageError):
    """A base model that is not there or cannot be used as asked."""


class MissingKeyError(ModelError):
    """An endpoint needs a key and its environment variable is not set."""


class MissingPackageError(ModelError):
    """An optional package is not installed; the message has the exact install command."""


class DatabaseError(UsageError):
    """A database that cannot be opened or written."""


class NewerDatabaseError(DatabaseError):
    """A database that a newer promptlab has migrated."""


class RunNotFoundError(UsageError):
    """No run has this id."""


class FilterError(UsageError):
    """A filter or an order of runs that cannot be read; the message shows the place."""


class ComparisonError(UsageError):
    """Runs that have nothing to compare."""


class CallError(PromptlabError):
    """One call to a base model that ended without an answer.

    status: one of the error statuses of a cell. retry_after: seconds the server asked to rest, or None. divisible:
    whether what was asked together may pass in parts.
    """

    def __init__(
        self, status: ErrorStatus, message: str, *, retry_after: float | None = None, divisible: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.divisible = divisible
