"""`gateway token`: what a callback's URL says, told to whoever has the key file. It asks no gateway."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from gateway import keyfile, settings, targets, tokens
from gateway.cli import AsJson, ConfigFile
from gateway.cli.showing import print_json
from gateway.envelope import timestamp
from gateway.errors import ConfigurationError, NotAuthentic
from gateway.keyring import KEY_ID, Key, KeyRing, Purpose
from gateway.settings import OWN_SOURCES, Settings
from gateway.targets import Awakeable
from gateway.tokens import Claims

app = typer.Typer(help="Tokens, as they stand in callback URLs: inspect.", no_args_is_help=True)


@app.callback()
def token() -> None:
    """Tokens, as they stand in callback URLs: inspect."""


@app.command()
def inspect(
    given: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL]",
            help="The URL, or its path. Without it, it is asked for, or read from stdin: it is a credential, "
            "and shells keep commands.",
        ),
    ] = None,
    config: ConfigFile = None,
    source: Annotated[
        str | None, typer.Option(help="The source, where only the token of a /c/ URL is given.")
    ] = None,
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Show an awakeable's id too: whoever has it can end its invocation."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """
    Say what a callback URL or an approval link is for: source, key, target, expiry. It needs the key file.

    Exit code 1 where it is not authentic, with the part that is wrong.

    Example: gateway token inspect < url.txt
    """
    if given is None:
        asked = typer.prompt("URL", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        given = str(asked)
    loaded = settings.load(config)
    ring = keyfile.load(loaded.keys.file, loaded.deployment)
    purpose, of_source, text = _parts(given.strip(), source)
    claims, key = _read(loaded, ring, purpose, of_source, text)
    document = _document(loaded, claims, key, purpose, reveal)
    if as_json:
        print_json(document)
        return
    for name, value in document.items():
        typer.echo(f"{name:<10} {_shown(value)}")


def _parts(given: str, source: str | None) -> tuple[Purpose, str, str]:
    """The purpose, source and token in a URL, a path, or a token alone."""
    path = urlsplit(given).path
    *_, kind, first, last = ["", "", *path.split("/")]
    if kind == "c":
        if source not in (None, first):
            raise ConfigurationError(f"--source: the URL is one of the source {first}, not of {source}")
        return Purpose.CALLBACK, first, last
    if first == "a":
        return Purpose.APPROVAL, "approvals", last
    if first == "s":
        raise ConfigurationError(
            f"/s/{last} is the URL of an account: there is no token in it, events name their callbacks"
        )
    if "/" in path or not path:
        raise ConfigurationError("no callback's URL: https://…/c/SOURCE/TOKEN or https://…/a/TOKEN is needed")
    if source is None:
        raise ConfigurationError("--source: a token is for one source, which its URL names; which one is it?")
    return Purpose.CALLBACK, source, path


def _read(loaded: Settings, ring: KeyRing, purpose: Purpose, source: str, text: str) -> tuple[Claims, Key]:
    """What it says; raises `ConfigurationError` that tells which part of it is wrong."""
    try:
        return tokens.read(source, text, ring, purpose)
    except NotAuthentic:
        raise ConfigurationError(f"not authentic: {_why(loaded, ring, purpose, source, text)}") from None


def _why(loaded: Settings, ring: KeyRing, purpose: Purpose, source: str, text: str) -> str:
    # The same key, whatever its status: what is wrong has to be told from what only is over.
    key_id = text.partition(".")[0]
    key = ring.key(key_id)
    if text.count(".") != 2 or not KEY_ID.fullmatch(key_id):
        return "a token has three parts with dots between: key id, what it is for, signature; was it cut off?"
    if key is None:
        known = ", ".join(one.id for one in ring.keys)
        return f"its key {key_id} is not in {loaded.keys.file}, which has {known}"
    if ring.verifying(key_id) is None:
        return f"its key {key_id} is {key.status}: the URLs that it has signed are answered 404"
    others = [name for name in (*loaded.sources, *OWN_SOURCES) if name != source]
    for other_purpose in (Purpose.CALLBACK, Purpose.APPROVAL):
        for name in [source, *others]:
            if (other_purpose, name) != (purpose, source) and _fits(ring, other_purpose, name, text):
                return (
                    f"it was issued for the source {name}, as {_kind(other_purpose)}, and is good there only"
                )
    return (
        f"its signature does not fit the key {key_id} (fingerprint {key.fingerprint}) and the deployment "
        f"{loaded.deployment}: it was changed on the way, or is another deployment's, or the key's bytes are "
        "not those that signed it"
    )


def _fits(ring: KeyRing, purpose: Purpose, source: str, text: str) -> bool:
    try:
        tokens.read(source, text, ring, purpose)
    except NotAuthentic:
        return False
    return True


def _kind(purpose: Purpose) -> str:
    return "a link for approval" if purpose is Purpose.APPROVAL else "a callback's URL"


def _document(loaded: Settings, claims: Claims, key: Key, purpose: Purpose, reveal: bool) -> dict[str, Any]:
    target = targets.as_json(claims.target)
    if isinstance(claims.target, Awakeable) and not reveal:
        target = {"awakeable": "hidden, --reveal shows it"}
    expired = time.time() > claims.expires_at
    return {
        "callback": claims.callback_id,
        "kind": _kind(purpose),
        "source": claims.source,
        "configured": claims.source in loaded.sources or claims.source in OWN_SOURCES,
        "key": key.id,
        "status": key.status,
        "expires_at": timestamp(claims.expires_at),
        "expired": expired,
        "target": target,
        "on_failure": claims.on_failure,
        "succeed_on": list(claims.rules.succeed_on) if claims.rules else None,
        "fail_on": list(claims.rules.fail_on) if claims.rules else None,
        "recipient": claims.recipient,
    }


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} {part}" for name, part in value.items())
        case list():
            return ", ".join(value) or "-"
    return str(value)
