"""Plans: what an evaluation set out to do, so that it can go on after its process died.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_plan",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_plan_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_plan"),
    )


def downgrade() -> None:
    op.drop_table("run_plan")
