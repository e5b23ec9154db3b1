"""The way out to providers: what is fetched, how long it is kept, and what is never asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import TryLater, Unverified
from gateway.fetcher import Fetcher, is_public
from gateway.providers.fetch import Fetch, Location
from tests.gateway.vendor import Vendor, answer, vendor

HOST = "keys.example.com"
KEYS = Fetch(f"https://{HOST}/keys", timedelta(hours=1))


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[Vendor]:
    async with vendor(HOST, tmp_path) as made:
        made.answers(answer(b"the keys"))
        yield made


async def test_what_is_fetched_is_kept_as_long_as_it_counts(keys: Vendor) -> None:
    clock = Clock()
    fetcher = keys.fetcher(clock)
    assert await fetcher.get(KEYS) == b"the keys"
    clock.now += 3599
    assert await fetcher.get(KEYS) == b"the keys"
    assert len(keys.requests) == 1
    clock.now += 2
    keys.answers(answer(b"other keys"))
    assert await fetcher.get(KEYS) == b"other keys"
    assert len(keys.requests) == 2


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("public, max-age=600, must-revalidate", 600),
        ("max-age=0", 60),
        ("max-age=999999", 3600),
        ("no", 3600),
    ],
)
async def test_the_answer_itself_may_say_for_how_long(keys: Vendor, said: str, seconds: int) -> None:
    clock = Clock()
    fetcher = keys.fetcher(clock)
    keys.answers(answer(b"the keys", cache_control=said))
    await fetcher.get(KEYS)
    clock.now += seconds - 1
    await fetcher.get(KEYS)
    assert len(keys.requests) == 1
    clock.now += 2
    await fetcher.get(KEYS)
    assert len(keys.requests) == 2


async def test_many_who_ask_for_the_same_share_one_request(keys: Vendor) -> None:
    fetcher = keys.fetcher()
    first = asyncio.create_task(fetcher.get(KEYS))
    await asyncio.sleep(0)
    others = [asyncio.create_task(fetcher.get(KEYS)) for _ in range(50)]
    await asyncio.sleep(0)
    # Whoever asked first is gone: the others get theirs.
    first.cancel()
    assert await asyncio.gather(*others) == [b"the keys"] * 50
    assert len(keys.requests) == 1


async def test_a_body_is_posted_and_tells_two_fetches_apart(keys: Vendor) -> None:
    fetcher = keys.fetcher()
    for body in (b'{"key_id":"a"}', b'{"key_id":"b"}', b'{"key_id":"a"}'):
        await fetcher.get(Fetch(KEYS.url, KEYS.keep, body))
    assert [request.rpartition(b"\r\n\r\n")[2] for request in keys.requests] == [
        b'{"key_id":"a"}',
        b'{"key_id":"b"}',
    ]
    assert all(request.startswith(b"POST /keys ") for request in keys.requests)


@pytest.mark.parametrize("status", ["404 Not Found", "400 Bad Request", "403 Forbidden", "204 No Content"])
async def test_what_does_not_exist_is_not_asked_for_again_for_a_minute(keys: Vendor, status: str) -> None:
    clock = Clock()
    fetcher = keys.fetcher(clock)
    keys.answers(answer(b"", status))
    for _ in range(3):
        with pytest.raises(Unverified, match="has no such key"):
            await fetcher.get(KEYS)
    assert len(keys.requests) == 1
    clock.now += 61
    keys.answers(answer(b"the keys"))
    assert await fetcher.get(KEYS) == b"the keys"


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many"])
async def test_whoever_does_not_answer_well_is_left_alone_for_five_seconds(keys: Vendor, status: str) -> None:
    clock = Clock()
    fetcher = keys.fetcher(clock)
    keys.answers(answer(b"the keys", status))
    for _ in range(3):
        with pytest.raises(TryLater, match="answered HTTP"):
            await fetcher.get(KEYS)
    assert len(keys.requests) == 1
    clock.now += 6
    keys.answers(answer(b"the keys"))
    assert await fetcher.get(KEYS) == b"the keys"


async def test_a_redirect_is_not_followed(keys: Vendor, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    async with vendor("elsewhere.example.com", tmp_path / "elsewhere") as elsewhere:
        elsewhere.answers(answer(b"other keys"))
        keys.answers(answer(b"", "302 Found", location=f"https://elsewhere.example.com:{elsewhere.port}/"))
        with pytest.raises(Unverified, match="HTTP 302"):
            await keys.fetcher().get(KEYS)
        assert elsewhere.requests == []
    assert keys.asked_for == [HOST]


async def test_an_answer_is_bounded_in_size(keys: Vendor) -> None:
    keys.answers(answer(b"x" * (64 * 1024 + 1)))
    with pytest.raises(TryLater, match="more than 65536 bytes"):
        await keys.fetcher().get(KEYS)
    keys.answers(answer(b"x" * 64 * 1024))
    assert len(await keys.fetcher().get(KEYS)) == 64 * 1024


async def test_an_answer_is_bounded_in_time(keys: Vendor) -> None:
    fetcher = keys.fetcher()
    fetcher.seconds = 0.2
    hangs = asyncio.Event()

    async def hang(request: bytes) -> bytes:
        await hangs.wait()
        return b""

    keys.answering = hang
    with pytest.raises(TryLater, match=r"did not answer within 0.2 seconds|was not reached"):
        await fetcher.get(KEYS)
    hangs.set()


async def test_another_s_certificate_is_not_accepted(keys: Vendor) -> None:
    with pytest.raises(TryLater, match="was not reached"):
        await keys.fetcher().get(Fetch("https://other.example.com/keys", timedelta(hours=1)))
    untrusting = Fetcher(keys.resolve, lambda _: True)
    with pytest.raises(TryLater, match="was not reached"):
        await untrusting.get(KEYS)
    assert keys.requests == []


async def test_plain_http_is_not_asked(keys: Vendor) -> None:
    with pytest.raises(TryLater, match="was not reached"):
        await keys.fetcher().get(Fetch(f"http://{HOST}/keys", timedelta(hours=1)))
    assert keys.requests == []


@pytest.mark.parametrize(
    "addresses",
    [
        *(
            ["127.0.0.1"],
            ["10.1.2.3"],
            ["169.254.169.254"],
            ["192.168.0.1"],
            ["::1"],
            ["fe80::1"],
            ["fd00::1"],
        ),
        *(["0.0.0.0"], ["100.64.0.1"], ["::ffff:10.0.0.1"], ["224.0.0.1"], ["2002:a00:1::"], []),
        # One of several is enough to be refused: which one is taken is not ours to guess.
        ["93.184.216.34", "127.0.0.1"],
    ],
)
async def test_a_name_that_leads_inside_is_not_asked(keys: Vendor, addresses: list[str]) -> None:
    keys.addresses = addresses
    fetcher = keys.fetcher()
    fetcher.allowed = is_public
    with pytest.raises(TryLater, match="not on the public internet"):
        await fetcher.get(KEYS)
    assert keys.requests == []


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_an_address_of_the_internet_is_allowed(address: str) -> None:
    assert is_public(address)


async def test_whoever_forges_key_ids_makes_us_ask_for_twenty_and_not_more(keys: Vendor) -> None:
    clock = Clock()
    fetcher = keys.fetcher(clock)
    await fetcher.get(KEYS)
    for place in range(19):
        await fetcher.get(Fetch(KEYS.url, KEYS.keep, b"%d" % place))
    with pytest.raises(TryLater, match="too many different keys"):
        await fetcher.get(Fetch(KEYS.url, KEYS.keep, b"20"))
    # What is known is served on.
    assert await fetcher.get(KEYS) == b"the keys"
    assert len(keys.requests) == 20
    clock.now += 11
    await fetcher.get(Fetch(KEYS.url, KEYS.keep, b"20"))


async def test_memory_is_bounded(keys: Vendor) -> None:
    clock = Clock()
    fetcher = keys.fetcher(clock)
    fetcher._kept.update({Fetch(KEYS.url, KEYS.keep, b"%d" % n): None for n in range(300)})  # type: ignore[misc]  # as full as it gets
    await fetcher.get(KEYS)
    assert len(fetcher._kept) == 256
    assert KEYS in fetcher._kept


async def test_a_visit_is_not_kept_and_has_to_succeed(keys: Vendor) -> None:
    fetcher = keys.fetcher()
    await fetcher.visit(KEYS.url)
    await fetcher.visit(KEYS.url)
    assert len(keys.requests) == 2
    keys.answers(answer(b"", "403 Forbidden"))
    with pytest.raises(TryLater):
        await fetcher.visit(KEYS.url)


def test_no_credentials_show_in_a_fetch() -> None:
    assert "secret" not in repr(Fetch("https://u:secret@example.com/", timedelta(), b"secret"))


PLACE = Location(host=r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com", path=r"/[a-z]+\.pem")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        ),
        *("https://u:p@sns.eu-west-1.amazonaws.com/a.pem", "https://sns.eu-west-1.amazonaws.com:8443/a.pem"),
        *("https://sns.eu-west-1.amazonaws.com@evil.example/a.pem", "https://169.254.169.254/a.pem"),
        *("https://[::1]/a.pem", "https://bucket.s3.amazonaws.com/a.pem", "https://snsé.amazonaws.com/a.pem"),
        *("https://sns.eu-west-1.amazonaws.com/a.pem?x=1", "https://sns.eu-west-1.amazonaws.com/a.pem#x"),
        *("https://sns.eu-west-1.amazonaws.com/../a.pem", "https://sns.eu-west-1.amazonaws.com/a.pem\n"),
        *(
            "HTTPS://sns.eu-west-1.amazonaws.com/a.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        ),
        *(
            "https://sns.evil.example#.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com\\@evil/a.pem",
        ),
        *("", "//sns.eu-west-1.amazonaws.com/a.pem", "https://sns.amazonaws.com/a.pem", "file:///a.pem"),
        "https://sns.eu-west-1.amazonaws.com/" + "a" * 2000 + ".pem",
    ],
)
def test_a_url_that_leads_elsewhere_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(Unverified, match="not one of the provider's"):
        PLACE.fetch(url)
    assert PLACE.fetch("https://sns.eu-west-1.amazonaws.com/a.pem").host == "sns.eu-west-1.amazonaws.com"
