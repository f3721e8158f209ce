"""What an entry may say beside its options: weight, threshold, not, as; and groups of evaluators."""

from __future__ import annotations

import asyncio

import pytest

from promptlab import evaluator
from promptlab.errors import EvaluatorError
from promptlab.evaluators.documentation import describe
from promptlab.evaluators.entries import KEYS
from promptlab.evaluators.groups import overall
from promptlab.evaluators.registry import BUILT_IN, bind, known
from promptlab.execute.cells import score
from promptlab.types import EvaluatorContext, Score


@evaluator
def share(context, *, of=1.0):
    return float(context.output) / of


@evaluator(direction="lower")
def mistakes(context):
    return float(len(context.output))


@evaluator
def parts(context):
    return {"a": True, "b": 0.5}


@evaluator
def whole_and_parts(context):
    return {"": Score(0.25, reason="a quarter"), "a": True, "b": False}


@evaluator
def broken(context):
    raise RuntimeError("no idea")


@evaluator
def silent(context):
    return None


FUNCTIONS = {function.__name__: function for function in (share, mistakes, parts, whole_and_parts, broken, silent)}


def bound(entry):
    return bind(entry, where="evals/a.yaml:7", functions=FUNCTIONS)


def scores(entry, output="", **context):
    return asyncio.run(bound(entry).score(EvaluatorContext(inputs={}, output=output, **context)))


def verdict(entry, output="", **context):
    one = bound(entry)
    found = asyncio.run(one.score(EvaluatorContext(inputs={}, output=output, **context)))[one.name]
    assert found.error is None, found.error
    return found.value, found.passed


@pytest.mark.parametrize(
    ("entry", "output", "expected"),
    [
        ({"share": {}}, "0.5", (0.5, None)),
        ({"share": {"threshold": 0.5}}, "0.5", (0.5, True)),
        ({"share": {"threshold": 0.51}}, "0.5", (0.5, False)),
        ({"mistakes": {"threshold": 2}}, "ab", (2.0, True)),
        ({"mistakes": {"threshold": 1}}, "ab", (2.0, False)),
        ({"mistakes": {"threshold": 3, "direction": "higher"}}, "ab", (2.0, False)),
        ({"contains": {"word": "a", "not": True}}, "abc", (0.0, False)),
        ({"contains": {"word": "x", "not": True}}, "abc", (1.0, True)),
        ({"share": {"threshold": 0.5, "not": True}}, "0.7", (0.0, False)),
        ({"mistakes": {"threshold": 1, "not": True}}, "ab", (1.0, True)),
    ],
)
def test_a_threshold_gives_a_verdict_and_not_turns_it_round(entry, output, expected):
    assert verdict(entry, output) == expected


def test_not_makes_higher_better_whatever_it_was_before():
    assert bound({"mistakes": {"threshold": 1}}).direction == "lower"
    assert bound({"mistakes": {"threshold": 1, "not": True}}).direction == "higher"


def test_not_without_a_verdict_is_an_error_that_names_the_remedy():
    (found,) = scores({"share": {"not": True}}, "0.5").values()
    assert found.error is not None
    assert "threshold" in found.error


def test_a_threshold_holds_for_every_part_of_a_mapping_or_for_its_own_score_alone():
    assert {name: one.passed for name, one in scores({"parts": {"threshold": 0.6}}).items()} == {
        "parts.a": True,
        "parts.b": False,
    }
    assert {name: one.passed for name, one in scores({"whole_and_parts": {"threshold": 0.2}}).items()} == {
        "whole_and_parts": True,
        "whole_and_parts.a": True,
        "whole_and_parts.b": False,
    }


def test_a_failed_threshold_says_by_how_much_and_keeps_the_reason():
    (found, *_) = scores({"whole_and_parts": {"threshold": 0.5}}).values()
    assert found.reason == "0.25 is less than the threshold 0.5; a quarter"


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"share": {"threshold": 0.5}}, False),
        ({"share": {"not": True}}, False),
        ({"share": {"transform": "strip"}}, False),
        ({"share": {"weight": 2}}, True),
        ({"share": {"as": "other"}}, True),
    ],
)
def test_the_digest_changes_where_scores_might(changed, same):
    assert (bound("share").digest == bound(changed).digest) is same


MEMBERS = [{"contains": {"word": "cat", "ignore_case": True}}, {"word_count": {"at_most": 2}}]


@pytest.mark.parametrize(
    ("kind", "output", "expected"),
    [
        ("all_of", "Cat here", (1.0, True)),
        ("all_of", "A cat is here", (0.0, False)),
        ("any_of", "A cat is here", (1.0, True)),
        ("any_of", "A dog is here", (0.0, False)),
    ],
)
def test_a_group_passes_by_the_verdicts_of_its_members(kind, output, expected):
    assert verdict({kind: {"evaluators": MEMBERS}}, output) == expected


def test_every_members_score_stands_beside_that_of_its_group():
    found = scores({"all_of": {"as": "fine", "evaluators": MEMBERS}}, "A cat is here")
    assert {name: one.passed for name, one in found.items()} == {
        "fine": False,
        "fine.contains": True,
        "fine.word_count": False,
    }
    assert found["fine"].reason == "failed: word_count (4 words, more than 2)"


