"""What an evaluation will run, checked in full before the first call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from promptlab.errors import SuiteError, TemplateError, UndefinedVariableError
from promptlab.evaluators.base import BoundEvaluator
from promptlab.evaluators.registry import bind
from promptlab.execute.budget import Budget
from promptlab.execute.error_limit import ErrorLimit
from promptlab.models.base import Model, require, require_settings
from promptlab.models.settings import check_settings
from promptlab.prompts import rendering
from promptlab.spelling import few
from promptlab.suites.matrix import combination_text, combinations
from promptlab.suites.model import Suite
from promptlab.suites.scoring import RESPONSE_SCHEMA, checks_schema, wants_schema_check
from promptlab.types import Case, PromptVersion


@dataclass(frozen=True, slots=True)
class Variant:
    """One prompt version x one base model x its settings: a column of the matrix, and a child run.

    prompt: None for a model that is a plain function of the inputs. prompt_id: its row in the registry, None for
    one that is not stored. varied: those of its settings that tell it from others of the same prompt and model.
    """

    prompt: PromptVersion | None
    prompt_id: int | None
    model: Model
    settings: Mapping[str, Any]
    varied: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`prompt@2 · provider:name`, as people read it; with ` · temperature=0.7, top_k=5` where settings vary."""
        parts = [self.prompt.reference] if self.prompt else []
        parts += [self.model.name]
        parts += [combination_text({name: self.settings[name] for name in self.varied})] if self.varied else []
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for one invocation: how many calls at once, how much money, how many errors; None: no limit."""

    concurrency: int | None = None
    budget: Budget | None = None
    errors: ErrorLimit | None = None


@dataclass(frozen=True)  # no slots: what is derived is kept
class Plan:
    """All that an evaluation will run: variants x cases x repeats."""

    suite: Suite
    variants: tuple[Variant, ...]
    repeats: int
    use_cache: bool = True
    limits: Limits = Limits()

    @property
    def cells_per_variant(self) -> int:
        """How many cells each variant has."""
        return len(self.suite.cases) * self.repeats

    def evaluators_for(self, variant: Variant, case: Case) -> tuple[BoundEvaluator, ...]:
        """The evaluators of a cell: those of its case, and a check of its prompt's response_schema."""
        evaluators = self.suite.evaluators_for(case)
        return evaluators + self._schema_check if wants_schema_check(variant.prompt, evaluators) else evaluators

    @cached_property
    def all_evaluators(self) -> tuple[BoundEvaluator, ...]:
        """Every evaluator of any cell, one a name, the suite's first and in its order."""
        evaluators = self.suite.all_evaluators
        wanted = any(wants_schema_check(variant.prompt, evaluators) for variant in self.variants)
        return evaluators + self._schema_check if wanted else evaluators

    @cached_property
    def _schema_check(self) -> tuple[BoundEvaluator, ...]:
        return (bind({"json_schema": {"as": RESPONSE_SCHEMA}}, where="response_schema"),)


@dataclass(frozen=True, slots=True)
class ChosenPrompt:
    """A prompt version with the id of its row in the registry; None where it is not stored."""

    version: PromptVersion
    id: int | None


def check(
    suite: Suite,
    prompts: Sequence[PromptVersion],
    models: Sequence[Model],
    *,
    settings: Mapping[str, Any] | None = None,
    repeats: int | None = None,
) -> None:
    """Raises UsageError for what could never run, before anything is stored or sent.

    That is: no case, no model, no prompt for a model that needs one, a variant that is named twice, a setting that
    does not exist or that a model does not have, a template that cannot render its first case, a gate on a check that
    no prompt asks for.
    """
    where = str(suite.path or suite.name)
    if not suite.cases:
        raise SuiteError(f"{where}: has no cases")
    if not models:
        raise SuiteError(f"{where}: has no models; name one under `models:` or with --model")
    for model in models:
        require(model, "generate", where=where)
    needing = [model for model in models if model.provider != "python"]
    if needing and not prompts:
        raise SuiteError(f"{where}: has no prompts; name one under `prompts:` or with --prompt")
    if repeats is not None and repeats < 1:
        raise SuiteError(f"{where}: repeats is {repeats}; it is a whole number from 1")
    check_settings(settings or {}, where="settings")
    _refuse_twins([model.name for model in models], where)
    if needing:
        _refuse_twins([prompt.reference for prompt in prompts], where)
        for prompt in prompts:
            check_settings(prompt.settings, where=f"prompt '{prompt.name}'")
            _check_first_case(prompt, suite.cases[0], where)
            for model in needing:
                names = {*prompt.settings, *suite.settings, *suite.matrix, *(settings or {})}
                require_settings(model, names, where=where)
    _check_gates(suite, prompts if needing else (), where)


def make_plan(
    suite: Suite,
    prompts: Sequence[ChosenPrompt],
    models: Sequence[Model],
    *,
    settings: Mapping[str, Any] | None = None,
    repeats: int | None = None,
    use_cache: bool = True,
    limits: Limits = Limits(),
) -> Plan:
    """The plan of a suite with these prompts and models, checked before, in place of the suite's own names.

    settings win over the suite's matrix, each of whose combinations is a variant, and that over the suite's settings,
    which win over a prompt's front matter. Raises SuiteError where two names, such as a file's and a version's, turn
    out to be the same prompt version.
    """
    where = str(suite.path or suite.name)
    needing = [model for model in models if model.provider != "python"]
    override = check_settings(settings or {}, where="settings")
    variants: list[Variant] = [
        Variant(
            prompt.version,
            prompt.id,
            model,
            {**prompt.version.settings, **suite.settings, **chosen, **override},
            tuple(chosen),
        )
        for model in needing
        for prompt in prompts
        for chosen in combinations(suite.matrix, without=override)
    ]
    variants += [Variant(None, None, model, {}) for model in models if model.provider == "python"]
    _refuse_twins([variant.name for variant in variants], where)
    return Plan(
        suite=suite,
        variants=tuple(variants),
        repeats=repeats if repeats is not None else suite.repeats,
        use_cache=use_cache,
        limits=limits,
    )


def _check_gates(suite: Suite, prompts: Sequence[PromptVersion], where: str) -> None:
    gated = any(gate.evaluator == RESPONSE_SCHEMA for gate in suite.gates)
    if not gated or any(evaluator.name == RESPONSE_SCHEMA for evaluator in suite.all_evaluators):
        return
    if any(wants_schema_check(prompt, suite.evaluators) for prompt in prompts):
        return
    checking = next((evaluator.name for evaluator in suite.evaluators if checks_schema(evaluator)), None)
    remedy = "no prompt has one" if checking is None else f"{checking!r} looks at it here; put the gate on that"
    raise SuiteError(f"{where}: a gate on {RESPONSE_SCHEMA!r}, the check of a prompt's response_schema, but {remedy}")


def _refuse_twins(names: Sequence[str], where: str) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise SuiteError(f"{where}: '{name}' is named twice; name each prompt and each base model once")


def _check_first_case(prompt: PromptVersion, case: Case, where: str) -> None:
    missing = sorted(rendering.required_variables(prompt) - set(case.inputs))
    try:
        rendering.render(prompt, case.inputs)
    except UndefinedVariableError as error:
        columns = few(case.inputs)
        name = error.variable or (missing[0] if missing else "?")
        raise UndefinedVariableError(
            f"{where}: prompt '{prompt.name}' needs `{name}`, which case '{case.key}' has not; its inputs: {columns}",
            variable=name,
        ) from error
    except TemplateError as error:
        raise TemplateError(f"{where}: case '{case.key}': {error}") from error
