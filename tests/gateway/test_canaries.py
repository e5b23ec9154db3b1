"""Nothing secret is in a log line or an answer, whatever is sent, at the most talkative level."""

from __future__ import annotations

import base64
import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import keyfile, settings
from gateway.app import running
from gateway.keyring import KeyRing, Purpose
from gateway.secret import Secret
from tests.gateway.canaries import scan
from tests.gateway.collector import Collector
from tests.gateway.ingress import ACCEPT, FakeIngress, InTurn, Reaction
from tests.gateway.process import RunningGateway, new_awakeable, new_key
from tests.gateway.test_approvals import ask, nonce_of
from tests.gateway.webhooks import FOREIGN_SECRET, PAY_SECRETS, Webhook, event, signed
from tests.gateway.wire import exchange, post

ROUNDS = 30
#: What makes a log line two, a terminal obey, or a formatter work.
HOSTILE = "\\r\\n\r\x1b[31m\u2028%0d%0a${jndi:ldap://x}{0.__class__}%s%n"


class Watch:
    """Canaries, and every answer that came while they were about."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.answers: dict[str, bytes] = {}
        self.body = f"canary-of-the-body-{os.urandom(8).hex()}"
        self.header = f"canary-of-a-header-{os.urandom(8).hex()}"
        key = json.loads(gateway.key_file.read_text())["keys"][0]
        self.canaries: dict[str, str | bytes] = {
            "key": bytes.fromhex(key["secret"]),
            "body": self.body,
            "header": self.header,
            **{f"secret {n}": secret.removeprefix("whsec_") for n, secret in enumerate(PAY_SECRETS)},
            **{f"secret {n}, decoded": base64.b64decode(s[6:]) for n, s in enumerate(PAY_SECRETS)},
            "stripe's secret": "0123456789abcdef0123456789abcdef",
            **{f"bearer token of {name}": token for name, token in gateway.tokens.items()},
        }

    def add(self, name: str, canary: str) -> None:
        """Another canary, which gets a number."""
        self.canaries[f"{name} {len(self.canaries)}"] = canary

    def note(self, name: str, answer: httpx.Response) -> None:
        """Keep an answer, its headers included; it must not be 5xx."""
        assert answer.status_code < 500 or answer.status_code == 503, (name, answer.text)
        headers = b"".join(key + b": " + value + b"\n" for key, value in answer.headers.raw)
        self.answers[f"{len(self.answers)} {name} ({answer.status_code})"] = headers + answer.content


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Where the gateway's traces go."""
    running = Collector()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, ingress: FakeIngress, collector: Collector
) -> Iterator[RunningGateway]:
    """A gateway that tells all that it can tell: its log, its metrics, and its traces."""
    environment = {"GATEWAY_TRACES__ENDPOINT": collector.url}
    running = RunningGateway(tmp_path_factory.mktemp("canaries"), [ingress.url], environment=environment)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_no_canary_is_seen_in_1000_good_and_bad_requests(
    gateway: RunningGateway, ingress: FakeIngress, collector: Collector
) -> None:
    watch = Watch(gateway)
    for number in range(ROUNDS):
        _webhooks(watch, gateway, ingress, number)
        _internal(watch, gateway)
        _approvals(watch, gateway)
    assert len(watch.answers) >= 1000
    assert {int(name[-4:-1]) for name in watch.answers} >= {
        200,
        202,
        400,
        401,
        404,
        405,
        410,
        413,
        415,
        422,
        431,
    }
    assert not any(b"\nserver: " in answer.lower() for answer in watch.answers.values())
    pid = gateway.part.pid
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/comm").read_bytes()
    # They are sent in the background: what comes last is there when all of them are.
    last = gateway.issue("mailer")
    gateway.send(last.path, event())
    collector.wait_for("delivery mailer")
    assert len(collector.wait_for("delivery pay")) > ROUNDS
    assert any("/metrics (200)" in name for name in watch.answers)
    seen: dict[str, str | bytes] = {
        **watch.answers,
        **{f"traces {number}": body for number, body in enumerate(collector.received)},
        "the log": gateway.log,
        "its arguments": arguments,
    }
    assert scan(seen, watch.canaries) == []
    assert "delivery" in gateway.log


def test_the_log_is_one_json_object_a_line(gateway: RunningGateway) -> None:
    for line in gateway.log.splitlines():
        assert isinstance(json.loads(line), dict), line
        assert line.isprintable()


