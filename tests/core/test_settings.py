"""Configuration: what is read, from where, and what a mistake is answered with."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import settings
from gateway.errors import ConfigurationError
from gateway.settings import Settings, parse_duration

CANARY = "whsec_Q0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZ"
BASE = 'public_url = "https://hooks.example.com"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file that holds what is needed."""
    path = tmp_path / "gateway.toml"
    path.write_text(BASE)
    return path


def load(file: Path, text: str = "", environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a text after what is needed, and of an environment."""
    file.write_text(BASE + text)
    return settings.load(file, environ or {})


def refusal(file: Path, text: str = "", environ: Mapping[str, str] | None = None) -> str:
    """What a wrong configuration is answered with, which holds no secret."""
    with pytest.raises(ConfigurationError) as caught:
        load(file, text, environ)
    said = str(caught.value)
    assert CANARY not in said
    assert caught.value.__cause__ is None
    return said


def test_what_is_not_set_has_the_documented_value(file: Path) -> None:
    loaded = load(file)
    assert loaded.public_url == "https://hooks.example.com"
    assert (loaded.listen.public, loaded.listen.internal) == ("0.0.0.0:8000", "127.0.0.1:8001")
    assert loaded.restate.ingress_urls == ("http://127.0.0.1:8080",)
    assert loaded.callbacks.default_expiry == timedelta(hours=24)
    assert loaded.callbacks.max_expiry == timedelta(days=30)
    assert loaded.ledger.keep_bodies == timedelta(days=7)
    assert loaded.deployment == "default"


#: TOML after what is needed, and texts that the answer holds: setting, problem, remedy.
WRONG = {
    "a section that is not known": (
        "[ledgr]\nurl = 'x'",
        ["ledgr: there is no such setting; did you mean ledger?"],
    ),
    "a setting that is not known": (
        "[ledger]\nkeep_row = '45d'",
        ["ledger.keep_row: there is no such setting; did you mean keep_rows?"],
    ),
    "a source's setting that is not known": (
        "[sources.x]\nprovider = 'stripe'\nsecret = ['env:X']",
        ["sources.x.secret: there is no such setting; did you mean secrets?"],
    ),
    "a client's setting that is not known": (
        f"[clients.x]\ntoken_sha256 = '{'0' * 64}'\nsource = ['*']",
        ["clients.x.source: there is no such setting; did you mean sources?"],
    ),
    "a setting that is nowhere near": (
        "[keys]\nzzzzzz = 1",
        ["keys.zzzzzz: there is no such setting; known: file"],
    ),
    "an hmac setting that is not known": (
        "[sources.x]\nprovider = 'hmac'\n[sources.x.hmac]\nheader = 'X-S'\nalgoritm = 'sha256'",
        ["sources.x.hmac.algoritm: there is no such setting; did you mean algorithm?"],
    ),
    "a source without a provider": (
        "[sources.x]\nsecrets = []",
        ["sources.x.provider: is needed and is not there"],
    ),
    "a duration": (
        "[callbacks]\nmax_expiry = 'a month'",
        ["callbacks.max_expiry", '"24h" or "30d" is needed'],
    ),
    "a negative duration": ("[callbacks]\nmax_expiry = -1", ["callbacks.max_expiry", "not negative"]),
    "an endless duration": ("[callbacks]\nmax_expiry = inf", ["callbacks.max_expiry", "at most"]),
    "no number of a duration": ("[callbacks]\nmax_expiry = nan", ["callbacks.max_expiry"]),
    "a huge duration": ("[callbacks]\nmax_expiry = '999999999w'", ["callbacks.max_expiry", "at most"]),
    "default above max": (
        "[callbacks]\nmax_expiry = '1h'",
        ["callbacks.default_expiry: must not be longer than callbacks.max_expiry"],
    ),
    "a size": ("[limits]\nbody = 'big'", ["limits.body", '"1MiB"']),
    "no size": ("[limits]\nbody = 0", ["limits.body", "greater than 0"]),
    "an address without a port": ("[listen]\npublic = 'localhost'", ["listen.public", '"127.0.0.1:8001"']),
    "an address without a host": ("[listen]\npublic = ':8000'", ["listen.public", "a host and a port"]),
    "no worker": ("[listen]\nworkers = 0", ["listen.workers", "greater than 0"]),
    "a port out of range": ("[listen]\npublic = '0.0.0.0:70000'", ["listen.public", "a host and a port"]),
    "a deployment's name": ("deployment = 'Prod!'", ["deployment"]),
    "a source's name": ("[sources.Stripe_EU]\nprovider = 'stripe'", ['1 to 32 of a-z, 0-9 and "-"']),
    "a source's name that is ours": ("[sources.approvals]\nprovider = 'unsigned'", ["the gateway's own"]),
    "a token in the place of its digest": (
        f"[clients.x]\ntoken_sha256 = '{CANARY}'",
        ["clients.x", "64 hex digits of a SHA-256", "not the token itself"],
    ),
    "three tokens": (
        f"[clients.x]\ntoken_sha256 = {['0' * 64] * 3}",
        ["clients.x.token_sha256", "at most 2"],
    ),
    "a log level": ("[log]\nlevel = 'loud'", ["log.level", "'debug', 'info', 'warning' or 'error'"]),
    "a ledger of another kind": ("[ledger]\nurl = 'mysql://x/y'", ['"sqlite:///gateway.db"']),
    "a secret of the wrong type": (
        f"[sources.x]\nprovider = 'stripe'\nsecrets = [{{a = '{CANARY}'}}]",
        ["sources.x.secrets.0"],
    ),
    "not TOML": ("[sources", ["not TOML"]),
    "a stop that would take too long": ("[listen]\ndrain = '9s'", ["listen.drain: at most 3 seconds"]),
    "a proxy by its name": (
        "[limits]\ntrusted_proxies = ['10.0.0.0/8', 'proxy']",
        ["limits.trusted_proxies.1", '"10.0.0.0/8" is needed'],
    ),
    "a previous address that is one of our paths": (
        "previous_public_urls = ['https://old.example.com/c']",
        ["previous_public_urls: its path prefix is one of the gateway's own"],
    ),
    "more previous addresses than are tried": (
        f"previous_public_urls = {['https://old.example.com'] * 5}",
        ["previous_public_urls", "at most 4"],
    ),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_the_file_names_setting_problem_and_remedy(
    file: Path, text: str, says: list[str]
) -> None:
    said = refusal(file, text)
    assert str(file) in said
    for part in says:
        assert part in said


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    said = refusal(file, "[listen]\npublic = 'x'\n[limits]\nbody = -1\n[log]\nfomat = 'json'")
    assert len(said.splitlines()) == 4
    for part in ("listen.public", "limits.body", "log.fomat: there is no such setting; did you mean format?"):
        assert part in said


#: An environment, and texts that the answer holds.
WRONG_ENVIRONMENTS = {
    "a section": ({"GATEWAY_LEDGR__URL": "x"}, ["ledgr", "did you mean ledger?", "GATEWAY_LEDGR__URL"]),
    "a setting": (
        {"GATEWAY_LEDGER__KEEP_ROW": "45d"},
        ["ledger.keep_row", "did you mean keep_rows?", "GATEWAY_LEDGER__KEEP_ROW"],
    ),
    "a source's setting": (
        {"GATEWAY_SOURCES__STRIPE_EU__PROVIDER": "stripe", "GATEWAY_SOURCES__STRIPE_EU__SECRET": CANARY},
        ["sources.stripe-eu.secret", "did you mean secrets?", "GATEWAY_SOURCES__STRIPE_EU__SECRET"],
    ),
    "a value": (
        {"GATEWAY_CALLBACKS__MAX_EXPIRY": "soon"},
        ["callbacks.max_expiry", '"30d"', "GATEWAY_CALLBACKS__MAX_EXPIRY"],
    ),
    "a list that is no JSON": (
        {"GATEWAY_SOURCES__X__PROVIDER": "stripe", "GATEWAY_SOURCES__X__SECRETS": f'["{CANARY}'},
        ["sources.x.secrets"],
    ),
    "a text where a section is": ({"GATEWAY_LEDGER": "sqlite:///x.db"}, ["ledger"]),
    "a text and a section": (
        {"GATEWAY_LEDGER": "sqlite:///x.db", "GATEWAY_LEDGER__URL": "sqlite:///x.db"},
        ["GATEWAY_LEDGER__URL", "GATEWAY_LEDGER"],
    ),
}


@pytest.mark.parametrize(("environ", "says"), WRONG_ENVIRONMENTS.values(), ids=WRONG_ENVIRONMENTS)
def test_a_mistake_in_the_environment_names_the_variable(
    file: Path, environ: dict[str, str], says: list[str]
) -> None:
    said = refusal(file, environ=environ)
    for part in says:
        assert part in said


def test_the_environment_prevails_over_the_file(file: Path) -> None:
    loaded = load(
        file,
        "[ledger]\nkeep_rows = '90d'\nkeep_bodies = '1d'\n"
        "[sources.stripe-eu]\nprovider = 'stripe'\nsucceed_on = ['a']",
        {
            "GATEWAY_PUBLIC_URL": "https://other.example.com/hooks/",
            "GATEWAY_LEDGER__KEEP_BODIES": "2d",
            "GATEWAY_SOURCES__STRIPE_EU__SECRETS": "env:A, env:B",
            "GATEWAY_SOURCES__STRIPE_EU__SUCCEED_ON": '["b", "c,d"]',
            "GATEWAY_CLIENTS__MY_SHOP__TOKEN_SHA256": "0" * 64,
        },
    )
    assert loaded.public_url == "https://other.example.com/hooks"
    assert (loaded.ledger.keep_rows, loaded.ledger.keep_bodies) == (timedelta(days=90), timedelta(days=2))
    source = loaded.sources["stripe-eu"]
    assert source.provider == "stripe"
    assert [secret.get_secret_value() for secret in source.secrets] == ["env:A", "env:B"]
    assert source.succeed_on == ("b", "c,d")
    assert list(loaded.clients) == ["my-shop"]


def test_everything_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = settings.load(
        None, {"GATEWAY_PUBLIC_URL": "http://localhost:8000", "GATEWAY_LOG__LEVEL": "debug"}
    )
    assert loaded.log.level == "debug"
    with pytest.raises(ConfigurationError, match="public_url: is needed and is not there") as caught:
        settings.load(None, {})
    assert "the environment (there is no file gateway.toml)" in str(caught.value)


def test_what_kubernetes_and_others_put_into_the_environment_is_left_alone(file: Path) -> None:
    environ = {
        "GATEWAY_PORT": "tcp://10.0.0.1:8000",
        "GATEWAY_PORT_8000_TCP_ADDR": "10.0.0.1",
        "GATEWAY_SERVICE_HOST": "10.0.0.1",
        "GATEWAY_URL": "http://127.0.0.1:8001",
        "GATEWAY_TOKEN": CANARY,
        "GATEWAY_CONFIG": str(file),
        "RESTATE_LOG": "debug",
        "PUBLIC_URL": "http://other",
    }
    assert load(file, environ=environ).model_dump() == load(file).model_dump()


def test_restates_own_names_are_read_and_ours_prevail(file: Path) -> None:
    environ = {
        "RESTATE_INGRESS_URL": "http://restate:8080,http://restate-2:8080",
        "RESTATE_ADMIN_URL": "http://restate:9070/",
        "RESTATE_AUTH_TOKEN": CANARY,
    }
    loaded = load(file, "[restate]\ningress_urls = ['http://file:8080']", environ)
    assert loaded.restate.ingress_urls == ("http://restate:8080", "http://restate-2:8080")
    assert loaded.restate.admin_url == "http://restate:9070"
    assert loaded.restate.auth_token is not None
    assert loaded.restate.auth_token.get_secret_value() == CANARY
    ours = load(file, environ=environ | {"GATEWAY_RESTATE__INGRESS_URLS": "http://ours:8080"})
    assert ours.restate.ingress_urls == ("http://ours:8080",)


def test_the_file_is_the_one_given_then_the_variables_then_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("given", "named", "gateway")
    for name in names:
        (tmp_path / f"{name}.toml").write_text(f'public_url = "http://{name}.example.com"')
    named = {"GATEWAY_CONFIG": "named.toml"}
    assert settings.load(Path("given.toml"), named).public_url == "http://given.example.com"
    assert settings.load(None, named).public_url == "http://named.example.com"
    assert settings.load(None, {}).public_url == "http://gateway.example.com"


@pytest.mark.parametrize("how", ["given", "named"])
def test_a_file_that_is_named_and_not_there_is_an_error(tmp_path: Path, how: str) -> None:
    path = tmp_path / "no.toml"
    with pytest.raises(ConfigurationError, match=r"No such file.*--config or GATEWAY_CONFIG names the file"):
        settings.load(path if how == "given" else None, {"GATEWAY_CONFIG": str(path)})


def test_relative_paths_are_relative_to_the_file(file: Path) -> None:
    loaded = load(
        file,
        "[keys]\nfile = 'in/keys.json'\n[ledger]\nurl = 'sqlite:///data/gateway.db'\n"
        "[restate]\nauth_token = 'file:token'\n"
        "[sources.x]\nprovider = 'stripe'\nsecrets = ['file:in/x', 'file:/abs/x', 'env:X', 'text']\n"
        "[sources.y]\nprovider = 'meta'\nverify_token = 'file:in/y'",
    )
    folder = file.parent
    assert loaded.sources["y"].verify_token is not None
    assert loaded.sources["y"].verify_token.get_secret_value() == f"file:{folder}/in/y"
    assert loaded.keys.file == folder / "in/keys.json"
    assert loaded.ledger.url == f"sqlite:///{folder}/data/gateway.db"
    assert loaded.restate.auth_token is not None
    assert loaded.restate.auth_token.get_secret_value() == f"file:{folder}/token"
    assert [secret.get_secret_value() for secret in loaded.sources["x"].secrets] == [
        f"file:{folder}/in/x",
        "file:/abs/x",
        "env:X",
        "text",
    ]
    absolute = load(file, "[keys]\nfile = '/k/keys.json'\n[ledger]\nurl = 'sqlite:////d/gateway.db'")
    assert absolute.keys.file == Path("/k/keys.json")
    assert absolute.ledger.url == "sqlite:////d/gateway.db"


BAD_URLS = [
    "hooks.example.com",
    "//hooks.example.com",
    "ftp://hooks.example.com",
    "https://",
    "https:///path",
    f"https://user:{CANARY}@hooks.example.com",
    f"https://{CANARY}@hooks.example.com",
    f"https://hooks.example.com?token={CANARY}",
    "https://hooks.example.com#x",
    "https://[::1",
    "https://hooks.example.com:port",
    "https://hooks.example.com:99999",
    "",
]


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("setting", ["public_url", "restate.ingress_urls", "restate.admin_url"])
def test_a_bad_address_is_refused(file: Path, setting: str, url: str) -> None:
    variable = "GATEWAY_" + setting.upper().replace(".", "__")
    value = f'["{url}"]' if setting.endswith("urls") else url
    said = refusal(file, environ={variable: value})
    assert setting in said
    assert "needed" in said or "Port" in said or "IPv6" in said


@pytest.mark.parametrize(
    ("url", "says"),
    [
        # the ingress has no authentication.
        ("http://8.8.8.8:8080", "no authentication"),
        ("http://[2001:4860:4860::8888]:8080", "no authentication"),
        ("http://restate:8080/ingress", "without a path"),
    ],
)
def test_an_ingress_that_would_be_open_or_wrong_is_refused(file: Path, url: str, says: str) -> None:
    said = refusal(file, f"[restate]\ningress_urls = ['http://127.0.0.1:8080', '{url}']")
    assert "restate.ingress_urls.1" in said
    assert says in said


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:8080",
        "http://restate:8080",
        "http://[::1]:8080",
        "https://8.8.8.8",
        "https://x.cloud/",
    ],
)
def test_a_private_or_encrypted_ingress_is_taken(file: Path, url: str) -> None:
    assert load(file, f"[restate]\ningress_urls = ['{url}']").restate.ingress_urls == (url.rstrip("/"),)


def test_no_ingress_at_all_is_refused(file: Path) -> None:
    assert "restate.ingress_urls" in refusal(file, "[restate]\ningress_urls = []")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("24h", 86400),
        ("30d", 2592000),
        ("2w", 1209600),
        ("5", 5),
        (5, 5),
        (0.5, 0.5),
        (" 1 h ", 3600),
    ],
)
def test_a_duration_is_a_number_with_a_unit(value: object, seconds: float) -> None:
    assert parse_duration(value) == timedelta(seconds=seconds)


@given(
    st.text()
    | st.integers()
    | st.floats()
    | st.none()
    | st.booleans()
    | st.from_regex(r"\A\d{1,12}[smhdw]\Z")
)
def test_whatever_is_given_as_a_duration_the_only_error_is_a_value_error(value: object) -> None:
    # The internal API reads `expires_in` with it: another error would be a 500.
    try:
        parsed = parse_duration(value)
    except ValueError:
        return
    if isinstance(parsed, timedelta):
        assert parsed >= timedelta(0)
    else:
        assert parsed is value


def test_settings_hide_the_secrets_that_they_hold(file: Path) -> None:
    loaded = load(
        file,
        f"[restate]\nauth_token = '{CANARY}'\n[sources.x]\nprovider = 'stripe'\nsecrets = ['{CANARY}']",
    )
    texts = [repr(loaded), str(loaded), f"{loaded}", repr(vars(loaded)), loaded.model_dump_json()]
    texts += [repr(loaded.restate), repr(vars(loaded.sources["x"])), repr(loaded.model_dump())]
    assert not any(CANARY in text for text in texts)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(loaded)


def test_settings_cannot_be_changed(file: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(file).public_url = "http://other"
