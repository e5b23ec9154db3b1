"""From a file and the environment to settings that are whole, or to all that is wrong with them."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from gateway.errors import ConfigurationError
from gateway.providers.hmac import HmacSettings
from gateway.settings.sections import Client, Settings, Source

DEFAULT_FILE = "gateway.toml"
PREFIX = "GATEWAY_"
#: Restate's own names for what we need of it.
_RESTATE_NAMES = {
    "RESTATE_INGRESS_URL": ("restate", "ingress_urls"),
    "RESTATE_ADMIN_URL": ("restate", "admin_url"),
    "RESTATE_AUTH_TOKEN": ("restate", "auth_token"),
}


def load(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """
    The settings of a file (`GATEWAY_CONFIG` or `gateway.toml` where none is given) and the environment.

    Raises `ConfigurationError` that lists every wrong setting: which, what is wrong, what would be right.
    Relative paths in the file are relative to the file.
    """
    environ = os.environ if environ is None else environ
    chosen = file or (Path(environ["GATEWAY_CONFIG"]) if environ.get("GATEWAY_CONFIG") else None)
    path = chosen or Path(DEFAULT_FILE)
    values: dict[str, Any] = {}
    if chosen or path.exists():
        values = _read(path)
    # The environment comes first: it prevails, and pydantic-settings merges what is nested.
    from_environment, variables = _from_environment(environ)
    found = (from_environment, values)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, init_kwargs=values) for values in found)

    try:
        settings = Loaded()  # type: ignore[call-arg]  # the values come from its sources
    except ValidationError as error:
        where = str(path) if values else f"the environment (there is no file {path})"
        raise ConfigurationError(_explain(error, where, variables)) from None
    return _anchored(settings, path.parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        message = f"{path}: {error.strerror}; --config or GATEWAY_CONFIG names the file"
        raise ConfigurationError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None


def _anchored(settings: Settings, folder: Path) -> Settings:
    """The settings with their relative paths made relative to the file that they stand in."""

    def anchored(secret: SecretStr) -> SecretStr:
        kind, _, path = secret.get_secret_value().partition(":")
        return SecretStr(f"file:{folder / path}") if kind == "file" else secret

    token = settings.restate.auth_token
    url = settings.ledger.url
    for start in ("sqlite:///", "file:"):
        if url.startswith(start):
            url = f"{start}{folder / url.removeprefix(start)}"
            break
    return settings.model_copy(
        update={
            "keys": settings.keys.model_copy(update={"file": folder / settings.keys.file}),
            "ledger": settings.ledger.model_copy(update={"url": url}),
            "clients_file": folder / settings.clients_file,
            "restate": settings.restate.model_copy(update={"auth_token": token and anchored(token)}),
            "sources": {
                name: source.model_copy(
                    update={
                        "secrets": tuple(map(anchored, source.secrets)),
                        "verify_token": source.verify_token and anchored(source.verify_token),
                    }
                )
                for name, source in settings.sources.items()
            },
        }
    )


def _explain(error: ValidationError, where: str, variables: Mapping[str, str]) -> str:
    lines = [f"the configuration in {where} is not usable:"]
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        names = [str(part) for part in item["loc"]]
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "there is no such setting"
            near = difflib.get_close_matches(names[-1], _known(names[:-1]), 1, 0.5)
            message += f"; did you mean {near[0]}?" if near else f"; known: {', '.join(_known(names[:-1]))}"
        elif item["type"] == "missing":
            message = "is needed and is not there"
        if variable := _variable(names, variables):
            message += f" ({variable})"
        lines.append(f"  {'.'.join(names)}: {message}" if names else f"  {message}")
    return "\n".join(lines)


def _variable(names: list[str], variables: Mapping[str, str]) -> str | None:
    """The variable that the setting, or what it is an item or a section of, came from."""
    setting = ".".join(names)
    return next(
        (
            variable
            for known, variable in variables.items()
            if f"{setting}.".startswith(f"{known}.") or f"{known}.".startswith(f"{setting}.")
        ),
        None,
    )


def _known(path: list[str]) -> list[str]:
    """The names that may stand in the section at a path."""
    sections: dict[str, type[BaseModel]] = {
        "": Settings,
        "clients.*": Client,
        "sources.*": Source,
        "sources.*.hmac": HmacSettings,
        **{
            name: type(field.default)
            for name, field in Settings.model_fields.items()
            if isinstance(field.default, BaseModel)
        },
    }
    generic = [
        "*" if place == 1 and path[0] in ("clients", "sources") else part for place, part in enumerate(path)
    ]
    section = sections.get(".".join(generic))
    return list(section.model_fields) if section else []


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """
    The environment as nested values, and the variable that each setting came from.

    Every name is looked at, so that a wrong one is found.
    """
    values: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for name, known in _RESTATE_NAMES.items():
        if value := environ.get(name):
            _put(values, known, value)
            variables[".".join(known)] = name
    for name, value in sorted(environ.items()):
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        # Kubernetes injects GATEWAY_PORT and the like: without "__" only what we know is ours.
        if name.startswith(PREFIX) and (len(path) > 1 or path[0] in Settings.model_fields):
            if path[0] in ("sources", "clients") and len(path) > 1:
                path = (path[0], path[1].replace("_", "-"), *path[2:])
            if not _put(values, path, value):
                raise ConfigurationError(
                    f"{name}: the environment has a text for {'.'.join(path[:-1])}, or a part of it, too; "
                    "one of the two is needed"
                )
            variables[".".join(path)] = name
    return values, variables


def _put(values: dict[str, Any], path: tuple[str, ...], value: str) -> bool:
    """Set a nested value; False where there is a text in place of what it is nested in."""
    for part in path[:-1]:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            return False
    values[path[-1]] = value
    return True