def test_a_defect_of_the_gateway_is_told_by_its_place_only(
    own_gateway: RunningGateway,
) -> None:  # no text of an exception, no trace with values
    watch = Watch(own_gateway)
    callback = own_gateway.issue()
    watch.add("token", callback.token)
    with closing(own_gateway.database) as database:
        # What no gateway writes makes the reader of the row fail with the value in its text.
        database.execute("UPDATE callbacks SET state = ?", (watch.body,))
    answers = [
        own_gateway.send(callback.path, event()),
        own_gateway.api.get(f"/v1/callbacks/{callback.id}"),
    ]
    for answer in answers:
        assert answer.status_code == 500
        assert answer.json()["code"] == "internal_error"
    texts = {str(n): answer.content for n, answer in enumerate(answers)} | {"the log": own_gateway.log}
    assert scan(texts, watch.canaries) == []
    defects = [line for line in own_gateway.log.splitlines() if "a defect of the gateway" in line]
    assert len(defects) == 2
    assert all(".py:" in json.loads(line)["where"] for line in defects)
    assert "Traceback" not in own_gateway.log


async def test_no_part_of_a_gateway_shows_a_secret_when_it_is_printed(tmp_path: Path) -> None:
    texts = {name: f"canary-of-{name}-{os.urandom(8).hex()}" for name in ("secret", "restate")}
    (tmp_path / "gateway.toml").write_text(
        'public_url = "https://x"\n[restate]\nauth_token = "env:TOKEN"\n'
        f'[sources.a]\nprovider = "stripe"\nsecrets = ["whsec_{texts["secret"]}"]\n'
    )
    keyfile.save(tmp_path / "keys.json", KeyRing((new_key("k1"),), "default"))
    loaded = settings.load(tmp_path / "gateway.toml", {})
    canaries: dict[str, str | bytes] = {**texts}
    async with running(loaded, {"TOKEN": texts["restate"]}) as gateway:
        key = gateway.ring.primary
        canaries["key"] = key.secret.reveal()
        canaries["derived key"] = key.derive("default", f"sign/{Purpose.CALLBACK}", 32)
        gateway.ring.working(key, Purpose.CALLBACK)
        parts = dict(_parts(gateway))
    assert {"Gateway", "Listen", "KeyRing", "Key", "Source", "RestateClient"} <= {
        name.partition(" ")[0] for name in parts
    }
    assert scan(parts, canaries) == []


