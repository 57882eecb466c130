"""access(5), virtual(5), generic(5), canonical(5) and aliases(5), entry by entry: what Postfix would misunderstand or
never look up.

The sides of an entry are read by grammars (access, virtual, generic), each distinct text once: `mailconf.tables.sides`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from mailconf import possessive
from mailconf.diagnostics import Sink, error, warning
from mailconf.edits import comment_moved, misspelled, swapped
from mailconf.source import Span
from mailconf.tables.access_actions import ACTIONS, Shape
from mailconf.tables.aliases import AliasKind, AliasTarget, alias_targets
from mailconf.tables.entry import Entry
from mailconf.tables.sides import LIMIT, SideFault, give_up, parse_side

if TYPE_CHECKING:
    from mailconf.grammar import Tree

TB010 = error("TB010", "an access action that does not exist")
"""Why: where the value of an access table is neither an action nor a restriction, smtpd logs "unknown smtpd
restriction" and answers each client that it concerns with "451 4.3.5 Server configuration error".

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders
    # /etc/postfix/senders
    example.com REJCT

Remedy: write an action of access(5), a reply code and a text, a restriction, or a restriction class.

Source: access(5), "ACCEPT ACTIONS", "REJECT ACTIONS", "OTHER ACTIONS"; observed with Postfix 3.7.11.
"""

TB011 = error("TB011", "FILTER without transport:destination")
"""Why: smtpd logs a warning and ignores a FILTER whose argument is not transport:destination: the mail is not
filtered.

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders
    # /etc/postfix/senders
    example.com FILTER smtp

Remedy: write the transport, a colon and the destination: FILTER smtp:[filter.example.com]:10025

Source: access(5), header_checks(5) FILTER; observed with Postfix 3.7.11.
"""

TB012 = error("TB012", "PREPEND without a header")
"""Why: smtpd and cleanup log a warning and ignore PREPEND or REPLACE with a text that is no header: it would end the
headers of the message.

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders
    # /etc/postfix/senders
    example.com PREPEND checked

Remedy: write a name, a colon and a text: PREPEND X-Checked: yes

Source: access(5), header_checks(5) PREPEND, REPLACE; observed with Postfix 3.7.11.
"""

TB013 = error("TB013", "REDIRECT or BCC without an address")
"""Why: smtpd and cleanup log a warning and ignore REDIRECT or BCC without one address with a domain.

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders
    # /etc/postfix/senders
    example.com BCC archive

Remedy: write the whole address: BCC archive@example.com

Source: access(5), header_checks(5) REDIRECT, BCC; observed with Postfix 3.7.11.
"""

TB014 = warning("TB014", "a network that an indexed table never matches")
"""Why: an indexed table is asked for an address and for its first octets (192.0.2, 192.0, 192), never for a network
with a length. The entry matches nothing, and what it was to refuse gets through.

Example:
    # main.cf
    smtpd_client_restrictions = check_client_access hash:/etc/postfix/clients
    # /etc/postfix/clients
    192.0.2.0/24 REJECT

Remedy: write the first octets, 192.0.2, or put the network into a table of type cidr.

Source: access(5), "HOST NAME/ADDRESS PATTERNS"; cf/README, access_db; observed with Postfix 3.7.11 and sendmail
8.17.1.9.
"""

TB015 = warning("TB015", "an action that is only a number")
"""Why: an action that consists of digits only is OK: the client is let through. A reply code needs a text after it.

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders
    # /etc/postfix/senders
    example.com 1

Remedy: write OK, or the code and a text: 550 not wanted here

Source: access(5), "ACCEPT ACTIONS", "all-numerical"; observed with Postfix 3.7.11.
"""

TB016 = warning("TB016", "an access key that no lookup asks for")
"""Why: the engine asks a table for keys of certain forms only. An entry with another key is never found, and nothing
reports it.

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders
    # /etc/postfix/senders
    @example.com REJECT

Remedy: write the key as the hint shows.

Source: access(5), virtual(5), canonical(5), transport(5) and others, each in its section on patterns or search order;
observed with Postfix 3.7.11.
"""

TB020 = error("TB020", "a key that is no address, domain or name")
"""Why: the key is no address, domain or name, and no lookup asks for it.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@ ann@example.com

Remedy: write user@domain, user, or @domain.

Source: virtual(5), canonical(5), generic(5), "TABLE SEARCH ORDER".
"""

TB021 = error("TB021", "a list of addresses that holds something else")
"""Why: Postfix takes each word of the value for an address, and ignores a word that is no address. The recipient that
was meant gets no mail, and nothing reports it.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com @

Remedy: correct or remove the word; separate addresses by commas or blanks.

