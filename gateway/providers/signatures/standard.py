"""
The scheme of Standard Webhooks 1.0.0, which many senders have under names of their own.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from gateway.providers.signatures.algorithm import Algorithm
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(
    encoding="base64",
    prefix="whsec_",
    # The specification wants 24 to 64 bytes; senders with 18 exist.
    hint="a Standard Webhooks secret is whsec_ and base64",
)


def standard_webhooks(
    prefix: str = "webhook", key_form: KeyForm = _KEY, others: tuple[tuple[str, Algorithm], ...] = ()
) -> HeaderScheme:
    """
    The scheme with headers that begin as `prefix` says: `svix-id`, `svix-timestamp`, `svix-signature`.

    Its `covered_headers` are the id and the time. `others` are algorithms beside v1, by version.
    """
    stamp = Header(f"{prefix}-timestamp")
    return HeaderScheme(
        header=f"{prefix}-signature",
        grammar=Listed(between=" ", within=","),
        algorithms=(*others, ("v1", Hmac(encoding="base64", key_form=key_form))),
        templates=(Template.of(Header(f"{prefix}-id"), ".", stamp, ".", Body()),),
        timestamp=Timestamp(source=stamp),
    )
