"""What the key of one purpose or deployment has signed is worth nothing for another one."""

from __future__ import annotations

import hashlib

import pytest
from itsdangerous import TimestampSigner

from gateway import keyfile
from gateway.keyring import KeyRing, Purpose
from gateway.tokens import Claims, mint, read
from tests.gateway.process import RunningGateway
from tests.gateway.test_approvals import FORM, ask
from tests.gateway.webhooks import event


@pytest.fixture
def ring(gateway: RunningGateway) -> KeyRing:
    """The keys of the gateway that runs."""
    return keyfile.load(gateway.key_file, "default")


def said_by(path: str, ring: KeyRing) -> Claims:
    """What the token of an approval's link says."""
    claims, _ = read("approvals", path.removeprefix("/a/"), ring, Purpose.APPROVAL)
    return claims


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("deployment", ["default", "staging"])
def test_a_callback_url_is_signed_for_callbacks_of_this_deployment(
    gateway: RunningGateway,
    ring: KeyRing,
    purpose: Purpose,
    deployment: str,
) -> None:
    issued = gateway.issue()
    claims, key = read("pay", issued.token, ring)
    signer = KeyRing(ring.keys, deployment)
    token = mint(claims, signer, key, purpose)
    answer = gateway.send(f"/c/pay/{token}", event())
    if (purpose, deployment) == (Purpose.CALLBACK, "default"):
        assert token == issued.token
        assert answer.json() == {"outcome": "completed"}
    else:
        random = gateway.send("/c/pay/k1.abc.def", event())
        assert (answer.status_code, answer.content) == (404, random.content)
        assert gateway.callback(issued.id)["state"] == "open"


def test_an_approval_s_link_is_no_callback_url_and_the_reverse(gateway: RunningGateway) -> None:
    link, issued = ask(gateway).path, gateway.issue()
    assert gateway.public.get(link).status_code == 200
    for path in (f"/c/approvals/{link.removeprefix('/a/')}", f"/c/pay/{link.removeprefix('/a/')}"):
        assert gateway.send(path, event()).status_code == 404
    assert gateway.public.get(f"/a/{issued.token}").status_code == 404


@pytest.mark.parametrize(
    ("purpose", "deployment", "decides"),
    [
        (Purpose.APPROVAL_FORM, "default", True),
        (Purpose.APPROVAL_FORM, "staging", False),
        (Purpose.APPROVAL, "default", False),
        (Purpose.CALLBACK, "default", False),
    ],
)
def test_a_page_s_proof_is_signed_for_pages_of_this_deployment(
    gateway: RunningGateway,
    ring: KeyRing,
    purpose: Purpose,
    deployment: str,
    decides: bool,
) -> None:
    asked = ask(gateway)
    claims = said_by(asked.path, ring)
    secret = ring.primary.derive(deployment, f"sign/{purpose}", 32)
    signer = TimestampSigner(secret, key_derivation="none", digest_method=hashlib.sha256)
    nonce = signer.sign(f"{claims.callback_id}-{claims.recipient}").decode()
    form = {"action": "approve", "nonce": nonce}
    answer = gateway.public.post(asked.path, data=form, headers=FORM)
    assert answer.status_code == 200
    assert gateway.callback(asked.id)["state"] == ("completed" if decides else "open")
