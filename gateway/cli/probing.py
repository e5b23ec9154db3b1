"""Probes through the public URL: sent with known bytes, and what the gateway says of their arrival."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from gateway.cli.altered.sent import Sent
from gateway.cli.altered.target import UNCHANGED
from gateway.cli.api import InternalApi, Refused
from gateway.cli.findings import Finding, fail
from gateway.probes import PATH, Arrived

#: Of all that a body can be told to have been rewritten by: white space, key order, digits, escapes, text.
BODY = '{ "b": 1.10,\r\n  "a": 12345678901234567890, "é": "\\u00e9 ü €", "b2": [ ],\t"n":-0.0e+1 }\n'.encode()
#: A path that RFC 3986 allows and that proxies like to tidy up.
_ODD = "/a%2Fb//c%7Ed/%C3%BC+;x=1,@:!$'()*&/"
#: The form that signatures come in: commas, quotes, base64, two spaces.
_SIGNATURE = 't=1492774577,v1=q83vEjRWeJA=,v1="a+b/c=="; p=1,  v0'
_QUERY = "a=1&a=2&b=x%20y+z%2B&c&d="
_TIMEOUT = httpx.Timeout(20, connect=5)
#: What to do where the gateway itself refuses a probe that was good when it was sent.
_WHY = {
    "unsupported_content": "the proxy compresses the body: turn that off for requests",
    "headers_too_large": "the proxy adds too many or too large headers",
    "body_too_slow": "the proxy passes the body on too slowly: let it buffer requests",
    "try_later": "the gateway has too much to do now: try again",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What came of a probe: its arrival, or what was in the way. `status` is 0 where nothing answered;
    `date` is the `Date` header, `at` when it came here, in seconds since the epoch.
    """

    arrived: Arrived | None
    obstacle: Finding | None
    status: int
    date: str | None
    at: float


class Prober:
    """Sends probes to a gateway's public URL and has the reports opened by its internal API."""

    def __init__(self, api: InternalApi, probe: dict[str, Any]) -> None:
        self._api = api
        self._url: str = probe["public_url"]
        self._token: str = probe["token"]
        self._needed: dict[str, list[str]] = probe["headers"]
        self._prefix = urlsplit(self._url).path
        # What OpenSSL trusts on this machine, as other programs of it do; no proxy of the environment.
        self._http = httpx.Client(verify=ssl.create_default_context(), trust_env=False, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def plain(self) -> Sent:
        """A probe in the form of a callback's URL, with all headers that are worth a look."""
        signatures = [(name, _SIGNATURE) for name in self._needed if name != "content-type"]
        headers = (
            ("content-type", "application/json; charset=utf-8"),
            *signatures,
            ("x-gateway-probe", 'A value,  with "quotes"; and = signs'),
            ("x-gateway-probe-long", "0123456789abcdef" * 250),
            ("x-gateway-probe-empty", ""),
            ("x-gateway-probe-twice", "one"),
            ("x-gateway-probe-twice", "two"),
            ("x_gateway_probe", "with underscores"),
        )
        return self._sent("POST", "", headers, BODY)

    def odd(self) -> Sent:
        """A probe whose path has legal characters that no URL of the gateway has."""
        return self._sent("POST", _ODD, (("content-type", "application/json"),), BODY)

    def large(self, size: int) -> Sent:
        """A probe with a body of every byte, over and over."""
        body = (bytes(range(256)) * (size // 256 + 1))[:size]
        return self._sent("POST", "", (("content-type", "application/octet-stream"),), body)

    def got(self) -> Sent:
        """A probe by GET."""
        return self._sent("GET", "", (), b"")

    def _sent(self, method: str, more: str, headers: Sequence[tuple[str, str]], body: bytes) -> Sent:
        path, query = f"{PATH}{self._token}{more}", f"probe={self._token}&{_QUERY}"
        return Sent(method, path, query, tuple(headers), body, self._token, self._needed, odd=bool(more))

    def send(self, sent: Sent) -> Answered:
        """Send a probe and learn what arrived."""
        target = f"{self._prefix}{sent.path}?{sent.query}"
        try:
            answer = self._http.request(
                sent.method,
                self._url,
                headers=list(sent.headers),
                content=sent.body,
                # As it is written: a client would tidy it up itself.
                extensions={"target": target.encode()},
            )
        except httpx.HTTPError as error:
            return Answered(None, self._unreached(error), 0, None, time.time())
        now, date = time.time(), answer.headers.get("date")
        if answer.status_code != 200:
            return Answered(None, self._refused(answer), answer.status_code, date, now)
        try:
            report = self._api.post("/v1/doctor/report", {"sealed": answer.text.strip()})
        except Refused:
            return Answered(None, self._not_ours(), 200, date, now)
        report["headers"] = tuple((name, value) for name, value in report["headers"])
        arrived = Arrived(**report | {"start": base64.b64decode(report["start"])})
        return Answered(arrived, None, 200, date, now)

    def _unreached(self, error: httpx.HTTPError) -> Finding:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            reason = str(error).partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
            return fail(
                "tls",
                f"{self._url}: the certificate is not trusted here: {reason}",
                "providers refuse it as well: a certificate for this name, in force, with its whole chain",
            )
        return fail(
            "public_url",
            f"{self._url}: nothing answers from here ({type(error).__name__})",
            "look at DNS, firewall, the proxy and its TLS; run the doctor where the address can be reached",
        )

    def _refused(self, answer: httpx.Response) -> Finding:
        status, ours = answer.status_code, _problem(answer)
        if 300 <= status < 400:
            place = _place(answer.headers.get("location", ""))
            return fail(
                "public_url",
                f"{self._url}: the proxy answers {status}, a redirect to {place}",
                "providers follow none: public_url has to be the address that it leads to, or it leaves "
                "/c/, /s/ and /a/ alone",
            )
        if ours == "not_found":
            return fail(
                "public_url",
                f"{self._url}: a gateway answers, and this one's probe is unknown to it",
                "it is another deployment's or has other keys, or the proxy rewrites path and query beyond "
                f"recognition. {UNCHANGED}",
            )
        if ours is not None:
            return fail(
                "public_url",
                f"{self._url}: the gateway refuses the probe: {status} {ours}",
                _WHY.get(ours, "see what the proxy does to the request"),
            )
        what = {
            401: "wants a login",
            403: "forbids it",
            404: "knows no such path",
            405: "forbids the method",
            411: "wants a Content-Length",
            413: "finds the body too large",
            429: "finds it too often",
            431: "finds the headers too large",
            502: "does not reach the gateway",
            503: "does not reach the gateway",
            504: "does not reach the gateway in time",
        }.get(status, "answers by itself")
        return fail(
            "public_url",
            f"{self._url}: the proxy {what} ({status})",
            "pass /c/, /s/ and /a/ on to the gateway's public listener, without a login of the proxy's own",
        )

    def _not_ours(self) -> Finding:
        return fail(
            "public_url",
            f"{self._url}: something answers 200 in the gateway's place, or the proxy rewrites its answers",
            "pass /c/, /s/ and /a/ on to the gateway's public listener, and its answers back as they are: "
            "some providers want an exact text",
        )


def _problem(answer: httpx.Response) -> str | None:
    """The code of a problem that a gateway has answered; None where it was not one."""
    if answer.headers.get("content-type") != "application/problem+json":
        return None
    try:
        code = answer.json()["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, str) else None


def _place(location: str) -> str:
    # Without the path: it holds the probe's token.
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "another path"
