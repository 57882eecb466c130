"""Entries of tables whose keys nobody asks for, or that do something else than is meant, beside the configuration.

The forms of the keys that a role is asked for are data, `FORMS`; which domains are whose comes from main.cf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from weakref import WeakKeyDictionary

from mailconf.check import users
from mailconf.check.postfix import mailboxes, networks, routes, table_values
from mailconf.check.postfix.dead_settings import only_usual_users
from mailconf.check.postfix.domains import Classes
from mailconf.check.postfix.table_values import PF263
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, warning
from mailconf.model.site import TableUse
from mailconf.postfix.settings.configuration import Configuration
from mailconf.tables import roles
from mailconf.tables.aliases import AliasTarget
from mailconf.tables.entry import Entry

Known = Callable[..., bool]  # of a name, and of an alias that is left out

PF271 = warning("PF271", "an address of a domain that this host does not serve")
"""Why: virtual_alias_maps rewrites addresses of every domain, but smtpd takes mail for a domain from strangers only
where mydestination, virtual_alias_domains, virtual_mailbox_domains or relay_domains has it. Mail for the address is
refused: "Relay access denied".

Example:
    # main.cf
    virtual_alias_domains = example.org
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.net ann@mail.example.com

Remedy: add the domain to virtual_alias_domains, or remove the entry.

Source: virtual(5); ADDRESS_CLASS_README, "The virtual alias domain class"; observed with Postfix 3.7.11.
"""

PF272 = warning("PF272", "mail that goes to a user who does not exist")
"""Why: the name is neither a user of the machine nor an alias. Mail for it is accepted and then returned to its
sender: "unknown user".

Example:
    # main.cf
    mydestination = example.com
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com jooe@example.com
    # /etc/passwd
    root:x:0:0::/root:/bin/sh
    ann:x:1000:1000::/home/ann:/bin/sh

Remedy: correct the name, or add the user or an alias.

Source: virtual(5), aliases(5); local(8), "bounce: unknown user"; observed with Postfix 3.7.11.
"""

PF273 = warning("PF273", "a catch-all that takes the mail of real users")
"""Why: virtual_alias_maps is asked before mail is delivered to the users of mydestination. An entry for the whole
domain gets the mail of each user without an entry of his own.

Example:
    # main.cf
    mydestination = example.com
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    @example.com ann@example.net
    # /etc/passwd
    root:x:0:0::/root:/bin/sh
    ann:x:1000:1000::/home/ann:/bin/sh

Remedy: use luser_relay for the unknown names of mydestination, or give each user an entry that leads to itself.

