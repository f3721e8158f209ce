"""Every table. A name in the singular, a short comment where the columns do not say what a row is.

These classes are the schema only: reading and writing goes through Core statements, and what leaves the store
are the dataclasses of `rows`. `table=True` models do not validate: the floors below do.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

from promptlab.store.columns import AnyText, BigId, JsonText, Measured, UtcTime

INDEXED_CHARACTERS = 250
"""How much of a param's value is indexed: PostgreSQL refuses index entries above 2,704 bytes."""

_COMPACT = {"sqlite_with_rowid": False}
"""A table that is found by its composite key only is that key's tree, not a second one beside it."""


class Record(SQLModel):
    """What every table shares: its own metadata, names of constraints, snake_case names."""

    metadata: ClassVar[sa.MetaData] = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805 - SQLAlchemy calls it with the class
        """The class's name in snake_case: PromptVersion -> prompt_version."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


def _id() -> Any:
    return Field(default=None, primary_key=True, sa_type=BigId)


def _key(target: str | None = None) -> Any:
    """Part of a composite primary key; with a target, a foreign key as well."""
    return Field(primary_key=True, sa_type=BigId, foreign_key=target, sa_column_kwargs={"autoincrement": False})


def _ref(target: str) -> Any:
    return Field(sa_type=BigId, foreign_key=target)


def _text(**options: Any) -> Any:
    return Field(sa_type=AnyText, **options)


class Experiment(Record, table=True):
    """A drawer of runs; row 0 is "Default"."""

    id: int | None = _id()
    name: str = _text(unique=True)
    description: str = _text()
    artifact_root: str | None = _text()
    created_at: datetime = Field(sa_type=UtcTime)
    deleted_at: datetime | None = Field(sa_type=UtcTime)


class ExperimentTag(Record, table=True):
    """A tag of an experiment."""

    __table_args__ = (_COMPACT,)
    experiment_id: int = _key("experiment.id")
    key: str = _text(primary_key=True)
    value: str = _text()


class Prompt(Record, table=True):
    """A prompt's name and what is not part of any version's content."""

    id: int | None = _id()
    name: str = _text(unique=True)
    description: str = _text()
    tags: list[str] = Field(sa_type=JsonText)
    samples: dict[str, Any] = Field(sa_type=JsonText)
    updated_at: datetime = Field(sa_type=UtcTime)


class PromptVersion(Record, table=True):
    """An immutable version; source is the exact text of its file."""

    __table_args__ = (sa.UniqueConstraint("prompt_id", "number"),)
    id: int | None = _id()
    prompt_id: int = _ref("prompt.id")
    number: int
    digest: str = _text(index=True)
    messages: list[Any] = Field(sa_type=JsonText)
    settings: dict[str, Any] = Field(sa_type=JsonText)
    response_schema: dict[str, Any] | None = Field(sa_type=JsonText)
    source: str = _text()
    note: str = _text()
    saved_by: str = _text()
    saved_at: datetime = Field(sa_type=UtcTime)


class PromptAlias(Record, table=True):
    """A movable pointer to a version of its prompt."""

    __table_args__ = (
        sa.ForeignKeyConstraint(["prompt_id", "number"], ["prompt_version.prompt_id", "prompt_version.number"]),
        _COMPACT,
    )
    prompt_id: int = _key("prompt.id")
    alias: str = _text(primary_key=True)
    number: int


class Environment(Record, table=True):
    """What runs ran in, once for all that ran in the same: Python, platform, packages with their versions."""

    digest: str = _text(primary_key=True)
    content: dict[str, Any] = Field(sa_type=JsonText)


class Run(Record, table=True):
    """A run of any kind; a variant of an evaluation is a child with its prompt version, model and settings."""

    __table_args__ = (sa.Index(None, "kind", "id"), sa.Index(None, "experiment_id", "id"))
    id: int | None = _id()
    uid: str = _text(unique=True)
    experiment_id: int = _ref("experiment.id")
    parent_id: int | None = Field(sa_type=BigId, foreign_key="run.id", index=True)
    kind: str = _text()
    name: str = _text()
    status: str = _text()
    user_name: str = _text()
    source: str | None = _text()
    git_sha: str | None = _text()
    host: str | None = _text()
    pid: int | None
    heartbeat_at: datetime | None = Field(sa_type=UtcTime)
    cancel_requested: bool
    started_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(sa_type=UtcTime)
    error: str | None = _text()
    deleted_at: datetime | None = Field(sa_type=UtcTime)
    prompt_version_id: int | None = Field(sa_type=BigId, foreign_key="prompt_version.id", index=True)
    model: str | None = _text()
    settings: dict[str, Any] | None = Field(sa_type=JsonText)
    suite_digest: str | None = _text()
    cells_planned: int | None
    note: str = _text()
    command: str | None = _text()
    environment_digest: str | None = _text(foreign_key="environment.digest")


class RunPlan(Record, table=True):
    """What an evaluation set out to do, beyond what its rows say: enough to go on without the suite's files."""

    run_id: int = _key("run.id")
    content: dict[str, Any] = Field(sa_type=JsonText)


