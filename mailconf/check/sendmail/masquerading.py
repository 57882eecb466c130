"""Masquerading that hides nothing: a part of it is missing, or a word is no name that sendmail compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Related, warning

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.source import Span

SM027 = warning("SM027", "masquerading that hides nothing")
"""Why: senders are masqueraded as the name of MASQUERADE_AS. Without it, domains and exceptions that are listed, and
FEATUREs that say what else is masqueraded, have no effect. With it, FEATURE(limited_masquerade) leaves the domains of
MASQUERADE_DOMAIN alone to be masqueraded, and FEATURE(masquerade_entire_domain) is for what lies below these.

Example:
    # sendmail.mc
    MASQUERADE_DOMAIN(`lab.example.com')dnl

Remedy: add the statement that the hint names, or remove the one that has no effect.

Source: cf/README, "MASQUERADING AND RELAYING"; observed with sendmail 8.17.1.9 -bt, /try.
"""

SM046 = warning("SM046", "senders with a domain that is not in the DNS")
"""Why: the name becomes the domain of all senders. Servers that look for the sender's domain refuse the mail: "553
5.1.8 Domain of sender address does not exist", and nobody can answer it.

Example:
    # sendmail.mc
    MASQUERADE_AS(`corp')dnl

Remedy: write the whole domain: MASQUERADE_AS(`corp.example.com')dnl

Source: cf/README, MASQUERADE_AS, accept_unresolvable_domains; RFC 5321 2.3.5.
"""

_NAME, _DOMAINS, _EXCEPTIONS, _EXPOSED = "M", "M", "N", "E"
# What only says what else is masqueraded. The last two are for the genericstable as well.
_WIDER = ("limited_masquerade", "masquerade_entire_domain", "local_no_masquerade")
_WIDER_GENERICS = ("allmasquerade", "masquerade_envelope")
_OTHER_TABLES = frozenset({"genericstable", "domaintable", "ldap_routing"})


def masquerading(subject: Written, sink: Sink) -> None:
    """SM027, SM046: what is missing for senders to be masqueraded, or makes it impossible."""
    if not subject.site.macros.get(_NAME) or not subject.site.macros[_NAME].value:
        _without_name(subject, sink)
        return
    _no_domain(subject, sink)
    if not subject.is_filled(_DOMAINS):
        _without_domains(subject, sink)
    _exceptions(subject, sink)
    _exposed(subject, sink)


def _without_name(subject: Written, sink: Sink) -> None:
    dead: list[tuple[str, Span | None]] = []
    for class_, statement in ((_DOMAINS, "MASQUERADE_DOMAIN"), (_EXCEPTIONS, "MASQUERADE_EXCEPTION")):
        words = subject.words(class_)
        dead += [(subject.write(f"{statement}({word.value})", f"class {class_}"), word.span) for word in words[:1]]
        files = [file for file in subject.site.list_files if file.role == class_]
        dead += [(subject.write(f"{statement}_FILE({f.path})", f"class {class_}"), f.span) for f in files[:1]]
    names = _WIDER if _OTHER_TABLES & subject.features.keys() else (*_WIDER, *_WIDER_GENERICS)
    dead += [(f"FEATURE({name})", subject.features[name]) for name in names if name in subject.features]
    placed = [(what, span) for what, span in dead if span is not None]
    if not placed:
        return
    (first, place), *others = sorted(placed, key=lambda found: (found[1].source.name, found[1].start))
    message = f"{first} has no effect: nothing is masqueraded without MASQUERADE_AS"
    hint = subject.write("write MASQUERADE_AS(`example.com')dnl with the domain that senders are to have", "")
    hint = hint or "set the macro M to the domain that senders are to have: DMexample.com"
    related = tuple(Related(f"{what} has no effect, either", span) for what, span in others)
    sink.report(SM027, message, place, hint=hint, related=related)


def _without_domains(subject: Written, sink: Sink) -> None:
    name = subject.site.macros[_NAME].value
    hint = f"write MASQUERADE_DOMAIN(`{name}')dnl with the domains that are masqueraded"
    if "limited_masquerade" in subject.features:
        message = "FEATURE(limited_masquerade) masquerades the domains of MASQUERADE_DOMAIN alone, and there is none"
        sink.report(SM027, message, subject.features["limited_masquerade"], hint=hint)
    elif "masquerade_entire_domain" in subject.features:
        message = "FEATURE(masquerade_entire_domain) is for what lies below a MASQUERADE_DOMAIN, and there is none"
        sink.report(SM027, message, subject.features["masquerade_entire_domain"], hint=hint)


def _exceptions(subject: Written, sink: Sink) -> None:
    """Exceptions that take back a whole domain of MASQUERADE_DOMAIN."""
    domains = {word.lower(): span for word, span in subject.members(_DOMAINS)}
    for word, span in subject.members(_EXCEPTIONS):
        other = domains.get(word.lower())
        if other is not None and span is not None:
            message = f"MASQUERADE_EXCEPTION({word}) takes back MASQUERADE_DOMAIN({word}): it is not masqueraded"
            related = (Related("masqueraded here", other),)
            sink.report(SM027, message, span, hint="remove one of the two", related=related)


def _exposed(subject: Written, sink: Sink) -> None:
    """Users of class E that are none: it has names without a domain."""
    for word, span in subject.members(_EXPOSED):
        wrong = next((mark for mark in "@,;" if mark in word), "")
        if wrong and span is not None:
            message = f"EXPOSED_USER has names of users: none is called {word}"
            user = word.partition("@")[0]
            hint = f"write {user}, without its domain" if wrong == "@" else "part the names by blanks"
            sink.report(SM027, message, span, hint=hint)


def _no_domain(subject: Written, sink: Sink) -> None:
    """SM046: MASQUERADE_AS with a name that is no domain of the DNS."""
    setting = subject.site.macros[_NAME]
    name = setting.value.strip(".").lower()
    if not name or set(name) & set("${}[]<>@ ") or not name.isascii():
        return
    if "." in name and name.rpartition(".")[2] not in ("localdomain", "localhost"):
        return
    what = subject.write("MASQUERADE_AS", "the macro M")
    message = f"{what} is {setting.value}: senders get a domain that others do not find"
    hint = subject.write("write MASQUERADE_AS(`example.com')dnl", "write DMexample.com")
    sink.report(SM046, message, setting.span, hint=f"{hint} with a domain that is in the DNS")
