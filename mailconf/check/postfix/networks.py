"""Lists in which the first match wins: entries that an earlier one covers, and networks that are everybody's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from mailconf.check.postfix.written import each_word, place_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Related, Severity, Sink, error, warning
from mailconf.maps.patterns.networks import BadNetwork, Network, read_network
from mailconf.model.site import Service
from mailconf.postfix.policy.codes import PF206
from mailconf.postfix.settings.configuration import Configuration
from mailconf.source import Source, Span
from mailconf.tables.entry import Entry

PF262 = warning("PF262", "an entry that an earlier one covers")
"""Why: in a list of networks, of domains, or in a cidr table the first entry that matches decides. An entry whose hosts
an earlier one has is never reached: an exclusion excludes nothing. Where both say the same, the later one is only
superfluous, which is a note.

Example:
    # main.cf
    mynetworks = 127.0.0.0/8 10.0.0.0/8 !10.1.0.0/16

Remedy: put the entry before the one that covers it.

Source: postconf(5) mynetworks, masquerade_domains; cidr_table(5), "TABLE SEARCH ORDER"; observed with Postfix 3.7.11.
"""

PF264 = error("PF264", "strangers are trusted")
"""Why: what these lists name may do what nobody else may: clients in mynetworks send mail to anywhere, those in
smtpd_authorized_xclient_hosts pass for any other client. A network that holds most of the Internet makes the server an
open relay, which is found and used for spam within hours. mynetworks_style = class trusts the whole network class A,
B or C of the provider.

Example:
    # main.cf
    mynetworks = 127.0.0.0/8
    # old:
      0.0.0.0/0

Remedy: name the own networks only. A comment does not end a value: an indented line after it belongs to the value.

Source: postconf(5) mynetworks, mynetworks_style, smtpd_authorized_xclient_hosts, "The general format of the main.cf
file"; observed with Postfix 3.7.11.
"""

_TRUSTED = {
    "mynetworks": "all of them may relay",
    "permit_mx_backup_networks": "permit_mx_backup relays to domains of all of them",
    "smtpd_authorized_xclient_hosts": "all of them may pass for any other client",
    "smtpd_authorized_xforward_hosts": "all of them may name any other client in the log",
}
_HOSTS = (
    *_TRUSTED,
    *("smtpd_client_event_limit_exceptions", "smtpd_sasl_exceptions_networks", "debug_peer_list"),
    *("qmqpd_authorized_clients", "smtpd_authorized_verp_clients"),
)
_STRINGS = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains")
_DOMAINS = ("relay_domains", "masquerade_domains", "fast_flush_domains", *_STRINGS)
_WIDE, _WIDE6 = 8, 16  # bits; a prefix that is shorter is nobody's own network
_DOUBTFUL, _DOUBTFUL6 = 12, 20
_PRIVATE = tuple(read_network(text) for text in ("10.0.0.0/8", "127.0.0.0/8"))
_OWN6 = (0xFC, 0xFD, 0xFE)  # how addresses of one's own networks begin: fc00::/7, fe80::/10
_MOST = 10_000  # entries of a list that are compared with each other
_FEW = 1000  # entries of which superfluous ones are reported
_LOOPBACK = ("127.", "localhost", "[::1]", "[127.")


class Member(NamedTuple):
    """A word of a list, with the place where it is written."""

    text: str
    exclude: bool
    span: Span | None


def lists(subject: Subject, sink: Sink) -> None:
    """Report entries of pattern lists that are never reached, and networks that are everybody's."""
    main = subject.configuration
    services = [None, *(s for s in main.services if s.overrides)]
    views = [main, *(main.for_service(s) for s in main.services if s.overrides)]
    for view, service in zip(views, services, strict=True):
        given = main.texts() if service is None else service.overrides
        for name in (*_HOSTS, *_DOMAINS, "masquerade_exceptions"):
            if name not in given:
                continue
            members = list(islice(_members(view, name), _MOST))
            if name in _HOSTS:
                _networks(name, members, sink)
            if name in _TRUSTED and not _is_inside(service):
                _everybody(name, _members(view, name), sink)
            if name == "masquerade_exceptions":
                for member in (m for m in members if "@" in m.text and ":" not in m.text):
                    message = f"{name}: {member.text} matches nothing: it is a list of user names"
                    hint = f"write {member.text.partition('@')[0]}"
                    sink.report(PF206, message, member.span, hint=hint)
            if name in _DOMAINS:
                _domains(view, name, members, sink)
        if "mynetworks_style" in given and not view.is_set("mynetworks"):
            _style(view, sink)


