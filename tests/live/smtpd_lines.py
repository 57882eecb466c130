"""Scripts for smtpd_check at random: restrictions, tables, and a DNS in which names are found, absent, or fail.

`scripts` gives those of a seed; `Counts` says how often each form was met, as the Policy's traces have it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from fixture_dns import Fixtures
from smtpd_scripts import STAGES

from mailconf.model.trace import Trace
from mailconf.postfix.policy import checks, dns_checks
from mailconf.tables.restriction_words import ARGUMENTS, ArgumentKind

ME = "mx.example.com"
_FAILS = ["SERVFAIL"]
_LISTED = {"A": ["127.0.0.2"], "TXT": ['"listed here"']}

# By domain, what its records are; the DNS has nothing else. A name below servfail.example cannot be told.
DNS: Fixtures = {
    "good.example": {
        "MX": ["10 mx1.good.example.", "20 mx2.good.example."],
        "A": ["192.0.2.10"],
        "NS": ["ns.good.example."],
    },
    "mx1.good.example": {"A": ["192.0.2.11"]},
    "mx2.good.example": {"A": ["192.0.2.12", "198.51.100.12"], "AAAA": ["2001:db8::12"]},
    "ns.good.example": {"A": ["192.0.2.53"]},
    "nomx.example": {"A": ["192.0.2.20"]},
    "v6.example": {"AAAA": ["2001:db8::20"]},
    "null.example": {"MX": ["0 ."], "A": ["192.0.2.21"]},
    "nullplus.example": {"MX": ["10 mx1.good.example.", "20 ."]},
    "badmx.example": {"MX": ["10 -bad-.good.example."]},
    "numeric.example": {"MX": ["10 192.0.2.11."]},
    "tolocal.example": {"MX": ["10 localhost."]},
    "half.example": {"MX": ["20 mx1.good.example.", "30 x-.good.example."]},
    "nodata.example": {"TXT": ['"nothing else"']},
    "mxfail.example": {"MX": _FAILS, "A": ["192.0.2.22"]},
    "afail.example": {"A": _FAILS},
    "allfail.example": {"MX": _FAILS, "A": _FAILS, "AAAA": _FAILS, "NS": _FAILS},
    "nsfail.example": {"NS": _FAILS, "A": ["192.0.2.23"]},
    "backup.example": {"MX": ["10 mx1.good.example.", f"20 {ME}."]},
    "backup2.example": {"MX": ["10 mx1.good.example.", "20 own.example."]},
    "primary.example": {"MX": [f"10 {ME}.", "20 mx1.good.example."]},
    "primary2.example": {"MX": ["10 own.example.", "20 mx1.good.example."]},
    "notus.example": {"MX": ["10 mx1.good.example.", "20 mx2.good.example."]},
    "lostmx.example": {"MX": ["10 absent.good.example.", "20 own.example."]},
    "failmx.example": {"MX": ["10 h.servfail.example.", f"20 {ME}."]},
    "own.example": {"A": ["127.0.0.1"]},
    ME: {"A": ["192.0.2.1"]},
    "delegated.example": {"NS": ["ns.good.example.", "absent.good.example."]},
    "www.delegated.example": {"A": ["192.0.2.24"]},
    "lostns.example": {"NS": ["h.servfail.example."]},
    # aliases
    "alias.example": {"CNAME": ["good.example."]},
    "alias2.example": {"CNAME": ["alias.example."]},
    "aliasnone.example": {"CNAME": ["absent.good.example."]},
    "aliasnomx.example": {"CNAME": ["nomx.example."]},
    "aliasempty.example": {"CNAME": ["nodata.example."]},
    "aliasfail.example": {"CNAME": ["h.servfail.example."]},
    "tomx.example": {"MX": ["10 aliasmx.example."], "NS": ["aliasmx.example."]},
    "aliasmx.example": {"CNAME": ["mx2.good.example."]},
    # hosts of the hosts file
    "inhosts.example": {"MX": ["10 h1.example.", "20 h2.example."], "NS": ["h2.example."]},
    "inhosts6.example": {"MX": ["10 h6.example.", "20 h7.example."], "NS": ["h7.example.", "h6.example."]},
    "nsinhosts.example": {"NS": ["hh.servfail.example."], "MX": ["10 hc.example.", "20 hd.example."]},
    "h1.example": {"A": ["198.51.100.61"]},
    "h2.example": {"A": ["198.51.100.62"]},
    "h6.example": {"A": ["198.51.100.12"]},
    "backup3.example": {"MX": ["10 mx1.good.example.", "20 near.example."]},
    "backup4.example": {"MX": ["10 h1.example.", "20 near6.example."]},
    "primary3.example": {"MX": ["10 near.example.", "20 mx1.good.example."]},
    "near.example": {"A": ["192.0.2.25"]},
    # lists
    "2.2.0.192.bl.test": _LISTED,
    "9.2.0.192.bl.test": {"A": ["127.0.0.9", "127.0.0.4"], "TXT": ['"one"', '"two"']},
    "7.100.51.198.bl.test": {"A": ["127.0.0.7"]},
    "8.100.51.198.bl.test": {"A": _FAILS},
    "5.2.0.192.bl.test": {"A": ["127.0.0.5"], "TXT": _FAILS},
    "good.example.bl.test": _LISTED,
    "x.2.2.bl.test": _LISTED,  # which no name that ends in a number is looked for
    "client.good.example.bl.test": {"A": ["127.0.0.4"]},
    "nomx.example.bl.test": {"A": _FAILS},
    "mail.good.example.bl.test": {"A": ["127.0.0.3"], "TXT": ['"a $client and a / slash"']},
}
# The hosts file beside it.
HOSTS = """127.0.0.1 localhost # this machine
::1 localhost ip6-localhost
127.0.0.1 Near.example near
::1 near6.example
192.0.2.11\tH1.example alias1.example#comment.example
192.0.2.53 h2.example
 192.0.2.12 h2.example h3.example
