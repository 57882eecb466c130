"""What is put to Postfix and to ours: configurations, tables, DNS, and SMTP sessions.

``@TOP@`` stands for the folder of the tables, ``@POLICY@`` for the port of a policy service. Each session begins as
another client, by XCLIENT. A command "." stands for a message: it is sent when DATA was answered 354.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[2] / "examples/postfix/etc/postfix"
EXAMPLE_NAME = "examples/postfix"
EXAMPLE_TABLES = (
    "client_access",
    "sender_access",
    "recipient_access",
    "virtual",
    "vmailbox",
    "relay_recipients",
    "generic",
)

BASE = {
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "myorigin": "example.com",
    "mynetworks": "127.0.0.0/8, 192.0.2.0/24",
    "mydestination": "example.com, localhost",
    "relay_domains": "rel.example",
    "inet_interfaces": "loopback-only",
    "recipient_delimiter": "+",
    "local_recipient_maps": "inline:{alice=x, bob=x}",
    "relay_recipient_maps": "inline:{x@rel.example=x}",
    "virtual_alias_domains": "va.example",
    "virtual_alias_maps": "inline:{info@va.example=alice, extra@example.com=bob}",
    "virtual_mailbox_domains": "vm.example",
    "virtual_mailbox_maps": "inline:{box@vm.example=box/}",
}

DNS: dict[str, dict[str, list[str]]] = {
    "good.example": {"MX": ["10 mx.good.example."], "A": ["192.0.2.10"], "NS": ["ns.good.example."]},
    "mx.good.example": {"A": ["192.0.2.11"]},
    "ns.good.example": {"A": ["192.0.2.12"]},
    "aonly.example": {"A": ["192.0.2.20"]},
    "nullmx.example": {"MX": ["0 ."]},
    "nothing.example": {"TXT": ['"x"']},
    "badmx.example": {"MX": ["10 missing.badmx.example."]},
    "ours.example": {"MX": ["5 mx.good.example.", "10 mail.example.com."]},
    "mail.example.com": {"A": ["127.0.0.1"]},
    "9.100.51.198.rbl.example": {"A": ["127.0.0.2"], "TXT": ['"listed, see http://rbl.example/9"']},
    "10.100.51.198.rbl.example": {"A": ["127.0.0.5"]},
    "spam.example.rhsbl.example": {"A": ["127.0.0.2"]},
    "9.100.51.198.wl.example": {"A": ["127.0.3.1"]},
    "client.good.example": {"A": ["198.51.100.9"]},
}


@dataclass
class Scenario:
    """One configuration and what is said to it: BASE with ``parameters``, or the example's main.cf."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)
    sessions: list[list[str]] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    example: bool = False
    answers: dict[str, str] = field(default_factory=dict)  # sender -> what the policy service at @POLICY@ sends

    def all_parameters(self) -> dict[str, str]:
        return self.parameters if self.example else {**BASE, **self.parameters}

    def main_cf(self) -> str:
        """A parameter a line; of an example, its main.cf without comments."""
        if self.example:
            lines = (EXAMPLE / "main.cf").read_text().splitlines(keepends=True)
            return "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
        return "".join(f"{name} = {value}\n" for name, value in self.all_parameters().items())

    @classmethod
    def recorded(cls, case: Mapping[str, Any]) -> Scenario:
        """The scenario of a recorded case."""
        example = case["name"] == EXAMPLE_NAME
        lines = [] if example else case["main.cf"].split("\n")[:-1]
        parameters = {name: value for name, _, value in (line.partition(" = ") for line in lines)}
        return cls(case["name"], parameters, case["sessions"], case["tables"], example, case["service"])


def client(number: int | str, name: str = "[UNAVAILABLE]", reverse: str = "") -> str:
    address = f"198.51.100.{number}" if isinstance(number, int) else number
    return f"XCLIENT ADDR={address} NAME={name} REVERSE_NAME={reverse or name}"


