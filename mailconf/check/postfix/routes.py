"""Where mail is sent to: back to this host, to a port that speaks TLS at once, everything to one place.

Nexthops are written in relayhost, in the transports of main.cf and in the values of tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from mailconf.check.postfix.client_settings import level_of
from mailconf.check.postfix.domains import Classes
from mailconf.check.postfix.server_settings import PF276
from mailconf.check.postfix.written import is_on, place_of, view_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error, warning
from mailconf.edits import swapped
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listeners import SMTP_PORT, listeners
from mailconf.smtp.nexthop import BadNexthop, Nexthop, split_nexthops
from mailconf.source import Span
from mailconf.tables.entry import Entry

PF275 = error("PF275", "mail that is sent back to this host, or taken from its own users")
"""Why: where a nexthop is this host, smtp(8) defers all mail: "mail for mail.example.com loops back to myself" (4.3.5);
on another port than 25 the message goes round until "too many hops" returns it. A * in transport_maps also takes the
mail of the domains of this host: its users get none.

Example:
    # main.cf
    relayhost = [$myhostname]

Remedy: name the next server; in transport_maps add an entry "example.com :" for each domain of this host, or use
relayhost instead of *.

Source: transport(5), "TABLE SEARCH ORDER"; postconf(5) relayhost; observed with Postfix 3.7.11.
"""

PF294 = warning("PF294", "no password for the server that asks for one")
"""Why: smtp(8) looks for the name of the server, and for the nexthop as it is written, brackets and port included. It
finds neither and sends no AUTH. The server refuses the mail, for example with "530 5.7.0 Authentication required", and
it goes back to its sender.

Example:
    # main.cf
    relayhost = [smtp.example.net]:587
    smtp_tls_security_level = encrypt
    smtp_sasl_auth_enable = yes
    smtp_sasl_tls_security_options = noanonymous
    smtp_sasl_password_maps = hash:/etc/postfix/passwords
    # /etc/postfix/passwords
    [smtp.example.org]:587 name:secret

Remedy: add an entry whose key is the nexthop as it is written.

Source: postconf(5) smtp_sasl_password_maps; SASL_README, "Configuring sender-dependent SASL authentication"; observed
with Postfix 3.7.11.
"""

PF298 = warning("PF298", "a nexthop that has the name of a transport for its host")
"""Why: relayhost takes a host, and no transport before it. Postfix looks for a host that is called smtp, does not find
it, logs "relayhost configuration problem" and defers all mail (4.3.5).

Example:
    # main.cf
    relayhost = smtp:25

Remedy: write the host: relayhost = [smtp.example.net]:25. Where a host does have that name, write it in brackets.

