"""Numbers found in a text: as people and models write them, as exact decimals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any, Literal, TypeAlias

from promptlab.evaluators.base import clip

Which: TypeAlias = Literal["last", "first", "only"]
Percent: TypeAlias = Literal["number", "fraction"]

EXACT = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
"""Arithmetic that rounds results only, to 60 digits, and never raises."""
MOST_DIGITS = 1_000
LARGEST_EXPONENT = 10_000
"""What has more digits or a larger exponent is no number of any use."""
MOST_CHARACTERS = 200_000
"""Of a longer text, its beginning and its end are read."""

_TRUE_MINUS = "\u2212\ufe63\uff0d"
_MINUS = f"-\u2013{_TRUE_MINUS}"
_SIGNS = f"+\uff0b{_MINUS}"
_GAPS = "'\u2019_\u00a0\u2009\u202f"
"""Between thousands, beside the comma: apostrophes, underscore, no-break and thin spaces."""
_CHUNK = re.compile(rf"[0-9][0-9.,{_GAPS}]*")
_RAISED = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207a", "0123456789-+")
_EXPONENT = re.compile(r"[eE]([-+\u2212]?[0-9]+)")
_RAISED_BY = r"(?:\s?(?:\^|\*\*)\s?\{?([-+\u2212]?[0-9]+)\}?|([\u207b\u207a]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+))"
_POWER = re.compile(rf"\s?(?:[\u00d7x*\u00b7\u22c5]|\\times|\\cdot)\s?10{_RAISED_BY}")
_POWER_OF_TEN = re.compile(_RAISED_BY)
_PERCENT = re.compile(r"\s?\\?[%\uff05]")


def _grouped(comma: str, point: str) -> re.Pattern[str]:
    """A whole number with or without its thousands apart, the Indian way too, and what stands after the point."""
    return re.compile(
        rf"(?:[0-9]{{1,3}}(?:[{comma}{_GAPS}][0-9]{{3}})+|[0-9]{{1,2}}(?:{comma}[0-9]{{2}})+{comma}[0-9]{{3}}"
        rf"|[0-9]+(?:_[0-9]+)*)(?:{point}[0-9]+)?"
    )


_WRITTEN = {False: _grouped(",", r"\."), True: _grouped(r"\.", ",")}
_APART = {False: re.compile(r"[^0-9.]+"), True: re.compile(r"[^0-9,]+")}


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers are written. decimal_comma: `1.234,5` is 1234.5. percent: what `12%` is, 12 or 0.12."""

    decimal_comma: bool = False
    percent: Percent = "number"

    @property
    def point(self) -> str:
        """What stands before the fraction."""
        return "," if self.decimal_comma else "."


PLAIN = NumberFormat()


def numbers_in(text: str, form: NumberFormat = PLAIN) -> list[Decimal]:
    """Every number in the text, in order; of one of more than 200,000 characters, those of its first and last 100,000.

    Read are: signs, also the typographic minus; thousands between commas, apostrophes, underscores, no-break and thin
    spaces; currency signs; per cent; 1e-3, 1.5 x 10^3. No number is what follows a letter, as in `x1` or `GPT-4`, and
    what has several points, as in `1.2.3`. A hyphen after a digit is no sign: `3-5` is 3 and 5.
    """
    if len(text) > MOST_CHARACTERS:
        text = f"{text[: MOST_CHARACTERS // 2]} {text[-MOST_CHARACTERS // 2 :]}"
    text = text if text.isascii() else "".join(map(_ascii_digit, text))
    found: list[Decimal] = []
    end = 0
    for chunk in _CHUNK.finditer(text):
        start = chunk.start()
        if start < end:
            continue
        digits = chunk[0].rstrip(f".,{_GAPS}")
        end = start + len(digits)
        if digits.isdigit() and text[start - 1 : start] == form.point and not _is_word(text[max(start - 2, 0)], "."):
            digits, start = f"0{form.point}{digits}", start - 1
        sign = _sign_before(text, start)
        if sign is None:
            continue
        power_of_ten = digits == "10" and _POWER_OF_TEN.match(text, end) is not None
        exponent, end = _exponent_after(text, end, (_POWER_OF_TEN,) if power_of_ten else (_EXPONENT, _POWER))
        parts = _parts("1" if power_of_ten else digits, form)
        if form.percent == "fraction" and _PERCENT.match(text, end):
            exponent -= 2
        for place, part in enumerate(parts):
            power = exponent if place == len(parts) - 1 else 0
            if part and len(part) <= MOST_DIGITS and abs(power) <= LARGEST_EXPONENT:
                number = Decimal(part).scaleb(power, EXACT) if power else Decimal(part)
                found.append(number.copy_negate() if sign == "-" and place == 0 else number)
    return found


