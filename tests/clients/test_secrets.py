"""Provider secrets change while genuine deliveries keep coming: not one of them is refused."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

from tests.clients.conftest import Office, StartOffice
from tests.clients.traffic import Traffic
from tests.gateway.webhooks import event


def new_secret(name: str) -> str:
    """A provider's signing secret."""
    return f"whsec_{base64.b64encode(name.encode().ljust(16, b'.') + os.urandom(16)).decode()}"


def _rename(file: Path, text: str) -> None:
    (file.parent / "beside").write_text(text)
    (file.parent / "beside").rename(file)


def _rewrite(file: Path, text: str) -> None:
    file.write_text(text)


def _mount(file: Path, text: str) -> None:
    """Give a file of a mounted secret another text, as the kubelet does: all files of a folder at once."""
    folder, data = file.parent, file.parent / "..data"
    texts = {one.name: one.read_text() for one in data.iterdir()} if data.exists() else {}
    texts[file.name] = text
    new = folder / f"..{os.urandom(4).hex()}"
    new.mkdir()
    for name, content in texts.items():
        (new / name).write_text(content)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    (folder / "..data_tmp").symlink_to(new.name)
    (folder / "..data_tmp").rename(data)


WAYS: dict[str, Callable[[Path, str], None]] = {"renamed": _rename, "rewritten": _rewrite, "mounted": _mount}


def test_a_secret_rotates_under_load_and_no_genuine_delivery_is_refused(start: StartOffice) -> None:
    toml = "".join(
        f'[sources.{way}]\nprovider = "standard-webhooks"\nsucceed_on = ["payment.succeeded"]\n'
        f'secrets = ["file:{way}/current", "file:{way}/previous"]\n'
        for way in WAYS
    )
    old, new = new_secret("old"), new_secret("new")
    office = start(toml, {f"{way}/current": old for way in WAYS if way != "mounted"})
    assert "sources.mounted is closed: it has no secret" in office.reasons()
    # The mount is filled after the start: its source opens.
    (office.directory / "mounted").mkdir()
    _mount(office.directory / "mounted" / "current", old)
    office.until(lambda: not office.source("mounted")["closed"])
    signing = [old]

    def change(place: str, text: str, done: Callable[[list[dict[str, object]]], bool]) -> None:
        for way, write in WAYS.items():
            write(office.directory / way / place, text)
        office.until(lambda: all(done(office.source(way)["secrets"]) for way in WAYS))
        traffic.more()

    def send(number: int) -> httpx.Response:
        # The account's URL: verified, and then for nobody.
        way = list(WAYS)[number % len(WAYS)]
        return office.send(f"/s/{way}", event(secret=signing[number % len(signing)]))

    with Traffic(send) as traffic:
        traffic.more()
        first = office.source("renamed")["secrets"][0]["fingerprint"]
        change("previous", old, lambda found: found[1]["same_as"] == 0)
        change("current", new, lambda found: found[0]["fingerprint"] != found[1]["fingerprint"] == first)
        # The provider changes over, and repeats what it has signed before.
        signing[:] = [old, new]
        traffic.more(100)
        signing[:] = [new]
        traffic.more()
        change("previous", new, lambda found: found[1]["same_as"] == 0)
    assert set(traffic.answers) == {"accepted"}, traffic.answers
    for way in WAYS:
        assert office.send(f"/s/{way}", event(secret=old)).status_code == 401
    taken = [json.loads(line) for line in office.log.splitlines() if '"secret taken up"' in line]
    assert len(taken) >= 3 * len(WAYS)
    for text in (old, new):
        assert text.removeprefix("whsec_") not in office.log + office.api.get("/v1/sources").text
        assert text.removeprefix("whsec_") not in office.anonymous.get("/readyz").text


