"""The files that a gateway, its clients and the outside world are started with: settings and secrets."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

_GATEWAY_TOML = """\
public_url = {public_url}

[listen]
public = {public}
internal = {internal}

[restate]
ingress_urls = [{ingress_url}]
admin_url = {admin_url}

[ledger]
url = "sqlite:///gateway.db"

[keys]
file = "keys.json"

[clients.demo]
token_sha256 = {token_sha256}
sources = ["*"]
ops = true

# A payment provider that takes a URL with each payment.
[sources.acmepay]
provider = "standard-webhooks"
secrets = [{acmepay_secret}]
succeed_on = ["payment.succeeded"]
fail_on = ["payment.declined"]
per_callback_url = true

# The same provider where it has one URL per account: our reference travels in a field of its own.
[sources.acmepay-account]
provider = "standard-webhooks"
secrets = [{acmepay_secret}]
succeed_on = ["payment.succeeded"]
fail_on = ["payment.declined"]
reference = "data.reference"

# An identity check with a signature of its own making.
[sources.idcheck]
provider = "hmac"
secrets = [{idcheck_secret}]
succeed_on = ["check.clear"]
fail_on = ["check.rejected"]

[sources.idcheck.hmac]
header = "X-Idcheck-Signature"
prefix = "sha256="
event_id = "event_id"
reason = "data.reason"

# A mail service that signs nothing: whoever knows the URL in the e-mail has confirmed it.
[sources.mailer]
provider = "unsigned"

# A payment provider that only says which payment changed: the service asks it what became of that.
[sources.mollie]
provider = "mollie"
"""


@dataclass(frozen=True)
class Addresses:
    """Where the parts are: `host:port` of the two listeners, URLs of the rest."""

    public: str
    internal: str
    ingress_url: str
    admin_url: str


@dataclass(frozen=True)
class Files:
    """What was written: the paths of the settings and of the secrets, each secret with mode 0600."""

    gateway_toml: Path
    client_token: Path
    #: One line for `curl --header @FILE`, so that no command line holds the token.
    client_header: Path
    acmepay_secret: Path
    idcheck_secret: Path


def write(directory: Path, addresses: Addresses) -> Files:
    """Write settings and fresh secrets into a directory that only its owner can read."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    token = secrets.token_urlsafe(32)
    files = Files(
        gateway_toml=directory / "gateway.toml",
        client_token=_secret(directory / "client-token", token),
        client_header=_secret(directory / "client-header", f"Authorization: Bearer {token}\n"),
        acmepay_secret=_secret(
            directory / "acmepay-secret", f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        ),
        idcheck_secret=_secret(directory / "idcheck-secret", secrets.token_hex(32)),
    )
    values = {
        "public_url": f"http://{addresses.public}",
        "public": addresses.public,
        "internal": addresses.internal,
        "ingress_url": addresses.ingress_url,
        "admin_url": addresses.admin_url,
        "token_sha256": hashlib.sha256(token.encode()).hexdigest(),
        "acmepay_secret": f"file:{files.acmepay_secret}",
        "idcheck_secret": f"file:{files.idcheck_secret}",
    }
    # A JSON string is a TOML string.
    quoted = {name: json.dumps(value) for name, value in values.items()}
    files.gateway_toml.write_text(_GATEWAY_TOML.format(**quoted))
    return files


def _secret(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path
