"""Data sets are versions: a number within their name, the fields that they have, and when they were stored.

Revision 0003, after 0002. What is stored already is numbered in the order it came, and its fields are read from its
cases; nobody noted when it was stored, so that it is as old as the first run that used it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
PAGE = 1000
MOST_FIELDS = 2000

DATASET = sa.table(
    "dataset",
    sa.column("id", sa.BigInteger),
    sa.column("name", sa.Text),
    sa.column("number", sa.Integer),
    sa.column("schema", sa.Text),
    sa.column("created_at", MOMENT),
)
ITEM = sa.table(
    "dataset_item",
    sa.column("dataset_id", sa.BigInteger),
    sa.column("position", sa.Integer),
    sa.column("case_digest", sa.Text),
)
CONTENT = sa.table(
    "case_content",
    sa.column("digest", sa.Text),
    sa.column("inputs", sa.Text),
    sa.column("expected", sa.Text),
    sa.column("metadata", sa.Text),
)
USED = sa.table("run_dataset", sa.column("run_id", sa.BigInteger), sa.column("dataset_id", sa.BigInteger))
RUN = sa.table("run", sa.column("id", sa.BigInteger), sa.column("started_at", MOMENT))


def upgrade() -> None:
    with op.batch_alter_table("dataset") as batch:
        batch.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("schema", sa.Text(), nullable=True))
        batch.add_column(sa.Column("created_at", MOMENT, nullable=True))
    _fill(op.get_bind())
    with op.batch_alter_table("dataset") as batch:
        batch.alter_column("number", existing_type=sa.Integer(), nullable=False)
        batch.alter_column("schema", existing_type=sa.Text(), nullable=False)
        batch.alter_column("created_at", existing_type=MOMENT, nullable=False)
        batch.create_unique_constraint("uq_dataset_name_number", ["name", "number"])


def downgrade() -> None:
    with op.batch_alter_table("dataset") as batch:
        batch.drop_constraint("uq_dataset_name_number", type_="unique")
        for column in ("created_at", "schema", "number"):
            batch.drop_column(column)


def _fill(connection: Connection) -> None:
    numbers: dict[str, int] = {}
    now = datetime.now(UTC)
    for dataset_id, name in connection.execute(sa.select(DATASET.c.id, DATASET.c.name).order_by(DATASET.c.id)).all():
        numbers[name] = numbers.get(name, 0) + 1
        first_used = connection.execute(
            sa.select(sa.func.min(RUN.c.started_at))
            .select_from(USED.join(RUN, RUN.c.id == USED.c.run_id))
            .where(USED.c.dataset_id == dataset_id)
        ).scalar()
        connection.execute(
            sa.update(DATASET)
            .where(DATASET.c.id == dataset_id)
            .values(
                number=numbers[name],
                schema=json.dumps(_fields(connection, dataset_id), ensure_ascii=False, separators=(",", ":")),
                created_at=first_used or now,
            )
        )


def _fields(connection: Connection, dataset_id: int) -> list[list[Any]]:
    """[name, types, rows] of every field. Names stay as they are stored, with what no database holds escaped."""
    types: dict[str, set[str]] = {}
    rows: dict[str, int] = {}
    for name, kind in _values(connection, dataset_id):
        known = name if name in types or len(types) < MOST_FIELDS else "*"
        types.setdefault(known, set()).add(kind)
        rows[known] = rows.get(known, 0) + 1
    sections = {"inputs": 0, "expected": 1, "metadata": 2, "*": 3}
    order = sorted(types, key=lambda name: sections[name.partition(".")[0]])
    return [[name, sorted(types[name]), rows[name]] for name in order]


def _values(connection: Connection, dataset_id: int) -> Iterator[tuple[str, str]]:
    query = (
        sa.select(ITEM.c.position, CONTENT.c.inputs, CONTENT.c.expected, CONTENT.c.metadata)
        .join(CONTENT, CONTENT.c.digest == ITEM.c.case_digest)
        .where(ITEM.c.dataset_id == dataset_id)
        .order_by(ITEM.c.position)
        .limit(PAGE)
    )
    after = -1
    while page := connection.execute(query.where(ITEM.c.position > after)).all():
        for position, inputs, expected, metadata in page:
            after = position
            yield from ((f"inputs.{name}", _kind(value)) for name, value in _json(inputs).items())
            if expected is not None:
                yield "expected", _kind(_json(expected))
            yield from ((f"metadata.{name}", _kind(value)) for name, value in _json(metadata).items())


def _json(stored: str) -> Any:
    # Escapes of what no database holds stay: control characters may stand in texts all the same.
    return json.loads(stored, strict=False)


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}
    return kinds.get(type(value), "null")
