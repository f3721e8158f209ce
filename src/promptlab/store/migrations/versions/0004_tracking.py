"""Tracking: params compared as numbers, notes, commands, environments, hypothesis tests, features, data profiles.

Revision 0004, after 0003. Params that are stored already get the number that their text says.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PAGE = 1000
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LONGEST_NUMBER = 60

PARAM = sa.table(
    "param",
    sa.column("run_id", sa.BigInteger),
    sa.column("key", sa.Text),
    sa.column("value", sa.Text),
    sa.column("number", sa.Double),
)
EXPERIMENT = sa.table("experiment", sa.column("id", sa.BigInteger), sa.column("created_at", MOMENT))
RUN = sa.table("run", sa.column("experiment_id", sa.BigInteger), sa.column("started_at", MOMENT))


def upgrade() -> None:
    with op.batch_alter_table("experiment") as batch:
        batch.add_column(sa.Column("created_at", MOMENT, nullable=True))
    _date_experiments(op.get_bind())
    with op.batch_alter_table("experiment") as batch:
        batch.alter_column("created_at", existing_type=MOMENT, nullable=False)
    op.create_table(
        "environment",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_environment"),
    )
    with op.batch_alter_table("run") as batch:
        batch.add_column(sa.Column("note", sa.Text(), server_default="", nullable=False))
        batch.add_column(sa.Column("command", sa.Text(), nullable=True))
        batch.add_column(sa.Column("environment_digest", sa.Text(), nullable=True))
        batch.create_foreign_key(
            "fk_run_environment_digest_environment", "environment", ["environment_digest"], ["digest"]
        )
        batch.create_index("ix_run_experiment_id_id", ["experiment_id", "id"])
    with op.batch_alter_table("run") as batch:
        batch.alter_column("note", existing_type=sa.Text(), existing_nullable=False, server_default=None)
    with op.batch_alter_table("param") as batch:
        batch.add_column(sa.Column("number", sa.Double(), nullable=True))
        batch.create_index("ix_param_key_number", ["key", "number"])
    _number_params(op.get_bind())
    with op.batch_alter_table("dataset") as batch:
        batch.add_column(sa.Column("kind", sa.Text(), server_default="cases", nullable=False))
        batch.add_column(sa.Column("location", sa.Text(), nullable=True))
    with op.batch_alter_table("dataset") as batch:
        batch.alter_column("kind", existing_type=sa.Text(), existing_nullable=False, server_default=None)
    op.create_table(
        "dataset_profile",
        sa.Column("dataset_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name="fk_dataset_profile_dataset_id_dataset"),
        sa.PrimaryKeyConstraint("dataset_id", name="pk_dataset_profile"),
    )
    op.create_table(
        "hypothesis_test",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=False),
        sa.Column("dataset_id", BIG_ID, nullable=True),
        sa.Column("hypothesis", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("statistic", sa.Double(), nullable=True),
        sa.Column("p_value", sa.Double(), nullable=True),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("logged_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_hypothesis_test_run_id_run"),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name="fk_hypothesis_test_dataset_id_dataset"),
        sa.PrimaryKeyConstraint("id", name="pk_hypothesis_test"),
    )
    op.create_index("ix_hypothesis_test_run_id", "hypothesis_test", ["run_id"])
    op.create_table(
        "feature",
        sa.Column("run_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("importance", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_feature_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_feature"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("feature", "hypothesis_test", "dataset_profile"):
        op.drop_table(table)
    with op.batch_alter_table("dataset") as batch:
        batch.drop_column("location")
        batch.drop_column("kind")
    with op.batch_alter_table("param") as batch:
        batch.drop_index("ix_param_key_number")
        batch.drop_column("number")
    with op.batch_alter_table("run") as batch:
        batch.drop_index("ix_run_experiment_id_id")
        batch.drop_constraint("fk_run_environment_digest_environment", type_="foreignkey")
        for column in ("environment_digest", "command", "note"):
            batch.drop_column(column)
    op.drop_table("environment")
    with op.batch_alter_table("experiment") as batch:
        batch.drop_column("created_at")


def _date_experiments(connection: Connection) -> None:
    """Nobody noted when an experiment was made; it is as old as its first run."""
    now = datetime.now(UTC)
    for experiment_id in connection.execute(sa.select(EXPERIMENT.c.id)).scalars().all():
        first = connection.execute(
            sa.select(sa.func.min(RUN.c.started_at)).where(RUN.c.experiment_id == experiment_id)
        ).scalar()
        connection.execute(
            sa.update(EXPERIMENT).where(EXPERIMENT.c.id == experiment_id).values(created_at=first or now)
        )


def _number_params(connection: Connection) -> None:
    query = sa.select(PARAM.c.run_id, PARAM.c.key, PARAM.c.value).order_by(PARAM.c.run_id, PARAM.c.key).limit(PAGE)
    update = (
        sa.update(PARAM)
        .where(PARAM.c.run_id == sa.bindparam("of_run"), PARAM.c.key == sa.bindparam("of_key"))
        .values(number=sa.bindparam("as_number"))
    )
    after: tuple[int, str] | None = None
    while page := connection.execute(query if after is None else query.where(_later(after))).all():
        rows = [
            {"of_run": run_id, "of_key": key, "as_number": float(value)}
            for run_id, key, value in page
            if len(value) <= LONGEST_NUMBER and NUMBER.fullmatch(value)
        ]
        if rows:
            connection.execute(update, rows)
        after = (page[-1][0], page[-1][1])


def _later(place: tuple[int, str]) -> sa.ColumnElement[bool]:
    run_id, key = place
    return sa.or_(PARAM.c.run_id > run_id, sa.and_(PARAM.c.run_id == run_id, PARAM.c.key > key))
