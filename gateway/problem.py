"""Rendering errors: RFC 9457 problems with a stable code."""

from __future__ import annotations

import json
from functools import lru_cache

from starlette.responses import Response

from gateway.delivery import Answer
from gateway.errors import GatewayError, MethodNotAllowed, NotAuthentic

MEDIA_TYPE = "application/problem+json"


def answer(error: GatewayError, request_id: str) -> Answer:
    """
    The answer to an error; the request id stands in the document, and whoever sends it adds the header.

    What is not authentic gets the same bytes always: there the id is in the header only.
    """
    if isinstance(error, NotAuthentic):
        return _not_authentic()
    document = _document(error)
    if error.detail:
        document["detail"] = error.detail
    document["request_id"] = request_id
    headers: list[tuple[str, str]] = []
    if error.retry_after is not None:
        headers.append(("retry-after", str(error.retry_after)))
    if error.status == 401 and error.code == "unauthorized":
        headers.append(("www-authenticate", "Bearer"))
    if isinstance(error, MethodNotAllowed):
        headers.append(("allow", error.allowed))
    return Answer(error.status, _encode(document), MEDIA_TYPE, tuple(headers))


def render(error: GatewayError, request_id: str) -> Response:
    """The same as a response of the internal app, the header `x-request-id` included."""
    found = answer(error, request_id)
    headers = dict(found.headers) | {"x-request-id": request_id}
    return Response(found.body, found.status, headers, found.media_type)


@lru_cache(1)
def _not_authentic() -> Answer:
    return Answer(NotAuthentic.status, _encode(_document(NotAuthentic())), MEDIA_TYPE)


def _document(error: GatewayError) -> dict[str, object]:
    return {"type": "about:blank", "title": error.title, "status": error.status, "code": error.code}


def _encode(document: dict[str, object]) -> bytes:
    # A detail may name a field of the request, in which half of a surrogate pair can stand.
    return json.dumps(document, ensure_ascii=False).encode(errors="replace")
