"""What `gateway check` and `gateway doctor` find: a line each, with what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import typer

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, in words, and what to do where it is not well."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warn(check: str, text: str, remedy: str) -> Finding:
    """Somebody should look at it; webhooks come through all the same."""
    return Finding(check, "warn", text, remedy)


def fail(check: str, text: str, remedy: str) -> Finding:
    """Webhooks would be lost, refused or forged."""
    return Finding(check, "fail", text, remedy)


def show(findings: Sequence[Finding], as_json: bool) -> None:
    """Print them; exit code 1 where one of them is a failure."""
    failed = sum(one.level == "fail" for one in findings)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False))
    else:
        width = max(len(one.check) for one in findings)
        for one in findings:
            typer.echo(f"{one.level:<4}  {one.check:<{width}}  {one.text}")
            if one.remedy:
                typer.echo(f"{'':<4}  {'':<{width}}  -> {one.remedy}")
        warned = sum(one.level == "warn" for one in findings)
        typer.echo(f"{len(findings)} looked at, {failed} failed, {warned} to look at.")
    if failed:
        raise typer.Exit(1)
