"""`gateway doctor` behind proxies that alter one thing each: it finds that thing and names it."""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import replace
from email.utils import formatdate

import httpx
import pytest

from stack.ports import free_ports
from tests.doctor.conftest import Clinic, healthy
from tests.doctor.proxy import Alter, Request, Response
from tests.gateway.ingress import Reaction


def _reserialised(request: Request) -> Request:
    try:
        return request.with_body(json.dumps(json.loads(request.body)).encode())
    except ValueError:
        return request  # no JSON: it goes on as it is


def _prefixed(request: Request) -> Request:
    return replace(request, target="/api" + request.target)


def _stripped(request: Request) -> Request:
    return replace(request, target=request.target.removeprefix("/c"))


def _merging(request: Request) -> Request:
    path, _, query = request.target.partition("?")
    return replace(request, target=f"{path.replace('//', '/')}?{query}")


def _decoding(request: Request) -> Request:
    return replace(request, target=request.target.replace("%7E", "~").replace("%2F", "/"))


def _without_query(request: Request) -> Request:
    return replace(request, target=request.target.partition("?")[0])


def _sorted_query(request: Request) -> Request:
    path, _, query = request.target.partition("?")
    return replace(request, target=f"{path}?{'&'.join(sorted(query.split('&'), reverse=True))}")


def _merged(request: Request) -> Request:
    kept = request.without("x-gateway-probe-twice")
    twice = any(name == "x-gateway-probe-twice" for name, _ in request.headers)
    return replace(kept, headers=[*kept.headers, ("x-gateway-probe-twice", "one, two")]) if twice else request


def _trimmed(request: Request) -> Request:
    headers = [(k, " ".join(v.split()) if k == "webhook-signature" else v) for k, v in request.headers]
    return replace(request, headers=headers)


def _adding(name: str, value: str) -> Alter:
    return lambda request: replace(request, headers=[*request.headers, (name, value)])


def _short(request: Request) -> Request | Response:
    return request if len(request.body) < 20_000 else Response(413, [])


def _compressed(request: Request) -> Request:
    body = gzip.compress(request.body)
    return replace(request, body=body, headers=[*request.headers, ("content-encoding", "gzip")])


