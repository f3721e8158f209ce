"""The verdict in words: the sentences, the word's rule, and that the two never contradict one another."""

import random
import re
import subprocess
import sys

import pytest

from promptlab.statistics.multiple import holm
from promptlab.statistics.paired import paired_difference
from promptlab.statistics.verdict import minimum_cases, verdict

NAMES = ("plain on local:small", "fewshot on local:small")


def verdicts(*, fixed=0, regressed=0, both_pass=0, both_fail=0):
    a = [0.0] * fixed + [1.0] * regressed + [1.0] * both_pass + [0.0] * both_fail
    b = [1.0] * fixed + [0.0] * regressed + [1.0] * both_pass + [0.0] * both_fail
    return paired_difference(a, b, passfail=True)


def judge(difference, *, direction="higher", measure="exact_match", **options):
    return verdict(difference, measure=measure, direction=direction, names=NAMES, **options)


def minus(text):
    return text.replace("-", "\N{MINUS SIGN}")


def test_a_better_variant_is_named_with_interval_cases_and_p():
    found = judge(verdicts(fixed=12, regressed=2, both_pass=20, both_fail=18))
    assert found.word == "better"
    assert found.sentence == (
        "fewshot on local:small is better than plain on local:small on exact_match: "
        "+19 points (95% CI 6 to 33, 52 paired cases, p = 0.013)"
    )
    assert found.phrase == "better on exact_match: +19 points (95% CI 6 to 33, 52 paired cases, p = 0.013)"


def test_a_worse_variant_is_worse_also_after_many_comparisons():
    difference = verdicts(fixed=2, regressed=14, both_pass=20, both_fail=16)
    found = judge(difference, adjusted_p=4 * difference.p_value)
    assert found.word == "worse"
    assert found.phrase == minus(
        "worse on exact_match: -23 points (95% CI -41 to -5, 52 paired cases, p = 0.017 after Holm)"
    )
    assert found.low < difference.low
    assert found.p_value == 4 * difference.p_value


def test_a_tie_says_how_many_more_cases_would_show_something():
    found = judge(verdicts(fixed=3, regressed=2, both_pass=30, both_fail=25))
    assert found.word == "tied"
    assert found.sentence == minus(
        "fewshot on local:small and plain on local:small are tied on exact_match: +2 points (95% CI -7 to 11, "
        "60 paired cases, p = 1.00); about 330 more cases would show a difference of 3 points"
    )


def test_what_many_comparisons_take_away_shows_in_the_interval_too():
    difference = verdicts(fixed=12, regressed=2, both_pass=20, both_fail=18)
    assert difference.low > 0
    found = judge(difference, adjusted_p=4 * difference.p_value)
    assert found.word == "tied"
    assert found.low == 0.0
    assert "95% CI 0 to 37" in found.sentence
    assert "after Holm" in found.sentence


def test_a_correction_that_changed_nothing_is_not_mentioned():
    difference = verdicts(fixed=12, regressed=2, both_pass=20, both_fail=18)
    assert judge(difference, adjusted_p=difference.p_value) == judge(difference)


def test_a_narrow_interval_looks_for_smaller_differences():
    found = judge(verdicts(fixed=100, regressed=90, both_pass=310, both_fail=500))
    assert found.phrase.endswith("; about 6,400 more cases would show a difference of 1 point")


def test_variants_that_agree_everywhere_are_tied_within_what_the_cases_can_show():
    found = judge(verdicts(both_pass=30, both_fail=30))
    assert found.phrase == minus(
        "tied on exact_match: 0 points (95% CI -6 to 6, 60 paired cases, p = 1.00); "
        "about 65 more cases would show a difference of 3 points"
    )


@pytest.mark.parametrize("n", range(6))
def test_fewer_than_six_cases_are_too_few_whatever_they_say(n):
    found = judge(verdicts(fixed=n))
    assert found.word == "too few"
    assert "at least 6 are needed" in found.sentence
    assert "\n" not in found.sentence


def test_too_few_cases_still_tell_the_difference_seen():
    found = judge(verdicts(fixed=2, both_fail=2))
    assert found.sentence == (
        "too few cases to tell fewshot on local:small from plain on local:small on exact_match: "
        "+50 points over 4 paired cases; at least 6 are needed"
    )


def test_the_fewest_cases_follow_from_alpha():
    assert [minimum_cases(alpha) for alpha in (0.1, 0.05, 0.01, 0.03125)] == [5, 6, 8, 6]


