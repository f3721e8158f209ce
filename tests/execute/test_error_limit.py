import pytest

from promptlab.errors import UsageError
from promptlab.execute.error_limit import ErrorLimit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0", ErrorLimit(count=0)),
        ("5", ErrorLimit(count=5)),
        ("1", ErrorLimit(count=1)),
        ("0.2", ErrorLimit(fraction=0.2)),
        (".5", ErrorLimit(fraction=0.5)),
    ],
)
def test_whole_numbers_are_counts_and_what_lies_between_0_and_1_a_fraction(text: str, limit: ErrorLimit) -> None:
    assert ErrorLimit.parse(text) == limit


@pytest.mark.parametrize("text", ["", "many", "-1", "-0.2", "0.0", "1.0", "1.5", "5.0", "nan", "inf", "20%"])
def test_anything_else_is_refused_with_what_it_may_be(text: str) -> None:
    with pytest.raises(UsageError, match="a number of errors such as 5, or a fraction"):
        ErrorLimit.parse(text)


@pytest.mark.parametrize("wrong", [True, -1, 1.0, 5.0])
def test_the_same_holds_for_numbers(wrong: float) -> None:
    assert ErrorLimit.of(3) == ErrorLimit(count=3)
    assert ErrorLimit.of(0.3) == ErrorLimit(fraction=0.3)
    with pytest.raises(UsageError):
        ErrorLimit.of(wrong)


@pytest.mark.parametrize(
    ("limit", "errors", "ended", "planned", "stops"),
    [
        ("5", 5, 5, 100, False),
        ("5", 6, 6, 100, True),
        ("0", 0, 50, 100, False),
        ("0", 1, 1, 100, True),
        ("0.2", 19, 19, 100, False),
        ("0.2", 4, 20, 100, False),
        ("0.2", 5, 20, 100, True),
        ("0.2", 20, 100, 100, False),
        ("0.2", 21, 100, 100, True),
        ("0.29", 29, 100, 100, False),
        ("0.2", 4, 9, 10, False),
        ("0.2", 4, 10, 10, True),
        ("0.2", 0, 0, 0, False),
    ],
)
def test_a_run_stops_when_more_end_in_errors_than_may(
    limit: str, errors: int, ended: int, planned: int, stops: bool
) -> None:
    assert (ErrorLimit.parse(limit).exceeded(errors, ended, planned) is not None) == stops


def test_the_reason_is_said_in_words() -> None:
    assert ErrorLimit(count=5).exceeded(6, 40, 100) == (
        "6 of 40 cells ended in an error; at most 5 are allowed (--max-errors 5)"
    )
    assert ErrorLimit(count=0).exceeded(1, 40, 100) == (
        "1 of 40 cells ended in an error; none is allowed (--max-errors 0)"
    )
    assert ErrorLimit(fraction=0.1).exceeded(5, 40, 100) == (
        "5 of 40 cells ended in an error; at most 0.1 of them may (--max-errors 0.1)"
    )
