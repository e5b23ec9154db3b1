"""A single secret in a file that is taken up while the gateway runs: Restate's own token."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from gateway.errors import ConfigurationError
from gateway.filewatch import FileWatch
from gateway.given import read_secret
from gateway.secret import Secret


class WatchedSecret:
    """
    `secret` is the one in force, of which `on_change` is told; `error` says why a newer one was not taken.

    A file that vanishes or is empty leaves the last good one in force. Raises `ConfigurationError` where
    there is none at start.
    """

    def __init__(
        self,
        setting: str,
        given: SecretStr,
        environ: Mapping[str, str],
        on_change: Callable[[Secret], None],
        on_error: Callable[[str], None],
    ) -> None:
        self.on_change = on_change
        self.on_error = on_error
        self.error: str | None = None
        self._setting = setting
        # Not as an attribute: the environment holds secrets.
        self._given: Callable[[], Secret | None] = lambda: read_secret(setting, given, environ)
        kind, _, path = given.get_secret_value().partition(":")
        self._watch = FileWatch([path] if kind == "file" else [])
        self.secret = self._read()

    def refresh(self) -> None:
        """Take up the file if it has changed."""
        if not self._watch.changed():
            return
        try:
            secret = self._read()
        except ConfigurationError as error:
            self.error = f"{error}; the last good one stays in force"
            self.on_error(self.error)
            return
        self.error = None
        if secret != self.secret:
            self.secret = secret
            self.on_change(secret)

    def _read(self) -> Secret:
        found = self._given()
        if not found:
            raise ConfigurationError(
                f"{self._setting}: there is none at the place that is named; leave the setting out if "
                "Restate needs none"
            )
        return found
