"""What can be set, called, asked and answered stands in the documents, and nothing that can't."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from gateway import errors, settings, sources
from gateway.errors import GatewayError
from gateway.internal import byhand, callbacks, deliveries, doctor, keys, ledger, metrics, models, operations
from gateway.internal import sources as internal_sources
from gateway.providers.hmac import HmacSettings
from tests.cli.test_commands import COMMANDS
from tests.docs import documents
from tests.docs.documents import DOCS, WRITTEN, blocks, rows

HTTP_API = DOCS / "http-api.md"
ROUTERS = [
    module.router
    for module in (byhand, callbacks, deliveries, doctor, internal_sources, keys, ledger, metrics, operations)
]
CONFIGURATIONS = [
    pytest.param(block, id=f"{documents.name(page)}-{number}")
    for page in WRITTEN
    for number, block in enumerate(blocks(page, "toml"))
]
_PARTS: dict[str, type[BaseModel]] = {"clients": settings.Client, "sources": settings.Source}


def _setting_names() -> list[str]:
    names = []
    for name, field in settings.Settings.model_fields.items():
        if name in _PARTS:
            names += [f"{name}.*.{inner}" for inner in _PARTS[name].model_fields if inner != "hmac"]
        elif isinstance(field.default, BaseModel):
            names += [f"{name}.{inner}" for inner in type(field.default).model_fields]
        else:
            names.append(name)
    return names + [f"sources.*.hmac.{inner}" for inner in HmacSettings.model_fields]


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    listed = rows(DOCS / "operations" / "settings.md", "| setting | default |")
    assert sorted(listed) == sorted(_setting_names())


@pytest.mark.parametrize("block", CONFIGURATIONS)
def test_a_configuration_that_is_shown_loads(block: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(block)
    whole = {} if "public_url" in block else {"GATEWAY_PUBLIC_URL": "https://hooks.example.com"}
    loaded = settings.load(file, whole)
    assert set(sources.load(loaded, {}).by_name) == set(re.findall(r"^\[sources\.([a-z-]+)\]", block, re.M))


def test_every_call_of_the_api_has_its_place_and_every_place_a_call() -> None:
    calls = {
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    told = {call for cell in rows(HTTP_API, "| call |") for call in re.findall(r"[A-Z]+ /[^?`]+", cell)}
    assert told == calls


def test_every_field_of_a_request_for_a_callback_has_a_row() -> None:
    fields = {field for cell in rows(HTTP_API, "| field of") for field in re.findall(r"\w+", cell)}
    assert fields == models.CallbackRequest.model_fields.keys()


def _errors(of: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    yield of
    for error in of.__subclasses__():
        yield from _errors(error)


def test_every_error_has_a_row_with_its_status() -> None:
    listed = {code: row[1] for code, row in rows(HTTP_API, "| `code` |").items()}
    assert listed == {
        error.code: str(error.status) for error in _errors() if error.__module__ == errors.__name__
    }


def test_every_command_is_shown_somewhere() -> None:
    text = "\n".join(page.read_text() for page in WRITTEN)
    missing = [name for name in COMMANDS if f"gateway {name}" not in text]
    assert missing == []
