"""The classes of domains (ADDRESS_CLASS_README): a domain in two of them, words that are none, no postmaster."""

from __future__ import annotations

import re
from typing import NamedTuple
from weakref import WeakKeyDictionary

from mailconf.check.postfix.texts import entries_in, text_of
from mailconf.check.postfix.written import each_word, place_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Related, Severity, Sink, error, warning
from mailconf.postfix.settings.configuration import Configuration

PF270 = warning("PF270", "a domain in two classes")
"""Why: each domain belongs to one class, which decides who its users are and what delivers. Postfix logs "do not list
domain example.org in BOTH mydestination and virtual_alias_domains", and the second of the two has no effect: the order
is mydestination, virtual_alias_domains, virtual_mailbox_domains, relay_domains.

Example:
    # main.cf
    mydestination = $myhostname, example.org
    virtual_alias_domains = example.org

Remedy: remove the domain from one of the two.

Source: ADDRESS_CLASS_README; trivial-rewrite(8); postconf(5) virtual_alias_domains, virtual_mailbox_domains; observed
with Postfix 3.7.11.
"""

PF293 = error("PF293", "a word in a list of domains that matches no domain")
"""Why: the lists of domains have no wildcards, and a name in mydestination stands for itself alone. Mail for the
domains that were meant is refused: "Relay access denied".

Example:
    # main.cf
    mydestination = $myhostname, *.example.com

Remedy: write each domain. In relay_domains a name stands for its subdomains, too, where
parent_domain_matches_subdomains has it; otherwise write .example.com.

Source: postconf(5) mydestination, relay_domains, parent_domain_matches_subdomains; observed with Postfix 3.7.11.
"""

PF274 = warning("PF274", "no postmaster")
"""Why: each domain that takes mail has to take mail for postmaster. Other operators write there about problems, and
some lists name hosts that refuse it. Postfix takes the mail for local domains, and returns it where no alias has it.

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    # /etc/aliases
    info: root

Remedy: add an entry for postmaster.

Source: RFC 5321 4.5.1; RFC 2142 5; aliases(5); observed with Postfix 3.7.11.
"""

CLASSES = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
# What a list of strings compares whole names with; the others know subdomains, too.
_STRINGS = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains")
_POSTMASTER = r'(?im)^[ \t]*"?postmaster"?[ \t]*:'
_NETWORK = r"[0-9]+(?:\.[0-9]+){3}(?:/[0-9]+)?|[0-9a-f:]*::[0-9a-f:]*(?:/[0-9]+)?"


class Classes(NamedTuple):
    """Which domains main.cf names, in lower case.

    local, virtual, mailbox, relay  by class; ``open``: one of the lists has a table or a file, so that there are more
    """

    local: frozenset[str]
    virtual: frozenset[str]
    mailbox: frozenset[str]
    relay: frozenset[str]
    open: bool
    origin: str
    relay_parents: bool

    @classmethod
    def of(cls, subject: Subject) -> Classes:
        known = _KNOWN.get(subject.configuration)
        if known is None:
            known = _KNOWN[subject.configuration] = _read(subject)
        return known

    @property
    def all(self) -> frozenset[str]:
        return self.local | self.virtual | self.mailbox | self.relay

    @property
    def origin_is_elsewhere(self) -> bool:
        return self.origin.lower() not in self.local

    def is_foreign(self, domain: str) -> bool:
        """Whether mail for ``domain`` is certainly refused to strangers."""
        if self.open or domain in self.all or domain.startswith("["):
            return False
        parents = [domain[at:] for at in range(len(domain)) if domain[at] == "."]
        listed = self.relay
        return not any(p in listed or (self.relay_parents and p[1:] in listed) for p in parents)


_KNOWN: WeakKeyDictionary[Configuration, Classes] = WeakKeyDictionary()


def _read(subject: Subject) -> Classes:
    view = subject.configuration
    lists: list[frozenset[str]] = []
    is_open = False
    for name in CLASSES:
        found: set[str] = set()
        for written in view.list_words(name):
            word = written.lower()
            listed = _listed(subject, written) if _is_table(word) else None
            is_open = is_open or word.startswith("/") or (_is_table(word) and listed is None)
            found.update(listed or ())
            if not word.startswith("!"):
                found.add(word)
        lists.append(frozenset(found))
    parents = "relay_domains" in view.value("parent_domain_matches_subdomains")
    local, virtual, mailbox, relay = lists
    return Classes(local, virtual, mailbox, relay, is_open, view.origin(), parents)


def _listed(subject: Subject, table: str) -> set[str] | None:
    """The domains that are keys of a table; None where its text cannot be read, or is of patterns."""
    from mailconf.check.postfix.texts import entries_of

    use = next((use for use in subject.site.tables if str(use.table) == table), None)
    if use is None or not use.source or use.table.direct.type in _PATTERNS or table.startswith("!"):
        return None
    entries = entries_of(subject, use)
    if not entries or len(entries) > _MOST_KEYS:
        return None
    return {entry.key.lower() for entry in entries if "@" not in entry.key}