Source: virtual(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB022 = error("TB022", "a command, file or include where only addresses are possible")
"""Why: only aliases(5) run commands and write into files. In other tables such a value is an address like others, here
|/usr/local/bin/list in the domain of myorigin, and mail for it is returned to the sender.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    list@example.com |/usr/local/bin/list

Remedy: put the command into an alias, and write that alias here.

Source: virtual(5), canonical(5); aliases(5) for commands and files; observed with Postfix 3.7.11.
"""

TB023 = warning("TB023", "sendmail's notation in a Postfix table")
"""Why: sendmail's tables have patterns and parameters that those of Postfix do not have. Here the key is looked up for
a user whose name is a star, and mail for the others is not rewritten.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    *@example.com ann@example.net

Remedy: write @example.com for a whole domain; @domain on both sides keeps the user's name.

Source: virtual(5), "TABLE SEARCH ORDER" and "RESULT ADDRESS REWRITING".
"""

TB024 = error("TB024", "more than one address where one is possible")
"""Why: these tables replace one address by one other. Postfix takes the first of several and logs a warning:
"multi-valued canonical_maps entry".

Example:
    # main.cf
    canonical_maps = hash:/etc/postfix/canonical
    # /etc/postfix/canonical
    info@example.com ann@example.com bob@example.com

Remedy: write one address; for several use virtual_alias_maps.

Source: canonical(5), generic(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB025 = warning("TB025", "a comment after an entry, which is no comment")
"""Why: a comment is a line whose first character other than white space is #. After an entry, each word of the
comment is a part of the value: mail goes to addresses that do not exist.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com # until May

Remedy: put the comment on a line of its own.

Source: postmap(1), "INPUT FILE FORMAT"; aliases(5); makemap(8).
"""

TB032 = warning("TB032", "an alias to a command whose arguments become addresses")
"""Why: a command with arguments needs quotes. Without them local runs the command alone, and each argument is one more
address.

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    # /etc/aliases
    list: |/usr/local/bin/list -a

Remedy: put quotes around both: "|/usr/local/bin/list -a"

Source: aliases(5), "SYNTAX"; observed with Postfix 3.7.11.
"""

TB033 = error("TB033", "an include that names no absolute path")
"""Why: local does not look for a file whose name is not absolute. It returns mail for the alias to its sender (5.3.5),
and logs ":include:list.txt uses a relative path".

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    # /etc/aliases
    list: :include:list.txt

Remedy: write the whole path.

Source: aliases(5), ":include:/file/name"; observed with Postfix 3.7.11.
"""

TB034 = warning("TB034", "targets of an alias that run into one another")
"""Why: targets are separated by commas. What stands between two commas is one target: here it is an address, and the
list is not read.

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    # /etc/aliases
    list: ann :include:/etc/mail/list

Remedy: write a comma between the two.

Source: aliases(5), "SYNTAX"; observed with Postfix 3.7.11 and sendmail 8.17.1.9.
"""

TB035 = error("TB035", "an alias without a target")
"""Why: the value has no target. local logs "no recipient in alias lookup result" and defers the mail.

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    # /etc/aliases
    list: ,

Remedy: write where the mail goes; /dev/null discards it.

Source: aliases(5); observed with Postfix 3.7.11.
"""

# Keys of access tables that are never looked up (smtpd 3.7, by experiment): code, what they look like, what to write.
_NEVER_ASKED = [
    (
        TB014,
        re.compile(r"[0-9]+\.[0-9.]*/[0-9.]+|(?=[0-9a-f]*:)[0-9a-f:]+/[0-9]+", re.IGNORECASE),
        "this table knows no /length: write the first octets (192.0.2), or put the entry into a cidr: table",
    ),
    (TB014, re.compile(r"(?:[0-9]+\.){1,3}\*?"), "write the octets alone: 192.0.2"),
    (
        TB014,
        possessive.compile(r"[0-9a-f]++(?::[0-9a-f]++)*+::", re.IGNORECASE),
        "for a network, leave out the colons at the end",
    ),
    (TB016, re.compile(r"(?=.*\.0[0-9])[0-9]+(?:\.[0-9]+){1,3}"), "write the octets without leading zeros"),
    (TB016, re.compile(r"\[.*\]|ipv6:.*", re.IGNORECASE), "write the address alone"),
    (TB016, re.compile(r"\*?@.*"), "write the domain alone: example.com"),
    (TB016, re.compile(r"<.+>"), "write the address without < and >"),
    (TB016, re.compile(r".*[a-z]\.", re.IGNORECASE), "leave out the dot at the end"),
    (TB016, re.compile(r"[^\s@]+@\..*"), "an address is looked up whole; write .example.com for the subdomains"),
]
# Keys of tables of addresses that are never looked up: rewriting takes a dot off the end of a domain.
_NO_ADDRESS = [
    (re.compile(r"<.*>", re.DOTALL), "write the address without < and >"),
    (re.compile(r"[^@]*@(?:.*[^.])?\.+", re.DOTALL), "leave out the dot at the end"),
    (re.compile(r"\.[^@]+", re.DOTALL), "write @example.com; each subdomain needs an entry of its own"),
    (
        re.compile(r"[^@]*@\..*", re.DOTALL),
        "write the domain without a dot before it; subdomains need their own entries",
    ),
]
_SIMPLE_COMMAND = re.compile(r"""\|[^"'\\`$<>|;&(),\n]+""")  # whose quotes are certain
PLAIN_ACTION = re.compile(
    rf"(?:{'|'.join(word for word, action in ACTIONS.items() if action.shape is Shape.TEXT)}|[45][0-9][0-9])(?:\s.*)?",
    re.IGNORECASE | re.DOTALL,
)
# What repeats a group is possessive: else what could be gone back to would be remembered for each time.
PLAIN_KEY = possessive.compile(r"[\w+=-][\w.+=-]*+(?:@[\w-]++(?:\.[\w-]++)*+)?+|@[\w-]++(?:\.[\w-]++)*+", re.ASCII)
PLAIN_ADDRESS = possessive.compile(r"[\w.+=-]++(?:@[\w.-]++)?+", re.ASCII)
PLAIN_ADDRESSES = possessive.compile(rf"{PLAIN_ADDRESS.pattern}(?:(?:, ?+| ){PLAIN_ADDRESS.pattern})*+", re.ASCII)
_DOUBTFUL = re.compile(r"^[\[<@*]|[.*]$|:|/|@\.|\.0")  # what any of those, or a long IPv6 address, has
_COMMAND = re.compile(r"\s*\|")
_GLUED = re.compile(r":include:|\S\|[/\w]", re.IGNORECASE)
_REFERENCE = re.compile(r"%[0-9](?![A-Za-z0-9])")

Known = Callable[[str], bool]


def check_access(entries: Iterable[Entry], sink: Sink, known: Known, *, keys: bool = True) -> None:
    """access(5); ``known`` decides whether a word is a restriction, or a restriction class, that the table may name.

    Without ``keys`` only the values are looked into: those of a table of patterns.
    """
    texts: set[str] = set()
    for entry in entries:
        if keys:
            _check_access_key(entry, sink)
        if PLAIN_ACTION.fullmatch(entry.value):
            continue
        texts.add(entry.value)
        if len(texts) > LIMIT:
            give_up(entry, sink)
            return
        tree = _tree("access", "action", entry.value, entry.value_span, sink)
        if tree is None:
            continue
        kind = getattr(tree.children[0], "data", "")
        words = list(tree.tokens())
        if kind == "verdict" and words[0].type == "NUMBER":
            hint = "access(5) takes a number for OK; write OK, or a reply code and a text"
            sink.report(TB015, f"{entry.value} lets mail through", entry.value_span, hint=hint)
        elif kind == "restrictions" and not known(str(words[0])):
            hint = "the engine answers 451 Server configuration error; write OK, REJECT, DUNNO, a reply code, ..."
            meant = misspelled(str(words[0]), ACTIONS)
            fix = swapped(entry.value_span, str(words[0]), meant) if meant and entry.value == str(words[0]) else ()
            message = f"{words[0]} is neither an action nor a restriction"
            sink.report(TB010, message, entry.value_span, hint=hint, fix=fix)


def _check_access_key(entry: Entry, sink: Sink) -> None:
    key = entry.key
    if not _DOUBTFUL.search(key):
        return
    for code, pattern, hint in _NEVER_ASKED:
        if pattern.fullmatch(key):
            sink.report(code, f"{key} matches nothing: no lookup asks for it", entry.key_span, hint=hint)
            return
    compressed = _compressed(key) if ":" in key else None
    if compressed is not None and compressed != key.lower():
        hint = f"addresses are looked up in their short form: write {compressed}"
        sink.report(TB016, f"{key} matches nothing: no lookup asks for it", entry.key_span, hint=hint)


def _compressed(address: str) -> str | None:
    from ipaddress import IPv6Address

    try:
        return IPv6Address(address).compressed
    except ValueError:
        return None


def check_addresses(entries: Iterable[Entry], sink: Sink, grammar: str, *, keys: bool = True) -> None:
    """Tables of addresses: virtual(5) by the grammar "virtual", generic(5) and canonical(5) by "generic".

    Without ``keys`` only the values are looked into, which may then contain a group of the match.
    """
    texts: set[str] = set()
    plain_value = PLAIN_ADDRESSES if grammar == "virtual" else PLAIN_ADDRESS
    for entry in entries:
        if keys and not PLAIN_KEY.fullmatch(entry.key):
            texts.add(entry.key)
            if len(texts) > LIMIT:
                give_up(entry, sink)
                return
            tree = _tree(grammar, "key", entry.key, entry.key_span, sink)
            if tree is not None and (fault := address_key_fault(entry.key)) is not None:
                sink.report(fault.code, fault.message, entry.key_span, hint=fault.hint)
        if plain_value.fullmatch(entry.value):
            continue
        texts.add(entry.value)
        if len(texts) > LIMIT:
            give_up(entry, sink)
            return
        tree = _tree(grammar, "value", entry.value, entry.value_span, sink)
        if tree is not None:
            _check_targets(tree, entry, sink)


def address_key_fault(text: str) -> SideFault | None:
    """What keeps a key from being looked up as an address, None where nothing does."""
    if text.startswith("*@"):
        hint = f"write {text[1:]} for a whole domain"
        return SideFault(TB023, f"{text} is looked up only for the user *", hint)
    return next((never_asked(text, hint) for pattern, hint in _NO_ADDRESS if pattern.fullmatch(text)), None)


def never_asked(text: str, hint: str) -> SideFault:
    """The fault of a key that no lookup asks for."""
    return SideFault(TB016, f"{text} matches nothing: no lookup asks for it", hint)


def _check_targets(tree: Tree, entry: Entry, sink: Sink) -> None:
    for word in tree.tokens():
        kind = word.type
        if kind == "COMMAND":
            hint = "put it into an alias (aliases(5)), and that alias here"
            sink.report(
                TB022, f"{word} is taken for an address: this table holds only those", entry.value_span, hint=hint
            )
        elif kind == "ERROR":
            hint = "Postfix takes it for an address; refuse such mail in smtpd_recipient_restrictions"
            sink.report(TB023, "error: is sendmail's", entry.value_span, hint=hint)
        elif str(word).startswith("#"):
            _report_comment(str(word), entry, sink)
            return
        elif _REFERENCE.search(str(word)):
            hint = "Postfix takes it as it is; @domain on both sides keeps the user's name"
            sink.report(TB023, f"{word} has sendmail's %-notation", entry.value_span, hint=hint)


def _report_comment(word: str, entry: Entry, sink: Sink) -> None:
    hint = "a comment is a line of its own; here each of its words is taken for an address"
    span = entry.place(max(entry.value.find("#"), 0))
    sink.report(TB025, f'"{word}" starts no comment', span, hint=hint, fix=comment_moved(span))


def check_aliases(entries: Iterable[Entry], sink: Sink) -> None:
    """aliases(5): the targets."""
    for entry in entries:
        if PLAIN_ADDRESSES.fullmatch(entry.value):
            continue
        targets = alias_targets(entry.value)
        first = list(islice(targets, 2))
        if not first:
            hint = "mail for it is deferred: write a target, or /dev/null"
            sink.report(TB035, f"{entry.key} has no target", entry.value_span, hint=hint)
        facts = _Value(
            alone=len(first) == 1, command=_COMMAND.match(entry.value) is not None, quoted='"' in entry.value
        )
        for target in chain(first, targets):
            if target.kind is AliasKind.ADDRESS and target.text.startswith("#"):
                _report_comment(target.text, entry, sink)
                break
            _check_target(target, entry, sink, facts)


class _Value(NamedTuple):
    """What there is to know of the whole value of an alias, which may be long."""

    alone: bool  # it is one target
    command: bool  # it begins with a command that is not in quotes
    quoted: bool  # there are quotes in it


def _check_target(target: AliasTarget, entry: Entry, sink: Sink, value: _Value) -> None:
    if target.kind is AliasKind.COMMAND and value.command and not value.alone:
        hint = 'put quotes around the command and its arguments: "|command argument"'
        text = entry.value_span.text
        fix = swapped(entry.value_span, text, f'"{text}"') if _SIMPLE_COMMAND.fullmatch(text) else ()
        message = "the arguments of the command become addresses of their own"
        sink.report(TB032, message, entry.value_span, hint=hint, fix=fix)
    elif target.kind is AliasKind.INCLUDE and not target.text.startswith("/"):
        hint = "write :include:/the/whole/path"
        sink.report(TB033, f':include: of "{target.text}" is no absolute path', entry.value_span, hint=hint)
    elif target.kind is AliasKind.ADDRESS and not value.quoted and _GLUED.search(target.text):
        hint = "separate targets by commas"
        sink.report(TB034, f"{target.text} is one address", entry.value_span, hint=hint)


def _tree(grammar: str, start: str, text: str, span: Span, sink: Sink) -> Tree | None:
    """The tree of ``text``, which is at ``span``; None when a mistake was reported."""
    found = parse_side(grammar, start, text)
    if isinstance(found, SideFault):
        sink.report(found.code, found.message, span, hint=found.hint)
        return None
    return found
