"""The internal API as the command line calls it: a running gateway is asked, its ledger never opened."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from gateway import settings
from gateway.errors import ConfigurationError
from gateway.secret import Secret

Url = Annotated[
    str | None,
    typer.Option("--url", help="The internal listener; that of the configuration where it is not given."),
]
#: A replay may wait for Restate, a search looks for a second.
_TIMEOUT = httpx.Timeout(15, connect=3)
#: What a listener on every address is reached at.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  # nothing is bound here


class Refused(ConfigurationError):
    """What the gateway said no to, with its status and the stable code of its problem."""

    def __init__(self, detail: str, status: int, code: str) -> None:
        super().__init__(f"{detail} ({status} {code})")
        self.status, self.code = status, code


class InternalApi:
    """
    A client of a running gateway's internal API.

    Raises `ConfigurationError` for whatever is in the way, in words for whoever typed the command: no token,
    nobody there, or what the gateway refused.
    """

    def __init__(self, url: str, token: Secret, within: float | None = None) -> None:
        self.url = url.rstrip("/")
        self._timeout = _TIMEOUT if within is None else httpx.Timeout(within)
        self._token = token
        # What this machine trusts; read once, it takes longer than a call.
        self._tls = ssl.create_default_context()

    @classmethod
    def of(cls, url: str | None, config: Path | None, within: float | None = None) -> InternalApi:
        """
        The gateway at an address, or that of a configuration; the token is the environment's.

        `within` is in seconds, where whoever asks won't wait as long as a command may.
        """
        token = _token()
        if url is None:
            host, _, port = settings.load(config).listen.internal.rpartition(":")
            url = f"http://{_EVERYWHERE.get(host, host)}:{port}"
        elif not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"--url: {url}: an address such as http://127.0.0.1:8001 is needed")
        return cls(url, token, within)

    def get(self, path: str, **query: str | int | None) -> Any:
        """The JSON at a path; parameters that are None are left out."""
        return self._call("GET", path, params=_given(query))

    def post(self, path: str, body: Any, idempotency_key: str | None = None) -> Any:
        """The JSON that a path answers to a body."""
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        return self._call("POST", path, json=body, headers=headers)

    def post_bytes(self, path: str, body: bytes, **query: str | int | None) -> Any:
        """The JSON that a path answers to a JSON text, which goes there byte for byte."""
        headers = {"content-type": "application/json"}
        return self._call("POST", path, content=body, headers=headers, params=_given(query))

    def delete(self, path: str) -> Any:
        """The JSON that a path answers to a deletion."""
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        bearer = {"authorization": f"Bearer {self._token.reveal().decode()}"}
        try:
            # The listener is in our own network: no proxy of the environment sees the token.
            with httpx.Client(
                trust_env=False, timeout=self._timeout, headers=bearer, verify=self._tls
            ) as client:
                answer = client.request(method, self.url + path, **options)
        except httpx.TimeoutException:
            raise ConfigurationError(f"{self.url}: the gateway did not answer in time; try again") from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ConfigurationError(
                f"{self.url}: no gateway can be reached there ({type(error).__name__}); is it running, and "
                "is this its internal listener? --url names another one"
            ) from None
        document = _document(answer)
        if answer.is_success and document is not None:
            return document
        # The public listener's 404 says nothing else.
        if isinstance(document, dict) and ("detail" in document or document.get("code") == "internal_error"):
            detail = document.get("detail") or document.get("title")
            raise Refused(str(detail), answer.status_code, str(document.get("code")))
        raise ConfigurationError(
            f"{self.url}: this is not a gateway's internal listener: it answered {answer.status_code}"
        )


def _given(query: dict[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in query.items() if value is not None}


def _token() -> Secret:
    text, file = os.environ.get("GATEWAY_TOKEN"), os.environ.get("GATEWAY_TOKEN_FILE")
    if bool(text) == bool(file):
        raise ConfigurationError(
            'set one of GATEWAY_TOKEN and GATEWAY_TOKEN_FILE: the bearer token of a client, as "gateway '
            'clients add NAME" prints it'
        )
    if file:
        try:
            text = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text"
            raise ConfigurationError(f"GATEWAY_TOKEN_FILE: {file}: {reason}") from None
    text = text or ""
    # An HTTP client's complaint about a header quotes it.
    if not text or not all("!" <= character <= "~" for character in text):
        raise ConfigurationError("GATEWAY_TOKEN: a text without spaces, line ends and non-ASCII is needed")
    return Secret(text)


def _document(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
