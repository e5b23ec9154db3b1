"""A key file in a mounted Secret, as Kubernetes lays it out: links, 0644, read-only, swapped as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gateway import keyfile, keytext
from gateway.errors import ConfigurationError
from gateway.keyfile import WatchedKeyRing
from gateway.keyring import KeyRing, Status
from tests.core.samples import key, ring
from tests.keys.command import Keys

TWO = ring(key("k1", 1, Status.ENABLED), key("k2", 2))


def mount(folder: Path, text: str) -> None:
    """
    What the kubelet does: a new folder for the data, then the link `..data` swapped by a rename.

    https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    data = folder / f"..2026_11_23_{len(list(folder.iterdir()))}"
    data.mkdir()
    (data / "keys.json").write_text(text)
    (data / "keys.json").chmod(0o644)
    (folder / "..data_tmp").symlink_to(data.name)
    (folder / "..data_tmp").rename(folder / "..data")
    if not (folder / "keys.json").is_symlink():
        (folder / "keys.json").symlink_to(Path("..data", "keys.json"))
    folder.chmod(0o555)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mounted Secret with a key."""
    mount(tmp_path / "mounted", keytext.dump(ring()))
    return tmp_path / "mounted"


@pytest.fixture
def keys(tmp_path: Path, folder: Path) -> Keys:
    """The commands where the key file is in it."""
    config = tmp_path / "gateway.toml"
    config.write_text('public_url = "https://hooks.example.com"\n[keys]\nfile = "mounted/keys.json"\n')
    return Mounted(config)


class Mounted(Keys):
    """`gateway keys` on a mounted Secret."""

    @property
    def file(self) -> Path:
        """The key file."""
        return self.config.parent / "mounted" / "keys.json"

    def secret(self, *arguments: str) -> tuple[KeyRing, str]:
        """The keys in the Secret that a command prints, and what it says besides."""
        out, err = self.run(*arguments, shows_keys=True)
        manifest = json.loads(out)
        assert (manifest["kind"], manifest["metadata"]) == ("Secret", {"name": "gateway-keys"})
        (text,) = manifest["stringData"].values()
        assert set(manifest["stringData"]) == {"keys.json"}
        for one in keytext.load(text, "default").keys:
            assert one.secret.reveal().hex() not in err
        return keytext.load(text, "default"), err


def test_a_mounted_file_is_read_without_complaint_and_its_swap_is_found(folder: Path) -> None:
    watched = WatchedKeyRing(folder / "keys.json", "default", lambda _: None, lambda _: None)
    assert watched.ring == ring()
    for expected in (TWO, ring(), TWO):
        mount(folder, keytext.dump(expected))
        watched.refresh()
        assert (watched.ring, watched.error) == (expected, None)
    mount(folder, keytext.dump(TWO)[:-20])
    watched.refresh()
    assert watched.ring == TWO
    assert "not a key file" in (watched.error or "")
    assert watched.load_errors == 1


@pytest.mark.parametrize("disguise", ["a file beside the link", "a link to elsewhere"])
def test_a_file_that_is_not_of_the_mount_has_to_be_private(folder: Path, disguise: str) -> None:
    folder.chmod(0o755)
    other = folder / "other.json"
    if disguise == "a file beside the link":
        other.write_text(keytext.dump(ring()))
        other.chmod(0o644)
    else:
        elsewhere = folder.parent / "elsewhere.json"
        keyfile.save(elsewhere, ring())
        elsewhere.chmod(0o644)
        other.symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="mode 0644: others can read the keys"):
        keyfile.load(other, "default")


def test_a_rotation_is_printed_step_by_step_and_nothing_is_written(keys: Keys, folder: Path) -> None:
    assert isinstance(keys, Mounted)
    before = keys.file.read_bytes(), sorted(os.listdir(folder))
    added, said = keys.secret("rotate")
    new = added.keys[-1]
    assert [(one.id, one.status) for one in added.keys] == [("k1", "primary"), (new.id, "enabled")]
    assert f"gateway keys promote {new.id}" in said
    assert "Not yet: apply what is printed, with kubectl apply -f - say." in said
    assert (keys.file.read_bytes(), sorted(os.listdir(folder))) == before
    # It is not there yet.
    assert f"there is no key {new.id}" in keys("promote", new.id, code=1)
    mount(folder, keytext.dump(added))
    promoted, _ = keys.secret("promote", new.id)
    mount(folder, keytext.dump(promoted))
    retired, _ = keys.secret("retire", "k1")
    assert {one.id: str(one.status) for one in retired.keys} == {"k1": "disabled", new.id: "primary"}
    # Who did it travels with the Secret.
    assert [one.action for one in retired.changes] == ["add", "promote", "retire"]


def test_a_leaked_key_is_revoked_by_what_is_printed(keys: Keys, folder: Path) -> None:
    assert isinstance(keys, Mounted)
    revoked, said = keys.secret("revoke", "k1", "--reissue")
    assert [str(one.status) for one in revoked.keys] == ["revoked", "primary"]
    assert "gateway keys revoke k1 lists its callbacks" in said
    mount(folder, keytext.dump(revoked))
    assert keys.json("revoke", "k1")["successor"] == revoked.primary.id


def test_the_first_key_is_printed_where_the_mount_has_none(keys: Keys, folder: Path) -> None:
    assert isinstance(keys, Mounted)
    folder.chmod(0o755)
    (folder / "keys.json").unlink()
    made, said = keys.secret("init")
    assert [str(one.status) for one in made.keys] == ["primary"]
    assert "Not yet" in said
    assert not (folder / "keys.json").exists()