def _gone(file: Path) -> None:
    file.unlink()


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _nowhere(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


#: Every way in which a secret file goes wrong.
BAD: dict[str, Callable[[Path], object]] = {
    "gone": _gone,
    "empty": lambda file: file.write_text(""),
    "blank": lambda file: file.write_text(" \n"),
    "short": lambda file: file.write_text("whsec_c2hvcnQ="),
    "placeholder": lambda file: file.write_text("<your signing secret>"),
    "form": lambda file: file.write_text("whsec_this*is*not*base64*at*all"),
    "half": lambda file: os.truncate(file, file.stat().st_size // 2),
    "folder": _folder,
    "pipe": _pipe,
    "nowhere": _nowhere,
}
TIMES = 50


def test_a_secret_file_that_goes_wrong_refuses_nothing_and_raises_an_alarm(start: StartOffice) -> None:
    # Each state fifty times over, in as many sources: their files all go wrong at once.
    names = [f"{state}-{number}" for state in BAD for number in range(TIMES)]
    secrets = {name: new_secret(name) for name in names}
    toml = "".join(
        f'[sources.{name}]\nprovider = "standard-webhooks"\nsucceed_on = ["payment.succeeded"]\n'
        f'secrets = ["file:secrets/{name}"]\n'
        for name in names
    )
    office = start(toml, {f"secrets/{name}": secrets[name] for name in names})
    assert [reason for reason in office.reasons() if "sources.pay" not in reason] == [
        f"sources.{name} is closed: it has no secret" for name in ("absent", "closed")
    ]

    def send(number: int) -> httpx.Response:
        name = names[number % len(names)]
        return office.send(f"/s/{name}", event(secret=secrets[name]))

    def alarms() -> list[str]:
        return [reason for reason in office.reasons() if "the last good secret stays in force" in reason]

    with Traffic(send, threads=8) as traffic:
        traffic.more(100)
        for name in names:
            BAD[name.partition("-")[0]](office.directory / "secrets" / name)
        office.until(lambda: len(alarms()) == len(names))
        # Each of the sources has its turn while its file is wrong.
        traffic.more(len(names) + 10, seconds=60)
        for name in names:
            file = office.directory / "secrets" / name
            if file.is_dir():
                file.rmdir()
            _rename(file, secrets[name])
        office.until(lambda: not alarms())
        traffic.more(100)
    assert set(traffic.answers) == {"accepted"}, traffic.answers
    told = [line for line in office.log.splitlines() if '"secret not taken"' in line]
    assert {json.loads(line)["reason"].split(".")[1] for line in told} == set(names)


def test_an_alarm_does_not_make_the_gateway_unready(start: StartOffice) -> None:
    secret = new_secret("only")
    toml = '[sources.one]\nprovider = "standard-webhooks"\nsucceed_on = ["*"]\nsecrets = ["file:one"]\n'
    office = start(toml, {"one": secret})
    (office.directory / "one").unlink()
    office.until(lambda: any("sources.one.secrets[0]" in reason for reason in office.reasons()))
    ready = office.anonymous.get("/readyz").json()
    assert ready["ready"]
    assert "one" not in ready["closed_sources"]
    assert "file:" in office.source("one")["secrets"][0]["problem"]
    assert "the last good secret stays in force" in office.cli("sources", "one").stdout
    # With the ledger away too, what is configured is shown all the same.
    (office.directory / "gateway.db").rename(office.directory / "elsewhere.db")
    assert office.source("one")["secrets"][0]["advice"] == "use unknown: the ledger does not answer"
    assert "use unknown" in office.cli("sources", "one").stdout


def test_which_secret_is_of_use_is_shown_and_survives_a_restart(start: StartOffice) -> None:
    toml = (
        '[sources.one]\nprovider = "standard-webhooks"\nsucceed_on = ["*"]\n'
        'secrets = ["file:one", "file:two", "file:three", "file:none"]\n'
    )
    one, two = new_secret("one"), new_secret("two")
    office = start(toml, {"one": one, "two": two, "three": two})
    assert office.send("/s/one", event(secret=one)).status_code == 200

    def check(office: Office) -> None:
        used, never, same, absent = office.source("one")["secrets"]
        assert used["advice"] == "last used less than a minute ago"
        assert used["since"] <= used["first_used"] == used["last_used"]
        assert never["advice"] == "never used since it came less than a minute ago: is it the right one?"
        assert (never["first_used"], never["last_used"]) == (None, None)
        assert (same["same_as"], same["advice"]) == (1, "the same as secrets[1]: nothing rests on it")
        assert absent["fingerprint"] is None
        assert absent["problem"].endswith("file:" + str(office.directory / "none") + " is not there")
        assert not any(secret["safe_to_remove"] for secret in (used, never, absent))

    check(office)
    before = office.source("one")["secrets"]
    office.part.stop()
    office.part.start()
    office.part.wait_ready()
    check(office)
    assert office.source("one")["secrets"] == before

    # As if all that had been five days ago, and the second one had been used since.
    with closing(office.database) as database:
        database.execute(
            "UPDATE uses SET since = since - 432000000, first_used = first_used - 432000000, "
            "last_used = last_used - 432000000"
        )
        fingerprint = before[1]["fingerprint"]
        database.execute(
            "UPDATE uses SET first_used = since, last_used = since + 431000000 WHERE fingerprint = ?",
            [fingerprint],
        )
    shown = office.cli("sources", "one").stdout
    assert "last used 5 days ago, another one since: safe to remove" in shown
    assert f"secrets[0]  {before[0]['fingerprint']}  file:{office.directory / 'one'}" in shown
    assert "the last ones of other replicas may be missing" in shown
    (listed,) = json.loads(office.cli("sources", "one", "--json").stdout)
    assert [secret["safe_to_remove"] for secret in listed["secrets"]] == [True, False, True, False]
    assert 'there is no source "other"' in office.cli("sources", "other", code=1).stderr
