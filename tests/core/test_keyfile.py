"""The key file: written whole or not at all, taken up while running, and never trusted half read."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway import keyfile, keytext
from gateway.errors import ConfigurationError
from gateway.keyfile import WatchedKeyRing
from gateway.keyring import KeyRing, Status
from tests.core.samples import key, ring

TWO = ring(key("k1", 1, Status.ENABLED), key("k2", 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file with one key, `k1`."""
    file = tmp_path / "keys.json"
    keyfile.save(file, ring())
    return file


@dataclass
class Watching:
    """A watched key file and what it has reported."""

    file: Path
    changes: list[KeyRing] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = WatchedKeyRing(self.file, "default", self.changes.append, self.errors.append)


def in_place(path: Path, text: str | bytes) -> None:
    """Write as an editor does that knows nothing of rename."""
    with path.open("wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def test_a_saved_ring_is_loaded_again(path: Path) -> None:
    keyfile.save(path, TWO)
    assert keyfile.load(path, "default") == TWO


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_a_key_file_is_readable_by_its_owner_only(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        keyfile.save(tmp_path / "keys.json", ring())
    finally:
        os.umask(before)
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_saving_tightens_the_mode_of_an_older_file(path: Path) -> None:
    path.chmod(0o644)
    keyfile.save(path, TWO)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("replace", [True, False])
def test_saving_leaves_nothing_else_in_the_folder(tmp_path: Path, replace: bool) -> None:
    keyfile.save(tmp_path / "keys.json", TWO, replace)
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(ConfigurationError, match=r"keys\.file: .*: No space left on device"):
        keyfile.save(path, TWO)
    assert keyfile.load(path, "default") == ring()
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"keys.file: .*file/keys.json: "):
        keyfile.save(tmp_path / "file" / "keys.json", ring())


def test_whoever_reads_while_it_is_saved_finds_a_whole_file(path: Path) -> None:
    stop = threading.Event()

    def read() -> set[str]:
        found = set()
        while not stop.is_set():
            found.add(keyfile.load(path, "default").primary.id)
        return found

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            for _ in range(100):
                keyfile.save(path, TWO)
                keyfile.save(path, ring())
        finally:
            stop.set()
        assert reader.result() <= {"k1", "k2"}


def test_init_does_not_replace_a_file(path: Path) -> None:
    with pytest.raises(ConfigurationError, match='is there already; "gateway keys add"'):
        keyfile.save(path, TWO, replace=False)
    assert keyfile.load(path, "default") == ring()
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


def test_of_two_inits_at_once_one_wins(tmp_path: Path) -> None:
    def init(barrier: threading.Barrier, path: Path, fill: int) -> int | None:
        barrier.wait()
        try:
            keyfile.save(path, ring(key("k1", fill)), replace=False)
        except ConfigurationError:
            return None
        return fill

    for attempt in range(50):
        path, barrier = tmp_path / f"{attempt}.json", threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            results = [pool.submit(init, barrier, path, fill) for fill in range(1, 5)]
        won = [fill for result in results if (fill := result.result()) is not None]
        assert len(won) == 1
        assert keyfile.load(path, "default") == ring(key("k1", won[0]))


BROKEN: dict[str, str | bytes] = {
    "empty": "",
    "truncated": keytext.dump(TWO)[:-20],
    "not JSON": "k1: " + "07" * 32,
    "not UTF-8": b"\xff\xfe{}",
    "an id twice": keytext.dump(TWO).replace('"k2"', '"k1"'),
    "no primary": keytext.dump(TWO).replace('"primary"', '"enabled"'),
    "unknown status": keytext.dump(TWO).replace('"primary"', '"future"'),
    "an empty key": keytext.dump(TWO).replace("02" * 32, ""),
    "a key of 8 bytes": keytext.dump(TWO).replace("02" * 32, "02" * 8),
    "known id with other bytes": keytext.dump(TWO).replace("01" * 32, "07" * 32),
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_leaves_the_last_good_ring_in_force(path: Path, text: str | bytes) -> None:
    watching = Watching(path)
    in_place(path, text)
    watching.keys.refresh()
    assert watching.keys.ring == ring()
    assert watching.changes == []
    assert watching.errors == [watching.keys.error]
    assert watching.keys.load_errors == 1
    assert watching.errors[0].startswith(f"keys.file: {path}: ")
    assert not any(hexed * 8 in watching.errors[0] for hexed in ("01", "02", "07"))


def test_after_a_broken_file_a_good_one_is_taken_and_the_error_is_gone(path: Path) -> None:
    watching = Watching(path)
    in_place(path, "{")
    watching.keys.refresh()
    keyfile.save(path, TWO)
    watching.keys.refresh()
    assert (watching.keys.ring, watching.keys.error, watching.changes) == (TWO, None, [TWO])


def test_an_id_that_has_left_the_file_does_not_come_back_with_other_bytes(path: Path) -> None:
    watching = Watching(path)
    watching.keys.remember({"k0": key("k0", 9).fingerprint})
    for _ in range(2):
        keyfile.save(path, TWO)
        watching.keys.refresh()
        keyfile.save(path, ring())
        watching.keys.refresh()
    assert watching.keys.error is None
    for substituted in (key("k2", 7, Status.ENABLED), key("k0", 7, Status.ENABLED)):
        keyfile.save(path, ring().add(substituted))
        watching.keys.refresh()
        assert f"key {substituted.id} has other bytes than before" in (watching.keys.error or "")
        assert watching.keys.ring == ring()
    keyfile.save(path, ring().add(key("k0", 9, Status.ENABLED)))
    watching.keys.refresh()
    assert (watching.keys.error, len(watching.keys.ring.keys), watching.keys.load_errors) == (None, 2, 2)


def test_a_gateway_does_not_start_with_an_id_that_was_used_with_other_bytes(path: Path) -> None:
    watching = Watching(path)
    with pytest.raises(
        ConfigurationError, match="key k1 has other bytes than before; a new key needs a new id"
    ):
        watching.keys.remember({"k1": key("k1", 9).fingerprint})


def test_each_look_at_a_changed_file_is_told_and_when_a_ring_came(path: Path) -> None:
    watching, looks = Watching(path), []
    watching.keys.on_look = lambda: looks.append(watching.keys.error is None)
    first = watching.keys.loaded_at
    for text in (None, "{", None):
        keyfile.save(path, TWO) if text is None else in_place(path, text)
        watching.keys.refresh()
        watching.keys.refresh()
    assert looks == [True, False, True]
    assert first < watching.keys.loaded_at <= time.time()


def test_an_unchanged_file_is_reported_once(path: Path) -> None:
    watching = Watching(path)
    for _ in range(3):
        watching.keys.refresh()
    assert (watching.changes, watching.errors) == ([], [])
    in_place(path, "{")
    for _ in range(3):
        watching.keys.refresh()
    assert len(watching.errors) == 1


def test_a_file_that_disappears_leaves_the_last_good_ring(path: Path) -> None:
    watching = Watching(path)
    path.unlink()
    watching.keys.refresh()
    assert watching.keys.ring == ring()
    assert watching.keys.error is not None
    assert '"gateway keys init"' in watching.keys.error
    keyfile.save(path, TWO)
    watching.keys.refresh()
    assert watching.keys.ring == TWO


def test_a_file_that_others_can_read_is_refused_until_its_mode_is_mended(path: Path) -> None:
    watching = Watching(path)
    keyfile.save(path, TWO)
    path.chmod(0o644)
    watching.keys.refresh()
    assert watching.keys.ring == ring()
    assert watching.keys.error is not None
    assert "mode 0644" in watching.keys.error
    assert "chmod 600" in watching.keys.error
    path.chmod(0o600)
    watching.keys.refresh()
    assert watching.keys.ring == TWO


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o660])
def test_a_file_that_others_can_read_is_refused_at_start(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode 0{mode:o}: others can read the keys; chmod 600"):
        Watching(path)


def test_a_link_is_followed_and_its_change_noticed(path: Path, tmp_path: Path) -> None:
    # As secrets are mounted: a link into a folder that is swapped.
    link = tmp_path / "link.json"
    link.symlink_to(path)
    watching = Watching(link)
    other = tmp_path / "other.json"
    keyfile.save(other, TWO)
    (tmp_path / "new").symlink_to(other)
    (tmp_path / "new").rename(link)
    watching.keys.refresh()
    assert watching.keys.ring == TWO


def test_a_file_written_half_and_then_whole_200_times_is_never_taken_half(path: Path) -> None:
    # an editor that writes in place, and a look between its two writes.
    watching = Watching(path)
    rings = [ring(key("k1", 1), key("k2", 2, Status.ENABLED)), TWO]
    for number in range(200):
        wanted, before = rings[number % 2], watching.keys.ring
        text = keytext.dump(wanted)
        with path.open("w") as file:
            file.write(text[: len(text) // 2])
            file.flush()
            watching.keys.refresh()
            assert watching.keys.ring is before
            assert watching.keys.error is not None
            file.write(text[len(text) // 2 :])
        watching.keys.refresh()
        assert watching.keys.ring == wanted
        assert watching.keys.error is None


@pytest.mark.parametrize("missing", ["file", "folder"])
def test_a_missing_file_says_how_to_make_it(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "keys.json" if missing == "file" else tmp_path / "no" / "keys.json"
    with pytest.raises(ConfigurationError, match='is not there; "gateway keys init" makes it'):
        keyfile.load(path, "default")


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"keys\.file: .*directory"):
        keyfile.load(tmp_path, "default")


async def test_a_change_is_taken_up_within_two_seconds(path: Path) -> None:
    watching, taken = Watching(path), asyncio.Event()
    watching.keys.on_change = lambda _: taken.set()
    watch = asyncio.create_task(watching.keys.watch())
    try:
        await asyncio.sleep(0)
        start = time.monotonic()
        keyfile.save(path, TWO)
        async with asyncio.timeout(2):
            await taken.wait()
        assert watching.keys.ring == TWO
        assert time.monotonic() - start < 2
    finally:
        watch.cancel()


async def test_a_file_that_breaks_does_not_end_the_watch(path: Path) -> None:
    watching = Watching(path)
    watch = asyncio.create_task(watching.keys.watch())
    try:
        for text in BROKEN.values():
            in_place(path, text)
            watching.keys.refresh()
        os.unlink(path)
        await asyncio.sleep(0.6)
        keyfile.save(path, TWO)
        await asyncio.sleep(1.2)
        assert watching.keys.ring == TWO
        assert not watch.done()
    finally:
        watch.cancel()