def _members(view: Configuration, name: str) -> Iterator[Member]:
    """The words of the list, those of the files that it names included."""
    for word, offset in each_word(view, name):
        text = word.lstrip("!")
        exclude = bool((len(word) - len(text)) % 2)
        if text.startswith("#"):
            return
        if text.startswith("/"):
            yield from _in_file(view, text, exclude)
        else:
            yield Member(text, exclude, place_of(view, name, word, offset))


def _in_file(view: Configuration, path: str, exclude: bool) -> Iterator[Member]:
    try:
        source = Source(view.root.place(path), view.read_list(path))
    except OSError:
        return
    at = 0
    for line in source.text.splitlines(keepends=True):
        if not line.startswith("#"):
            for word in line.replace(",", " ").split():
                if word.startswith("#"):
                    break
                text = word.lstrip("!")
                start = at + line.find(word)
                flipped = exclude ^ bool((len(word) - len(text)) % 2)
                yield Member(text, flipped, source.span(start, start + len(word)))
        at += len(line)


class _Covering:
    """Networks in their order: which earlier one holds a network."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], dict[int, Member]] = {}

    def before(self, network: Network) -> Member | None:
        """The first of the shortest networks that hold it."""
        for (family, shift), values in self._found.items():
            if family == network.family and shift >= network.shift:
                found = values.get(network.value >> shift - network.shift)
                if found is not None:
                    return found
        return None

    def add(self, network: Network, member: Member) -> None:
        self._found.setdefault((network.family, network.shift), {}).setdefault(network.value, member)


def _networks(name: str, members: list[Member], sink: Sink) -> None:
    covering = _Covering()
    for member in members:
        network = _network(member.text)
        if network is None:
            _no_network(name, member, sink)
            continue
        earlier = covering.before(network)
        if earlier is not None:
            _covered(name, member, earlier, sink, many=len(members) > _FEW)
        covering.add(network, member)


def _no_network(name: str, member: Member, sink: Sink) -> None:
    """What Postfix takes for the name of a client, and is meant for addresses."""
    text = member.text
    if text.endswith(";"):
        hint = f"write {text[:-1]}: blanks and commas separate the words of a list"
    elif _RANGE.fullmatch(text):
        hint = "write networks: 192.0.2.0/24"
    else:
        return
    sink.report(PF206, f"{name}: {text} matches nobody: it is no network", member.span, hint=hint)


_RANGE = re.compile(r"[0-9]+(?:\.[0-9*]+){0,3}\.(?:[0-9]+-[0-9.]+|\*)")


def _covered(name: str, member: Member, earlier: Member, sink: Sink, *, many: bool) -> None:
    item, other = f"{'!' * member.exclude}{member.text}", f"{'!' * earlier.exclude}{earlier.text}"
    related = (Related(f"{other} comes first", earlier.span),) if earlier.span else ()
    if member.exclude is not earlier.exclude:
        does = "excludes nothing" if member.exclude else "adds nothing"
        message = f"{name}: {item} {does}: {other} comes first, and the first match wins"
        severity = Severity.ERROR if name in _TRUSTED else None
        sink.report(
            PF262, message, member.span, hint=f"write {item} before {other}", related=related, severity=severity
        )
    elif not many:
        message = f"{name}: {item} is superfluous: {other} has it already"
        sink.report(PF262, message, member.span, hint="remove it", related=related, severity=Severity.NOTE)


def _network(text: str) -> Network | None:
    if not text or text[0] not in "0123456789[" or not set(text) <= _OF_NETWORKS:
        return None
    try:
        return read_network(text)
    except BadNetwork:
        return None  # PF206 reports it


_OF_NETWORKS = frozenset("0123456789abcdefABCDEF.:[]/")


def _everybody(name: str, members: Iterable[Member], sink: Sink) -> None:
    """Networks that are too wide to be somebody's own."""
    for member in members:
        if member.exclude:
            continue
        if member.text.startswith("static:"):
            message = f"{name}: {member.text} matches every client, and {_TRUSTED[name]}"
            sink.report(PF264, message, member.span, hint="remove it, and name the own networks")
            continue
        network = _network(member.text)
        if network is not None:
            _wide(name, member, network, sink)


