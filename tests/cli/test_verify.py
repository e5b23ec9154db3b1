"""`gateway verify`: what holds of a delivery that was kept, which step fails, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.header_file import parse
from gateway.delivery import Delivery, Headers
from gateway.providers import CATALOGUE
from tests.cli.command import run
from tests.providers.samples import FETCHED, NOW, SECRETS, URL, signed

Change = Callable[[Delivery], Delivery]


def verified(
    folder: Path, name: str, delivery: Delivery, *more: str, code: int = 0, secret: str | None = None
) -> list[dict[str, Any]]:
    """What `gateway verify` finds of a delivery that was put in files."""
    lines = [f"{key}: {value}" for key, value in delivery.headers]
    (folder / "headers.txt").write_bytes("\r\n".join(["POST /x HTTP/1.1", *lines, "", ""]).encode("latin-1"))
    (folder / "body").write_bytes(delivery.body)
    given_secret = secret if secret is not None else SECRETS.get(name, [""])[0]
    if given_secret:
        (folder / "secret").write_text(given_secret)
        more = (*more, "--secret", f"file:{folder}/secret")
    if name in FETCHED:
        (folder / "published").write_bytes(FETCHED[name])
        more = (*more, "--published", str(folder / "published"))
    files = ("--headers", f"{folder}/headers.txt", "--body", f"{folder}/body", "--url", delivery.url)
    at = () if "--at" in more else ("--at", str(NOW))
    ended = run(folder, "verify", name, *files, *at, *more, "--json", code=code)
    shown = ended.stdout + ended.stderr
    assert not given_secret or given_secret not in shown
    if CATALOGUE[name].signed:
        right = signed(name).headers
        for header in CATALOGUE[name].scheme.headers:
            if not header.endswith(("-id", "type")):
                value = right.one(header) or ""
                assert len(value) < 30 or value not in shown, f"{header} is shown"
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def failed(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["check"], f"{one['text']} -> {one['remedy']}") for one in found if one["level"] == "fail"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_genuine_delivery_holds_in_every_step(tmp_path: Path, name: str) -> None:
    found = verified(tmp_path, name, signed(name))
    assert [one["level"] for one in found] == ["ok"] * len(found)
    assert [one["check"] for one in found][:3] == ["secret", "headers", "signature"]
    assert found[-1]["check"] == "event"


def body(change: Callable[[bytes], bytes]) -> Change:
    return lambda delivery: replace(delivery, body=change(delivery.body))


def headers(**values: str) -> Change:
    return lambda delivery: replace(delivery, headers=delivery.headers.with_(**values))


def without(name: str) -> Change:
    return lambda delivery: replace(
        delivery, headers=Headers((key, value) for key, value in delivery.headers if key != name)
    )


def url(change: Callable[[str], str]) -> Change:
    return lambda delivery: replace(delivery, url=change(delivery.url))


def twice(name: str) -> Change:
    return lambda delivery: replace(delivery, headers=Headers([*delivery.headers, (name, "another")]))


@pytest.mark.parametrize(
    ("name", "change", "step", "why"),
    [
        ("stripe", without("stripe-signature"), "headers", "stripe-signature is missing"),
        ("stripe", twice("stripe-signature"), "headers", "stripe-signature is there 2 times"),
        ("slack", without("x-slack-request-timestamp"), "headers", "x-slack-request-timestamp is missing"),
        ("stripe", headers(stripe_signature="none"), "signature", "is not a list of names and values"),
        ("stripe", headers(stripe_signature="t=1,v0=aa"), "signature", "no signature fits"),
        ("stripe", body(lambda b: b + b"\n"), "signature", "a line feed was put behind the body"),
        ("stripe", body(lambda b: b"\xef\xbb\xbf" + b), "signature", "a byte order mark was put before"),
        ("stripe", body(lambda b: b" " + b + b" "), "signature", "white space around the body was added"),
        (
            "stripe",
            body(lambda b: json.dumps(json.loads(b), indent=2).encode()),
            "signature",
            "the body was read as JSON and written anew",
        ),
        ("stripe", body(lambda b: b.replace(b"4200", b"9200")), "signature", "the secret is another one"),
        ("twilio", url(lambda u: u.replace("https:", "http:")), "signature", "has https as its scheme"),
        ("twilio", url(lambda u: u.replace("a-token?", "a-token/?")), "signature", "by a slash"),
        ("twilio", url(lambda u: u.replace("/c/", "/d/")), "signature", "the URL is not the one that was"),
        (
            "adyen",
            body(lambda b: b.replace(b'"value":1', b'"value":9').replace(b'"value":4', b'"value":9')),
            "signature",
            "does not fit",
        ),
        ("vonage", body(lambda b: b + b" "), "signature", "payload_hash does not fit"),
        ("auth0", headers(authorization="another"), "signature", "not the source's secret"),
        (
            "paypal",
            headers(paypal_cert_url="https://example.com/c.pem"),
            "signature",
            "one of the provider's",
        ),
    ],
)
def test_the_step_that_fails_is_named_with_its_reason(
    tmp_path: Path, name: str, change: Change, step: str, why: str
) -> None:
    delivery = change(signed(name))
    assert delivery != signed(name)
    problems = failed(verified(tmp_path, name, delivery, code=1))
    assert {check for check, _ in problems} == {step}
    assert any(why in text for _, text in problems), problems


@pytest.mark.parametrize("name", ["stripe", "slack", "vonage", "standard-webhooks", "telnyx"])
def test_a_signature_that_fits_at_another_time_is_told_apart(tmp_path: Path, name: str) -> None:
    found = verified(tmp_path, name, signed(name), "--at", "2026-12-24T08:00:00Z", code=1)
    assert [one["level"] for one in found if one["check"] == "signature"] == ["ok"]
    ((step, why),) = failed(found)
    assert step == "timestamp"
    assert "too old" in why or "has ended" in why
    assert "2026-12-24 08:00:00Z" in why
    ahead = failed(verified(tmp_path, name, signed(name), "--at", str(NOW - 7200), code=1))
    assert "future" in ahead[0][1]


@pytest.mark.parametrize(
    ("name", "secret", "why"),
    [
        ("standard-webhooks", SECRETS["standard-webhooks"][1], "the secret is another one"),
        ("stripe", '"' + SECRETS["stripe"][0] + '"', "quotation marks"),
        ("github", '"' + SECRETS["github"][0] + '"', "the secret has quotation marks around it"),
        ("github", "sk_live_4f1a7c33b2d84a6f9e0d5c71", "looks like a key of the API"),
    ],
)
def test_a_secret_of_another_kind_is_told(tmp_path: Path, name: str, secret: str, why: str) -> None:
    if name == "stripe":
        (tmp_path / "empty").write_text("")
        files = ("--headers", f"{tmp_path}/empty", "--body", f"{tmp_path}/empty", "--secret", secret)
        said = run(tmp_path, "verify", "stripe", *files, code=1).stderr
        assert "the secret does not begin with whsec_" in said
        assert secret not in said
        return
    problems = failed(verified(tmp_path, name, signed(name), secret=secret, code=1))
    assert {step for step, _ in problems} == {"signature"}
    assert any(why in text for _, text in problems)


def test_a_question_at_registration_and_a_body_that_is_none_are_told(tmp_path: Path) -> None:
    question = replace(signed("ms-graph"), url=f"{URL}&validationToken=abc", body=b"")
    assert "a question at registration" in verified(tmp_path, "ms-graph", question)[-1]["text"]
    wrong = replace(signed("auth0"), body=b"no JSON")
    assert failed(verified(tmp_path, "auth0", wrong, code=1))[0][0] == "event"


def test_what_people_see_has_a_line_a_step(tmp_path: Path) -> None:
    delivery = signed("stripe")
    (tmp_path / "h.json").write_text(
        json.dumps({"headers": [{"name": k, "value": v} for k, v in delivery.headers]})
    )
    (tmp_path / "b").write_bytes(delivery.body + b"\n")
    arguments = ("--headers", "h.json", "--body", "b", "--at", str(NOW), "--secret", SECRETS["stripe"][0])
    lines = run(tmp_path, "verify", "stripe", *arguments, code=1).stdout.splitlines()
    assert lines[0] == "ok    secret     1, of the form that Stripe gives out"
    assert lines[2] == "fail  signature  no signature fits"
    assert lines[3].endswith("-> a line feed was put behind the body")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--headers", "absent", "--body", "b"], "absent: No such file or directory"),
        (["--headers", "b", "--body", "absent"], "absent: No such file or directory"),
        (["--headers", "bad", "--body", "b"], "--headers: bad: line 1 has no colon; headers are a line"),
    ],
)
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "b").write_text("A: b")
    (tmp_path / "bad").write_text("no header at all")
    secret = ("--secret", SECRETS["stripe"][0])
    assert said in run(tmp_path, "verify", "stripe", *arguments, *secret, code=1).stderr


@pytest.mark.parametrize(
    "text",
    [
        "X-A: 1\nX-B: two: three\n",
        "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: two: three\r\n\r\n",
        "> POST /c/x HTTP/1.1\n> X-A: 1\n> X-B: two: three\n>\n",
        "-H 'X-A: 1' \\\n-H 'X-B: two: three'",
        '{"X-A": 1, "X-B": ["two: three"]}',
        '[{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "two: three"}]',
        '[["X-A", "1"], ["X-B", "two: three"]]',
        '{"headers": {"X-A": "1", "X-B": "two: three"}}',
    ],
)
def test_headers_are_read_as_curl_browsers_and_logs_write_them(text: str) -> None:
    assert list(parse(text)) == [("x-a", "1"), ("x-b", "two: three")]


@given(st.text() | st.text(alphabet="{}[]\":,a1 \n>-H'").map(lambda text: "{" + text))
def test_a_file_of_headers_is_read_or_refused(text: str) -> None:
    told = "a header"
    try:
        assert list(parse(text))
    except ValueError as error:
        told = str(error)
    assert "header" in told
