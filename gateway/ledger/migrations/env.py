"""Alembic's entry point: runs the migrations on the connection that `gateway.ledger.migrate` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
