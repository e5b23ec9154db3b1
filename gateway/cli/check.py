"""`gateway check`: configuration and what it leads to, looked at before a deploy. It changes nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from gateway import clients, given, keyfile, settings, sources
from gateway.cli import AsJson, ConfigFile, outside
from gateway.cli.findings import Finding, fail, ok, show, warn
from gateway.cli.restate_health import judge
from gateway.cli.serve import Workers, chosen
from gateway.errors import ConfigurationError
from gateway.ledger import look
from gateway.ledger.migrate import HEAD
from gateway.ledger.worker import Transaction
from gateway.listening import internal_addresses
from gateway.reach import reach
from gateway.secret import Secret
from gateway.settings import Settings
from gateway.workers import sharing

_SQLITE = "sqlite:///"
#: A ledger that can't write makes every provider wait.
_ROOM = 1 << 30
#: The oldest PostgreSQL whose SQL the ledger's is.
_POSTGRES = 140_000


def check(config: ConfigFile = None, workers: Workers = None, as_json: AsJson = False) -> None:
    """
    Look at a configuration and what it leads to: keys, secrets, ledger, Restate, addresses.

    No gateway has to run, nothing is changed. Exit code 1 where one would not start or not work.

    Example: gateway check --config gateway.toml
    """
    try:
        loaded = chosen(settings.load(config), workers)
    except ConfigurationError as error:
        show([fail("settings", str(error), "correct what is listed")], as_json)
        return
    show([ok("settings", "the configuration loads"), *_examine(loaded)], as_json)


def _examine(loaded: Settings) -> Iterator[Finding]:
    yield from _public_url(loaded)
    yield from _listening("listen.public", loaded.listen.public)
    yield from _workers(loaded)
    yield from _keys(loaded)
    yield from _sources(loaded)
    yield from _clients(loaded)
    yield from _ledger(loaded)
    yield from _restate(loaded)


def _public_url(loaded: Settings) -> Iterator[Finding]:
    insecure = list(outside.plain_http(loaded.public_url))
    yield from insecure
    host = urlsplit(loaded.public_url).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        yield warn(
            "public_url", f"{host} has no address, seen from here", "a DNS entry, or another public_url"
        )
        return
    if not insecure:
        yield ok("public_url", f"{loaded.public_url}; `gateway doctor` tells whether it leads here")


def _listening(setting: str, address: str) -> Iterator[Finding]:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104  # nothing is bound to it here
    try:
        family, kind, _, _, bound = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(bound)
    except OSError as error:
        near = ("127.0.0.1" if host == "0.0.0.0" else "[::1]") if everywhere else address.rpartition(":")[0]  # noqa: S104  # as above
        if _is_gateway(f"http://{near}:{port}"):
            yield ok(setting, f"{address} is taken by a gateway that runs")
        else:
            yield fail(setting, f"{address}: {error.strerror}", "another address, or the other program's end")
        return
    if setting == "listen.internal" and everywhere:
        yield warn(
            setting,
            f"{address} is every address of this machine, and the listener is for services and ops only",
            "a private address; or, in a container, no published port",
        )
    else:
        yield ok(setting, f"{address} is free")


def _workers(loaded: Settings) -> Iterator[Finding]:
    try:
        sharing.check(loaded, os.environ)
    except ConfigurationError as error:
        yield fail("workers", str(error), "correct it; a gateway would not start")
        return
    for address in internal_addresses(loaded.listen):
        yield from _listening("listen.internal", address)


def _is_gateway(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", trust_env=False, timeout=2).text == "ok\n"
    except httpx.HTTPError:
        return False


def _keys(loaded: Settings) -> Iterator[Finding]:
    try:
        ring = keyfile.load(loaded.keys.file, loaded.deployment)
    except ConfigurationError as error:
        yield fail("keys", str(error), "correct it; a gateway would not start")
        return
    yield ok("keys", f"{len(ring.keys)} in {loaded.keys.file}, {ring.primary.id} is primary")


def _sources(loaded: Settings) -> Iterator[Finding]:
    try:
        found = sources.load(loaded, os.environ)
    except ConfigurationError as error:
        yield fail("sources", str(error), "correct it; a gateway would not start")
        return
    for absent in found.absent:
        yield warn("sources", absent, "put the secret there, or take the entry out")
    for name in found.closed:
        yield warn(
            "sources",
            f"{name} is closed: it has no secret, every webhook is answered 401",
            f"sources.{name}.secrets",
        )
    if not found.by_name:
        yield warn("sources", "there is none: nothing can be issued but approvals", "a table [sources.NAME]")
    elif not found.absent and not found.closed:
        yield ok("sources", f"{len(found.by_name)}, all with their secrets")


def _clients(loaded: Settings) -> Iterator[Finding]:
    file = loaded.clients_file
    try:
        known = clients.Clients.of(loaded.clients, clients.load(file) or {}, file).by_name
    except ConfigurationError as error:
        yield fail("clients", str(error), "correct it; a gateway would not start")
        return
    if not known:
        yield warn("clients", "there is none: nobody can issue a callback", "gateway clients add NAME")
        return
    ops = [name for name, client in known.items() if client.ops]
    yield ok("clients", f"{len(known)}; ops: {', '.join(ops) or 'none'}")


def _ledger(loaded: Settings) -> Iterator[Finding]:
    try:
        url = sources.ledger_url(loaded, os.environ)
        text = url.reveal().decode()
        if text.startswith(_SQLITE):
            yield from _sqlite(url, Path(text.removeprefix(_SQLITE)))
        else:
            yield from _postgres(url)
    except ConfigurationError as error:
        yield fail("ledger", str(error), "correct it; a gateway would not start")


def _sqlite(url: Secret, file: Path) -> Iterator[Finding]:
    folder = next(parent for parent in (file.parent, *file.parent.parents) if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield fail(
            "ledger",
            f"{folder} is no folder that this user can write to",
            "the user that the gateway runs as owns it",
        )
        return
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        yield warn(
            "ledger",
            f"{folder} has {free / 1e6:.0f} MB left; without room every webhook is answered 503",
            "make room, or shorten ledger.keep_bodies",
        )
    yield _schema(str(file), look(url, _version))


def _postgres(url: Secret) -> Iterator[Finding]:
    def server(tx: Transaction) -> tuple[int, str | None]:
        row = tx.one("SELECT current_setting('server_version_num') AS number", {})
        return int(row["number"]) if row else 0, _version(tx)

    found = look(url, server)
    if found is None:
        yield _schema("the database", None)
        return
    number, version = found
    if number < _POSTGRES:
        yield fail("ledger", f"PostgreSQL {number // 10_000} is too old", "PostgreSQL 14 or newer")
    else:
        yield _schema(f"PostgreSQL {number // 10_000}", version)


def _version(tx: Transaction) -> str | None:
    row = tx.one("SELECT version_num FROM alembic_version", {})
    return str(row["version_num"]) if row else None


def _schema(where: str, found: str | None) -> Finding:
    if found is None:
        return ok("ledger", f"{where}: a gateway's first start makes the tables")
    if found > HEAD:
        return fail(
            "ledger",
            f"{where} was written by a newer gateway (schema {found}, this one knows {HEAD})",
            "start that version, or restore a backup from before the upgrade",
        )
    after = "" if found == HEAD else f", which the next start brings to {HEAD}: make a backup first"
    return ok("ledger", f"{where} can be read, schema {found}{after}")


def _restate(loaded: Settings) -> Iterator[Finding]:
    token = None
    if loaded.restate.auth_token is not None:
        try:
            token = given.read_secret("restate.auth_token", loaded.restate.auth_token, os.environ)
        except ConfigurationError as error:
            yield fail("restate", str(error), "correct it; a gateway would not start")
            return
        if not token:
            yield fail(
                "restate", "restate.auth_token: there is none at the place that is named", "put it there"
            )
            return
    yield from judge(asyncio.run(reach(loaded.restate, token)), time.time())
    if loaded.restate.admin_url is None:
        yield warn(
            "restate",
            "there is no restate.admin_url: targets are not checked, nobody knows whether values took effect",
            "set it to the admin API's private address",
        )