Source: postconf(5) relayhost; transport(5) for what takes transport:nexthop; observed with Postfix 3.7.11.
"""

TRANSPORTS = ("default_transport", "relay_transport", "local_transport", "virtual_transport", "mailbox_transport")
_TABLES = ("transport_maps", "sender_dependent_default_transport_maps", "sender_dependent_relayhost_maps")
_WRAPPED_PORT = 465
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FEW_DOMAINS = 20
_DOUBTFUL = (":465", "smtps", "submissions", *_LOOPBACK)  # of a nexthop


def nexthops(subject: Subject, sink: Sink) -> None:
    """Report nexthops of main.cf."""
    view = subject.configuration
    for name, transport, nexthop in _written(view):
        for text in split_nexthops(nexthop):
            span = place_of(view, name, text)
            _judge(subject, name, transport, text, view.raw(name), span, sink)
    _password(subject, sink)


def _written(view: Configuration) -> Iterator[tuple[str, str, str]]:
    """The nexthops that main.cf sets: parameter, transport, nexthop."""
    if view.is_set("relayhost") and view.value("relayhost"):
        yield "relayhost", view.value("default_transport").partition(":")[0], view.value("relayhost")
    if view.is_set("smtp_fallback_relay"):
        yield (
            "smtp_fallback_relay",
            view.value("default_transport").partition(":")[0],
            view.value("smtp_fallback_relay"),
        )
    for name in TRANSPORTS:
        transport, colon, nexthop = view.value(name).partition(":")
        if view.is_set(name) and colon and nexthop.strip():
            yield name, transport, nexthop.strip()


def _judge(subject: Subject, name: str, transport: str, text: str, written: str, span: Span | None, sink: Sink) -> None:
    view, known = subject.configuration, subject.site.transports.get(transport)
    first = text.partition(":")[0]
    if name.endswith(("relayhost", "relayhost_maps")) and first in subject.site.transports:
        message = f"{name}: {text}: {first} is a transport, and {name} takes a host"
        rest = text.partition(":")[2]
        better = rest if "." in rest else f"[{first}]:{rest}" if rest else f"[{first}]"
        hint = f"write {better}" if "." in rest else f"write the host; if {first} is its name, write {better}"
        fix = swapped(span, text, rest) if "." in rest and hint == f"write {rest}" else ()
        sink.report(PF298, message, span, hint=hint, fix=fix)
        return
    if known is None or known.program != "smtp":
        return
    service = next((s for s in view.services if s.name == transport and s.kind == "unix"), None)
    seen = view_of(view, service) if service else view
    try:
        hop = Nexthop.parse(text, lmtp=False, ports=subject.site.ports, default=known.client_port)
    except BadNexthop:
        return  # PF251 and TB092 report it
    wrapped = is_on(seen, "smtp_tls_wrappermode")
    if hop.port == _WRAPPED_PORT and not wrapped:
        message = f"{name}: {text}: port 465 speaks TLS from the first byte, and smtp waits for a greeting"
        hint = "set smtp_tls_wrappermode = yes and smtp_tls_security_level = encrypt, or use port 587"
        sink.report(PF276, message, span, hint=hint)
    elif wrapped and hop.port in (SMTP_PORT, 587) and level_of(seen) != "none":
        message = f"{name}: {text}: smtp_tls_wrappermode is yes, and on port {hop.port} servers begin without TLS"
        sink.report(PF276, message, span, hint="set smtp_tls_wrappermode = no, or write port 465")
    if hop.port == SMTP_PORT and _is_this_host(subject, hop):
        of = f" ({hop.host})" if hop.host not in written else ""
        message = f"{name}: {written if of else text}{of} is this host: the mail comes back to it"
        sink.report(PF275, message, span, hint=f"name the next server in {name}, or remove it")
    elif not hop.direct and hop.port == SMTP_PORT and _is_own_domain(subject, hop.host.lower()):
        message = f"{name}: {text} is a domain of this host: where its MX is this host, the mail comes back to it"
        hint = f"write the name of the next server in brackets: [host.{hop.host}]"
        sink.report(PF275, message, span, hint=hint, severity=Severity.WARNING)


def _is_own_domain(subject: Subject, host: str) -> bool:
    classes = Classes.of(subject)
    return host in classes.local | classes.virtual | classes.mailbox and host not in _LOOPBACK


def _is_this_host(subject: Subject, hop: Nexthop) -> bool:
    """Whether a nexthop leads to the smtpd of port 25 of this host."""
    view, host = subject.configuration, hop.host.lower()
    addresses = [s.address.rpartition(":") for s in listeners(view)]
    ports = {subject.site.ports.number(port): name.strip("[]") for name, _, port in addresses}
    if SMTP_PORT not in ports:
        return False
    if host == view.value("myhostname").lower():
        return hop.direct or host not in Classes.of(subject).relay
    interfaces = {word.strip("[]").lower() for word in view.words("inet_interfaces")}
    proxies = {word.strip("[]").lower() for word in view.words("proxy_interfaces")}
    if host in _LOOPBACK:
        listening = ports[SMTP_PORT] in ("", *_LOOPBACK)
        return listening and bool(interfaces & {"all", "loopback-only", "localhost", "127.0.0.1", "$myhostname"})
    return host in interfaces | proxies


def hops(subject: Subject, names: Iterable[str], found: Iterable[Entry], sink: Sink) -> None:
    """Report nexthops of a table's values."""
    view, uses = subject.configuration, set(names)
    name = next(one for one in _TABLES if one in uses)
    relayhosts = name == "sender_dependent_relayhost_maps"
    default = view.value("default_transport").partition(":")[0]
    marks = (*_DOUBTFUL, view.value("myhostname").lower(), *islice(Classes.of(subject).local, _FEW_DOMAINS))
    for entry in found:
        value = entry.value.lower()
        if not relayhosts and not any(mark in value for mark in marks):
            continue  # nothing that `_judge` looks for; there may be a million
        transport, colon, nexthop = (default, ":", entry.value) if relayhosts else entry.value.partition(":")
        if colon and nexthop.strip():
            for text in split_nexthops(nexthop.strip()):
                _judge(subject, name, transport or default, text, entry.value, entry.value_span, sink)


