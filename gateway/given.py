"""A secret as it is given: `file:…`, `env:…`, or the text itself."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping

from pydantic import SecretStr

from gateway.errors import ConfigurationError
from gateway.secret import Secret

#: Shorter ones are guessed; 128 bits of hex are twice as long.
MIN_SECRET_LENGTH = 16
#: Room for a set of public keys.
_MAX_SECRET_FILE = 64 * 1024
#: What is left in a file that was copied from an example.
_PLACEHOLDER = re.compile(
    r"^(<.*>|\.*|x+|change.?me.*|placeholder.*|your[-_ ].*|example.*|todo.*"
    r"|test|secret|password|dummy|none|null)$",
    re.IGNORECASE,
)


def read_secret(setting: str, given: SecretStr, environ: Mapping[str, str]) -> Secret | None:
    """
    The secret that `file:…`, `env:…` or the text itself gives; None where file or variable is absent.

    Raises `ConfigurationError` for a file that is there and can't be read.
    """
    text = given.get_secret_value()
    kind, _, rest = text.partition(":")
    if kind == "env":
        value = environ.get(rest)
        return None if value is None else Secret(value.strip())
    if kind == "file":
        return _read_file(setting, rest)
    return Secret(text.strip())


def _read_file(setting: str, path: str) -> Secret | None:
    try:
        # A pipe in its place must not hold up a gateway that looks again.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            content = (
                file.read(_MAX_SECRET_FILE + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
            )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{setting}: {path}: {error.strerror}") from None
    if content is None:
        raise ConfigurationError(f"{setting}: {path}: not a regular file; the file with the secret is needed")
    if len(content) > _MAX_SECRET_FILE:
        raise ConfigurationError(f"{setting}: {path}: more than {_MAX_SECRET_FILE} bytes are no secret")
    return Secret(content.strip())


def check_secret(setting: str, secret: Secret) -> None:
    """Raise `ConfigurationError` for a secret that is given but protects nothing."""
    text = secret.reveal().decode(errors="replace")
    if not text:
        problem = "is empty"
    elif _PLACEHOLDER.match(text):
        problem = "is a placeholder"
    elif len(secret) < MIN_SECRET_LENGTH:
        problem = f"has {len(secret)} characters, fewer than {MIN_SECRET_LENGTH}"
    else:
        return
    raise ConfigurationError(
        f"{setting}: the secret {problem}: anyone could forge webhooks with it; put the provider's signing "
        "secret there, or take the entry out to close the source"
    )
