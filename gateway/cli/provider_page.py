"""A provider's page in Markdown, and the table of all, made from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.cli import handshake_words
from gateway.cli import provider_words as words
from gateway.cli.signature_words import describe
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from gateway.providers.handshakes import Registration
from gateway.providers.hmac import NAME as HMAC
from gateway.providers.reader import FieldReader

_MADE = "<!-- Made from its declaration by `python -m docs`. -->\n"


def page(provider: Provider) -> str:
    """How to set a provider up, from its secret to the first event."""
    parts = [_MADE, f"# {provider.title}{words.mark(provider)}\n", "\n".join(_lead(provider))]
    for title, lines in _sections(provider):
        parts.append(f"\n## {title}\n")
        parts += lines
    return "\n".join(parts) + "\n"


def table() -> str:
    """All providers, each with a link to its page."""
    rows = [_row(provider) for provider in CATALOGUE.values()]
    rows.append(
        f"| `{HMAC}` | any sender that signs with an HMAC, "
        "see [its page](../configuring-a-source.md#a-sender-of-your-own) | either | body | you name them |"
    )
    return "\n".join(
        [
            _MADE.replace("its declaration", "the declarations"),
            "# Providers\n",
            f"{len(CATALOGUE)} of them, and `{HMAC}` for a sender of your own. The page of each says what to",
            "configure and to register, and what ends a wait unless the source says otherwise.",
            "[How to add one](../adding-a-provider.md).\n",
            "Where something stands is written as a path in the body (`*` for every item), `header:name` or",
            'a fixed `text:word`; `+` joins two, `|` is "or else".\n',
            "| `provider =` | provider | its URL | signed | events that end a wait |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _row(provider: Provider) -> str:
    events = ", ".join(map(_code, (*provider.succeed_on, *provider.fail_on))) or "you name them"
    title = f"[{provider.title}]({provider.name}.md){words.mark(provider)}"
    return f"| `{provider.name}` | {title} | {words.URL[provider.url]} | {provider.covers} | {events} |"


def _lead(provider: Provider) -> Iterator[str]:
    yield f"`{provider.name}` in the catalogue. [Its own documentation]({provider.documentation}),"
    yield "[all providers](README.md)."
    if provider.experimental:
        yield f"\n**Experimental**: {provider.experimental}."
        yield "A source has to say `experimental = true`; try it with a delivery of its own first."


def _sections(provider: Provider) -> Iterator[tuple[str, list[str]]]:
    yield "Configure", list(_configure(provider))
    yield "Register", list(_register(provider))
    yield "Events", list(_events(provider))
    yield "Find the callback", list(_correlate(provider))
    yield "What is verified", list(_verified(provider))
    yield "What it is answered", list(_answers(provider))
    if provider.quirks:
        yield "Mind", _listed(provider.quirks)
    if provider.unconfirmed:
        yield (
            "Not confirmed",
            ["The provider's own documentation does not say:\n", *_listed(provider.unconfirmed)],
        )
    yield "Try it", list(_try(provider))


def source(provider: Provider) -> str:
    """The least that a source of this provider needs, as TOML."""
    lines = [f"[sources.{provider.name}]", f'provider = "{provider.name}"']
    if provider.signed:
        lines.append(f'secrets = ["file:/run/secrets/{provider.name}"]')
    if provider.experimental:
        lines.append("experimental = true")
    if _needs_own_url(provider):
        lines.append("per_callback_url = true")
    if _wants_token(provider):
        lines.append(f'verify_token = "file:/run/secrets/{provider.name}-verify-token"')
    if provider.visits:
        lines.append("confirm = true")
    return "\n".join(lines) + "\n"


def _configure(provider: Provider) -> Iterator[str]:
    yield f"```toml\n{source(provider)}```\n"
    if not provider.signed:
        yield "It signs nothing, so there is no secret: whoever knows a callback's URL can complete it."
        return
    yield "The secret:\n"
    yield from _listed(words.secret(provider))
    yield "\nSeveral in `secrets` are all accepted, while one is replaced by the next."
    if _wants_token(provider):
        yield "\n`verify_token` is a text of your choice, the same as at the provider's."


def _register(provider: Provider) -> Iterator[str]:
    own = "`callback.url`, one for each callback, given to the provider with the request"
    account = f"`https://HOST/s/{provider.name}`, once for the account: `/s/` and the source's name"
    if _needs_own_url(provider):
        yield f"- The URL: {own}: nothing that is signed could name a callback."
    else:
        given = {"request": own, "account": account, "both": f"{own}; or {account}"}
        yield f"- The URL: {given[provider.url]}."
    yield f"- It sends {', '.join(map(_code, provider.media_types)) or 'any media type'}."
    for handshake in provider.handshakes:
        yield f"- It asks a question first: {handshake_words.describe(handshake)}."


def _events(provider: Provider) -> Iterator[str]:
    if not provider.succeed_on:
        yield "None ends a wait by itself: name them in the source's `succeed_on` and `fail_on`, or the"
        yield "callback's.\n"
    for lead, events in (
        ("These complete the callback:", provider.succeed_on),
        ("These fail it, as no success follows them:", provider.fail_on),
        (
            "These can be followed by a success, and fail it only where `fail_on` names them:",
            provider.fail_on_optional,
        ),
    ):
        if events:
            yield f"{lead}\n"
            yield from _listed(map(_code, events))
            yield ""
    reader = provider.reader
    if not isinstance(reader, FieldReader):
        return
    yield f"The type is read at {_code(str(reader.type))}."
    if reader.id is not None:
        yield f"A repeat is known by {_code(str(reader.id))}."
    else:
        digest = "nothing: every delivery is an event of its own" if _recurs(provider) else "what is covered"
        yield f"It names no event by an id; a repeat is known by {digest}."
    if reader.items is not None:
        place = _code(reader.items) if reader.items else "the body, which is a list,"
        yield f"Each item of {place} is an event of its own, in which the fields are looked up."


def _recurs(provider: Provider) -> bool:
    reader = provider.reader
    return provider.covers == "nothing" or (isinstance(reader, FieldReader) and reader.recurs)


def _correlate(provider: Provider) -> Iterator[str]:
    reader = provider.reader
    if provider.reference_field is None:
        yield "- There is no field for a reference."
    else:
        most = f", which holds {provider.reference_max} characters" if provider.reference_max else ""
        # Its constructor refuses a field of which none of these is true.
        proof = {
            "sender": "not signed, but whoever sends it holds the secret",
            "checksum": "signed by the checksum only",
        }.get(str(getattr(reader, "covered", "")), "signed")
        yield f"- `callback.reference` comes back in {_code(provider.reference_field)}{most}: {proof}."
    if isinstance(reader, FieldReader):
        if others := [str(one) for one in reader.references if str(one) != provider.reference_field]:
            yield f"- It is looked for at {', '.join(map(_code, others))} as well."
        if reader.objects:
            objects = ", ".join(_code(str(one)) for one in reader.objects)
            yield f"- `callback.alias(…)` can name what stands at {objects}."
    if _needs_own_url(provider) or provider.url != "account":
        yield "- A delivery to a callback's own URL is that callback's, whatever it says."


def _verified(provider: Provider) -> Iterator[str]:
    yield from _listed(describe(provider.scheme))
    yield f"- What it covers: {words.covers(provider)}."
    yield from _not_covered(provider)
    if provider.verified == "notification":
        yield '\nIts events say `"verified": "notification"`: something happened, and what it was has to be'
        yield "asked of the provider. Wait with `callbacks.stream(…)` and `await stream.result(confirm)`:"
        yield "`confirm(event)` asks, and returns what it heard or None to wait on."


def _not_covered(provider: Provider) -> Iterator[str]:
    reader = provider.reader
    if provider.covers == "nothing" or not isinstance(reader, FieldReader):
        return
    if reader.covered == "checksum":
        yield "- A repeat is known by its body as well."
    elif reader.id is not None and not reader.covers(reader.id):
        yield "- The event's id is not signed: a repeat is known by what is, too."
    if not reader.covers(reader.type):
        yield '- The event\'s type is not signed: it comes with `"type_verified": false`.'


def _answers(provider: Provider) -> Iterator[str]:
    for when, answer in words.answers(provider):
        yield f"- {when[0].upper()}{when[1:]}: {_code(answer)}"
    for sentence in words.patience(provider):
        yield f"- {sentence[0].upper()}{sentence[1:]}."


def _try(provider: Provider) -> Iterator[str]:
    signer = words.signer(provider)
    if signer == "provider":
        yield "The key that verifies is fetched from the provider itself, so nobody else can sign a sample."
        yield "Its own test deliveries have to do:\n"
        yield f"```bash\ngateway verify {provider.name} --headers FILE --body FILE\n```"
        return
    own_url = provider.url == "request" or _needs_own_url(provider)
    command = f"gateway send {provider.name} --to {'URL' if own_url else f'https://HOST/s/{provider.name}'}"
    if signer == "key pair":
        yield "A sample event, signed with a key pair of your own; its public key is the source's secret:\n"
        command += " --secret file:private-key.pem"
    elif provider.signed:
        yield "A sample event, signed as the provider signs:\n"
        command += f" --source {provider.name}"
    else:
        yield "A sample event:\n"
    yield f"```bash\n{command}\n```"


def _needs_own_url(provider: Provider) -> bool:
    return provider.url == "account" and not provider.reader.correlates


def _wants_token(provider: Provider) -> bool:
    return any(isinstance(one, Registration) and one.wants_token for one in provider.handshakes)


def _listed(lines: Iterable[str]) -> list[str]:
    return [f"- {line}" for line in lines]


def _code(text: str) -> str:
    return f"`{text}`"