class Param(Record, table=True):
    """A param; value is what is indexed, whole_value the full text where it is longer, number what the text says."""

    __table_args__ = (sa.Index(None, "key", "value"), sa.Index(None, "key", "number"), _COMPACT)
    run_id: int = _key("run.id")
    key: str = _text(primary_key=True)
    value: str = _text()
    whole_value: str | None = _text()
    number: float | None = Field(sa_type=sa.Double)


class Tag(Record, table=True):
    """A tag of a run."""

    __table_args__ = (_COMPACT,)
    run_id: int = _key("run.id")
    key: str = _text(primary_key=True)
    value: str = _text()


class Metric(Record, table=True):
    """One logged value; ordinal numbers the values of one run and key, so that none replaces another."""

    __table_args__ = (_COMPACT,)
    run_id: int = _key("run.id")
    key: str = _text(primary_key=True)
    step: int = _key()
    at_ms: int = _key()
    ordinal: int = _key()
    value: float | None = Field(sa_type=Measured)


class Summary(Record, table=True):
    """What a list or a leaderboard shows of a metric; points counts its values. NULL is NaN."""

    __table_args__ = (sa.Index(None, "key", "last", "run_id"), _COMPACT)
    run_id: int = _key("run.id")
    key: str = _text(primary_key=True)
    last: float | None = Field(sa_type=Measured)
    min: float | None = Field(sa_type=Measured)
    max: float | None = Field(sa_type=Measured)
    step: int = Field(sa_type=sa.BigInteger)
    points: int = Field(sa_type=sa.BigInteger)


class Measure(Record, table=True):
    """Whether a higher or a lower value of a metric or evaluator is better."""

    name: str = _text(primary_key=True)
    direction: str = _text()


class Artifact(Record, table=True):
    """A file of a run; its bytes are on disk by digest, its name is a name only, never a path."""

    __table_args__ = (_COMPACT,)
    run_id: int = _key("run.id")
    name: str = _text(primary_key=True)
    digest: str = _text()
    bytes: int = Field(sa_type=sa.BigInteger)
    media_type: str = _text()


class Dataset(Record, table=True):
    """A data set by name and content: a version, numbered within its name.

    kind: `cases`, whose rows are items, or `table`, whose rows are elsewhere: in the file or table at `location`, as
    JSON that a reader of tables takes, or where `source` says. schema: [field, its types, rows that have it] in order.
    """

    __table_args__ = (sa.UniqueConstraint("name", "digest"), sa.UniqueConstraint("name", "number"))
    id: int | None = _id()
    name: str = _text()
    number: int
    digest: str = _text(index=True)
    source: str = _text()
    rows: int
    # Not called `schema` here, which is a method of these classes.
    fields_read: list[Any] = Field(sa_column=sa.Column("schema", JsonText, nullable=False))
    created_at: datetime = Field(sa_type=UtcTime)
    kind: str = _text()
    location: str | None = _text()


class DatasetProfile(Record, table=True):
    """What was found out about a data set: its columns, how they are distributed, what goes together."""

    dataset_id: int = _key("dataset.id")
    content: dict[str, Any] = Field(sa_type=JsonText)


class CaseContent(Record, table=True):
    """What a case says, once for all data sets; cases pair by inputs_digest."""

    digest: str = _text(primary_key=True)
    inputs_digest: str = _text(index=True)
    inputs: dict[str, Any] = Field(sa_type=JsonText)
    expected: Any = Field(sa_type=JsonText, nullable=True)
    about: dict[str, Any] = Field(sa_column=sa.Column("metadata", JsonText, nullable=False))


class DatasetItem(Record, table=True):
    """A case's place and key in a data set, with the raw evaluator entries of this case alone."""

    __table_args__ = (sa.UniqueConstraint("dataset_id", "key"), _COMPACT)
    dataset_id: int = _key("dataset.id")
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key: str = _text()
    case_digest: str = _text(foreign_key="case_content.digest")
    evaluators: list[Any] | None = Field(sa_type=JsonText)


class RunDataset(Record, table=True):
    """That a run used a data set, and what for."""

    __table_args__ = (_COMPACT,)
    run_id: int = _key("run.id")
    dataset_id: int = Field(
        primary_key=True, sa_type=BigId, foreign_key="dataset.id", index=True, sa_column_kwargs={"autoincrement": False}
    )
    context: str = _text(primary_key=True)


