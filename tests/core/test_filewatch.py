"""When a file that is watched is to be read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.filewatch import FileWatch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("one")
    return file


def test_a_file_that_stays_as_it_is_has_not_changed(file: Path) -> None:
    watch = FileWatch([str(file)])
    assert [watch.changed() for _ in range(3)] == [[], [], []]


def test_a_change_is_told_once_after_two_looks_that_agree(file: Path) -> None:
    watch = FileWatch([str(file)])
    file.write_text("second")
    assert [watch.changed() for _ in range(4)] == [[], [str(file)], [], []]


def test_a_file_that_is_still_being_written_is_left_alone(file: Path) -> None:
    watch = FileWatch([str(file)])
    with file.open("w") as writing:
        for part in ("one", " and", " another"):
            writing.write(part)
            writing.flush()
            assert watch.changed() == []
    assert watch.changed() == [str(file)]


@pytest.mark.parametrize("how", ["rename", "same size", "mode", "unlink", "directory"])
def test_every_way_of_changing_is_seen(file: Path, how: str) -> None:
    watch = FileWatch([str(file)])
    match how:
        case "rename":
            (file.parent / "new").write_text("two")
            (file.parent / "new").rename(file)
        case "same size":
            file.write_text("two")
        case "mode":
            file.chmod(0o600)
        case _:
            file.unlink()
            if how == "directory":
                file.mkdir()
    assert watch.changed() == []
    assert watch.changed() == [str(file)]


def test_a_mounted_file_changes_when_the_folder_behind_its_links_is_swapped(tmp_path: Path) -> None:
    for name in ("..first", "..second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(name)
    (tmp_path / "..data").symlink_to("..first")
    (tmp_path / "secret").symlink_to("..data/secret")
    watch = FileWatch([str(tmp_path / "secret")])
    (tmp_path / "..new").symlink_to("..second")
    os.rename(tmp_path / "..new", tmp_path / "..data")
    assert watch.changed() == []
    assert watch.changed() == [str(tmp_path / "secret")]


def test_a_file_that_comes_later_has_changed(tmp_path: Path) -> None:
    watch = FileWatch([str(tmp_path / "later")])
    (tmp_path / "later").write_text("there")
    assert [watch.changed() for _ in range(2)] == [[], [str(tmp_path / "later")]]
