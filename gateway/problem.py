"""Rendering errors: RFC 9457 problems with a stable code."""

from __future__ import annotations

import json

from starlette.responses import Response

from gateway.errors import GatewayError, NotAuthentic

MEDIA_TYPE = "application/problem+json"


def render(error: GatewayError, request_id: str) -> Response:
    """
    The answer to an error. The request id stands in the header `x-request-id` and in the document.

    What is not authentic gets the same bytes always: there the id is in the header only.
    """
    document: dict[str, object] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "code": error.code,
    }
    if not isinstance(error, NotAuthentic):
        if error.detail:
            document["detail"] = error.detail
        document["request_id"] = request_id
    headers = {"x-request-id": request_id}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.status == 401 and error.code == "unauthorized":
        headers["www-authenticate"] = "Bearer"
    # A detail may name a field of the request, in which half of a surrogate pair can stand.
    body = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    return Response(body, error.status, headers=headers, media_type=MEDIA_TYPE)