def everything(subject: Subject, found: Iterable[Entry], sink: Sink) -> None:
    """Report a * that takes the mail of this host's own domains."""
    classes = Classes.of(subject)
    star: Entry | None = None
    keys: set[str] = set()
    own = classes.local | classes.mailbox
    for entry in found:
        if entry.key == "*":
            star = entry
        elif entry.key.lower() in own:
            keys.add(entry.key.lower())
    missing = sorted(own - keys)
    if star is None or not missing or star.value.strip() == ":":
        return
    if star.value.startswith(("local:", "virtual:")):
        return
    main = subject.configuration.value("mydomain").lower()
    first = main if main in missing else missing[0]
    message = f"* takes the mail for {first}, too, which is a domain of this host: {star.value} gets it"
    lines = ", ".join(f'"{domain} :"' for domain in missing[:5])
    hint = f"add {lines} to the table, or use relayhost instead of *"
    sink.report(PF275, message, star.key_span, hint=hint)


def host_of(text: str) -> str:
    """The host of a nexthop as it is written; the text itself where it is no nexthop."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def known_nexthops(subject: Subject) -> dict[str, list[str]]:
    """The nexthops that the configuration names, as they are written, by their hosts in lower case."""
    from mailconf.check.postfix.texts import entries_in

    known: dict[str, list[str]] = {}
    texts = [text for _, _, nexthop in _written(subject.configuration) for text in split_nexthops(nexthop)]
    for use, entries in entries_in(subject, *_TABLES):
        for entry in entries:
            relayhost = use.role == "sender_dependent_relayhost_maps"
            nexthop = entry.value if relayhost else entry.value.partition(":")[2]
            texts += split_nexthops(nexthop) if nexthop.strip() else [entry.key.lstrip(".")]
    for text in texts:
        known.setdefault(host_of(text).lower(), []).append(text)
    return known


def _password(subject: Subject, sink: Sink) -> None:
    """relayhost in brackets, for which the table of passwords has nothing."""
    from mailconf.check.postfix.texts import entries_in

    view = subject.configuration
    relay = view.value("relayhost")
    if not is_on(view, "smtp_sasl_auth_enable") or not relay.startswith("[") or len(split_nexthops(relay)) > 1:
        return
    if is_on(view, "smtp_sender_dependent_authentication"):
        return
    keys: set[str] = set()
    uses = list(entries_in(subject, "smtp_sasl_password_maps"))
    for use, entries in uses:
        if not entries or not (use.source or use.table.type == "texthash"):
            return
        keys.update(entry.key.lower() for entry in entries)
    if uses and keys.isdisjoint((relay.lower(), host_of(relay).lower())):
        message = f"relayhost: smtp_sasl_password_maps has no entry for {relay}: no password is sent"
        hint = f"add an entry whose key is {relay}"
        sink.report(PF294, message, place_of(view, "relayhost", relay), hint=hint, severity=Severity.WARNING)