Source: virtual(5), "TABLE SEARCH ORDER"; ADDRESS_REWRITING_README; observed with Postfix 3.7.11.
"""

# The roles whose indexed tables are asked for user@domain, user and @domain, and for a domain alone never.
FORMS = frozenset(
    {
        *("canonical_maps", "sender_canonical_maps", "recipient_canonical_maps", "smtp_generic_maps"),
        *("lmtp_generic_maps", "sender_bcc_maps", "recipient_bcc_maps", "relocated_maps", "relay_recipient_maps"),
        *("smtpd_sender_login_maps", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"),
        "local_recipient_maps",
    }
)
# What ends the name of a domain more often than that of a user.
_ENDINGS = frozenset(
    [
        "com",
        "net",
        "org",
        "edu",
        "gov",
        "info",
        "biz",
        "int",
        "mil",
        "example",
        "test",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "internal",
    ]
)
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)+", re.ASCII)
_POLICIES, _PASSWORDS = table_values.POLICIES, table_values.PASSWORDS
_NO_PATTERNS = frozenset({roles.HEADER_CHECKS, roles.BODY_CHECKS, roles.MILTER_HEADER_CHECKS})  # TB103 reports it
_VALUELESS = frozenset({roles.DOMAINS, roles.HOSTS, roles.ADDRESSES, roles.OTHER})
_CANONICAL = frozenset({"canonical_maps", "recipient_canonical_maps"})
_COPIES = frozenset({"sender_bcc_maps", "recipient_bcc_maps"})
_SHOWN = 3  # users that a message names
_MOST_NAMES = 50_000  # keys of tables among which users are looked for


def entries(subject: Subject, uses: Sequence[TableUse], found: Sequence[Entry], sink: Sink) -> None:
    """Report entries of one table that do not do what they are for."""
    names = frozenset(use.role for use in uses)
    stored = any(use.table.kind.stored or use.table.type == "texthash" for use in uses)
    if stored and not names & {"alias_maps", "alias_database"}:
        _keys(subject, uses, names, found, sink)
    if "virtual_alias_maps" in names:
        _virtual(subject, found, sink, stored=stored)
    if names & {"alias_maps", "alias_database"}:
        _aliases(subject, found, sink)
    if uses[0].table.type == "cidr":
        networks.cidr(names, found, sink)
    if names & table_values.LISTS and roles.table_role(*names) in _VALUELESS:
        table_values.refusals(names, found, sink)
    if names & set(table_values.POLICIES):
        table_values.policies(subject, names, found, sink)
    if names & set(_PASSWORDS):
        table_values.passwords(subject, names, found, sink)
    if names & _CANONICAL and stored:
        _canonical(subject, min(names & _CANONICAL), found, sink)
    if names & _COPIES:
        _copies(subject, min(names & _COPIES), found, sink)
    if "virtual_uid_maps" in names:
        mailboxes.low_ids(subject, found, sink)
    if stored and "transport_maps" in names:
        routes.everything(subject, found, sink)
    if names & {"transport_maps", "sender_dependent_default_transport_maps", "sender_dependent_relayhost_maps"}:
        routes.hops(subject, names, found, sink)


def _keys(
    subject: Subject, uses: Sequence[TableUse], names: frozenset[str], found: Iterable[Entry], sink: Sink
) -> None:
    """Keys of an indexed table that no lookup has."""
    kind, role = uses[0].table.type, roles.table_role(*names)
    of_addresses = names <= FORMS
    classes = Classes.of(subject) if of_addresses else None
    policies = names & set(_POLICIES) or names & set(_PASSWORDS)
    nexthops = routes.known_nexthops(subject) if policies else {}
    for entry in found:
        key = entry.key
        if _is_pattern(key) and role not in _NO_PATTERNS:
            message = f"{key} is a pattern, and the table is {kind}: each key there is a plain text"
            hint = f"put it into a table of type regexp: or pcre:, or write whole keys for {kind}:"
            sink.report(PF263, message, entry.key_span, hint=hint)
        elif classes is not None and "." in key and "@" not in key and _is_domain(key, entry.value, classes):
            value = f" {'@' * _is_bare(entry.value)}{entry.value}"
            message = f"{key} matches nothing but a user of that name: {min(names)} is asked for @{key}"
            sink.report(PF263, message, entry.key_span, hint=f"write @{key}{value}")
        elif policies:
            _nexthop_key(entry, nexthops, names, sink)


def _is_pattern(key: str) -> bool:
    if _PATTERN_MARKS.isdisjoint(key):
        return False
    return _pattern().fullmatch(key) is not None


_PATTERN_MARKS = frozenset("/|^$*\\([")


@lru_cache
def _pattern() -> re.Pattern[str]:
    """What only a pattern looks like; compiled when there is a key to ask about."""
    return re.compile(
        r"(?P<mark>[/|!]).+(?P=mark)[a-zA-Z]*|\^.*|.*@.*[^$\\]\$"
        r"|.*(?:\\\.|\.\*|\[\^?(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9])+[^\]]*\]|\(.*\|.*\)|\.\+|\\d[+*{]).*",
        re.DOTALL,
    )


def _is_bare(value: str) -> bool:
    return _DOMAIN.fullmatch(value) is not None


def _is_domain(key: str, value: str, classes: Classes) -> bool:
    """Whether a key like ``john.doe`` is meant for a domain."""
    if not _DOMAIN.fullmatch(key):
        return False
    ending = key.rpartition(".")[2].lower()
    if key.lower() in classes.all or ending in _ENDINGS:
        return True
    return _is_bare(value) and value.rpartition(".")[2].lower() == ending


def _nexthop_key(entry: Entry, nexthops: dict[str, list[str]], names: frozenset[str], sink: Sink) -> None:
    """A key for a nexthop that is written in another form than the nexthop."""
    key = entry.key
    host = routes.host_of(key)
    written = nexthops.get(host.lower(), [])
    by_host = bool(names & set(_PASSWORDS)) and key.lower() == host.lower()
    if not written or key.lower() in map(str.lower, written) or by_host:
        return
    better = written[0]
    message = f"{key} is never asked for: the nexthop is {better}, and {min(names)} is asked for it as it is written"
    sink.report(PF263, message, entry.key_span, hint=f"write {better}", severity=Severity.WARNING)


def _virtual(subject: Subject, found: Sequence[Entry], sink: Sink, *, stored: bool) -> None:
    """virtual(5): whose domain is it, whom does it lead to, and whom does it hide?"""
    classes = Classes.of(subject)
    known = _known_users(subject)
    told: set[str] = set()
    whole: list[Entry] = []
    alone = stored and len(subject.configuration.words("virtual_alias_maps")) == 1
    addresses = {entry.key.lower() for entry in found} if alone and len(found) <= _MOST_NAMES else set()
    people = dict.fromkeys(users.people(subject.root))
    keys: set[str] = set()  # of them, those that have an entry of their own
    for entry in found:
        local, at, domain = entry.key.rpartition("@")
        domain = domain.lower()
        if not at and domain in classes.virtual:
            continue  # it says that the domain is a virtual one, and its value is not looked at
        if stored and at and domain and domain not in told and classes.is_foreign(domain):
            told.add(domain)
            message = f"{entry.key}: {domain} is none of this host's domains, and mail for it is refused as relaying"
            hint = f"add {domain} to virtual_alias_domains, or remove the entry"
            if not subject.configuration.is_set("virtual_alias_domains"):
                hint = f'add a line to the table: "{domain} a virtual domain"; or remove the entry'
            sink.report(PF271, message, entry.key_span, hint=hint)
        if stored and at and not local and domain in classes.local:
            whole.append(entry)
        elif people and (local or not at):
            name = (local if domain in classes.local or not at else "") or entry.key.lower()
            if name in people:
                keys.add(name)
        if known is not None:
            _targets(entry, classes, known, sink)
        if addresses:
            _nobody(subject, entry, classes, addresses, sink)
    for entry in whole:
        _catch_all(entry, [name for name in people if name not in keys], sink)


def _nobody(subject: Subject, entry: Entry, classes: Classes, addresses: set[str], sink: Sink) -> None:
    """Targets in a virtual alias domain for which the table has nothing else: such a domain has no mailboxes."""
    delimiters = subject.configuration.value("recipient_delimiter")
    key = entry.key.lower()
    for word in entry.value.replace(",", " ").split():
        local, _, domain = word.lower().rpartition("@")
        if domain not in classes.virtual or domain in classes.local | classes.mailbox | classes.relay:
            continue
        bases = [local, *(local[:at] for at in range(1, len(local)) if local[at] in delimiters)]
        others = {f"{base}@{domain}" for base in bases if base} | {f"@{domain}"}
        if others & addresses - {key}:
            continue
        message = f"{entry.key} leads to {word}: {domain} is a virtual alias domain, and has no mailbox of that name"
        span = entry.place(entry.value.find(word), len(word))
        sink.report(PF272, message, span, hint="write the address of a mailbox: a user of this host, or one elsewhere")
        return


def _targets(entry: Entry, classes: Classes, known: Known, sink: Sink) -> None:
    for word in entry.value.replace(",", " ").split():
        local, at, domain = word.rpartition("@")
        if not at:
            local = word
        if (at and domain.lower() not in classes.local) or not local or set(local) & _NO_NAME:
            continue
        if not at and classes.origin_is_elsewhere:
            continue
        if not known(local.lower()):
            message = f'{entry.key} leads to {word}: there is no user and no alias "{local}"'
            span = entry.place(entry.value.find(word), len(word))
            sink.report(PF272, message, span, hint="correct the name, or add an alias of that name")
            return


_NO_NAME = frozenset("$\"'|/:\\<>;!%")


def _canonical(subject: Subject, name: str, found: Sequence[Entry], sink: Sink) -> None:
    """canonical(5): an entry for a whole domain of this host, which takes the mail of its users."""
    classes = Classes.of(subject)
    keys = {entry.key.rpartition("@")[0].lower() or entry.key.lower() for entry in found}
    if name == "canonical_maps" and "envelope_recipient" not in subject.configuration.value("canonical_classes"):
        return
    for entry in found:
        local, at, domain = entry.key.rpartition("@")
        if at and not local and domain.lower() in classes.local and not entry.value.startswith("@"):
            _catch_all(entry, [user for user in users.people(subject.root) if user not in keys], sink)


def _copies(subject: Subject, name: str, found: Iterable[Entry], sink: Sink) -> None:
    """Where the copies of sender_bcc_maps and recipient_bcc_maps go."""
    for entry in found:
        if nobody(subject, entry.value):
            message = f"{name}: {entry.value}: there is no user and no alias of that name, and each copy is lost"
            sink.report(PF272, message, entry.value_span, hint="correct the name, or add an alias of that name")


def nobody(subject: Subject, address: str) -> bool:
    """Whether an address is one of this host, and certainly nobody's."""
    known, classes = _known_users(subject), Classes.of(subject)
    local, at, domain = address.strip().rpartition("@")
    local = local if at else domain
    if known is None or not local or set(local) & _NO_NAME or " " in local:
        return False
    if (at and domain.lower() not in classes.local) or (not at and classes.origin_is_elsewhere):
        return False
    return not known(local.lower())