def _parts(thing: Any, seen: set[int] | None = None) -> Iterator[tuple[str, str]]:
    """Everything of ours that a thing is made of, as it is printed, by its type and place."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, list | tuple | set | frozenset | deque):
        inner = list(thing)
    elif isinstance(thing, dict):
        inner = list(thing.values())
    elif type(thing).__module__.startswith("gateway"):
        yield f"{type(thing).__name__} {len(seen)}", f"{thing!r} {thing!s}"
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        values = {name: getattr(thing, name, None) for name in slots} | getattr(thing, "__dict__", {})
        inner = [] if isinstance(thing, Secret) else list(values.values())
        if not isinstance(thing, Secret):
            yield f"{type(thing).__name__} {len(seen)}, values", repr(values)
    else:
        return
    for one in inner:
        yield from _parts(one, seen)


@pytest.mark.parametrize("spell", [str, lambda text: text.encode().hex(), lambda text: f"x{text}y"])
def test_the_scan_finds_what_it_looks_for(spell: Any) -> None:
    canary = "canary-of-the-test"
    assert scan({"here": spell(canary), "there": "nothing"}, {"it": canary}) == ["it in here"]
    for offset in range(3):
        encoded = base64.b64encode(b"a" * offset + canary.encode() + b"end")
        assert scan({"here": encoded}, {"it": canary}) == ["it in here"]
    assert scan({"here": "canary-of-the-tes"}, {"it": canary}) == []


@contextmanager
def _reacting(ingress: FakeIngress, *reactions: Reaction) -> Iterator[None]:
    ingress.react = InTurn([*reactions, ACCEPT])
    yield
    ingress.react = lambda call: ACCEPT


def _webhooks(watch: Watch, gateway: RunningGateway, ingress: FakeIngress, number: int) -> None:
    callback = gateway.issue(label=HOSTILE)
    watch.add("token", callback.token)
    watch.add("awakeable", callback.awakeable)
    # Its invocation's part, from which the invocation id follows.
    watch.add("invocation", callback.awakeable[6:37])
    genuine = event(text=watch.body, number=number)
    watch.add("signature", genuine.headers["webhook-signature"].removeprefix("v1,"))
    extra = {"x-extra": watch.header, "cookie": watch.header, "authorization": f"Bearer {watch.header}"}
    genuine = Webhook(genuine.body, genuine.headers | extra)

    def send(name: str, path: str, webhook: Webhook) -> None:
        watch.note(name, gateway.send(path, webhook))

    def changed(**headers: str) -> Webhook:
        return Webhook(genuine.body, genuine.headers | {k.replace("_", "-"): v for k, v in headers.items()})

    send("wrong secret", callback.path, event(text=watch.body, secret=FOREIGN_SECRET))
    send("stale", callback.path, event(text=watch.body, signed_at=1))
    send("tampered", callback.path, Webhook(genuine.body + b" ", genuine.headers))
    send("signature", callback.path, changed(webhook_signature=f"v1,{watch.header}"))
    send("time", callback.path, changed(webhook_timestamp=watch.header))
    send("type", callback.path, changed(content_type=f"text/{watch.header}"))
    send("encoding", callback.path, changed(content_encoding=watch.header))
    send("headers", callback.path, changed(**{f"x_{n}": watch.header for n in range(100)}))
    send("large", callback.path, event(text=watch.body * 3000))
    send("closed", gateway.issue("closed").path, genuine)
    send("no token", f"/c/pay/{watch.header}", genuine)
    send("longer", f"{callback.path}A", genuine)
    send("elsewhere", f"/c/mailer/{callback.token}", genuine)
    send("nowhere", f"/{watch.header}/{callback.token}", genuine)
    send("hostile path", f"/c/pay/%0d%0a%1b[31m%00{callback.token}", genuine)
    send("hostile type", callback.path, event(f"payment.{HOSTILE}", note=HOSTILE))
    watch.note("get", gateway.public.get(callback.path, headers=extra))
    watch.note("query", gateway.public.get(f"/s/pay?token={callback.token}", headers=extra))
    with _reacting(ingress, Reaction(503, body=callback.awakeable.encode())):
        send("pending", callback.path, genuine)
    send("duplicate", callback.path, genuine)
    for name, bad in (
        ("malformed", b'{"type":"%b","type":"x"}' % watch.body.encode()),
        ("no JSON", watch.body.encode()),
    ):
        send(name, gateway.issue().path, signed(bad))
    dead = gateway.issue()
    watch.add("awakeable", dead.awakeable)
    with _reacting(ingress, Reaction(400, body=dead.awakeable.encode())):
        send("dead", dead.path, event(text=watch.body))
    gone = gateway.issue()
    watch.add("token", gone.token)
    gateway.api.delete(f"/v1/callbacks/{gone.id}").raise_for_status()
    send("gone", gone.path, event(text=watch.body))
    for one in (callback, dead, gone):
        watch.note("shown", gateway.api.get(f"/v1/callbacks/{one.id}"))
    if number == 0:
        whole = post(callback.path, genuine.body, genuine.headers)
        assert exchange(gateway.address, whole[:-5]).status == 408
        exchange(gateway.address, whole[:-5], hang_up=True)
        exchange(gateway.address, whole.replace(b" HTTP/1.1", b"\xff HTTP/1.1", 1))
        exchange(gateway.address, whole.replace(b"host:", b"host :", 1))


def _internal(watch: Watch, gateway: RunningGateway) -> None:
    awakeable = new_awakeable()
    watch.add("awakeable", awakeable)
    bodies: list[Any] = [
        {"source": "pay", "target": {"awakeable": awakeable + "="}},
        {"source": "pay", "target": {"awakeable": awakeable, "key": awakeable}},
        {"source": "pay", "target": awakeable},
        {"source": "pay", "target": {"workflow": awakeable, "key": "k", "promise": awakeable + "\n"}},
        {"source": "pay", "target": {"awakeable": awakeable}, "expires_in": awakeable},
        {"source": "pay", "target": {"awakeable": awakeable}, "on_failure": awakeable},
        {"source": "pay", "target": {"awakeable": awakeable}, "succeed_on": awakeable},
        {"source": {"awakeable": awakeable}, "target": {}},
        [awakeable],
        awakeable,
    ]
    for number, body in enumerate(bodies):
        watch.note(f"body {number}", gateway.api.post("/v1/callbacks", json=body))
    watch.note("cut", gateway.api.post("/v1/callbacks", content=json.dumps(bodies[0])[:-3]))
    headers = {"authorization": f"Bearer {watch.header}", "idempotency-key": watch.header}
    watch.note("stranger", gateway.anonymous.post("/v1/callbacks", json=bodies[0], headers=headers))
    watch.note("unknown", gateway.api.get(f"/v1/callbacks/{watch.header}"))
    watch.note(
        "key", gateway.api.post("/v1/callbacks", json=bodies[0], headers={b"idempotency-key": b"\xe9" * 9})
    )
    listings = ("callbacks", "deliveries", "sources", "keys", "providers")
    for path in (*(f"/v1/{name}" for name in listings), "/readyz", "/metrics", "/openapi.json"):
        watch.note(path, gateway.api.get(path))


def _approvals(watch: Watch, gateway: RunningGateway) -> None:
    asked = ask(gateway)
    watch.add("awakeable", asked.awakeable)
    watch.add("token", asked.path.removeprefix("/a/"))
    page = gateway.public.get(asked.path)
    watch.note("page", page)
    watch.note("other origin", gateway.public.post(asked.path, data={}, headers={"origin": "http://evil"}))
    form = {"action": "approve", "nonce": watch.header, "comment": watch.body}
    watch.note("stale page", gateway.public.post(asked.path, data=form))
    watch.note("decided", gateway.public.post(asked.path, data=form | {"nonce": nonce_of(page)}))
    watch.note("link changed", gateway.public.get(f"{asked.path}{watch.header}"))
