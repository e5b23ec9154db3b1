"""The catalogue: every provider that is imported here, by its name. One line adds one."""

# ruff: noqa: F401  # an import is the entry

from __future__ import annotations

from gateway.providers.adyen import ADYEN
from gateway.providers.adyen_platform import ADYEN_PLATFORM
from gateway.providers.airwallex import AIRWALLEX
from gateway.providers.anthropic import ANTHROPIC
from gateway.providers.assemblyai import ASSEMBLYAI
from gateway.providers.auth0 import AUTH0
from gateway.providers.authorize_net import AUTHORIZE_NET
from gateway.providers.aws_sns import AWS_SNS
from gateway.providers.azure_event_grid import AZURE_EVENT_GRID
from gateway.providers.base import Provider
from gateway.providers.bigcommerce import BIGCOMMERCE
from gateway.providers.bitbucket import BITBUCKET
from gateway.providers.box import BOX
from gateway.providers.braintree import BRAINTREE
from gateway.providers.calendly import CALENDLY
from gateway.providers.checkout import CHECKOUT
from gateway.providers.clerk import CLERK
from gateway.providers.cloudevents import CLOUDEVENTS
from gateway.providers.coinbase_cdp import COINBASE_CDP
from gateway.providers.coinbase_commerce import COINBASE_COMMERCE
from gateway.providers.deepgram import DEEPGRAM
from gateway.providers.discord import DISCORD, DISCORD_EVENTS
from gateway.providers.dlocal import DLOCAL
from gateway.providers.docusign import DOCUSIGN
from gateway.providers.dropbox import DROPBOX
from gateway.providers.dropbox_sign import DROPBOX_SIGN
from gateway.providers.easypost import EASYPOST
from gateway.providers.elevenlabs import ELEVENLABS
from gateway.providers.fal import FAL
from gateway.providers.flutterwave import FLUTTERWAVE
from gateway.providers.flutterwave_v4 import FLUTTERWAVE_V4
from gateway.providers.github import GITHUB
from gateway.providers.gitlab_signed import GITLAB_SIGNED
from gateway.providers.gitlab_token import GITLAB_TOKEN
from gateway.providers.gocardless import GOCARDLESS
from gateway.providers.google_pubsub import GOOGLE_PUBSUB
from gateway.providers.hubspot import HUBSPOT, HUBSPOT_V1, HUBSPOT_V2
from gateway.providers.increase import INCREASE
from gateway.providers.intercom import INTERCOM
from gateway.providers.jira import JIRA
from gateway.providers.klarna import KLARNA
from gateway.providers.lemon_squeezy import LEMON_SQUEEZY
from gateway.providers.line import LINE
from gateway.providers.linear import LINEAR
from gateway.providers.lithic import LITHIC
from gateway.providers.mailgun import MAILGUN
from gateway.providers.mercado_pago import MERCADO_PAGO
from gateway.providers.messagebird import MESSAGEBIRD
from gateway.providers.meta import META
from gateway.providers.midtrans import MIDTRANS
from gateway.providers.modern_treasury import MODERN_TREASURY
from gateway.providers.mollie import MOLLIE
from gateway.providers.mollie_next import MOLLIE_NEXT
from gateway.providers.ms_graph import MS_GRAPH
from gateway.providers.okta import OKTA
from gateway.providers.onfido import ONFIDO
from gateway.providers.openai import OPENAI
from gateway.providers.paddle import PADDLE
from gateway.providers.pagerduty import PAGERDUTY
from gateway.providers.paypal import PAYPAL
from gateway.providers.paystack import PAYSTACK
from gateway.providers.payu import PAYU
from gateway.providers.persona import PERSONA
from gateway.providers.plaid import PLAID
from gateway.providers.polar import POLAR
from gateway.providers.postmark import POSTMARK
from gateway.providers.razorpay import RAZORPAY
from gateway.providers.replicate import REPLICATE
from gateway.providers.resend import RESEND
from gateway.providers.revolut import REVOLUT
from gateway.providers.sendgrid import SENDGRID
from gateway.providers.sentry import SENTRY
from gateway.providers.shopify import SHOPIFY
from gateway.providers.slack import SLACK
from gateway.providers.square import SQUARE
from gateway.providers.standard_webhooks import STANDARD_WEBHOOKS
from gateway.providers.stripe import STRIPE
from gateway.providers.svix import SVIX
from gateway.providers.telegram import TELEGRAM
from gateway.providers.telnyx import TELNYX
from gateway.providers.twilio import TWILIO
from gateway.providers.twitter import TWITTER
from gateway.providers.typeform import TYPEFORM
from gateway.providers.unsigned import UNSIGNED
from gateway.providers.vercel import VERCEL
from gateway.providers.vonage import VONAGE
from gateway.providers.wise import WISE
from gateway.providers.woocommerce import WOOCOMMERCE
from gateway.providers.workos import WORKOS
from gateway.providers.worldpay import WORLDPAY
from gateway.providers.xendit import XENDIT
from gateway.providers.xero import XERO
from gateway.providers.zendesk import ZENDESK
from gateway.providers.zoom import ZOOM

#: `hmac` is not in it: a source describes it in its own settings.
CATALOGUE: dict[str, Provider] = {
    one.name: one for one in list(globals().values()) if isinstance(one, Provider)
}
