"""The frozen dataclasses that the store takes and gives; nothing of SQL leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from promptlab.suites.schema import Field
from promptlab.types import AnswerStatus, CellStatus, Message, Response, Score, Usage

RunStatus: TypeAlias = Literal["running", "finished", "stopped", "failed", "interrupted", "cancelled"]
"""`stopped`: by its own limits, a budget or too many errors; its `error` says which."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. status: as stored, but `interrupted` for one that says running and has not been heard of for a while."""

    id: int
    uid: str
    kind: str
    name: str
    status: str
    experiment: str
    parent_id: int | None
    parent_uid: str | None
    user: str
    source: str | None
    git_sha: str | None
    host: str | None
    pid: int | None
    started_at: datetime
    ended_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested: bool
    error: str | None
    deleted_at: datetime | None
    prompt_version_id: int | None
    prompt_name: str | None
    prompt_number: int | None
    model: str | None
    settings: Mapping[str, Any] | None
    suite_digest: str | None
    cells_planned: int | None
    note: str = ""
    command: str | None = None
    environment_digest: str | None = None

    @property
    def prompt_reference(self) -> str | None:
        """`name@number` of its prompt version, None where it has none."""
        return None if self.prompt_name is None else f"{self.prompt_name}@{self.prompt_number}"

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs or where nobody saw it end."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One logged value of a metric; ordinal is its place among all values of its run and key, from 0."""

    step: int
    at_ms: int
    value: float
    ordinal: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of a curve: where it is, and the mean, the lowest and the highest of the values that it stands for.

    place: the middle of those values on the curve's axis. NaN where none of them is a number.
    """

    place: int
    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric's values along an axis: `step`, `time` in milliseconds since 1970, or `order` of logging.

    total: how many values there are; some hundred points stand for them.
    """

    name: str
    axis: Literal["step", "time", "order"]
    total: int
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A metric in short. last: the latest value of the highest step. min and max leave NaN out; NaN if all are."""

    last: float
    min: float
    max: float
    step: int
    points: int


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """An experiment. runs: those that are not deleted, children left out. active_at: when its newest one started.

    goal: the metric that its runs are compared by, None where nobody has said.
    """

    id: int
    name: str
    description: str
    created_at: datetime
    deleted_at: datetime | None
    tags: Mapping[str, str]
    runs: int
    active_at: datetime | None

    @property
    def goal(self) -> str | None:
        """The metric that its runs are compared by."""
        return self.tags.get(GOAL_TAG)


GOAL_TAG = "promptlab.goal"
"""The tag of an experiment that names its goal."""


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """A run's place on a leaderboard; value is the metric's last."""

    run: RunRow
    value: float
    summary: SummaryRow


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt in the registry. latest: its newest version's number. aliases: alias -> number."""

    name: str
    description: str
    tags: tuple[str, ...]
    latest: int
    versions: int
    aliases: Mapping[str, int]
    updated_at: datetime


DatasetKind: TypeAlias = Literal["cases", "table"]
"""`cases`: rows are kept with it; `table`: they are elsewhere."""


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A version of a data set: number 1, 2, ... within its name; digest covers its cases, keys and order.

    source: where it came from, for people. schema: its fields, such as `inputs.text`, with their types over all rows.
    location: of a table, where its rows can be read, as JSON that `sources.read_table` takes; None where they cannot.
    """

    id: int
    name: str
    number: int
    digest: str
    source: str
    rows: int
    schema: tuple[Field, ...]
    created_at: datetime
    kind: DatasetKind = "cases"
    location: str | None = None

    @property
    def reference(self) -> str:
        """`name@number`."""
        return f"{self.name}@{self.number}"


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature that a run made or used. code: its source or a description. importance: None where nobody knows it."""

    name: str
    code: str
    note: str
    importance: float | None


@dataclass(frozen=True, slots=True)
class HypothesisTestRow:
    """A test that a run made. dataset: `name@number`, None where none was named. content: all of it, as JSON."""

    id: int
    run_uid: str
    run_name: str
    experiment: str
    dataset: str | None
    hypothesis: str
    method: str
    p_value: float
    alpha: float
    content: Mapping[str, Any]
    logged_at: datetime


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """A file of a run. name: only a name, never a path."""

    name: str
    digest: str
    bytes: int
    media_type: str


Purpose: TypeAlias = Literal["generate", "judge", "embed", "embed_local", "likelihood"]
"""What an attempt was for: the answer of a cell, or for an evaluator a judgement, embeddings, likelihoods.

The last two are worked out in this process: no request is sent, so none is counted.
"""

REQUESTS: tuple[Purpose, ...] = ("generate", "judge", "embed")
"""The purposes of attempts that are counted as calls."""


