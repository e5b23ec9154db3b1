"""
Which library from npm judges which provider.

Each is a module in `npm/libraries/`, asked through one process of Node: see `npm/judge.mjs`. Its secret is
the one that is configured, but where a key has to be fetched: there another key is what it must not accept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.providers.keys import certificate, ed25519_jwks, rsa_key
from tests.providers.samples import FETCHED
from tests.sdks.judges import Change, longer, retold, swapped
from tests.sdks.node import MODULES

#: What a library may fetch in place of the right key.
OTHERS: dict[str, Callable[[], bytes]] = {
    "aws-sns": lambda: certificate("sns.amazonaws.com", rsa_key(1)),
    "fal": ed25519_jwks.__wrapped__,
}


@dataclass(frozen=True)
class NpmJudge:
    """
    A library's verdict on one provider.

    `library` is its name on npm and `module` that of its file. `change` makes a delivery that it must not
    accept out of a genuine one; `too_late` is the age in seconds at which it must not either, None where it
    looks at no time; `signs` says that it signs as well.
    """

    library: str
    module: str
    provider: str
    change: Change = longer
    too_late: float | None = None
    signs: bool = False

    def __str__(self) -> str:
        return f"{self.provider}:{self.library}"

    @property
    def fetched(self) -> str | None:
        """What it would fetch, the public part of it alone."""
        return _public(FETCHED[self.provider]) if self.provider in FETCHED else None

    @property
    def fetched_instead(self) -> str | None:
        """Another of it, under which nothing of ours is genuine."""
        return _public(OTHERS[self.provider]()) if self.provider in OTHERS else None


def _public(text: bytes) -> str:
    if text.startswith(b"-----BEGIN CERTIFICATE"):
        return text.partition(b"-----BEGIN PRIVATE")[0].decode()
    keys = json.loads(text)["keys"]
    return json.dumps({"keys": [{name: key[name] for name in key if name != "d"} for key in keys]})


def _trigger(provider: str, too_late: float | None = None) -> NpmJudge:
    return NpmJudge("@trigger.dev/core", "trigger", provider, too_late=too_late)


def _nuxt(provider: str, change: Change = longer) -> NpmJudge:
    return NpmJudge("nuxt-webhook-validators", "nuxt", provider, change)


_GITLAB = retold("x-gitlab-token")
_TELEGRAM = retold("x-telegram-bot-api-secret-token")

NPM_JUDGES = [
    # The providers' own.
    NpmJudge("@linear/sdk", "linear", "linear", too_late=90),
    NpmJudge("@octokit/webhooks-methods", "octokit", "github", signs=True),
    NpmJudge("@shopify/shopify-api", "shopify", "shopify"),
    NpmJudge("@zoom/rivet", "zoom", "zoom", swapped("meeting.ended", "meeting.ender")),
    NpmJudge("hook0-client", "hook0", "coinbase-cdp", too_late=400),
    NpmJudge("mollie-api-typescript", "mollie", "mollie-next", signs=True),
    NpmJudge("sns-validator", "sns", "aws-sns", swapped("payment.settled", "payment.settler")),
    NpmJudge("stripe", "stripe", "stripe", too_late=400, signs=True),
    NpmJudge("twitter-autohook", "autohook", "twitter"),
    # Others', for one provider.
    NpmJudge("@alexasomba/paystack-node", "paystack", "paystack", signs=True),
    NpmJudge("@ingameltd/payu", "payu", "payu"),
    NpmJudge("grammy", "grammy", "telegram", _TELEGRAM),
    NpmJudge("whatsapp-api-js", "whatsapp", "meta"),
    # Others', for many.
    NpmJudge("@hookflo/tern", "tern", "fal", too_late=400),
    NpmJudge("@hookflo/tern", "tern", "gitlab-token", _GITLAB),
    NpmJudge("@hookflo/tern", "tern", "lemon-squeezy"),
    # It writes the JSON anew as well.
    NpmJudge("@hookflo/tern", "tern", "sentry", swapped("resolved", "resolver")),
    NpmJudge("@hookflo/tern", "tern", "woocommerce"),
    NpmJudge("x-hub-signature", "hub_signature", "bitbucket", signs=True),
    NpmJudge("x-hub-signature", "hub_signature", "intercom", signs=True),
    NpmJudge("x-hub-signature", "hub_signature", "jira", signs=True),
    _nuxt("bitbucket"),
    _nuxt("docusign"),
    _nuxt("dropbox"),
    _nuxt("gitlab-token", _GITLAB),
    _nuxt("meta"),
    _nuxt("vercel"),
    _trigger("calendly", too_late=400),
    _trigger("docusign"),
    _trigger("intercom"),
    _trigger("jira"),
    _trigger("pagerduty"),
    _trigger("sentry"),
    _trigger("typeform"),
    _trigger("vercel"),
    _trigger("zendesk"),
]


def installed(library: str) -> str:
    """The version that is there."""
    found: str = json.loads((MODULES / library / "package.json").read_text())["version"]
    return found
