"""
The ledger: callbacks, deliveries, their events, aliases, approvals; uses of secrets; gateways and their keys.

Times are milliseconds since the epoch, `expires_at` whole seconds, since it stands in the token.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        # JSON of the target; it holds the awakeable id: the file is 0600.
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("rules", sa.Text),  # JSON {"succeed_on", "fail_on"}; null: the source's own
        sa.Column("on_failure", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        # Digest of client, source, target and label; null: not the last one issued for them, or forgotten.
        sa.Column("identity", sa.LargeBinary),
        sa.Column("metadata", sa.Text),  # JSON
        sa.Column("reference", sa.Text, nullable=False, unique=True),
        sa.Column("key_id", sa.Text, nullable=False),  # "": it has no URL of its own
        sa.Column("previous_key_id", sa.Text),  # its URL before this one was signed with: that key leaked
        sa.Column("public_url", sa.Text, nullable=False),  # what its URL begins with
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("state_at", sa.BigInteger, nullable=False),
        sa.Column("adopted", sa.Boolean, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),  # of the last event of a stream
        sa.Column("idempotency_key", sa.Text),
        sa.Column("request_digest", sa.LargeBinary),
        # Whether the invocation was still there when its value came: yes, no, unknown.
        sa.Column("took_effect", sa.Text, nullable=False),
        sa.Column("orphaned", sa.Boolean, nullable=False),  # open, but nobody waits any more
        sa.Column("check_at", sa.BigInteger),  # when Restate is next asked who waits; null: never again
        sa.Column("approval", sa.Text),  # JSON of what is asked; null: not an approval
    )
    op.create_index("callbacks_idempotency", "callbacks", ["client", "idempotency_key"], unique=True)
    # Issuing again for the same client, source, target and label supersedes: only one is open. It is the last
    # one that was issued, and only that one has the identity: completing it changes nothing here.
    _partial_index("callbacks_identity", "callbacks", ["identity"], "identity IS NOT NULL", unique=True)
    _partial_index("callbacks_expiring", "callbacks", ["expires_at"], "state = 'open'")
    # How many a client has, what a key that is retired or revoked is needed for, and what metrics count.
    _partial_index(
        "callbacks_open", "callbacks", ["client", "key_id", "source", "orphaned"], "state = 'open'"
    )
    _partial_index("callbacks_check", "callbacks", ["check_at"], "check_at IS NOT NULL")

    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("callback_id", sa.Text),  # null: came to the account's URL
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),  # JSON pairs: those that the provider reads
        sa.Column("body", sa.LargeBinary),  # null: not kept (any more)
        sa.Column("size", sa.BigInteger),  # of the body as it came: more than is kept where it was cut
        sa.Column("secret", sa.Text, nullable=False),  # fingerprint of the secret that matched
        # What became of it where it has no events: unverified, malformed, challenge. Null: see its events.
        sa.Column("outcome", sa.Text),
        sa.Column("reason", sa.Text),  # which step refused it, in our own words
        sa.Column("replay_of", sa.Text),  # the delivery whose bytes these are
        sa.Column("eventless", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    # Any other delivery of a callback has an event of it. By its receipt one is found by its id.
    _partial_index("deliveries_eventless", "deliveries", ["callback_id"], "eventless = true")
    _partial_index("deliveries_bodies", "deliveries", ["received_at"], "body IS NOT NULL")
    # The last so many of a source are kept.
    _partial_index("deliveries_refused", "deliveries", ["source", "id"], "outcome IS NOT NULL")
    _partial_index("deliveries_replays", "deliveries", ["replay_of"], "replay_of IS NOT NULL")
    op.create_index("callbacks_over", "callbacks", ["expires_at"])

    op.create_table(
        "events",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger, "postgresql"), primary_key=True),
        sa.Column("delivery_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        # Whatever is as usual is left to a column's default: each value that is written costs.
        sa.Column("type_verified", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("id_covered", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("verdict", sa.Text, nullable=False),
        # What the signature covers; null: nothing, or the id as well, and then nobody asks.
        sa.Column("covered_digest", sa.LargeBinary),
        sa.Column("data_digest", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary),  # null: the delivery's body
        sa.Column("json", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("time", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("callback_id", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        # Whether it takes effect: pending, completed or progress. What Restate takes changes no index by it.
        sa.Column("effect", sa.Boolean, nullable=False),
        sa.Column("conflict", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("contradicts", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("sequence", sa.BigInteger),  # in its callback's stream
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text),  # the last answer of Restate, without its text
    )
    # An effect is (event, callback), unique: what was dropped or is dead can still gain one.
    _partial_index(
        "events_effect",
        "events",
        ["source", "event_id", "callback_id"],
        "effect = true",
        unique=True,
    )
    _partial_index("events_owed", "events", ["not_before"], "outcome = 'pending'")
    # Whether an older one is: a stream can have any number of events.
    _partial_index(
        "events_stream",
        "events",
        ["callback_id", "sequence"],
        "outcome = 'pending' AND sequence IS NOT NULL",
    )
    # Few at any time: they are counted for the metrics.
    _partial_index("events_dead", "events", ["id"], "outcome = 'dead'")
    op.create_index("events_delivery", "events", ["delivery_id"])
    op.create_index("events_callback", "events", ["callback_id"])
    # Asked only where the event's id could be forged.
    _partial_index("events_covered", "events", ["source", "covered_digest"], "covered_digest IS NOT NULL")

    op.create_table(
        "aliases",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("alias", sa.Text, primary_key=True),
        sa.Column("callback_id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("aliases_callback", "aliases", ["callback_id"])

    # What an event that nobody claimed speaks of: an alias may still name it. One without objects has an
    # empty one: what stands here is what keep_unmatched is about.
    op.create_table(
        "parked",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("object", sa.Text, primary_key=True),
        sa.Column("event", sa.BigInteger, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
    )
    op.create_index("parked_event", "parked", ["event"])
    op.create_index("parked_since", "parked", ["since"])

    # When a source's secret or a client's token was first there and when it was of use, by its fingerprint.
    op.create_table(
        "uses",
        sa.Column("kind", sa.Text, primary_key=True),  # source, client
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("first_used", sa.BigInteger),  # null: never
        sa.Column("last_used", sa.BigInteger),
    )

    # The gateways that share this ledger, a row for each start of one, and the keys that it has in force.
    op.create_table(
        "replicas",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),  # host and process, for people
        sa.Column("keys", sa.Text, nullable=False),  # JSON {id: {"status", "fingerprint"}}
        sa.Column("error", sa.Text),  # why it did not take a newer key file
        sa.Column("seen_at", sa.BigInteger, nullable=False),  # by the ledger's clock
    )

    # Every key id that was ever used: another key must not have it.
    op.create_table(
        "key_ids",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
    )

    op.create_table(
        "key_changes",
        sa.Column("made_at", sa.BigInteger, primary_key=True),
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("action", sa.Text, primary_key=True),
        sa.Column("made_by", sa.Text, nullable=False),
    )


def _partial_index(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    """An index of the rows for which a condition holds, in either store."""
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