@dataclass(frozen=True, slots=True)
class AttemptStart:
    """A request about to be sent. key and repeat: the cell it is for; None where it is for none."""

    run_id: int
    cache_key: str
    purpose: Purpose
    started_at: datetime
    key: str | None = None
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A request that was sent. status is None where nobody knows how it ended."""

    id: int
    run_id: int
    key: str | None
    repeat: int
    cache_key: str
    purpose: str
    started_at: datetime
    ended_at: datetime | None
    status: CellStatus | None
    usage: Usage
    cost_usd: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class AttemptCounts:
    """Requests of some runs: sent, failed, begun and never completed; and what the completed ones cost.

    spent_usd is None where the cost of any is unknown.
    """

    made: int
    failed: int
    lost: int
    spent_usd: float | None


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A stored answer; response.seconds is the latency measured when it was made. run_id: of the run that paid."""

    id: int
    attempt_id: int | None
    cache_key: str
    reusable: bool
    response: Response
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class ScoreInsert:
    """A score to store with its output."""

    name: str
    evaluator_digest: str = ""
    value: float | None = None
    passed: bool | None = None
    label: str | None = None
    reason: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class OutputInsert:
    """A cell to store: unique by run, key and repeat; one stored before is replaced, with its scores."""

    run_id: int
    case_digest: str
    key: str
    repeat: int
    rendered_digest: str | None
    answer_id: int | None
    cached: bool
    status: CellStatus
    error: str | None
    scores: Sequence[ScoreInsert] = ()


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell as people and reports read it. output and seconds are None where it has no answer.

    attempts: requests that its run sent for it, 0 for a cached one. inputs_digest: what cases pair by.
    """

    id: int
    run_id: int
    run_uid: str
    key: str
    repeat: int
    case_digest: str
    inputs_digest: str
    inputs: Mapping[str, Any]
    expected: Any
    metadata: Mapping[str, Any]
    output: str | None
    status: CellStatus
    error: str | None
    cached: bool
    attempts: int
    finish_reason: str | None
    tool_calls: tuple[Mapping[str, Any], ...]
    seconds: float | None
    usage: Usage
    cost_usd: float | None
    rendered_digest: str | None
    answer_id: int | None
    scores: Mapping[str, Score] = field(default_factory=dict)
    evaluator_digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def answer_status(self) -> AnswerStatus | None:
        """Its status where it is an answer, else None."""
        return self.status if self.status in ("ok", "truncated", "refused") else None


@dataclass(frozen=True, slots=True)
class CellTotals:
    """What the cells of a run add up to.

    answers, cached, errors: cells. Sums are over its answers, None where any of them does not say; seconds are those
    measured when the answers were made.
    """

    answers: int = 0
    cached: int = 0
    errors: int = 0
    cost_usd: float | None = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CaseMeans:
    """An evaluator's scores of one run: the mean of each case over its repeats.

    passfail: every score is a pass or a fail.
    """

    means: Sequence[float]
    passfail: bool


@dataclass(frozen=True, slots=True)
class PairedValues:
    """What the answers of a run have for pairing, each by the digest of a case's inputs, repeats averaged.

    values: by evaluator. passfail: evaluators whose every score is a verdict on a case of its own. seconds: latency;
    it has every case that was answered.
    """

    values: Mapping[str, Mapping[str, float]]
    passfail: Mapping[str, bool]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Cells of one error status, or scores of one evaluator that failed, with one of them as an example.

    evaluator: None for cells.
    """

    status: str
    evaluator: str | None
    count: int
    key: str
    run_id: int
    message: str | None


@dataclass(frozen=True, slots=True)
class CacheModel:
    """What the cache holds of one base model. reused: cells answered without a call; saved_usd: what they cost once."""

    model: str
    answers: int
    characters: int
    reused: int
    cost_usd: float | None
    saved_usd: float | None


@dataclass(frozen=True, slots=True)
class ScoreValue:
    """One score in a comparison; passed is None where the evaluator gives no verdict."""

    value: float
    passed: bool | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with all that belongs to it; datasets: (context, data set); features: in the order of logging."""

    run: RunRow
    parent: RunRow | None
    children: Sequence[RunRow]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, SummaryRow]
    artifacts: Sequence[ArtifactRow]
    datasets: Sequence[tuple[str, DatasetRow]]
    features: Sequence[FeatureRow] = ()


@dataclass(frozen=True, slots=True)
class CellDetail:
    """A cell opened: messages as they were sent (empty for a model without a prompt), attempts in order."""

    run: RunRow
    cell: CellRow
    messages: tuple[Message, ...]
    attempts: Sequence[AttemptRow]
