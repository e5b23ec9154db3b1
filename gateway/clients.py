"""
The clients, who may issue callbacks: those of the configuration, and those of the clients file.

The file is what `gateway clients` writes: the same tables as `[clients]`, as JSON. A client that the
configuration describes may have its tokens there, so that these rotate while the gateway runs. Nothing in
it is secret; whoever can write it can issue.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gateway.errors import ConfigurationError
from gateway.filewatch import FileWatch
from gateway.settings import CLIENT_NAME, Client
from gateway.targets import Awakeable, Handler, Target

#: Two while one takes the other's place.
MAX_TOKENS = 2
_MODE = 0o644
_TOKENS = "token_sha256"
_MAX_FILE = 1 << 20
_FORM = TypeAdapter(dict[str, dict[str, Client]])


def fingerprint(digest: str) -> str:
    """What a token is called: the first eight hex digits of its SHA-256."""
    return digest[:8]


def target_name(target: Target) -> str:
    """What a client's `targets` are matched with: `awakeable`, or service and handler."""
    match target:
        case Awakeable():
            return "awakeable"
        case Handler(service, _, handler):
            return f"{service}/{handler}"
        case _:
            return f"{target.workflow}/{target.handler}"


@dataclass(frozen=True, slots=True)
class Clients:
    """
    All clients, by name and by the SHA-256 of their tokens.

    Raises `ConfigurationError` for more than two tokens of one client and for one token of two.
    """

    by_name: dict[str, Client]
    by_digest: dict[str, str]

    @classmethod
    def of(cls, configured: Mapping[str, Client], filed: Mapping[str, Client], file: Path) -> Clients:
        """Those of the configuration together with those of the file."""
        by_name = dict(configured)
        for name, client in filed.items():
            described = configured.get(name)
            if described is None:
                by_name[name] = client
                continue
            own = sorted(client.model_fields_set - {_TOKENS})
            if own:
                raise ConfigurationError(
                    f"clients_file: {file}: clients.{name}.{own[0]}: the configuration describes this "
                    "client; here it may have tokens only"
                )
            tokens = tuple(dict.fromkeys(described.token_sha256 + client.token_sha256))
            if len(tokens) > MAX_TOKENS:
                raise ConfigurationError(
                    f"clients_file: {file}: clients.{name} has {len(tokens)} tokens together with those of "
                    f"the configuration; at most {MAX_TOKENS} are needed, while one takes the other's place"
                )
            by_name[name] = described.model_copy(update={_TOKENS: tokens})
        by_digest: dict[str, str] = {}
        for name, client in by_name.items():
            for digest in client.token_sha256:
                other = by_digest.setdefault(digest, name)
                if other != name:
                    where = f"clients_file: {file}: " if {name, other} & filed.keys() else ""
                    raise ConfigurationError(
                        f"{where}clients.{name}: its token {fingerprint(digest)} is that of clients.{other} "
                        "too; each client needs its own"
                    )
        return cls(by_name, by_digest)


def load(file: Path) -> dict[str, Client] | None:
    """
    The clients in a clients file; None where it is not there.

    Raises `ConfigurationError` for one that can't be used, or that others can write.
    """
    try:
        # A pipe in its place must not hold up a gateway that looks again.
        with open(file, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(_MAX_FILE) or b""
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"clients_file: {file}: {error.strerror}") from None
    if mode & 0o022:
        raise ConfigurationError(
            f"clients_file: {file} has mode {mode & 0o777:04o}: others can write it, and so issue; chmod 644 "
            "it, and look at who is in it"
        )
    try:
        document = _FORM.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"clients_file: {file}: {f'{where}: ' if where else ''}{message}; what is needed is "
            '{"clients": {"orders": {"token_sha256": [...]}}}, as "gateway clients add" writes it'
        ) from None
    if document.keys() != {"clients"}:
        raise ConfigurationError(f'clients_file: {file}: {{"clients": {{...}}}} is needed, and nothing else')
    for name in document["clients"]:
        if not CLIENT_NAME.fullmatch(name):
            raise ConfigurationError(
                f"clients_file: {file}: clients.{name[:40]}: a client is named with 1 to 32 of a-z, 0-9 "
                'and "-"'
            )
    return document["clients"]


def save(file: Path, clients: Mapping[str, Client]) -> None:
    """Write a clients file, whole or not at all. Raises `ConfigurationError`."""
    tables = {name: client.model_dump(mode="json", exclude_unset=True) for name, client in clients.items()}
    try:
        descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(descriptor, "w") as opened:
                os.fchmod(descriptor, _MODE)
                opened.write(json.dumps({"clients": tables}, indent=2) + "\n")
                opened.flush()
                os.fsync(descriptor)
            os.rename(beside, file)
        except BaseException:
            os.unlink(beside)
            raise
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the rename itself is durable only once the folder is
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(
            f"clients_file: {file}: {error.strerror}; where it is mounted from elsewhere, change a copy "
            "(GATEWAY_CLIENTS_FILE=copy.json gateway clients …) and put that in its place there"
        ) from None


class WatchedClients:
    """
    `clients` are those in force; `error` says why a newer file was not taken, and `load_errors` counts that.

    A file that is broken, or has vanished, leaves the last good clients in force. Raises
    `ConfigurationError` for what is wrong at start.
    """

    def __init__(
        self,
        file: Path,
        configured: Mapping[str, Client],
        on_change: Callable[[Clients], None],
        on_error: Callable[[str], None],
    ) -> None:
        self.on_change = on_change
        self.on_error = on_error
        self.error: str | None = None
        self.load_errors = 0
        self._file = file
        self._configured = configured
        self._watch = FileWatch([str(file)])
        self.clients = Clients.of(configured, load(file) or {}, file)

    def refresh(self) -> None:
        """Take up the file if it has changed."""
        if not self._watch.changed():
            return
        try:
            filed = load(self._file)
            if filed is None:
                raise ConfigurationError(
                    f"clients_file: {self._file} is gone; the last good clients stay in force"
                )
            clients = Clients.of(self._configured, filed, self._file)
        except ConfigurationError as error:
            self.error = str(error)
            self.load_errors += 1
            self.on_error(self.error)
            return
        self.error = None
        self.clients = clients
        self.on_change(clients)
