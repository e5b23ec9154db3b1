"""Secret files that change while the gateway runs: what is good is taken up, what is not changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import settings
from gateway.providers.signatures import digest
from gateway.providers.signatures.digest import Hmac
from gateway.sources import Source, SourceSecret
from gateway.sourcewatch import WatchedSources

OLD, NEW = "0123456789abcdef-old", "0123456789abcdef-new"
TOML = """\
public_url = "https://hooks.example.com"
[sources.x]
provider = "hmac"
hmac = {header = "X-Signature"}
secrets = ["file:current", "file:previous"]
"""

SIGNED = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#: Secrets that have a form: base64.
MORE = "[sources.y]\nprovider = 'standard-webhooks'\nsucceed_on = ['*']\nsecrets = ['file:previous']\n"


def accepted(source: Source) -> list[str]:
    """The secrets that a source accepts, as they stand in their files."""
    texts = [source.secrets[place].text for place in source.places]
    return [text.reveal().decode() for text in texts if text is not None]


@dataclass
class World:
    """A folder with the source `x` and its two secret files; `told` are the changes, `alarms` the errors."""

    folder: Path
    watched: WatchedSources = field(init=False)
    told: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def start(self, toml: str = TOML) -> None:
        """Load the sources."""
        (self.folder / "gateway.toml").write_text(toml)
        loaded = settings.load(self.folder / "gateway.toml", {})
        self.watched = WatchedSources(loaded, {}, self._told, self.alarms.append)

    def _told(self, source: Source, secret: SourceSecret) -> None:
        self.told.append(secret.setting)

    def look(self) -> None:
        """Look as often as it takes for a change to be taken up."""
        self.watched.refresh()
        self.watched.refresh()

    @property
    def keys(self) -> list[str]:
        """The secrets that are accepted."""
        return accepted(self.watched.sources["x"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    (tmp_path / "current").write_text(OLD)
    world.start()
    return world


def test_a_rotation_accepts_both_in_between_and_ends_with_the_new_one(world: World) -> None:
    assert world.keys == [OLD]
    assert world.watched.sources.absent == (
        f"sources.x.secrets[1]: file:{world.folder}/previous is not there",
    )
    (world.folder / "previous").write_text(OLD)
    world.look()
    assert world.keys == [OLD]
    (world.folder / "current").write_text(f"{NEW}\n")
    world.look()
    assert world.keys == [NEW, OLD]
    assert world.watched.sources["x"].places == (0, 1)
    (world.folder / "previous").write_text(NEW)
    world.look()
    assert world.keys == [NEW]
    assert world.told == [f"sources.x.secrets[{place}]" for place in (1, 0, 1)]
    assert world.alarms == []
    assert world.watched.sources.absent == world.watched.sources.alarms == ()


def test_a_source_that_was_closed_opens_when_its_file_comes(world: World) -> None:
    (world.folder / "current").unlink()
    world.start()
    assert world.watched.sources.closed == ["x"]
    (world.folder / "previous").write_text("short")
    world.look()
    assert world.watched.sources.closed == ["x"]
    assert "has 5 characters" in world.alarms[0]
    assert "stays in force" not in world.alarms[0]
    (world.folder / "previous").write_text(NEW)
    world.look()
    assert world.watched.sources.closed == []
    assert world.keys == [NEW]


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def _loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


#: How a file goes wrong, and what the alarm says.
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "vanished": (Path.unlink, "is not there"),
    "empty": (lambda file: file.write_text(""), "is empty"),
    "blank": (lambda file: file.write_text(" \n\t"), "is empty"),
    "short": (lambda file: file.write_text("too short"), "has 9 characters, fewer than 16"),
    "placeholder": (lambda file: file.write_text("<put your secret here>"), "is a placeholder"),
    "half": (lambda file: file.write_text(OLD[:-2]), "only the beginning of the secret that was there"),
    "huge": (lambda file: file.write_bytes(b"a" * 100_000), "more than 65536 bytes"),
    "pipe": (_pipe, "not a regular file"),
    "directory": (_directory, "Is a directory"),
    "dangling link": (_dangling, "is not there"),
    "circle of links": (_loop, "symbolic links"),
}


@pytest.mark.parametrize(("breaks", "says"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_goes_wrong_leaves_the_last_good_secret_and_raises_an_alarm(
    world: World, breaks: Callable[[Path], object], says: str
) -> None:
    file = world.folder / "current"
    breaks(file)
    world.look()
    assert world.keys == [OLD]
    (alarm,) = world.alarms
    assert alarm.startswith("sources.x.secrets[0]: ")
    assert alarm.endswith("; the last good secret stays in force")
    assert says in alarm
    assert OLD not in alarm
    assert OLD[:-2] not in alarm
    assert list(world.watched.sources.alarms) == [alarm]
    assert world.watched.load_errors == 1
    # And as it was again, by whatever is there now being replaced.
    (world.folder / "mended").write_text(OLD)
    if file.is_dir():
        file.rmdir()
    (world.folder / "mended").rename(file)
    world.look()
    assert not world.watched.sources.alarms
    assert world.keys == [OLD]


def test_a_secret_of_the_wrong_form_changes_nothing_and_is_not_shown(world: World) -> None:
    (world.folder / "current").write_text(SIGNED)
    world.start(TOML.replace('"hmac"', '"standard-webhooks"').replace('hmac = {header = "X-Signature"}', ""))
    (before,) = world.watched.sources["x"].keys
    wrong = "whsec_thisisnot*base64*thisisnotbase64"
    (world.folder / "current").write_text(wrong)
    world.look()
    assert world.watched.sources["x"].keys == (before,)
    assert wrong[6:] not in world.alarms[0]


def test_one_file_may_serve_several_sources(world: World) -> None:
    world.start(TOML + TOML.partition("\n")[2].replace("sources.x", "sources.y"))
    (world.folder / "current").write_text(NEW)
    world.look()
    assert [accepted(world.watched.sources[name]) for name in "xy"] == [[NEW]] * 2


def test_sources_that_are_in_someones_hands_do_not_change(world: World) -> None:
    held = world.watched.sources["x"]
    (world.folder / "current").write_text(NEW)
    world.look()
    assert accepted(held) == [OLD]
    assert world.keys == [NEW]


def test_the_environment_is_read_once(tmp_path: Path) -> None:
    world, environ = World(tmp_path), {"SECRET": OLD}
    (tmp_path / "gateway.toml").write_text(TOML.replace("file:current", "env:SECRET"))
    world.watched = WatchedSources(
        settings.load(tmp_path / "gateway.toml", {}), environ, world._told, world.alarms.append
    )
    environ["SECRET"] = NEW
    (tmp_path / "previous").write_text(f"{NEW}er")
    world.look()
    assert world.keys == [OLD, f"{NEW}er"]


def test_of_a_secret_that_is_replaced_nothing_is_kept(world: World) -> None:
    Hmac(hash="sha256", encoding="hex").sign(OLD.encode(), b"a body")
    assert digest._keyed.cache_info().currsize > 0
    (world.folder / "current").write_text(NEW)
    world.look()
    assert digest._keyed.cache_info().currsize == 0


@given(content=st.binary(max_size=200))
def test_whatever_stands_in_the_file_of_a_source_that_is_open_it_stays_open(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    world = World(tmp_path_factory.mktemp("any"))
    (world.folder / "current").write_bytes(OLD.encode())
    (world.folder / "previous").write_text(SIGNED)
    world.start(TOML + MORE)
    for file in ("current", "previous"):
        (world.folder / file).write_bytes(content)
    world.look()
    assert world.watched.sources.closed == []