2001:db8::12 h6.example
::ffff:192.0.2.12 h7.example
192.0.2.53 hh.servfail.example
#192.0.2.11 hc.example
192.0.2.011 hd.example
192.0.2.11 he.example.
"""
LOCAL, MAILBOX, RELAY = "local.example", "vm.example", "rel.example"
DOMAINS = (
    *(name for name in DNS if not name.endswith(".test")),
    *("absent.example", "sub.delegated.example", "x.servfail.example", "sub.good.example", "a.b.absent.example"),
    *(
        LOCAL,
        MAILBOX,
        RELAY,
        "sub.rel.example",
        "h3.example",
        "hc.example",
        "he.example",
        "[192.0.2.11]",
        "[IPv6:2001:db8::1]",
        "NOMX.example",
    ),
)
BACKUPS = tuple(name for name in DNS if name.startswith(("backup", "primary", "lostmx", "failmx", "allfail", "notus")))
USERS = ("joe", "ann", "ann+ext", "nobody", "Joe", "postmaster", "double-bounce", "reject", "x-y")
NAMES = ("client.good.example", "good.example", "nomx.example", "mail.rel.example", "rel.example", *DOMAINS[:27])
IPV6 = ("2001:db8::9", "2001:db8:0:1::2")
ADDRESSES = (
    *("192.0.2.2", "192.0.2.9", "192.0.2.5", "198.51.100.7", "198.51.100.8", "203.0.113.1", "10.1.2.3"),
    "192.0.2.11",
)
HELOS = (
    *DOMAINS,
    *(
        "mail.good.example",
        "good.example.",
        "good.example..",
        "h3.example.",
        "absent.example.",
        "foo",
        "foo.",
        "-bad.example",
        "a_b.example",
    ),
    *("192.0.2.2", "0.1.2.3", "0.0.0.0", "192.0.2", "192.0.2.300", "1.2.3.4.5", "::1", "2001:db8::9", "12345"),
    *(
        "[192.0.2.2]",
        "[0.1.2.3]",
        "[IPv6:2001:db8::9]",
        "[2001:db8::9]",
        "[192.0.2.2",
        "[]",
        "joe@good.example",
        "a..b",
    ),
)
ACTIONS = (
    *(
        "OK",
        "ok",
        "RELAY",
        "DUNNO",
        "dunno whatever",
        "12345",
        "REJECT",
        "reject go away",
        "REJECT 5.1.1 gone",
        "DEFER",
    ),
    *(
        "defer 4.7.0 later",
        "DEFER_IF_PERMIT",
        "defer_if_permit 4.1.7 maybe",
        "DEFER_IF_REJECT",
        "defer_if_reject 4.3.0 no",
    ),
    *(
        "450 4.1.1 not now",
        "550 2.1.1 odd",
        "550 5.7.99 text",
        "554 text",
        "421 4.3.2 bye",
        "600 text",
        "450",
        "45x text",
    ),
    *(
        "HOLD",
        "hold it",
        "DISCARD",
        "discard it",
        "FILTER smtp:[host]",
        "FILTER nothing",
        "FILTER",
        "REDIRECT a@b.example",
    ),
    *("REDIRECT nobody", "BCC a@b.example", "BCC", "PREPEND X-A: b", "PREPEND nothing", "WARN text", "INFO", "warn"),
    *("permit_mynetworks, reject", "reject_unknown_address", "warn_if_reject reject", "reject_maps_rbl", "strict"),
    *(
        "permit",
        "reject_rbl_client bl.test",
        "check_sender_access hash:x",
        "nonsense",
        "defer_if_permit, defer_if_reject",
    ),
    *("reject_non_fqdn_sender", "check_policy_service", "STRICT", "reject_unauth_destination", "permit_mx_backup"),
)
_ONCE = "reject_unlisted_sender"
_PROBING = ("reject_unverified_sender", "reject_unverified_recipient")  # which the program takes for verified
SIMPLE = sorted({*checks.CHECKS, *dns_checks.CHECKS} - {"reject_unauth_pipelining", *_PROBING})
ZONES = ("bl.test", "bl.test=127.0.0.2", "bl.test=127.0.0.[2..5;9]", "bl.test=[127.0.0.[4;7]]", "absent.test")
ZONES_WRONG = ("bl.test=127.0.0.[2-4]", "bl.test=127.0.0", "bl.test=127.0.0.300", "bl.test=", "servfail.example")
# What is told from other decisions only beside a refusal.
TOGETHER = (
    "permit_mx_backup,reject",
    "permit_dnswl_client,bl.test,reject",
    "permit_rhswl_client,bl.test,reject",
    "permit_dnswl_client,servfail.example,reject_unauth_destination",
    "defer_if_permit,defer_if_reject,reject",
    "defer_if_reject,reject_non_fqdn_helo_hostname",
)
NETWORKS = ("10.0.0.0/8", "192.0.2.0/29,!192.0.2.2,127.0.0.0/8", "fail:nets", "[2001:db8::]/32")
LOOSE = ("permit_mynetworks", "warn_if_reject,reject", "check_helo_access,static:DUNNO")
RBL_REPLIES = ("inline:{{ bl.test = $rbl_code 4.7.9 $rbl_what of $rbl_class }}", "static:{nothing}", "fail:x")
CODES = (
    *("access_map_reject_code", "access_map_defer_code", "reject_code", "defer_code", "invalid_hostname_reject_code"),
    *(
        "unknown_address_reject_code",
        "unknown_client_reject_code",
        "unknown_hostname_reject_code",
        "non_fqdn_reject_code",
    ),
    *("relay_domains_reject_code", "maps_rbl_reject_code", "unknown_local_recipient_reject_code"),
    *("unknown_relay_recipient_reject_code", "unknown_virtual_mailbox_reject_code", "plaintext_reject_code"),
)


# Of smtpd_dns_reply_filter.
FILTERS = {
    "filter0": "/ MX /i ignore\n",
    "filter1": "/ A 192/ ignore\n",
    "filter2": "/ A 127/ oops\n/ NS / ignore\n",
    "filter3": "/^good\\.example\\. 300/ ignore\n/^alias/ oops\n",
}


class Tables:
    """The tables that scripts name: files below @TOP@, and those that stand in the scripts themselves.

    orderly  the lists of the scripts have no mistakes in them
    """

    def __init__(self, random: Random, *, orderly: bool = False) -> None:
        self.random = random
        self.orderly = orderly
        self.files: dict[str, str] = {}
        self.named: list[str] = []
        for number in range(12):
            kind = ("texthash", "texthash", "regexp", "cidr")[number % 4]
            keys = sorted(self.keys(kind))
            self.files[f"{kind}{number}"] = "".join(f"{key} {random.choice(ACTIONS)}\n" for key in keys)
            self.named.append(f"{kind}:@TOP@/{kind}{number}")
        self.files.update(FILTERS)

    def keys(self, kind: str) -> set[str]:
        random = self.random
        if kind == "cidr":
            return {f"{address}/{128 if ':' in address else 32}" for address in random.sample(ADDRESSES, 5)} | {
                "192.0.2.0/28"
            }
        if kind == "regexp":
            return {
                f"/{key}/" for key in ("^joe", "good", r"\.example$", "^192", "<>", "absent")[: random.randint(2, 6)]
            }
        return {self.key() for _ in range(40)}

    def key(self) -> str:
        """A key of a table of fixed strings."""
        random = self.random
        domain, user, address = random.choice(DOMAINS), random.choice(USERS), random.choice((*ADDRESSES, *IPV6))
        part = ".".join(address.split(".")[: random.randint(1, 4)])
        below = domain.partition(".")[2] or domain
        made = (
            address,
            part,
            domain,
            f".{domain}",
            below,
            f".{below}",
            f"{user}@{domain}",
            f"{user}@",
            user,
            "<>",
            "unknown",
        )
        return random.choice(
            (*made, "192.0.2", "192.0.2.53", "192.0.2.11", "127.0.0.1", random.choice(HELOS).replace(" ", ""))
        ).lower()

    def some(self) -> str:
        """A table, as the argument of a restriction: without blanks outside of braces."""
        random = self.random
        chosen = random.random()
        if chosen < 0.30:
            return random.choice(self.named)
        if chosen < 0.36:
            return "fail:broken"
        if chosen < 0.48:
            return f"static:{{{random.choice(ACTIONS)}}}"
        entries = {self.key(): random.choice(ACTIONS) for _ in range(random.randint(1, 6))}
        return "inline:{" + ", ".join(f"{{ {key} = {value} }}" for key, value in entries.items()) + "}"

    def users(self) -> str:
        """A table whose values mean nothing."""
        random = self.random
        if random.random() < 0.1:
            return "fail:users"
        keys = {
            random.choice((random.choice(USERS), f"{random.choice(USERS)}@{random.choice(DOMAINS[-7:-4])}"))
            for _ in range(3)
        }
        return "inline:{" + ", ".join(f"{key}=x" for key in sorted(keys)) + "}"


def _restriction(random: Random, tables: Tables) -> str:
    chosen = random.random()
    if chosen < 0.08:
        return random.choice(TOGETHER)
    if chosen < 0.40:
        return random.choice(SIMPLE)
    if chosen < 0.45 and tables.orderly:
        return random.choice(("strict", "loose"))
    if chosen < 0.45:
        return random.choice(
            ("strict", "Strict", "loose", "nonsense", "sleep", "check_client_access", "reject_rbl_client")
        )
    if chosen < 0.5:
        return tables.some()
    word = random.choice(sorted(ARGUMENTS))
    kind = ARGUMENTS[word].kind
    if kind is ArgumentKind.ZONE:
        return f"{word},{random.choice(ZONES if tables.orderly or random.random() < 0.93 else ZONES_WRONG)}"
    if kind is ArgumentKind.TABLE and word != "check_etrn_access":
        return f"{word},{tables.some()}"
    return "reject_unlisted_recipient"


def _list(random: Random, tables: Tables, stage: str) -> str:
    made: list[str] = []
    for _ in range(random.randint(1, 6)):
        if random.random() < 0.12:
            made.append(random.choice(("warn_if_reject", "WARN_IF_REJECT")))
        made.append(_restriction(random, tables))
    if stage == "sender" and random.random() < 0.15:
        made.insert(random.randint(0, len(made) - 1), _ONCE)  # no other stage has it
    # Elsewhere the original remembers from one recipient to the next that it has looked (docs/departures.md).
    return ",".join("reject_non_fqdn_sender" if word == _ONCE and stage != "sender" else word for word in made)


def _settings(random: Random, tables: Tables) -> Iterator[str]:
    yield f"mydestination {LOCAL},{ME}"
    yield f"virtual_mailbox_domains {MAILBOX}"
    yield f"relay_domains {random.choice((RELAY, f'{RELAY},good.example'))}"  # the program ends if it cannot be asked
    yield "inet_interfaces 127.0.0.1"
    yield f"smtpd_delay_reject {random.randint(0, 1)}"
    yield f"mynetworks {random.choice(NETWORKS)}"
    yield f"maps_rbl_domains {random.choice(('bl.test', 'absent.test,bl.test', 'servfail.example'))}"
    yield "restriction_class strict,reject_non_fqdn_sender,reject_unknown_sender_domain"
    yield f"restriction_class loose,{random.choice(LOOSE)}"
    for name in random.sample(CODES, 3):
        yield f"{name} {random.choice((450, 554, 550, 421, 521, 200, 600))}"
    if random.random() < 0.3:
        yield f"permit_mx_backup_networks {random.choice(('192.0.2.0/24', '192.0.2.11', '10.0.0.0/8', 'fail:backup'))}"
    for name in ("local_recipient_maps", "virtual_mailbox_maps", "relay_recipient_maps"):
        if random.random() < 0.4:
            yield f"{name} {tables.users()}"
    for name in ("sender_canonical_maps", "recipient_canonical_maps", "canonical_maps", "virtual_alias_maps"):
        if random.random() < 0.15:
            yield f"{name} {tables.users()}"
    if random.random() < 0.3:
        yield "recipient_delimiter +"
    if random.random() < 0.3:
        yield "smtpd_reject_unlisted_sender 1"
    if random.random() < 0.2:
        yield "show_user_unknown_table_name 0"
    if random.random() < 0.15:
        yield f"rbl_reply_maps {random.choice(RBL_REPLIES)}"
    if random.random() < 0.1:
        yield f"smtpd_dns_reply_filter regexp:@TOP@/{random.choice(sorted(FILTERS))}"


def _asked(random: Random) -> Iterator[str]:
    """In the order of a protocol: what a new client or HELO leaves of a transaction is the program's own affair."""
    for _ in range(random.randint(1, 3)):
        yield _client(random)
        for _ in range(random.randint(1, 2)):
            yield _helo(random)
            yield _mail(random)
            for _ in range(random.randint(1, 3)):
                yield _rcpt(random)


