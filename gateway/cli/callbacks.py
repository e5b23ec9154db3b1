"""`gateway callbacks`: what is waited for. It asks a running gateway."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from gateway.cli import AsJson, ConfigFile, suggesting
from gateway.cli.api import InternalApi, Url
from gateway.cli.showing import moment, print_json, table
from gateway.outcome import State

app = typer.Typer(
    help="Callbacks: list, show, issue, close, revoke, complete. GATEWAY_TOKEN or GATEWAY_TOKEN_FILE has a "
    "client's token; an ops client's acts on every client's callbacks.",
    no_args_is_help=True,
)

CallbackId = Annotated[
    str,
    typer.Argument(
        help="The callback's id, cb_…, as `gateway callbacks list` shows it.",
        autocompletion=suggesting.callbacks,
    ),
]
SourceName = Annotated[
    str | None, typer.Option(help="Of this source only.", autocompletion=suggesting.sources)
]
#: A page of the API.
_PAGE = 500


@app.command("list")
def list_callbacks(
    config: ConfigFile = None,
    url: Url = None,
    state: Annotated[State | None, typer.Option(help="In this state only.")] = None,
    source: SourceName = None,
    label: Annotated[str | None, typer.Option(help="With this label only.")] = None,
    client: Annotated[str | None, typer.Option(help="Of this client only (ops).")] = None,
    orphaned: Annotated[
        bool | None, typer.Option("--orphaned/--waited-for", help="Only those that nobody waits for, or not.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """
    List callbacks, newest first: the client's own, to an ops client everybody's.

    Example: gateway callbacks list --state open --source stripe-eu
    """
    api = InternalApi.of(url, config)
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(found) < limit:
        page = api.get(
            "/v1/callbacks",
            state=state,
            source=source,
            label=label,
            client=client,
            orphaned=None if orphaned is None else str(orphaned).lower(),
            limit=min(limit - len(found), _PAGE),
            cursor=cursor,
        )
        found += page["callbacks"]
        cursor = page["next"]
        if cursor is None:
            break
    if as_json:
        print_json(found)
    elif not found:
        typer.echo("No callbacks.")
    else:
        table(
            ("ID", "STATE", "SOURCE", "CLIENT", "EXPIRES", "TARGET"),
            [
                (
                    one["id"],
                    one["state"],
                    one["source"],
                    one["client"] or "(adopted)",
                    moment(one["expires_at"]),
                    _target(one),
                )
                for one in found
            ],
        )


@app.command()
def show(
    callback_id: CallbackId, config: ConfigFile = None, url: Url = None, as_json: AsJson = False
) -> None:
    """
    Show a callback, the events that came for it, and whether its invocation still waits.

    Example: gateway callbacks show cb_01kav3w0zr9m2x8q4t6n5y7p1d
    """
    found = InternalApi.of(url, config).get(_path(callback_id))
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['id']}  {found['state']}, {_target(found)}")
    typer.echo(f"  client     {found['client'] or '(adopted: its row was lost and made again)'}")
    typer.echo(f"  source     {found['source']}, reference {found['reference']}, key {found['key_id']}")
    typer.echo(f"  issued     {moment(found['created_at'])}, until {moment(found['expires_at'])}")
    if found["label"]:
        typer.echo(f"  label      {found['label']}")
    if found["metadata"] is not None:
        typer.echo(f"  metadata   {json.dumps(found['metadata'], ensure_ascii=False)}")
    invocation = f" ({found['invocation_id']})" if found["invocation_id"] else ""
    orphaned = ", orphaned" if found["orphaned"] else ""
    typer.echo(f"  invocation {found['waiting']}{invocation}{orphaned}, took effect: {found['took_effect']}")
    for event in found["deliveries"]:
        flags = "".join(f", {name}" for name in ("conflict", "contradicts") if event[name])
        error = f" ({event['error']})" if event["error"] else ""
        typer.echo(
            f"  {moment(event['received_at'])}  {event['type']}: {event['outcome']}{flags}{error}"
            f"  (event {event['event_id']}, {event['delivery_id']})"
        )


@app.command()
def issue(
    source: Annotated[str, typer.Option(help="For this source.", autocompletion=suggesting.sources)],
    config: ConfigFile = None,
    url: Url = None,
    awakeable: Annotated[
        str | None,
        typer.Option(
            help="An awakeable's id; - reads it from stdin: it is a capability, shells keep commands."
        ),
    ] = None,
    workflow: Annotated[str | None, typer.Option(help="A workflow, with --key and --promise.")] = None,
    service: Annotated[str | None, typer.Option(help="A service, with --handler, for every event.")] = None,
    key: Annotated[str | None, typer.Option(help="The workflow's or the virtual object's key.")] = None,
    promise: Annotated[str | None, typer.Option(help="The workflow's promise.")] = None,
    handler: Annotated[str | None, typer.Option(help="The handler that is called.")] = None,
    expires_in: Annotated[str | None, typer.Option(help="24h, 30d, or seconds.")] = None,
    label: Annotated[str, typer.Option(help="Tells callbacks of the same target apart.")] = "",
    idempotency_key: Annotated[str | None, typer.Option(help="The same key gives the same callback.")] = None,
    as_json: AsJson = False,
) -> None:
    """
    Issue a callback and print its URL, which is the proof of whoever has it.

    Example: gateway callbacks issue --source acmepay --workflow Checkout --key order-42 --promise paid
    """
    if idempotency_key is not None and not all("!" <= character <= "~" for character in idempotency_key):
        raise typer.BadParameter("printable ASCII without spaces is needed", param_hint="--idempotency-key")
    if awakeable == "-":
        awakeable = sys.stdin.readline().strip()
    given = {
        "awakeable": awakeable,
        "workflow": workflow,
        "service": service,
        "key": key,
        "promise": promise,
        "handler": handler,
    }
    request: dict[str, Any] = {
        "source": source,
        "target": {name: value for name, value in given.items() if value is not None},
        "label": label,
    }
    if expires_in is not None:
        request["expires_in"] = expires_in
    issued = InternalApi.of(url, config).post("/v1/callbacks", request, idempotency_key=idempotency_key)
    if as_json:
        print_json(issued)
        return
    typer.echo(f"{issued['id']}: issued, until {moment(issued['expires_at'])}")
    if issued["url"] is not None:
        typer.echo(issued["url"])
    else:
        typer.echo(f"the account's URL {issued['account_url']}, with the reference {issued['reference']}")


@app.command()
def close(
    callback_id: CallbackId, config: ConfigFile = None, url: Url = None, as_json: AsJson = False
) -> None:
    """
    Close a callback whose service no longer waits. Exit code 1 where an event has won it.

    Example: gateway callbacks close cb_01kav3w0zr9m2x8q4t6n5y7p1d
    """
    _told(InternalApi.of(url, config).post(f"{_path(callback_id)}/close", {}), as_json)


@app.command()
def revoke(
    callback_id: CallbackId, config: ConfigFile = None, url: Url = None, as_json: AsJson = False
) -> None:
    """
    Revoke an open callback: what comes for it is recorded as revoked and answered 410.

    Example: gateway callbacks revoke cb_01kav3w0zr9m2x8q4t6n5y7p1d
    """
    _told(InternalApi.of(url, config).delete(_path(callback_id)), as_json)


@app.command()
def complete(
    callback_id: CallbackId,
    data: Annotated[
        str, typer.Argument(help="What the waiting code gets as its event's data, as JSON; - reads stdin.")
    ],
    config: ConfigFile = None,
    url: Url = None,
    failed: Annotated[bool, typer.Option("--failed", help="As a failure: it rejects.")] = False,
    event_type: Annotated[
        str | None,
        typer.Option("--type", help="The event's type; the first of the rules where none is given."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Of the failure, for the waiting code.")] = None,
    as_json: AsJson = False,
) -> None:
    """
    Complete a callback by hand, where its provider never will. It is recorded who did it, and when.

    Only an ops client may. The event's source and provider are "manual". Exit code 1 where the callback is no
    longer open.

    Example: gateway callbacks complete cb_01kav3w0zr9m2x8q4t6n5y7p1d '{"id": "pay_123"}'
    """
    body = sys.stdin.buffer.read() if data == "-" else data.encode(errors="replace")
    done = InternalApi.of(url, config).post_bytes(
        f"{_path(callback_id)}/complete",
        body,
        outcome="failed" if failed else "succeeded",
        type=event_type,
        reason=reason,
    )
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{done['id']}: {done['outcome']} as {done['type']}, recorded as {done['delivery_id']}.")


def _path(callback_id: str) -> str:
    # It becomes a part of a path.
    if not callback_id.isascii() or not callback_id.replace("_", "").isalnum():
        raise typer.BadParameter(f'"{callback_id}": an id such as cb_01ka… is needed')
    return f"/v1/callbacks/{callback_id}"


def _told(changed: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(changed)
    else:
        typer.echo(f"{changed['id']}: {changed['state']}.")


def _target(shown: dict[str, Any]) -> str:
    target = shown["target"]
    if "awakeable" in target:
        return "an awakeable"
    if "workflow" in target:
        return f"{target['workflow']}/{target['key']}, promise {target['promise']}"
    return "/".join(target[name] for name in ("service", "key", "handler") if name in target)
