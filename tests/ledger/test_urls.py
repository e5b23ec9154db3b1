"""Where the ledger is: which URLs are taken, by which reference, and that a password shows nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import settings, sources
from gateway.errors import ConfigurationError

PASSWORD = "hunter2hunter2"
FULL = f"postgresql://gateway:{PASSWORD}@db.example.com:5432/ledger?sslmode=require"


def load(folder: Path, url: str) -> settings.Settings:
    """The settings with this `ledger.url`."""
    file = folder / "gateway.toml"
    file.write_text(f'public_url = "https://hooks.example.com"\n[ledger]\nurl = "{url}"\n')
    return settings.load(file, {})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://gateway@db.example.com/ledger",
        "postgres://db.example.com:5432/ledger?sslmode=verify-full",
        "postgresql://gateway@%2Frun%2Fpostgresql/ledger",
        "postgresql://gateway@[::1]:5432/ledger",
        "postgresql://gateway@one,two:5433/ledger?target_session_attrs=read-write",
        "postgresql:///ledger",
    ],
)
def test_a_postgresql_url_is_taken_as_it_stands(tmp_path: Path, url: str) -> None:
    loaded = load(tmp_path, url)
    assert loaded.ledger.url == url
    assert sources.ledger_url(loaded, {}).reveal() == url.encode()


def test_a_url_with_a_password_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{FULL}\n")
    for reference in ("file:url", f"file:{tmp_path / 'url'}", "env:LEDGER_URL"):
        loaded = load(tmp_path, reference)
        url = sources.ledger_url(loaded, {"LEDGER_URL": FULL})
        assert url.reveal() == FULL.encode()
        assert PASSWORD not in f"{loaded!r} {url!r} {loaded.model_dump()}"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (FULL, "a password is not for the configuration"),
        (f"postgresql://u:{PASSWORD}@x@db/ledger", '"postgresql://user@host/database" is needed'),
        (f"postgresql://u:{PASSWORD}/x@db/ledger", '"postgresql://user@host/database" is needed'),
        (f"postgresql://db/ledger?password={PASSWORD}", '"postgresql://user@host/database" is needed'),
        ("postgresql://db.example.com", '"postgresql://user@host/database" is needed'),
        ("postgresql://db.example.com/", '"postgresql://user@host/database" is needed'),
        ("postgresql://[db/ledger", '"postgresql://user@host/database" is needed'),
        ("mysql://db/ledger", '"sqlite:///gateway.db"'),
    ],
)
def test_a_url_that_is_none_is_refused_and_not_shown(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, url)
    assert "ledger" in str(caught.value)
    assert says in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "ledger.url: there is nothing at env:LEDGER_URL"),
        ("", "ledger.url: there is nothing at env:LEDGER_URL"),
        (f"mysql://u:{PASSWORD}@db/ledger", "is needed"),
        (f"postgresql://u:{PASSWORD}@x@db/ledger", "(from env:LEDGER_URL)"),
    ],
)
def test_a_reference_to_what_is_no_url_is_refused_by_name(
    tmp_path: Path, found: str | None, says: str
) -> None:
    environ = {} if found is None else {"LEDGER_URL": found}
    with pytest.raises(ConfigurationError) as caught:
        sources.ledger_url(load(tmp_path, "env:LEDGER_URL"), environ)
    assert str(caught.value).startswith("ledger.url: ")
    assert says in str(caught.value)
    assert PASSWORD not in str(caught.value)