def mail(
    *recipients: str,
    sender: str = "sender@from.example",
    helo: str = "EHLO client.example",
    who: str = "",
    end: bool = False,
) -> list[str]:
    """A session up to its recipients, or to the end of a message."""
    commands = [who or client(9), helo, f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{r}>" for r in recipients)]
    return [*commands, "DATA", "."] if end else commands


RECIPIENTS = [
    "alice@example.com", "alice+q@example.com", "ALICE@Example.COM", "alice", "postmaster", "Postmaster", "carol",
    "postmaster@example.com", "MAILER-DAEMON@example.com", "double-bounce@example.com", "abuse@localhost", "x@y.z",
    "c%d@example.com", "a!alice", "a!b@rel.example", '"al ice"@example.com', "al@[1.2.3.4]", "alice@[127.0.0.1]",
    "postmaster@[127.0.0.1]", "a@b@c", '"a@b"@c', '"a@b.c"@example.com', '"a@b"@rel.example', "x@rel.example",
    "y@rel.example", "x@sub.rel.example", "x%y@rel.example", "box@vm.example", "y@vm.example", "info@va.example",
    "info+x@va.example", "y@va.example", "extra@example.com", "extra", "@b.c", "@example.com", "@rel.example", "a@",
    "a@-b.c", "a@b..c", "a@1.2.3.4", "a@b.c.", "a@.", "", "@one,@two:bob@example.com", "bob@unqualified", "a@[1.2.3]",
    "a@[IPv6:::1]", "alice@example.com.", "postmaster@rel.example", "root@[192.0.2.1]", "alice@localhost",
    "very.long." + "x" * 70 + "@example.com",
]  # fmt: skip

BAD_SYNTAX = ("<>", "<a@>", "<a@-b.c>", "<a@b..c>", "<a@1.2.3.4>", "<a@.>", "<a@[1.2.3]>")  # the protocol answers these

ACTIONS = [
    "OK", "123", "REJECT", "REJECT with text", "reject lower", "DEFER", "DEFER later", "DEFER_IF_REJECT hmm",
    "DEFER_IF_PERMIT", "DEFER_IF_PERMIT hmm", "DISCARD", "DISCARD bye", "DUNNO", "DUNNO text", "FILTER smtp:[x]:25",
    "FILTER bad", "FILTER", "HOLD", "HOLD why", "PREPEND X-A: b", "PREPEND bad", "REDIRECT a@b.c", "REDIRECT",
    "BCC a@b.c", "WARN text", "WARN", "INFO text", "450 wait", "550 no", "550 5.1.1 nouser", "550 5.1.2 x",
    "550 5.1.3 x", "550 5.1.4 x", "550 5.1.5 x", "550 5.1.6 x", "550 5.1.7 x", "550 5.1.8 x", "550 5.2.1 x",
    "450 4.1.7 x", "450 5.7.1 mixed", "550 4.7.1 mixed", "550", "399 x", "600 x", "421 bye", "521 bye",
    "521 5.3.2 bye", "reject_unauth_destination, reject", "permit", "defer", "nonsense",
    "check_sender_access static:OK", "static:REJECT", "myclass", "OK text", "55 x", "5500 x", "550x", "554 5.7.1",
    "REJECT 5.1.1 nouser", "DEFER 4.2.2 full", "warn_if_reject reject", "reject_plaintext_session",
    "REJECT  two  spaces ", "{reject}", "REJECT $sender ${recipient} %s", "2.0.0 x", "defer_if_permit text",
    "sleep 0", "sleep", "reject_non_fqdn_sender reject_unlisted_recipient", "DEFER_IF_REJECT x, reject",
    "permit_mynetworks reject", "loopclass",
]  # fmt: skip

HELOS = [
    "foo", "foo_bar.x", "-a.b", "a..b", "1.2.3.4", "[1.2.3.4]", "[1.2.3]", "a b", "[IPv6:::1]", "foo.bar.",
    "x" * 70 + ".y", "foo.bar", "#", "[x]", ".", "a.", "127.0.0.1.", "999.1.1.1", "[IPv6:zz]",
]  # fmt: skip

STAGES = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")

# A class a restriction; the HELO name chooses which.
RESTRICTIONS = [
    "reject_unknown_sender_domain", "reject_unknown_recipient_domain", "reject_unknown_helo_hostname",
    "reject_unknown_client_hostname", "reject_unknown_reverse_client_hostname", "reject_rbl_client rbl.example",
    "reject_rbl_client rbl.example=127.0.0.[3..9]", "reject_rbl_client rbl.example=127.0.0.2",
    "reject_rhsbl_sender rhsbl.example", "reject_rhsbl_recipient rhsbl.example", "reject_rhsbl_client rhsbl.example",
    "reject_rhsbl_helo rhsbl.example", "permit_dnswl_client wl.example, reject",
    "check_client_a_access static:REJECT", "check_sender_mx_access static:REJECT",
    "check_sender_ns_access static:REJECT", "check_sender_a_access static:REJECT",
    "check_recipient_mx_access static:REJECT", "check_sender_mx_access inline:{{192.0.2=REJECT net}}",
    "check_sender_mx_access inline:{{good.example=REJECT parent}}", "check_helo_a_access static:REJECT",
    "check_helo_mx_access static:REJECT", "check_reverse_client_hostname_access inline:{{good.example=REJECT}}",
    "check_reverse_client_hostname_access static:REJECT", "permit_mx_backup, reject", "reject_unauth_pipelining",
    "reject_multi_recipient_bounce", "permit_inet_interfaces", "permit_tls_clientcerts", "check_relay_domains",
    "permit_naked_ip_address", "reject_unknown_client", "permit_auth_destination, reject",
    "reject_rbl_client rbl.servfail.example", "permit_rhswl_client wl.example", "reject_rbl_client",
    "Reject_RBL_Client rbl.example", "reject_non_fqdn_hostname", "reject_invalid_hostname", "reject_unknown_hostname",
    "check_client_access static:{550 5.1.1 x}", "check_recipient_access static:{550 5.1.7 x}",
    "check_recipient_access static:{550 5.1.8 x}", "check_recipient_access static:{550 5.1.4 x}",
    "check_helo_access static:{550 5.1.2 x}", "reject_non_fqdn_sender", "reject_non_fqdn_recipient",
    "reject_unlisted_sender", "reject_unlisted_recipient", "defer_if_permit", "defer_if_reject, reject",
    "defer_if_reject, reject_unlisted_recipient", "warn_if_reject reject", "warn_if_reject defer_if_permit",
    "warn_if_reject reject, reject_non_fqdn_sender", "defer", "reject", "permit", "check_sender_access fail:x",
    "check_client_access fail:x", "check_recipient_access static:{OK}", "static:{REJECT bare}",
    "check_client_access inline:{{198.51=REJECT net}}", "check_client_access inline:{{example=REJECT tld}}",
    "check_client_access inline:{{.example=REJECT dot}}", "check_client_access cidr:{{198.51.100.0/24 REJECT cidr}}",
    "check_client_access regexp:{{/^198/ REJECT re}}", "check_sender_access inline:{{<>=REJECT null}}",
    "check_sender_access inline:{{good.example=REJECT dom}}", "check_sender_access inline:{{s@=REJECT user}}",
    "check_sender_access inline:{{example=REJECT tld}}", "check_sender_access regexp:{{/^s@/ REJECT re}}",
    "check_helo_access inline:{{example=REJECT}}", "check_recipient_access inline:{{alice@example.com=REJECT bare}}",
    "check_recipient_access inline:{{alice+ext@=REJECT ext}}", "check_recipient_access inline:{{alice@=REJECT user}}",
    "check_recipient_access inline:{{example.com=REJECT dom}}", "permit_mynetworks, reject",
    "permit_sasl_authenticated, reject", "reject_maps_rbl", "check_recipient_maps", "reject_sender_login_mismatch",
    "sleep 0, reject", "defer_unauth_destination", "reject_unauth_destination", "check_foo_access static:x",
    "check_client_access", "no_such_thing",
]  # fmt: skip

CLIENTS = [
    client(9, "client.good.example"),
    client(10, "[UNAVAILABLE]", "rev.example"),
    client(11, "[TEMPUNAVAIL]"),
    client(12),
]
SENDERS = [
    "s@good.example", "s@aonly.example", "s@nullmx.example", "s@nothing.example", "s@badmx.example",
    "s@missing.example", "s@x.servfail.example", "s@[192.0.2.1]", "s@example.com", "", "s", "s@spam.example",
    "alice+x@example.com", "y@va.example",
]  # fmt: skip


def scenarios() -> list[Scenario]:
    return [*_basics(), *_access(), *_restrictions(), *_smtp(), *_undelayed(), *_data(), *_example()]


def _basics() -> list[Scenario]:
    everything = [mail(r) for r in RECIPIENTS] + [mail(r, who=client("192.0.2.7")) for r in RECIPIENTS]
    made = [
        Scenario("recipients", {}, everything),
        Scenario(
            "recipients, soft bounce, no table names",
            {"soft_bounce": "yes", "show_user_unknown_table_name": "no"},
            [s for s in everything if not s[-1].endswith(BAD_SYNTAX)],
        ),
        Scenario("recipients, not checked", {"smtpd_reject_unlisted_recipient": "no"}, everything),
        Scenario(
            "recipients, other codes and rewriting",
            {
                "append_dot_mydomain": "yes",
                "swap_bangpath": "no",
                "allow_percent_hack": "no",
                "allow_untrusted_routing": "yes",
                "unknown_local_recipient_reject_code": "450",
                "unknown_virtual_alias_reject_code": "451",
                "unknown_virtual_mailbox_reject_code": "553",
                "unknown_relay_recipient_reject_code": "554",
                "relay_domains_reject_code": "550",
                "local_transport": "error:5.1.2 no local mail",
                "relocated_maps": "inline:{{y@vm.example=new@elsewhere.example}, {y@rel.example=there}}",
                "canonical_maps": "inline:{carol=alice}",
            },
            everything,
        ),
        Scenario(
            "failing tables",
            {"virtual_mailbox_maps": "fail:x", "relay_recipient_maps": "fail:x", "local_recipient_maps": "fail:x"},
            [mail(r) for r in RECIPIENTS],
        ),
        Scenario(
            "defer_if_reject ends with what?",
            {
                "smtpd_sender_restrictions": "check_sender_access static:{DEFER_IF_REJECT sender}",
                "smtpd_relay_restrictions": (
                    "check_sender_access static:{DEFER_IF_REJECT relay}, permit_mynetworks, reject_unauth_destination"
                ),
                "smtpd_recipient_restrictions": (
                    "check_recipient_access inline:{{bob@example.com=REJECT}, {alice@example.com=warn_if_reject}}"
                ),
                "smtpd_reject_unlisted_sender": "yes",
            },
            [
                mail("alice@example.com", "bob@example.com", "carol@example.com", "x@y.z", sender=s)
                for s in ("", "y@example.com")
            ],
        ),
        Scenario("failing domains", {"relay_domains": "fail:x"}, [mail(r) for r in RECIPIENTS]),
        Scenario(
            "unlisted senders",
            {"smtpd_reject_unlisted_sender": "yes"},
            [
                mail("alice@example.com", sender=s)
                for s in (*SENDERS, "y@example.com", "y@rel.example", "y@vm.example", "postmaster", "a@-b")
            ],
        ),
    ]
    for stage in STAGES[:5]:
        for word in ("reject", "defer", "check_client_access static:REJECT", "nonsense", "permit"):
            # Without a word that refuses, smtpd does not start.
            guard = ", permit_auth_destination, reject" if stage == "relay" and word not in ("reject", "defer") else ""
            if word == "permit" and guard:
                continue
            value = word + guard
            made.append(
                Scenario(
                    f"{stage}: {word}",
                    {f"smtpd_{stage}_restrictions": value},
                    [mail("alice@example.com", "x@y.z", "postmaster")],
                )
            )
    made.append(
        Scenario(
            "recipient before relay",
            {
                "smtpd_relay_before_recipient_restrictions": "no",
                "smtpd_recipient_restrictions": "check_recipient_access static:{REJECT first}",
            },
            [mail("alice@example.com", "x@y.z")],
        )
    )
    made.append(
        Scenario(
            "a permission ends its list only",
            {
                "smtpd_client_restrictions": "permit",
                "smtpd_helo_restrictions": "permit",
                "smtpd_sender_restrictions": "check_sender_access static:OK",
                "smtpd_relay_restrictions": (
                    "permit_mynetworks, check_recipient_access inline:{open.example=OK}, reject_unauth_destination"
                ),
                "smtpd_recipient_restrictions": "check_recipient_access static:OK, reject",
            },
            [mail("alice@example.com", "carol@example.com", "x@open.example", "x@y.z")],
        )
    )
    return made


def _access() -> list[Scenario]:
    rows = "".join(f"s{n}@from.example {action}\n" for n, action in enumerate(ACTIONS))
    helos = "".join(f"h{n} {action}\n" for n, action in enumerate(ACTIONS))
    classes = {
        "smtpd_restriction_classes": "myclass, loopclass",
        "myclass": "reject_non_fqdn_sender, reject",
        "loopclass": "reject_non_fqdn_sender, reject_unlisted_recipient",
    }
    numbers = range(len(ACTIONS))
    recipients = ("alice@example.com", "nobody@example.com", "z@z.z")
    return [
        Scenario(
            "access actions by sender",
            {**classes, "smtpd_sender_restrictions": "check_sender_access texthash:@TOP@/rows"},
            [mail(*recipients, sender=f"s{n}@from.example") for n in numbers],
            {"rows": rows},
        ),
        Scenario(
            "access actions by HELO, for recipients",
            {**classes, "smtpd_recipient_restrictions": "check_helo_access texthash:@TOP@/rows"},
            [mail(*recipients, helo=f"EHLO h{n}") for n in numbers],
            {"rows": helos},
        ),
        Scenario(
            "access codes",
            {
                "access_map_reject_code": "571",
                "access_map_defer_code": "471",
                "reject_code": "553",
                "defer_code": "453",
                "soft_bounce": "yes",
                "smtpd_sender_restrictions": "check_sender_access texthash:@TOP@/rows",
                **classes,
            },
            [mail(*recipients, sender=f"s{n}@from.example") for n in numbers],
            {"rows": rows},
        ),
        Scenario(
            "subdomains by dot",
            {
                "parent_domain_matches_subdomains": "",
                "smtpd_client_restrictions": (
                    "check_client_access inline:{{.good.example=REJECT dot}, {example=REJECT no}}"
                ),
                "smtpd_sender_restrictions": (
                    "check_sender_access inline:{{.dot.example=REJECT dot}, {plain.example=REJECT plain}}"
                ),
                "smtpd_null_access_lookup_key": "nobody@null",
                "smtpd_recipient_restrictions": "check_sender_access inline:{{nobody@null=REJECT null}}",
                "relay_domains": ".rel.example, plain.example",
            },
            [
                mail(
                    "alice@example.com", "x@rel.example", "x@sub.rel.example", "x@sub.plain.example", sender=s, who=who
                )
                for s in ("", "a@x.dot.example", "a@dot.example", "a@plain.example", "a@x.plain.example")
                for who in (client(9, "a.good.example"), client(9, "x.example"))
            ],
        ),
    ]


def _restrictions() -> list[Scenario]:
    names = [f"c{n}" for n in range(len(RESTRICTIONS))]
    parameters = {
        "smtpd_restriction_classes": ", ".join(names),
        "smtpd_recipient_restrictions": "check_helo_access texthash:@TOP@/classes",
        "smtpd_relay_restrictions": "check_recipient_access static:OK, reject",
        "relay_recipient_maps": "",
        **dict(zip(names, RESTRICTIONS, strict=True)),
    }
    classes = "".join(f"{name} {name}\n" for name in names)
    sessions = []
    for name in names:
        helo = f"EHLO {name}"
        sessions += [mail("alice@example.com", helo=helo, who=who, sender="s@good.example") for who in CLIENTS]
        sessions += [mail("alice+ext@example.com", "alice@example.com", helo=helo, sender=s) for s in SENDERS]
        domains = ("good", "nullmx", "missing", "x.servfail", "ours", "aonly", "spam")
        sessions.append(mail(*(f"r@{d}.example" for d in domains), "r@[192.0.2.1]", "r@rel.example", "r", helo=helo))
    helos = [
        mail("alice@example.com", helo=f"EHLO {h}")
        for h in (*HELOS, "good.example", "aonly.example", "missing.example", "x.servfail.example")
    ]
    made = [Scenario("restrictions", parameters, sessions, {"classes": classes})]
    words = ("reject_invalid_helo_hostname", "reject_non_fqdn_helo_hostname", "reject_unknown_helo_hostname")
    made += [Scenario(f"HELO: {word}", {"smtpd_helo_restrictions": word}, helos) for word in words]
    made.append(
        Scenario(
            "block list replies",
            {
                "rbl_reply_maps": (
                    "inline:{{rbl.example=$$rbl_code 5.7.9 $$rbl_class $$rbl_what by "
                    "$$client and $$helo_name from $$sender_domain}}"
                ),
                "maps_rbl_reject_code": "550",
                "smtpd_client_restrictions": "reject_rbl_client rbl.example",
                "smtpd_sender_restrictions": "reject_rhsbl_sender rhsbl.example",
                "default_rbl_reply": "$rbl_code $rbl_class ${rbl_reason?{why: $rbl_reason}:{no reason}}",
            },
            [mail("alice@example.com", sender=s, who=client(n)) for n in (9, 10, 13) for s in ("", "s@spam.example")],
        )
    )
    return made


def _smtp() -> list[Scenario]:
    verbs = [
        "VRFY alice",
        "VRFY alice@example.com",
        "VRFY <bob@example.com>",
        "VRFY nobody",
        "VRFY x@y.z",
        "VRFY bad@-x",
    ]
    return [
        Scenario(
            "HELO required, size, VRFY",
            {"smtpd_helo_required": "yes", "message_size_limit": "1000"},
            [
                [
                    client(9),
                    "MAIL FROM:<a@b.c>",
                    "HELO x",
                    "MAIL FROM:<a@b.c> SIZE=2000",
                    "MAIL FROM:<a@b.c> SIZE=1000",
                    "RCPT TO:<alice>",
                ],
                [client(9), *verbs, "EHLO y", *verbs],
                [client("127.0.0.1"), "EHLO y", *verbs, "HELO z"],
            ],
        ),
        Scenario(
            "EHLO keywords",
            {
                "disable_vrfy_command": "yes",
                "message_size_limit": "0",
                "smtpd_banner": "$myhostname ESMTP $mail_name hi",
                "smtpd_discard_ehlo_keywords": "dsn, PIPELINING,silent-discard",
                "smtputf8_enable": "no",
                "smtpd_discard_ehlo_keyword_address_maps": "inline:{{198.51.100.9=8bitmime etrn size}}",
            },
            [[client(9), "EHLO x", "VRFY alice", "MAIL FROM:<a@b.c> SIZE=99999999"], [client(8), "EHLO x"]],
        ),
        Scenario(
            "EHLO keywords cannot be told",
            {"smtpd_discard_ehlo_keyword_address_maps": "fail:x"},
            [[client(9), "EHLO x"], [client(9), "HELO x", "MAIL FROM:<a@b.c>"]],
        ),
        Scenario(
            "footer on the same line",
            {
                "smtpd_reject_footer": (
                    "\\c; contact us from $client_address at $server_name about $recipient$sender$helo_name"
                )
            },
            [mail("alice@example.com", "x@y.z")],
        ),
        Scenario("footer", {"smtpd_reject_footer": "For help\\nline two"}, [mail("alice@example.com", "x@y.z")]),
        Scenario(
            "footer by table",
            {"smtpd_reject_footer": "general", "smtpd_reject_footer_maps": "regexp:{{/Relay/ special $client_name}}"},
            [mail("carol@example.com", "x@y.z")],
        ),
    ]


def _undelayed() -> list[Scenario]:
    rows = {8: "REJECT", 7: "521 bye", 6: "421 later", 5: "DISCARD", 9: "DEFER_IF_PERMIT c"}
    clients = ", ".join(f"{{198.51.100.{n}={action}}}" for n, action in rows.items())
    again = ["RSET", "EHLO ok", "MAIL FROM:<q@b.c>", "RCPT TO:<alice>"]
    return [
        Scenario(
            "smtpd_delay_reject = no",
            {
                "smtpd_delay_reject": "no",
                "smtpd_client_restrictions": f"check_client_access inline:{{{clients}}}",
                "smtpd_helo_restrictions": (
                    "check_helo_access inline:{{bad=REJECT}, {def=DEFER_IF_PERMIT}, {disc=DISCARD}}"
                ),
                "smtpd_sender_restrictions": (
                    "check_sender_access inline:{{bad@b.c=REJECT}, {disc@b.c=DISCARD}, "
                    "{hold@b.c=HOLD}, "
                    "{def@b.c=DEFER_IF_PERMIT}}"
                ),
            },
            [
                *(mail("alice@example.com", "x@y.z", who=client(n)) for n in (5, 6, 7, 9, 20)),
                mail(who=client(8)),
                *(
                    [*mail("alice@example.com", "x@y.z", helo=f"EHLO {h}", who=client(20)), *again]
                    for h in ("bad", "def", "disc")
                ),
                *(
                    [*mail("alice@example.com", "x@y.z", sender=f"{s}@b.c", who=client(20)), *again]
                    for s in ("bad", "disc", "hold", "def")
                ),
            ],
        )
    ]


def _data() -> list[Scenario]:
    return [
        Scenario(
            "DATA and the end of the message",
            {
                "smtpd_data_restrictions": "check_client_access inline:{{198.51.100.7=REJECT}}, "
                "check_recipient_access inline:{{alice@example.com=REJECT data}}, "
                "check_sender_access "
                "inline:{{e@b.c=reject},{f@b.c=defer_if_permit},{m@b.c=reject_multi_recipient_bounce}}, "
                "reject_unauth_pipelining",
                "smtpd_end_of_data_restrictions": (
                    "check_sender_access inline:{{eod@b.c=reject_plaintext_session}, "
                    "{rej@b.c=REJECT},"
                    "{hold@b.c=HOLD}}, check_helo_access inline:{{eodreject=permit_mynetworks,reject}}"
                ),
            },
            [
                mail("bob@example.com", who=client(7), end=True),
                mail("alice@example.com", end=True),
                mail("alice@example.com", "bob@example.com", end=True),
                *(
                    mail("bob@example.com", sender=f"{s}@b.c", end=True)
                    for s in ("e", "f", "m", "eod", "rej", "hold", "ok")
                ),
                mail("alice@localhost", "bob", sender="rej@b.c", end=True),
                mail("bob", helo="EHLO eodreject", end=True),
            ],
        ),
        Scenario(
            "DATA: reject",
            {"smtpd_data_restrictions": "reject"},
            [mail("bob", sender="", end=True), mail("bob", "alice", end=True)],
        ),
        Scenario(
            "end: reject",
            {"smtpd_end_of_data_restrictions": "reject"},
            [mail("bob", end=True), mail("bob", "alice", end=True)],
        ),
        Scenario(
            "bounces to several",
            {"smtpd_data_restrictions": "reject_multi_recipient_bounce"},
            [
                mail("bob", "alice", sender="", end=True),
                mail("bob", sender="", end=True),
                mail("bob", "alice", end=True),
            ],
        ),
    ]


def _example() -> list[Scenario]:
    senders = (
        "x@spammer.example",
        "boss@spammer.example",
        "noise@any.example",
        "a@sub.spammer.example",
        "ok@from.example",
        "",
        "unqualified",
    )
    recipients = (
        "info@example.org", "nosuch@example.org", "oldhand@example.com", "team@example.com", "postmaster@example.com",
        "hosted@example.net", "other@example.net", "x@partner.example", "x@sub.partner.example",
        "x@elsewhere.example", "webmaster@example.com", "nobody@example.com", "nosuch@example.com", "bare",
    )  # fmt: skip
    clients = (client(9), client("203.0.113.7"), client("192.0.2.5"), client("203.0.113.8", "a.bulk.example"))
    return [
        Scenario(
            "examples/postfix",
            {},
            [mail(*recipients, sender=s, who=who) for s in senders for who in clients]
            + [mail("info@example.org", helo="EHLO a..b")],
            {
                path.name: path.read_text()
                for path in (*(EXAMPLE / name for name in EXAMPLE_TABLES), EXAMPLE / "../aliases")
            },
            example=True,
        )
    ]
