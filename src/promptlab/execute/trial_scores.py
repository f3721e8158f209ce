"""A try held against a case of a suite: scored as an evaluation would, stored nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from promptlab import portal
from promptlab.execute.cells import score
from promptlab.execute.trial import Trial
from promptlab.suites.model import Suite
from promptlab.types import ANSWER_STATUSES, AnswerStatus, Case, EvaluatorContext, Score


def trial_scores(suite: Suite, case: Case, trial: Trial) -> Mapping[str, Score]:
    """The scores of a try's answer by the suite's evaluators and the case's own; empty where it has no answer.

    Evaluators that ask a base model are left out, with groups that hold one, and so is `overall`: a try costs what its
    calls cost.
    """
    if trial.status not in ANSWER_STATUSES:
        return {}
    evaluators = [
        evaluator
        for evaluator in (*suite.evaluators, *suite.case_evaluators.get(case.key, ()))
        if not evaluator.asks and evaluator.combines is None
    ]
    context = EvaluatorContext(
        inputs=case.inputs,
        output=trial.text,
        expected=case.expected,
        metadata=case.metadata,
        key=case.key,
        messages=trial.messages,
        model=trial.model,
        status=cast("AnswerStatus", trial.status),
        usage=trial.usage,
        seconds=trial.seconds,
        cost_usd=trial.cost_usd,
    )
    return portal.run(score(context, evaluators))