def choose(numbers: Sequence[Decimal], which: Which) -> Decimal:
    """The number that counts. Raises ValueError that says why there is none."""
    if not numbers:
        raise ValueError("no number")
    several = list(dict.fromkeys(numbers))
    if which == "only" and len(several) > 1:
        shown = ", ".join(shown_number(number) for number in several[:4])
        raise ValueError(f"{len(several)} numbers, {shown}{', …' if len(several) > 4 else ''}")
    return numbers[-1] if which == "last" else numbers[0]


def expected_numbers(expected: Any, which: Which, form: NumberFormat = PLAIN) -> list[Decimal]:
    """The numbers that `expected` accepts: a number, a text with one, or a list of these; empty where there is none.

    Raises ValueError for one without a number.
    """
    if expected is None:
        return []
    items = [item for item in expected if item is not None] if isinstance(expected, list | tuple) else [expected]
    return [_expected(item, which, form) for item in items]


def shown_number(number: Decimal) -> str:
    """The number for people."""
    text = format(number, "f") if -20 < number.adjusted() < 20 else format(number, "g")
    return clip(text, 40)


def _expected(item: Any, which: Which, form: NumberFormat) -> Decimal:
    if isinstance(item, int | float) and not isinstance(item, bool):
        number = Decimal(repr(item)) if isinstance(item, float) else Decimal(item)
        if number.is_finite():
            return number
    elif isinstance(item, str):
        try:
            return choose(numbers_in(item, form), which)
        except ValueError as error:
            raise ValueError(f"`expected` is {clip(repr(item), 60)}, which has {error}") from error
    raise ValueError(f"`expected` is {clip(repr(item), 60)}; it is a number, or a text with one")


def _ascii_digit(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else character


def _is_word(character: str, more: str = "") -> bool:
    return character.isalnum() or character in f"_{more}"


def _sign_before(text: str, start: int) -> str | None:
    """`-` or empty for the number that starts there; None for digits that are part of a name, as in `x1` or `GPT-4`."""
    place = start - 1
    sign = ""
    if place >= 0 and text[place] in _SIGNS:
        sign, place = text[place], place - 1
    money = place - 1 if place > 0 and text[place] == " " else place
    is_money = money >= 0 and unicodedata.category(text[money]) == "Sc"
    if is_money:
        place = money - 1 if money == 0 or text[money - 1] != "\\" else money - 2
        if not sign and place >= 0 and text[place] in _SIGNS:
            sign, place = text[place], place - 1
    elif not sign and place >= 1 and text[place] == "_":  # emphasis in Markdown, or a name
        place -= 2 if text[place - 1] == "_" else 1
    before = text[place] if place >= 0 else " "
    if not is_money and sign in ("", "-", "+") and before.isascii() and before.isalpha():
        return None
    return "-" if sign and sign in _MINUS and not _is_word(before, f"){_SIGNS}") else ""


def _exponent_after(text: str, end: int, patterns: Sequence[re.Pattern[str]]) -> tuple[int, int]:
    """The power of ten that stands after the digits, and where it ends; 0 where there is none."""
    for pattern in patterns:
        found = pattern.match(text, end)
        if found:
            digits = next(group for group in found.groups() if group).translate(_RAISED).replace("\u2212", "-")
            return int(digits) if len(digits) < 8 else LARGEST_EXPONENT + 1, found.end()
    return 0, end


def _parts(digits: str, form: NumberFormat) -> list[str]:
    """The numbers that a run of digits and separators stands for, as Decimal reads them; empty for what is none."""
    if _WRITTEN[form.decimal_comma].fullmatch(digits):
        whole, _, fraction = digits.partition(form.point)
        return ["".join(filter(str.isdigit, whole)) + (f".{fraction}" if fraction else "")]
    parts = _APART[form.decimal_comma].split(digits)
    return [part.replace(",", ".") if part.count(form.point) <= 1 else "" for part in parts]
