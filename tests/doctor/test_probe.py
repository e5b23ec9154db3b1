"""A probe at the public listener: safe, without effect, and worth nothing to a stranger."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from gateway import probes
from gateway.keyring import KeyRing
from tests.doctor.conftest import Clinic
from tests.gateway.process import BODY_LIMIT, new_key
from tests.gateway.wire import exchange, post


def _as_ops(clinic: Clinic) -> httpx.Client:
    headers = {"authorization": f"Bearer {clinic.token}"}
    return httpx.Client(
        base_url=clinic.gateway.anonymous.base_url, headers=headers, trust_env=False, timeout=15
    )


@pytest.fixture
def token(clinic: Clinic) -> str:
    """A fresh probe's token."""
    with _as_ops(clinic) as api:
        return str(api.post("/v1/doctor/probe").json()["token"])


def test_without_an_authentic_token_it_is_the_same_404(clinic: Clinic, token: str) -> None:
    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        return exchange(clinic.gateway.address, post(path, b"{}", {})).without_ids

    unknown = answer("/c/pay/unknown")
    assert unknown[0] == 404
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for path in (
        "/c/probe/x",
        "/c/probe/",
        f"/c/probe/{forged}",
        f"/x?probe={forged}",
        "/s/probe",
        "/s/manual",
    ):
        assert answer(path) == unknown


def test_a_stranger_learns_nothing_from_the_answer(clinic: Clinic, token: str) -> None:
    answer = clinic.gateway.public.post(
        f"/c/probe/{token}", content=b"a body that comes back to nobody", headers={"x-secret": "a value"}
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert all(word not in answer.text for word in (token, "body", "value"))
    with clinic.gateway.as_client("orders") as api:
        refused = api.post("/v1/doctor/report", json={"sealed": answer.text})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    with _as_ops(clinic) as api:
        report = api.post("/v1/doctor/report", json={"sealed": answer.text}).json()
        other = api.post("/v1/doctor/report", json={"sealed": answer.text[:-3] + "AAA"})
    assert (report["path"], report["size"]) == (f"/c/probe/{token}", 32)
    assert ["x-secret", "a value"] in report["headers"]
    assert (other.status_code, other.json()["code"]) == (422, "invalid")


def test_it_leaves_nothing_in_the_ledger_and_calls_nobody(clinic: Clinic, token: str) -> None:
    before = len(clinic.ingress.calls)
    for method in ("POST", "GET", "PUT", "DELETE"):
        assert clinic.gateway.public.request(method, f"/c/probe/{token}").status_code == 200
    assert clinic.gateway.api.get("/v1/deliveries").json()["deliveries"] == []
    assert len(clinic.ingress.calls) == before


def test_its_body_is_bounded_as_a_webhook_s(clinic: Clinic, token: str) -> None:
    answer = clinic.gateway.public.post(f"/c/probe/{token}", content=b"x" * (BODY_LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_neither_its_token_nor_what_it_held_is_in_the_log(clinic: Clinic, token: str) -> None:
    clinic.gateway.public.post(
        f"/c/probe/{token}?probe={token}", content=b"CANARY-body", headers={"x-canary": "CANARY-header"}
    )
    for canary in (token, token.partition(".")[2], "CANARY"):
        assert canary not in clinic.gateway.log


def test_a_key_of_somebody_else_s_makes_none(clinic: Clinic) -> None:
    forged = probes.mint(KeyRing((new_key("k1"),), "default"), 2e9, b"8 random")
    assert clinic.gateway.public.post(f"/c/probe/{forged}").status_code == 404


def test_what_a_doctor_is_told_holds_no_secret(clinic: Clinic) -> None:
    with _as_ops(clinic) as api:
        shown = api.post("/v1/doctor/probe").json()
    assert shown["public_url"] == clinic.proxy.url
    assert shown["headers"]["webhook-signature"] == ["absent", "closed", "pay", "pay-twin"]
    assert shown["private_ports"]["Restate's ingress"] == urlsplit(clinic.ingress.url).port
    assert sorted(shown) == ["body_limit", "headers", "now", "private_ports", "public_url", "token"]