@pytest.mark.parametrize(
    ("members", "output", "value"),
    [
        ([{"share": {"weight": 3}}, {"contains": {"word": "x"}}], "0.5", (3 * 0.5 + 0.0) / 4),
        ([{"share": {"weight": 0}}, {"contains": {"word": "0"}}], "0.5", 1.0),
        ([{"share": {}}, {"mistakes": {"threshold": 3}}], "0.5", (0.5 + 1.0) / 2),
        ([{"share": {}}, "silent"], "0.5", 0.5),
        ([{"contains": {"word": "9"}}, "parts"], "0.5", (0.0 + 0.75) / 2),
    ],
)
def test_a_weighted_mean_counts_values_from_0_to_1_and_else_verdicts(members, output, value):
    assert verdict({"weighted_mean": {"evaluators": members}}, output)[0] == pytest.approx(value)


def test_a_weighted_mean_passes_from_its_threshold():
    entry = {"weighted_mean": {"threshold": 0.7, "evaluators": ["share", {"contains": {"word": "0"}}]}}
    assert verdict(entry, "0.5") == (0.75, True)
    assert verdict(entry, "0.2") == (pytest.approx(0.6), False)


def test_groups_stand_in_groups():
    inner = {"any_of": {"evaluators": [{"contains": {"word": "a"}}, {"contains": {"word": "b", "as": "b"}}]}}
    found = scores({"all_of": {"evaluators": [inner, {"word_count": {"at_most": 1}}]}}, "b")
    assert found["all_of"].passed is True
    assert found["all_of.any_of"].passed is True
    assert found["all_of.any_of.b"].passed is True
    assert found["all_of.any_of.contains"].passed is False


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"all_of": {"evaluators": ["share"]}}, "share neither passes nor fails; give it a `threshold`"),
        ({"weighted_mean": {"evaluators": ["mistakes"]}}, "no share from 0 to 1; give it a `threshold`"),
        ({"any_of": {"evaluators": [{"contains": {"word": "0"}}, "broken"]}}, "broken: RuntimeError: no idea"),
        ({"weighted_mean": {"evaluators": [{"share": {"weight": 0}}]}}, "every member has the weight 0"),
    ],
)
def test_a_group_that_cannot_say_is_an_error_that_names_the_member(entry, message):
    one = bound(entry)
    found = asyncio.run(one.score(EvaluatorContext(inputs={}, output="0.5")))[one.name]
    assert found.error is not None
    assert message in found.error


def test_a_group_of_members_that_do_not_apply_does_not_apply():
    assert scores({"all_of": {"evaluators": ["silent", "exact_match"]}}) == {}


def test_a_member_that_fails_leaves_the_scores_of_the_others():
    found = scores({"all_of": {"evaluators": [{"contains": {"word": "a"}}, "broken"]}}, "a")
    assert found["all_of.contains"].passed is True
    assert found["all_of.broken"].error is not None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"all_of": {}}, "all_of: `evaluators` is None; it is a list of entries"),
        ({"all_of": {"evaluators": []}}, "it is a list of entries"),
        ({"all_of": {"evaluators": ["share"], "treshold": 1}}, "unknown option 'treshold'; did you mean 'threshold'?"),
        ({"all_of": {"evaluators": ["share", "share"]}}, "two members score under 'share'"),
        ({"all_of": {"evaluators": [{"contains": {"wrod": "x"}}]}}, "all_of: contains: unknown option 'wrod'"),
        ({"share": {"threshold": "0.5"}}, "`threshold` is '0.5'; it is a number"),
        ({"share": {"threshold": True}}, "`threshold` is True; it is a number"),
        ({"share": {"weight": -1}}, "`weight` is -1; it is 0 or more"),
        ({"share": {"not": "yes"}}, "`not` is 'yes'; it is true or false"),
    ],
)
def test_a_wrong_entry_names_the_place_and_the_remedy(entry, message):
    with pytest.raises(EvaluatorError) as caught:
        bound(entry)
    assert str(caught.value).startswith("evals/a.yaml:7: ")
    assert message in str(caught.value)


def test_an_option_of_the_evaluators_own_is_left_to_it():
    @evaluator(name="with_its_own_threshold")
    def own(context, *, threshold: float) -> float:
        return threshold

    one = bind({"own": {"threshold": 0.3}}, where="here", functions={"own": own})
    (found,) = asyncio.run(one.score(EvaluatorContext(inputs={}, output=""))).values()
    assert (found.value, found.passed) == (0.3, None)


def test_overall_is_the_weighted_mean_of_what_has_a_weight():
    entries = [bound({"share": {"weight": 3}}), bound({"contains": {"word": "0", "weight": 1}}), bound("mistakes")]
    evaluators = overall(entries)
    assert [one.name for one in evaluators] == ["share", "contains", "mistakes", "overall"]
    found = asyncio.run(score(EvaluatorContext(inputs={}, output="0.5"), evaluators))
    assert found["overall"].value == pytest.approx((3 * 0.5 + 1) / 4)


def test_without_a_weight_there_is_no_overall():
    assert [one.name for one in overall([bound("share")])] == ["share"]


def test_the_digest_of_overall_changes_with_a_weight():
    light, heavy = (overall([bound({"share": {"weight": weight}})])[-1] for weight in (1, 2))
    assert light.digest != heavy.digest


def test_no_evaluator_of_promptlab_takes_the_name_of_a_key_that_every_entry_has():
    for name in BUILT_IN:
        assert not {*KEYS} & {option.name for option in describe(known()[name]).options}