def _wide(name: str, member: Member, network: Network, sink: Sink) -> None:
    six = network.length + network.shift == 128
    length, wide, doubtful = network.length, _WIDE6 if six else _WIDE, _DOUBTFUL6 if six else _DOUBTFUL
    if length >= doubtful or network in _PRIVATE or (name == "permit_mx_backup_networks" and length >= wide):
        return
    if not six and length >= wide and (network.value >> length - 8) in (10, 127):
        return
    if length >= wide and not six and (network.value << network.shift) >> 20 == 0xAC1:
        return  # 172.16.0.0/12
    if six and (network.value << network.shift) >> 120 in _OWN6:
        return
    if length < wide:
        message = f"{name}: {member.text} is no network of one's own: {_TRUSTED[name]}"
        hint = "name the own networks only; an indented line continues a value, also after a comment"
        sink.report(PF264, message, member.span, hint=hint)
    else:
        message = f"{name}: {member.text} is a very large network: {_TRUSTED[name]}"
        sink.report(PF264, message, member.span, hint="name the own networks only", severity=Severity.NOTE)


def _style(view: Configuration, sink: Sink) -> None:
    """mynetworks_style, where it decides about mynetworks."""
    style = view.value("mynetworks_style").lower()
    hint = "set mynetworks_style = host, or list the own networks in mynetworks"
    if style == "class":
        message = "mynetworks_style is class: the whole class A, B or C network of each interface may relay"
        sink.report(PF264, message, view.place("mynetworks_style"), hint=hint, severity=Severity.WARNING)
    elif style == "subnet":
        message = "mynetworks_style is subnet: every host in the networks of the interfaces may relay"
        sink.report(PF264, message, view.place("mynetworks_style"), hint=hint, severity=Severity.NOTE)


def _domains(view: Configuration, name: str, members: list[Member], sink: Sink) -> None:
    """Domains: each stands for its subdomains, too, where the list has it so."""
    parents = name == "masquerade_domains" or name in view.value("parent_domain_matches_subdomains")
    first: dict[str, Member] = {}
    for member in members:
        domain = member.text.lower()
        if ":" in domain or not domain:
            continue
        earlier = first.get(domain)
        if earlier is None and name not in _STRINGS:
            above = [domain[at:] for at in range(1, len(domain)) if domain[at] == "."]
            keys = (key for parent in above for key in ((parent[1:],) if parents else (parent,)))
            earlier = next((first[key] for key in keys if key in first), None)
        if earlier is not None and (earlier.exclude is not member.exclude):
            _covered(name, member, earlier, sink, many=True)
        elif earlier is not None and name == "masquerade_domains" and earlier.text != member.text and member.span:
            message = f"{name}: {member.text} has no effect: {earlier.text} comes first, and the first match wins"
            sink.report(PF262, message, member.span, hint=f"write {member.text} before {earlier.text}")
        first.setdefault(domain, member)


def cidr(uses: Iterable[str], entries: Iterable[Entry], sink: Sink) -> None:
    """Report rules of a cidr table that an earlier one covers, and rules that let everybody in."""
    names = sorted(uses)
    covering = _Covering()
    trusting = next((name for name in names if name in _TRUSTED), "")
    for entry in entries:
        network = _network(entry.key)
        if network is None:
            continue
        member = Member(entry.key, False, entry.key_span)
        earlier = covering.before(network)
        if earlier is not None:
            message = f"{entry.key} is never reached: {earlier.text} comes first, and the first match wins"
            related = (Related(f"{earlier.text} comes first", earlier.span),) if earlier.span else ()
            sink.report(PF262, message, entry.key_span, hint=f"put it before {earlier.text}", related=related)
        covering.add(network, member)
        if trusting:
            _wide(trusting, member, network, sink)


def _is_inside(service: Service | None) -> bool:
    """Whether only this machine reaches the service."""
    return service is not None and service.kind == "inet" and service.name.startswith(_LOOPBACK)
