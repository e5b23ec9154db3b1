"""The mail service."""

from __future__ import annotations

from services.outside import post


async def send_email(to: str, subject: str, text: str, link: str, *, idempotency_key: str) -> None:
    """Send an e-mail with one link in it."""
    body = {"to": to, "subject": subject, "text": text, "link": link}
    await post("MAILER_URL", "/v1/emails", body, idempotency_key=idempotency_key)
