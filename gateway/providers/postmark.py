"""
Postmark, https://postmarkapp.com/developer/webhooks/webhooks-overview

Nothing is signed: HTTP Basic authentication, configured with the webhook. The source's secret is
`user:password`.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.token import TokenScheme, basic

POSTMARK = Provider(
    name="postmark",
    title="Postmark",
    documentation="https://postmarkapp.com/developer/webhooks/webhooks-overview",
    scheme=TokenScheme(
        place=basic(),
        key_form=KeyForm(pattern="[^:]+:.+", hint="user:password is needed, as configured there"),
    ),
    reader=FieldReader(
        # Delivery, Bounce.HardBounce
        type=at("RecordType=Bounce+Type|RecordType"),
        id=at("RecordType+ID|RecordType+MessageID"),
        time=at("DeliveredAt|BouncedAt|ChangedAt"),
        reason=at("Description|Details"),
        references=(at("Metadata.reference"),),
        objects=(at("MessageID"),),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="account",
    succeed_on=("Delivery",),
    fail_on=("Bounce.HardBounce", "Bounce.BadEmailAddress"),
    # A soft bounce can be followed by a delivery.
    fail_on_optional=("Bounce.*", "SpamComplaint"),
    # It stops for 403 and repeats after anything else.
    responses=Responses(gone=Answer(403)),
    retries_for=timedelta(hours=12),
    reference_field="Metadata.reference",
    reference_max=80,
    unconfirmed=("the length of a metadata value", "over how long a delivery is repeated"),
)