def copied(subject: Subject, sink: Sink) -> None:
    """Report addresses of main.cf that are nobody's: each message, or each report, is copied there."""
    view = subject.configuration
    for name in _ADDRESSES_OF_MAIN:
        if view.is_set(name) and nobody(subject, view.value(name)):
            message = f"{name}: {view.value(name)}: there is no user and no alias of that name"
            sink.report(PF272, message, view.place(name), hint="correct the name, or add an alias of that name")


_ADDRESSES_OF_MAIN = (
    *("always_bcc", "error_notice_recipient", "bounce_notice_recipient", "2bounce_notice_recipient"),
    *("delay_notice_recipient", "address_verify_sender"),
)


def _catch_all(entry: Entry, users: list[str], sink: Sink) -> None:
    if not users:
        return
    shown = ", ".join(users[:_SHOWN]) + (", ..." if len(users) > _SHOWN else "")
    message = f"{entry.key} takes the mail of the users of this host, too: {shown}"
    domain = entry.key[1:]
    hint = f"add an entry for each user ({users[0]}@{domain} {users[0]}@{domain}), or use luser_relay instead"
    sink.report(PF273, message, entry.key_span, hint=hint)


def _known_users(subject: Subject) -> Known | None:
    """Whether a local part is a user of the machine or an alias; None where that cannot be known."""
    if subject.configuration not in _KNOWN:
        _KNOWN[subject.configuration] = _find_users(subject)
    return _KNOWN[subject.configuration]


