"""Whether several processes can serve a configuration together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway import sources
from gateway.errors import ConfigurationError
from gateway.listening import internal_addresses
from gateway.settings import Listen, Settings

_LAST_PORT = 65535


def check(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise `ConfigurationError`, which says everything that is in the way of `listen.workers` processes."""
    if settings.listen.workers == 1:
        return
    problems = list(_addresses(settings.listen))
    if sources.ledger_url(settings, environ).reveal().startswith(b"sqlite:"):
        problems.insert(
            0,
            f"listen.workers: {settings.listen.workers} processes can't share a ledger in an SQLite file, "
            "which one process owns; 1 worker, or a ledger in PostgreSQL (ledger.url; `gateway ledger copy` "
            "takes what there is to it)",
        )
    if problems:
        raise ConfigurationError("\n  ".join(problems))


def _addresses(listen: Listen) -> Iterator[str]:
    public, *ports = (int(one.rpartition(":")[2]) for one in (listen.public, *internal_addresses(listen)))
    if 0 in (public, ports[0]):
        yield (
            f"{'listen.internal' if public else 'listen.public'}: port 0 is another one each time; "
            "with several workers a port that stays is needed"
        )
    elif ports[-1] > _LAST_PORT:
        yield (
            f"listen.internal: worker {listen.workers} would have the port {ports[-1]}, for each has the one "
            f"above the worker's before it; {_LAST_PORT + 1 - listen.workers} or a lower port is needed"
        )
    elif public in ports:
        yield (
            f"listen.internal: worker {ports.index(public) + 1} would have the port {public}, that of "
            "listen.public, for each has the one above the worker's before it; "
            f"{listen.workers} other ports in a row are needed"
        )
