"""Sites and sessions at random, for what a Policy says that it distinguishes.

Every table has a name of its own, so that a question tells which parameter put it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from mailconf.model.session import Session, Verified
from mailconf.model.world import Outcome, Records
from mailconf.postfix.policy import checks, dns_checks
from mailconf.tables.restriction_words import ARGUMENTS, ArgumentKind

USERS = ["ann", "bob", "joe+ext", "list-request", "joe", "postmaster", "MAILER-DAEMON", "Eve", "root"]
DOMAINS = ["here.example", "sub.here.example", "rel.example", "a.rel.example", "va.example", "vm.example", "far.test"]
DOMAINS += ["deep.far.test", "none.test", "[192.0.2.1]"]
NAMES = ["mx.here.example", "a.b.far.test", "far.test", "unknown", "host.rel.example"]
CLIENTS = ["127.0.0.1", "192.0.2.1", "192.0.2.77", "198.51.100.9", "10.1.2.3", "2001:db8::1"]
ROUTES = ["ann%far.test@here.example", "far.test!bob@here.example", "ann@far.test@here.example"]
ENDPOINT = "inet:127.0.0.1:9"
LISTS = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")
SIMPLE = sorted({*checks.CHECKS, *dns_checks.CHECKS} - {"permit", "reject", "defer"})
ACTIONS = ["OK", "DUNNO", "REJECT", "450 4.7.1 later", "HOLD", "PREPEND X-A: b", "DEFER_IF_PERMIT", "DISCARD"]
MAPS = {
    "canonical_maps": "address",
    "sender_canonical_maps": "address",
    "recipient_canonical_maps": "address",
    "virtual_alias_maps": "addresses",
    "sender_bcc_maps": "address",
    "recipient_bcc_maps": "address",
    "smtp_generic_maps": "address",
    "relocated_maps": "text",
    "transport_maps": "transport",
    "sender_dependent_default_transport_maps": "transport",
    "sender_dependent_relayhost_maps": "transport",
    "local_recipient_maps": "text",
    "relay_recipient_maps": "text",
    "virtual_mailbox_maps": "mailbox",
    "virtual_uid_maps": "number",
    "virtual_gid_maps": "number",
    "smtpd_sender_login_maps": "login",
    "rbl_reply_maps": "reply",
    "smtpd_reject_footer_maps": "footer",
    "smtpd_discard_ehlo_keyword_address_maps": "keywords",
    "alias_maps": "alias",
    "mailbox_transport_maps": "transport",
    "mailbox_command_maps": "command",
    "fallback_transport_maps": "transport",
}
PATTERN_LISTS = ("relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
HOST_LISTS = (
    "mynetworks",
    "smtpd_authorized_xclient_hosts",
    "smtpd_authorized_xforward_hosts",
    "smtpd_client_event_limit_exceptions",
    "permit_mx_backup_networks",
)
VALUES = {
    "address": ["ann@here.example", "joe@far.test", "@rel.example", "bob"],
    "addresses": ["ann@here.example, bob@far.test", "joe", "list-request@va.example"],
    "text": ["yes"],
    "transport": ["smtp:[192.0.2.9]", "error:no", ":", "local:", "virtual:", "other:x", "DUNNO"],
    "mailbox": ["box/", "box"],
    "number": ["1000"],
    "login": ["joe", "joe ann"],
    "reply": ["554 $rbl_domain says no"],
    "footer": ["see our pages", "\\c - see our pages"],
    "keywords": ["dsn etrn", "chunking"],
    "alias": ["bob", "ann@far.test", "|/bin/true", "/var/mail/x", ":include:@TOP@/members", "joe+ext, \\joe"],
    "command": ["/bin/true"],
}
DNS = {
    ("far.test", "MX"): ("10 mx.far.test", "20 mx.none.test"),
    ("mx.far.test", "A"): ("192.0.2.77",),
    ("far.test", "NS"): ("ns.far.test",),
    ("ns.far.test", "A"): ("198.51.100.9",),
    ("rel.example", "A"): ("192.0.2.1",),
    ("a.rel.example", "MX"): ("10 mail.here.example",),
    ("mail.here.example", "A"): ("127.0.0.1",),
    ("a.b.far.test", "A"): ("10.1.2.3",),
    ("mx.here.example", "AAAA"): ("2001:db8::1",),
    ("1.2.0.192.bl.test", "A"): ("127.0.0.2",),
    ("1.2.0.192.bl.test", "TXT"): ("listed",),
    ("9.100.51.198.wl.test", "A"): ("127.0.0.3",),
    ("far.test.bl.test", "A"): ("127.0.0.2",),
}
FIXTURES = {question: Records(Outcome.FOUND, values) for question, values in DNS.items()}


def addresses(random: Random) -> str:
    if random.random() < 0.05:
        return random.choice(ROUTES)
    return f"{random.choice(USERS)}@{random.choice(DOMAINS)}" if random.random() < 0.9 else random.choice(USERS)


@dataclass
class Site:
    """A folder with main.cf, master.cf and tables; ``values`` are those of each table, and of the policy service."""

    top: Path
    random: Random
    values: dict[str, list[str]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    def build(self) -> None:
        random = self.random
        self.parameters = {
            "compatibility_level": "3.6",
            "myhostname": "mail.here.example",
            "mydomain": "here.example",
            "inet_interfaces": "127.0.0.1",
            "mydestination": self._patterns(),
            "recipient_delimiter": random.choice(["", "+", "-+"]),
            "parent_domain_matches_subdomains": random.choice(["", "relay_domains", "mynetworks smtpd_access_maps"]),
            "smtpd_delay_reject": random.choice(["yes", "no"]),
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_reject_unlisted_sender": random.choice(["yes", "no"]),
            "smtpd_reject_unlisted_recipient": random.choice(["yes", "no"]),
            "smtpd_restriction_classes": "strict, loose",
            "strict": self._restrictions("strict", inner=True),
            "loose": f"{self._restrictions('loose', inner=True)} strict",
            "maps_rbl_domains": "bl.test",
            "smtpd_relay_restrictions": "permit_mynetworks reject_unauth_destination",
            "local_header_rewrite_clients": random.choice(
                ["permit_mynetworks", "permit_inet_interfaces", "permit_sasl_authenticated", self._table("text", "h")]
            ),
            "masquerade_domains": random.choice(["", "here.example !sub.here.example"]),
            "canonical_classes": random.choice(
                ["envelope_sender, header_sender", "envelope_recipient", "header_sender"]
            ),
        }
        for name in PATTERN_LISTS:
            self.parameters[name] = self._patterns()
        for name in HOST_LISTS:
            self.parameters[name] = self._hosts()
        for name, kind in MAPS.items():
            if random.random() < 0.4:
                self.parameters[name] = self._table(kind, name)
            elif name != "local_recipient_maps" or random.random() < 0.5:
                self.parameters[name] = ""
        for stage in LISTS:
            if random.random() < 0.7:
                given = self.parameters.get(f"smtpd_{stage}_restrictions", "")
                self.parameters[f"smtpd_{stage}_restrictions"] = f"{self._restrictions(stage)} {given}"
        (self.top / "members").write_text("ann, joe@far.test\n")
        text = "".join(f"{name} = {value}\n" for name, value in self.parameters.items())
        (self.top / "main.cf").write_text(text)
        (self.top / "master.cf").write_text(
            "smtp inet n - n - - smtpd\nlocal unix - n n - - local\nvirtual unix - n n - - virtual\n"
            "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n"
            f"other unix - - n - - smtp\n  -o smtp_generic_maps={self._table('address', 'other')}\n"
        )

    def values_of(self, table: str) -> list[str]:
        return self.values.get(table, [])

    def _table(self, kind: str, name: str) -> str:
        """A table file with a name of its own."""
        random = self.random
        path = self.top / f"{name}{len(self.values)}"
        values = ACTIONS if kind == "access" else VALUES[kind]
        picked = [random.choice(values).replace("@TOP@", str(self.top)) for _ in range(random.randint(1, 8))]
        if kind == "access" and random.random() < 0.3:
            picked[0] = random.choice([*SIMPLE, "strict", "loose"])
        pattern = random.random() < 0.2
        lines = []
        for value in picked:
            key = self._key(kind)
            lines.append(f"/{key.replace('[', '.').replace('+', '.')}/ {value}" if pattern else f"{key} {value}")
        path.write_text("".join(f"{line}\n" for line in lines))
        table = f"{'regexp' if pattern else 'texthash'}:{path}"
        self.values[table] = picked
        return table

    def _key(self, kind: str) -> str:
        random, domain = self.random, self.random.choice(DOMAINS)
        if kind == "alias" or kind == "command":
            return random.choice(["ann", "joe", "joe+ext", "owner-ann", "postmaster"])
        if kind == "reply":
            return "bl.test"
        keys = [addresses(random).lower(), domain, f".{domain}", f"@{domain}", "ann@", "joe", "*", "<>"]
        return random.choice([*keys, random.choice(CLIENTS), "192.0.2", "10", random.choice(NAMES)])

    def _patterns(self) -> str:
        random = self.random
        words = [random.choice(["", "!"]) + random.choice([d, f".{d}"]) for d in random.sample(DOMAINS[:9], 3)]
        if random.random() < 0.5:
            words.insert(random.randint(0, 3), self._table("text", "list"))
        return " ".join(words)

    def _hosts(self) -> str:
        random = self.random
        words = random.sample(["127.0.0.0/8", "192.0.2.0/26", "!192.0.2.77", "10.1.2.3", "[2001:db8::]/32"], 2)
        words += random.sample(["far.test", ".far.test", "mx.here.example", ".example", "unknown"], 1)
        if random.random() < 0.4:
            words.insert(random.randint(0, 3), self._table("text", "hosts"))
        return " ".join(words)

    def _restrictions(self, name: str, *, inner: bool = False) -> str:
        random = self.random
        words = []
        for _ in range(random.randint(1, 4)):
            kind = random.choice(["simple", "simple", "argument", "argument", "table", "class"])
            if kind == "simple":
                words.append(random.choice([*SIMPLE, "reject_maps_rbl", "reject_maps_rbl"]))
            elif kind == "class" and not inner:
                words.append(random.choice(["strict", "loose"]))
            elif kind == "table" and not inner:
                words.append(self._table("access", name))
            else:
                words.append(self._argument(name))
        return " ".join(words)

    def _argument(self, name: str) -> str:
        random = self.random
        word = random.choice([*sorted(ARGUMENTS), "check_policy_service", "check_policy_service"])
        kind = ARGUMENTS[word].kind
        if kind is ArgumentKind.TABLE:
            return f"{word} {self._table('access', name)}"
        if kind is ArgumentKind.ZONE:
            return f"{word} {random.choice(['bl.test', 'bl.test=127.0.0.[2..4]', 'wl.test'])}"
        if kind is ArgumentKind.SERVICE:
            self.values[ENDPOINT] = ["DUNNO"]
            return f"{word} {ENDPOINT}"
        return f"{word} 0"


def session(random: Random) -> Session:
    name = random.choice(NAMES)
    reverse = random.choice([name, random.choice(NAMES)])
    verified = [Verified.unknown() if text == "unknown" else Verified.found(text) for text in (name, reverse)]
    return Session(
        client_address=random.choice(CLIENTS),
        client_name=verified[0],
        reverse_name=verified[1],
        sender=random.choice(["", addresses(random), addresses(random), addresses(random)]),
        sasl_username=random.choice(["", "joe"]),
    )


def helo(random: Random) -> str:
    return random.choice([*NAMES, "[192.0.2.1]", "a..b", "far.test."])