_KNOWN: WeakKeyDictionary[Configuration, Known | None] = WeakKeyDictionary()


def _find_users(subject: Subject) -> Known | None:
    from mailconf.check.postfix.texts import entries_of

    configuration = subject.configuration
    others = ("mailbox_transport", "mailbox_transport_maps", "fallback_transport", "fallback_transport_maps")
    if any(configuration.value(name) for name in (*others, "luser_relay")) or not _is_local(subject):
        return None
    known_names = {name.lower() for name, _ in users.passwd(subject.root)}
    if not users.people(subject.root) or not only_usual_users(configuration):
        return None
    known_names |= {"mailer-daemon", "postmaster", configuration.value("double_bounce_sender").lower()}
    names: set[str] = set()
    classes = Classes.of(subject)

    def local_name(key: str) -> str:
        name, at, domain = key.rpartition("@")
        return domain if not at else name if domain in classes.local else ""

    for use in subject.site.tables:
        if use.role in ("alias_maps", "virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"):
            if not (use.source or use.table.direct.type == "texthash"):
                return None
            entries = entries_of(subject, use)
            if len(entries) > _MOST_NAMES:
                return None
            names.update(filter(None, map(local_name, (entry.key.lower() for entry in entries))))
    delimiters = configuration.value("recipient_delimiter")
    real = subject.root.is_real

    def known(local: str, besides: str = "") -> bool:
        parts = (local, *(local[:at] for at in range(1, len(local)) if local[at] in delimiters))
        if any(part in known_names or (part in names and part != besides) for part in parts):
            return True
        return real and any(map(users.is_account, parts))

    return known


