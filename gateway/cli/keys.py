"""
`gateway keys`: the signing keys in the key file. A running gateway takes a change up by itself.

`gateway.cli.keystore` says how; what a key has leaked for is in `gateway.cli.keyleak`, and what is to be
looked at in `gateway.cli.keycheck`.
"""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway.cli import ConfigFile, keycheck, keyleak
from gateway.cli.keystore import KeyStore, Lacks, moment, say
from gateway.errors import ConfigurationError
from gateway.keyring import SECRET_BYTES, Key, KeyRing, Status
from gateway.ledger import issuing, keychanges
from gateway.ledger.replicas import Replica
from gateway.secret import Secret
from gateway.settings import parse_duration

app = typer.Typer(help="Signing keys: make, rotate, retire, revoke, list, check.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="The key's id, as `gateway keys list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[
    str | None, typer.Option("--by", help="Who does it, for the history; user@host where it is not given.")
]
#: Within that a running gateway has taken up a change and said so.
_TAKEN_UP_SECONDS = 3.0


@app.command()
def init(
    config: ConfigFile = None,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Leave a key file that is there alone.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """
    Make the key file with a first key.

    Example: gateway keys init --if-missing
    """
    store = KeyStore.of(config, by)
    if if_missing and store.path.exists():
        primary = store.load().primary.id
        text = f"{store.path}: is there, left alone; primary key {primary}"
        say(as_json, text, key=primary, made=False)
        return
    with store.alone():
        key = fresh(store, Status.PRIMARY)
        store.put(KeyRing((key,), store.settings.deployment), ("init", key.id), new=True)
    store.tell(
        as_json,
        f"{store.path}: made, mode 0600, primary key {key.id}. Keep a copy of it safe.",
        key=key.id,
        made=True,
    )


@app.command()
def add(config: ConfigFile = None, by: By = None, as_json: AsJson = False) -> None:
    """
    Add a key that verifies only: the first step of a rotation.

    Example: gateway keys add
    """
    store = KeyStore.of(config, by)
    with store.alone():
        key = _add(store, store.load())
    store.tell(
        as_json,
        f"{key.id}: added. Once every gateway has taken it up: gateway keys promote {key.id}",
        key=key.id,
        status=key.status,
    )


@app.command()
def promote(key_id: KeyId, config: ConfigFile = None, by: By = None, as_json: AsJson = False) -> None:
    """
    Make a key primary: it signs from now on, the old one goes on verifying.

    Refused while a running gateway does not have it yet.

    Example: gateway keys promote k2611ab12
    """
    _promote(KeyStore.of(config, by), key_id, as_json, _TAKEN_UP_SECONDS)


@app.command()
def rotate(
    config: ConfigFile = None,
    wait: Annotated[str, typer.Option(help="How long the gateways get to take it up.")] = "2m",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """
    Add a key, wait until every running gateway has it, make it primary: `add` and `promote` in one.

    Example: gateway keys rotate
    """
    seconds = _seconds(wait, "--wait")
    store = KeyStore.of(config, by)
    with store.alone():
        ring = store.load()
        if ring.waiting is not None:
            raise ConfigurationError(
                f"{ring.waiting.id} was added and is not primary: that rotation has to end first, with "
                f"gateway keys promote {ring.waiting.id}, or with gateway keys retire {ring.waiting.id}"
            )
        key = _add(store, ring)
    if store.mounted:
        store.tell(as_json, f"{key.id}: added. Once it is applied: gateway keys promote {key.id}")
        return
    typer.echo(f"{key.id}: added.", err=True)
    _promote(store, key.id, as_json, seconds, progress=True)


@app.command()
def retire(key_id: KeyId, config: ConfigFile = None, by: By = None, as_json: AsJson = False) -> None:
    """
    Make a key do nothing any more; refused while open callbacks need it, or a gateway signs with it.

    Example: gateway keys retire k2610cd34
    """
    store = KeyStore.of(config, by)
    store.load().retire(key_id)  # what can't be is said before anything is waited for

    def signs(one: Replica) -> str | None:
        return f"signs with it: {_why(one)}" if one.primary == key_id else None

    if signing := store.lacking(signs, _TAKEN_UP_SECONDS):
        raise ConfigurationError(f"{key_id} is not retired:\n" + _listed(signing))
    # Looked for after that, so that no URL comes with it any more.
    _refuse_if_needed(store, key_id)
    with store.alone():
        ring = store.load()
        if ring.retire(key_id) != ring:
            store.put(ring.retire(key_id), ("retire", key_id))
    store.tell(as_json, f"{key_id}: disabled. Its URLs are answered 404.", key=key_id, status=Status.DISABLED)


@app.command()
def revoke(
    key_id: KeyId,
    config: ConfigFile = None,
    reissue: Annotated[
        bool,
        typer.Option("--reissue", help="Keep its open callbacks open and print a new URL for each."),
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """
    For a key that has leaked: at once it does nothing, and every open callback signed with it is closed.

    They are listed; with --reissue they stay open, with the new URLs that are printed. A primary key is
    replaced by a fresh one first. Given again, it lists again.

    Example: gateway keys revoke k2610cd34 --reissue
    """
    store = KeyStore.of(config, by)
    with store.alone():
        ring = store.load()
        known = ring.key(key_id)
        if known is None or known.status is not Status.REVOKED:
            done = [("revoke", key_id)]
            if ring.primary.id == key_id:
                new = fresh(store, Status.ENABLED, ring)
                ring = ring.add(new).promote(new.id)
                done += [("add", new.id), ("promote", new.id)]
            # One write: whoever reads finds it done or not begun.
            store.put(ring.revoke(key_id, moment(), reissue), *done)
        elif reissue and known.successor is None:
            raise ConfigurationError(
                f"{key_id} is revoked already and its callbacks are closed: their services have to issue "
                f"new ones. gateway keys revoke {key_id} lists them"
            )
    keyleak.tell(store, key_id, as_json, _TAKEN_UP_SECONDS)


@app.command("list")
def list_keys(
    config: ConfigFile = None,
    history: Annotated[
        bool, typer.Option("--history", help="List who changed what, and when, instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """
    List the keys by id, status, age and fingerprint; or every change of them.

    Example: gateway keys list --history
    """
    store = KeyStore.of(config)
    if history:
        keycheck.show_history(store, as_json)
    else:
        keycheck.show_keys(store, as_json)


@app.command()
def check(
    config: ConfigFile = None,
    max_age: Annotated[str, typer.Option(help="A primary key that is older is due.")] = "90d",
    as_json: AsJson = False,
) -> None:
    """
    Say whether the key file is sound, every running gateway has the same keys, and what is due.

    Exit code 1 where something is wrong or due.

    Example: gateway keys check --max-age 90d
    """
    keycheck.check(KeyStore.of(config), _seconds(max_age, "--max-age"), as_json)


def fresh(store: KeyStore, status: Status, ring: KeyRing | None = None) -> Key:
    """A new key, of an id that was never used."""
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        used = set(store.look(keychanges.used) or ())
    except ConfigurationError:
        used = set()  # no ledger: should the id be an old one, no gateway takes it
    used |= {key.id for key in ring.keys} if ring else set()
    while True:
        # The month and four random letters: short in an URL, and ops see how old a key is.
        key_id = f"k{now:%y%m}{secrets.token_hex(2)}"
        if key_id not in used:
            return Key(key_id, Secret(os.urandom(SECRET_BYTES)), status, now)


def _add(store: KeyStore, ring: KeyRing) -> Key:
    key = fresh(store, Status.ENABLED, ring)
    store.put(ring.add(key), ("add", key.id))
    return key


def _promote(store: KeyStore, key_id: str, as_json: bool, seconds: float, progress: bool = False) -> None:
    ring = store.load()
    if ring.primary.id == key_id:
        say(as_json, f"{key_id}: is primary already.", key=key_id, status=Status.PRIMARY)
        return
    ring.promote(key_id)  # what can't be is said before anything is waited for
    if lacking := store.lacking(_without(ring, key_id), seconds, progress):
        raise ConfigurationError(
            f"{key_id} is not promoted: URLs that it signs would be answered 404 by\n{_listed(lacking)}\n"
            f"gateway keys promote {key_id} tries again; a gateway that was killed is forgotten after 30 s"
        )
    with store.alone():
        ring = store.load()
        store.put(ring.promote(key_id), ("promote", key_id))
    store.tell(
        as_json,
        f"{key_id}: primary. {ring.primary.id} goes on verifying the URLs that it has signed.",
        key=key_id,
        status=Status.PRIMARY,
        previous=ring.primary.id,
    )


def _without(ring: KeyRing, key_id: str) -> Lacks:
    key = ring.key(key_id)
    assert key is not None

    def lacks(one: Replica) -> str | None:
        return None if one.verifies(key) else f"has not taken it up: {_why(one)}"

    return lacks


def _why(one: Replica) -> str:
    return one.error or f"it has reported {one.silent:.0f} s ago, and has {', '.join(one.keys)}"


def _listed(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _seconds(text: str, option: str) -> float:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    assert isinstance(found, timedelta)
    return found.total_seconds()


def _refuse_if_needed(store: KeyStore, key_id: str) -> None:
    needs = store.look(issuing.needing(key_id, time.time()))
    if not needs:
        return
    lines = [
        f"{need.callbacks} of client {need.client or '(adopted)'}, source {need.source}, "
        f"the last until {datetime.fromtimestamp(need.last_expiry, UTC):%Y-%m-%d %H:%M}Z"
        for need in needs
    ]
    raise ConfigurationError(
        f"{key_id} is not retired: open callbacks need it, their URLs would be answered 404:\n"
        + _listed(lines)
    )