#: What a proxy does, what the doctor looks at when it finds it, how grave that is, and its words for it.
ALTERATIONS: dict[str, tuple[Alter, str, str, str]] = {
    "rewrites the body": (_reserialised, "body", "fail", "re-serialises the JSON in the body"),
    "changes line ends": (
        lambda r: r.with_body(r.body.replace(b"\r\n", b"\n")),
        "body",
        "fail",
        "changes the body's line ends",
    ),
    "re-encodes": (
        lambda r: r.with_body(r.body.decode("latin-1").encode()) if len(r.body) < 1000 else r,
        "body",
        "fail",
        "re-encodes the body in utf-8",
    ),
    "cuts the body off": (lambda r: r.with_body(r.body[:50]), "body", "fail", "cuts the body off: 50 of"),
    "drops the body": (lambda r: r.with_body(b""), "body", "fail", "drops the body"),
    "appends to the body": (
        lambda r: r.with_body(r.body + b"<!-- -->") if len(r.body) < 1000 else r,
        "body",
        "fail",
        "adds 8 bytes",
    ),
    "adds a path prefix": (_prefixed, "path", "fail", "adds the path prefix /api:"),
    "takes a part of the path off": (_stripped, "path", "fail", "takes /c off the path"),
    "merges slashes": (_merging, "path", "warn", "merges slashes in the path"),
    "decodes the path": (_decoding, "path", "warn", "decodes what is percent-encoded in the path"),
    "drops the query": (_without_query, "query", "fail", "drops the query"),
    "sorts the query": (_sorted_query, "query", "fail", "puts the query's parameters in another order"),
    "drops a signature": (
        lambda r: r.without("webhook-signature"),
        "headers",
        "fail",
        "drops the header webhook-signature; absent, closed, pay, pay-twin cannot be verified",
    ),
    "drops an unknown header": (
        lambda r: r.without("x-gateway-probe"),
        "headers",
        "fail",
        "drops the header x-gateway-probe",
    ),
    "drops underscores": (lambda r: r.without("x_gateway_probe"), "headers", "warn", "with a _ in its name"),
    "drops long headers": (
        lambda r: r.without("x-gateway-probe-long"),
        "headers",
        "fail",
        "drops the header x-gateway-probe-long of 4000 bytes",
    ),
    "drops empty headers": (
        lambda r: r.without("x-gateway-probe-empty"),
        "headers",
        "warn",
        "which is empty",
    ),
    "changes a header": (_trimmed, "headers", "fail", "changes the value of the header webhook-signature"),
    "merges headers": (_merged, "headers", "warn", "merges the repeated header x-gateway-probe-twice"),
    "doubles a signature": (
        _adding("stripe-signature", "x"),
        "headers",
        "fail",
        "sends the header stripe-signature 2 times; stripe-eu cannot be verified",
    ),
    "adds a header": (_adding("x-team", "shop"), "headers", "warn", "adds the header x-team"),
    "changes the method": (lambda r: replace(r, method="GET"), "method", "fail", "POST arrives as GET"),
    "limits bodies": (_short, "size", "fail", "65536 bytes (limits.body) does not come through (413); one"),
    "limits GET": (
        lambda r: Response(405, []) if r.method == "GET" and "probe" in r.target else r,
        "cache",
        "warn",
        "GET does not come through (405, 405)",
    ),
    "redirects": (
        lambda r: Response(301, [("location", f"https://www.example.com{r.target}")]),
        "public_url",
        "fail",
        "the proxy answers 301, a redirect to https://www.example.com",
    ),
    "wants a login": (lambda r: Response(401, []), "public_url", "fail", "the proxy wants a login (401)"),
    "answers by itself": (lambda r: Response(200, [], b"ok"), "public_url", "fail", "something answers 200"),
    "forgets path and query": (
        lambda r: replace(r, target="/c/x/y"),
        "public_url",
        "fail",
        "a gateway answers, and this one's probe is unknown to it",
    ),
    "compresses": (_compressed, "public_url", "fail", "the gateway refuses the probe: 415"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_what_a_proxy_does_is_found_and_named(clinic: Clinic, name: str) -> None:
    alter, check, level, words = ALTERATIONS[name]
    clinic.proxy.alter = alter
    found = clinic.examine(code=1 if level == "fail" else 0)
    assert list(found) == [check]
    (one,) = found[check]
    assert words in one["text"]
    assert one["level"] == level
    assert one["remedy"]


def test_behind_a_clean_proxy_nothing_is_found(clinic: Clinic) -> None:
    assert clinic.examine(code=0) == {}
    shown = clinic.doctor().stdout
    assert "bodies arrive as they were sent, byte for byte" in shown
    assert "0 failed, 0 to look at." in shown


def test_a_proxy_that_does_several_things_is_told_all_of_them(clinic: Clinic) -> None:
    clinic.proxy.alter = lambda request: _prefixed(_reserialised(request.without("webhook-id")))
    found = clinic.examine()
    assert sorted(found) == ["body", "headers", "path"]
    shown = clinic.doctor(code=1).stdout
    assert "-> nginx: proxy_pass http://gateway:8000; without a path" in shown
    assert "3 failed" in shown


def test_a_cache_is_found(clinic: Clinic) -> None:
    kept: dict[str, Response] = {}

    def caching(request: Request, response: Response) -> Response:
        return kept.setdefault(request.target, response) if request.method == "GET" else response

    clinic.proxy.back = caching
    assert "caches answers to GET that say no-store" in clinic.examine()["cache"][0]["text"]


def test_answers_that_the_proxy_rewrites_are_found(clinic: Clinic) -> None:
    clinic.proxy.back = lambda request, response: replace(response, body=response.body + b" ")
    assert clinic.examine(code=0) == {}, "white space around it does no harm here"
    clinic.proxy.back = lambda request, response: replace(response, body=b"<html>" + response.body)
    assert "the proxy rewrites its answers" in clinic.examine()["public_url"][0]["text"]


def test_what_is_private_and_answers_through_the_proxy_is_found(clinic: Clinic) -> None:
    internal = str(clinic.gateway.anonymous.base_url).removeprefix("http://").rstrip("/")

    def everything(request: Request) -> Request | Response:
        if request.target == "/restate/health":
            return Response(200, [], b'{"services":[]}')
        if request.target == "/readyz":
            answer = httpx.get(f"http://{internal}/readyz", trust_env=False)
            return Response(answer.status_code, [], answer.content)
        return request

    clinic.proxy.alter = everything
    texts = [one["text"] for one in clinic.examine()["private"]]
    assert texts == [
        f"Restate's ingress answers at {clinic.proxy.url}/restate/health",
        f"the internal listener answers at {clinic.proxy.url}/readyz",
    ]


def test_clocks_that_disagree_are_found(clinic: Clinic) -> None:
    late = formatdate(time.time() - 3600, usegmt=True)

    def of_an_hour_ago(request: Request, response: Response) -> Response:
        return replace(
            response, headers=[*((k, v) for k, v in response.headers if k != "date"), ("date", late)]
        )

    clinic.proxy.back = of_an_hour_ago
    clinic.ingress.react = lambda call: replace(
        healthy(call), headers=(("date", formatdate(time.time() + 90, usegmt=True)),)
    )
    texts = [one["text"] for one in clinic.examine()["clocks"]]
    assert len(texts) == 3, texts
    assert all("Restate's at" in text and "ahead of the gateway's" in text for text in texts[:2])
    assert texts[2].startswith("the proxy's clock is 3")
    assert texts[2].endswith("behind the gateway's")


@pytest.mark.parametrize(("version", "level"), [("1.6.2", "fail"), ("1.7.6", "warn"), ("odd", "fail")])
def test_a_restate_that_is_too_old_is_found(clinic: Clinic, version: str, level: str) -> None:
    clinic.ingress.react = lambda call: healthy(call, version)
    (one,) = clinic.examine(code=1 if level == "fail" else 0)["restate"]
    assert f"this is Restate {version}" in one["text"]
    assert one["level"] == level


def test_a_restate_that_does_not_answer_is_found(clinic: Clinic) -> None:
    clinic.ingress.react = lambda call: Reaction(503)
    ingress, admin = clinic.examine()["restate"]
    assert "restate.ingress_urls" in ingress["text"]
    assert "/restate/health answers 503" in ingress["text"]
    assert (ingress["level"], admin["level"]) == ("fail", "warn")


def test_nobody_behind_the_public_url_is_found(clinic: Clinic) -> None:
    (port,) = free_ports(1)
    target, clinic.proxy.target = clinic.proxy.target, f"127.0.0.1:{port}"
    try:
        assert "nothing answers from here" in clinic.examine()["public_url"][0]["text"]
    finally:
        clinic.proxy.target = target


def test_only_ops_may_examine(clinic: Clinic) -> None:
    refused = clinic.doctor(code=1, token=clinic.gateway.tokens["orders"]).stderr
    assert 'the client "orders" is not ops; clients.orders.ops = true' in refused


def test_a_doctor_without_a_gateway_says_so(clinic: Clinic) -> None:
    (port,) = free_ports(1)
    said = clinic.doctor("--url", f"http://127.0.0.1:{port}", code=1).stderr
    assert "no gateway can be reached there" in said


def test_the_help_has_an_example(clinic: Clinic) -> None:
    assert "Example: gateway doctor" in clinic.doctor("--help").stdout
