"""
Amazon SNS over HTTPS, https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html

The topic's SignatureVersion has to be 2: version 1 is SHA-1. Message attributes are not signed, and raw
delivery has no signature at all. A subscription is confirmed by visiting the URL that SNS sends, only where
the source says confirm = true; otherwise somebody confirms it with the token in that delivery.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider
from gateway.providers.fetch import Location
from gateway.providers.fields import at
from gateway.providers.handshakes import Always, Registration
from gateway.providers.handshakes import InBody as Asked
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.certificate import CertificateScheme, FieldLines, InBody
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.template import Template

_HOST = r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?"
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")

AWS_SNS = Provider(
    name="aws-sns",
    title="Amazon SNS",
    documentation="https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
    quirks=(
        "the topic needs SignatureVersion 2",
        "without confirm = true the token that confirms is in that delivery's body: `gateway "
        "deliveries show`",
    ),
    scheme=CertificateScheme(
        signature=InBody("Signature"),
        url=InBody("SigningCertURL"),
        location=Location(host=_HOST, path=r"/SimpleNotificationService-[0-9a-f]{32}\.pem"),
        names=r"sns(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?",
        demands=((InBody("SignatureVersion"), "2"),),
        templates=(
            Template.of(FieldLines(_SIGNED, "Type", ("Notification",), frozenset({"Subject"}))),
            Template.of(FieldLines(_CONFIRMATION, "Type", _CONFIRMATIONS)),
        ),
        identity=InBody("TopicArn"),
        key_form=KeyForm(
            pattern=r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+",
            hint="the topic's ARN is needed, arn:aws:sns:REGION:ACCOUNT:NAME",
        ),
    ),
    reader=FieldReader(
        # What most senders call the type of what they send.
        type=at(
            "Message.@.type|Message.@.detail-type|Message.@.notificationType|Message.@.eventType"
            "|text:notification+has:Type=Notification|Type"
        ),
        id=at("MessageId"),
        time=at("Timestamp"),
        reason=at("Message.@.reason|Subject"),
        references=(at("Message.@.reference"),),
        objects=(at("Message.@.id"),),
        covered=_SIGNED,
    ),
    covers="fields",
    url="both",
    succeed_on=(),
    media_types=("text/plain", "application/json"),
    handshakes=(
        Registration(
            asked=Asked(("SubscribeURL",), where=(("Type",), "SubscriptionConfirmation")),
            reply=Always(Answer(200)),
            visit=Location(host=_HOST, path=r"/\?Action=ConfirmSubscription&[A-Za-z0-9_.:=&%-]+"),
        ),
    ),
    deadline=timedelta(seconds=15),
    # Three times, 20 seconds apart, where the subscription says nothing else; an hour at most.
    retries_for=timedelta(hours=1),
    reference_field="Message.@.reference",
    unconfirmed=("how long SNS waits for an answer",),
)
