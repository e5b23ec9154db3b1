"""
X's account activity, https://docs.x.com/x-api/webhooks/quickstart

X asks at registration and each hour: the answer is an HMAC of its question. Header, spelling and answer are
those of its own library for Node, twitter-autohook 1.7.2.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.handshakes import InQuery, Registration, Signed
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the app's consumer secret is needed")

TWITTER = Provider(
    name="twitter",
    title="X (Twitter)",
    documentation="https://docs.x.com/x-api/webhooks/quickstart",
    scheme=HeaderScheme(
        header="x-twitter-webhooks-signature",
        grammar=Whole("sha256="),
        algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),),
    ),
    reader=FieldReader(
        type=at(
            "text:tweet_create+has:tweet_create_events.0|text:direct_message+has:direct_message_events.0"
            "|text:favorite+has:favorite_events.0|text:follow+has:follow_events.0|text:activity+has:for_user_id"
        ),
        id=at("tweet_create_events.0.id_str|direct_message_events.0.id|favorite_events.0.id"),
        # Nothing of ours travels along but the post or message that is answered, as an alias.
        objects=(
            at("tweet_create_events.*.in_reply_to_status_id_str"),
            at("direct_message_events.*.message_create.sender_id"),
        ),
    ),
    covers="body",
    url="account",
    succeed_on=("tweet_create", "direct_message"),
    handshakes=(
        Registration(
            asked=InQuery("crc_token"),
            reply=Signed("response_token", encoding="base64", prefix="sha256="),
            method="GET",
            signed=False,
        ),
    ),
    experimental="how X signs is what its library did when it was Twitter's: no page of X's was read for it",
    unconfirmed=("X still signs and asks as twitter-autohook 1.7.2 has it", "what an activity holds"),
)
