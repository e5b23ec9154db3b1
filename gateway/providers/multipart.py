"""HTML forms as `multipart/form-data` (RFC 7578), of texts alone."""

from __future__ import annotations

import re

MEDIA_TYPE = "multipart/form-data"
_MAX_PARTS = 100
# RFC 2046, section 5.1.1: at most 70 characters.
_BOUNDARY = re.compile(
    r";\s*boundary=(?:\"([0-9A-Za-z'()+_,./:=? -]{1,70})\"|([0-9A-Za-z'+_./-]{1,70}))\s*(?:;|$)"
)
_NAME = re.compile(
    rb'content-disposition:\s*form-data;\s*name="([^"\r\n]*)"\s*(;\s*filename)?', re.IGNORECASE
)


def parse(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """
    The names and values of the texts in order, files left out; `ValueError` for what is not such a form.

    `content_type` is the header, which names the boundary.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ValueError("there is no boundary")
    mark = b"\r\n--" + (boundary[1] or boundary[2]).encode()
    _, *parts = (b"\r\n" + body).split(mark, _MAX_PARTS)
    if not parts or not parts[-1].startswith(b"--"):
        raise ValueError("the last part is missing")
    pairs = []
    for part in parts[:-1]:
        head, found, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not found or not name:
            raise ValueError("a part has no name")
        if not name[2]:
            pairs.append((name[1].decode(), value.decode()))
    return pairs