_PATTERNS = frozenset({"regexp", "pcre", "cidr"})
_MOST_KEYS = 100_000


def _is_table(word: str) -> bool:
    return ":" in word and not word.startswith((":", "["))


def classes(subject: Subject, sink: Sink) -> None:
    """Report domains that two classes have, and words that are no domain."""
    view = subject.configuration
    first: dict[str, str] = {}
    for name in CLASSES:
        for word, offset in each_word(view, name):
            domain = word.lower()
            if domain.startswith(("!", "/")) or _is_table(domain) or not view.is_set(name):
                continue
            if wrong := _no_domain(name, domain, view):
                span = place_of(view, name, word, offset)
                sink.report(PF293, f"{name}: {word} {wrong[0]}", span, hint=wrong[1], severity=wrong[2])
            other = first.setdefault(domain, name)
            if other not in (name, "") and (other, name) != ("mydestination", "relay_domains"):
                _twice(view, domain, other, name, word, offset, sink)


def _twice(view: Configuration, domain: str, other: str, name: str, word: str, offset: int, sink: Sink) -> None:
    span, elsewhere = place_of(view, name, word, offset), place_of(view, other, word)
    related = (Related(f"also in {other}", elsewhere),) if elsewhere else ()
    message = f"{word} is in {other} and in {name}: a domain is of one class"
    severity = Severity.NOTE if name == "relay_domains" else None
    sink.report(PF270, message, span, hint=f"take it out of {name} or {other}", related=related, severity=severity)


def _no_domain(name: str, word: str, view: Configuration) -> tuple[str, str, Severity | None] | None:
    """What is wrong with a word of a list of domains, what to write, and how bad that is."""
    if word.startswith("@"):
        return "matches nothing: it is compared with the domain alone", f"write {word[1:]}", None
    if word.count("@") == 1 and word.rpartition("@")[2]:
        domain = word.rpartition("@")[2]
        return "matches nothing: it is an address, and the list is of domains", f"write {domain}", None
    if "*" in word:
        better = word.lstrip("*").lstrip(".")
        if not better:
            return "matches nothing: the list has no wildcards", "write each domain, or static:all", None
        if name in _STRINGS:
            return "matches nothing: the list has no wildcards", f"write each domain, such as sub.{better}", None
        parents = name in view.value("parent_domain_matches_subdomains")
        return "matches nothing: the list has no wildcards", f"write {'' if parents else '.'}{better}", None
    if word.endswith(";"):
        return "matches nothing: blanks and commas separate the words of a list", f"write {word[:-1]}", None
    if word.startswith(".") and name in _STRINGS:
        return "matches nothing: names are compared as a whole", f"write {word[1:]}, and each subdomain", None
    if len(word) > 1 and word.endswith("."):
        return "matches nothing: Postfix takes the dot at the end off an address", f"write {word[:-1]}", None
    if not word[:1].isalpha() and re.fullmatch(_NETWORK, word):
        hint = "list the address in inet_interfaces or proxy_interfaces" if name == "mydestination" else "remove it"
        return "is an address, and the list is of domains", hint, Severity.WARNING
    return None


def postmasters(subject: Subject, sink: Sink) -> None:
    """Report that no alias and no virtual address has the postmaster."""
    view = subject.configuration
    uses = [use for use in subject.site.tables if use.role == "alias_maps"]
    texts = [text_of(subject, use) for use in uses]
    named = Classes.of(subject)
    known = all(text is not None for text in texts)
    if uses and named.local and known and not any(re.search(_POSTMASTER, text or "") for text in texts):
        file = subject.root.place(uses[0].source or uses[0].table.direct.name)
        message = "no alias for postmaster: mail for the postmaster is returned, or lies in a mailbox nobody reads"
        sink.report(PF274, message, hint="add a line: postmaster: root", file=file, tree=subject.root)
    if not named.virtual or named.open:
        return
    keys: set[str] = set()
    for use, entries in entries_in(subject, "virtual_alias_maps"):
        if not use.source and use.table.direct.type != "texthash":
            return
        if not entries:
            return
        keys.update(key for entry in entries if (key := entry.key.lower()).startswith(("postmaster", "@")))
    for word, offset in each_word(view, "virtual_alias_domains"):
        if view.is_set("virtual_alias_domains") and keys.isdisjoint(
            (f"postmaster@{word.lower()}", f"@{word.lower()}", "postmaster")
        ):
            span = place_of(view, "virtual_alias_domains", word, offset)
            message = f"{word} has no postmaster: virtual_alias_maps has no postmaster@{word}"
            sink.report(PF274, message, span, hint=f"add an entry for postmaster@{word}")
