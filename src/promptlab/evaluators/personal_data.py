"""Personal data that can be told by its form: email, phone, credit card, IBAN, IP address, social security number."""

from __future__ import annotations

import bisect
import functools
import ipaddress
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from promptlab.evaluators.normalising import well_formed

Kind: TypeAlias = Literal["email", "phone", "credit_card", "iban", "ip", "ssn"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_CHARACTERS = 1_000_000
MOST_FOUND = 1000
"""Of each kind; of an output with more, no more are looked for."""

_NOT_COMPARED = re.compile(r"[^\w@.]+")

# Boundaries and lengths are bounded, and RE2 takes linear time.
_EMAIL = r"\b[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"
_CARD = r"\b[2-6][0-9](?:[ -]?[0-9]){11,17}\b"
_IBAN = r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}\b"
_IPV4 = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
_IPV6 = r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
_SSN = r"\b[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}\b"

_CARD_NUMBER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|62\d{14,17}|(?:50|5[6-9]|6[37])\d{12,17}"
)
"""Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay, Maestro: the prefixes of ISO/IEC 7812."""


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data and where it stands, counted from 0."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)

    @property
    def masked(self) -> str:
        """The first and the last character, all between hidden."""
        return f"{self.text[0]}***{self.text[-1]}"


def find_personal_data(text: str, kinds: Collection[Kind], *, region: str, allow: Sequence[str] = ()) -> list[Found]:
    """What is found of these kinds, in the order of the text; no character belongs to two of them.

    region: whose phone numbers need no country code. allow: texts that do not count. Raises ValueError for a text of
    more than a million characters.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"the output has {len(text):,} characters; up to {MOST_CHARACTERS:,} are checked")
    text = well_formed(text)
    allowed = {_compared(item) for item in allow}
    found: list[Found] = []
    # With phone numbers all kinds: what is a card number is none, whether anybody looks for cards or not.
    needed = _FINDERS if "phone" in kinds else {kind: _FINDERS[kind] for kind in _FINDERS if kind in kinds}
    for finder in needed.values():
        taken = sorted((one.start, one.end) for one in found)
        fresh = (one for one in finder(text, region) if not _is_taken(taken, one))
        found.extend(itertools.islice(fresh, MOST_FOUND))
    wanted = (one for one in found if one.kind in kinds and _compared(one.text) not in allowed)
    return sorted(wanted, key=lambda one: one.start)


def _compared(text: str) -> str:
    """The text without spaces and marks, in lower case."""
    return _NOT_COMPARED.sub("", text).lower()


def _is_taken(taken: Sequence[tuple[int, int]], one: Found) -> bool:
    """Whether what was found overlaps one of these places, which are in order and apart."""
    place = bisect.bisect_left(taken, (one.end, 0))
    return place > 0 and taken[place - 1][1] > one.start


def _emails(text: str, _: str) -> Iterator[Found]:
    for match in _compiled(_EMAIL).finditer(text):
        yield Found("email", match.group(), match.start())


def _ibans(text: str, _: str) -> Iterator[Found]:
    from stdnum import iban

    for match in _compiled(_IBAN).finditer(text):
        candidate, start = match.group(), match.start()
        for begin in _groups(candidate):
            length = _iban_length(candidate[begin : begin + 2])
            end = _end_of(candidate, begin, length) if length else None
            if end is not None and iban.is_valid(candidate[begin:end], check_country=False):
                yield Found("iban", candidate[begin:end], start + begin)
                break


def _cards(text: str, _: str) -> Iterator[Found]:
    from stdnum import luhn

    for match in _compiled(_CARD).finditer(text):
        candidate, start = match.group(), match.start()
        for begin, end in itertools.product(_groups(candidate), reversed(_group_ends(candidate))):
            digits = "".join(filter(str.isdigit, candidate[begin:end]))
            if _CARD_NUMBER.fullmatch(digits) and len(set(digits)) > 1 and luhn.is_valid(digits):
                yield Found("credit_card", candidate[begin:end], start + begin)
                break


def _addresses(text: str, _: str) -> Iterator[Found]:
    for match in _compiled(_IPV4).finditer(text):
        before, after = text[max(match.start() - 1, 0) : match.start()], text[match.end() : match.end() + 2]
        longer = before == "." or (after[:1] == "." and after[1:].isdigit())
        if not longer and _is_address(match.group()):
            yield Found("ip", match.group(), match.start())
    for match in _compiled(_IPV6).finditer(text):
        around = text[max(match.start() - 1, 0) : match.start()] + text[match.end() : match.end() + 1]
        groups = sum(map(bool, match.group().split(":")))
        if groups > 2 and not any(one.isalnum() or one in ":_" for one in around) and _is_address(match.group()):
            yield Found("ip", match.group(), match.start())


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _social_security(text: str, _: str) -> Iterator[Found]:
    from stdnum.us import ssn

    for match in _compiled(_SSN).finditer(text):
        if ssn.is_valid(match.group().replace(" ", "-")):
            yield Found("ssn", match.group(), match.start())


def _phones(text: str, region: str) -> Iterator[Found]:
    import phonenumbers

    for match in phonenumbers.PhoneNumberMatcher(text, region):
        yield Found("phone", match.raw_string, match.start)


_FINDERS: Mapping[Kind, Callable[[str, str], Iterator[Found]]] = {
    "email": _emails,
    "iban": _ibans,
    "credit_card": _cards,
    "ip": _addresses,
    "ssn": _social_security,
    "phone": _phones,
}
"""In the order in which they look: what one finds is left out by those after it."""


def _groups(candidate: str) -> list[int]:
    """Where the groups of a number begin that is written with spaces or hyphens."""
    return [0, *(place + 1 for place, one in enumerate(candidate) if one in " -")]


def _group_ends(candidate: str) -> list[int]:
    return [*(place for place, one in enumerate(candidate) if one in " -"), len(candidate)]


def _end_of(candidate: str, begin: int, length: int) -> int | None:
    """Where so many letters and digits end; None where there are fewer, or where more follow at once."""
    places = [place for place, one in enumerate(candidate) if place >= begin and one not in " -"]
    if len(places) < length:
        return None
    end = places[length - 1] + 1
    return end if end == len(candidate) or candidate[end] in " -" else None


@functools.lru_cache(maxsize=1000)
def _iban_length(country: str) -> int | None:
    """How long the IBANs of a country are; None where it has none."""
    from stdnum import numdb

    for _, properties in numdb.get("iban").info(country):
        if "bban" in properties:
            return 4 + sum(int(number) for number in re.findall(r"[0-9]+", properties["bban"]))
    return None


@functools.cache
def _compiled(pattern: str) -> Any:
    import re2

    return re2.compile(pattern)