class Rendered(Record, table=True):
    """A rendered prompt, once, shared by models and repeats."""

    digest: str = _text(primary_key=True)
    messages: list[Any] = Field(sa_type=JsonText)


class Attempt(Record, table=True):
    """One request, committed before it is sent; status is null until it is known how it ended."""

    __table_args__ = (sa.Index(None, "run_id", "key", "repeat"),)
    id: int | None = _id()
    run_id: int = _ref("run.id")
    key: str | None = _text()
    repeat: int
    cache_key: str = _text()
    purpose: str = _text()
    started_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(sa_type=UtcTime)
    status: str | None = _text()
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None = Field(sa_type=sa.Double)
    error: str | None = _text()


class Answer(Record, table=True):
    """What a base model returned; shared through the cache where reusable. No attempt where it was made elsewhere."""

    id: int | None = _id()
    attempt_id: int | None = Field(sa_type=BigId, foreign_key="attempt.id")
    cache_key: str = _text(index=True)
    reusable: bool
    text: str = _text()
    status: str = _text()
    finish_reason: str | None = _text()
    tool_calls: list[Any] | None = Field(sa_type=JsonText)
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost_usd: float | None = Field(sa_type=sa.Double)
    seconds: float = Field(sa_type=sa.Double)


class Output(Record, table=True):
    """One cell of a run: an answer's use for one case and repeat, or how the cell failed."""

    __table_args__ = (sa.UniqueConstraint("run_id", "key", "repeat"),)
    id: int | None = _id()
    run_id: int = _ref("run.id")
    case_digest: str = _text(foreign_key="case_content.digest")
    key: str = _text()
    repeat: int
    rendered_digest: str | None = _text(foreign_key="rendered.digest")
    answer_id: int | None = Field(sa_type=BigId, foreign_key="answer.id")
    cached: bool
    status: str = _text()
    error: str | None = _text()


class Score(Record, table=True):
    """One evaluator's result for an output. value is NULL where it gave none, and also for NaN: then is_nan."""

    __table_args__ = (_COMPACT,)
    output_id: int = _key("output.id")
    name: str = _text(primary_key=True)
    evaluator_digest: str = _text()
    value: float | None = Field(sa_type=sa.Double)
    is_nan: bool
    passed: bool | None
    label: str | None = _text()
    reason: str | None = _text()
    error: str | None = _text()


class HypothesisTest(Record, table=True):
    """A test of a hypothesis that a run made; content is all of it, the columns are what lists and corrections need."""

    id: int | None = _id()
    run_id: int = Field(sa_type=BigId, foreign_key="run.id", index=True)
    dataset_id: int | None = Field(sa_type=BigId, foreign_key="dataset.id")
    hypothesis: str = _text()
    method: str = _text()
    statistic: float | None = Field(sa_type=Measured)
    p_value: float | None = Field(sa_type=Measured)
    alpha: float = Field(sa_type=sa.Double)
    content: dict[str, Any] = Field(sa_type=JsonText)
    logged_at: datetime = Field(sa_type=UtcTime)


class Feature(Record, table=True):
    """A feature that a run made or used; importance is what its model makes of it, where somebody knows."""

    __table_args__ = (_COMPACT,)
    run_id: int = _key("run.id")
    name: str = _text(primary_key=True)
    position: int
    code: str = _text()
    note: str = _text()
    importance: float | None = Field(sa_type=sa.Double)


METADATA = Record.metadata


def table_of(record: type[Record]) -> sa.Table:
    """The Core table behind a class."""
    return METADATA.tables[record.__tablename__]


EXPERIMENT = table_of(Experiment)
EXPERIMENT_TAG = table_of(ExperimentTag)
PROMPT = table_of(Prompt)
PROMPT_VERSION = table_of(PromptVersion)
PROMPT_ALIAS = table_of(PromptAlias)
ENVIRONMENT = table_of(Environment)
RUN = table_of(Run)
RUN_PLAN = table_of(RunPlan)
PARAM = table_of(Param)
TAG = table_of(Tag)
METRIC = table_of(Metric)
SUMMARY = table_of(Summary)
MEASURE = table_of(Measure)
ARTIFACT = table_of(Artifact)
DATASET = table_of(Dataset)
DATASET_PROFILE = table_of(DatasetProfile)
CASE_CONTENT = table_of(CaseContent)
DATASET_ITEM = table_of(DatasetItem)
RUN_DATASET = table_of(RunDataset)
RENDERED = table_of(Rendered)
ATTEMPT = table_of(Attempt)
ANSWER = table_of(Answer)
OUTPUT = table_of(Output)
SCORE = table_of(Score)
HYPOTHESIS_TEST = table_of(HypothesisTest)
FEATURE = table_of(Feature)
