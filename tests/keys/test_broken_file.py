"""
The key file broken in every way while the gateway is under load: nothing is refused, and the reason is told.

A short form runs with the other tests; `make rotations` breaks it BREAKS (200) times.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from gateway import keyfile
from gateway.keyring import Status
from tests.gateway.conftest import StartGateway
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import new_key
from tests.keys.load import load

BREAKS = int(os.environ.get("BREAKS", "10"))
#: What is in force is looked at twice a second.
_NOTICED_SECONDS = 10.0


def half(file: Path, good: str) -> None:
    """As an editor does that writes in place and was interrupted."""
    with file.open("w") as written:
        written.write(good[: len(good) // 2])
        written.flush()


def edited(change: Callable[[list[dict[str, str]]], object]) -> Callable[[Path, str], None]:
    """What writes a file whose keys were changed."""

    def write(file: Path, good: str) -> None:
        document = json.loads(good)
        change(document["keys"])
        file.write_text(json.dumps(document))

    return write


def loose(file: Path, good: str) -> None:
    """As a copy by hand has it."""
    file.write_text(good)
    file.chmod(0o644)


def linked(file: Path, good: str) -> None:
    """A link to a file that others can read."""
    elsewhere = file.with_name("elsewhere.json")
    elsewhere.write_text(good)
    elsewhere.chmod(0o644)
    file.unlink()
    file.symlink_to(elsewhere)


#: Each beside the reason that is told, which is never that of the one before.
WAYS: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "half-written": (half, "not a key file"),
    "an id twice": (edited(lambda keys: keys.append(keys[0])), "the key id k1 is there more than once"),
    "truncated": (lambda file, good: file.write_text(good[:-3]), "not a key file"),
    "an id that has left the file": (
        edited(lambda keys: keys.append({**keys[0], "id": "k0", "status": "enabled"})),
        "key k0 has other bytes than before",
    ),
    "empty": (lambda file, good: file.write_text(""), "not a key file"),
    "loose mode": (loose, "others can read the keys"),
    "an unknown status": (edited(lambda keys: keys[0].update(status="hs256")), "not a key file"),
    "a link to a loose file": (linked, "others can read the keys"),
    "an id with other bytes": (
        edited(lambda keys: keys[0].update(secret=os.urandom(32).hex())),
        "key k1 has other bytes than before",
    ),
    "gone": (lambda file, good: file.unlink(), "is not there"),
}


async def test_a_key_file_that_breaks_again_and_again_refuses_nothing(
    start_gateway: StartGateway, own_ingress: FakeIngress
) -> None:
    gateway = await asyncio.to_thread(start_gateway)
    file, ring = gateway.key_file, keyfile.load(gateway.key_file, "default")

    async def told(reason: str) -> None:
        deadline = time.monotonic() + _NOTICED_SECONDS
        while True:
            answer = await asyncio.to_thread(gateway.anonymous.get, "/readyz")
            assert answer.status_code == 200
            reasons = [one for one in answer.json()["reasons"] if one.startswith("keys.file")]
            if any(reason in one for one in reasons) if reason else not reasons:
                return
            assert time.monotonic() < deadline, f"{reason or 'that it is good'} is not told: {reasons}"
            await asyncio.sleep(0.03)

    def mend() -> None:
        file.unlink(missing_ok=True)
        keyfile.save(file, ring)

    # A key that was used once, and is not in the file any more.
    keyfile.save(file, ring.add(new_key("k0", Status.ENABLED)))
    await asyncio.sleep(1.2)
    keyfile.save(file, ring)
    good = file.read_text()
    secrets = [key.secret.reveal().hex() for key in ring.keys]
    async with load((gateway,), own_ingress) as running:
        for write, reason in itertools.islice(itertools.cycle(WAYS.values()), BREAKS):
            mend()
            write(file, good)
            await told(reason)
        mend()
        await told("")
    assert set(running.completed) == {"k1"}
    assert not any(secret in gateway.log for secret in secrets)
    assert gateway.log.count("keys not taken") >= BREAKS