def _client(random: Random) -> str:
    name = random.choice(("unknown", *NAMES, *NAMES[:3]))
    code = random.choice(("", "", "", " 2", " 4", " 5", " 6"))
    address = random.choice(IPV6 if random.random() < 0.03 else ADDRESSES)
    return f"client {name} {address}{code}"


def _helo(random: Random) -> str:
    return f"helo {random.choice(HELOS)}"


def _mail(random: Random) -> str:
    return random.choice(("mail <>", *(f"mail {random.choice(USERS)}@{random.choice(DOMAINS)}" for _ in range(6))))


def _rcpt(random: Random) -> str:
    if random.random() < 0.15:
        return f"rcpt {random.choice(USERS)}@{random.choice(BACKUPS)}"
    return f"rcpt {random.choice(USERS)}@{random.choice(DOMAINS)}"


_CODE = re.compile(r"(?<=\S) [2456]$")  # what became of a client's name


class Asked(NamedTuple):
    """Scripts, and the files that they name, by their names below @TOP@."""

    scripts: list[list[str]]
    files: dict[str, str]


def at_random(seed: int, lines: int, *, orderly: bool = False) -> Asked:
    """Scripts with ``lines`` or more that are answered by restrictions.

    orderly  those of servers that start: without mistakes in their lists, and closed to relaying
    """
    random = Random(seed)
    tables = Tables(random, orderly=orderly)
    found = []
    while lines > 0:
        asked = list(_asked(random))
        lines -= len(asked)
        stages = [f"{stage}_restrictions {_list(random, tables, stage)}" for stage in STAGES if random.random() < 0.75]
        if orderly:
            stages.append("recipient_restrictions reject_unauth_destination")
            asked = ["smtpd_delay_reject 1", *(_CODE.sub("", line) for line in asked)]
        # A sender is there before the first recipient is, as a protocol has it.
        found.append([*_settings(random, tables), "mail joe@good.example", *stages, *asked])
    return Asked(found, tables.files)


class Counts:
    """How often each form was met."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def add(self, trace: Trace) -> None:
        for _, step in trace.walk():
            word = step.subject.split()[0] if step.subject else ""
            if step.subject == "dns":
                kind = step.detail.rpartition(" ")[2]
                what = step.result if step.result.startswith(("not found", "temporary failure")) else "found"
                self.found[f"dns {kind} {what.partition(':')[0]}"] += 1
            elif ":" in word:
                what = step.result if step.result.startswith(("not found", "temporary failure")) else "found"
                self.found[f"table {word.partition(':')[0]} {what.partition(':')[0]}"] += 1
            elif word == "warn_if_reject":
                self.found[word] += 1
                self.found[step.subject.split()[1].lower()] += 1
            elif word.islower() and not word.startswith("smtpd_"):
                self.found[word] += 1
