"""Looking for what must not be seen: in logs, answers, journals, wherever text ends up."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote


def scan(texts: Mapping[str, str | bytes], canaries: Mapping[str, str | bytes]) -> list[str]:
    """
    Which canaries stand in which texts, as `"<canary> in <text>"` by their names; [] is good.

    Each canary is looked for as it is, in hex, in base64 and base64url (at any offset), quoted for a
    URL and escaped for JSON. It has to be 12 bytes or longer, or chance would find it.
    """
    spelled = {name: set(spellings(canary)) for name, canary in canaries.items()}
    found = []
    for where, text in texts.items():
        haystack = text.encode() if isinstance(text, str) else text
        found += [
            f"{name} in {where}" for name, forms in spelled.items() if any(form in haystack for form in forms)
        ]
    return found


def spellings(canary: str | bytes) -> Iterable[bytes]:
    """The forms in which a canary may have been written."""
    raw = canary.encode() if isinstance(canary, str) else canary
    assert len(raw) >= 12, "a canary this short is found by chance"
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield quote(raw, safe="").encode()
    yield json.dumps(raw.decode("latin-1"))[1:-1].encode()
    for offset in range(3):
        # In the middle of something else: the characters that its neighbours would change are left out.
        encoded = base64.b64encode(b"\0" * offset + raw)
        inner = encoded[offset + (1 if offset else 0) :].rstrip(b"=")[:-1]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))