def _is_local(subject: Subject) -> bool:
    """Whether local(8) delivers for mydestination."""
    transport = subject.configuration.value("local_transport").partition(":")[0]
    return any(s.name == transport and s.program == "local" for s in subject.configuration.services)


def _alias_addresses(value: str) -> Iterator[str]:
    """The addresses of an alias: neither commands nor files."""
    from mailconf.tables.aliases import AliasKind, alias_targets
    from mailconf.tables.check import PLAIN_ADDRESSES

    if PLAIN_ADDRESSES.fullmatch(value):
        yield from value.replace(",", " ").split()
        return
    for target in islice(alias_targets(value), _MOST_TARGETS):
        if target.kind is AliasKind.ADDRESS:
            yield target.text


_MOST_TARGETS = 1000  # of one alias that are looked at


def _taken_apart(entry: Entry) -> Sequence[AliasTarget]:
    """What an alias leads to; nothing where it is more than one plain address, of which no rule here has a question."""
    from mailconf.tables.aliases import AliasKind, AliasTarget, alias_targets
    from mailconf.tables.check import PLAIN_ADDRESS, PLAIN_ADDRESSES

    if PLAIN_ADDRESS.fullmatch(entry.value):
        return (AliasTarget(AliasKind.ADDRESS, entry.value),)
    if PLAIN_ADDRESSES.fullmatch(entry.value):
        return ()
    return tuple(islice(alias_targets(entry.value), _MOST_TARGETS))


def _leading_nowhere(subject: Subject, found: Sequence[Entry], sink: Sink) -> None:
    """Lists and programs that are not there, and aliases in a circle."""
    from mailconf.check import aliases

    classes = Classes.of(subject)

    def local(address: str) -> str:
        name, at, domain = address.lower().rpartition("@")
        if at:
            return name if domain in classes.local else ""
        return "" if classes.origin_is_elsewhere else domain

    taken_apart = aliases.TakenApart(found, _taken_apart)
    aliases.files(taken_apart, subject.root, sink)
    aliases.loops(taken_apart, local, sink)


def _aliases(subject: Subject, found: Sequence[Entry], sink: Sink) -> None:
    """aliases(5): do they lead to somebody?"""
    if _is_local(subject):
        _leading_nowhere(subject, found, sink)
    known = _known_users(subject)
    if known is None:
        return
    classes = Classes.of(subject)
    for entry in found:
        for text in _alias_addresses(entry.value):
            local, at, domain = text.rpartition("@")
            local = local if at else text
            if (at and domain.lower() not in classes.local) or not local or set(local) & _NO_NAME or " " in local:
                continue
            if not at and classes.origin_is_elsewhere:
                continue
            if not known(local.lower(), entry.key.lower()):  # me: me is for a user who is called so
                message = f'{entry.key} leads to {text}: there is no user and no alias "{local}"'
                sink.report(PF272, message, entry.value_span, hint="correct the name, or add an alias of that name")
                break
