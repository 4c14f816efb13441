"""Runs the migrations on the connection that `Database.migrate` hands over."""

from alembic import context

from server.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transaction_per_migration=False
)
context.run_migrations()