def test_lower_is_better_where_the_direction_says_so():
    slow = [1.0 + 0.01 * k for k in range(12)]
    fast = [value - 0.3 - 0.02 * (k % 3) for k, value in enumerate(slow)]
    difference = paired_difference(slow, fast, passfail=False)
    found = judge(difference, measure="latency_seconds", direction="lower")
    assert found.word == "better"
    assert found.phrase == minus(
        "better on latency_seconds (lower is better): -0.320 s (95% CI -0.331 to -0.309, 12 paired cases, p < 0.001)"
    )
    assert judge(difference, measure="latency_seconds", direction="higher").word == "worse"


def test_numbers_outside_0_to_1_keep_their_own_unit():
    draw = random.Random(1)
    a = [draw.gauss(100, 10) for _ in range(30)]
    b = [value + draw.gauss(0, 10) for value in a]
    found = judge(paired_difference(a, b, passfail=False), measure="reading_ease")
    assert found.word == "tied"
    assert re.fullmatch(r".* more cases would show a difference of \d+", found.phrase)
    assert "point" not in found.phrase


def test_numbers_that_are_the_same_everywhere_are_said_plainly():
    found = judge(paired_difference([0.4] * 9, [0.4] * 9, passfail=False), measure="rouge_l")
    assert found.word == "tied"
    assert found.phrase == "tied on rouge_l: no difference on any of 9 paired cases"


def test_scores_that_are_not_finite_decide_nothing():
    found = judge(paired_difference([1.0] * 9 + [float("nan")], [2.0] * 10, passfail=False), measure="perplexity")
    assert found.word == "too few"
    assert found.sentence == (
        "cannot tell fewshot on local:small from plain on local:small on perplexity: "
        "some of the 10 differences are not finite numbers"
    )


@pytest.mark.parametrize("family", [1, 2, 7, 90, 1_000])
def test_word_interval_and_p_never_contradict_one_another(family):
    for n in [6, 13, 40]:
        for fixed in range(0, n + 1, 1 if n < 40 else 6):
            for regressed in range(n + 1 - fixed):
                difference = verdicts(fixed=fixed, regressed=regressed, both_pass=n - fixed - regressed)
                found = judge(difference, adjusted_p=min(1.0, family * difference.p_value))
                assert_coherent(found)
                assert found.low <= difference.low
                assert found.high >= difference.high


def test_word_interval_and_p_of_numbers_never_contradict_one_another():
    draw = random.Random(5)
    differences = []
    for _ in range(200):
        a = [draw.random() for _ in range(20)]
        effect = draw.uniform(-0.3, 0.3)
        differences.append(paired_difference(a, [value + draw.gauss(effect, 0.3) for value in a], passfail=False))
    for difference, adjusted in zip(differences, holm([one.p_value for one in differences]), strict=True):
        assert_coherent(judge(difference))
        assert_coherent(judge(difference, adjusted_p=adjusted))
        assert_coherent(judge(difference, direction="lower"))


def assert_coherent(found):
    """The word follows from the numbers, and from the numbers as they are printed."""
    printed = found.sentence.replace("\N{MINUS SIGN}", "-").replace(",", "")
    low, high = map(float, re.search(r"CI (\S+) to (\S+) ", printed).groups())
    sign, size = re.search(r"p ([=<]) (\S+?)[ )]", printed).groups()
    significant = float(size) <= 0.05
    assert sign == "=" or significant
    for least, most in [(found.low, found.high), (low, high)]:
        if found.word == "tied":
            assert least <= 0 <= most, found.sentence
        else:
            assert least > 0 or most < 0, found.sentence
    assert significant == (found.word != "tied") == (found.p_value <= 0.05), found.sentence


def test_an_adjusted_p_below_the_plain_one_is_refused():
    difference = verdicts(fixed=8, regressed=2, both_pass=10)
    with pytest.raises(ValueError, match="adjusted"):
        judge(difference, adjusted_p=difference.p_value / 2)
    with pytest.raises(ValueError, match="alpha"):
        judge(difference, alpha=1.0)


def test_another_alpha_changes_the_interval_with_the_word():
    difference = verdicts(fixed=12, regressed=2, both_pass=20, both_fail=18)
    found = judge(difference, alpha=0.01)
    assert found.word == "tied"
    assert "99% CI 0 to 38" in found.sentence


def test_a_verdict_imports_nothing_slow():
    code = "import sys, promptlab.statistics.verdict; print(sorted({'numpy', 'scipy', 'pandas'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
