"""`gateway deliveries`: what came in, and doing it again. It asks a running gateway."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any

import typer

from gateway.cli import AsJson, ConfigFile, suggesting
from gateway.cli.api import InternalApi, Url
from gateway.cli.following import follow
from gateway.outcome import Outcome
from gateway.settings import parse_duration

app = typer.Typer(
    help="Deliveries: list, show, tail, replay. GATEWAY_TOKEN or GATEWAY_TOKEN_FILE has a client's token.",
    no_args_is_help=True,
)

DeliveryId = Annotated[
    str, typer.Argument(help="The delivery's id, dl_…, as `gateway deliveries list` shows it.")
]
SourceName = Annotated[
    str | None, typer.Option(help="Of this source only.", autocompletion=suggesting.sources)
]
#: A page of the API.
_PAGE = 500


def _moment(text: str) -> datetime:
    """A time as it is typed: a duration before now, or RFC 3339, in UTC unless it says otherwise."""
    try:
        found = parse_duration(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise typer.BadParameter(
                f'"{text}": "24h" or "2026-11-23T08:00:00Z" is needed', param_hint="--since"
            ) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    assert isinstance(found, timedelta)
    try:
        return datetime.now(UTC) - found
    except OverflowError:
        return datetime.fromtimestamp(0, UTC)


@app.command("list")
def list_deliveries(
    config: ConfigFile = None,
    url: Url = None,
    source: SourceName = None,
    callback: Annotated[str | None, typer.Option(help="For this callback only, cb_….")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="With this outcome only.")] = None,
    event_id: Annotated[str | None, typer.Option(help="With this event of the provider's only.")] = None,
    since: Annotated[str | None, typer.Option(help="24h, or a time such as 2026-11-23T08:00:00Z.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """
    List deliveries, newest first.

    Example: gateway deliveries list --outcome dead --since 24h
    """
    moment = _moment(since).isoformat() if since is not None else None
    api = InternalApi.of(url, config)
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(found) < limit:
        page = api.get(
            "/v1/deliveries",
            source=source,
            callback=callback,
            outcome=outcome,
            event_id=event_id,
            since=moment,
            limit=min(limit - len(found), _PAGE),
            cursor=cursor,
        )
        found += page["deliveries"]
        cursor = page["next"]
        if cursor is None:
            break
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        typer.echo("No deliveries.")
        return
    typer.echo(f"{'ID':<29} {'RECEIVED':<20} {'SOURCE':<14} OUTCOME")
    for one in found:
        typer.echo(f"{one['id']:<29} {_time(one)} {one['source']:<14} {_outcome(one)}")


@app.command()
def tail(
    config: ConfigFile = None,
    url: Url = None,
    source: SourceName = None,
    outcome: Annotated[Outcome | None, typer.Option(help="With this outcome only.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin with those since then: 1h, or a time.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """
    Print deliveries as they come in, oldest first, until Ctrl-C.

    Example: gateway deliveries tail --outcome unverified
    """
    begin = _moment(since) if since is not None else None
    api = InternalApi.of(url, config)
    with suppress(KeyboardInterrupt):
        for one in islice(follow(api, begin, source=source, outcome=outcome), count):
            if as_json:
                typer.echo(json.dumps(one, ensure_ascii=False))
            else:
                typer.echo(f"{_time(one)}  {one['id']}  {one['source']:<14}  {_outcome(one)}")


@app.command()
def show(
    delivery_id: DeliveryId,
    config: ConfigFile = None,
    url: Url = None,
    body: Annotated[bool, typer.Option("--body", help="Show the body too: it is a customer's data.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Show a delivery, its events and its replays.

    Example: gateway deliveries show dl_06f3ab9x2k7q8m4n5p6r7s8t9v --body
    """
    found = InternalApi.of(url, config).get(f"/v1/deliveries/{_id(delivery_id)}", body=str(body).lower())
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(f"{found['id']}  {found['method']} to {found['source']}, {_time(found)}")
    typer.echo(f"  for       {found['callback_id'] or 'the account'}")
    typer.echo(f"  body      {found['size']} bytes, {'kept' if found['body_kept'] else 'not kept'}")
    typer.echo(f"  signed    {'secret ' + found['secret'] if found['secret'] else 'no'}")
    if found["replay_of"]:
        typer.echo(f"  replay of {found['replay_of']}")
    if found["outcome"]:
        typer.echo(f"  {_outcome(found)}")
    elif found["reason"]:
        typer.echo(f"  {found['reason']}")
    for event in found["events"]:
        typer.echo(f"  {_event(event)}  (event {event['event_id']})")
    for replay in found["replays"]:
        typer.echo(f"  replayed  {replay['id']}  {_time(replay)} {_outcome(replay)}")
    if found["body"]:
        typer.echo(found["body"]["text"] if found["body"]["text"] is not None else found["body"]["base64"])


@app.command()
def replay(
    delivery_id: DeliveryId,
    config: ConfigFile = None,
    url: Url = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Do a delivery again: verified as of its receipt, judged by its callback's state now.

    What has taken effect is a duplicate. Exit code 1 where it is refused again.

    Example: gateway deliveries replay dl_06f3ab9x2k7q8m4n5p6r7s8t9v --dry-run
    """
    done = InternalApi.of(url, config).post(f"/v1/deliveries/{_id(delivery_id)}/replay", {"dry_run": dry_run})
    if as_json:
        typer.echo(json.dumps(done, indent=2))
    else:
        for step in done["steps"]:
            typer.echo(f"{step['step']:<9} {step['result']}")
        if done["outcome"]:
            typer.echo(_outcome(done))
        for event in done["events"]:
            typer.echo(_event(event))
        typer.echo("Nothing was written." if dry_run else f"Recorded as {done['id']}.")
    if done["outcome"] in (Outcome.UNVERIFIED, Outcome.MALFORMED):
        raise typer.Exit(1)


def _id(delivery_id: str) -> str:
    # It becomes a part of a path.
    if not delivery_id.isascii() or not delivery_id.replace("_", "").isalnum():
        raise typer.BadParameter(f'"{delivery_id}": an id such as dl_06f3… is needed')
    return delivery_id


def _time(shown: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(shown['received_at']):%Y-%m-%d %H:%M:%S}Z"


def _outcome(shown: dict[str, Any]) -> str:
    if shown["outcome"]:
        return f"{shown['outcome']}: {shown['reason']}"
    return ", ".join(event["outcome"] for event in shown["events"]) or "no events"


def _event(event: dict[str, Any]) -> str:
    flags = "".join(f", {name}" for name in ("conflict", "contradicts") if event[name])
    return f"{event['type']} for {event['callback_id'] or 'no callback'}: {event['outcome']}{flags}"
