"""What was altered, told from what was sent and what arrived: each kind in its own words."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.altered.body import body_change
from gateway.cli.altered.target import path_change
from gateway.cli.probing import BODY
from gateway.probes import Arrived

TOKEN = "k1.abcDEF-_123"
PLAIN = f"/c/probe/{TOKEN}"
ODD = f"{PLAIN}/a%2Fb//c%7Ed/%C3%BC+;x=1,@:!$'()*&/"


def came(body: bytes) -> Arrived:
    """A report of a body."""
    return Arrived.of("a1", "POST", PLAIN, "", [], body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "drops the body"),
        (BODY[:10], f"cuts the body off: 10 of {len(BODY)} bytes arrive"),
        (BODY.replace(b"\r\n", b"\n"), "changes the body's line ends"),
        (BODY.strip(), "changes the white space around the body"),
        (json.dumps(json.loads(BODY)).encode(), "re-serialises the JSON in the body"),
        (json.dumps(json.loads(BODY), sort_keys=True, ensure_ascii=False).encode(), "re-serialises"),
        (json.dumps(json.loads(BODY, parse_int=float), indent=1).encode(), "re-serialises"),
        (BODY.decode().encode("utf-16"), "re-encodes the body in utf-16"),
        (BODY.decode("latin-1").encode(), "re-encodes the body in utf-8"),
        (BODY.decode().encode("ascii", "replace"), "re-encodes the body in ascii"),
        (b"\xef\xbb\xbf" + BODY, "re-encodes the body in utf-8-sig"),
        (gzip.compress(BODY, mtime=0), "compresses the body"),
        (zlib.compress(BODY), "compresses the body"),
        (b"<pre>" + BODY + b"</pre>", "adds 11 bytes to the body"),
        (BODY.replace(b"00e9", b"00E9"), "re-serialises the JSON in the body"),
        (BODY.replace(b'"a"', b'"c"'), f"of {len(BODY)} bytes {len(BODY)} arrive, the first"),
        (b"x" * 5000, "the first other one is byte 0"),
    ],
)
def test_a_body_s_change_is_named(body: bytes, words: str) -> None:
    assert words in body_change(BODY, came(body))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_other_body_is_named_in_some_way(sent: bytes, other: bytes) -> None:
    assert body_change(sent, came(other))


@pytest.mark.parametrize(
    ("sent", "arrived", "words"),
    [
        (PLAIN, f"/api{PLAIN}", "adds the path prefix /api"),
        (PLAIN, f"/c{PLAIN}", "adds the path prefix /c"),
        (PLAIN, f"/probe/{TOKEN}", "takes /c off the path"),
        (PLAIN, TOKEN, "takes /c/probe/ off the path"),
        (PLAIN, f"/hooks/{TOKEN}", "replaces /c/probe/ in the path"),
        (PLAIN, PLAIN.lower(), "changes the case of letters"),
        (PLAIN, f"{PLAIN}/", "adds a slash at the path's end"),
        (ODD, ODD[:-1], "takes the slash at the path's end"),
        (ODD, ODD.replace("//", "/"), "merges slashes in the path"),
        (ODD, ODD.replace("%2F", "/"), "decodes what is percent-encoded"),
        (ODD, ODD.replace("%7E", "~"), "decodes what is percent-encoded"),
        (ODD, ODD.replace("!", "%21"), "percent-encodes the path anew"),
        (ODD, ODD.replace("%2F", "/").replace("//", "/"), "merges slashes and decodes"),
        (ODD, "/x", "changes the path"),
        (PLAIN, "", "takes"),
    ],
)
def test_a_path_s_change_is_named(sent: str, arrived: str, words: str) -> None:
    assert words in (path_change(sent, arrived) or "")


@given(st.text(st.characters(codec="latin-1")), st.text(st.characters(codec="latin-1")))
def test_only_an_unchanged_path_has_no_change(sent: str, arrived: str) -> None:
    assert (path_change(sent, arrived) is None) == (sent == arrived)
