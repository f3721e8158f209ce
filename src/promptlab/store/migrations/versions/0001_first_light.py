"""First light: the tables of prompts, runs, data sets and outputs.

Revision 0001, the first. A migration never changes once it is released: it says its types itself and imports
nothing that may.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A BIGINT key does not number its rows by itself on SQLite; INTEGER does, and is as wide there.
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "case_content",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("inputs_digest", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_case_content"),
    )
    op.create_index("ix_case_content_inputs_digest", "case_content", ["inputs_digest"])
    op.create_table(
        "dataset",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dataset"),
        sa.UniqueConstraint("name", "digest", name="uq_dataset_name_digest"),
    )
    op.create_index("ix_dataset_digest", "dataset", ["digest"])
    op.create_table(
        "experiment",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("artifact_root", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_experiment"),
        sa.UniqueConstraint("name", name="uq_experiment_name"),
    )
    op.create_table(
        "measure",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_measure"),
    )
    op.create_table(
        "prompt",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("samples", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prompt"),
        sa.UniqueConstraint("name", name="uq_prompt_name"),
    )
    op.create_table(
        "rendered",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_rendered"),
    )
    op.create_table(
        "dataset_item",
        sa.Column("dataset_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("case_digest", sa.Text(), nullable=False),
        sa.Column("evaluators", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_digest"], ["case_content.digest"], name="fk_dataset_item_case_digest_case_content"
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name="fk_dataset_item_dataset_id_dataset"),
        sa.PrimaryKeyConstraint("dataset_id", "position", name="pk_dataset_item"),
        sa.UniqueConstraint("dataset_id", "key", name="uq_dataset_item_dataset_id_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "experiment_tag",
        sa.Column("experiment_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiment.id"], name="fk_experiment_tag_experiment_id_experiment"
        ),
        sa.PrimaryKeyConstraint("experiment_id", "key", name="pk_experiment_tag"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prompt_version",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("prompt_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("response_schema", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompt.id"], name="fk_prompt_version_prompt_id_prompt"),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_version"),
        sa.UniqueConstraint("prompt_id", "number", name="uq_prompt_version_prompt_id_number"),
    )
    op.create_index("ix_prompt_version_digest", "prompt_version", ["digest"])
    op.create_table(
        "prompt_alias",
        sa.Column("prompt_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prompt_id", "number"],
            ["prompt_version.prompt_id", "prompt_version.number"],
            name="fk_prompt_alias_prompt_id_number_prompt_version",
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompt.id"], name="fk_prompt_alias_prompt_id_prompt"),
        sa.PrimaryKeyConstraint("prompt_id", "alias", name="pk_prompt_alias"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("experiment_id", BIG_ID, nullable=False),
        sa.Column("parent_id", BIG_ID, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("git_sha", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prompt_version_id", BIG_ID, nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("settings", sa.Text(), nullable=True),
        sa.Column("suite_digest", sa.Text(), nullable=True),
        sa.Column("cells_planned", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiment.id"], name="fk_run_experiment_id_experiment"),
        sa.ForeignKeyConstraint(["parent_id"], ["run.id"], name="fk_run_parent_id_run"),
        sa.ForeignKeyConstraint(
            ["prompt_version_id"], ["prompt_version.id"], name="fk_run_prompt_version_id_prompt_version"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("uid", name="uq_run_uid"),
    )
    op.create_index("ix_run_kind_id", "run", ["kind", "id"])
    op.create_index("ix_run_parent_id", "run", ["parent_id"])
    op.create_index("ix_run_prompt_version_id", "run", ["prompt_version_id"])
    op.create_table(
        "artifact",
        sa.Column("run_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_artifact_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_artifact"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempt",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("cache_key", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_attempt_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
    )
    op.create_index("ix_attempt_run_id_key_repeat", "attempt", ["run_id", "key", "repeat"])
    op.create_table(
        "metric",
        sa.Column("run_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("step", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("at_ms", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("ordinal", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_metric_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "key", "step", "at_ms", "ordinal", name="pk_metric"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "param",
        sa.Column("run_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("whole_value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_param_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_param"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_param_key_value", "param", ["key", "value"])
    op.create_table(
        "run_dataset",
        sa.Column("run_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("dataset_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name="fk_run_dataset_dataset_id_dataset"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_dataset_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "dataset_id", "context", name="pk_run_dataset"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_dataset_dataset_id", "run_dataset", ["dataset_id"])
    op.create_table(
        "summary",
        sa.Column("run_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("min", sa.Double(), nullable=True),
        sa.Column("max", sa.Double(), nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_summary_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_summary"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_summary_key_last_run_id", "summary", ["key", "last", "run_id"])
    op.create_table(
        "tag",
        sa.Column("run_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_tag_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_tag"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "answer",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("attempt_id", BIG_ID, nullable=True),
        sa.Column("cache_key", sa.Text(), nullable=False),
        sa.Column("reusable", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("tool_calls", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_input_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name="fk_answer_attempt_id_attempt"),
        sa.PrimaryKeyConstraint("id", name="pk_answer"),
    )
    op.create_index("ix_answer_cache_key", "answer", ["cache_key"])
    op.create_table(
        "output",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("case_digest", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("rendered_digest", sa.Text(), nullable=True),
        sa.Column("answer_id", BIG_ID, nullable=True),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name="fk_output_answer_id_answer"),
        sa.ForeignKeyConstraint(["case_digest"], ["case_content.digest"], name="fk_output_case_digest_case_content"),
        sa.ForeignKeyConstraint(["rendered_digest"], ["rendered.digest"], name="fk_output_rendered_digest_rendered"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_output_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_output"),
        sa.UniqueConstraint("run_id", "key", "repeat", name="uq_output_run_id_key_repeat"),
    )
    op.create_table(
        "score",
        sa.Column("output_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("evaluator_digest", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name="fk_score_output_id_output"),
        sa.PrimaryKeyConstraint("output_id", "name", name="pk_score"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO experiment (id, name, description) VALUES (0, 'Default', '')")


def downgrade() -> None:
    for table in (
        "score",
        "output",
        "answer",
        "tag",
        "summary",
        "run_dataset",
        "param",
        "metric",
        "attempt",
        "artifact",
        "run",
        "prompt_alias",
        "prompt_version",
        "experiment_tag",
        "dataset_item",
        "rendered",
        "prompt",
        "measure",
        "experiment",
        "dataset",
        "case_content",
    ):
        op.drop_table(table)
