"""How many errors a run may have before it is stopped, since it is going wrong."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from promptlab.errors import UsageError

LEAST_ENDED = 20
"""How many cells have to have ended before a fraction of them says anything."""


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """So many errors, or such a fraction of the cells that have ended; exactly one of the two is set.

    count: from 0. fraction: above 0 and below 1.
    """

    count: int | None = None
    fraction: float | None = None

    @classmethod
    def parse(cls, text: str) -> ErrorLimit:
        """The limit that `--max-errors` names: `0` and whole numbers are counts, what lies between 0 and 1 a fraction.

        Raises UsageError for anything else, and for `1.0`, which could mean one error or all of them.
        """
        try:
            return cls.of(int(text))
        except ValueError:
            pass
        try:
            return cls.of(float(text))
        except ValueError:
            raise _wrong(text) from None

    @classmethod
    def of(cls, number: float) -> ErrorLimit:
        """The same of a number: an int is a count, a float a fraction. Raises UsageError as `parse` does."""
        if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
            return cls(count=number)
        if isinstance(number, float) and 0 < number < 1:
            return cls(fraction=number)
        raise _wrong(str(number))

    def exceeded(self, errors: int, ended: int, planned: int) -> str | None:
        """Why the run is to stop, in words; None where it goes on.

        errors: of the cells that have ended. ended, planned: cells. A fraction counts once 20 cells have ended, or
        all where fewer are planned.
        """
        if self.count is not None:
            if errors <= self.count:
                return None
            allowed = "none is" if self.count == 0 else f"at most {self.count} are"
            return f"{errors} of {ended} cells ended in an error; {allowed} allowed (--max-errors {self.count})"
        # In decimals: in binary floating point, 29 would be more than 0.29 of 100.
        share = Decimal(repr(self.fraction))
        if ended < min(LEAST_ENDED, planned) or errors <= share * ended:
            return None
        return f"{errors} of {ended} cells ended in an error; at most {share} of them may (--max-errors {share})"


def _wrong(text: str) -> UsageError:
    return UsageError(
        f"--max-errors is {text!r}; it is a number of errors such as 5, or a fraction of the cells between 0 and 1 "
        "such as 0.2"
    )
