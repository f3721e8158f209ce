"""Runs the migration scripts on the connection that promptlab.store.migrate hands in, inside its transaction."""

from __future__ import annotations

from alembic import context

from promptlab.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
