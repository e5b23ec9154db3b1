"""
A sender whose HMAC a source describes in its own settings.

    [sources.idcheck.hmac]
    header = "X-Idcheck-Signature"
    prefix = "sha256="
    event_id = "event_id"

Fields such as `event_id` are written as `gateway.providers.fields` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.encoding import Encoding
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, IssuedUrl, Part, Template
from gateway.providers.signatures.timestamp import Timestamp

NAME = "hmac"

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KNOWN = "{body}, {timestamp}, {url} and {header:name}"


def _header_name(value: str) -> str:
    # The token of RFC 9110, section 5.6.2.
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", value):
        raise ValueError('the name of a header is needed, such as "X-Signature"')
    return value.lower()


def _place(value: str) -> str:
    at(value)
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
Place = Annotated[str, AfterValidator(_place)]


class HmacSettings(BaseModel):
    """
    How a sender signs and where it puts its values.

    `signed` is the text that is signed, of `{body}`, `{timestamp}`, `{url}`, `{header:name}` and what
    stands between them. `prefix` stands in front of the signature in its header. `tolerance` is in
    seconds. Without `event_id`, a delivery is known by the hash of its body.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    header: HeaderName
    prefix: str = ""
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Encoding = "hex"
    signed: str = "{body}"
    timestamp_header: HeaderName | None = None
    timestamp_unit: Literal["s", "ms"] = "s"
    tolerance: Annotated[int, Field(ge=1, le=3600)] = 300
    secret_encoding: Literal["text", "hex", "base64"] = "text"  # noqa: S105  # the name of a spelling
    event_type: Place = "type"
    event_id: Place | None = None
    time: Place | None = None
    reason: Place | None = None
    reference: Place | None = None
    object: Place | None = None

    @model_validator(mode="after")
    def _signs_the_body(self) -> Self:
        names: list[str] = _PLACEHOLDER.findall(self.signed)
        for name in names:
            kind, _, rest = name.partition(":")
            if kind == "header" and rest:
                _header_name(rest)
            elif name not in ("body", "timestamp", "url"):
                raise ValueError(f"signed: {{{name}}} is not known; there are {_KNOWN}")
        if re.search(r"[{}]", _PLACEHOLDER.sub("", self.signed)):
            raise ValueError(f"signed: a brace stands alone; there are {_KNOWN}")
        if names.count("body") != 1:
            raise ValueError(
                "signed: {body} has to be in it, once: a signature without the body proves nothing of it"
            )
        if ("timestamp" in names) != (self.timestamp_header is not None):
            raise ValueError(
                'a time needs both timestamp_header = "X-Timestamp" and {timestamp} in signed: '
                "one that is not signed can be changed, and one that is not read never ages"
            )
        if re.search(r"\{header:[^{}]*\}\{|\{body\}\{", self.signed):
            raise ValueError(
                'signed: two values stand side by side; a separator such as "." between them is needed, '
                "or text could be moved from the one to the other"
            )
        return self

    @model_validator(mode="after")
    def _covered_reference(self) -> Self:
        declare(self)
        return self


def declare(settings: HmacSettings) -> Provider:
    """The provider that the settings describe. Which event types are final is the source's matter."""
    template = Template.of(*_parts(settings))
    timestamp = settings.timestamp_header and Timestamp(
        source=Header(settings.timestamp_header),
        unit=settings.timestamp_unit,
        past=settings.tolerance,
        future=settings.tolerance,
    )
    algorithm = Hmac(
        hash=settings.algorithm,
        encoding=settings.encoding,
        key_form=KeyForm(encoding=settings.secret_encoding, hint="see secret_encoding of the source"),
    )
    scheme = HeaderScheme(
        header=settings.header,
        grammar=Whole(settings.prefix),
        algorithms=(("", algorithm),),
        templates=(template,),
        timestamp=timestamp or None,
    )
    reader = FieldReader(
        type=at(settings.event_type),
        id=at(settings.event_id) if settings.event_id else None,
        time=at(settings.time) if settings.time else None,
        reason=at(settings.reason) if settings.reason else None,
        references=(at(settings.reference),) if settings.reference else (),
        objects=(at(settings.object),) if settings.object else (),
        body="any",
        covered_headers=template.headers,
    )
    return Provider(
        name=NAME,
        title="HMAC",
        documentation="https://www.rfc-editor.org/rfc/rfc2104",
        scheme=scheme,
        reader=reader,
        covers="body",
        url="both",
        succeed_on=(),
        media_types=(),
        reference_field=settings.reference,
    )


def _parts(settings: HmacSettings) -> Iterator[Part | str]:
    # re.split with one group: texts and names take turns.
    for place, text in enumerate(_PLACEHOLDER.split(settings.signed)):
        if place % 2 == 0:
            if text:
                yield text
        elif text == "body":
            yield Body()
        elif text == "url":
            yield IssuedUrl()
        elif text == "timestamp":
            assert settings.timestamp_header
            yield Header(settings.timestamp_header)
        else:
            yield Header(text.partition(":")[2].lower())
