"""
ElevenLabs, https://elevenlabs.io/docs/overview/administration/webhooks

Our reference is in the `webhook_metadata` of a transcription or in a call's dynamic variables.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(
    prefix="wsec_", prefix_needed=True, hint="the webhook's shared secret is needed, not an API key"
)

ELEVENLABS = Provider(
    name="elevenlabs",
    title="ElevenLabs",
    documentation="https://elevenlabs.io/docs/overview/administration/webhooks",
    scheme=HeaderScheme(
        header="elevenlabs-signature",
        grammar=Listed(between=",", within="="),
        algorithms=(("v0", Hmac(key_form=_KEY)),),
        templates=(Template.of(Field("t"), ".", Body()),),
        # Its SDK allows half an hour.
        timestamp=Timestamp(source=Field("t"), past=1800),
    ),
    reader=FieldReader(
        type=at("type"),
        id=at("type+data.conversation_id|type+data.request_id"),
        reason=at("data.failure_reason|data.error"),
        references=(
            at("data.webhook_metadata.reference"),
            at("data.conversation_initiation_client_data.dynamic_variables.reference"),
        ),
        objects=(at("data.conversation_id"), at("data.request_id")),
    ),
    covers="body",
    url="account",
    succeed_on=("speech_to_text_transcription", "post_call_transcription"),
    fail_on=("call_initiation_failure",),
    reference_field="data.webhook_metadata.reference",
    unconfirmed=(
        "an event has no id of its own; its type and the id of its call or request stand for one",
        "webhook_metadata comes back as an object",
        "whether a delivery is repeated",
    ),
)
